"""The ladder, the quiet hours and the slot search as pure computation."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from fieldops.appointments import rules, slots

HELSINKI = ZoneInfo("Europe/Helsinki")
QUIET = rules.QuietHours.of(21, 8, HELSINKI)


def local(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=HELSINKI).astimezone(UTC)


def ladder(window_start: datetime, now: datetime) -> rules.Ladder:
    return rules.ladder(
        window_start,
        now=now,
        reconfirm_before=timedelta(hours=24),
        call_before=timedelta(hours=3),
        quiet=QUIET,
    )


def test_ap_03_the_second_confirmation_is_asked_24_hours_before_the_window() -> None:
    assert ladder(local(26, 13), local(20, 10)).reconfirm_at == local(25, 13)


def test_ap_03_a_window_booked_later_is_reconfirmed_at_once() -> None:
    assert ladder(local(26, 13), local(26, 9)).reconfirm_at == local(26, 9)


def test_ap_04_an_unconfirmed_window_is_called_three_hours_before() -> None:
    assert ladder(local(26, 13), local(20, 10)).call_at == local(26, 10)


def test_ap_09_a_step_in_the_quiet_hours_moves_to_their_end() -> None:
    assert ladder(local(26, 22), local(20, 10)).reconfirm_at == local(26, 8)
    assert ladder(local(26, 10), local(20, 10)).call_at == local(26, 8)


def test_ap_09_what_cannot_wait_for_the_morning_is_done_before_the_evening() -> None:
    assert ladder(local(26, 8), local(20, 10)).call_at == local(25, 20, 30)


def test_ap_09_a_window_booked_in_the_night_for_eight_has_nobody_woken() -> None:
    steps = ladder(local(26, 8), local(25, 23))
    assert (steps.reconfirm_at, steps.call_at) == (None, None)


@pytest.mark.parametrize(
    ("hour", "minute", "quiet"),
    [(20, 59, False), (21, 0, True), (0, 0, True), (7, 59, True), (8, 0, False)],
)
def test_ap_09_quiet_hours_begin_at_21_and_end_at_8_local_time(
    hour: int, minute: int, *, quiet: bool
) -> None:
    assert QUIET.covers(local(26, hour, minute)) is quiet


def test_ap_09_quiet_hours_follow_the_clock_change() -> None:
    before_summer_ends = datetime(2026, 10, 24, 22, tzinfo=HELSINKI)
    assert QUIET.end_after(before_summer_ends) == datetime(2026, 10, 25, 6, tzinfo=UTC)


def test_ap_09_equal_hours_mean_no_quiet_hours() -> None:
    never = rules.QuietHours.of(0, 0, HELSINKI)
    assert not any(never.covers(local(26, hour)) for hour in range(24))


def notice(arrival: datetime, now: datetime, *, night: bool = False) -> datetime | None:
    return rules.notice_time(
        arrival, now=now, before=timedelta(minutes=30), quiet=QUIET, night_visit_wanted=night
    )


def test_ap_05_the_notice_goes_out_half_an_hour_before_the_expected_arrival() -> None:
    assert notice(local(26, 13), local(26, 9)) == local(26, 12, 30)
    assert notice(local(26, 13), local(26, 12, 50)) == local(26, 12, 50)
    assert notice(local(26, 13), local(26, 13, 1)) is None


def test_ap_09_only_the_notice_of_a_wanted_night_visit_disturbs_the_night() -> None:
    assert notice(local(26, 23), local(26, 9), night=True) == local(26, 22, 30)
    assert notice(local(26, 23), local(26, 9)) == local(26, 20, 30)
    assert notice(local(26, 8, 10), local(25, 9)) == local(26, 8)


@pytest.mark.parametrize("tier", ["diamond", "gold", "1A", "2A", "3A"])
def test_ap_04_high_tiers_are_reconfirmed_by_a_person(tier: str) -> None:
    assert rules.needs_person(tier)


@pytest.mark.parametrize("tier", ["silver", "basic", "4A", "5A", "1B", "3B"])
def test_ap_04_other_tiers_get_a_message(tier: str) -> None:
    assert not rules.needs_person(tier)


FIXED, FIBRE = "fixed_line", "fibre"
HERE, FAR = (24.94, 60.17), (25.34, 60.17)


def calendar(
    number: int, skills: tuple[str, ...], *busy: slots.Busy, until: date = date(2027, 1, 1)
) -> slots.Calendar:
    certificates = tuple(slots.Certificate(s, date(2026, 1, 1), until) for s in skills)
    day = ((local(26, 8), local(26, 12)), (local(26, 12, 30), local(26, 17)))
    return slots.Calendar(UUID(int=number), certificates, day, busy)


def wanted(*skills: str, **changes: object) -> slots.Wanted:
    values: dict[str, object] = {
        "skills": frozenset(skills),
        "position": HERE,
        "window": timedelta(hours=2),
        "duration": timedelta(hours=1),
        "earliest": local(26, 7),
        "zone": HELSINKI,
        **changes,
    }
    return slots.Wanted(**values)  # type: ignore[arg-type]


def found(calendars: list[slots.Calendar], asked: slots.Wanted) -> list[tuple[str, list[int]]]:
    return [
        (f"{s.start.astimezone(HELSINKI):%H:%M}", [i.int for i in s.technician_ids])
        for s in slots.find(calendars, asked, limit=50)
    ]


def test_ap_01_windows_lie_in_working_time_and_never_over_lunch() -> None:
    assert found([calendar(1, (FIXED,))], wanted(FIXED)) == [
        ("08:00", [1]),
        ("10:00", [1]),
        ("12:30", [1]),
        ("14:30", [1]),
    ]


def test_ap_01_reserved_time_is_not_offered_again() -> None:
    busy = slots.Busy(local(26, 8), local(26, 12), HERE)
    assert found([calendar(1, (FIXED,), busy)], wanted(FIXED)) == [("12:30", [1]), ("14:30", [1])]


def test_ap_01_travel_from_a_far_neighbour_is_included() -> None:
    busy = slots.Busy(local(26, 8), local(26, 9), FAR)  # 22 km east: an hour by road
    assert found([calendar(1, (FIXED,), busy)], wanted(FIXED))[0] == ("10:00", [1])
    near = slots.Busy(local(26, 8), local(26, 9), HERE)
    assert found([calendar(1, (FIXED,), near)], wanted(FIXED))[0] == ("09:00", [1])


def test_ap_01_a_long_work_reserves_more_than_its_window() -> None:
    asked = wanted(FIXED, duration=timedelta(hours=4))
    assert found([calendar(1, (FIXED,))], asked) == [("08:00", [1]), ("12:30", [1])]


def test_vi_01_one_technician_with_every_skill_is_preferred_to_two() -> None:
    two = [calendar(1, (FIXED,)), calendar(2, (FIBRE,)), calendar(3, (FIXED, FIBRE))]
    assert found(two, wanted(FIXED, FIBRE))[0] == ("08:00", [3])
    assert sorted(found(two[:2], wanted(FIXED, FIBRE))[0][1]) == [1, 2]


def test_org_03_a_certificate_that_ends_before_the_day_does_not_count() -> None:
    old = calendar(1, (FIXED,), until=date(2026, 11, 25))
    assert found([old], wanted(FIXED)) == []


def test_ap_01_nothing_is_offered_before_now_or_beyond_the_limit() -> None:
    asked = wanted(FIXED, earliest=local(26, 9, 5), latest_start=local(26, 13))
    assert found([calendar(1, (FIXED,))], asked) == [("09:15", [1]), ("12:30", [1])]
