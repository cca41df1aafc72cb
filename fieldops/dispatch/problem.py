"""A centre's day as the problem the search works on, as plain values that travel as JSON. Pure.

The shape is that of `fieldops-day-1` (docs/dispatch.md): what `fieldops dispatch day` writes,
`bench/dispatch --instance` reads and the search process gets are one and the same.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np

from fieldops.dispatch.day import (
    A_DAY,
    MOST_TOGETHER,
    NOWHERE,
    CentreDay,
    Hand,
    Stop,
    Terms,
    is_fixed,
    is_manned,
    least_people,
)
from fieldops.dispatch.rules import CLASSES, ENTITLED, Class, PlanKind, more_urgent
from fieldops.dispatch.timeline import Frame, frame

FORMAT = "fieldops-day-1"
WEIGHTS = (1_000_000.0, 100_000.0, 10_000.0, 1_000.0, 300.0, 100.0)
"""What leaving a visit out weighs while searching, by rank: each far outweighs the next."""
OF_SCORE = 8192
"""By this part of its priority a visit weighs more than others of its rank (WO-05, WO-06).
A power of two, so that sums of weights are exact and plans compare by them."""
GRACE = 0.05  # minutes: ways are rounded

Price = dict[str, float]


@dataclass(frozen=True, slots=True)
class Problem:
    """What the search gets, and what its numbers mean: `jobs` None stands for time elsewhere."""

    raw: dict[str, Any]
    jobs: tuple[UUID | None, ...]
    workers: tuple[UUID, ...]


def build(day: CentreDay, terms: Terms) -> Problem:
    """Return the problem of a day: what may be planned anew, around what stays as it is.

    A replan is about visits that have a time, and the urgent ones; a day plan places the others.
    """
    stays = {stop.id for stop in day.stops if is_fixed(day, stop, terms)}
    hands = [hand for hand in day.hands if hand.working or _held(day, hand, stays)]
    number = {hand.id: n for n, hand in enumerate(hands)}
    stands = frame(day, stays)
    jobs: list[dict[str, Any]] = []
    names: list[UUID | None] = []
    for stop in day.stops:
        made = _jobs(day, stop, terms, number, stands.late.get(stop.id))
        jobs += made
        names += [stop.id] * len(made)
    for hand in hands:
        for (begin, end), place in stands.elsewhere[hand.id]:
            jobs.append(_kept(_at(day, place), begin, end - begin, [number[hand.id]], 0.0))
            names.append(None)
    rarity = _rarity(day)
    raw = {
        "format": FORMAT,
        "kind": terms.kind.value,
        "seconds": terms.seconds,
        "jobs": jobs,
        "workers": [_worker(day, hand, stands, terms, rarity) for hand in hands],
        "minutes": np.round(_with_nowhere(day.ways), 3).tolist(),
        "kept": [n for n, name in enumerate(names) if name is None or name in stays],
        "today": _today(day, jobs, names, number, stays),
        "promised": [
            n
            for n, name in enumerate(names)
            if name is not None and name not in stays and day.by_stop[name].window is not None
        ],
    }
    for job, name in zip(jobs, names, strict=True):
        if name is not None:
            need = sum(rarity.get(skill, 0.0) for skill in day.by_stop[name].skills)
            for part in (*job["team"], *([job["alone"]] if job["alone"] else [])):
                part["need"] = need / max(1, len(job["team"]))
    return Problem(raw, tuple(names), tuple(hand.id for hand in hands))


def _at(day: CentreDay, place: int) -> int:
    return len(day.ways) if place == NOWHERE else place


def _with_nowhere(ways: Any) -> Any:
    """Return the ways with one more place, last, that is no way off from anywhere."""
    return np.pad(ways, ((0, 1), (0, 1)))


def _held(day: CentreDay, hand: Hand, stays: Iterable[UUID]) -> bool:
    return any(hand.id in day.by_stop[id_].technicians for id_ in stays)


def _kept(
    place: int, start: float, minutes: float, workers: list[int], late: float
) -> dict[str, Any]:
    """Return a job that stays with its workers at its time, no later than it is by itself."""
    parts = [{"minutes": minutes, "prices": {str(w): 0.0}} for w in workers]
    return {
        "place": place,
        "window": [start, start],
        "grace": late + GRACE,
        "team": parts if len(parts) > 1 else [],
        "alone": parts[0] if len(parts) == 1 else None,
        "gap": [0.0, 0.0],
        "rank": 0,
        "weight": WEIGHTS[0],
    }


def _jobs(
    day: CentreDay, stop: Stop, terms: Terms, number: dict[UUID, int], late: float | None
) -> list[dict[str, Any]]:
    """Return a visit as a job; one that stays with a large team as a job for each of it."""
    if late is None:
        job = _job(day, stop, terms, number)
        return [] if job is None else [job]
    workers = [number[id_] for id_ in stop.technicians if id_ in number]
    start = max(day.now, day.now if stop.start is None else stop.start)
    if len(workers) > MOST_TOGETHER:
        return [_kept(stop.place, start + late, stop.minutes, [one], 0.0) for one in workers]
    return [_kept(stop.place, start, stop.minutes, workers, late)] if workers else []


def _job(
    day: CentreDay, stop: Stop, terms: Terms, number: dict[UUID, int]
) -> dict[str, Any] | None:
    urgent = stop.id in terms.urgent
    if stop.locked or (stop.window is None and terms.kind is PlanKind.REPLAN and not urgent):
        return None  # locked with somebody who is away: a person has to unlock it first
    team, alone = _parts(day, stop, terms, number)
    if not team and alone is None:
        return None  # nobody holds its skills today: it is left out whatever is tried
    rank = rank_of(day, stop, terms)
    opens, closes = span_of(day, stop, terms)
    return {
        "place": stop.place,
        "window": [opens, closes],
        "grace": 0.0,
        "team": team,
        "alone": alone,
        "gap": [0.0, 0.0],
        "rank": rank,
        "weight": WEIGHTS[rank] * (1 + stop.score / OF_SCORE),
    }


def span_of(day: CentreDay, stop: Stop, terms: Terms) -> tuple[float, float]:
    """Return when work on a visit may begin, and when it begins too late.

    A promised window is kept with a margin; without one it is to be done before it is due, or
    some time today when that cannot be any more.
    """
    dawn = min((hand.begins for hand in day.hands if hand.working), default=0.0)
    if stop.window is not None:
        opens = max(stop.window[0], day.now)
        return opens, max(opens, stop.window[1] - terms.margin)
    opens = max(dawn, day.now)
    if stop.due is not None and opens <= stop.due - stop.minutes < A_DAY:
        return opens, stop.due - stop.minutes
    return opens, A_DAY


def rank_of(day: CentreDay, stop: Stop, terms: Terms) -> int:
    """Return how urgent it is that a visit is served, 0 the most.

    What is promised comes first, then the classes of WO-06. In a replan nobody pays for another's
    absence: promises whose technicians are there come before those that have lost theirs. Urgent
    visits may displace promised ones of a lower class: then these come after them, and before
    everything not promised.
    """
    urgent = [day.by_stop[id_].priority for id_ in terms.urgent if id_ in day.by_stop]
    if not urgent:
        if stop.window is not None:
            return int(terms.kind is PlanKind.REPLAN and not is_manned(day, stop))
        return min(5, 1 + CLASSES.index(stop.priority))
    if stop.id in terms.urgent:
        return 1
    if stop.window is not None:
        return 2 if any(more_urgent(c, stop.priority) for c in urgent) else 0
    return (
        3
        if stop.priority in {Class.COMPLAINT, Class.VIP}
        else 4 + (stop.priority is not Class.FAULT)
    )


def _parts(
    day: CentreDay, stop: Stop, terms: Terms, number: dict[UUID, int]
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Return a team with one part for each skill, and the whole for who holds them all.

    More technicians than skills stay so many: a dispatcher wanted them.
    """
    hands = [h for h in day.hands if h.id in number and h.own and h.working]
    skills = sorted(stop.skills)
    load = stop.minutes if stop.window is None and stop.priority not in ENTITLED else 0.0
    if terms.kind is PlanKind.REPLAN:
        load = 0.0

    def part(wanted: set[str], kept: UUID | None) -> dict[str, Any] | None:
        prices: Price = {}
        for hand in hands:
            if wanted <= hand.skills:
                changed = kept is not None and hand.id != kept
                prices[str(number[hand.id])] = terms.change_cost if changed else 0.0
        return {"minutes": stop.minutes, "prices": prices, "load": load} if prices else None

    crew = list(stop.technicians)
    least = least_people(day, stop)
    many = max(len(crew), len(skills), least)
    alone = None
    if least == 1 and (len(crew) <= 1 or len(skills) > 1):
        alone = part(set(skills), crew[0] if crew else None)
    if many == 1 or many > MOST_TOGETHER:
        return [], alone
    slots = [{skills[n % len(skills)]} if skills else set[str]() for n in range(many)]
    kept = _seated(day, crew, slots)
    team = [part(slot, who) for slot, who in zip(slots, kept, strict=True)]
    return ([p for p in team if p is not None] if all(team) else []), alone


