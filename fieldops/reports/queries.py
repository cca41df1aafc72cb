"""What the reports gather: statements bounded by a centre's day or by a range of days."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments.models import Appointment
from fieldops.files.queries import receipts
from fieldops.files.rules import MISSING_AFTER
from fieldops.kernel import configuration
from fieldops.kernel.clock import start_of_day
from fieldops.kernel.errors import NotFound
from fieldops.kernel.ids import NIL
from fieldops.kernel.permissions import Scope
from fieldops.orders.models import LateWarning, ServiceOrder, WorkOrder
from fieldops.orders.rules import OPEN, Department, Kind
from fieldops.organisation.models import Technician, Unit
from fieldops.reports import policy, rules
from fieldops.reports.rules import Holding, Limits, Promise, Staff
from fieldops.sync.models import Case, Device, HeldRow
from fieldops.visits.models import Assignment, Visit, VisitWork
from fieldops.visits.rules import UNDER_WAY, State

MOST_ROWS = 2_000
MOST_WARNINGS = 100
STILL_UNDER_WAY = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Places:
    """A region's zone, its centres and its firms, by id."""

    zone: ZoneInfo
    centres: dict[UUID, str]
    firms: frozenset[UUID]

    def day(self, day: date) -> tuple[datetime, datetime]:
        """Return the first moment of a local day and of the next one."""
        return start_of_day(day, self.zone), start_of_day(day + timedelta(days=1), self.zone)


async def places(session: AsyncSession, region_id: int) -> Places:
    """Return the places of a region; read once per transaction."""
    read: dict[int, Places] = session.info.setdefault("places", {})
    if region_id not in read:
        read[region_id] = await _places(session, region_id)
    return read[region_id]


async def _places(session: AsyncSession, region_id: int) -> Places:
    found = await session.execute(
        select(Unit.id, Unit.kind, Unit.name, Unit.zone).where(
            Unit.region_number == region_id, Unit.kind.in_(("region", "centre", "firm"))
        )
    )
    rows = found.all()
    zone = next((row.zone for row in rows if row.kind == "region" and row.zone), "UTC")
    return Places(
        ZoneInfo(zone),
        {row.id: row.name for row in rows if row.kind == "centre"},
        frozenset(row.id for row in rows if row.kind == "firm"),
    )


def centre_named(known: Places, scope: Scope, centre_id: UUID) -> str:
    """Return a centre's name; raises NotFound outside the region or the scope."""
    if centre_id not in known.centres or not policy.reaches(scope, centre_id):
        raise NotFound(thing="centre")
    return known.centres[centre_id]


# The board


async def visits_of_day(
    session: AsyncSession, scope: Scope, centre_id: UUID, start: datetime, end: datetime
) -> Sequence[Any]:
    """Return a centre's visits with windows from `start` to `end`, and those still under way.

    Each with its order's reference and its open appointment; at most 2,001, by window.
    """
    region_id = scope.region_id
    found = await session.execute(
        select(Visit, ServiceOrder.external_ref.label("order_ref"), Appointment)
        .join(
            ServiceOrder,
            and_(ServiceOrder.region_id == region_id, ServiceOrder.id == Visit.order_id),
        )
        .outerjoin(
            Appointment,
            and_(
                Appointment.region_id == region_id,
                Appointment.visit_id == Visit.id,
                Appointment.state.in_(("booked", "unreachable", "change_wanted")),
            ),
        )
        .where(
            policy.visible_visits(scope),
            Visit.centre_id == centre_id,
            # One range for the index; an OR of two ranges would read all visits of the centre.
            Visit.window_start >= start - STILL_UNDER_WAY,
            Visit.window_start < end,
            or_(Visit.window_start >= start, Visit.state.in_(sorted(UNDER_WAY))),
        )
        .order_by(Visit.window_start, Visit.expected_arrival, Visit.id)
        .limit(MOST_ROWS + 1)
    )
    return found.all()


async def assignments(
    session: AsyncSession, scope: Scope, visit_ids: Collection[UUID]
) -> dict[UUID, list[tuple[Assignment, Technician]]]:
    """Return the technicians on visits now, or at their end, by visit; the contact first."""
    found = await session.execute(
        select(Assignment, Technician)
        .join(
            Technician,
            and_(
                Technician.region_id == scope.region_id, Technician.id == Assignment.technician_id
            ),
        )
        .where(
            Assignment.region_id == scope.region_id,
            Assignment.visit_id.in_(visit_ids),
            Assignment.ended_at.is_(None),
            policy.visible_technicians(scope),
        )
        .order_by(Assignment.visit_id, Assignment.is_contact.desc(), Technician.name)
    )
    by_visit: dict[UUID, list[tuple[Assignment, Technician]]] = defaultdict(list)
    for assignment, technician in found:
        by_visit[assignment.visit_id].append((assignment, technician))
    return by_visit


