"""Visits against working calendars: what is booked when its technician does not work (ORG-07)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.clock import start_of_day
from fieldops.kernel.permissions import Scope
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Technician
from fieldops.visits import policy
from fieldops.visits.models import Assignment, Visit

Why = Literal["not_working", "left"]


@dataclass(frozen=True, slots=True)
class OffCalendar:
    """A technician's visit outside their calendar; `override_reason` says who wanted it so.

    `id` is the assignment's.
    """

    id: UUID
    visit_id: UUID
    order_id: UUID
    centre_id: UUID
    technician_id: UUID
    technician_name: str
    is_contact: bool
    window_start: datetime
    window_end: datetime
    expected_arrival: datetime
    duration_minutes: int
    override_reason: str | None
    why: Why


async def off_calendar(
    session: AsyncSession,
    scope: Scope,
    first: date,
    last: date,
    zone: ZoneInfo,
    *,
    centre_id: UUID | None = None,
    technician_ids: Collection[UUID] | None = None,
) -> list[OffCalendar]:
    """Return the visits due on some local days whose technician does not work then, soonest first.

    `not_working`: outside shifts, in lunch or leave, on a holiday; `left`: the technician has lost
    the role. With an `override_reason` a dispatcher has decided so; without one it has come about
    since, and somebody has to decide.
    """
    rows = await _booked(
        session, scope, start_of_day(first, zone), start_of_day(last + timedelta(days=1), zone),
        centre_id, technician_ids,
    )  # fmt: skip
    people = sorted({row.technician_id for row in rows})
    # A visit of the last day may end on the day after.
    following = last + timedelta(days=1)
    working = await organisation.working_intervals(
        session, scope.region_id, people, first, following, zone
    )
    found = []
    for row in rows:
        ends = row.expected_arrival + timedelta(minutes=row.duration_minutes)
        inside = any(
            start <= row.expected_arrival and ends <= end
            for start, end in working[row.technician_id]
        )
        if not row.active or not inside:
            why: Why = "not_working" if row.active else "left"
            values = {key: value for key, value in row._mapping.items() if key != "active"}  # noqa: SLF001 - public
            found.append(OffCalendar(**values, why=why))
    return found


async def _booked(
    session: AsyncSession,
    scope: Scope,
    starts: datetime,
    ends: datetime,
    centre_id: UUID | None,
    technician_ids: Collection[UUID] | None,
) -> Sequence[Any]:
    statement = (
        select(
            Assignment.id,
            Visit.id.label("visit_id"),
            Visit.order_id,
            Visit.centre_id,
            Assignment.technician_id,
            Technician.name.label("technician_name"),
            Technician.active,
            Assignment.is_contact,
            Visit.window_start,
            Visit.window_end,
            Visit.expected_arrival,
            Visit.duration_minutes,
            Visit.override_reason,
        )
        .join(
            Assignment,
            and_(Assignment.region_id == Visit.region_id, Assignment.visit_id == Visit.id),
        )
        .join(
            Technician,
            and_(
                Technician.region_id == Assignment.region_id,
                Technician.id == Assignment.technician_id,
            ),
        )
        .where(
            policy.visible(scope),
            Visit.region_id == scope.region_id,
            Assignment.region_id == scope.region_id,
            Technician.region_id == scope.region_id,
            Assignment.ended_at.is_(None),
            Visit.ended_at.is_(None),
            Visit.expected_arrival >= starts,
            Visit.expected_arrival < ends,
        )
        .order_by(Visit.expected_arrival, Visit.id, Assignment.id)
    )
    if centre_id is not None:
        statement = statement.where(Visit.centre_id == centre_id)
    if not scope.office:  # a contractor manager: the own firm's people only (ORG-06)
        statement = statement.where(Technician.firm_id == scope.firm_id)
    if technician_ids is not None:
        statement = statement.where(Assignment.technician_id.in_(technician_ids))
    return (await session.execute(statement)).all()
