"""Days drawn at random: no plan breaks a skill, a calendar, a window or a lock; minutes add up.

The search runs in this process for a few hundredths of a second; bad plans would show themselves
as well as good ones.
"""

import math
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fieldops.dispatch import problem, proposal, searching
from fieldops.dispatch.day import Busy, CentreDay, Hand, Stop, Terms, is_fixed, least_people
from fieldops.dispatch.proposal import Line, Proposal
from fieldops.dispatch.rules import Class, LineKind, PlanKind, class_of
from fieldops.dispatch.timeline import Hours, walk

MIDNIGHT = datetime(2026, 11, 22, 22, tzinfo=UTC)
SKILLS = ("fixed_line", "copper_broadband", "fibre")
few = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # a day is small, and shrinking one takes minutes
)


@st.composite
def hands(draw: st.DrawFn, number: int, now: float) -> Hand:
    begins = draw(st.sampled_from([420.0, 480.0, 540.0]))
    parts = [(begins, 720.0), (750.0, begins + 540.0)]
    if draw(st.integers(0, 5)) == 0:
        parts = []  # away
    elif draw(st.integers(0, 5)) == 0:
        parts = [parts[0], (750.0, 840.0), (900.0, begins + 540.0)]  # leave in the afternoon
    parts = [(max(a, now), b) for a, b in parts if b > now]
    busy = (Busy((960.0, 990.0), 0),) if draw(st.integers(0, 6)) == 0 else ()
    return Hand(
        UUID(int=number + 1),
        f"T{number}",
        frozenset(draw(st.sets(st.sampled_from(SKILLS), min_size=1))),
        tuple(parts),
        parts[0][0] if parts else max(now, 0.0),
        draw(st.integers(-1, 3)),
        busy=busy if parts else (),
    )


@st.composite
def stops(draw: st.DrawFn, number: int, crew: list[Hand], places: int) -> Stop:
    skills = frozenset(draw(st.sets(st.sampled_from(SKILLS), min_size=1, max_size=2)))
    minutes = float(draw(st.sampled_from([20, 45, 60, 90])))
    window, start, have = None, None, ()
    if draw(st.booleans()):
        opens = float(draw(st.sampled_from([480, 540, 600, 660, 780, 840, 900])))
        window = (opens, opens + draw(st.sampled_from([60.0, 120.0])))
        start = opens
        able = [h.id for h in crew if skills <= h.skills]
        have = (draw(st.sampled_from(able)),) if able and draw(st.booleans()) else ()
    return Stop(
        UUID(int=1000 + number),
        f"V{number}",
        1,
        "planned" if window is None else "dispatched" if have else "scheduled",
        draw(st.integers(0, places - 1)),
        skills,
        minutes,
        draw(st.sampled_from(list(Class))),
        window,
        start,
        (start, start + minutes) if start is not None and have else None,
        have,
        draw(st.sampled_from([600.0, 900.0, 3000.0])),
        locked=bool(have) and draw(st.integers(0, 4)) == 0,
        score=draw(st.sampled_from([1000, 2009, 3220, 5869])),
        people=draw(st.sampled_from([1, 1, 1, 2])),
    )


@st.composite
def days(draw: st.DrawFn) -> tuple[CentreDay, Terms]:
    now = draw(st.sampled_from([-math.inf, 500.0, 700.0]))
    crew = [draw(hands(n, now)) for n in range(draw(st.integers(1, 4)))]
    places = 5
    visits = [draw(stops(n, crew, places)) for n in range(draw(st.integers(1, 10)))]
    points = np.array(draw(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)),
                                    min_size=places, max_size=places)), float)  # fmt: skip
    ways = np.abs(points[:, None, :] - points[None, :, :]).sum(axis=2)
    kind = draw(st.sampled_from(list(PlanKind)))
    urgent = frozenset({visits[0].id}) if draw(st.booleans()) else frozenset[UUID]()
    if kind is PlanKind.DAY:
        urgent = frozenset()
    terms = Terms(kind, urgent, 0.02, draw(st.sampled_from([0.0, 20.0])), 0.1)
    return CentreDay(date(2026, 11, 23), MIDNIGHT, now, tuple(crew), tuple(visits), ways), terms


