"""AP-07: when technicians will be at their remaining visits, by the state of the day."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from fieldops.dispatch.prediction import (
    Cause,
    Due,
    LateRisk,
    Part,
    Prediction,
    Whereabouts,
    predict,
)

TEN = datetime(2026, 11, 23, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = 60 * MINUTE
ANNA, BEN = UUID(int=1), UUID(int=2)
FIRST, SECOND, THIRD = UUID(int=11), UUID(int=12), UUID(int=13)
DOOR = 3  # the fourth place; every way takes 20 minutes
WAYS = 1200.0 * (1 - np.eye(5))
AT_HOME = Whereabouts(DOOR, TEN - 4 * HOUR)


def due(visit_id: UUID, place: int, start: datetime, *parts: Part, minutes: int = 60) -> Due:
    return Due(visit_id, place, start, start + 2 * HOUR, start, minutes, parts)


def day(now: datetime, *visits: Due, **people: Whereabouts) -> Prediction:
    known = {ANNA: people.get("anna", AT_HOME), BEN: people.get("ben", AT_HOME)}
    return predict(now, visits, known, WAYS, overrun=10 * MINUTE)


def anna(step: str = "offered", **more: Any) -> Part:
    return Part(ANNA, step, **more)


def test_ap_07_who_is_at_home_in_time_arrives_as_planned() -> None:
    found = day(TEN, due(FIRST, 0, TEN + HOUR, anna()))
    assert found.arrivals[FIRST, ANNA].at == TEN + HOUR
    assert found.risks[FIRST] == ()


def test_ap_07_who_has_not_left_arrives_a_way_from_now() -> None:
    visit = due(FIRST, 0, TEN - 2 * HOUR, anna(latest_departure_at=TEN - 3 * HOUR))
    found = day(TEN, visit)
    assert found.arrivals[FIRST, ANNA].at == TEN + 20 * MINUTE
    assert found.arrivals[FIRST, ANNA].cause is Cause.NOT_DEPARTED
    assert found.risks[FIRST] == (LateRisk.NOT_DEPARTED, LateRisk.ARRIVAL_AFTER_WINDOW)


def test_ap_07_work_that_runs_over_delays_the_next_visit_and_says_so() -> None:
    here = due(
        FIRST,
        0,
        TEN - 3 * HOUR,
        anna("working", started_at=TEN - 3 * HOUR, arrived_at=TEN - 3 * HOUR),
    )
    following = replace(due(SECOND, 1, TEN - HOUR, anna()), window_end=TEN + 20 * MINUTE)
    found = day(TEN, here, following)
    next_ = found.arrivals[SECOND, ANNA]
    assert next_.at == TEN + 30 * MINUTE  # ten more minutes of work, twenty of way
    assert next_.cause is Cause.RUNNING_OVER
    assert found.risks[FIRST] == (LateRisk.RUNNING_OVER,)
    assert LateRisk.ARRIVAL_AFTER_WINDOW in found.risks[SECOND]


def test_ap_07_a_delay_goes_on_through_the_day() -> None:
    visits = [
        due(FIRST, 0, TEN - HOUR, anna("working", started_at=TEN, arrived_at=TEN), minutes=120),
        due(SECOND, 1, TEN, anna(), minutes=120),
        due(THIRD, 2, TEN + 2 * HOUR, anna()),
    ]
    found = day(TEN, *visits)
    assert found.arrivals[SECOND, ANNA].at == TEN + 2 * HOUR + 20 * MINUTE
    assert found.arrivals[THIRD, ANNA].at == TEN + 4 * HOUR + 40 * MINUTE
    assert found.arrivals[THIRD, ANNA].cause is Cause.BEHIND


def test_ap_07_on_the_way_the_newest_position_counts() -> None:
    left = anna("en_route", departed_at=TEN - 15 * MINUTE)
    visit = due(FIRST, 0, TEN - HOUR, left)
    assert day(TEN, visit).arrivals[FIRST, ANNA].at == TEN + 5 * MINUTE
    elsewhere = Whereabouts(4, TEN - MINUTE)  # seen a minute ago, still a whole way off
    assert day(TEN, visit, anna=elsewhere).arrivals[FIRST, ANNA].at == TEN + 19 * MINUTE


def test_ap_07_a_predicted_arrival_never_lies_in_the_past() -> None:
    left = anna("en_route", departed_at=TEN - 3 * HOUR)
    assert day(TEN, due(FIRST, 0, TEN - HOUR, left)).arrivals[FIRST, ANNA].at == TEN


def test_ap_07_lunch_is_had_before_the_visit_after_it() -> None:
    """ORG-07: nobody's rest is planned away, not even by a prediction."""
    noon = TEN + 2 * HOUR
    visits = [
        due(FIRST, 0, TEN + HOUR, anna("working", started_at=TEN + HOUR, arrived_at=TEN)),
        due(SECOND, 1, noon, anna()),
    ]
    hungry = Whereabouts(DOOR, TEN, (noon, noon + 30 * MINUTE))
    late = day(TEN + HOUR, *visits, anna=hungry).arrivals[SECOND, ANNA].at
    assert late == noon + 20 * MINUTE  # leaves at twelve for a visit at twelve, eats after it
    visits[1] = replace(visits[1], planned=noon + 25 * MINUTE)
    assert day(TEN + HOUR, *visits, anna=hungry).arrivals[SECOND, ANNA].at == noon + 50 * MINUTE


def test_vi_01_a_pair_begins_when_the_second_is_there_and_both_are_late_for_the_next() -> None:
    """VI-01, AP-07: Anna waits for Ben, and her next visit waits for her."""
    pair = due(FIRST, 0, TEN, anna("on_site", arrived_at=TEN), Part(BEN, "offered"), minutes=120)
    bens = due(SECOND, 1, TEN - HOUR, Part(BEN, "working", started_at=TEN, arrived_at=TEN))
    annas = due(THIRD, 2, TEN + 2 * HOUR, anna())
    found = day(TEN, pair, bens, annas)
    assert found.arrivals[FIRST, BEN].at == TEN + HOUR + 20 * MINUTE
    assert found.latest(pair) == (pair.parts[1], found.arrivals[FIRST, BEN])
    assert found.arrivals[THIRD, ANNA].at == TEN + 3 * HOUR + 40 * MINUTE


def test_two_pairs_in_opposite_orders_end_all_the_same() -> None:
    first = due(FIRST, 0, TEN, anna("en_route", departed_at=TEN), Part(BEN, "offered"))
    second = due(SECOND, 1, TEN + HOUR, anna(), Part(BEN, "en_route", departed_at=TEN))
    found = day(TEN, first, second)
    assert set(found.arrivals) == {(v, t) for v in (FIRST, SECOND) for t in (ANNA, BEN)}


def test_who_has_no_known_place_is_there_when_free() -> None:
    found = day(TEN, due(FIRST, 0, TEN - HOUR, anna()), anna=Whereabouts(None, TEN - HOUR))
    assert found.arrivals[FIRST, ANNA].at == TEN
