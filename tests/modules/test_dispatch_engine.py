"""The compiled search against the plain decoder, on days drawn at random and on public problems."""

import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench import days, instances
from fieldops.dispatch.engine import aims, running
from fieldops.dispatch.engine.packing import Day, Job, Part, Worker
from fieldops.dispatch.engine.plans import Decoded, Figures, Plan, Stop, faults

MANY = {"left_out": 1.0, "late_minutes": 0.3, "overtime_minutes": 0.5, "length": 0.2, "price": 0.1}
EVERYTHING = running.Aim(
    levels=[
        {"excess": 1.0},
        *({f"left_out_{rank}": 1.0} for rank in range(3)),
        {"late_visits": 1.0},
        {"late_minutes": 1.0},
        {"latest_minutes": 1.0},
        {"overtime_minutes": 1.0},
        {"lunch_late_minutes": 1.0},
        {"price": 1.0},
        {"length": 1.0},
        {"scarce": 1.0},
        {"balance": 1.0},
    ],
    steer={**MANY, "excess": 3.0, "latest_minutes": 0.1, "scarce": 0.1, "lunch_late_minutes": 0.4},
    warm=20.0,
    cold=0.2,
    ruins=0.02,
)


MOVES = 100_000


def worth(figures: Figures) -> tuple[float, ...]:
    left = (*figures.left_out, 0, 0, 0)[:3]
    return (
        figures.excess,
        *left,
        figures.late_visits,
        figures.late_minutes,
        figures.latest_minutes,
        figures.overtime_minutes,
        figures.lunch_late_minutes,
        figures.price,
        figures.length,
        figures.scarce,
        figures.balance,
    )


@st.composite
def drawn_days(draw: st.DrawFn) -> Day:
    """Return a small day with teams, jobs one technician may do alone, gaps, lunches, limits."""
    workers = draw(st.integers(1, 5))
    jobs = draw(st.integers(1, 14))
    places = workers + jobs
    minutes = np.array(
        draw(
            st.lists(
                st.lists(st.integers(0, 60), min_size=places, max_size=places),
                min_size=places,
                max_size=places,
            )
        ),
        float,
    )
    np.fill_diagonal(minutes, 0)
    crew = st.dictionaries(st.integers(0, workers - 1), st.sampled_from([0.0, 0.0, 7.0]))
    part = st.builds(
        Part,
        st.integers(0, 120).map(float),
        crew,
        st.sampled_from([0.0, 1.0]),
        st.sampled_from([0.0, 2.0]),
    )
    made = []
    for number in range(jobs):
        team = tuple(draw(st.lists(part, max_size=3)))
        opens = draw(st.integers(400, 900))
        made.append(
            Job(
                workers + number,
                float(opens),
                float(opens + draw(st.integers(0, 200))),
                team,
                draw(part) if not team or draw(st.booleans()) else None,
                (10.0, 30.0) if len(team) == 2 and draw(st.booleans()) else (0.0, 0.0),
                draw(st.sampled_from([0.0, 30.0, np.inf])),
                draw(st.integers(0, 2)),
                draw(st.sampled_from([50.0, 200.0])),
            )
        )
    staff = tuple(
        Worker(
            float(draw(st.integers(420, 600))),
            float(draw(st.integers(700, 1000))),
            t,
            t if draw(st.booleans()) else None,
            draw(st.sampled_from([2.0, np.inf])),
            draw(st.sampled_from([0.0, 60.0, np.inf])),
            draw(st.sampled_from([0.0, 3.0])),
            draw(st.sampled_from([(0.0, 0.0, 0.0), (660.0, 780.0, 40.0)])),
        )
        for t in range(workers)
    )
    return Day(tuple(made), staff, minutes)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(day=drawn_days(), seed=st.integers(0, 999))
def test_the_plain_decoder_finds_the_plan_sound_and_the_same_worth(day: Day, seed: int) -> None:
    """VI-01, ORG-03, ORG-07: skills, teams together, lunches and ends, twice and independently."""
    found = running.search(day, EVERYTHING, seed=seed, moves=30_000)
    assert faults(day, found.plan) == []
    assert found.worth == pytest.approx(worth(Decoded(day, found.plan).figures()), abs=1e-4)


def test_the_same_seed_gives_the_same_plan() -> None:
    day = days.generate(6, 30, seed=4)
    one, two = (running.search(day, aims.DAY, seed=9, moves=MOVES) for _ in range(2))
    assert one.plan == two.plan
    assert one.moves == two.moves > 0


def test_the_compiler_changes_nothing() -> None:
    """Without it every index is checked, and the same moves give the same plan."""
    program = (
        "from dataclasses import replace\n"
        "from bench import days\n"
        "from fieldops.dispatch.engine import aims, running\n"
        "day = days.generate(5, 16, pairs=0.4, seed=4)\n"
        "print(running.search(day, replace(aims.DAY, ruins=0.05), moves=1500).worth)"
    )
    told = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program],
            env={**os.environ, "NUMBA_DISABLE_JIT": disabled},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for disabled in ("0", "1")
    }
    assert len(told) == 1


