"""AP-07: a late visit changes places with another of the same technician, if both can be kept."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from fieldops.appointments.models import Reservation
from fieldops.dispatch import watching
from fieldops.dispatch.errors import WayOutdated
from fieldops.dispatch.exchanging import Exchange, Room, exchange
from fieldops.dispatch.models import LateWarning
from fieldops.dispatch.prediction import Course, Due, Part, Whereabouts
from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.travel.rules import Reals
from fieldops.visits.models import Notice
from tests.support.factories.appointments import local
from tests.support.factories.plans import booked_visit
from tests.support.factories.visits import arrive, get_visit
from tests.support.rows import every
from tests.support.run import run
from tests.support.world import NORTH, World, id_of

NOW = local(23, 9, 20)

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = 60 * MINUTE
ANNA, BEN = UUID(int=1), UUID(int=2)
BEGUN, WAITS, LATE, LAST = (UUID(int=number) for number in (11, 12, 13, 14))
WAYS = 600.0 * (1 - np.eye(5))  # ten minutes between any two places


def due(
    visit_id: UUID, place: int, planned: datetime, until: datetime, *parts: Part, minutes: int = 60
) -> Due:
    return Due(visit_id, place, planned - HOUR, until, planned, minutes, parts or (anna(),))


def anna(**more: Any) -> Part:
    return Part(ANNA, "accepted", **more)


def begun(until: datetime = NINE + 90 * MINUTE) -> Due:
    """Anna is at work since nine, an hour later than planned, and done at ten."""
    since = Part(ANNA, "working", departed_at=NINE, arrived_at=NINE, started_at=NINE)
    return due(BEGUN, 0, NINE - HOUR, until, since)


def waits(*parts: Part, until: datetime = NINE + 8 * HOUR) -> Due:
    return due(WAITS, 1, NINE + 45 * MINUTE, until, *parts)


def late(*parts: Part, until: datetime = NINE + 2 * HOUR) -> Due:
    return due(LATE, 2, NINE + 115 * MINUTE, until, *parts)


def found(
    *visits: Due,
    working: Collection[tuple[datetime, datetime]] = ((NINE - HOUR, NINE + 9 * HOUR),),
    fixed: Collection[UUID] = (),
    given: Collection[tuple[UUID, tuple[datetime, datetime]]] = (),
    not_before: datetime = NINE + 30 * MINUTE,
    ways: Reals = WAYS,
) -> Exchange | None:
    home = Whereabouts(4, NINE - 2 * HOUR)
    course = Course(
        NINE, {v.visit_id: v for v in visits}, {ANNA: home, BEN: home}, ways, 10 * MINUTE
    )
    room = Room(list(working), list(given), fixed, not_before, 10 * MINUTE)
    return exchange(course, course.visits[LATE], ANNA, room)


def test_ap_07_the_late_one_first_when_the_other_can_wait() -> None:
    made = found(begun(), waits(), late())
    assert made is not None
    assert (made.waits.visit_id, made.late_at) == (WAITS, NINE + 70 * MINUTE)
    assert (made.then_at, made.extra_way) == (NINE + 140 * MINUTE, timedelta())


def test_ap_07_no_exchange_that_breaks_the_others_promise() -> None:
    assert found(begun(), waits(until=NINE + 145 * MINUTE), late()) is None
    assert found(begun(), waits(until=NINE + 150 * MINUTE), late()) is not None


def test_ap_07_no_exchange_that_leaves_the_late_one_late() -> None:
    assert found(begun(), waits(), late(until=NINE + 75 * MINUTE)) is None


def test_ap_07_no_exchange_of_what_is_locked_told_or_begun() -> None:
    assert found(begun(), waits(), late(), fixed={WAITS}) is None
    assert found(begun(), waits(), late(), fixed={LATE}) is None
    assert found(begun(), waits(), late(), not_before=NINE + 46 * MINUTE) is None
    assert found(begun(), waits(anna(departed_at=NINE)), late()) is None
    assert found(begun(), waits(), late(anna(departed_at=NINE))) is None


def test_ap_07_vi_01_no_exchange_of_what_others_have_a_part_in() -> None:
    assert found(begun(), waits(anna(), Part(BEN, "accepted")), late()) is None
    assert found(begun(), waits(), late(anna(), Part(BEN, "accepted"))) is None
    assert found(begun(), waits(Part(BEN, "accepted")), late()) is None


def test_org_07_an_exchange_fits_into_the_working_calendar() -> None:
    """AP-07, ORG-07: the other waits until after lunch, and nothing is done after the shift."""
    lunch = (NINE + 3 * HOUR, NINE + 210 * MINUTE)
    split = ((NINE - HOUR, lunch[0]), (lunch[1], NINE + 9 * HOUR))
    made = found(begun(), waits(), late(), working=split)
    assert made is not None
    assert made.then_at == lunch[1]
    assert found(begun(), waits(), late(), working=split[:1]) is None


def test_ap_01_an_exchange_takes_no_time_given_to_others() -> None:
    third = (LAST, (NINE + 190 * MINUTE, NINE + 250 * MINUTE))
    assert found(begun(), waits(), late(), given=[third]) is None
    own = [(id_, (NINE + 45 * MINUTE, NINE + 175 * MINUTE)) for id_ in (WAITS, LATE)]
    assert found(begun(), waits(), late(), given=own) is not None


def test_ap_07_no_exchange_that_makes_a_third_one_late() -> None:
    """From the waiting one it is farther to what comes after both than from the late one."""
    short = due(LATE, 2, NINE + 115 * MINUTE, NINE + 2 * HOUR, minutes=10)
    after = due(LAST, 3, NINE + 135 * MINUTE, NINE + 175 * MINUTE)
    assert found(begun(), waits(), short, after) is not None
    far = WAYS.copy()
    far[1, 3] = 2400.0
    assert found(begun(), waits(), short, after, ways=far) is None


async def look(database: Database, at: datetime) -> None:
    with clock.frozen(at):
        await watching.look(database, 1, NORTH, at)


async def late_behind_one_that_can_wait(database: Database, world: World) -> tuple[UUID, UUID]:
    """Alice begins an hour late; the next one can wait until the afternoon, the one after not."""
    first = await booked_visit(database, world, local(23, 8), "alice")
    waiting = await booked_visit(database, world, local(23, 9, 55), "alice", hours=6)
    late_one = await booked_visit(database, world, local(23, 9, 45), "alice", hours=1.25)
    await arrive(database, world.alice, first, local(23, 9, 10))
    return late_one, waiting


@pytest.mark.anyio
async def test_ap_07_the_own_visits_in_another_order_are_one_decision(
    database: Database, world: World
) -> None:
    """AP-07, AP-01: shown because both windows hold in it, taken by the command of all ways out."""
    late_one, waiting = await late_behind_one_that_can_wait(database, world)
    await look(database, NOW)
    [warning] = await every(database, LateWarning)
    way = warning.ways[0]
    assert (warning.visit_id, way["kind"]) == (late_one, "exchange")
    assert [other["kind"] for other in warning.ways[1:]] == ["new_time"]
    assert way["text"]["en"].startswith("Alice comes here first, at 10:10, and to ")
    assert way["text"]["zh_CN"].startswith("Alice 先到此处（10:10）")
    with clock.frozen(NOW):
        await run(database, world.dora, "lateness.take", late_warning_id=str(warning.id), way=0)
    first, second = [await get_visit(database, id_) for id_ in (late_one, waiting)]
    assert (first.expected_arrival, second.expected_arrival) == (
        local(23, 10, 10),
        local(23, 12, 30),
    )
    for visit in (first, second):
        assert visit.window_start <= visit.expected_arrival <= visit.window_end
        [reserved] = await every(database, Reservation, visit_id=visit.id)
        assert reserved.technician_id == id_of("alice")
        assert reserved.during.lower == visit.expected_arrival
        told = await every(database, Notice, visit_id=visit.id, at=NOW)
        assert [(n.technician_id, n.kind, n.reason) for n in told] == [
            (id_of("alice"), "moved", "running_late")
        ]
    [warning] = await every(database, LateWarning)
    assert (warning.outcome, warning.taken["by"]) == ("exchanged", str(world.dora.id))
    await look(database, NOW + MINUTE)
    assert len(await every(database, LateWarning)) == 1


@pytest.mark.anyio
async def test_ap_07_an_exchange_that_no_longer_holds_is_refused_and_taken_off_the_list(
    database: Database, world: World
) -> None:
    """AP-07, AP-05: once the other customer is told when somebody comes, it is too late."""
    _, waiting = await late_behind_one_that_can_wait(database, world)
    await look(database, NOW)
    [warning] = await every(database, LateWarning)
    take = {"late_warning_id": str(warning.id), "way": 0}
    with clock.frozen(NOW):
        await run(database, world.dora, "visit.lock", visit_id=str(waiting), reason="Key at nine")
        with pytest.raises(WayOutdated, match="locked"):
            await run(database, world.dora, "lateness.take", **take)
        await run(database, world.dora, "visit.unlock", visit_id=str(waiting), reason="Not so")
    told = local(23, 9, 26)
    with clock.frozen(told), pytest.raises(WayOutdated, match="being told"):
        await run(database, world.dora, "lateness.take", **take)
    await look(database, told)
    [warning] = await every(database, LateWarning)
    assert "exchange" not in {way["kind"] for way in warning.ways}
    visit = await get_visit(database, waiting)
    assert visit.expected_arrival == local(23, 9, 55)
