"""Working calendars and the visits that lie outside them: ORG-07."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldops.kernel import audit
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, InvalidArguments, NotFound
from fieldops.kernel.settings import Settings
from fieldops.organisation import queries, rules
from fieldops.organisation.errors import DayLongPast, HolidayUnknown, ShiftsOverlap
from fieldops.organisation.queries.calendars import joined
from fieldops.visits.errors import OutsideCalendar, UnknownTechnicians
from tests.support.clients import bearer
from tests.support.factories.appointments import book, planned_visit, window
from tests.support.factories.orders import MadeOrder, make_order
from tests.support.factories.visits import assigned_visit, get_visit
from tests.support.run import first_id, run
from tests.support.world import NORTH, SOUTH, World, id_of

pytestmark = pytest.mark.anyio

HELSINKI = ZoneInfo("Europe/Helsinki")
MONDAY = date(2026, 11, 23)


def local(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=HELSINKI)


async def worked(
    database: Database, name: str, first: date, last: date | None = None
) -> list[tuple[datetime, datetime]]:
    async with database.transaction() as session:
        found = await queries.working_intervals(
            session, 1, [id_of(name)], first, last or first, HELSINKI
        )
    return [(a.astimezone(HELSINKI), b.astimezone(HELSINKI)) for a, b in found[id_of(name)]]


async def week(database: Database, actor: Actor, *shifts: dict[str, Any]) -> dict[str, Any]:
    return await run(
        database, actor, "shift.set_week", technician_id=str(id_of("bob")), week=list(shifts)
    )


async def set_day(
    database: Database, actor: Actor, day: str, *times: tuple[str, str], name: str = "alice"
) -> dict[str, Any]:
    return await run(
        database,
        actor,
        "duty.set_day",
        technician_id=str(id_of(name)),
        day=day,
        times=[{"starts": starts, "ends": ends} for starts, ends in times],
        reason="swapped with Bob",
    )


async def off_calendar(
    client: httpx.AsyncClient, settings: Settings, actor: Actor, **params: Any
) -> list[dict[str, Any]]:
    answer = await client.get(
        "/v1/visits/off-calendar", headers=bearer(settings, actor), params=params
    )
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def leave(
    database: Database, actor: Actor, starts: datetime, ends: datetime, name: str = "alice"
) -> dict[str, Any]:
    return await run(
        database,
        actor,
        "leave.add",
        technician_id=str(id_of(name)),
        kind="sick",
        starts_at=starts.isoformat(),
        ends_at=ends.isoformat(),
    )


async def assign(database: Database, world: World, made: MadeOrder, name: str, **args: Any) -> None:
    await run(
        database,
        world.dora,
        "visit.assign",
        visit_id=str(made.visit_id),
        technician_ids=[str(id_of(name))],
        **args,
    )


async def test_org_07_a_night_shift_ends_on_the_next_day_and_counts_for_both(
    database: Database, world: World
) -> None:
    night = {"starts": "22:00", "ends": "06:00", "lunch_starts": "01:30", "lunch_ends": "02:00"}
    await week(database, world.dora, {"weekday": 1, **night}, {"weekday": 7, **night})
    assert await worked(database, "bob", MONDAY) == [
        (local(23, 0), local(23, 1, 30)),  # Sunday's shift, as far as it reaches into the day
        (local(23, 2), local(23, 6)),
        (local(23, 22), local(24, 0)),
    ]
    assert await worked(database, "bob", MONDAY, MONDAY + timedelta(days=1)) == [
        (local(23, 0), local(23, 1, 30)),
        (local(23, 2), local(23, 6)),
        (local(23, 22), local(24, 1, 30)),  # one piece over midnight
        (local(24, 2), local(24, 6)),
    ]


async def test_org_07_a_visit_over_midnight_lies_inside_the_night_shift(
    database: Database, world: World
) -> None:
    await week(database, world.dora, {"weekday": 1, "starts": "20:00", "ends": "04:00"})
    made = await make_order(database, world.dora, {"kind": "repair", "service": "fixed_line"})
    window = {
        "window_start": local(23, 23, 30).isoformat(),
        "window_end": local(24, 1).isoformat(),
    }
    await assign(database, world, made, "bob", **window)
    assert (await get_visit(database, made.visit_id)).override_reason is None


async def test_org_07_two_shifts_that_touch_are_worked_through(
    database: Database, world: World
) -> None:
    await week(
        database,
        world.dora,
        {"weekday": 1, "starts": "06:00", "ends": "12:00"},
        {"weekday": 1, "starts": "12:00", "ends": "14:00"},
        {"weekday": 1, "starts": "16:00", "ends": "18:00"},
    )
    assert await worked(database, "bob", MONDAY) == [
        (local(23, 6), local(23, 14)),
        (local(23, 16), local(23, 18)),
    ]


@pytest.mark.parametrize(
    "shifts",
    [
        [(7, "22:00", "06:00"), (1, "05:00", "12:00")],  # Sunday night into Monday
        [(1, "22:00", "06:00"), (2, "05:59", "12:00")],
        [(3, "08:00", "08:30"), (3, "08:29", "09:00")],
    ],
)
async def test_org_07_shifts_that_run_into_each_other_are_refused(
    database: Database, world: World, shifts: list[tuple[int, str, str]]
) -> None:
    with pytest.raises(ShiftsOverlap):
        await week(
            database,
            world.dora,
            *({"weekday": day, "starts": a, "ends": b} for day, a, b in shifts),
        )


@pytest.mark.parametrize(
    "lunch", [("21:00", "21:30"), ("05:45", "06:15"), ("02:00", "02:00"), ("12:00", "12:30")]
)
async def test_org_07_lunch_of_a_night_shift_lies_inside_it(
    database: Database, world: World, lunch: tuple[str, str]
) -> None:
    shift = {"weekday": 1, "starts": "22:00", "ends": "06:00"}
    with pytest.raises(InvalidArguments):
        await week(
            database, world.dora, {**shift, "lunch_starts": lunch[0], "lunch_ends": lunch[1]}
        )


async def test_org_07_a_night_shift_follows_the_clock_change(
    database: Database, world: World
) -> None:
    await week(
        database,
        world.dora,
        {"weekday": 6, "starts": "22:00", "ends": "06:00"},
    )
    spring, autumn = date(2027, 3, 27), date(2026, 10, 24)
    for day, hours in ((spring, 7), (autumn, 9)):
        ((start, end),) = await worked(database, "bob", day, day + timedelta(days=1))
        assert end.astimezone(UTC) - start.astimezone(UTC) == timedelta(hours=hours)


async def test_org_07_a_days_own_times_stand_instead_of_the_weekly_shift_until_taken_back(
    database: Database, world: World
) -> None:
    usual = await worked(database, "alice", MONDAY)
    await set_day(database, world.dora, "2026-11-23", ("12:00", "16:00"), ("18:00", "20:00"))
    assert await worked(database, "alice", MONDAY) == [
        (local(23, 12), local(23, 16)),
        (local(23, 18), local(23, 20)),
    ]
    await set_day(database, world.dora, "2026-11-23")
    assert await worked(database, "alice", MONDAY) == usual
    with pytest.raises(ShiftsOverlap):
        await set_day(database, world.dora, "2026-11-23", ("08:00", "12:00"), ("11:00", "13:00"))
    with pytest.raises(DayLongPast):
        await set_day(database, world.dora, "2026-11-21", ("08:00", "12:00"))


async def test_org_07_a_holiday_closes_the_region_or_a_centre_but_not_who_has_duty(
    database: Database, world: World
) -> None:
    tuesday = MONDAY + timedelta(days=1)
    usual = await worked(database, "alice", tuesday)
    await run(
        database, world.ada, "holiday.set", day="2026-11-24", name="Fair", centre_id=str(SOUTH)
    )
    assert await worked(database, "alice", tuesday) == usual
    assert await worked(database, "carol", tuesday) == []
    await run(database, world.ada, "holiday.set", day="2026-11-24", name="Jubilee")
    assert await worked(database, "alice", tuesday) == []
    await set_day(database, world.dora, "2026-11-24", ("09:00", "12:00"))
    assert await worked(database, "alice", tuesday) == [(local(24, 9), local(24, 12))]
    back = {"day": "2026-11-24", "reason": "entered by mistake"}
    await run(database, world.ada, "holiday.remove", **back)
    with pytest.raises(HolidayUnknown):
        await run(database, world.ada, "holiday.remove", **back)
    assert await worked(database, "bob", tuesday) == usual


async def test_org_07_a_dispatcher_keeps_the_calendars_of_the_own_centre_only(
    database: Database, world: World
) -> None:
    await leave(database, world.dora, local(24, 8), local(24, 16))
    with pytest.raises(NotFound):
        await leave(database, world.dan, local(25, 8), local(25, 16))
    with pytest.raises(NotFound):
        await set_day(database, world.dan, "2026-11-24", ("08:00", "12:00"))
    for name in ("alice", "ann", "sam", "mia"):
        with pytest.raises(Forbidden):
            await leave(database, world.actors[name], local(25, 8), local(25, 16))
    with pytest.raises(Forbidden):
        await run(database, world.dora, "holiday.set", day="2026-11-24", name="Mine")


async def test_org_07_leave_is_warned_of_while_work_goes_on_past_its_window(
    database: Database, world: World
) -> None:
    for _two in range(2):  # the second one's turn comes an hour later, in the same window
        planned = await planned_visit(database, world.dora)
        at = local(24, 13)
        await book(database, world.dora, planned.visit_id, at, **window(at, 1.5))
    result = await leave(database, world.dora, local(24, 14, 45), local(24, 16))
    warned = next(w for w in result["warnings"] if w["code"] == "visits_during_absence")
    assert [v["id"] for v in warned["details"]["visits"]] == [str(planned.visit_id)]


async def test_org_07_leave_over_booked_visits_is_listed_for_the_dispatcher_until_decided(
    database: Database, client: httpx.AsyncClient, settings: Settings, world: World
) -> None:
    made = await assigned_visit(database, world, start=local(24, 9))
    other = await assigned_visit(database, world, start=local(25, 9))
    assert await off_calendar(client, settings, world.dora) == []
    result = await leave(database, world.dora, local(24, 0), local(25, 0))
    assert [w["code"] for w in result["warnings"]] == ["visits_during_absence", "replan_offered"]
    (row,) = await off_calendar(client, settings, world.dora)
    assert (row["visit_id"], row["technician_name"], row["is_contact"], row["why"]) == (
        str(made.visit_id), "Alice", True, "not_working",
    )  # fmt: skip
    assert row["override_reason"] is None
    assert await off_calendar(client, settings, world.dan) == []
    assert await off_calendar(client, settings, world.mia) == []
    await assign(database, world, made, "alice", override="she comes in for this one")
    assert await off_calendar(client, settings, world.dora, overridden=False) == []
    (kept,) = await off_calendar(client, settings, world.dora, overridden=True)
    assert kept["override_reason"] == "she comes in for this one"
    await run(
        database, world.dora, "leave.cancel", leave_id=str(first_id(result)), reason="well again"
    )
    assert await off_calendar(client, settings, world.dora) == []
    assert (await get_visit(database, other.visit_id)).override_reason is None


async def test_org_07_an_override_is_kept_only_where_it_was_needed_and_stays_in_the_history(
    database: Database, world: World
) -> None:
    made = await assigned_visit(database, world, start=local(24, 9))
    await assign(database, world, made, "alice", override="just in case")
    assert (await get_visit(database, made.visit_id)).override_reason is None
    late = await make_order(database, world.dora)
    window = {
        "window_start": local(24, 20).isoformat(),
        "window_end": local(24, 22).isoformat(),
    }
    with pytest.raises(OutsideCalendar):
        await assign(database, world, late, "alice", **window)
    await assign(database, world, late, "alice", **window, override="the customer works by day")
    async with database.transaction() as session:
        rows = (await session.scalars(audit.history(1, "visits_visit", late.visit_id))).all()
    assert any(
        row.after.get("override_reason") == "the customer works by day"
        and row.actor_id == world.dora.id
        for row in rows
    )


@pytest.mark.parametrize("way", ["week", "day", "holiday"])
async def test_org_07_a_change_of_calendar_warns_of_the_visits_it_leaves_outside(
    database: Database, client: httpx.AsyncClient, settings: Settings, world: World, way: str
) -> None:
    made = await assigned_visit(database, world, start=local(24, 9))
    if way == "week":
        result = await run(
            database,
            world.dora,
            "shift.set_week",
            technician_id=str(id_of("alice")),
            week=[{"weekday": 2, "starts": "12:00", "ends": "18:00"}],
        )
    elif way == "day":
        result = await set_day(database, world.dora, "2026-11-24", ("12:00", "18:00"))
    else:
        result = await run(
            database, world.ada, "holiday.set", day="2026-11-24", name="Fair", centre_id=str(NORTH)
        )
    (warned,) = result["warnings"]
    assert warned["code"] == "visits_off_calendar"
    assert [visit["id"] for visit in warned["details"]["visits"]] == [str(made.visit_id)]
    (row,) = await off_calendar(client, settings, world.dora)
    assert UUID(row["visit_id"]) == made.visit_id


async def test_org_07_a_technician_who_lost_the_role_is_not_booked_and_their_visits_are_listed(
    database: Database, client: httpx.AsyncClient, settings: Settings, world: World
) -> None:
    made = await assigned_visit(database, world, start=local(24, 9))
    grant = {"person_id": id_of("alice"), "unit_id": NORTH, "role": "technician"}
    await run(database, world.ada, "grant.take", **grant)
    (row,) = await off_calendar(client, settings, world.dora)
    assert (row["visit_id"], row["why"]) == (str(made.visit_id), "left")
    fresh = await make_order(database, world.dora)
    window = {
        "window_start": local(25, 9).isoformat(),
        "window_end": local(25, 11).isoformat(),
    }
    with pytest.raises(UnknownTechnicians):
        await assign(database, world, fresh, "alice", **window)
    await run(database, world.ada, "grant.give", **grant)
    await assign(database, world, fresh, "alice", **window)
    assert await off_calendar(client, settings, world.dora) == []


async def test_the_days_asked_for_have_an_order_and_an_end(
    client: httpx.AsyncClient, settings: Settings, world: World
) -> None:
    for params in (
        {"from_day": "2026-11-24", "to_day": "2026-11-23"},
        {"from_day": "2026-11-24", "to_day": "2026-12-25"},
        {"from_day": "1999-01-01"},
    ):
        answer = await client.get(
            "/v1/visits/off-calendar", headers=bearer(settings, world.dora), params=params
        )
        assert answer.status_code == 400


MINUTES = st.integers(0, 24 * 60 - 1)


@given(
    st.lists(
        st.tuples(st.integers(1, 7), MINUTES, MINUTES).filter(lambda t: t[1] != t[2]), max_size=6
    )
)
def test_org_07_shifts_overlap_exactly_when_some_minute_of_the_week_is_worked_twice(
    made: list[tuple[int, int, int]],
) -> None:
    def at(minute: int) -> time:
        return time(minute // 60, minute % 60)

    worked_minutes: list[int] = []
    for day, starts, ends in made:
        length = (ends - starts) % 1440
        worked_minutes += [((day - 1) * 1440 + starts + m) % 10080 for m in range(length)]
    twice = len(worked_minutes) != len(set(worked_minutes))
    found = rules.overlap([(day, at(starts), at(ends)) for day, starts, ends in made])
    assert (found is not None) == twice


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=6))
def test_org_07_joined_intervals_hold_the_same_minutes_and_do_not_touch(
    made: list[tuple[int, int]],
) -> None:
    start = datetime(2026, 11, 23, tzinfo=UTC)

    def at(minute: int) -> datetime:
        return start + timedelta(minutes=minute)

    found = joined([(at(a), at(a + length)) for a, length in made])
    minutes = {m for a, length in made for m in range(a, a + length)}
    assert {m for m in range(100) if any(a <= at(m) < b for a, b in found)} == minutes
    assert all(one[1] < two[0] for one, two in pairwise(found))