async def holdings(
    session: AsyncSession,
    region_id: int,
    technician_ids: Collection[UUID],
    visit_ids: Collection[UUID],
) -> tuple[dict[UUID, list[Any]], dict[tuple[UUID, UUID], int]]:
    """Return technicians' active devices, and the version of each visit that a device holds.

    One statement. A visit counts as held when the device has confirmed it (SYNC section 3).
    """
    found = await session.execute(
        select(
            Device.person_id,
            Device.id,
            Device.last_seen_at,
            Device.queued,
            HeldRow.row_id,
            HeldRow.version,
        )
        .outerjoin(
            HeldRow,
            and_(
                HeldRow.region_id == region_id,
                HeldRow.device_id == Device.id,
                HeldRow.type == "visit",
                HeldRow.row_id.in_(visit_ids),
                HeldRow.added_gen <= Device.gen_confirmed,
                or_(HeldRow.removed_gen.is_(None), HeldRow.removed_gen > Device.gen_confirmed),
            ),
        )
        .where(
            Device.region_id == region_id,
            Device.person_id.in_(technician_ids),
            Device.state == "active",
        )
    )
    devices: dict[UUID, dict[UUID, Any]] = defaultdict(dict)
    held: dict[tuple[UUID, UUID], int] = {}
    for row in found:
        devices[row.person_id][row.id] = row
        if row.row_id is not None:
            held[row.id, row.row_id] = row.version
    return {person: list(by_id.values()) for person, by_id in devices.items()}, held


def holding_of(
    devices: Sequence[Any], held: dict[tuple[UUID, UUID], int], visit_id: UUID
) -> list[Holding]:
    """Return what each device of one technician has of one visit."""
    return [Holding(d.last_seen_at, d.queued, held.get((d.id, visit_id))) for d in devices]


async def open_cases(session: AsyncSession, scope: Scope, centre_id: UUID) -> int | None:
    """Count a centre's open cases at the desk; None for a scope without an office."""
    if not scope.office:
        return None
    found = await session.scalar(
        select(func.count())
        .select_from(Case)
        .where(
            Case.region_id == scope.region_id,
            Case.state == "open",
            or_(Case.centre_id == centre_id, Case.centre_id.is_(None)),
        )
    )
    return int(found or 0)


async def missing_files(
    session: AsyncSession, scope: Scope, centre_id: UUID, now: datetime
) -> int | None:
    """Count photos of a centre missing for longer than SYNC 7 allows; None without an office."""
    if not scope.office:
        return None
    waited = await configuration.duration(session, scope.region_id, MISSING_AFTER)
    return await receipts.count_missing(session, scope, centre_id, now - waited)


async def warnings(session: AsyncSession, scope: Scope, centre_id: UUID) -> Sequence[Any]:
    """Return the warnings of a centre's open work, most urgent first; none without an office."""
    if not scope.office:
        return ()
    found = await session.execute(
        select(
            LateWarning.work_order_id,
            WorkOrder.order_id,
            LateWarning.audience,
            LateWarning.percent,
            LateWarning.due_at,
            LateWarning.warned_at,
        )
        .join(
            WorkOrder,
            and_(WorkOrder.region_id == scope.region_id, WorkOrder.id == LateWarning.work_order_id),
        )
        .where(
            LateWarning.region_id == scope.region_id,
            WorkOrder.centre_id == centre_id,
            WorkOrder.state.in_(sorted(OPEN)),
        )
        .order_by(LateWarning.percent.desc(), LateWarning.due_at, LateWarning.id)
        .limit(MOST_WARNINGS)
    )
    return found.all()


# KP-01


@dataclass(frozen=True, slots=True)
class Cut:
    """What the indicator is asked for: moments, centres, and whose work (ORG-06).

    NIL among the centres stands for records of the region as a whole.
    """

    start: datetime
    end: datetime
    centre_ids: tuple[UUID, ...]
    technician_id: UUID | None = None
    firm_id: UUID | None = None
    staff: Staff | None = None


def cut_for(
    known: Places,
    scope: Scope,
    first: date,
    last: date,
    *,
    centre_id: UUID | None = None,
    firm_id: UUID | None = None,
) -> Cut:
    """Limit what was asked for to the scope; raises NotFound for a centre or firm outside it."""
    if centre_id is not None:
        centre_named(known, scope, centre_id)
    if firm_id is not None and (firm_id not in known.firms or _foreign(scope, firm_id)):
        raise NotFound(thing="firm")
    centres = [centre_id] if centre_id else [c for c in known.centres if policy.reaches(scope, c)]
    if scope.whole_region and centre_id is None:
        centres.append(NIL)  # what is the region's own
    return Cut(
        known.day(first)[0],
        known.day(last)[1],
        tuple(sorted(centres)),
        firm_id=firm_id if scope.office else scope.firm_id,
    )


def _foreign(scope: Scope, firm_id: UUID) -> bool:
    return not scope.office and firm_id != scope.firm_id


