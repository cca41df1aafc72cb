"""The search for free windows (AP-01), and that the plain decoder always agrees with it."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from fieldops.appointments import rules
from fieldops.appointments.slots import exact, risk, search
from fieldops.appointments.slots.calendars import Busy, Calendar, Certificate, Wanted, windows
from fieldops.appointments.slots.gaps import Reals, days_of
from fieldops.appointments.slots.table import Table, open_days, table_of
from fieldops.kernel.geo import Position
from fieldops.kernel.ids import NIL
from fieldops.travel.rules import great_circle_seconds

HELSINKI = ZoneInfo("Europe/Helsinki")
FIXED, COPPER, FIBRE = "fixed_line", "copper_broadband", "fibre"
HERE, FAR = (24.94, 60.17), (25.34, 60.17)  # 22 km apart: an hour by road
HOUR = timedelta(hours=1)


def local(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=HELSINKI).astimezone(UTC)


def calendar(
    number: int,
    *skills: str,
    busy: tuple[Busy, ...] = (),
    home: Position | None = HERE,
    until: date = date(2027, 1, 1),
    days: tuple[int, ...] = (26,),
) -> Calendar:
    certificates = tuple(Certificate(s, date(2026, 1, 1), until) for s in skills)
    working = tuple(
        part
        for day in days
        for part in ((local(day, 8), local(day, 12)), (local(day, 12, 30), local(day, 17)))
    )
    return Calendar(UUID(int=number), home, certificates, working, busy)


def busy(start: datetime, end: datetime, place: Position | None = HERE) -> Busy:
    return Busy(uuid5(NIL, str(start)), start, end, place)


def wanted(*skills: str, people: int = 1, hours: float = 1, position: Position = HERE) -> Wanted:
    return Wanted(frozenset(skills), people, position, timedelta(hours=hours), HELSINKI)


def drive(a: Position, b: Position) -> float:
    return float(np.ceil(great_circle_seconds([a], [b])[0, 0]))


def drives(places: Reals, here: Position) -> Reals:
    seconds = np.zeros(len(places))
    known = ~np.isnan(places[:, 0])
    if known.any():
        seconds[known] = np.ceil(great_circle_seconds(places[known].tolist(), [here])[:, 0])
    return seconds


@dataclass(frozen=True)
class Found:
    """What was found of a window, in words of a person's watch."""

    start: str
    arrival: datetime
    who: tuple[int, ...]
    extra_minutes: int


def table(calendars: list[Calendar]) -> Table:
    by_id = {c.technician_id: c for c in calendars}
    return table_of(by_id, {id_: days_of(c, HELSINKI) for id_, c in by_id.items()})


def found(
    calendars: list[Calendar], asked: Wanted, *, step: float = 2, earliest: datetime | None = None
) -> list[Found]:
    return [one for _, one in with_windows(calendars, asked, step, earliest)]


def with_windows(
    calendars: list[Calendar], asked: Wanted, step: float, earliest: datetime | None = None
) -> Iterator[tuple[search.Found, Found]]:
    all_of = table(calendars)
    offered = windows(
        all_of.spans(),
        length=timedelta(hours=2),
        step=timedelta(hours=step),
        earliest=earliest or local(23, 0),
        latest=local(30, 23),
    )
    question = search.Asked(
        all_of.mask_of(asked.skills), asked.people, asked.duration.total_seconds()
    )
    rows = search.rows_for(all_of, question)
    here = asked.position or HERE
    among = search.chances(rows, question, drives(rows.origins, here), drives(rows.goals, here))
    for one in search.search(all_of, among, offered, question):
        yield (
            one,
            Found(
                f"{one.window.start.astimezone(HELSINKI):%H:%M}",
                datetime.fromtimestamp(one.arrival, UTC),
                tuple(sorted(id_.int for id_ in one.technician_ids)),
                round(one.extra_seconds / 60),
            ),
        )


def starts(calendars: list[Calendar], asked: Wanted, step: float = 2) -> list[str]:
    return [one.start for one in found(calendars, asked, step=step)]


def test_ap_01_work_lies_in_working_time_and_never_over_lunch() -> None:
    at = {one.start: one.arrival for one in found([calendar(1, FIXED)], wanted(FIXED), step=1)}
    assert list(at) == ["08:00", "09:00", "10:00", "11:00", "12:00", "13:00", "14:00", "15:00"]
    assert at["11:00"] == local(26, 11)
    assert at["12:00"] == local(26, 12, 30)


def test_ap_01_reserved_time_is_not_offered_again_and_the_rest_of_a_window_is() -> None:
    morning = calendar(1, FIXED, busy=(busy(local(26, 8), local(26, 12)),))
    assert starts([morning], wanted(FIXED), step=1)[0] == "11:00"  # at 12:30, after lunch
    early = calendar(1, FIXED, busy=(busy(local(26, 8), local(26, 9)),))
    assert found([early], wanted(FIXED))[0].arrival == local(26, 9)


