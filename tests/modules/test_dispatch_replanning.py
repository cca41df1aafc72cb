"""A published plan after a delay, an absence, an urgent job: what changes and what does not."""

from dataclasses import replace

import pytest

from bench import days
from fieldops.dispatch.engine import aims, replanning, running
from fieldops.dispatch.engine.packing import Day, Job, Part
from fieldops.dispatch.engine.plans import Decoded, Plan, faults

MOVES = 200_000


@pytest.fixture(scope="module")
def published() -> tuple[Day, Plan]:
    day = days.generate(20, 90, seed=12)
    day = replace(day, jobs=tuple(replace(job, grace=120.0) for job in day.jobs))
    return day, running.search(day, aims.DAY, moves=500_000, seed=1).plan


def test_nothing_happened_and_hardly_anything_changes(published: tuple[Day, Plan]) -> None:
    day, plan = published
    found = replanning.replan(day, plan, moves=MOVES)
    assert faults(day, found.plan) == []
    assert len(replanning.changes(plan, found.plan).reassigned) <= 4


def test_a_delay_moves_few_visits_and_leaves_nothing_out(published: tuple[Day, Plan]) -> None:
    """AP-07: an hour lost by two of twenty technicians concerns few others."""
    day, plan = published
    late = replace(
        day,
        workers=tuple(
            replace(worker, begins=worker.begins + 60) if number in {2, 7} else worker
            for number, worker in enumerate(day.workers)
        ),
    )
    found = replanning.replan(late, plan, moves=MOVES)
    changes = replanning.changes(plan, found.plan)
    assert faults(late, found.plan) == []
    assert changes.left_out == ()
    assert len(changes.reassigned) <= 9
    free = running.search(late, aims.DAY, moves=MOVES, start=plan).plan
    assert len(replanning.changes(plan, free).reassigned) > 3 * len(changes.reassigned)


def test_an_absent_technicians_visits_go_to_others(published: tuple[Day, Plan]) -> None:
    """ORG-07: nothing stays with somebody who is not there."""
    day, plan = published
    absent = max(range(len(plan.routes)), key=lambda worker: len(plan.routes[worker]))

    def part(found: Part | None) -> Part | None:
        if found is None:
            return None
        return replace(found, prices={w: p for w, p in found.prices.items() if w != absent})

    def job(found: Job) -> Job:
        team = tuple(one for one in map(part, found.team) if one)
        return replace(found, team=team, alone=part(found.alone))

    without = replace(day, jobs=tuple(map(job, day.jobs)))
    found = replanning.replan(without, plan, moves=MOVES)
    assert found.plan.routes[absent] == ()
    assert faults(without, found.plan) == []
    figures = Decoded(without, found.plan).figures()
    assert figures.left_out[: aims.INSTALL] == Decoded(day, plan).figures().left_out[: aims.INSTALL]


def test_an_urgent_job_finds_its_technician(published: tuple[Day, Plan]) -> None:
    """WO-06: a complaint comes before what is planned."""
    day, plan = published
    urgent = replace(
        day.jobs[0], opens=600.0, closes=660.0, rank=aims.COMPLAINT, weight=aims.WEIGHT[0]
    )
    more = replace(day, jobs=(*day.jobs, urgent))
    found = replanning.replan(more, plan, moves=MOVES)
    assert len(day.jobs) in replanning.changes(plan, found.plan).taken_in
    assert len(replanning.changes(plan, found.plan).reassigned) <= 6


def test_what_is_under_way_stays(published: tuple[Day, Plan]) -> None:
    day, plan = published
    frozen = {route[0].job for route in plan.routes if route and route[0].part is None}
    found = replanning.replan(day, plan, moves=MOVES, frozen=frozen)
    for was, now in zip(plan.routes, found.plan.routes, strict=True):
        if was and was[0].job in frozen:
            assert now[0] == was[0]


def test_what_gains_nothing_goes_back_to_how_it_was_published(
    published: tuple[Day, Plan],
) -> None:
    day, plan = published
    giver = max(range(len(plan.routes)), key=lambda worker: len(plan.routes[worker]))
    free = [stop for stop in plan.routes[giver] if stop.part is None][:2]
    routes = list(plan.routes)
    for stop in free:
        alone = day.jobs[stop.job].alone
        assert alone is not None
        other = next(worker for worker in alone.prices if worker != giver)
        routes[giver] = tuple(one for one in routes[giver] if one != stop)
        routes[other] = (*routes[other], stop)
    moved = Plan(tuple(routes), plan.order)
    assert len(replanning.changes(plan, moved).reassigned) == len(free) > 0
    left = running.search(day, aims.REPLAN, moves=1, start=moved).plan
    assert replanning.changes(plan, left).reassigned
    found = running.search(day, aims.REPLAN, moves=1, start=moved, published=plan)
    assert faults(day, found.plan) == []
    assert replanning.changes(plan, found.plan) == replanning.Changes((), (), (), ())


def test_changes_name_who_gave_and_who_got() -> None:
    day = days.generate(3, 6, seed=1)
    plan = running.search(day, aims.DAY, moves=MOVES).plan
    assert replanning.changes(plan, plan) == replanning.Changes((), (), (), ())
    giver = next(w for w, route in enumerate(plan.routes) if route)
    other = (giver + 1) % 3
    stop, *rest = plan.routes[giver]
    routes = list(plan.routes)
    routes[giver], routes[other] = tuple(rest), (*routes[other], stop)
    changes = replanning.changes(plan, Plan(tuple(routes), plan.order))
    assert changes.reassigned == (stop.job,)
    assert changes.workers == tuple(sorted((giver, other)))
