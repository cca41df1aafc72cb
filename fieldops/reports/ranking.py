"""Who stands where in an indicator: units of every level, firms and people (KP-03, QA-06).

Regions share no statement (region rule 4) and no transaction: what somebody reads in several
regions is read in each, with the grants and the weights of that region, and added up here.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import charts, configuration
from fieldops.kernel.actor import Actor
from fieldops.kernel.charts import Level
from fieldops.kernel.db import Database
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Unit
from fieldops.reports import figures, rules
from fieldops.reports.figures import Counted, Group, Question
from fieldops.reports.queries import Places
from fieldops.reports.registry import Direction, Sum, met
from fieldops.reports.rollups import Days
from fieldops.reports.schemas import RankedFigure

MOST_BARS = 30


class Of(StrEnum):
    """What is ranked: units of a level, in every region that is read, or firms or people of one."""

    GROUP = "group"
    PROVINCE = "province"
    REGION = "region"
    CENTRE = "centre"
    FIRM = "firm"
    TECHNICIAN = "technician"


ABOVE = (Of.GROUP, Of.PROVINCE, Of.REGION)
WITHIN = {Of.CENTRE: Group.CENTRE, Of.FIRM: Group.FIRM, Of.TECHNICIAN: Group.TECHNICIAN}


@dataclass(slots=True)
class Standing:
    """How somebody did: now, before, and what was aimed at."""

    name: str
    target: float | None = None
    now: Sum = field(default_factory=Sum)
    before: Sum = field(default_factory=Sum)


class Placed(Protocol):
    """A row that can have a place: by its score, where there is enough behind it."""

    id: UUID
    name: str
    enough: bool
    score: float | None
    before_score: float | None
    place: int | None


P = TypeVar("P", bound=Placed)


def placed(rows: Iterable[P], *, higher: bool = True) -> list[P]:
    """Give each row with enough behind it a place by its score; the others follow without one.

    Equal scores share a place. `higher`: the highest score is the best.
    """
    sign = -1 if higher else 1
    found = sorted(
        rows, key=lambda row: (not row.enough, sign * (row.score or 0.0), row.name, row.id)
    )
    place, last = 0, None
    for number, row in enumerate((one for one in found if one.enough), 1):
        if row.score != last:
            place, last = number, row.score
        row.place = place
    return found


def drawn(title: str, rows: Sequence[Placed], unit: str) -> str:
    """Return a ranking as bars: those with a place, each with its score before and now."""
    ranked = [row for row in rows if row.enough][:MOST_BARS]
    values: list[tuple[str, float | None]] = []
    for row in ranked:
        if row.before_score is not None:
            values.append((f"{row.name} before", row.before_score))
        values.append((row.name, row.score))
    known = [row.score for row in ranked if row.score is not None]
    levels = [Level(round(sum(known) / len(known), 2), "mean")] if known else []
    return charts.bars(title, values, unit=unit, levels=levels)


async def ranking(
    database: Database, actor: Actor, question: Question, of: Of, before: Days, now: datetime
) -> list[RankedFigure]:
    """Return who stands where in an indicator over some days, against some days before.

    Units of all regions in which the actor may read indicators; firms and technicians of the
    actor's region alone. A unit above a centre is there for who reads all of it.
    """
    indicator = question.indicator
    async with database.transaction() as session:
        numbers = [actor.region_id]
        if of not in WITHIN or of is Of.CENTRE:
            numbers = await organisation.regions_of(session, actor.id)
        units = await _units(session) if of in ABOVE else {}
        least = await configuration.value(session, actor.region_id, rules.LEAST_RANKED)
    found: dict[UUID, Standing] = {}
    whole: dict[int, Standing] = {}
    for number in numbers:
        async with database.transaction() as session:
            here = await organisation.load_actor(session, actor.id, number, actor.device_id)
            if here is None or not here.allows(Permission.INDICATOR_READ):
                continue
            if of in WITHIN:
                found |= await _within(session, here, question, WITHIN[of], before, now)
            elif here.scope(Permission.INDICATOR_READ).whole_region:
                whole[number] = await _whole(session, here, question, before, now)
    if of in ABOVE:
        found = _above(units, whole, of)
    higher = indicator.direction is Direction.HIGHER
    rows = (
        _row(question, id_, standing, least)
        for id_, standing in found.items()
        if standing.now.records
    )
    return placed(rows, higher=higher)


async def _count(
    session: AsyncSession, actor: Actor, question: Question, group: Group, now: datetime
) -> tuple[Places, Counted]:
    scope, name = actor.scope(Permission.INDICATOR_READ), question.name
    known, counted = await figures.count(session, scope, question, [name], now, group=group)
    return known, counted[name]


async def _whole(
    session: AsyncSession, actor: Actor, question: Question, before: Days, now: datetime
) -> Standing:
    """Return how a region did as a whole."""
    _known, this = await _count(session, actor, question, Group.NONE, now)
    former = replace(question, first=before.first, last=before.last)
    _known, then = await _count(session, actor, former, Group.NONE, now)
    return Standing("", this.aims.target(question.last), this.total, then.total)


async def _within(
    session: AsyncSession,
    actor: Actor,
    question: Question,
    group: Group,
    before: Days,
    now: datetime,
) -> dict[UUID, Standing]:
    """Return how the centres, firms or people of a region did, by their ids."""
    known, this = await _count(session, actor, question, group, now)
    former = replace(question, first=before.first, last=before.last)
    _known, then = await _count(session, actor, former, group, now)
    scope = actor.scope(Permission.INDICATOR_READ)
    names = await figures.named(session, scope, known, group, {key for key, _ in this.parts if key})
    target = this.aims.target(question.last)
    return {
        UUID(key): Standing(names.get(key, key), target, now=part, before=then.parts[key, None])
        for (key, _start), part in this.parts.items()
        if key is not None
    }


async def _units(session: AsyncSession) -> dict[UUID, Unit]:
    """Return the units above the centres."""
    found = await session.scalars(
        select(Unit).where(Unit.kind.in_(("group", "province", "region")), Unit.active)
    )
    return {unit.id: unit for unit in found}


def _above(
    units: Mapping[UUID, Unit], whole: Mapping[int, Standing], of: Of
) -> dict[UUID, Standing]:
    """Add regions up to the units of a level; one with a region that was not read is left out.

    Targets are a region's own: what is above has none.
    """
    regions: dict[UUID, list[int]] = defaultdict(list)
    for unit in units.values():
        above: Unit | None = unit
        while unit.region_number is not None and above is not None:
            regions[above.id].append(unit.region_number)
            above = units.get(above.parent_id) if above.parent_id else None
    found = {}
    for id_, numbers in regions.items():
        if units[id_].kind != of or not all(number in whole for number in numbers):
            continue
        standing = Standing(units[id_].name)
        if of is Of.REGION:
            standing.target = whole[numbers[0]].target
        for number in numbers:
            standing.now.include(whole[number].now)
            standing.before.include(whole[number].before)
        found[id_] = standing
    return found


def _row(question: Question, id_: UUID, standing: Standing, least: float) -> RankedFigure:
    indicator = question.indicator
    unit, now, before = indicator.unit, standing.now, standing.before
    value, score, former = now.value(unit), now.score(unit), before.score(unit)
    return RankedFigure(
        id=id_,
        name=standing.name,
        place=None,
        enough=now.records >= least and score is not None,
        records=now.records,
        numerator=round(now.numerator, 2),
        denominator=round(now.denominator, 2),
        value=value,
        score=score,
        target=standing.target,
        met=met(value, standing.target, indicator.direction),
        before_records=before.records,
        before_value=before.value(unit),
        before_score=former,
        change=None if score is None or former is None else round(score - former, 2),
    )
