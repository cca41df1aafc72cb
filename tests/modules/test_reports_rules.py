from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fieldops.reports import rules
from fieldops.reports.rules import (
    Holding,
    Limits,
    Miss,
    Period,
    Promise,
    Standing,
    Unsynced,
    Verdict,
)

HELSINKI = ZoneInfo("Europe/Helsinki")
MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # 10:00 in Helsinki
LATER = MONDAY + timedelta(days=30)
LIMITS = Limits(timedelta(days=15), 1, timedelta())


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def promise(**changes: object) -> Promise:
    """A kept appointment: window 10 to 12 local time, at the door 10:05, done 11:30."""
    usual: dict[str, object] = {
        "window_start": MONDAY,
        "window_end": MONDAY + hours(2),
        "ended": True,
        "arrived_at": MONDAY + timedelta(minutes=5),
        "completed_at": MONDAY + hours(1.5),
    }
    return Promise(**{**usual, **changes})  # type: ignore[arg-type]


def judged(
    made: Promise, now: datetime = LATER, limits: Limits = LIMITS, zone: ZoneInfo = HELSINKI
) -> Verdict:
    return rules.judge(made, now=now, zone=zone, limits=limits)


def test_kp_01_an_appointment_completed_on_its_day_after_arriving_in_the_window_is_kept() -> None:
    assert judged(promise()) == Verdict(Standing.KEPT)


@pytest.mark.parametrize(
    ("arrived", "misses"),
    [
        (MONDAY, ()),
        (MONDAY + hours(2), ()),
        (MONDAY - timedelta(seconds=1), (Miss.ARRIVED_BEFORE_WINDOW,)),
        (MONDAY + hours(2) + timedelta(seconds=1), (Miss.ARRIVED_AFTER_WINDOW,)),
        (None, (Miss.ARRIVAL_NOT_RECORDED,)),
    ],
)
def test_kp_01_the_arrival_lies_inside_the_window_ends_included(
    arrived: datetime | None, misses: tuple[Miss, ...]
) -> None:
    assert judged(promise(arrived_at=arrived)).misses == misses


def test_kp_01_a_region_may_count_an_arrival_shortly_before_the_window_as_inside() -> None:
    early = promise(arrived_at=MONDAY - timedelta(minutes=10))
    tolerant = Limits(timedelta(days=15), 1, timedelta(minutes=10))
    assert judged(early, limits=tolerant).standing is Standing.KEPT


def test_kp_01_the_day_is_the_regions_local_day() -> None:
    evening = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)  # 21:00 in Helsinki
    late = promise(
        window_start=evening,
        window_end=evening + hours(1),
        arrived_at=evening,
        completed_at=evening + hours(3.5),  # 22:30 UTC, 00:30 on Tuesday in Helsinki
    )
    assert judged(late).misses == (Miss.COMPLETED_ON_ANOTHER_DAY,)
    assert judged(late, zone=ZoneInfo("UTC")).standing is Standing.KEPT


def test_kp_01_a_window_over_midnight_may_be_completed_on_either_day() -> None:
    night = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)  # 23:00 in Helsinki
    made = promise(
        window_start=night,
        window_end=night + hours(2),
        arrived_at=night + hours(1.5),
        completed_at=night + hours(3),
    )
    assert judged(made).standing is Standing.KEPT


@pytest.mark.parametrize(("moves", "kept"), [(0, True), (1, True), (2, False)])
def test_ap_06_one_operator_cause_reschedule_is_tolerated_and_no_second_one(
    moves: int, kept: bool
) -> None:
    verdict = judged(promise(operator_reschedules=moves))
    assert (verdict.standing is Standing.KEPT) is kept
    assert (Miss.RESCHEDULED_AGAIN in verdict.misses) is not kept


@pytest.mark.parametrize(("days", "kept"), [(15, False), (15.01, True)])
def test_kp_01_a_fault_within_fifteen_days_undoes_an_install(days: float, kept: bool) -> None:
    done = MONDAY + hours(1.5)
    faulty = promise(installed=True, first_fault_at=done + timedelta(days=days))
    assert (judged(faulty).standing is Standing.KEPT) is kept
    assert judged(promise(first_fault_at=done + hours(1))).standing is Standing.KEPT


def test_kp_01_a_kept_install_is_provisional_until_the_fifteen_days_are_over() -> None:
    made = promise(installed=True)
    over = MONDAY + hours(1.5) + timedelta(days=15)
    assert judged(made, now=over) == Verdict(Standing.KEPT, provisional=True)
    assert judged(made, now=over + hours(1)) == Verdict(Standing.KEPT)


def test_kp_01_what_the_customer_cancelled_is_not_due_what_the_operator_cancelled_is_missed() -> (
    None
):
    by_customer = promise(cancelled=True, cancelled_by_customer=True)
    assert judged(by_customer) == Verdict(Standing.NOT_DUE)
    by_operator = judged(promise(cancelled=True))
    assert by_operator == Verdict(Standing.NOT_KEPT, (Miss.CANCELLED_BY_OPERATOR,))


