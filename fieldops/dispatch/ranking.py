"""Who can do one job, and who should: each with reasons a dispatcher understands. Pure.

Times are aware, ways are seconds of driving. A candidate is judged by what must be (skill and
certificate ORG-03, calendar ORG-07, promised time AP-01, the operator's own work ORG-06), and those
who can are put in order by minutes: the extra way, the day's load, and what knowing the place or
long practice is worth.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from fieldops.appointments.slots.calendars import Certificate, Interval


class Why(StrEnum):
    """What speaks for a candidate, or stands in the way."""

    # who should
    PRESENT = "present"
    NEAR = "near"
    EXTRA_WAY = "extra_way"
    FREE_DAY = "free_day"
    LOADED = "loaded"
    KNOWS_HOME = "knows_home"
    KNOWS_BUILDING = "knows_building"
    EXPERIENCED = "experienced"
    ENTERPRISE = "enterprise"
    RARE_SKILLS = "rare_skills"
    CONTRACTOR = "contractor"
    HELPER = "helper"
    PART_ONLY = "part_only"
    NEEDS_ANOTHER = "needs_another"
    # who cannot
    NO_SKILL = "no_skill"
    CERTIFICATE_ENDED = "certificate_ended"
    CERTIFICATE_BEGINS = "certificate_begins"
    AWAY = "away"
    OFF_DUTY = "off_duty"
    SHIFT_TOO_SHORT = "shift_too_short"
    PROMISED = "promised"
    TOO_FAR = "too_far"
    OPERATORS_OWN = "operators_own"
    FIRM_NOT_HERE = "firm_not_here"


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence about a candidate: its code and what is filled in."""

    code: Why
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done: skills, when (start to the last moment to begin), how long, for whom.

    `own_work` must be done by the operator's own staff; `demanding`: a customer of high tier
    (AP-04); `enterprise`: a firm or an authority of whatever tier. Nobody leaves before `now`.
    It takes `people` technicians at least (VI-01), and `crew` are on it now.
    """

    skills: frozenset[str]
    day: date
    start: datetime
    latest: datetime
    minutes: int
    enterprise: bool = False
    demanding: bool = False
    own_work: bool = False
    now: datetime | None = None
    people: int = 1
    crew: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Promise:
    """Another visit of that day: its reserved time, and the ways to the job and back."""

    visit_id: UUID
    start: datetime
    end: datetime
    to_job_s: float
    from_job_s: float


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of a candidate on the job's day.

    `free_from` is when, by the state of the day, they can leave for the job at the earliest, and
    `way_s` the way from there; `home_visits` and `building_visits` count earlier visits.
    `firm_here`: their firm works for the job's centre (ORG-01); always so for own staff.
    """

    technician_id: UUID
    name: str
    firm_id: UUID | None
    certificates: tuple[Certificate, ...]
    working: tuple[Interval, ...]
    leave: str | None
    promises: tuple[Promise, ...]
    day_minutes: int
    way_s: float | None
    free_from: datetime | None = None
    home_visits: int = 0
    building_visits: int = 0
    helper: bool = False
    firm_here: bool = True
    present: bool = False


