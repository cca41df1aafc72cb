"""Reads of the duty to inspect: whose it is, what was done last, and how it stands (QA-02)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import DateTime, Select, Uuid, column, func, select, values
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import configuration
from fieldops.kernel.clock import local_day, start_of_day
from fieldops.kernel.ids import NIL
from fieldops.kernel.limits import Stage, limit, towards
from fieldops.kernel.permissions import Role, Scope
from fieldops.orders.rules import SHARES
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Unit
from fieldops.quality import duty, policy
from fieldops.quality.duty import Level
from fieldops.quality.models import Inspection
from fieldops.quality.rules import InspectionState


async def inspected_units(session: AsyncSession, scope: Scope) -> list[Unit]:
    """Return the region and its centres, as far as a scope reaches: what is to be inspected."""
    found = select(Unit).where(
        Unit.region_number == scope.region_id,
        Unit.kind.in_(["region", "centre"]),
        Unit.active,
    )
    if not scope.whole_region:
        found = found.where(Unit.id.in_(sorted(scope.centre_ids)))
    return list(await session.scalars(found.order_by(Unit.kind.desc(), Unit.name, Unit.id)))


@dataclass(frozen=True, slots=True)
class Inspected:
    """When a unit was inspected last at a level, and for when the next one is planned."""

    done_on: date | None
    planned_for: date | None


async def last_inspected(
    session: AsyncSession, scope: Scope
) -> dict[tuple[str, UUID | None], Inspected]:
    """Return by (level, centre) what was done last and what is planned next (QA-02)."""
    planned = Inspection.state == InspectionState.PLANNED
    found = await session.execute(
        select(
            Inspection.level,
            Inspection.centre_id,
            func.max(Inspection.done_on),
            func.min(Inspection.planned_for).filter(planned),
        )
        .where(policy.visible_inspections(scope))
        .group_by(Inspection.level, Inspection.centre_id)
    )
    return {(level, centre): Inspected(done, next_) for level, centre, done, next_ in found}


@dataclass(frozen=True, slots=True)
class Duty:
    """Whose duty it is to inspect a unit, and how it stands; `id` is that of level and unit."""

    id: UUID
    unit: Unit
    level: Level
    months: int
    last: Inspected
    standing: duty.Standing

    @property
    def centre_id(self) -> UUID | None:
        """The centre that is inspected; None for the whole region."""
        return None if self.level is Level.PROVINCE else self.unit.id


async def duties(session: AsyncSession, scope: Scope, today: date, zone: ZoneInfo) -> list[Duty]:
    """Return every duty to inspect in a scope, as it stands today (QA-02)."""
    done = await last_inspected(session, scope)
    found = []
    for unit in await inspected_units(session, scope):
        levels = (Level.PROVINCE,) if unit.kind == "region" else (Level.REGION, Level.CENTRE)
        since = local_day(unit.created_at, zone)
        for level in levels:
            number = duty.EVERY[level]
            months = int(await configuration.value(session, scope.region_id, number))
            centre_id = None if level is Level.PROVINCE else unit.id
            last = done.get((level, centre_id), Inspected(None, None))
            standing = duty.standing(today, months, last.done_on, since)
            id_ = uuid5(NIL, f"{level}:{unit.id}")
            found.append(Duty(id_, unit, level, months, last, standing))
    return found


@limit(
    "inspection_duty",
    "QA-02",
    "inspection_duty",
    shares={
        Stage.RESPONSIBLE: SHARES[Stage.RESPONSIBLE],
        Stage.UNIT_ABOVE: SHARES[Stage.SUPERVISOR],
    },
    takers={Role.SUPERVISOR},
)
async def to_be_inspected(
    session: AsyncSession, region_id: int, now: datetime
) -> Select[Any] | None:
    """Return the duties to inspect, each with the unit whose supervisors carry it out."""
    zone = await organisation.zone_of(session, region_id)
    whole = Scope(region_id, whole_region=True)
    rows = []
    for one in await duties(session, whole, local_day(now, zone), zone):
        inspecting = one.unit.id if one.level is Level.CENTRE else one.unit.parent_id
        if inspecting is not None:
            begun = duty.last_day(one.standing.due_by, one.months, later=-1)
            since, due = (
                start_of_day(day + timedelta(days=1), zone) for day in (begun, one.standing.due_by)
            )
            rows.append((one.id, inspecting, since, due))
    if not rows:
        return None
    time = DateTime(timezone=True)
    of = values(
        column("record_id", Uuid),
        column("centre_id", Uuid),
        column("since", time),
        column("due_at", time),
        name="duties",
    ).data(rows)
    return towards(of.c.record_id, of.c.centre_id, of.c.since, of.c.due_at)