def planned(day: CentreDay, terms: Terms) -> Proposal:
    made = problem.build(day, terms)
    if not made.raw["jobs"] or not made.raw["workers"]:
        return proposal.of(day, terms, made, [])
    found = searching.solve(made.raw, lambda _share: None)
    assert found["faults"] == []
    return proposal.of(day, terms, made, found["stops"])


def able(day: CentreDay, line: Line) -> bool:
    skills = [day.by_hand[id_].skills for id_ in line.hands]
    return line.stop.skills <= frozenset().union(*skills)


@few
@given(days())
def test_org_03_org_07_ap_01_no_plan_breaks_a_skill_a_calendar_a_window_or_a_lock(
    drawn: tuple[CentreDay, Terms],
) -> None:
    day, terms = drawn
    made = planned(day, terms)
    assert made.wrong == []
    for line in made.lines:
        if line.span is None:
            continue
        assert able(day, line), "ORG-03"
        assert len(set(line.hands)) >= least_people(day, line.stop), "VI-01: how many people"
        for id_ in line.hands:
            hand = day.by_hand[id_]
            inside = [a <= line.span[0] and line.span[1] <= b for a, b in hand.working]
            assert any(inside), "ORG-07: shifts, lunch and leave"
            assert all(b.span[1] <= line.span[0] or line.span[1] <= b.span[0] for b in hand.busy)
        assert not is_fixed(day, line.stop, terms), "what is locked or about to begin stays"
        assert line.span[0] >= day.now


@few
@given(days())
def test_ap_06_a_promised_window_is_never_moved_without_being_shown(
    drawn: tuple[CentreDay, Terms],
) -> None:
    day, terms = drawn
    made = planned(day, terms)
    for line in made.lines:
        window = line.stop.window
        if window is None:
            assert not line.breaks_promise
        elif line.kind in {LineKind.MOVED, LineKind.LEFT_OUT}:
            assert line.breaks_promise
        else:
            assert line.window == window
            assert line.span is not None
            assert window[0] <= line.span[0] < window[1]
    named = {line.stop.id for line in made.lines}
    # A promise that stays and is in no line is kept by who has it now.
    for stop in day.stops:
        if stop.window is not None and stop.id not in named and not stop.locked:
            assert stop.technicians, "nobody comes, and nothing is said"


@few
@given(days())
def test_minutes_add_up_before_and_after(drawn: tuple[CentreDay, Terms]) -> None:
    day, terms = drawn
    made = planned(day, terms)
    for row in made.hours:
        for when in ("before", "after"):
            h = Hours(**row[when])
            spent = h.work + h.travel + h.wait + h.lunch + h.elsewhere + h.free
            assert spent == pytest.approx(h.shift + h.over, abs=0.6)
            assert min(h.work, h.travel, h.wait, h.lunch, h.free, h.over) >= 0
    _check_bill(day, made)


def _check_bill(day: CentreDay, made: Proposal) -> None:
    """What is told of the whole day is the sum of what is told of technicians and of lines."""
    for when in ("before", "after"):
        told = made.figures[when]
        assert told["visits"] == len(day.stops) == told["served"] + sum(told["left_out"].values())
        if all(hand.own for hand in day.hands):
            for what in ("travel", "work"):
                each = sum(row[when][what] for row in made.hours)
                assert told[f"{what}_minutes"] == pytest.approx(each, abs=0.1 * len(day.hands))
    served = sum(line.gains.get("served", 0.0) for line in made.lines)
    left = (made.figures[when]["promised_left_out"] for when in ("before", "after"))
    assert served == next(left) - next(left)
    assert made.figures["lines"] == dict(Counter(line.kind.value for line in made.lines))


