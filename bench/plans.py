"""`python -m bench plans`: day plans beside a greedy dispatcher's and VROOM's, and replanning.

Writes the tables and the picture of docs/performance.md. The days are none of those the search was
tuned on.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench import days, map_picture, others
from bench.day_plans import hours, score, unserved
from fieldops.dispatch.engine import aims, replanning, running
from fieldops.dispatch.engine.packing import Day, Part
from fieldops.dispatch.engine.plans import Decoded, Plan, faults, part_of

SIZES = ((30, 150), (100, 600), (200, 1500))
SECONDS = (5.0, 15.0, 60.0)
SEED = 2026  # of a day the search was not tuned on
PAIRLESS = ((30, 150), (100, 600))  # also planned without visits for two
NOW = 600.0  # ten o'clock, when something happens
GRACE = 120.0  # how late a published visit may become before it is left out
DELAY = 60.0
OF_DELAYED = 0.06  # share of technicians who are late: six of a hundred

Say = Callable[[str], None]
Write = Callable[[list[list[str]]], None]


@dataclass(frozen=True, slots=True)
class Row:
    """A plan of a generated day and what it is worth."""

    size: tuple[int, int]
    pairs: float
    name: str
    seconds: float
    plan: Plan
    day: Day

    def cells(self, beside: "Row") -> list[str]:
        """Return the table's cells; penalty and travel also as shares of another plan's."""
        figures = Decoded(self.day, self.plan).figures()
        theirs = Decoded(self.day, beside.plan).figures()
        penalty, travel = unserved(self.day, self.plan), figures.length
        wrong = faults(self.day, self.plan)
        return [
            f"{self.size[0]} x {self.size[1]}",
            f"{self.pairs:.0%}",
            self.name,
            f"{self.seconds:.1f}",
            " + ".join(map(str, figures.left_out)),
            f"{penalty:,.0f} ({_share(penalty, unserved(self.day, beside.plan))})",
            f"{travel:,.0f} ({_share(travel, theirs.length)})",
            f"{score(figures):,.0f}",
            hours(self.day, self.plan),
            f"{figures.late_minutes:.0f} / {figures.overtime_minutes:.0f}",
            "NO" if wrong else "yes",
        ]


def _share(value: float, of: float) -> str:
    return f"{value / of:.0%}" if of else "-"


def measure(
    sizes: Sequence[tuple[int, int]], limits: Sequence[float], say: Say, write: Write
) -> None:
    """Measure everything; writes both tables after each row, so that a stop loses little."""
    running.search(days.generate(2, 4), aims.DAY, moves=1)  # compiles
    lines, events = [_HEAD, _RULE], [_EVENT_HEAD, _EVENT_RULE]
    for size in sizes:
        for pairs in (0.1, 0.0) if size in PAIRLESS else (0.1,):
            day = days.generate(*size, pairs=pairs, seed=SEED)
            greedy = Row(size, pairs, "greedy dispatcher", 0.0, days.greedy(day), day)
            lines.append(_line(greedy.cells(greedy)))
            rows = [greedy]
            for seconds in limits if pairs else limits[-1:]:
                for row in _planned(size, pairs, seconds, day):
                    rows.append(row)
                    lines.append(_line(row.cells(greedy)))
                    say(lines[-1])
                    write([lines, events])
            if pairs:
                for cells in happenings(day, rows[-1].plan):
                    events.append(_line(cells))
                    say(events[-1])
    write([lines, events])


OURS = "FieldOps"


def _planned(size: tuple[int, int], pairs: float, seconds: float, day: Day) -> Iterable[Row]:
    if others.vroom is not None:
        plan, spent = others.vroom_plan(day, seconds)
        yield Row(size, pairs, "VROOM, pairs fixed" if pairs else "VROOM", spent, plan, day)
    found = running.search(day, aims.DAY, seconds)
    yield Row(size, pairs, OURS, found.seconds, found.plan, day)


_COLUMNS = (
    "technicians x visits",
    "for two",
    "plan",
    "CPU s",
    "left out by class",
    "penalty (of greedy)",
    "travel minutes (of greedy)",
    "score",
    "hours least / median / most",
    "minutes late / overtime",
    "valid",
)
_EVENT_COLUMNS = (
    "technicians x visits",
    "what happened",
    "planned",
    "CPU s",
    "visits with another technician",
    "technicians concerned: struck + others",
    "left out by class",
    "late visits",
    "minutes late",
)


def _line(cells: Iterable[Any]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


_HEAD, _EVENT_HEAD = _line(_COLUMNS), _line(_EVENT_COLUMNS)
_RULE = _line(["---"] * 3 + ["---:"] * (len(_COLUMNS) - 3))
_EVENT_RULE = _line(["---"] * 3 + ["---:"] * (len(_EVENT_COLUMNS) - 3))


def happenings(day: Day, published: Plan, seconds: float = 1.0) -> Iterable[list[str]]:
    """Replan a published day after a delay, an absence and an urgent visit, and say what changed.

    Beside each stands what keeping the published plan would mean, and what planning without a
    price for changes would.
    """
    day = replace(day, jobs=tuple(replace(job, grace=GRACE) for job in day.jobs))
    for event in (delay(day, published), absence(day, published), urgent(day, published)):
        now, frozen = event.day, event.frozen
        kept = running.search(now, aims.REPLAN, moves=0, start=published, frozen=frozen)
        yield _told(event, published, day, "kept", kept)
        found = replanning.replan(now, published, seconds, frozen=frozen)
        yield _told(event, published, day, "with few changes", found)
        free = replanning.replan(now, published, seconds, frozen=frozen, change=0.0)
        yield _told(event, published, day, "changes for nothing", free)


@dataclass(frozen=True, slots=True)
class Event:
    """A published day after something happened, and to which technicians it did."""

    name: str
    day: Day
    frozen: set[int]
    struck: frozenset[int] = frozenset()


def _told(event: Event, published: Plan, before: Day, how: str, found: running.Found) -> list[str]:
    changes = replanning.changes(published, found.plan)
    figures = Decoded(event.day, found.plan).figures()
    wrong = faults(event.day, found.plan)
    if wrong:
        raise ValueError(f"{event.name}, {how}: {wrong[0]}")
    workers = len(before.workers)
    struck = len(event.struck.intersection(changes.workers))
    return [
        f"{workers} x {len(before.jobs)}",
        event.name,
        how,
        f"{found.seconds:.1f}",
        f"{len(changes.reassigned)} ({len(changes.reassigned) / len(published.order):.1%})",
        f"{struck} + {len(changes.workers) - struck} ({len(changes.workers) / workers:.0%})",
        " + ".join(map(str, figures.left_out)),
        f"{figures.late_visits}",
        f"{figures.late_minutes:.0f}",
    ]


def under_way(day: Day, published: Plan, now: float) -> set[int]:
    """Return the visits begun, on the way to, or next of somebody who is free."""
    frozen = set()
    for worker, route in zip(day.workers, published.routes, strict=True):
        free = worker.begins
        for stop in route:
            if free > now:
                break
            frozen.add(stop.job)
            free = stop.start + part_of(day, stop.job, stop.part).minutes
    return frozen


def _from_now(day: Day, frozen: set[int], now: float) -> Day:
    """Return a day in which nothing but what is under way begins before now."""
    return replace(
        day,
        jobs=tuple(
            job if number in frozen else replace(job, opens=max(job.opens, now))
            for number, job in enumerate(day.jobs)
        ),
    )


def delay(day: Day, published: Plan) -> Event:
    """Return the day at ten when some technicians need an hour longer where they are."""
    frozen = under_way(day, published, NOW)
    count = max(1, round(len(day.workers) * OF_DELAYED))
    longest = sorted(range(len(day.workers)), key=lambda w: -len(published.routes[w]))[:count]
    jobs = list(day.jobs)
    for worker in longest:
        current = [stop for stop in published.routes[worker] if stop.job in frozen][-1]
        job = jobs[current.job]
        if current.part is None and job.alone is not None:
            jobs[current.job] = replace(
                job, alone=replace(job.alone, minutes=job.alone.minutes + DELAY)
            )
        else:
            team = list(job.team)
            part = team[current.part or 0]
            team[current.part or 0] = replace(part, minutes=part.minutes + DELAY)
            jobs[current.job] = replace(job, team=tuple(team))
    now = _from_now(replace(day, jobs=tuple(jobs)), frozen, NOW)
    return Event(f"{count} are {DELAY:.0f} min late at 10:00", now, frozen, frozenset(longest))


def absence(day: Day, published: Plan) -> Event:
    """Return the day at 07:30 when the technician with the most visits is sick."""
    sick = max(range(len(day.workers)), key=lambda w: len(published.routes[w]))

    def without(part: Part) -> Part:
        return replace(part, prices={w: p for w, p in part.prices.items() if w != sick})

    jobs = tuple(
        replace(
            job,
            team=tuple(map(without, job.team)),
            alone=without(job.alone) if job.alone else None,
        )
        for job in day.jobs
    )
    name = f"one with {len(published.routes[sick])} visits is sick at 07:30"
    return Event(name, replace(day, jobs=jobs), set(), frozenset({sick}))


def urgent(day: Day, published: Plan) -> Event:
    """Return the day at ten when a complaint wants somebody within two hours."""
    frozen = under_way(day, published, NOW)
    like = next(job for job in day.jobs if job.alone and not job.team and job.rank == aims.FAULT)
    job = replace(
        like,
        opens=NOW + 30.0,
        closes=NOW + 120.0,
        rank=aims.COMPLAINT,
        weight=aims.WEIGHT[aims.COMPLAINT],
    )
    now = _from_now(replace(day, jobs=(*day.jobs, job)), frozen, NOW)
    return Event("a complaint for 10:30 to 12:00", now, frozen)


def draw(say: Say) -> None:
    """Draw the routes of a small day in the demo city, a greedy dispatcher's and ours."""
    day, at, streets = map_picture.day_in_town(12, 70, seed=7)
    before, after = days.greedy(day), running.search(day, aims.DAY, moves=5_000_000).plan
    map_picture.draw(day, at, streets, before, after)
    say(f"Drew {map_picture.PICTURE.name}.")
