"""When it happened (SYNC section 5): clocks that are wrong, jump, restart or never met the server.

Nothing is ordered by device time; the arrival in the window goes by the estimate.
"""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.visits.models import VisitFact
from tests.support.device import Phone, PhoneClock
from tests.support.factories.visits import assigned_visit
from tests.support.world import World
from tests.sync.conftest import MakePhone

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)
CLOSE = timedelta(seconds=1)
DOOR = {"type": "Point", "coordinates": [24.941, 60.17]}


@pytest.fixture
async def visit_id(database: Database, world: World) -> UUID:
    """Alice's visit from nine to eleven in Helsinki."""
    return (await assigned_visit(database, world)).visit_id


def arrive(phone: Phone, visit_id: UUID, at: datetime) -> None:
    with clock.frozen(at):
        phone.capture("visit.arrive", visit_id=visit_id, point=DOOR)


async def hand_in(phone: Phone, database: Database, at: datetime) -> list[VisitFact]:
    """Push and return the facts in the order they were taken in."""
    with clock.frozen(at):
        assert {r["status"] for r in await phone.push()} == {"applied"}
    async with database.transaction() as session:
        found = await session.scalars(
            select(VisitFact).where(VisitFact.region_id == 1).order_by(VisitFact.id)
        )
        return list(found)


async def test_sync_5_a_wall_clock_that_is_hours_off_is_corrected_and_flagged(
    database: Database, world: World, new_phone: MakePhone, visit_id: UUID, at: datetime
) -> None:
    for skew in (3 * HOUR, -3 * HOUR):
        phone = await new_phone(world.alice, phone_clock=PhoneClock(skew=skew))
        await phone.sync()
        arrive(phone, visit_id, at + 2 * HOUR)
        fact = (await hand_in(phone, database, at + 4 * HOUR))[-1]
        assert abs(fact.estimated_at - (at + 2 * HOUR)) < CLOSE
        assert fact.captured_at is not None
        assert abs(fact.captured_at - (at + 2 * HOUR + skew)) < CLOSE, "as sent"
        assert fact.received_at == at + 4 * HOUR
        assert fact.clock_far_off
        assert fact.body["in_window"] is True, "judged by the estimate"


@pytest.mark.parametrize(("minutes", "flagged"), [(9, False), (11, True), (-11, True)])
async def test_sync_5_a_difference_over_ten_minutes_is_flagged(
    database: Database,
    world: World,
    new_phone: MakePhone,
    visit_id: UUID,
    at: datetime,
    minutes: int,
    flagged: bool,
) -> None:
    skewed = PhoneClock(skew=timedelta(minutes=minutes))
    phone = await new_phone(world.alice, phone_clock=skewed)
    await phone.sync()
    arrive(phone, visit_id, at + 2 * HOUR)
    (fact,) = await hand_in(phone, database, at + 3 * HOUR)
    assert fact.clock_far_off is flagged


@pytest.mark.parametrize("jump", [5 * HOUR, -5 * HOUR])
async def test_sync_5_a_jump_between_capture_and_push_does_not_move_the_estimate(
    database: Database,
    world: World,
    new_phone: MakePhone,
    visit_id: UUID,
    at: datetime,
    jump: timedelta,
) -> None:
    """Within one boot the monotonic clock counts, whatever the wall clock was set to."""
    phone = await new_phone(world.alice)
    await phone.sync()
    arrive(phone, visit_id, at + 2 * HOUR)
    phone.clock.skew = jump
    (fact,) = await hand_in(phone, database, at + 4 * HOUR)
    assert abs(fact.estimated_at - (at + 2 * HOUR)) < CLOSE
    assert fact.body["in_window"] is True


@pytest.mark.parametrize("skew", [timedelta(), 3 * HOUR])
async def test_sync_5_after_a_reboot_the_wall_clock_counts_less_its_offset(
    database: Database,
    world: World,
    new_phone: MakePhone,
    visit_id: UUID,
    at: datetime,
    skew: timedelta,
) -> None:
    phone = await new_phone(world.alice, phone_clock=PhoneClock(skew=skew))
    await phone.sync()
    arrive(phone, visit_id, at + 2 * HOUR)
    phone.clock.reboot()
    (fact,) = await hand_in(phone, database, at + 4 * HOUR)
    assert abs(fact.estimated_at - (at + 2 * HOUR)) < CLOSE
    assert fact.clock_far_off is bool(skew)


@pytest.mark.parametrize(("jump", "expected"), [(8 * HOUR, timedelta()), (-8 * HOUR, 4 * HOUR)])
async def test_sync_5_a_reboot_and_a_jump_are_clamped_between_registration_and_receipt(
    database: Database,
    world: World,
    new_phone: MakePhone,
    visit_id: UUID,
    at: datetime,
    jump: timedelta,
    expected: timedelta,
) -> None:
    """What the clocks say cannot be: the estimate stays where it is possible."""
    phone = await new_phone(world.alice)
    await phone.sync()
    arrive(phone, visit_id, at + 2 * HOUR)
    phone.clock.reboot()
    phone.clock.skew = jump
    (fact,) = await hand_in(phone, database, at + 4 * HOUR)
    assert abs(fact.estimated_at - (at + expected)) < CLOSE


async def test_sync_5_a_phone_that_never_synced_is_estimated_from_its_first_push(
    database: Database, world: World, new_phone: MakePhone, visit_id: UUID, at: datetime
) -> None:
    phone = await new_phone(world.alice, phone_clock=PhoneClock(skew=-2 * HOUR))
    arrive(phone, visit_id, at + 2 * HOUR)
    (fact,) = await hand_in(phone, database, at + 3 * HOUR)
    assert abs(fact.estimated_at - (at + 2 * HOUR)) < CLOSE
    assert fact.clock_far_off


async def test_sync_5_nothing_is_ordered_by_device_time(
    database: Database, world: World, new_phone: MakePhone, visit_id: UUID, at: datetime
) -> None:
    """The wall clock is set back between two captures: they are taken in the queue's order."""
    phone = await new_phone(world.alice)
    await phone.sync()
    for minute, text in ((0, "first"), (10, "second")):
        with clock.frozen(at + HOUR + timedelta(minutes=minute)):
            phone.capture("note.add", visit_id=visit_id, text=text)
        phone.clock.skew = -6 * HOUR
    facts = await hand_in(phone, database, at + 3 * HOUR)
    assert [fact.body["text"] for fact in facts] == ["first", "second"]
    assert facts[0].captured_at is not None
    assert facts[1].captured_at is not None
    assert facts[0].captured_at > facts[1].captured_at
    assert facts[0].estimated_at < facts[1].estimated_at
