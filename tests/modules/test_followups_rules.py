"""FO-01, FO-02, FO-05: who is asked how, and the figures, by worked examples."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from fieldops.followups import rules
from fieldops.followups.rules import Period, Tally

HELSINKI = ZoneInfo("Europe/Helsinki")


@pytest.mark.parametrize(
    ("segment", "tier", "person"),
    [
        ("household", "diamond", True),
        ("personal", "gold", True),
        ("household", "silver", False),
        ("household", "basic", False),
        ("enterprise", "5B", True),
        ("government", "1A", True),
    ],
)
def test_fo_02_high_tiers_and_businesses_are_asked_by_a_person(
    segment: str, tier: str, *, person: bool
) -> None:
    assert rules.by_person(segment, tier) is person


def test_fo_01_installs_moves_and_repairs_are_followed_up_and_nothing_else() -> None:
    assert rules.matter_of(["repair", "install"]) == "install"
    assert rules.matter_of(["remove", "move"]) == "move"
    assert rules.matter_of(["remove", "inspect", "patrol", "care", "change"]) is None


def test_fo_01_the_day_a_follow_up_is_due_on_ends_at_local_midnight() -> None:
    asked = datetime(2026, 11, 23, 21, 59, tzinfo=UTC)  # 23:59 in Helsinki
    assert rules.due_at(asked, HELSINKI) == datetime(2026, 11, 23, 22, tzinfo=UTC)
    later = datetime(2026, 11, 23, 22, tzinfo=UTC)
    assert rules.due_at(later, HELSINKI) == datetime(2026, 11, 24, 22, tzinfo=UTC)


def test_fo_05_satisfaction_leaves_out_whoever_gave_no_answer() -> None:
    # 20 matters, 13 answered: 5 very satisfied, 6 satisfied, 2 dissatisfied.
    tally = Tally()
    for said, number, in_time in (
        ("very_satisfied", 5, 5), ("satisfied", 6, 4), ("dissatisfied", 2, 1), (None, 7, 0),
    ):  # fmt: skip
        tally.count(said, number, in_time=in_time)
    assert (tally.planned, tally.answered) == (20, 13)
    assert tally.reach_percent == 65.0  # 13 / 20
    assert tally.in_time_percent == 50.0  # 10 / 20
    assert tally.satisfaction_percent == 84.62  # 11 / 13
    assert Tally().satisfaction_percent is None


def test_fo_05_the_pareto_table_by_hand() -> None:
    # 7 dissatisfied: 3, 2, 1, 1. A third of the rounded shares would add up to 99.99.
    rows = rules.pareto({"cost": 1, "not_solved": 3, None: 1, "speed_low": 2})
    assert [(r.reason, r.count, r.share_percent, r.cumulative_percent) for r in rows] == [
        ("not_solved", 3, 42.86, 42.86),
        ("speed_low", 2, 28.57, 71.43),
        ("cost", 1, 14.29, 85.71),
        (None, 1, 14.29, 100.0),
    ]
    assert rules.pareto({}) == []


def test_fo_05_weeks_begin_on_monday_and_months_on_the_first() -> None:
    sunday = date(2026, 3, 1)
    assert rules.period_of(sunday, Period.DAY) == sunday
    assert rules.period_of(sunday, Period.WEEK) == date(2026, 2, 23)
    assert rules.period_of(sunday, Period.MONTH) == sunday


def test_fo_03_every_reason_and_every_line_is_there_in_both_languages() -> None:
    assert all(text["en"] and text["zh_cn"] for text in rules.reasons().values())
    keys = [line["key"] for line in rules.script()]
    assert len(keys) == len(set(keys))
    assert all(line["en"].count("{") == line["zh_cn"].count("{") for line in rules.script())
