"""Every offline command: pushed twice it took effect once, pulled by steps it is pulled whole."""

import pytest

from fieldops.kernel import commands
from fieldops.kernel.db import Database
from tests.support.device import Phone
from tests.support.world import World
from tests.sync.conftest import MakePhone
from tests.sync.scenarios import ALWAYS_HELD, SCENARIOS, capture, contents, make_day
from tests.sync.test_push import queue, request

pytestmark = pytest.mark.anyio


def test_every_offline_command_has_a_scenario() -> None:
    offline = {spec.name for spec in commands.REGISTRY.values() if spec.offline}
    assert offline == set(SCENARIOS) | ALWAYS_HELD


@pytest.mark.parametrize("name", sorted(SCENARIOS))
async def test_a_push_sent_twice_takes_effect_once(
    database: Database, world: World, new_phone: MakePhone, name: str
) -> None:
    """I2: exactly once, repeats answered equally."""
    phone = await new_phone(world.alice)
    steps = SCENARIOS[name](await make_day(database, world))
    assert steps[-1][0] == name
    await phone.pull()
    capture(phone, steps)
    body = request(phone, queue(phone))
    first = await phone.send("/v1/sync/push", body)
    refused = [r for r in first["results"] if r["status"] not in {"applied", "merged"}]
    assert refused == []
    before = await contents(database)
    again = await phone.send("/v1/sync/push", body)
    assert [r["first"] for r in again["results"]] == first["results"]
    assert await contents(database) == before


@pytest.mark.parametrize("name", sorted(SCENARIOS))
async def test_pulling_after_every_step_ends_where_one_full_pull_does(
    database: Database, world: World, new_phone: MakePhone, name: str
) -> None:
    """I5: the device's view is what the user may see now, and the hash agrees."""
    phone = await new_phone(world.alice, rows_per_page=7)
    steps = SCENARIOS[name](await make_day(database, world))
    await phone.pull()
    assert phone.row("visit", steps[0][1].get("visit_id", "")) or "order_id" in steps[0][1]
    for step in steps:
        capture(phone, [step])
        await phone.sync()
    other = Phone(phone.client)
    kept = ("device_id", "key", "token", "epoch")
    other.put(**{name: phone.get(name) for name in kept}, next_seq=1)
    await other.pull()
    assert other.everything() == phone.everything()
    assert (phone.hash_differed, other.hash_differed) == (0, 0)
    other.db.close()


async def test_re_06_plant_that_was_looked_at_leaves_the_phone(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    phone = await new_phone(world.alice)
    steps = SCENARIOS["spot_check.record"](await make_day(database, world))
    await phone.pull()
    assert len(phone.rows("spot_check_item")) == 1
    capture(phone, steps)
    await phone.sync()
    assert phone.rows("spot_check_item") == []