def test_kp_01_an_appointment_stays_open_until_its_day_is_over_for_a_phone_may_be_offline() -> None:
    silent = promise(ended=False, arrived_at=None, completed_at=None)
    assert judged(silent, now=MONDAY + hours(13)).standing is Standing.OPEN
    missed = judged(silent, now=MONDAY + hours(14))  # midnight in Helsinki
    assert missed.misses == (Miss.NOT_COMPLETED, Miss.ARRIVAL_NOT_RECORDED)


def test_kp_01_every_reason_is_given_not_only_the_first() -> None:
    bad = promise(
        arrived_at=MONDAY + hours(3),
        completed_at=MONDAY + timedelta(days=1),
        operator_reschedules=2,
        installed=True,
        first_fault_at=MONDAY + timedelta(days=2),
    )
    assert set(judged(bad).misses) == {
        Miss.ARRIVED_AFTER_WINDOW,
        Miss.COMPLETED_ON_ANOTHER_DAY,
        Miss.RESCHEDULED_AGAIN,
        Miss.FAULT_AFTER_INSTALL,
    }


MOMENTS = st.integers(-60 * 24 * 3, 60 * 24 * 20).map(lambda m: MONDAY + timedelta(minutes=m))


@st.composite
def promises(draw: st.DrawFn) -> Promise:
    start = draw(st.integers(-60 * 24, 60 * 24).map(lambda m: MONDAY + timedelta(minutes=m)))
    completed = draw(st.none() | MOMENTS)
    cancelled = draw(st.booleans())
    return Promise(
        window_start=start,
        window_end=start + timedelta(minutes=draw(st.integers(1, 600))),
        cancelled=cancelled,
        cancelled_by_customer=draw(st.booleans()),
        operator_reschedules=draw(st.integers(0, 3)),
        ended=completed is not None or draw(st.booleans()),
        arrived_at=draw(st.none() | MOMENTS),
        completed_at=completed,
        installed=draw(st.booleans()),
        first_fault_at=draw(st.none() | MOMENTS),
    )


def naively_kept(p: Promise, zone: ZoneInfo) -> bool:
    """KP-01 as its sentence reads, with plain calendar arithmetic."""
    if p.cancelled or p.completed_at is None or p.arrived_at is None:
        return False
    days = set()
    day = p.window_start.astimezone(zone).date()
    while day <= p.window_end.astimezone(zone).date():
        days.add(day)
        day = date.fromordinal(day.toordinal() + 1)
    on_its_day = p.completed_at.astimezone(zone).date() in days
    no_second_reschedule = p.operator_reschedules < 2
    inside = not (p.arrived_at < p.window_start or p.arrived_at > p.window_end)
    fault = (
        p.installed
        and p.first_fault_at is not None
        and (p.first_fault_at - p.completed_at).total_seconds() <= 15 * 86400
    )
    return on_its_day and no_second_reschedule and inside and not fault


@given(promises(), st.sampled_from(["Europe/Helsinki", "Asia/Shanghai", "UTC"]))
@example(promise(), "Europe/Helsinki")
def test_kp_01_the_rule_agrees_with_a_naive_rewrite(made: Promise, zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    verdict = judged(made, now=LATER, zone=zone)
    assert (verdict.standing is Standing.KEPT) == naively_kept(made, zone)
    assert (verdict.standing is Standing.NOT_KEPT) == bool(verdict.misses)
    assert (verdict.standing is Standing.NOT_DUE) == (made.cancelled and made.cancelled_by_customer)


def test_kp_01_is_cut_by_local_day_week_from_monday_and_month() -> None:
    sunday = date(2026, 11, 29)
    assert rules.period_start(sunday, Period.DAY) == sunday
    assert rules.period_start(sunday, Period.WEEK) == date(2026, 11, 23)
    assert rules.period_start(sunday, Period.MONTH) == date(2026, 11, 1)
    assert rules.period_start(sunday, Period.NONE) is None


def test_a_device_is_unsynced_without_the_visit_with_an_older_version_or_with_queued_work() -> None:
    assert rules.unsynced([], 3) == (Unsynced.NO_DEVICE,)
    assert rules.unsynced([Holding(MONDAY)], 3) == (Unsynced.NEVER_PULLED,)
    assert rules.unsynced([Holding(MONDAY, version=2)], 3) == (Unsynced.OLDER_VERSION,)
    assert rules.unsynced([Holding(MONDAY, version=3)], 3) == ()
    assert rules.unsynced([Holding(MONDAY, 4, 3)], 3) == (Unsynced.QUEUED_WORK,)


def test_the_device_seen_last_speaks_but_queued_work_on_an_old_one_is_not_forgotten() -> None:
    old = Holding(MONDAY - hours(5), queued=2, version=1)
    new = Holding(MONDAY, version=3)
    assert rules.unsynced([new, old], 3) == (Unsynced.QUEUED_WORK,)