async def limits(session: AsyncSession, region_id: int) -> Limits:
    """Return the region's numbers for KP-01."""
    return Limits(
        await configuration.duration(session, region_id, rules.FAULT_WITHIN),
        int(await configuration.value(session, region_id, rules.RESCHEDULES_TOLERATED)),
        await configuration.duration(session, region_id, rules.EARLY_ARRIVAL),
    )


def contact_of(region_id: int) -> Any:
    """The customer's contact on a visit: now, or the last one before the visit ended."""
    return (
        select(Assignment.technician_id)
        .where(
            Assignment.region_id == region_id,
            Assignment.visit_id == Visit.id,
            Assignment.is_contact,
        )
        .order_by(Assignment.ended_at.desc().nulls_first(), Assignment.assigned_at.desc())
        .limit(1)
        .lateral("contact")
    )


def _cancelled_by_customer() -> ColumnElement[bool]:
    """Whose cause a cancelled appointment is.

    An appointment alone is cancelled on the customer's say only; one that ended together with
    its visit has the visit's cause.
    """
    alone = or_(Visit.state != State.CANCELLED.value, Appointment.updated_at < Visit.cancelled_at)
    return or_(alone, func.coalesce(Visit.end_cause, "") == "customer")


def _install(region_id: int) -> Any:
    """An install among the work of a completed visit.

    A lateral join, for the planner would turn an EXISTS into a pass over all work ever done.
    """
    return (
        select(WorkOrder.id)
        .select_from(VisitWork)
        .join(
            WorkOrder,
            and_(WorkOrder.region_id == region_id, WorkOrder.id == VisitWork.work_order_id),
        )
        .where(
            VisitWork.region_id == region_id,
            VisitWork.visit_id == Visit.id,
            Visit.state == State.COMPLETED.value,
            WorkOrder.kind == Kind.INSTALL.value,
        )
        .limit(1)
        .lateral("install")
    )


def _first_fault(region_id: int) -> Any:
    """When the first repair a customer asked for came in for the premises, after completion."""
    fault = WorkOrder.__table__.alias("fault")
    return (
        select(func.min(fault.c.received_at))
        .where(
            fault.c.region_id == region_id,
            fault.c.premises_id == Visit.premises_id,
            fault.c.kind == Kind.REPAIR.value,
            fault.c.department == Department.FIELD.value,
            fault.c.received_at > Visit.ended_at,
        )
        .correlate(Visit)
        .scalar_subquery()
    )


def promises(region_id: int, cut: Cut) -> Select[Any]:
    """Return the statement for the appointments of a cut with all that KP-01 asks about them."""
    contact, install = contact_of(region_id), _install(region_id)
    completed = Visit.state == State.COMPLETED.value
    installed = install.c.id.is_not(None)
    return (
        select(
            Appointment.id,
            Appointment.visit_id,
            Visit.order_id,
            Appointment.centre_id,
            Appointment.customer_id,
            contact.c.technician_id,
            Technician.firm_id,
            Appointment.window_start,
            Appointment.window_end,
            or_(Appointment.state == "cancelled", Visit.state == State.CANCELLED.value).label(
                "cancelled"
            ),
            _cancelled_by_customer().label("by_customer"),
            Appointment.operator_reschedules,
            Visit.ended_at,
            Visit.arrived_at,
            case((completed, Visit.ended_at)).label("completed_at"),
            installed.label("installed"),
            case((installed, _first_fault(region_id))).label("first_fault_at"),
        )
        .join(Visit, and_(Visit.region_id == region_id, Visit.id == Appointment.visit_id))
        .outerjoin(contact, true())
        .outerjoin(
            Technician,
            and_(Technician.region_id == region_id, Technician.id == contact.c.technician_id),
        )
        .outerjoin(install, true())
        .where(
            Appointment.region_id == region_id,
            Appointment.centre_id.in_(cut.centre_ids),
            Appointment.window_start >= cut.start,
            Appointment.window_start < cut.end,
            *_whose(cut, contact),
        )
    )


def _whose(cut: Cut, contact: Any) -> list[ColumnElement[bool]]:
    """Limit appointments to somebody's work (ORG-06)."""
    wanted: list[ColumnElement[bool]] = []
    if cut.technician_id is not None:
        wanted.append(contact.c.technician_id == cut.technician_id)
    if cut.firm_id is not None:
        wanted.append(Technician.firm_id == cut.firm_id)
    if cut.staff is Staff.OWN:
        wanted += [contact.c.technician_id.is_not(None), Technician.firm_id.is_(None)]
    if cut.staff is Staff.CONTRACTOR:
        wanted.append(Technician.firm_id.is_not(None))
    return wanted


def promise(row: Row[Any]) -> Promise:
    """Return what the rule judges, from a gathered row."""
    return Promise(
        window_start=row.window_start,
        window_end=row.window_end,
        cancelled=row.cancelled,
        cancelled_by_customer=bool(row.by_customer),
        operator_reschedules=row.operator_reschedules,
        ended=row.ended_at is not None,
        arrived_at=row.arrived_at,
        completed_at=row.completed_at,
        installed=bool(row.installed),
        first_fault_at=row.first_fault_at,
    )
