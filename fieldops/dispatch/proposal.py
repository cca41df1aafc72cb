"""What a found plan changes: lines, which of them belong together, figures before and after. Pure.

Everything is reckoned from what is known of the day; of the search only who and in which order is
taken over.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any
from uuid import UUID

from fieldops.dispatch.day import (
    A_DAY,
    CentreDay,
    Span,
    Stop,
    Terms,
    is_fixed,
    is_manned,
    least_people,
)
from fieldops.dispatch.problem import Problem, span_of
from fieldops.dispatch.rules import LineKind
from fieldops.dispatch.timeline import Entry, Frame, Walked, frame, walk

A_MOMENT = 0.02  # minutes: the search rounds ways to thousandths
GRID = 15.0


@dataclass(frozen=True, slots=True)
class Given:
    """Who makes a visit from when, in a plan; the order of starts is the plan's."""

    hands: tuple[UUID, ...]
    start: float


@dataclass(slots=True)
class Line:
    """What a plan does to one visit; minutes of the day. `requires` are visits of other lines."""

    stop: Stop
    kind: LineKind
    hands: tuple[UUID, ...] = ()
    span: Span | None = None
    window: Span | None = None
    requires: set[UUID] = field(default_factory=set)
    gains: dict[str, float] = field(default_factory=dict)

    @property
    def breaks_promise(self) -> bool:
        return self.stop.window is not None and self.kind in {LineKind.MOVED, LineKind.LEFT_OUT}


@dataclass(frozen=True, slots=True)
class Proposal:
    """All that is stored of a plan."""

    lines: list[Line]
    figures: dict[str, Any]
    hours: list[dict[str, Any]]
    wrong: list[str]


def of(day: CentreDay, terms: Terms, problem: Problem, stops: Iterable[Sequence[Any]]) -> Proposal:
    """Return what a found plan changes; `stops` are its [job, part, worker, start]."""
    given = _given(day, problem, stops)
    stands = frame(day, {s.id for s in day.stops if is_fixed(day, s, terms)})
    stays = stands.stays
    before = walk(day, _entries(day, _today(day, stands), stands), stands.rests)
    after = walk(day, _entries(day, given, stands), stands.rests)
    wrong = _differs(given, after, stays) + _pushed(day, before, after, stays)
    lines = _lines(day, terms, given, after, stays)
    _gain(day, lines, before, after)
    _require(day, lines)
    wrong += check(day, terms, lines)
    figures = {
        "before": _figures(day, before, {s.id for s in day.stops} - before.starts.keys()),
        "after": _figures(day, after, {s.id for s in day.stops} - after.starts.keys()),
        "lines": dict(Counter(line.kind.value for line in lines)),
        "broken_promises": sum(line.breaks_promise for line in lines),
    }
    hours = [
        {
            "technician_id": str(hand.id),
            "name": hand.name,
            "before": _rounded(before, hand.id),
            "after": _rounded(after, hand.id),
        }
        for hand in day.hands
        if hand.own
    ]
    return Proposal(lines, figures, hours, wrong)


def as_it_stands(day: CentreDay, terms: Terms) -> Walked:
    """Return how a day goes if nothing is changed; what nobody there has is in no route."""
    stands = frame(day, {stop.id for stop in day.stops if is_fixed(day, stop, terms)})
    return walk(day, _entries(day, _today(day, stands), stands), stands.rests)


def _given(day: CentreDay, problem: Problem, stops: Iterable[Sequence[Any]]) -> dict[UUID, Given]:
    crews: dict[UUID, list[tuple[int, UUID]]] = {}
    starts: dict[UUID, float] = {}
    for job, part, worker, start in stops:
        name = problem.jobs[job]
        if name is not None:
            crews.setdefault(name, []).append((part or 0, problem.workers[worker]))
            starts[name] = start
    found = {}
    for name, crew in crews.items():
        hands = [who for _, who in sorted(crew, key=lambda c: (c[0], str(c[1])))]
        # Who is the customer's contact stays so where possible (VI-01).
        first = [h for h in day.by_stop[name].technicians[:1] if h in hands]
        found[name] = Given((*first, *(h for h in hands if h not in first)), starts[name])
    return found


def _today(day: CentreDay, stands: Frame) -> dict[UUID, Given]:
    """Return who makes which visit as it stands: what stays is made, as in any plan of the day."""
    found = {}
    for stop in day.stops:
        hands = tuple(id_ for id_ in stop.technicians if id_ in day.by_hand)
        stays = stop.id in stands.stays and len(hands) > 0
        if stop.start is not None and (stays or is_manned(day, stop)):
            found[stop.id] = Given(hands, stop.start)
    return found


