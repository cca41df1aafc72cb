"""FA-01: a fault report is matched with the record, earlier faults, area faults and open work."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from fieldops.faults import rules
from fieldops.faults.models import FaultReport
from fieldops.health.models import HealthRecord
from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.network.models import NetworkService
from fieldops.orders.models import ServiceOrder, WorkOrder
from tests.support.clients import bearer
from tests.support.factories.faults import confirmed_fault, make_street, report
from tests.support.rows import every
from tests.support.run import run
from tests.support.world import NORTH, World

pytestmark = pytest.mark.anyio

TONIGHT = "2026-11-23T18:00:00+02:00"


async def works_again(database: Database, world: World) -> None:
    """The customer of the last report says that it works; its repair ends."""
    reported = (await every(database, FaultReport))[-1]
    await run(database, world.ann, "fault.settle", report_id=str(reported.id), works=True)


async def seen(
    client: httpx.AsyncClient, settings: Settings, world: World, home: NetworkService
) -> dict[str, Any]:
    answer = await client.get(
        "/v1/fault-intake",
        headers=bearer(settings, world.ann),
        params={"service_id": str(home.id)},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def test_fa_01_a_fault_that_is_back_within_thirty_days_is_marked_with_the_one_it_repeats(
    database: Database, world: World, at: datetime
) -> None:
    home = (await make_street(database)).homes[0]
    await report(database, world.ann, home)
    await works_again(database, world)
    with clock.frozen(at + timedelta(days=30)):
        said = await report(database, world.ann, home)
        await works_again(database, world)
    with clock.frozen(at + timedelta(days=61)):
        await report(database, world.ann, home)
    first, second, third = await every(database, FaultReport)
    assert (first.repeat_of_id, second.repeat_of_id, third.repeat_of_id) == (None, first.id, None)
    assert [one["code"] for one in said["warnings"]] == ["fault_repeated"]
    assert not any(one.joined for one in (first, second, third))


async def test_fa_01_a_report_joins_the_open_repair_and_urges_it(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings, at: datetime
) -> None:
    street = await make_street(database)
    await report(database, world.ann, street.homes[0])
    with clock.frozen(at + timedelta(hours=3)):
        said = await report(database, world.ann, street.homes[0])
        await report(database, world.ann, street.homes[1])  # another service is another fault
    first, second, other = await every(database, FaultReport)
    assert (second.order_id, second.joined, second.repeat_of_id) == (first.order_id, True, None)
    assert (other.joined, other.order_id == first.order_id) == (False, False)
    assert len(await every(database, WorkOrder)) == 2
    order = next(one for one in await every(database, ServiceOrder) if one.id == first.order_id)
    assert order.urges == 1
    assert "fault_joined" in [one["code"] for one in said["warnings"]]
    picture = await seen(client, settings, world, street.homes[0])
    assert picture["joins_order_id"] == str(first.order_id)
    assert [one["code"] for one in picture["advice"]] == ["joined"]
    assert len(picture["open_work"]) == 1


async def test_fa_01_in_a_known_area_fault_the_customer_is_told_and_no_visit_is_made(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    street = await make_street(database)
    await confirmed_fault(database, world.ann, world.dora, street, TONIGHT)
    picture = await seen(client, settings, world, street.homes[3])
    assert picture["advice"][0]["code"] == "area_fault"
    assert "Excavator cut the cable" in picture["advice"][0]["en"]
    assert "2026-11-23 18:00" in picture["advice"][0]["zh_cn"]
    said = await report(database, world.ann, street.homes[3])
    assert "fault_of_area" in [one["code"] for one in said["warnings"]]
    work = (await every(database, WorkOrder))[-1]
    assert work.state == "suspended"


async def test_fa_01_the_health_record_and_other_work_are_shown_with_advice(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    home = (await make_street(database)).homes[0]
    assert [a["code"] for a in (await seen(client, settings, world, home))["advice"]] == ["test"]
    async with database.transaction() as session:
        session.add(
            HealthRecord(
                region_id=1, service_id=home.id, premises_id=home.premises_id, centre_id=NORTH,
                flags=["speed_below_baseline"], likely_place="drop",
            )
        )  # fmt: skip
    await report(database, world.ann, home)
    await works_again(database, world)
    picture = await seen(client, settings, world, home)
    assert [one["code"] for one in picture["advice"]] == ["repeat", "health"]
    assert "speed below baseline" in picture["advice"][1]["en"]
    assert picture["health"]["likely_place"] == "drop"
    assert len(picture["earlier"]) == 1
    answer = await client.get("/v1/fault-intake", headers=bearer(settings, world.ann))
    assert answer.status_code == 422
    listed = await client.get(
        "/v1/fault-reports", headers=bearer(settings, world.ann), params={"repeated": "false"}
    )
    assert len(listed.json()["items"]) == 1


def test_fa_01_advice_is_there_in_both_languages_with_the_same_blanks() -> None:
    facts = {
        "area_fault": {"cause": "c", "expected": "e"},
        "repeat": {"date": "d"},
        "health": {"flags": "f", "place": "p"},
    }
    for one in rules.advice(facts):
        assert one.en
        assert one.zh_cn
        for value in facts[one.code].values():
            assert value in one.zh_cn
    assert [one.code for one in rules.advice({})] == ["test"]
