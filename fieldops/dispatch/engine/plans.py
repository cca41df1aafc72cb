"""A finished plan in plain words: who does what when, and what it is worth."""

from dataclasses import dataclass
from itertools import pairwise

from fieldops.dispatch.engine.packing import Day, Part

EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class Stop:
    """A part of a job in a worker's day; `part` None: the whole job, alone."""

    job: int
    part: int | None
    start: float


@dataclass(frozen=True, slots=True)
class Plan:
    """The routes of all workers, in the order of `Day.workers`; jobs in no route are left out.

    `order` lists the served jobs such that every worker's route follows it.
    """

    routes: tuple[tuple[Stop, ...], ...]
    order: tuple[int, ...]

    def crews(self) -> dict[int, dict[int | None, int]]:
        """Return by job who does which part."""
        found: dict[int, dict[int | None, int]] = {}
        for worker, route in enumerate(self.routes):
            for stop in route:
                found.setdefault(stop.job, {})[stop.part] = worker
        return found


@dataclass(frozen=True, slots=True)
class Figures:
    """What a plan is worth: sums over the day, minutes and counts; `left_out` by class."""

    left_out: tuple[int, ...]
    late_visits: int
    late_minutes: float
    latest_minutes: float
    overtime_minutes: float
    lunch_late_minutes: float
    length: float
    price: float
    balance: float
    excess: float
    scarce: float


@dataclass(frozen=True, slots=True)
class Lunch:
    """A break between two stops, behind the stop with this place in the route (-1: before all)."""

    behind: int
    start: float
    late: float


def part_of(day: Day, number: int, part: int | None) -> Part:
    """Return a part of a job, None: the whole of it; raises ValueError when there is none."""
    job = day.jobs[number]
    found = job.alone if part is None else dict(enumerate(job.team)).get(part)
    if found is None:
        raise ValueError(f"job {number} has no part {part}")
    return found


class Decoded:
    """A plan timed anew from its order alone, plainly and slowly.

    It shares no line with the compiled search, so that each shows the other's mistakes. Starts are
    as early as possible in the plan's order.
    """

    def __init__(self, day: Day, plan: Plan) -> None:
        self.day = day
        self.plan = plan
        self.starts: dict[tuple[int, int | None], float] = {}
        self.lunches: dict[int, Lunch] = {}
        self.home: list[float] = [worker.begins for worker in day.workers]
        self._ready = [worker.begins for worker in day.workers]
        self._at: list[int | None] = [worker.start for worker in day.workers]
        self._done = [0] * len(day.workers)
        self._time()

    def _time(self) -> None:
        for job in self.plan.order:
            self._time_job(job)
        for worker in range(len(self.day.workers)):
            self._go_home(worker)

    def _time_job(self, number: int) -> None:
        job = self.day.jobs[number]
        crew = [
            (worker, route[self._done[worker]])
            for worker, route in enumerate(self.plan.routes)
            if self._done[worker] < len(route) and route[self._done[worker]].job == number
        ]
        crew.sort(key=lambda c: -1 if c[1].part is None else c[1].part)
        reached = [max(job.opens, self._arrive(worker, stop)) for worker, stop in crew]
        least, most = job.gap
        if len(crew) == 2 and most > 0:  # noqa: PLR2004 - one after the other
            second = max(reached[1], reached[0] + least)
            begins = [max(reached[0], second - most), second]
        else:
            begins = [max(reached)] * len(crew)
        for (worker, stop), begin in zip(crew, begins, strict=True):
            self.starts[number, stop.part] = begin
            self._ready[worker] = begin + part_of(self.day, stop.job, stop.part).minutes
            self._at[worker] = job.place
            self._done[worker] += 1

    def _arrive(self, worker: int, stop: Stop) -> float:
        """Return when a worker gets to a stop, with lunch on the way when it is time."""
        job = self.day.jobs[stop.job]
        earliest, latest, length = self.day.workers[worker].lunch
        way = self._way(self._at[worker], job.place)
        ready = self._ready[worker]
        if length > 0 and worker not in self.lunches:
            lunch = max(ready, earliest)
            begin = max(ready + way, job.opens)
            over = begin + part_of(self.day, stop.job, stop.part).minutes > latest
            if over or lunch + length + way <= begin:
                late = max(0.0, lunch - latest)
                self.lunches[worker] = Lunch(self._done[worker] - 1, lunch, late)
                return lunch + length + way
        return ready + way

    def _go_home(self, worker: int) -> None:
        own = self.day.workers[worker]
        if not self._done[worker]:
            return
        ready = self._ready[worker]
        home = ready + self._way(self._at[worker], own.end)
        earliest, latest, length = own.lunch
        if length > 0 and worker not in self.lunches and home > latest:
            lunch = max(ready, earliest)
            late = max(0.0, lunch - latest)
            self.lunches[worker] = Lunch(self._done[worker] - 1, lunch, late)
            home += length
        self.home[worker] = home

    def _way(self, origin: int | None, target: int | None) -> float:
        if origin is None or target is None:
            return 0.0
        return float(self.day.minutes[origin, target])

    def figures(self) -> Figures:
        """Return what the plan is worth."""
        day = self.day
        left = [0] * (max((job.rank for job in day.jobs), default=0) + 1)
        for number in set(range(len(day.jobs))) - set(self.plan.order):
            left[day.jobs[number].rank] += 1
        late = [max(0.0, s - day.jobs[job].closes) for (job, _), s in self.starts.items()]
        late = [minutes for minutes in late if minutes > EPSILON]
        work = [
            sum(part_of(day, s.job, s.part).minutes for s in route) for route in self.plan.routes
        ]
        load = [sum(part_of(day, s.job, s.part).load for s in route) for route in self.plan.routes]
        overtime = [
            (max(0.0, home - worker.ends), worker)
            for home, worker, route in zip(self.home, day.workers, self.plan.routes, strict=True)
            if route
        ]
        return Figures(
            left_out=tuple(left),
            late_visits=len(late),
            late_minutes=sum(late),
            latest_minutes=max(late, default=0.0),
            overtime_minutes=sum(minutes for minutes, _ in overtime),
            lunch_late_minutes=sum(lunch.late for lunch in self.lunches.values()),
            length=sum(self._length(w, route) for w, route in enumerate(self.plan.routes)),
            price=sum(
                part_of(day, stop.job, stop.part).prices[worker]
                for worker, route in enumerate(self.plan.routes)
                for stop in route
            ),
            balance=sum(minutes**2 for minutes in work),
            excess=sum(
                max(0.0, taken - worker.room)
                for taken, worker in zip(load, day.workers, strict=True)
            )
            + sum(max(0.0, minutes - worker.longer) for minutes, worker in overtime)
            + sum(
                max(0.0, s - day.jobs[job].closes - day.jobs[job].grace)
                for (job, _), s in self.starts.items()
            ),
            scarce=sum(
                max(0.0, day.workers[worker].rarity - part_of(day, stop.job, stop.part).need)
                for worker, route in enumerate(self.plan.routes)
                for stop in route
            ),
        )

    def _length(self, worker: int, route: tuple[Stop, ...]) -> float:
        if not route:
            return 0.0
        own = self.day.workers[worker]
        lengths = self.day.minutes if self.day.lengths is None else self.day.lengths
        places = [own.start, *(self.day.jobs[stop.job].place for stop in route)]
        ways = [*pairwise(places)] + ([] if own.end is None else [(places[-1], own.end)])
        return sum(float(lengths[a, b]) for a, b in ways)