def _entries(day: CentreDay, given: Mapping[UUID, Given], stands: Frame) -> list[Entry]:
    found = []
    for id_, one in given.items():
        stop = day.by_stop[id_]
        opens = stop.start if id_ in stands.stays and stop.start is not None else None
        if opens is None:
            opens = one.start if stop.window is None else stop.window[0]
        found.append(
            Entry(id_, one.hands, stop.place, max(opens, day.now), stop.minutes, one.start)
        )
    for hand_id, times in stands.elsewhere.items():
        for (begin, end), place in times:
            found.append(Entry(None, (hand_id,), place, begin, end - begin, begin))
    return found


def _differs(given: Mapping[UUID, Given], after: Walked, stays: frozenset[UUID]) -> list[str]:
    """Return where walking the day gives other starts than the search said."""
    return [
        f"visit {id_} begins at {after.starts[id_]:.2f}, the search said {one.start:.2f}"
        for id_, one in given.items()
        if id_ not in stays and abs(after.starts[id_] - one.start) > A_MOMENT * 10
    ]


def _pushed(day: CentreDay, before: Walked, after: Walked, stays: frozenset[UUID]) -> list[str]:
    """Return which visits that stay would begin later than they do by themselves."""
    return [
        f"{day.by_stop[id_].number} is to stay and would begin later"
        for id_ in stays & after.starts.keys() & before.starts.keys()
        if after.starts[id_] > max(before.starts[id_], day.by_stop[id_].start or 0.0) + 1.0
    ]


def _lines(
    day: CentreDay,
    terms: Terms,
    given: Mapping[UUID, Given],
    after: Walked,
    stays: frozenset[UUID],
) -> list[Line]:
    found = []
    for stop in day.stops:
        if stop.id in stays or stop.locked:
            continue
        one = given.get(stop.id)
        if one is None:
            if stop.window is not None or stop.id in terms.urgent or terms.kind == "day":
                found.append(Line(stop, LineKind.LEFT_OUT))
            continue
        start = float(math.ceil(after.starts[stop.id] - A_MOMENT))
        line = _line(day, terms, stop, one.hands, start)
        if line is not None:
            found.append(line)
    return found


def _line(
    day: CentreDay, terms: Terms, stop: Stop, hands: tuple[UUID, ...], start: float
) -> Line | None:
    span = (start, start + stop.minutes)
    if stop.window is None:
        return Line(stop, LineKind.PLACED, hands, span, _window(day, start, terms.window))
    if start >= stop.window[1]:
        return Line(stop, LineKind.MOVED, hands, span, _window(day, start, terms.window))
    if set(hands) != set(stop.technicians):
        return Line(stop, LineKind.REASSIGNED, hands, span, stop.window)
    planned = stop.reserved == span and stop.start == start
    return None if planned else Line(stop, LineKind.RETIMED, hands, span, stop.window)


def _window(day: CentreDay, start: float, length: float) -> Span:
    """Return the window for a visit that is placed: from the quarter before its start."""
    begin = math.floor(start / GRID) * GRID
    begin = max(begin, math.ceil(day.now)) if day.now > 0 else begin
    return begin, max(begin + length, start + 1)


def _gain(day: CentreDay, lines: list[Line], before: Walked, after: Walked) -> None:
    way_before, way_after = _detours(day, before), _detours(day, after)
    for line in lines:
        id_, window = line.stop.id, line.stop.window
        line.gains["travel_minutes"] = round(way_before.get(id_, 0.0) - way_after.get(id_, 0.0), 1)
        if window is not None:
            late = max(0.0, before.starts.get(id_, window[0]) - window[1])
            still = max(0.0, after.starts.get(id_, window[0]) - window[1])
            line.gains["late_minutes"] = round(late - still, 1)
            line.gains["served"] = float(id_ in after.starts) - float(id_ in before.starts)


def _detours(day: CentreDay, walked: Walked) -> dict[UUID, float]:
    """Return by how much each visit lengthens the ways of those who make it."""
    found: dict[UUID, float] = {}
    for id_, route in walked.routes.items():
        places = [day.by_hand[id_].place, *(entry.place for entry in route)]
        for n, entry in enumerate(route, start=1):
            if entry.id is None:
                continue
            extra = day.way(places[n - 1], places[n])
            if n + 1 < len(places):
                extra += day.way(places[n], places[n + 1]) - day.way(places[n - 1], places[n + 1])
            found[entry.id] = found.get(entry.id, 0.0) + extra
    return found


def _require(day: CentreDay, lines: list[Line]) -> None:
    """Note for each line which others must go first: those whose present time it takes.

    A time is taken where the work or the way there or on would overlap it.
    """
    held: dict[UUID, list[tuple[Span, Line]]] = {}
    for line in lines:
        reserved = line.stop.reserved
        if reserved is not None:
            for id_ in line.stop.technicians:
                held.setdefault(id_, []).append((reserved, line))
    for line in lines:
        if line.span is None:
            continue
        for id_ in line.hands:
            for (start, end), other in held.get(id_, ()):
                if other is line:
                    continue
                way = day.way(line.stop.place, other.stop.place)
                if line.span[0] < end + way and start < line.span[1] + way:
                    line.requires.add(other.stop.id)