@few
@given(days(), st.randoms(use_true_random=False))
def test_any_part_of_a_plan_that_is_whole_leaves_nobody_at_two_places(
    drawn: tuple[CentreDay, Terms], random: object
) -> None:
    """Lines with all they require: nobody's time is taken twice, what is left out stays."""
    day, terms = drawn
    made = planned(day, terms)
    does = {line.stop.id: line for line in made.lines if line.span or line.breaks_promise}
    requires = {id_: line.requires & does.keys() for id_, line in does.items()}
    for first in does:
        chosen = proposal.closure([first], requires)
        part = proposal.check(day, terms, [does[id_] for id_ in chosen])
        late = {s.number for s in day.stops if s.id not in chosen}
        # Two visits that overlap today already, or by the way between them, are not the plan's.
        assert not [w for w in part if not any(n in w for n in late)], part


@pytest.mark.parametrize(
    ("priority", "tier", "found"),
    [
        (5001, "basic", Class.COMPLAINT),
        (5869, "diamond", Class.COMPLAINT),
        (4001, "basic", Class.FAULT),
        (3999, "basic", Class.FAULT),
        (3009, "diamond", Class.VIP),
        (2999, "basic", Class.INSTALL),
        (1999, "basic", Class.OTHER),
        (1009, "diamond", Class.VIP),
    ],
)
def test_wo_06_a_class_is_the_one_of_the_priority_but_for_important_customers(
    priority: int, tier: str, found: Class
) -> None:
    assert class_of(priority, tier) is found


@pytest.mark.parametrize("urged", [0, 1])
def test_wo_05_of_two_visits_of_one_class_the_more_urged_is_kept(urged: int) -> None:
    """There is room for one only, and the one that was not urged would be the shorter way."""
    hand = Hand(UUID(int=1), "T", frozenset({"fibre"}), ((480.0, 560.0),), 480.0, 0)
    stops = tuple(
        Stop(
            UUID(int=2 + n), f"V{n}", 1, "planned", n, frozenset({"fibre"}), 60.0, Class.FAULT,
            due=3000.0, score=3220 if n == urged else 3000,
        )
        for n in range(2)
    )  # fmt: skip
    ways = np.array([[0.0, 15.0], [15.0, 0.0]])
    day = CentreDay(date(2026, 11, 23), MIDNIGHT, -math.inf, (hand,), stops, ways)
    made = planned(day, Terms(PlanKind.DAY, seconds=0.1, reserve=0.0))
    assert {line.stop.number: line.kind for line in made.lines} == {
        f"V{urged}": LineKind.PLACED, f"V{1 - urged}": LineKind.LEFT_OUT
    }  # fmt: skip


@pytest.mark.parametrize("kind", list(PlanKind))
def test_org_07_no_promise_takes_somebodys_leave_away_whatever_it_weighs(kind: PlanKind) -> None:
    """A complaint's window could be kept only where half an hour of leave is."""
    working = ((480.0, 720.0), (750.0, 930.0), (960.0, 1080.0))
    hand = Hand(UUID(int=1), "T", frozenset({"fibre"}), working, 480.0, 0)
    stop = Stop(
        UUID(int=2), "V", 1, "scheduled", 1, frozenset({"fibre"}), 60.0, Class.COMPLAINT,
        (890.0, 990.0), 890.0, due=1000.0, score=5869,
    )  # fmt: skip
    ways = np.array([[0.0, 40.0], [40.0, 0.0]])
    day = CentreDay(date(2026, 11, 23), MIDNIGHT, -math.inf, (hand,), (stop,), ways)
    terms = Terms(kind, seconds=0.1, reserve=0.0)
    made = problem.build(day, terms)
    (leave,) = [job for job, name in zip(made.raw["jobs"], made.jobs, strict=True) if name is None]
    leave.update(rank=5, weight=0.0)
    found = searching.solve(made.raw, lambda _share: None)
    shown = proposal.of(day, terms, made, found["stops"])
    assert shown.wrong == []
    (line,) = shown.lines
    assert (line.kind, line.breaks_promise) == (LineKind.MOVED, True)
    assert line.span == (1000.0, 1060.0)