def test_ap_01_the_drive_from_the_neighbour_before_and_to_the_one_after_is_included() -> None:
    hour = drive(FAR, HERE)
    before = calendar(1, FIXED, busy=(busy(local(26, 8), local(26, 9), FAR),))
    first = found([before], wanted(FIXED))[0]
    whole = timedelta(seconds=hour) + timedelta(minutes=1)
    assert local(26, 9) + timedelta(seconds=hour) <= first.arrival < local(26, 9) + whole
    after = calendar(1, FIXED, busy=(busy(local(26, 9, 50), local(26, 11), FAR),))
    assert found([after], wanted(FIXED))[0].start == "12:00"  # no hour is left for the drive at 9
    near = calendar(1, FIXED, busy=(busy(local(26, 9, 50), local(26, 11)),))
    assert found([near], wanted(FIXED))[0].start == "08:00"


def test_ap_01_the_first_drive_of_the_day_starts_at_home_with_the_shift() -> None:
    far = found([calendar(1, FIXED, home=FAR)], wanted(FIXED))[0]
    assert far.arrival > local(26, 8, 55)
    assert far.extra_minutes == round(drive(FAR, HERE) / 60)
    assert found([calendar(1, FIXED, home=None)], wanted(FIXED))[0].arrival == local(26, 8)


def test_org_07_lunch_is_no_time_to_drive() -> None:
    late = calendar(1, FIXED, busy=(busy(local(26, 10), local(26, 11, 40), FAR),))
    arrival = next(o.arrival for o in found([late], wanted(FIXED), step=1) if o.start == "12:00")
    driven_before_lunch = timedelta(minutes=20)
    rest = timedelta(seconds=drive(FAR, HERE)) - driven_before_lunch
    assert timedelta() <= arrival - (local(26, 12, 30) + rest) < timedelta(minutes=1)


def test_ap_01_long_work_is_offered_where_it_can_be_finished() -> None:
    assert starts([calendar(1, FIXED)], wanted(FIXED, hours=4)) == ["08:00", "12:00"]


def test_vi_01_one_technician_with_every_skill_is_preferred_to_two() -> None:
    three = [calendar(1, FIXED), calendar(2, FIBRE), calendar(3, FIXED, FIBRE, home=FAR)]
    asked = wanted(FIXED, FIBRE)
    assert found(three, asked)[0].who == (3,)
    assert found(three[:2], asked)[0].who == (1, 2)


def test_vi_01_a_team_begins_together() -> None:
    one = calendar(1, FIXED, busy=(busy(local(26, 8), local(26, 9)),))
    other = calendar(2, FIBRE, busy=(busy(local(26, 10), local(26, 12)),))
    offered = found([one, other], wanted(FIXED, FIBRE))
    assert (offered[0].start, offered[0].arrival) == ("08:00", local(26, 9))
    assert [o.start for o in offered[1:]] == ["12:00", "14:00"], "10:00 suits only the first"


def test_vi_01_work_for_two_people_takes_two_of_the_same_skill() -> None:
    asked = wanted(FIXED, people=2)
    assert found([calendar(1, FIXED)], asked) == []
    three = [calendar(1, FIXED, home=FAR), calendar(2, FIXED), calendar(3, FIXED)]
    assert found(three, asked)[0].who == (2, 3)


def test_vi_01_three_skills_of_three_people_are_joined_and_four_are_not() -> None:
    skills = (FIXED, FIBRE, "enterprise", "indoor_network")
    people = [calendar(n, skill) for n, skill in enumerate(skills, start=1)]
    assert found(people, wanted(*skills[:3]))[0].who == (1, 2, 3)
    assert found(people, wanted(*skills)) == []


def test_ap_01_whoever_drives_least_comes_and_among_equals_whose_day_is_emptier() -> None:
    full = calendar(1, FIXED, busy=(busy(local(26, 14), local(26, 16)),))
    two = [full, calendar(2, FIXED)]
    assert {o.who for o in found(two, wanted(FIXED))[:2]} == {(2,)}
    two = [full, calendar(2, FIXED, home=FAR)]
    assert found(two, wanted(FIXED))[0].who == (1,)


def test_org_03_a_certificate_counts_on_its_days_only() -> None:
    assert found([calendar(1, FIXED, until=date(2026, 11, 25))], wanted(FIXED)) == []
    renewed = calendar(1, FIXED, until=date(2026, 11, 25))
    again = Certificate(FIXED, date(2026, 11, 26), date(2027, 1, 1))
    renewed = replace(renewed, certificates=(*renewed.certificates, again))
    assert found([renewed], wanted(FIXED))


def test_ap_01_nothing_is_offered_before_now() -> None:
    asked = found([calendar(1, FIXED)], wanted(FIXED), earliest=local(26, 9, 5), step=1)
    assert asked[0].start == "10:00"


