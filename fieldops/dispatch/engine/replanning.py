"""A published plan after something happened: as good a day as can be with few changes."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from fieldops.dispatch.engine import aims, running
from fieldops.dispatch.engine.packing import Day, Job, Part
from fieldops.dispatch.engine.plans import Plan
from fieldops.dispatch.engine.running import Found

CHANGE = 30.0


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between two plans of a day: numbers of jobs and of workers.

    `reassigned` have other technicians or another mode, `workers` gave or got something.
    """

    reassigned: tuple[int, ...]
    left_out: tuple[int, ...]
    taken_in: tuple[int, ...]
    workers: tuple[int, ...]


def replan(
    day: Day,
    published: Plan,
    seconds: float = 1.0,
    *,
    frozen: Collection[int] = (),
    locked: Collection[int] = (),
    change: float = CHANGE,
    moves: int | None = None,
    seed: int = 1,
    clock: Callable[[], float] = time.thread_time,
    stop: Callable[[], bool] | None = None,
) -> Found:
    """Return the day as it is now planned anew from the published plan, changing little.

    `day` says how things stand: a technician who is late or absent begins later or may do nothing,
    a new job is one that `published` does not serve. A visit under way belongs into `frozen`: let
    its technician start at its place when work there began, and its window open then. `change` is
    what one part with another technician costs, in minutes of travel; what is left out, broken
    windows and overtime come before it, travel after it. Where a job may be late at all is for its
    `grace` to say. The rest is as for `running.search`.
    """
    crews = published.crews()
    priced = replace(
        day,
        jobs=tuple(_priced(job, crews.get(n, {}), change) for n, job in enumerate(day.jobs)),
    )
    return running.search(
        priced,
        aims.REPLAN,
        seconds,
        moves=moves,
        start=published,
        published=published,
        frozen=frozen,
        locked=locked,
        seed=seed,
        clock=clock,
        stop=stop,
    )


def _priced(job: Job, crew: dict[int | None, int], change: float) -> Job:
    """Return a job of which each part costs more for whoever did not have it; new ones do not."""
    if not crew:
        return job

    def part(found: Part, name: int | None) -> Part:
        return replace(
            found,
            prices={
                worker: price + (0.0 if crew.get(name) == worker else change)
                for worker, price in found.prices.items()
            },
        )

    return replace(
        job,
        team=tuple(part(found, number) for number, found in enumerate(job.team)),
        alone=part(job.alone, None) if job.alone else None,
    )


def changes(published: Plan, plan: Plan) -> Changes:
    """Return what is different in a plan; the numbers of both plans' jobs must be the same."""
    before, after = published.crews(), plan.crews()
    both = sorted(before.keys() & after.keys())
    reassigned = tuple(number for number in both if before[number] != after[number])
    left_out = tuple(sorted(before.keys() - after.keys()))
    taken_in = tuple(sorted(after.keys() - before.keys()))
    workers = {
        worker
        for number in (*reassigned, *left_out, *taken_in)
        for worker in {*before.get(number, {}).values()} ^ {*after.get(number, {}).values()}
    }
    return Changes(reassigned, left_out, taken_in, tuple(sorted(workers)))
