"""CO-03: the report of a complaint as a file that the desk attaches to its reply."""

import hashlib
import io
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import pypdf
import pytest

from fieldops.complaints import report, rules
from fieldops.customers.models import Export
from fieldops.kernel import clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from tests.support.clients import bearer
from tests.support.factories.complaints import complain, step
from tests.support.factories.visits import assigned_visit
from tests.support.rows import every
from tests.support.run import run
from tests.support.world import World, id_of

pytestmark = pytest.mark.anyio

REPORT = "The pair in box 7 was wet.\nIt was changed on Monday; *the box* is tight again."
INSIDE = ("Grumpy caller", "Blame the firm", "Pay him off", "Alice", "Dora")


def path_of(complaint_id: UUID) -> str:
    return f"/v1/complaints/{complaint_id}/report.pdf"


async def read(
    client: httpx.AsyncClient, settings: Settings, who: Actor, id_: UUID, **query: str
) -> httpx.Response:
    return await client.get(path_of(id_), params=query, headers=bearer(settings, who))


def words(pdf: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


async def answered(database: Database, world: World, at: datetime) -> UUID:
    """Return a complaint that another department answered with a report, decided, replied to."""
    made = await assigned_visit(database, world)
    id_ = await complain(
        database, world.ann, made.customer.id, order_id=str(made.id), wants_report=True,
        topic="workmanship", words="The line is dead again.",
    )  # fmt: skip
    await step(database, world.ann, id_, "contact", channel="phone", reached=True,
               words="Grumpy caller")  # fmt: skip
    await step(database, world.ann, id_, "transfer", department="field", words="Pay him off")
    await step(database, world.dora, id_, "accept")
    with clock.frozen(at + timedelta(hours=3)):
        await step(database, world.dora, id_, "answer", answer="Blame the firm", report=REPORT)
    await step(database, world.sam, id_, "decide", justified=True, words="Blame the firm",
               technician_id=str(id_of("alice")))  # fmt: skip
    return id_


async def test_co_03_the_report_is_a_pdf_in_both_languages_with_nothing_said_among_colleagues(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings, at: datetime
) -> None:
    id_ = await answered(database, world, at)
    early = words((await read(client, settings, world.ann, id_)).content)
    assert "Answered not yet" in early  # so it can go out with the reply
    with clock.frozen(at + timedelta(hours=4)):
        await step(database, world.ann, id_, "reply", reply="We are sorry.", channel="letter")
    found = await read(client, settings, world.ann, id_)
    assert found.status_code == 200, found.text
    assert found.headers["content-type"] == "application/pdf"
    assert found.headers["cache-control"] == "no-store"
    english = words(found.content)
    for part in (
        "Report on your complaint", str(id_), "workmanship", "The line is dead again.",
        "Received November 23, 2026 08:00 (by telephone)",
        "We spoke to you November 23, 2026 08:00",
        "Examined November 23, 2026 11:00", "Answered November 23, 2026 12:00",
        "The complaint was justified.", "The pair in box 7 was wet.", "*the box* is tight again.",
        "We are sorry.", "not over yet",
    ):  # fmt: skip
        assert part in english, (part, english)
    answer = await read(client, settings, world.ann, id_, language="zh_CN")
    chinese = words(answer.content)
    close = chinese.replace(" ", "")  # the paper sets digits a little apart from characters
    for part in (
        "投诉处理报告", "施工质量", "受理时间2026年11月23日08:00(电话)",
        "核查完成时间2026年11月23日11:00", "投诉属实", "Thepairinbox7waswet.",
    ):  # fmt: skip
        assert part in close, (part, close)
    for inside in INSIDE:
        assert inside not in english + chinese


async def test_co_03_cu_04_each_file_is_registered_and_a_neighbour_gets_none(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings, at: datetime
) -> None:
    id_ = await answered(database, world, at)
    for who, status in ((world.dan, 404), (world.alice, 403)):
        assert (await read(client, settings, who, id_)).status_code == status
    assert await every(database, Export) == []
    found = await read(client, settings, world.ann, id_)
    [entry] = await every(database, Export)
    assert (entry.reader_id, entry.operation, entry.format, entry.rows) == (
        world.ann.id, "complaint_report", "pdf", 1,
    )  # fmt: skip
    assert entry.sha256 == hashlib.sha256(found.content).hexdigest()
    complaint = (
        await client.get(f"/v1/complaints/{id_}", headers=bearer(settings, world.ann))
    ).json()
    assert [str(one) for one in entry.customer_ids] == [complaint["customer_id"]]


async def test_co_03_without_a_written_report_there_is_no_file_nor_after_an_erasure(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings, at: datetime
) -> None:
    made = await assigned_visit(database, world)
    said = []
    for topic, wanted in (("billing", False), ("privacy", True)):
        id_ = await complain(database, world.ann, made.customer.id, topic=topic,
                             order_id=str(made.id), wants_report=wanted)  # fmt: skip
        said.append((await read(client, settings, world.ann, id_)).json())
    await step(database, world.ann, id_, "answer", answer="mended", report=REPORT)
    assert (await read(client, settings, world.ann, id_)).status_code == 200
    await run(database, world.ada, "customer.erase", customer_id=str(made.customer.id),
              ground="customer_request")  # fmt: skip
    said.append((await read(client, settings, world.ann, id_)).json())
    assert {(one["status"], one["code"]) for one in said} == {(409, "report_not_written")}
    assert len({one["detail"] for one in said}) == 3
    [entry] = await every(database, Export)
    assert "complained" not in entry.reason  # the register keeps the entry without words


def test_co_03_the_paper_has_every_matter_and_channel_in_both_languages() -> None:
    english, chinese = report.texts("en"), report.texts("zh_CN")
    assert english.keys() == chinese.keys()
    for t in (english, chinese):
        assert set(t["topics"]) == set(rules.Topic)
        assert set(t["channels"]) == set(rules.Channel)
