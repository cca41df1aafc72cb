"""The tree of units, grants, qualifications and calendars: ORG-01, ORG-02, ORG-03, ORG-07."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from fieldops.kernel import clock
from fieldops.kernel.actor import Actor, Grant
from fieldops.kernel.audit import Audit
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, InvalidArguments, NotFound, Refusal
from fieldops.kernel.permissions import Permission, Role
from fieldops.organisation import queries
from fieldops.organisation.errors import (
    CertificateTaken,
    EmailTaken,
    RoleMisplaced,
    ShiftsOverlap,
    UnitMisplaced,
)
from fieldops.organisation.queries import calendars
from tests.support.run import first_id, run
from tests.support.world import FIRM, NORTH, SOUTH, World, id_of

pytestmark = pytest.mark.anyio

HELSINKI = ZoneInfo("Europe/Helsinki")
MONDAY = date(2026, 11, 23)


async def actor(database: Database, name: str, region: int = 1) -> Actor | None:
    async with database.transaction() as session:
        return await queries.load_actor(session, id_of(name), region)


async def test_org_01_units_nest_as_group_province_region_centre(
    database: Database, world: World
) -> None:
    with pytest.raises(UnitMisplaced):
        await run(
            database,
            world.ada,
            "unit.create",
            kind="province",
            name="Below",
            code="below",
            parent_id=id_of("helsinki"),
        )
    made = await run(
        database,
        world.ada,
        "unit.create",
        kind="centre",
        name="East",
        code="east",
        parent_id=id_of("helsinki"),
    )
    async with database.transaction() as session:
        units = (await session.scalars(queries.units_of(1))).all()
    east = next(unit for unit in units if unit.id == first_id(made))
    assert east.region_number == 1
    assert id_of("harbour") not in {unit.id for unit in units}


async def test_org_01_an_administrator_adds_nothing_outside_their_part_of_the_tree(
    database: Database, world: World
) -> None:
    with pytest.raises(NotFound):
        await run(
            database,
            world.ada,
            "unit.create",
            kind="centre",
            name="Mine",
            code="mine",
            parent_id=id_of("turku"),
        )


async def test_org_02_a_role_covers_the_units_below_the_one_it_is_granted_at(
    database: Database, world: World
) -> None:
    assert (await actor(database, "dora")) == world.dora
    assert (await actor(database, "sam")) == world.sam
    assert (await actor(database, "mia")) == world.mia
    made = await run(
        database,
        world.ada,
        "person.create",
        email="Nia@fieldops.example",
        name="Nia",
        password="long enough it is",
    )
    with pytest.raises(NotFound):  # Ada administers a region, not the group
        await run(
            database,
            world.ada,
            "grant.give",
            person_id=first_id(made),
            unit_id=id_of("group"),
            role="supervisor",
        )


async def test_org_02_a_role_taken_away_is_gone_at_once(database: Database, world: World) -> None:
    grant = {"person_id": id_of("dora"), "unit_id": NORTH, "role": "dispatcher"}
    await run(database, world.ada, "grant.take", **grant)
    dora = await actor(database, "dora")
    assert dora is not None
    with pytest.raises(Forbidden):
        dora.scope(Permission.VISIT_ASSIGN)
    await run(database, world.ada, "grant.give", **grant)
    assert (await actor(database, "dora")) == world.dora


async def test_org_02_the_history_keeps_who_took_which_role_away_and_why_an_account_was_closed(
    database: Database, world: World
) -> None:
    grant = {"person_id": id_of("dora"), "unit_id": NORTH, "role": "dispatcher"}
    taken = await run(database, world.ada, "grant.take", **grant)
    await run(database, world.ada, "person.close", person_id=id_of("dora"), reason="has left")
    async with database.transaction() as session:
        changes = await session.scalars(
            select(Audit).where(Audit.region_id == 1, Audit.actor_id == world.ada.id)
        )
        of = {(row.entity, row.action, row.command): row for row in changes}
    gone = of["organisation_grant", "deleted", "grant.take"]
    assert gone.before == {key: str(value) for key, value in grant.items()}
    assert gone.command_id == UUID(taken["id"])
    closed = of["organisation_person", "changed", "person.close"]
    assert (closed.after["active"], closed.reason) == (False, "has left")


async def test_org_02_a_technician_sees_only_themselves_and_a_manager_only_the_firm(
    database: Database, world: World
) -> None:
    async def seen(who: Actor, permission: Permission) -> set[object]:
        async with database.transaction() as session:
            scope = who.scope(permission)
            return {t.id for t in await session.scalars(queries.visible_technicians(scope))}

    assert await seen(world.alice, Permission.VISIT_WORK) == {id_of("alice")}
    assert await seen(world.mia, Permission.STAFF_READ) == {id_of("kim")}
    north = {id_of(name) for name in ("alice", "bob", "kim")}
    assert await seen(world.dora, Permission.STAFF_READ) == north
    assert await seen(world.sam, Permission.STAFF_READ) == north | {id_of("carol")}


@pytest.mark.parametrize(
    ("role", "unit", "fits"),
    [
        ("technician", "north", True),
        ("technician", "helsinki", False),
        ("contractor_manager", "kaapeli", True),
        ("contractor_manager", "north", False),
        ("dispatcher", "kaapeli", False),
        ("supervisor", "helsinki", True),
    ],
)
async def test_org_02_a_role_is_granted_where_it_belongs(
    database: Database, world: World, role: str, unit: str, fits: bool
) -> None:
    args = {"person_id": id_of("bob"), "unit_id": id_of(unit), "role": role}
    if fits:
        assert (await run(database, world.ada, "grant.give", **args))["status"] == "applied"
    else:
        with pytest.raises(RoleMisplaced):
            await run(database, world.ada, "grant.give", **args)


async def test_an_e_mail_address_and_a_certificate_number_belong_to_one(
    database: Database, world: World
) -> None:
    person = {"name": "Twin", "password": "long enough it is"}
    with pytest.raises(EmailTaken):
        await run(database, world.ada, "person.create", email="ALICE@fieldops.example", **person)
    made = await run(database, world.ada, "person.create", email="twin@fieldops.example", **person)
    with pytest.raises(CertificateTaken):
        await run(
            database,
            world.ada,
            "technician.register",
            person_id=first_id(made),
            centre_id=SOUTH,
            firm_id=FIRM,
            certificate_number="C-ALICE",
        )


async def test_org_03_only_qualifications_valid_on_the_day_count(
    database: Database, world: World
) -> None:
    await run(
        database,
        world.ada,
        "qualification.add",
        technician_id=id_of("bob"),
        skill="fibre",
        certificate_number="F-1",
        valid_from="2026-11-23",
        valid_until="2026-11-24",
    )

    async def can(day: date) -> set[object]:
        async with database.transaction() as session:
            return await queries.qualified(session, 1, {"fibre", "fixed_line"}, day)

    both = {id_of(name) for name in ("alice", "kim", "carol")}
    assert await can(MONDAY - timedelta(days=1)) == both
    assert await can(MONDAY) == both | {id_of("bob")}
    assert await can(MONDAY + timedelta(days=1)) == both | {id_of("bob")}
    assert await can(MONDAY + timedelta(days=2)) == both


async def test_org_03_qualifications_that_end_within_30_days_are_listed(
    database: Database, world: World
) -> None:
    for skill, until in (("fibre", "2026-12-23"), ("enterprise", "2026-12-24")):
        await run(
            database,
            world.ada,
            "qualification.add",
            technician_id=id_of("bob"),
            skill=skill,
            certificate_number=f"N-{skill}",
            valid_from="2026-01-01",
            valid_until=until,
        )
    async with database.transaction() as session:
        scope = world.dora.scope(Permission.STAFF_READ)
        rows = await session.scalars(queries.ending_qualifications(scope, MONDAY, 30))
        assert [row.skill for row in rows] == ["fibre"]
        of_the_firm = world.mia.scope(Permission.STAFF_READ)
        assert (
            await session.scalars(queries.ending_qualifications(of_the_firm, MONDAY, 30))
        ).all() == []
        later = queries.ending_qualifications(of_the_firm, MONDAY, 800)
        assert {row.technician_id for row in await session.scalars(later)} == {id_of("kim")}


async def test_org_07_the_calendar_is_shifts_less_lunch_less_leave(
    database: Database, world: World
) -> None:
    await run(
        database,
        world.ada,
        "leave.add",
        technician_id=id_of("alice"),
        kind="training",
        starts_at="2026-11-23T13:00:00Z",
        ends_at="2026-11-24T08:00:00Z",
    )
    async with database.transaction() as session:
        found = await queries.working_intervals(
            session, 1, [id_of("alice")], MONDAY, MONDAY + timedelta(days=1), HELSINKI
        )

    def utc(day: int, hour: int, minute: int = 0) -> datetime:
        return datetime(2026, 11, day, hour, minute, tzinfo=UTC)

    assert found[id_of("alice")] == [
        (utc(23, 6), utc(23, 10)),
        (utc(23, 10, 30), utc(23, 13)),
        (utc(24, 8), utc(24, 10)),
        (utc(24, 10, 30), utc(24, 15)),
    ]


async def test_org_07_the_calendar_follows_summer_time(database: Database, world: World) -> None:
    friday_before, monday_after = date(2026, 10, 23), date(2026, 10, 26)
    async with database.transaction() as session:
        found = await queries.working_intervals(
            session, 1, [id_of("alice")], friday_before, monday_after, HELSINKI
        )
    starts = [start for start, _ in found[id_of("alice")]]
    assert starts[0] == datetime(2026, 10, 23, 5, tzinfo=UTC)  # 08:00 at +03:00
    assert starts[2] == datetime(2026, 10, 26, 6, tzinfo=UTC)  # 08:00 at +02:00


@pytest.mark.parametrize(
    ("week", "refusal"),
    [
        (
            [
                {"weekday": 1, "starts": "08:00", "ends": "12:00"},
                {"weekday": 1, "starts": "11:59", "ends": "16:00"},
            ],
            ShiftsOverlap,
        ),
        ([{"weekday": 1, "starts": "12:00", "ends": "12:00"}], InvalidArguments),
        ([{"weekday": 8, "starts": "08:00", "ends": "12:00"}], InvalidArguments),
        (
            [
                {
                    "weekday": 1,
                    "starts": "08:00",
                    "ends": "12:00",
                    "lunch_starts": "12:00",
                    "lunch_ends": "12:30",
                }
            ],
            InvalidArguments,
        ),
        ([{"weekday": 1, "starts": "08:00Z", "ends": "12:00Z"}], InvalidArguments),
    ],
)
async def test_org_07_a_week_that_cannot_be_worked_is_refused(
    database: Database, world: World, week: list[dict[str, object]], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        await run(database, world.ada, "shift.set_week", technician_id=id_of("bob"), week=week)
    async with database.transaction() as session:
        assert len(await calendars.shifts_of(session, 1, id_of("bob"))) == 5


MINUTE = st.integers(0, 600).map(
    lambda m: datetime(2026, 11, 23, tzinfo=UTC) + timedelta(minutes=m)
)
INTERVAL = st.tuples(MINUTE, MINUTE).filter(lambda pair: pair[0] < pair[1])


@given(st.lists(INTERVAL, max_size=3), st.lists(INTERVAL, max_size=4))
def test_org_07_cutting_gaps_leaves_exactly_the_minutes_outside_them(
    parts: list[queries.Interval], gaps: list[queries.Interval]
) -> None:
    left = queries.without(parts, gaps)
    for minute in range(0, 600, 7):
        at = datetime(2026, 11, 23, tzinfo=UTC) + timedelta(minutes=minute)
        inside = any(a <= at < b for a, b in parts)
        cut = any(a <= at < b for a, b in gaps)
        assert any(a <= at < b for a, b in left) == (inside and not cut)


def test_an_actor_without_the_permission_has_no_scope() -> None:
    somebody = Actor(id_of("x"), 1, grants=(Grant(Role.CONTRACTOR_MANAGER, firm_id=FIRM),))
    with pytest.raises(Forbidden):
        somebody.scope(Permission.CONTACT_READ)


def test_a_capture_of_the_same_boot_is_placed_by_the_monotonic_clock() -> None:
    received = datetime(2026, 11, 23, 12, tzinfo=UTC)
    wrong_by_a_day = received + timedelta(days=1)
    sent = clock.DeviceClock(wrong_by_a_day, 7_200_000, "boot")
    captured = clock.DeviceClock(wrong_by_a_day - timedelta(hours=5), 0, "boot")
    guess = clock.estimate(captured, sent, received, None)
    assert guess.at == received - timedelta(hours=2)
    assert guess.confidence is clock.Confidence.HIGH
    assert guess.clock_far_off


def test_a_capture_of_another_boot_is_clamped_to_what_the_server_knows() -> None:
    received = datetime(2026, 11, 23, 12, tzinfo=UTC)
    sent = clock.DeviceClock(received, 1000, "new")
    captured = clock.DeviceClock(received - timedelta(days=9), 5, "old")
    last_seen = received - timedelta(hours=8)
    guess = clock.estimate(captured, sent, received, last_seen)
    assert (guess.at, guess.confidence) == (last_seen, clock.Confidence.LOW)