@pytest.mark.parametrize("kind", list(PlanKind))
def test_ap_06_of_too_many_promises_only_those_are_broken_that_find_no_place(
    kind: PlanKind,
) -> None:
    """Six visits each for four technicians, one of whom is ill: the others have room for seven."""
    whole = ((480.0, 720.0), (750.0, 1020.0))
    crew = tuple(
        Hand(UUID(int=1 + n), f"T{n}", frozenset({"fibre"}), whole if n else (), 480.0, 0)
        for n in range(4)
    )
    stops = tuple(
        Stop(
            UUID(int=100 + n), f"V{n}", 1, "dispatched", n, frozenset({"fibre"}), 60.0,
            Class.INSTALL, (480.0, 1030.0), start, (start, start + 60.0), (crew[n % 4].id,),
        )
        for n in range(24)
        for start in [(480.0, 545.0, 610.0, 780.0, 845.0, 910.0)[n // 4]]
    )  # fmt: skip
    ways = 5.0 * (1.0 - np.eye(24))
    day = CentreDay(date(2026, 11, 23), MIDNIGHT, -math.inf, crew, stops, ways)
    made = planned(day, Terms(kind, seconds=1.0, change_cost=20.0, reserve=0.0))
    assert made.wrong == []
    assert made.figures["broken_promises"] == 3


def test_vi_01_a_team_too_large_to_be_planned_stays_and_others_are_planned_around_it() -> None:
    crew = tuple(
        Hand(UUID(int=1 + n), f"T{n}", frozenset({"fibre"}), ((480.0, 700.0),), 480.0, 0)
        for n in range(4)
    )
    team = Stop(
        UUID(int=100), "V0", 1, "dispatched", 1, frozenset({"fibre"}), 90.0, Class.INSTALL,
        (540.0, 600.0), 540.0, (540.0, 630.0), tuple(hand.id for hand in crew),
    )  # fmt: skip
    other = Stop(
        UUID(int=101), "V1", 1, "planned", 1, frozenset({"fibre"}), 40.0, Class.FAULT, due=3000.0
    )
    ways = np.array([[0.0, 5.0], [5.0, 0.0]])
    day = CentreDay(date(2026, 11, 23), MIDNIGHT, -math.inf, crew, (team, other), ways)
    made = planned(day, Terms(PlanKind.DAY, seconds=0.1, reserve=0.0))
    assert made.wrong == []
    (line,) = made.lines
    assert (line.stop.number, line.kind) == ("V1", LineKind.PLACED)
    assert line.span is not None
    assert line.span[1] <= 540.0 or line.span[0] >= 630.0


def test_a_plan_that_breaks_something_is_found_out() -> None:
    """The check can fail: each rule is broken by hand once."""
    hand = Hand(UUID(int=1), "T", frozenset({"fibre"}), ((480.0, 720.0), (750.0, 1020.0)), 480.0, 0)
    stop = Stop(
        UUID(int=2), "V", 1, "dispatched", 0, frozenset({"fibre"}), 60.0, Class.INSTALL,
        (540.0, 660.0), 540.0, (540.0, 600.0), (hand.id,), 900.0,
    )  # fmt: skip
    day = CentreDay(date(2026, 11, 23), MIDNIGHT, -math.inf, (hand,), (stop,), np.zeros((1, 1)))
    terms = Terms(PlanKind.DAY)

    def line(stop: Stop, span: tuple[float, float], **changes: object) -> list[str]:
        made = Line(stop, LineKind.RETIMED, (hand.id,), span, stop.window)
        for name, value in changes.items():
            setattr(made, name, value)
        return proposal.check(day, terms, [made])

    assert line(stop, (560.0, 620.0)) == []
    assert line(stop, (690.0, 750.0)) == [
        "V lies outside the calendar of T",
        "V would miss the window that was promised",
    ]
    assert line(stop, (560.0, 620.0), window=(560.0, 680.0)) == [
        "V would miss the window that was promised"
    ]
    assert line(replace(stop, locked=True), (560.0, 620.0)) == ["V is locked"]
    assert line(replace(stop, skills=frozenset({"copper_broadband"})), (560.0, 620.0)) == [
        "V needs copper_broadband"
    ]
    assert line(replace(stop, people=2, technicians=()), (560.0, 620.0)) == [
        "V needs 2 technicians"
    ]
    assert line(replace(stop, people=2), (560.0, 620.0)) == [], "a dispatcher sent one"
    walked = walk(day, [])
    assert walked.hours[hand.id].free == 510.0
