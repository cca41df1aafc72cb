"""Who stands where in an indicator, up to province and group, by hand (KP-02, KP-03, QA-06)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from fieldops.customers.models import Customer
from fieldops.kernel import clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.orders.models import WorkOrder
from fieldops.quality.models import Inspection
from tests.modules.test_indicators import change
from tests.modules.test_indicators_duty import two_months
from tests.modules.test_reports import WINDOW, completed, make
from tests.support.clients import bearer
from tests.support.factories.inspections import lay_out
from tests.support.run import run
from tests.support.world import HARBOUR, NORTH, SOUTH, World, id_of

pytestmark = pytest.mark.anyio

JANUARY = datetime(2027, 1, 4, 6, 0, tzinfo=UTC)
TWO_MONTHS = {"from": "2026-11-01", "to": "2026-12-31"}
DUTY = "/v1/indicators/inspection_duty/ranking"
KEPT = "/v1/indicators/kept_appointments/ranking"


async def ranked(
    client: httpx.AsyncClient, settings: Settings, who: Actor, path: str, **params: Any
) -> list[dict[str, Any]]:
    with clock.frozen(JANUARY):
        answer = await client.get(path, params=TWO_MONTHS | params, headers=bearer(settings, who))
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def turku_too(database: Database) -> Actor:
    """Helsinki did 3 of 7 duties; the neighbour's centre its November and its quarter, 2 of 4."""
    made = await two_months(database)
    async with database.transaction() as session:
        for level in ("centre", "region"):
            session.add(
                Inspection(
                    region_id=2, level=level, kind="remote", centre_id=HARBOUR, score=80.0,
                    form_id=made["again"].form_id, state="reported", done_on=date(2026, 11, 24),
                    planned_for=date(2026, 11, 24), inspector_id=id_of("tess"),
                    planned_by=id_of("tess"),
                )
            )  # fmt: skip
    return Actor(id_of("pia"), 1)


async def test_kp_02_a_province_and_the_group_are_the_sum_of_the_regions_somebody_reads(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    pia = await turku_too(database)
    (province,) = await ranked(client, settings, pia, DUTY, of="province")
    assert (province["name"], province["numerator"], province["denominator"]) == ("Uusimaa", 5, 11)
    assert (province["value"], province["place"], province["target"]) == (45.45, 1, None)
    (group,) = await ranked(client, settings, pia, DUTY, of="group")
    assert (group["id"], group["value"]) == (str(id_of("group")), 45.45)
    regions = await ranked(client, settings, pia, DUTY, of="region", sort="-score")
    assert [(row["name"], row["value"], row["target"]) for row in regions] == [
        ("Turku", 50.0, 100), ("Helsinki", 42.86, 100),
    ]  # fmt: skip
    centres = await ranked(client, settings, pia, DUTY, of="centre")
    assert {(row["id"], row["value"]) for row in centres} == {
        (str(NORTH), 66.67), (str(SOUTH), 33.33), (str(HARBOUR), 66.67),
    }  # fmt: skip


async def test_kp_02_a_unit_is_not_shown_to_who_reads_only_a_part_of_it(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    await turku_too(database)
    assert await ranked(client, settings, world.sam, DUTY, of="province") == []
    assert await ranked(client, settings, world.sam, DUTY, of="group") == []
    (own,) = await ranked(client, settings, world.sam, DUTY, of="region")
    assert own["id"] == str(id_of("helsinki"))
    assert await ranked(client, settings, world.dora, DUTY, of="region") == []  # of North alone
    (north,) = await ranked(client, settings, world.dora, DUTY, of="centre")
    assert north["id"] == str(NORTH)
    answer = await client.get(
        DUTY, params=TWO_MONTHS | {"of": "region", "centre_id": str(NORTH)},
        headers=bearer(settings, world.sam),
    )  # fmt: skip
    assert answer.status_code == 400


async def test_kp_03_people_rank_by_the_weighed_score_and_against_the_time_before(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    """By hand: a diamond's broadband weighs 1.5 x 2, a basic customer's fixed line 1."""
    number = {"name": "indicator_least_ranked", "value": 2, "reason": "few"}
    await run(database, world.ada, "rule.set_number", **number)
    late = {"arrived": 2.5, "done": 3.0}
    before = WINDOW - timedelta(days=60)
    for who, tier, service, plan in (
        ("alice", "diamond", "broadband", {}),
        ("alice", "basic", "fixed_line", late),
        ("bob", "diamond", "broadband", late),
        ("bob", "basic", "fixed_line", {}),
        ("kim", "basic", "fixed_line", {}),
        ("bob", "basic", "fixed_line", {"window": before}),
    ):
        made = await make(database, completed(technician=who, kind="change", **plan))
        await change(database, Customer, made.visit.customer_id, tier=tier)
        await change(database, WorkOrder, made.work.id, service=service)
    people = await ranked(client, settings, world.sam, KEPT, of="technician")
    assert [(row["name"], row["place"], row["value"], row["score"]) for row in people] == [
        ("Alice", 1, 50.0, 75.0), ("Bob", 2, 50.0, 25.0), ("Kim", None, 100.0, 100.0),
    ]  # fmt: skip
    assert (people[1]["before_score"], people[1]["change"]) == (100.0, -75.0)
    firms = await ranked(client, settings, world.mia, KEPT, of="firm", enough=False)
    assert [(row["name"], row["records"]) for row in firms] == [("Kaapeli Oy", 1)]
    with clock.frozen(JANUARY):
        picture = await client.get(
            f"{KEPT}/chart.svg", params=TWO_MONTHS | {"of": "technician", "language": "zh_CN"},
            headers=bearer(settings, world.sam),
        )  # fmt: skip
    assert "Bob before: 100" in picture.text
    assert "Kim" not in picture.text


async def test_kp_03_where_less_is_better_the_lowest_score_is_first(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    await lay_out(database)
    number = {"name": "indicator_least_ranked", "value": 1, "reason": "few"}
    await run(database, world.ada, "rule.set_number", **number)
    for who, hours in (("alice", 3.0), ("bob", 1.0)):
        await make(database, completed(technician=who, kind="change", done=hours))
    path = "/v1/indicators/mean_on_site/ranking"
    rows = await ranked(client, settings, world.sam, path, of="technician")
    assert [(row["name"], row["place"]) for row in rows] == [("Bob", 1), ("Alice", 2)]
