"""Indicators as pictures, as lists for a file, and a centre's week on paper (KP-02, KP-03)."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pypdf
import pytest
from sqlalchemy import event

from fieldops.kernel.db import Database
from fieldops.kernel.permissions import Permission
from fieldops.kernel.settings import Settings
from fieldops.reports import weekly
from fieldops.reports.registry import REGISTRY
from tests.modules.test_reports import WINDOW, Reader, completed, make
from tests.support.clients import bearer
from tests.support.world import NORTH, SOUTH, World

pytestmark = pytest.mark.anyio

MONDAY = datetime(2026, 11, 9, 8, 0, tzinfo=UTC)
DAYS = "from=2026-11-01&to=2026-11-22"


@pytest.fixture
def reader(client: httpx.AsyncClient, settings: Settings, database: Database) -> Reader:
    return Reader(client, settings, database)


async def fortnight(database: Database) -> None:
    """Two kept on the 9th; a week on one kept and one that came too late."""
    week = timedelta(days=7)
    for window, plan in (
        (MONDAY, {}),
        (MONDAY, {}),
        (MONDAY + week, {}),
        (MONDAY + week, {"arrived": 2.5, "done": 3.0}),
    ):
        await make(database, completed(kind="change", window=window, **plan))


async def test_kp_02_an_indicator_is_drawn_over_weeks_with_its_target_and_by_group_as_bars(
    database: Database, world: World, reader: Reader, settings: Settings
) -> None:
    await fortnight(database)
    head = bearer(settings, world.sam)
    path = f"/v1/indicators/kept_appointments/chart.svg?{DAYS}"
    answer = await reader.client.get(path, headers=head)
    assert answer.headers["content-type"] == "image/svg+xml"
    words = " ".join(ET.fromstring(answer.text).itertext())  # noqa: S314 - our own
    assert "100 on 2026-11-09, 50 on 2026-11-16" in words
    assert "target 93" in words.lower()
    bars = await reader.client.get(f"{path}&by=none&group=technician&language=zh_CN", headers=head)
    words = " ".join(ET.fromstring(bars.text).itertext())  # noqa: S314 - our own
    assert "履约率" in words
    assert "Alice: 75." in words


async def test_kp_02_figures_come_as_a_list_in_pages_and_leave_as_a_registered_file(
    database: Database, world: World, reader: Reader, settings: Settings
) -> None:
    await fortnight(database)
    head = bearer(settings, world.sam)
    path = f"/v1/indicators/kept_appointments/figures?{DAYS}&by=week"
    first = (await reader.client.get(f"{path}&limit=1", headers=head)).json()
    second = (await reader.client.get(f"{path}&limit=1&after={first['next']}", headers=head)).json()
    pages = [*first["items"], *second["items"]]
    assert [(row["first_day"], row["value"], row["met"]) for row in pages] == [
        ("2026-11-09", 100.0, True),
        ("2026-11-16", 50.0, False),
    ]
    assert second["next"] is None
    query = {"name": "kept_appointments", "from": "2026-11-01", "to": "2026-11-22", "by": "week"}
    for kind in ("csv", "xlsx"):
        body = {"operation": "indicator_figures", "query": query, "format": kind}
        answer = await reader.client.post(
            "/v1/exports", headers=head, json={**body, "reason": "Weekly meeting"}
        )
        assert answer.status_code == 200, answer.text
    taken = (await reader.client.get("/v1/exports", headers=head)).json()["items"]
    assert [row["operation"] for row in taken] == ["indicator_figures"] * 2


async def week(database: Database, world: World, language: Any = "en") -> weekly.Week:
    async with database.transaction() as session:
        scope = world.sam.scope(Permission.INDICATOR_READ)
        return await weekly.gather(session, scope, NORTH, WINDOW.date() - timedelta(days=5),
                                   language, WINDOW)  # fmt: skip


async def test_kp_02_the_weekly_paper_puts_figures_beside_the_target_and_names_the_worst(
    database: Database, world: World
) -> None:
    await fortnight(database)
    found = await week(database, world)
    assert found.data["week"] == "2026-11-16 – 2026-11-22"
    assert len(found.data["rows"]) == len(REGISTRY)
    assert found.data["rows"][0] == {
        "title": "Kept appointments",
        "value": "50.0 %",
        "of": "1 / 2",
        "target": "93.0 %",
        "before": "100.0 %",
        "change": "-50.0",
        "missed": True,
    }
    (late,) = found.data["worst"][0]["rows"]
    assert late[0] == "2026-11-16"
    assert late[1].startswith("T-")
    assert late[2] == "Alice"
    assert (await week(database, world, "zh_CN")).data["rows"][0]["title"] == "履约率"


async def test_kp_02_the_weekly_paper_is_a_pdf_of_at_most_two_pages_for_who_sees_the_centre(
    database: Database, world: World, reader: Reader, settings: Settings
) -> None:
    await fortnight(database)
    path = f"/v1/weekly-report?centre_id={NORTH}&day=2026-11-18&language=zh_CN"
    answer = await reader.client.get(path, headers=bearer(settings, world.sam))
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"%PDF-")
    assert 'filename="weekly-2026-11-16.pdf"' in answer.headers["content-disposition"]
    assert len(pypdf.PdfReader(io.BytesIO(answer.content)).pages) <= 2
    foreign = await reader.client.get(
        f"/v1/weekly-report?centre_id={SOUTH}&day=2026-11-18", headers=bearer(settings, world.dora)
    )
    assert foreign.json()["code"] == "not_found"
    to_come = await reader.client.get(
        f"/v1/weekly-report?centre_id={NORTH}&day=2026-11-30", headers=bearer(settings, world.sam)
    )
    assert (to_come.status_code, to_come.json()["code"]) == (422, "week_not_begun")


async def test_kp_02_the_weekly_paper_reads_all_indicators_in_as_many_statements_as_one(
    database: Database, world: World
) -> None:
    """Decision 0009: twenty statements for a request; who asks takes one of them."""
    await fortnight(database)
    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        await week(database, world)
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert len([one for one in seen if not one.upper().startswith(("SAVEPOINT", "RELEASE"))]) <= 9