@dataclass(frozen=True, slots=True)
class Weights:
    """What counts how much, in minutes (the region's numbers)."""

    knows_home: float
    knows_building: float
    experience: float
    experienced_days: float
    load_percent: float
    rare_skill: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A technician for a job: whether they can, in which order, when there, and why."""

    technician_id: UUID
    name: str
    firm_id: UUID | None
    can: bool
    whole: bool
    covers: tuple[str, ...]
    score: float
    arrives_at: datetime
    way_s: float | None
    extra_way_s: float
    day_minutes: int
    present: bool
    reasons: tuple[Reason, ...]
    hindrances: tuple[Reason, ...]


def rank(job: Job, people: Iterable[Person], weights: Weights) -> list[Candidate]:
    """Return all candidates: those who can by what they cost, then the others by name."""
    judged = [judge(job, person, weights) for person in people]
    return sorted(judged, key=lambda c: (not c.can, not c.whole, c.score, c.name, c.technician_id))


def judge(job: Job, person: Person, weights: Weights) -> Candidate:
    """Return what stands in a technician's way, and what speaks for them."""
    valid = {c.skill for c in person.certificates if c.valid_from <= job.day <= c.valid_until}
    covers = tuple(sorted(valid & job.skills))
    arrives = _arrival(job, person)
    hindrances = [
        *([] if covers else _skills(job, person, valid)),
        *(off := list(_calendar(job, person))),
        *([] if off else _time(job, person, arrives)),
        *([Reason(Why.OPERATORS_OWN)] if job.own_work and person.firm_id is not None else []),
        *([] if person.firm_here else [Reason(Why.FIRM_NOT_HERE)]),
    ]
    extra = _extra_way(arrives, person)
    whole = set(covers) == job.skills
    score, reasons = _worth(job, person, weights, extra, valid)
    if not whole and covers:
        missing = sorted(job.skills - valid)
        reasons.insert(0, Reason(Why.PART_ONLY, {"skills": list(covers), "missing": missing}))
    short = job.people - len(job.crew | {person.technician_id})
    if short > 0:
        reasons.insert(0, Reason(Why.NEEDS_ANOTHER, {"people": job.people, "more": short}))
    return Candidate(
        person.technician_id,
        person.name,
        person.firm_id,
        not hindrances,
        whole,
        covers,
        round(score, 1),
        arrives,
        person.way_s,
        extra,
        person.day_minutes,
        person.present,
        tuple(reasons),
        tuple(hindrances),
    )


def _skills(job: Job, person: Person, valid: set[str]) -> Iterable[Reason]:
    for skill in sorted(job.skills - valid):
        held = [c for c in person.certificates if c.skill == skill]
        ended = max((c.valid_until for c in held if c.valid_until < job.day), default=None)
        begins = min((c.valid_from for c in held if c.valid_from > job.day), default=None)
        if begins is not None:
            yield Reason(Why.CERTIFICATE_BEGINS, {"skill": skill, "day": begins.isoformat()})
        elif ended is not None:
            yield Reason(Why.CERTIFICATE_ENDED, {"skill": skill, "day": ended.isoformat()})
        else:
            yield Reason(Why.NO_SKILL, {"skill": skill})


def _calendar(job: Job, person: Person) -> Iterable[Reason]:
    """Say when the calendar leaves no room: away, off duty, or too short (ORG-07)."""
    work = timedelta(minutes=job.minutes)
    if any(
        max(job.start, opens) <= job.latest and max(job.start, opens) + work <= closes
        for opens, closes in person.working
    ):
        return
    start, end = job.start, job.start + work
    if person.leave is not None:
        yield Reason(Why.AWAY, {"kind": person.leave})
    elif not any(opens < end and start < closes for opens, closes in person.working):
        yield Reason(Why.OFF_DUTY)
    else:
        closes = max(c for o, c in person.working if o < end and start < c)
        yield Reason(Why.SHIFT_TOO_SHORT, {"until": closes, "end": end})


def _leaving(job: Job, person: Person) -> datetime:
    """Return when they could be there if nothing else were promised."""
    at, leaves = job.start, person.free_from or job.now
    if leaves is not None and person.way_s is not None:
        at = max(at, leaves + timedelta(seconds=person.way_s))
    return at


def _arrival(job: Job, person: Person) -> datetime:
    """Return when they can begin at the earliest: on duty, between what they promised, by road."""
    at, work = _leaving(job, person), timedelta(minutes=job.minutes)
    before = None
    while at != before:
        before = at
        for promise in sorted(person.promises, key=lambda p: p.start):
            if at + work + timedelta(seconds=promise.from_job_s) > promise.start:
                at = max(at, promise.end + timedelta(seconds=promise.to_job_s))
        for opens, closes in person.working:
            if max(at, opens) + work <= closes:
                at = max(at, opens)
                break
    return at


