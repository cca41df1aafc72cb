"""FA-02: when reports make an area fault, as pure rules."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldops.faults import rules
from fieldops.faults.errors import RepairTimePast

NOON = datetime(2026, 11, 23, 10, tzinfo=UTC)
HOUR = timedelta(minutes=60)
HOMES = [uuid4() for _ in range(4)]


def at(*minutes: float) -> list[tuple[datetime, UUID]]:
    return [(NOON + timedelta(minutes=m), home) for m, home in zip(minutes, HOMES, strict=False)]


@pytest.mark.parametrize(
    ("minutes", "proposed"),
    [
        ((0, 30, 60), True),  # in the sixtieth minute
        ((0, 30, 61), False),
        ((0, 30), False),
        ((0, 1, 2), True),
        ((0, 40, 61, 100), True),  # forty, sixty-one and a hundred lie in one hour
    ],
)
def test_fa_02_three_reports_within_sixty_minutes(
    minutes: tuple[float, ...], *, proposed: bool
) -> None:
    reports = at(*minutes)
    assert rules.gathers(reports, reports[-1][0], needed=3, within=HOUR) is proposed


def test_fa_02_whoever_reports_three_times_is_one() -> None:
    reports = [(NOON + timedelta(minutes=m), HOMES[0]) for m in range(3)]
    assert not rules.gathers(reports, NOON, needed=3, within=HOUR)


def test_fa_02_a_report_that_came_in_late_counts_where_it_lies() -> None:
    assert rules.gathers(at(30, 60, 0), NOON, needed=3, within=HOUR)


@given(st.lists(st.integers(0, 600), min_size=1, max_size=12), st.integers(2, 5))
def test_fa_02_reports_gather_as_counting_every_hour_would_say(
    minutes: list[int], needed: int
) -> None:
    homes = [uuid4() for _ in minutes]
    reports = [(NOON + timedelta(minutes=m), home) for m, home in zip(minutes, homes, strict=True)]
    newest = minutes[-1]
    counted = any(
        sum(start <= m <= start + 60 for m in minutes) >= needed
        for start in range(newest - 60, newest + 1)
    )
    found = rules.gathers(reports, reports[-1][0], needed=needed, within=HOUR)
    assert found is counted


def test_fa_02_the_smallest_common_piece_of_plant_is_proposed() -> None:
    box, cable, feeder = HOMES[:3]
    position = {feeder: 4, cable: 7, box: 9}
    assert rules.narrowest([feeder, cable, box], position) == box
    assert rules.narrowest([feeder, cable], position) == cable
    assert rules.narrowest([], position) is None


def test_fa_02_a_repair_is_expected_ahead() -> None:
    rules.check_repair_time(NOON + HOUR, NOON)
    for wrong in (NOON, NOON - HOUR, NOON + timedelta(days=91)):
        with pytest.raises(RepairTimePast):
            rules.check_repair_time(wrong, NOON)
