"""A day walked through minute by minute: when each visit begins, and what everybody's hours are.

A third reckoning beside the compiled search and its plain decoder, over what is known of the day
instead of over the packed problem: what is proposed and shown has passed it. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from fieldops.dispatch.day import CentreDay, Hand, Span


@dataclass(frozen=True, slots=True)
class Entry:
    """A visit in a plan, or time given elsewhere (`id` None): who, where, when at the earliest."""

    id: UUID | None
    hands: tuple[UUID, ...]
    place: int
    opens: float
    minutes: float
    planned: float


@dataclass(slots=True)
class Hours:
    """A technician's part of a day in minutes.

    work + travel + wait + lunch + elsewhere + free = the shift's part + over.
    """

    visits: int = 0
    work: float = 0.0
    travel: float = 0.0
    wait: float = 0.0
    lunch: float = 0.0
    elsewhere: float = 0.0
    free: float = 0.0
    over: float = 0.0
    shift: float = 0.0


@dataclass(slots=True)
class Walked:
    """When each visit begins, and the hours of each technician; routes in order."""

    starts: dict[UUID, float] = field(default_factory=dict)
    hours: dict[UUID, Hours] = field(default_factory=dict)
    routes: dict[UUID, list[Entry]] = field(default_factory=dict)


Rest = tuple[float, float, float]
"""Lunch: when it begins at the earliest and at the latest, and how long it is."""


class _Pace:
    """Where a technician is while walking through the day."""

    def __init__(self, hand: Hand, rest: Rest | None) -> None:
        self.ready, self.place = hand.begins, hand.place
        self.rest = rest

    def arrival(self, day: CentreDay, entry: Entry) -> tuple[float, bool]:
        """Return when the technician is there, and whether lunch was before."""
        way = day.way(self.place, entry.place)
        begin = max(self.ready + way, entry.opens)
        if self.rest is None:
            return self.ready + way, False
        lunch = max(self.ready, self.rest[0])
        over = lunch + self.rest[2]
        if begin + entry.minutes > self.rest[1] + 1e-9 or over + way <= begin:
            return over + way, True
        return self.ready + way, False


def walk(
    day: CentreDay, entries: Iterable[Entry], rests: Mapping[UUID, Rest | None] | None = None
) -> Walked:
    """Walk through the entries in the order of their planned starts, each as early as can be.

    The technicians of a visit begin together (VI-01). Who is not there is left out. `rests` is
    everybody's lunch, without it as the calendar says.
    """
    found = Walked()
    rests = {hand.id: rest_of(hand, ()) for hand in day.hands} if rests is None else rests
    paces = {hand.id: _Pace(hand, rests[hand.id]) for hand in day.hands}
    for hand in day.hands:
        found.hours[hand.id] = Hours(shift=max(0.0, hand.ends - hand.begins))
        found.routes[hand.id] = []
    for entry in sorted(entries, key=lambda e: (e.planned, str(e.id))):
        crew = [paces[id_] for id_ in entry.hands if id_ in paces]
        reached = [pace.arrival(day, entry) for pace in crew]
        begin = max([entry.opens, *(at for at, _ in reached)])
        for id_, pace, (_, ate) in zip(entry.hands, crew, reached, strict=True):
            _spend(day, found.hours[id_], pace, entry, begin, ate=ate)
            found.routes[id_].append(entry)
        if entry.id is not None:
            found.starts[entry.id] = begin
    for hand in day.hands:
        _close(found.hours[hand.id], paces[hand.id], hand)
    return found


def _spend(
    day: CentreDay, hours: Hours, pace: _Pace, entry: Entry, begin: float, *, ate: bool
) -> None:
    way = day.way(pace.place, entry.place)
    lunch = 0.0
    if ate and pace.rest is not None:
        lunch, pace.rest = pace.rest[2], None
    hours.travel += way
    hours.lunch += lunch
    hours.wait += begin - pace.ready - way - lunch
    if entry.id is None:
        hours.elsewhere += entry.minutes
    else:
        hours.work += entry.minutes
        hours.visits += 1
    pace.ready, pace.place = begin + entry.minutes, entry.place


def _close(hours: Hours, pace: _Pace, hand: Hand) -> None:
    """Account for the rest of the shift; a lunch not yet had is had then."""
    left = hand.ends - pace.ready
    if pace.rest is not None and left > 0 and hand.working:
        rest = min(left, pace.rest[2])
        hours.lunch += rest
        left -= rest
    hours.free, hours.over = max(0.0, left), max(0.0, -left) if hand.working else 0.0
    if not hand.working:
        hours.over = max(0.0, pace.ready - hand.begins)


def rest_of(hand: Hand, kept: Iterable[Span]) -> Rest | None:
    """Return a technician's lunch: when the calendar says, or right after what runs into it."""
    lunch = hand.lunch
    if lunch is None:
        return None
    into = [end for begin, end in kept if begin < lunch[1] and end > lunch[0]]
    return lunch[0], max([lunch[0], *into]), lunch[1] - lunch[0]


@dataclass(frozen=True, slots=True)
class Frame:
    """What of a day stands whatever is planned: visits that stay, lunches, time elsewhere.

    `late` says by how much each of those visits begins after its time by itself.
    """

    stays: frozenset[UUID]
    late: dict[UUID, float]
    spans: dict[UUID, list[Span]]
    rests: dict[UUID, Rest | None]
    elsewhere: dict[UUID, list[tuple[Span, int]]]


def frame(day: CentreDay, stays: Iterable[UUID]) -> Frame:
    """Return what stands of a day around which the rest is planned."""
    kept: dict[UUID, Entry] = {}
    for id_ in stays:
        stop = day.by_stop[id_]
        start = max(day.now, day.now if stop.start is None else stop.start)
        kept[id_] = Entry(id_, stop.technicians, stop.place, start, stop.minutes, start)

    def spans_at(starts: Mapping[UUID, float]) -> dict[UUID, list[Span]]:
        spans: dict[UUID, list[Span]] = {hand.id: [] for hand in day.hands}
        for id_, entry in kept.items():
            start = starts.get(id_, entry.opens)
            for who in entry.hands:
                if who in spans:
                    spans[who].append((start, start + entry.minutes))
        return spans

    def rests_in(spans: Mapping[UUID, list[Span]]) -> dict[UUID, Rest | None]:
        return {
            hand.id: rest_of(hand, [*spans[hand.id], *(busy.span for busy in hand.busy)])
            for hand in day.hands
        }

    spans = spans_at(walk(day, kept.values(), rests_in(spans_at({}))).starts)
    rests = rests_in(spans)
    starts = walk(day, kept.values(), rests).starts
    late = {id_: starts.get(id_, entry.opens) - entry.opens for id_, entry in kept.items()}
    elsewhere = {hand.id: _elsewhere(hand, spans[hand.id]) for hand in day.hands}
    return Frame(frozenset(kept), late, spans, rests, elsewhere)


def _elsewhere(hand: Hand, spans: Iterable[Span]) -> list[tuple[Span, int]]:
    """Return the times a technician cannot be planned in, lunch apart; what stays goes first."""
    lunch = hand.lunch
    whole = [(gap, hand.place) for gap in hand.gaps if gap != lunch]
    whole += [(busy.span, busy.place) for busy in hand.busy]
    found = []
    for (begin, end), place in whole:
        begins = max([begin, hand.begins, *(e for b, e in spans if b < end)])
        if begins < end:
            found.append(((begins, end), place))
    return found