def test_a_search_ends_when_it_is_told_to_and_needs_an_end() -> None:
    day = days.generate(6, 30, seed=4)
    asked = iter([False, False, True])
    found = running.search(day, aims.DAY, moves=10**9, stop=lambda: next(asked))
    assert found.moves == 2 * running.MOVES_A_TURN
    with pytest.raises(ValueError, match="seconds or of moves"):
        running.search(day, aims.DAY)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(day=drawn_days(), data=st.data())
def test_what_is_locked_or_frozen_stays(day: Day, data: st.DataObject) -> None:
    """Started and en-route visits stay with whom they are and where; locked ones with whom."""
    start = running.search(day, EVERYTHING, moves=2_000, seed=3).plan
    some = st.sets(st.sampled_from(start.order)) if start.order else st.just(set[int]())
    frozen, locked = data.draw(some), data.draw(some)
    found = running.search(
        day, EVERYTHING, moves=30_000, seed=5, start=start, frozen=frozen, locked=locked
    )
    assert faults(day, found.plan) == []
    assert found.worth == pytest.approx(worth(Decoded(day, found.plan).figures()), abs=1e-4)
    before, after = start.crews(), found.plan.crews()
    assert all(before[number] == after[number] for number in frozen | locked)
    for was, now in zip(start.routes, found.plan.routes, strict=True):
        were, are = [stop.job for stop in was], [stop.job for stop in now]
        for number in frozen & set(were):
            assert set(are[: are.index(number)]) <= set(were[: were.index(number)])


def test_what_is_to_stay_must_be_possible() -> None:
    day = days.generate(4, 12, seed=4)
    plan = running.search(day, aims.DAY, moves=MOVES).plan
    nobody = replace(day, jobs=tuple(_without(job, plan.crews()) for job in enumerate(day.jobs)))
    with pytest.raises(ValueError, match="cannot stay with whom it has"):
        running.search(nobody, aims.DAY, moves=1, start=plan, locked=plan.order[:1])
    assert running.search(nobody, aims.DAY, moves=0, start=plan).plan.order == ()


def _without(numbered: tuple[int, Job], crews: dict[int, dict[int | None, int]]) -> Job:
    """Return a job that those who have it may no longer do."""
    number, job = numbered
    had = set(crews.get(number, {}).values())

    def part(found: Part) -> Part:
        return replace(found, prices={w: p for w, p in found.prices.items() if w not in had})

    alone = part(job.alone) if job.alone else None
    return replace(job, team=tuple(map(part, job.team)), alone=alone)


def test_a_plan_to_begin_with_is_kept_when_nothing_better_is_found() -> None:
    day = days.generate(6, 24, seed=4)
    good = running.search(day, aims.DAY, seed=9, moves=MOVES)
    again = running.search(day, aims.DAY, moves=0, start=good.plan, seed=1)
    assert again.worth == pytest.approx(good.worth, abs=1e-6)
    assert faults(day, again.plan) == []


def test_fourteen_installs_do_not_outweigh_a_complaint() -> None:
    """WO-06: the first class that differs decides, however much the others would gain."""
    ways = np.full((16, 16), 10.0)
    ways[15, :] = ways[:, 15] = 240.0  # the complaint is far out
    np.fill_diagonal(ways, 0)
    everybody = {0: 0.0}
    installs = tuple(
        Job(v, 480.0, 1000.0, alone=Part(20.0, everybody), rank=3, weight=100.0, grace=0.0)
        for v in range(1, 15)
    )
    complaint = Job(
        15, 480.0, 1000.0, alone=Part(60.0, everybody), rank=0, weight=100_000.0, grace=0.0
    )
    day = Day((*installs, complaint), (Worker(480.0, 1020.0, 0, 0, longer=0.0),), ways)
    found = running.search(day, aims.DAY, seed=1, moves=MOVES)
    assert 14 in found.plan.order
    assert found.worth[1] == 0


def test_a_pair_begins_together_and_a_sequence_keeps_its_gap() -> None:
    """VI-01: all are due at the same time."""
    day = days.generate(8, 40, pairs=0.5, seed=2)
    day = replace(
        day,
        jobs=tuple(
            replace(job, gap=(15.0, 25.0)) if number % 3 == 0 and len(job.team) == 2 else job
            for number, job in enumerate(day.jobs)
        ),
    )
    plan = running.search(day, aims.DAY, seed=1, moves=MOVES).plan
    starts: dict[int, dict[int, float]] = {}
    for route in plan.routes:
        for stop in route:
            if stop.part is not None:
                starts.setdefault(stop.job, {})[stop.part] = stop.start
    assert starts
    for number, begun in starts.items():
        least, most = day.jobs[number].gap
        assert least - 1e-9 <= begun[1] - begun[0] <= most + 1e-9