def _seated(day: CentreDay, crew: list[UUID], slots: list[set[str]]) -> list[UUID | None]:
    """Return who of the present crew has which part; None where it was nobody's."""
    left = list(crew)
    found: list[UUID | None] = []
    for slot in slots:
        fits = [i for i in left if (h := day.by_hand.get(i)) is not None and slot <= h.skills]
        # Who can do least else is seated first.
        fits.sort(key=lambda i: len(day.by_hand[i].skills))
        found.append(fits[0] if fits else (left[0] if crew and left else None))
        if found[-1] in left:
            left.remove(found[-1])
    return found


def _worker(
    day: CentreDay,
    hand: Hand,
    stands: Frame,
    terms: Terms,
    rarity: dict[str, float],
) -> dict[str, Any]:
    kept = [*stands.spans[hand.id], *(span for span, _ in stands.elsewhere[hand.id])]
    ends = max([hand.ends, *(end for _, end in kept)])
    rest = list(stands.rests[hand.id] or (0.0, 0.0, 0.0))
    there = hand.ends - hand.begins - rest[2]
    promised = sum(
        s.minutes for s in day.stops if s.window is not None and hand.id in s.technicians
    )
    return {
        "shift": [hand.begins, ends],
        "start": _at(day, hand.place),
        "end": None,
        "lunch": rest,
        "longer": terms.overtime,
        "room": max(0.0, (1.0 - terms.reserve) * there - promised),
        "rarity": sum(rarity.get(skill, 0.0) for skill in hand.skills),
    }


