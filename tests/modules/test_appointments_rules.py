"""The ladder, the quiet hours and the slot search as pure computation."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fieldops.appointments import ladders, rules

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


SHIPPED = ladders.default(timedelta(hours=24), timedelta(hours=3), timedelta(minutes=30))


def first_question(tier: str) -> ladders.Step:
    segment = "household" if tier.isalpha() else "enterprise"
    steps = [s for _, s in ladders.named(SHIPPED, segment, tier) if s.kind == "reconfirmation"]
    assert len(steps) == 1
    return steps[0]


@pytest.mark.parametrize("tier", ["diamond", "gold", "1A", "2A", "3A"])
def test_ap_04_high_tiers_are_reconfirmed_by_a_person(tier: str) -> None:
    assert first_question(tier).by_person


@pytest.mark.parametrize("tier", ["silver", "basic", "4A", "5A", "1B", "3B"])
def test_ap_04_other_tiers_get_a_message(tier: str) -> None:
    assert not first_question(tier).by_person
