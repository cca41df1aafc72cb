"""The board of a centre's day: who is where, what will be late, what nobody has confirmed."""

from collections import Counter
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.dispatch.queries import lateness
from fieldops.dispatch.queries.lateness import Running
from fieldops.kernel.clock import local_day
from fieldops.kernel.permissions import Scope
from fieldops.organisation.models import Technician
from fieldops.reports import disruptions, queries, rules
from fieldops.reports.schemas import (
    Board,
    BoardAppointment,
    BoardAreaFault,
    BoardCounts,
    BoardEmergency,
    BoardRow,
    BoardTechnician,
    BoardWarning,
    DeviceSync,
)
from fieldops.visits.models import Assignment, Visit
from fieldops.visits.rules import ENDED

Crew = list[tuple[Assignment, Technician]]


async def board(
    session: AsyncSession, scope: Scope, centre_id: UUID, day: date | None, now: datetime
) -> Board:
    """Return a centre's day, today without a day; today's as it is predicted to go on (AP-07).

    Ten statements, and seven for the prediction, however many visits there are. Raises NotFound
    for a centre outside the scope.
    """
    known = await queries.places(session, scope.region_id)
    name = queries.centre_named(known, scope, centre_id)
    day = day or local_day(now, known.zone)
    found = await queries.visits_of_day(session, scope, centre_id, *known.day(day))
    shown = found[: queries.MOST_ROWS]
    visit_ids = [row.Visit.id for row in shown]
    crews = await queries.assignments(session, scope, visit_ids)
    people = {technician.id for crew in crews.values() for _a, technician in crew}
    devices, held = await queries.holdings(session, scope.region_id, people, visit_ids)
    today = day == local_day(now, known.zone)
    running = await lateness.running(session, scope.region_id, centre_id, now) if today else None
    rows = []
    for row in shown:
        crew = crews.get(row.Visit.id, [])
        syncs = {
            technician.id: _device(devices.get(technician.id, ()), held, row.Visit)
            for _a, technician in crew
        }
        rows.append(_row(row.Visit, row.order_ref, row.Appointment, crew, syncs, running, now))
    return Board(
        centre_id=centre_id,
        centre_name=name,
        day=day,
        zone=known.zone.key,
        at=now,
        counts=_counts(rows),
        open_cases=await queries.open_cases(session, scope, centre_id),
        missing_files=await queries.missing_files(session, scope, centre_id, now),
        warnings=[
            BoardWarning.model_validate(warning)
            for warning in await queries.warnings(session, scope, centre_id)
        ],
        emergencies=[
            BoardEmergency.model_validate(plan)
            for plan in await disruptions.plans_in_force(session, scope, centre_id, now)
        ],
        area_faults=[
            BoardAreaFault.model_validate(fault)
            for fault in await disruptions.area_faults(session, scope, centre_id)
        ],
        rows=rows,
        cut=len(found) > queries.MOST_ROWS,
    )


def _row(
    visit: Visit,
    order_ref: str,
    appointment: Any,
    crew: Crew,
    syncs: dict[UUID, DeviceSync],
    running: Running | None,
    now: datetime,
) -> BoardRow:
    # The board asks for visits by their window; a constraint gives those all three times.
    times = (visit.window_start, visit.window_end, visit.expected_arrival)
    start, end, planned = cast("tuple[datetime, datetime, datetime]", times)
    over = visit.state in ENDED
    arrivals = {a.technician_id: _arrival(visit, a, running, planned) for a, _t in crew}
    risks = () if running is None else running.risks(visit.id, crewless=now > end)
    return BoardRow(
        visit_id=visit.id,
        order_id=visit.order_id,
        order_ref=order_ref,
        premises_id=visit.premises_id,
        customer_id=visit.customer_id,
        state=visit.state,
        window_start=start,
        window_end=end,
        expected_arrival=max(filter(None, arrivals.values()), default=planned),
        late_risks=[] if over else list(risks),
        unconfirmed=None if over or appointment is None else _unconfirmed(appointment, now),
        technicians=[
            _technician(assignment, technician, arrivals[technician.id], syncs)
            for assignment, technician in crew
        ],
    )


def _arrival(
    visit: Visit, assignment: Assignment, running: Running | None, planned: datetime
) -> datetime | None:
    """When a technician arrives; of a visit that has ended only what was recorded."""
    if visit.state in ENDED or assignment.arrived_at is not None:
        return assignment.arrived_at
    found = running and running.prediction.arrivals.get((visit.id, assignment.technician_id))
    return found.at if found else planned


def _technician(
    assignment: Assignment,
    technician: Technician,
    expected: datetime | None,
    syncs: dict[UUID, DeviceSync],
) -> BoardTechnician:
    return BoardTechnician(
        technician_id=technician.id,
        name=technician.name,
        firm_id=technician.firm_id,
        is_contact=assignment.is_contact,
        state=assignment.state,
        latest_departure_at=assignment.latest_departure_at,
        departed_at=assignment.departed_at,
        arrived_at=assignment.arrived_at,
        expected_arrival=expected,
        device=syncs[technician.id],
    )


def _unconfirmed(appointment: Any, now: datetime) -> BoardAppointment:
    return BoardAppointment(
        appointment_id=appointment.id,
        state=appointment.state,
        needs_person=appointment.needs_person,
        hours_to_window=round((appointment.window_start - now).total_seconds() / 3600, 2),
    )


def _device(devices: Any, held: dict[tuple[UUID, UUID], int], visit: Visit) -> DeviceSync:
    holdings = queries.holding_of(devices, held, visit.id)
    return DeviceSync(
        last_seen_at=max((holding.last_seen_at for holding in holdings), default=None),
        queued=sum(holding.queued for holding in holdings),
        unsynced=list(rules.unsynced(holdings, visit.version)),
    )


def _counts(rows: list[BoardRow]) -> BoardCounts:
    return BoardCounts(
        visits=len(rows),
        by_state=dict(sorted(Counter(row.state for row in rows).items())),
        late_risk=sum(bool(row.late_risks) for row in rows),
        unconfirmed=sum(row.unconfirmed is not None for row in rows),
        unsynced=sum(any(t.device.unsynced for t in row.technicians) for row in rows),
    )