def day_at_random(chance: random.Random, number: int) -> Calendar:
    """A technician with a few visits at random places, not always in time of each other."""
    taken: list[Busy] = []
    at = local(26, 8) + timedelta(minutes=chance.randrange(120))
    while at < local(26, 16):
        place = (24.94 + chance.uniform(-0.1, 0.1), 60.17 + chance.uniform(-0.05, 0.05))
        end = at + timedelta(minutes=chance.choice((20, 45, 60, 90)))
        taken.append(
            Busy(uuid5(NIL, f"{number} {at}"), at, end, chance.choice((place, HERE, None)))
        )
        at = end + timedelta(minutes=chance.randrange(200))
    skills = chance.sample((FIXED, COPPER, FIBRE), chance.randint(1, 3))
    home = chance.choice((HERE, FAR, None, (24.9, 60.2)))
    made = calendar(number, *skills, home=home, busy=tuple(taken))
    if chance.random() < 0.2:  # a leave in the morning
        return replace(made, working=((local(26, 9, 40), local(26, 12)), made.working[1]))
    return made


@pytest.mark.parametrize("seed", range(40))
def test_ap_01_what_the_search_finds_is_what_the_plain_decoder_finds(seed: int) -> None:
    chance = random.Random(seed)
    people = [day_at_random(chance, n) for n in range(1, 7)]
    asked = wanted(
        *chance.sample((FIXED, COPPER, FIBRE), chance.choice((1, 1, 2))),
        people=chance.choice((1, 1, 1, 2)),
        hours=chance.choice((0.5, 1, 2)),
        position=(24.94 + chance.uniform(-0.1, 0.1), 60.17),
    )
    seen = {one.window.start: one for one, _ in with_windows(people, asked, 0.5)}
    for window in windows(
        table(people).spans(),
        length=timedelta(hours=2),
        step=timedelta(hours=0.5),
        earliest=local(23, 0),
        latest=local(30, 0),
    ):
        one = seen.get(window.start)
        if one is None:
            assert not any_team(people, asked, window.start, window.end)
            continue
        team = [c for c in people if c.technician_id in one.technician_ids]
        assert len(team) == len(one.technician_ids) >= asked.people
        at = datetime.fromtimestamp(one.arrival, UTC)
        assert window.start <= at < window.end
        assert all(exact.fits(c, at, asked, drive) for c in team)


def any_team(people: list[Calendar], asked: Wanted, start: datetime, end: datetime) -> bool:
    """Say by trying every minute whether anybody, alone or in threes, could come."""
    day = date(2026, 11, 26)
    at = start
    while at < end:
        there = [c for c in people if exact.fits(c, at, asked, drive)]
        useful = [c.skills(day) & asked.skills for c in there if c.skills(day) & asked.skills]
        if len(useful) >= asked.people and frozenset().union(*useful) == asked.skills:
            return True  # with two skills and two people three are always enough
        at += timedelta(minutes=1)
    return False


def test_ap_01_the_reserve_of_a_day_is_kept_for_each_skill() -> None:
    half = calendar(1, FIXED, busy=(busy(local(26, 8), local(26, 12)),), days=(26, 27))
    all_of = table([half, calendar(2, FIBRE, days=(26, 27))])
    thursday, friday = (date(2026, 11, day).toordinal() for day in (26, 27))
    assert open_days(all_of, [FIXED], 3600, 0.2) == {thursday, friday}
    assert open_days(all_of, [FIXED], 3600, 0.5) == {friday}, "five of 8.5 hours would be taken"
    assert open_days(all_of, [FIXED, FIBRE], 3600, 0.5) == {friday}
    assert open_days(all_of, ["enterprise"], 3600, 0.0) == set()


def test_ap_01_the_reserve_is_for_faults_then_for_high_tiers() -> None:
    shares = {"faults": 0.1, "tiers": 0.15}
    assert rules.kept_from("basic", 2101, **shares) == 0.25
    assert rules.kept_from("diamond", 2109, **shares) == 0.1
    assert rules.kept_from("basic", 3101, **shares) == 0.0


def test_ap_07_the_lateness_risk_grows_with_what_comes_before_and_falls_with_slack() -> None:
    def of(*taken: Busy, team: int = 1) -> float:
        people = [calendar(n, FIXED, busy=taken) for n in range(team)]
        return risk.lateness(people, local(26, 11), local(26, 12), wanted(FIXED), drive, 0.3)

    assert of() == 0.0
    one = busy(local(26, 9), local(26, 11))
    assert of(one) == pytest.approx(0.0478, abs=1e-3)  # an hour of slack, 36 minutes of deviation
    assert of(busy(local(26, 8), local(26, 9)), one) > of(one)
    assert of(one, team=2) == pytest.approx(1 - (1 - of(one)) ** 2)
    assert of(busy(local(26, 9), local(26, 10))) < of(one)
