"""Phones that hold other rows than they should: the rate is a metric with an alarm (SYNC 3)."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from fieldops.kernel import clock
from fieldops.kernel.configuration import RuleNumber
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.sync import rules
from fieldops.sync.jobs import watch_agreement
from tests.support.clients import bearer
from tests.support.device import Phone
from tests.support.world import World
from tests.sync import trial
from tests.sync.conftest import MakePhone

pytestmark = pytest.mark.anyio

ALARM = "phones hold other rows than they should"


async def lose_a_row(phone: Phone, database: Database) -> None:
    """Let a phone's store lose a row, which it notices with the next change."""
    lost = await trial.make(database)
    await phone.pull()
    phone.db.execute("delete from row where id = ?", [str(lost)])
    await trial.make(database)
    before = phone.hash_differed
    await phone.pull()
    assert phone.hash_differed == before + 1


async def alarms() -> list[Any]:
    with capture_logs() as logged:
        await watch_agreement()
    return [line for line in logged if line["event"] == ALARM]


@pytest.mark.usefixtures("worker")
async def test_sync_3_a_phone_that_held_other_rows_raises_the_rate_and_an_alarm_for_a_day(
    phone: Phone,
    database: Database,
    world: World,
    new_phone: MakePhone,
    client: httpx.AsyncClient,
    settings: Settings,
    at: datetime,
) -> None:
    async def agreement() -> dict[str, Any]:
        answer = await client.get("/v1/devices/agreement", headers=bearer(settings, world.dora))
        assert answer.status_code == httpx.codes.OK
        return dict(answer.json())

    bobs = await new_phone(world.bob)
    await bobs.pull()
    await phone.pull()
    assert (await agreement())["alarm"] is False
    assert await alarms() == []
    await lose_a_row(phone, database)
    seen = await agreement()
    assert (seen["phones"], seen["differed"], seen["per_cent"]) == (2, 1, 50.0)
    assert (seen["alarm"], seen["devices"]) == (True, [str(phone.id)])
    (alarm,) = await alarms()
    assert (alarm["log_level"], alarm["devices"]) == ("error", [str(phone.id)])
    found = await client.get(f"/v1/devices/{phone.id}", headers=bearer(settings, world.dora))
    assert found.json()["differed_at"] is not None
    with clock.frozen(at + timedelta(hours=25)):
        await phone.pull()
        await bobs.pull()
        assert await alarms() == []
        assert (await agreement())["differed"] == 0


@pytest.mark.usefixtures("worker")
async def test_sync_3_the_share_that_raises_the_alarm_is_the_regions_own(
    phone: Phone, database: Database, world: World, new_phone: MakePhone
) -> None:
    async with database.transaction() as session:
        session.add(RuleNumber(region_id=1, name=rules.DIFFERING_PHONES.name, value=60))
    await lose_a_row(phone, database)
    assert len(await alarms()) == 1, "one of one"
    await (await new_phone(world.bob)).pull()
    assert await alarms() == [], "one of two"