def faults(day: Day, plan: Plan) -> list[str]:
    """Return what is wrong with a plan, one sentence each; empty for one that can be carried out.

    Wrong are a part done twice or by somebody who may not, a team that is not whole, an order that
    routes do not follow, a start that the worker cannot reach. Lateness is no fault but a figure.
    """
    found = _crews(day, plan)
    if found:
        return found
    rank = {job: place for place, job in enumerate(plan.order)}
    for worker, route in enumerate(plan.routes):
        places = [rank.get(stop.job, -1) for stop in route]
        if any(b <= a for a, b in pairwise([-1, *places])):
            found.append(f"worker {worker} does not follow the order")
    if found:
        return found
    decoded = Decoded(day, plan)
    for route in plan.routes:
        for stop in route:
            earliest = decoded.starts[stop.job, stop.part]
            if abs(stop.start - earliest) > EPSILON:
                found.append(f"job {stop.job} begins at {stop.start}, can at {earliest}")
    return found


def _crews(day: Day, plan: Plan) -> list[str]:
    found = []
    served: dict[int, dict[int | None, int]] = {}
    for worker, route in enumerate(plan.routes):
        for stop in route:
            parts = served.setdefault(stop.job, {})
            if stop.part in parts:
                found.append(f"part {stop.part} of job {stop.job} is done twice")
            if worker in parts.values():
                found.append(f"worker {worker} is on job {stop.job} twice")
            parts[stop.part] = worker
            try:
                allowed = part_of(day, stop.job, stop.part).prices
            except ValueError as exc:
                found.append(str(exc))
                continue
            if worker not in allowed:
                found.append(f"worker {worker} may not do part {stop.part} of job {stop.job}")
    for number, parts in served.items():
        whole = set(range(len(day.jobs[number].team)))
        if set(parts) not in ({None}, whole):
            found.append(f"job {number} has {len(parts)} of {len(whole)} parts")
    if sorted(plan.order) != sorted(served):
        found.append("the order does not list the served jobs, each once")
    return found