def test_a_wrong_plan_is_called_wrong() -> None:
    day = days.generate(4, 10, pairs=0.4, seed=3)
    plan = running.search(day, aims.DAY, seed=1, moves=MOVES).plan
    assert faults(day, plan) == []
    busy = next(w for w, route in enumerate(plan.routes) if len(route) > 1)
    first, *others = plan.routes[busy]

    def with_route(route: tuple[Stop, ...]) -> Plan:
        routes = list(plan.routes)
        routes[busy] = route
        return replace(plan, routes=tuple(routes))

    assert faults(day, with_route((replace(first, start=first.start - 5), *others)))
    assert faults(day, with_route((first, first, *others)))
    assert faults(day, with_route(tuple(reversed(plan.routes[busy]))))
    assert faults(day, replace(plan, order=plan.order[1:]))
    assert faults(day, with_route((replace(first, part=7), *others)))


def test_no_rest_is_planned_away() -> None:
    """ORG-07: a lunch of forty minutes lies in every working day, begun by 13:00."""
    day = days.generate(6, 40, seed=5)
    plan = running.search(day, aims.DAY, seed=1, moves=MOVES).plan
    decoded = Decoded(day, plan)
    for worker, route in enumerate(plan.routes):
        if route and decoded.home[worker] > 780.0:
            lunch = decoded.lunches[worker]
            assert 660.0 <= lunch.start <= 780.0
            ends = [decoded.starts[s.job, s.part] for s in route]
            assert all(b >= a for a, b in pairwise(ends))


def test_it_is_better_than_the_greedy_dispatcher() -> None:
    day = days.generate(12, 80, seed=6)
    greedy = Decoded(day, days.greedy(day)).figures()
    found = Decoded(day, running.search(day, aims.DAY, moves=10 * MOVES).plan).figures()
    assert found.left_out <= greedy.left_out
    assert found.late_visits == found.overtime_minutes == 0


def test_a_hurried_search_already_serves_what_a_greedy_dispatcher_does() -> None:
    day = days.generate(12, 110, seed=6)
    greedy = Decoded(day, days.greedy(day)).figures()
    found = running.search(day, aims.DAY, moves=1)
    figures = Decoded(day, found.plan).figures()
    assert faults(day, found.plan) == []
    assert figures.left_out[: aims.INSTALL] <= greedy.left_out[: aims.INSTALL]
    assert figures.excess == figures.late_visits == figures.lunch_late_minutes == 0


def test_a_longer_search_keeps_what_it_finds_on_the_way() -> None:
    day = days.generate(60, 380, seed=6)
    hurried, longer = (
        Decoded(day, running.search(day, aims.DAY, moves=moves).plan).figures()
        for moves in (1, 150_000)
    )
    assert sum(longer.left_out) < sum(hurried.left_out)
    assert longer.length < 0.95 * hurried.length


SOLOMON = """TINY

VEHICLE
NUMBER     CAPACITY
  2         10

CUSTOMER
CUST NO.  XCOORD.   YCOORD.    DEMAND   READY TIME  DUE DATE   SERVICE   TIME

    0      0          0          0          0       200          0
    1      10         0          5          0       100         10
    2      20         0          5          0       100         10
    3      0          10         5          0       100         10
    4      0          20         5          0       100         10
"""


def test_a_solomon_file_is_read_planned_and_checked() -> None:
    tiny = instances.solomon("TINY", SOLOMON)
    plan = running.search(tiny.day, tiny.aim, seed=1, moves=MOVES).plan
    cost, wrong = instances.solomon_cost(tiny.raw, tiny.day, plan)
    assert (cost, wrong) == (80.0, [])
    empty = Plan(((), ()), ())
    assert instances.solomon_cost(tiny.raw, tiny.day, empty)[1] == ["4 customers are not visited"]


def test_the_home_care_problem_is_checked_in_its_own_terms() -> None:
    raw = {
        "patients": [
            {
                "id": "p1",
                "time_window": [60, 120],
                "required_caregivers": [
                    {"service": "a", "duration": 10},
                    {"service": "b", "duration": 20},
                ],
                "synchronization": {"type": "simultaneous"},
            },
            {
                "id": "p2",
                "time_window": [0, 50],
                "required_caregivers": [
                    {"service": "a", "duration": 10},
                    {"service": "b", "duration": 10},
                ],
                "synchronization": {"type": "sequential", "distance": [5, 8]},
            },
        ],
        "caregivers": [{"abilities": ["a"]}, {"abilities": ["b"]}],
        "central_offices": [{"id": "d"}],
        "distances": [[0, 10, 30], [10, 0, 25], [30, 25, 0]],
    }
    instance = instances.hhcrsp("two", raw)
    found = running.search(instance.day, instance.aim, seed=1, moves=MOVES)
    cost, wrong = instances.hhcrsp_cost(raw, found.plan)
    assert wrong == []
    assert cost == pytest.approx(found.worth[1])
    assert cost == pytest.approx((2 * (30 + 25 + 10)) / 3)
    late = Plan(tuple((replace(r[0], start=r[0].start + 1), *r[1:]) for r in found.plan.routes), ())
    assert instances.hhcrsp_cost(raw, replace(late, routes=late.routes[:1]))[1]