def _rarity(day: CentreDay) -> dict[str, float]:
    """Return how rare each skill is today: one over how many hold it."""
    held: dict[str, int] = {}
    for hand in day.hands:
        for skill in hand.skills if hand.working else ():
            held[skill] = held.get(skill, 0) + 1
    return {skill: 1.0 / count for skill, count in held.items()}


def _today(
    day: CentreDay,
    jobs: list[dict[str, Any]],
    names: list[UUID | None],
    number: dict[UUID, int],
    stays: Collection[UUID],
) -> list[list[Any]]:
    """Return the day as it is, as [job, part, worker] in the order of starts: the warm start."""
    rows: list[tuple[float, int, list[list[Any]]]] = []
    for n, (job, name) in enumerate(zip(jobs, names, strict=True)):
        start = job["window"][0]
        if name is None or name in stays:
            parts = [(None, job["alone"])] if job["alone"] else enumerate(job["team"])
            rows.append((start, n, [[n, p, int(next(iter(one["prices"])))] for p, one in parts]))
            continue
        stop = day.by_stop[name]
        crew = [number[id_] for id_ in stop.technicians if id_ in number]
        if not crew or len(crew) < len(stop.technicians):
            continue
        if len(crew) == 1:
            if job["alone"] is None or str(crew[0]) not in job["alone"]["prices"]:
                continue
            seats = [[n, None, crew[0]]]
        else:
            seated = [(p, w) for p, w in _by_price(job["team"], crew)]
            if len(seated) != len(job["team"]) or len(seated) != len(crew):
                continue
            seats = [[n, p, w] for p, w in seated]
        rows.append((start if stop.start is None else max(start, stop.start), n, seats))
    return [seat for _, _, seats in sorted(rows) for seat in seats]


def _by_price(team: list[dict[str, Any]], crew: list[int]) -> Iterable[tuple[int, int]]:
    """Yield part and worker of a present team, each part with whom it costs nothing."""
    left = list(crew)
    for place, part in enumerate(team):
        fits = [w for w in left if part["prices"].get(str(w)) == 0.0]
        fits = fits or [w for w in left if str(w) in part["prices"]]
        if fits:
            left.remove(fits[0])
            yield place, fits[0]
