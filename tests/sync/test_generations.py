"""Catalogues travel with their generations; a started list keeps its own (SYNC 3, CH-01).

The generation of a template is its `number`, of any other catalogue row its `version`; both
are part of the row. The generation of all of them together is the catalogues' change counter: it
is part of the key of a pull, and each whole answer says of which one the phone's rows are.
"""

from typing import Any
from uuid import UUID

import httpx
import pytest

from fieldops.checklists.commands import ensure_standard_templates
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.orders.models import Reason
from tests.support.clients import bearer
from tests.support.device import Phone
from tests.support.factories.appointments import book, local
from tests.support.factories.orders import REPAIR, make_order
from tests.support.run import run
from tests.support.world import World
from tests.sync.conftest import MakePhone

pytestmark = pytest.mark.anyio

Started = tuple[UUID, Phone, dict[str, Any]]
DOOR = {"type": "Point", "coordinates": [24.941, 60.17]}


async def booked(database: Database, world: World, hour: int) -> UUID:
    made = await make_order(database, world.dora, REPAIR)
    await book(database, world.dora, made.visit_id, local(23, hour), "alice")
    return made.visit_id


@pytest.fixture
async def started(database: Database, world: World, new_phone: MakePhone) -> Started:
    """Alice's visit at ten, begun on her phone, and the template its list is bound to."""
    async with database.transaction() as session:
        await ensure_standard_templates(session)
    visit_id = await booked(database, world, 10)
    phone = await new_phone(world.alice)
    await phone.sync()
    phone.capture("visit.arrive", visit_id=visit_id, point=DOOR)
    phone.capture("visit.start", visit_id=visit_id)
    return visit_id, phone, template_of(phone, visit_id)


def template_of(phone: Phone, visit_id: UUID) -> dict[str, Any]:
    (checklist,) = [c for c in phone.rows("checklist") if c["visit_id"] == str(visit_id)]
    found = phone.row("template", checklist["template_version_id"])
    assert found is not None, "no list without its template (I9)"
    return found


async def publish_next(database: Database, world: World, former: dict[str, Any]) -> None:
    """Publish the template again with one more item."""
    body = {**former["body"], "items": [dict(item) for item in former["body"]["items"]]}
    body["items"].append(
        {"key": "label_read", "type": "yes_no", "text_en": "Label read", "text_zh": "已读标签"}
    )
    await run(
        database, world.sam, "checklist.publish_template", code=former["code"],
        kind=former["kind"], service=former["service"], segment=former["segment"], body=body,
    )  # fmt: skip


async def test_ch_01_a_started_list_keeps_its_template_while_new_visits_get_the_new_one(
    database: Database, world: World, started: Started
) -> None:
    first, phone, old = started
    await phone.sync()
    await publish_next(database, world, old)
    second = await booked(database, world, 14)
    await phone.sync()
    assert template_of(phone, first) == old
    new = template_of(phone, second)
    assert new["number"] == old["number"] + 1
    assert "label_read" in [item["key"] for item in new["body"]["items"]]
    assert phone.hash_differed == 0


async def test_ch_01_answers_by_the_older_generation_are_taken_for_its_visit(
    database: Database, world: World, started: Started
) -> None:
    """The phone was away while the template was published anew."""
    visit_id, phone, old = started
    (checklist,) = phone.rows("checklist")
    phone.capture(
        "checklist.answer", visit_id=visit_id, checklist_id=checklist["id"],
        answers=[{"item_key": "remedy", "value": "A new splitter."}],
    )  # fmt: skip
    await publish_next(database, world, old)
    await phone.sync()
    assert phone.queued() == 0
    assert [a["item_key"] for a in phone.rows("answer")] == ["remedy"]
    phone.capture(
        "checklist.answer", visit_id=visit_id, checklist_id=checklist["id"],
        answers=[{"item_key": "label_read", "value": True}],
    )  # fmt: skip
    assert (await phone.push())[0]["status"] == "rejected", "that item is of the next generation"


async def test_ch_01_a_template_leaves_the_phone_with_the_last_visit_that_has_it(
    database: Database, world: World, started: Started
) -> None:
    visit_id, phone, _ = started
    assert len(phone.rows("template")) > 1
    await run(
        database, world.dora, "visit.assign", visit_id=str(visit_id),
        technician_ids=[str(world.kim.id)], reason="Alice is held up.",
    )  # fmt: skip
    await phone.sync()
    assert [row["code"] for row in phone.rows("template")] == ["kit_check"], "of every day"


async def test_sync_3_a_changed_catalogue_reaches_phones_with_its_next_version(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    await booked(database, world, 10)
    phone = await new_phone(world.alice)
    await phone.sync()
    before = phone.rows("reason")[0]
    answer = await phone.pull_once()
    assert answer["unchanged"]
    async with database.transaction() as session:
        row = await session.get_one(Reason, UUID(before["id"]))
        row.text_en = "Other words"
    await phone.sync()
    after = phone.row("reason", before["id"])
    assert after is not None
    assert after["version"] == before["version"] + 1
    assert after["text_en"] == "Other words"


async def test_sync_3_phone_and_office_say_which_catalogue_a_phone_works_with(
    database: Database,
    world: World,
    started: Started,
    new_phone: MakePhone,
    client: httpx.AsyncClient,
    settings: Settings,
) -> None:
    """A phone that was away is seen to be behind, and is not once it has pulled."""
    visit_id, phone, template = started

    async def office(of: Phone = phone) -> tuple[int | None, int]:
        listed = await client.get("/v1/devices", headers=bearer(settings, world.dora))
        (seen,) = [d for d in listed.json()["items"] if d["id"] == str(of.id)]
        one = await client.get(f"/v1/devices/{of.id}", headers=bearer(settings, world.dora))
        assert one.json()["catalogue_now"] == seen["catalogue_now"]
        return seen["view_catalogue"], seen["catalogue_now"]

    assert (await office(await new_phone(world.bob)))[0] is None, "it has not pulled yet"
    await phone.sync()
    first = phone.get("catalogue")
    assert await office() == (first, first)
    await publish_next(database, world, template)
    assert await office() == (first, first + 1)
    answer = await phone.pull_once()
    assert answer["unchanged"], "the new template is of no visit of hers"
    assert answer["catalogue"] == phone.get("catalogue") == first + 1
    assert await office() == (first + 1, first + 1)
    assert template_of(phone, visit_id) == template
    assert (await phone.pull_once())["catalogue"] == first + 1, "also when nothing was looked at"


async def test_sync_3_the_catalogues_generation_is_told_with_the_last_page_only(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    """A phone half way between two catalogues has neither of them whole."""
    await booked(database, world, 10)
    phone = await new_phone(world.alice, rows_per_page=3)
    pages = [await phone.pull_once()]
    while pages[-1]["more"]:
        pages.append(await phone.pull_once())
    assert len(pages) > 1
    assert [page.get("catalogue") for page in pages[:-1]] == [None] * (len(pages) - 1)
    assert pages[-1]["catalogue"] == phone.get("catalogue") > 0