def _time(job: Job, person: Person, arrives: datetime) -> Iterable[Reason]:
    """Say when the window would be missed: by the way alone, or by what is promised (AP-01)."""
    if arrives <= job.latest:
        return
    if _leaving(job, person) > job.latest:
        yield Reason(Why.TOO_FAR, {"arrives": _leaving(job, person), "latest": job.latest})
        return
    if not person.promises:
        last_end = max(closes for _, closes in person.working)
        yield Reason(Why.SHIFT_TOO_SHORT, {"until": last_end, "end": arrives})
        return
    in_the_way = [p for p in person.promises if p.start < job.latest and p.end > job.start]
    first = min(in_the_way or person.promises, key=lambda p: p.start)
    last = max(in_the_way or person.promises, key=lambda p: p.end)
    yield Reason(
        Why.PROMISED,
        {"visit_id": first.visit_id, "start": first.start, "end": last.end, "arrives": arrives},
    )


def _extra_way(arrives: datetime, person: Person) -> float:
    """Return the seconds the job adds to a day's ways: to it, and from it to the next visit."""
    before = [p for p in person.promises if p.end <= arrives]
    after = [p for p in person.promises if p.start >= arrives]
    to = max(before, key=lambda p: p.end).to_job_s if before else (person.way_s or 0.0)
    onwards = min(after, key=lambda p: p.start).from_job_s if after else 0.0
    return to + onwards


NEAR_S = 600
BUSY_MINUTES = 300


def _worth(
    job: Job, person: Person, weights: Weights, extra: float, valid: set[str]
) -> tuple[float, list[Reason]]:
    """Return a candidate's cost in minutes and the sentences that explain it."""
    reasons: list[Reason] = []
    score = extra / 60
    if person.present:
        reasons.append(Reason(Why.PRESENT))
    way = {"minutes": round(extra / 60)}
    reasons.append(Reason(Why.NEAR if extra <= NEAR_S else Why.EXTRA_WAY, way))
    score += person.day_minutes * weights.load_percent / 100
    if not person.promises:
        reasons.append(Reason(Why.FREE_DAY))
    elif person.day_minutes > BUSY_MINUTES:
        reasons.append(Reason(Why.LOADED, {"hours": round(person.day_minutes / 60, 1)}))
    if person.home_visits:
        score -= weights.knows_home
        reasons.append(Reason(Why.KNOWS_HOME, {"times": person.home_visits}))
    elif person.building_visits:
        score -= weights.knows_building
        reasons.append(Reason(Why.KNOWS_BUILDING, {"times": person.building_visits}))
    score += _practice(job, person, weights, valid, reasons)
    spare = len(valid - job.skills - {"enterprise"})
    if spare > 1 and not job.demanding:
        score += weights.rare_skill * (spare - 1)
        reasons.append(Reason(Why.RARE_SKILLS, {"count": spare}))
    if person.firm_id is not None:
        reasons.append(Reason(Why.CONTRACTOR))
    if person.helper:
        reasons.append(Reason(Why.HELPER))
    return score, reasons


def _practice(
    job: Job, person: Person, weights: Weights, valid: set[str], reasons: list[Reason]
) -> float:
    """Return what practice and the enterprise certificate are worth, as minutes off (CU-01)."""
    bonus = 0.0
    since = [c.valid_from for c in person.certificates if c.skill in job.skills]
    years = (job.day - min(since)).days / 365 if since else 0.0
    if job.demanding and years * 365 >= weights.experienced_days:
        bonus += weights.experience
        reasons.append(Reason(Why.EXPERIENCED, {"years": round(years, 1)}))
    if job.enterprise and "enterprise" in valid:
        bonus += weights.experience
        reasons.append(Reason(Why.ENTERPRISE))
    return -bonus