def closure(chosen: Iterable[UUID], requires: Mapping[UUID, Iterable[UUID]]) -> set[UUID]:
    """Return everything that has to go with what was chosen, itself included."""
    found: set[UUID] = set()
    todo = list(chosen)
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += requires.get(one, ())
    return found


def check(day: CentreDay, terms: Terms, lines: Iterable[Line]) -> list[str]:
    """Return what a plan would break, a sentence each: nothing of it may be proposed.

    Skills (ORG-03), how many people (VI-01), calendar and lunch (ORG-07), promised windows, locks,
    nobody at two places.
    Judged is the day as it would stand when all lines were carried out.
    """
    found: list[str] = []
    changed = {line.stop.id: line for line in lines}
    taken: dict[UUID, list[tuple[Span, Stop]]] = {}
    for line in changed.values():
        if line.span is None:
            continue
        stop = line.stop
        found += _misfits(day, terms, line)
        for id_ in line.hands:
            taken.setdefault(id_, []).append((line.span, stop))
    for stop in day.stops:
        if stop.id not in changed and stop.start is not None:
            start = max(stop.start, day.now)
            for id_ in stop.technicians:
                taken.setdefault(id_, []).append(((start, start + stop.minutes), stop))
    for id_, spans in taken.items():
        spans.sort(key=lambda t: t[0])
        for (a, one), (b, two) in pairwise(spans):
            # What is under way or late by itself is no fault of the plan.
            moved = one.id in changed or two.id in changed
            if moved and a[1] > b[0] + 1.0 and not (one.under_way or two.under_way):
                found.append(f"{day.by_hand[id_].name} is at {one.number} and {two.number} at once")
    return found


def _misfits(day: CentreDay, terms: Terms, line: Line) -> list[str]:
    stop, span, name = line.stop, line.span, line.stop.number
    assert span is not None  # noqa: S101 - the caller has looked
    found = []
    hands = [day.by_hand[id_] for id_ in line.hands]
    missing = stop.skills - set().union(*(hand.skills for hand in hands))
    if missing or any(stop.skills and not hand.skills & stop.skills for hand in hands):
        found.append(f"{name} needs {', '.join(sorted(stop.skills))}")
    if len(hands) < (least := least_people(day, stop)):
        found.append(f"{name} needs {least} technicians")
    for hand in hands:
        late = (
            hand.working
            and span[1] <= hand.ends + terms.overtime
            and hand.works((span[0], min(span[1], hand.ends)))
        )
        if not (hand.works(span) or late):
            found.append(f"{name} lies outside the calendar of {hand.name}")
        if any(b.span[0] < span[1] and span[0] < b.span[1] for b in hand.busy):
            found.append(f"{hand.name} has no time for {name}")
    kept = stop.window is None or (
        stop.window[0] <= span[0] < stop.window[1] and line.window == stop.window
    )
    if not kept and line.kind is not LineKind.MOVED:
        found.append(f"{name} would miss the window that was promised")
    if stop.locked:
        found.append(f"{name} is locked")
    if stop.window is None and not span_of(day, stop, terms)[0] - A_MOMENT <= span[0] < A_DAY:
        found.append(f"{name} is placed outside the day")
    return found


def _figures(day: CentreDay, walked: Walked, unserved: set[UUID]) -> dict[str, Any]:
    late = {
        id_: max(0.0, start - window[1])
        for id_, start in walked.starts.items()
        if (window := day.by_stop[id_].window) is not None
    }
    work = [walked.hours[hand.id].work for hand in day.hands if hand.own and hand.working]
    hours = walked.hours.values()
    left = [day.by_stop[id_] for id_ in unserved]
    return {
        "visits": len(day.stops),
        "served": len(walked.starts),
        "left_out": dict(Counter(s.priority.value for s in left)),
        "promised_left_out": sum(s.window is not None for s in left),
        "late_visits": sum(minutes > 0 for minutes in late.values()),
        "late_minutes": round(sum(late.values()), 1),
        "overtime_minutes": round(sum(h.over for h in hours), 1),
        "travel_minutes": round(sum(h.travel for h in hours), 1),
        "work_minutes": round(sum(h.work for h in hours), 1),
        "least_work_minutes": round(min(work, default=0.0), 1),
        "most_work_minutes": round(max(work, default=0.0), 1),
    }


def _rounded(walked: Walked, id_: UUID) -> dict[str, Any]:
    return {name: round(value, 1) for name, value in asdict(walked.hours[id_]).items()}
