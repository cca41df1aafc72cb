"""The statements behind the indicators (KP-02): one row for each record, shaped by `asked`."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    Float,
    Select,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    union,
)

from fieldops.appointments.models import Appointment
from fieldops.notifications.models import Message
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.orders.rules import Department, Kind
from fieldops.orders.rules import State as WorkState
from fieldops.reports import care, promised, served
from fieldops.reports.asked import (
    Asked,
    local_date,
    minutes,
    row,
    service_of_visit,
    whether,
    within,
)
from fieldops.reports.queries import contact_of
from fieldops.visits.models import Assignment, Visit, VisitWork
from fieldops.visits.rules import State

DONE = (WorkState.COMPLETED.value, WorkState.CLOSED.value)
WITHDRAWN = (WorkState.CANCELLED.value, WorkState.RETURNED.value)


def _of_visit(region_id: int, at: Any, numerator: Any, technician_id: Any, **other: Any) -> Any:
    """Return the columns of a record that is a visit, or belongs to one."""
    return row(
        **{
            "id": Visit.id,
            "visit_id": Visit.id,
            "order_id": Visit.order_id,
            "centre_id": Visit.centre_id,
            "customer_id": Visit.customer_id,
            "technician_id": technician_id,
            "service": service_of_visit(region_id, Visit.id),
            "at": at,
            "numerator": numerator,
            **other,
        }
    )


def _trip_of_work(region_id: int) -> Any:
    """The visit that completed a work order."""
    return (
        select(VisitWork.visit_id)
        .join(Visit, and_(Visit.region_id == region_id, Visit.id == VisitWork.visit_id))
        .where(
            VisitWork.region_id == region_id,
            VisitWork.work_order_id == WorkOrder.id,
            func.coalesce(VisitWork.outcome, "completed") == "completed",
            Visit.state == State.COMPLETED.value,
        )
        .correlate(WorkOrder)
        .order_by(Visit.ended_at.desc())
        .limit(1)
        .lateral("trip")
    )


def _of_a_customer(kind: Kind) -> Any:
    return and_(
        WorkOrder.kind == kind.value,
        WorkOrder.department == Department.FIELD.value,
        ServiceOrder.customer_id.is_not(None),
    )


def _of_work(contact: Any, at: Any, numerator: Any) -> list[Any]:
    """Return the columns of a work order, laid to the visit that did it and to its contact."""
    return row(
        id=WorkOrder.id,
        visit_id=Visit.id,
        order_id=WorkOrder.order_id,
        centre_id=WorkOrder.centre_id,
        customer_id=ServiceOrder.customer_id,
        technician_id=contact.c.technician_id,
        service=WorkOrder.service,
        at=at,
        numerator=numerator,
    )


def _decided_perhaps(asked: Asked) -> Any:
    """Return the ids of the work that was due or done in some days, each found by an index."""
    region_id = asked.region_id
    work, on, trip = (
        model.__table__.alias(f"perhaps_{n}")
        for n, model in enumerate((WorkOrder, VisitWork, Visit))
    )
    return union(
        select(work.c.id).where(work.c.region_id == region_id, within(asked, work.c.due_at)),
        select(work.c.id).where(
            work.c.region_id == region_id,
            work.c.state.in_(DONE),
            within(asked, work.c.state_since),
        ),
        select(on.c.work_order_id)
        .join(trip, and_(trip.c.region_id == region_id, trip.c.id == on.c.visit_id))
        .where(on.c.region_id == region_id, within(asked, trip.c.ended_at)),
    )


def _on_time(asked: Asked, kind: Kind) -> Select[Any]:
    region_id = asked.region_id
    trip, contact = _trip_of_work(region_id), contact_of(region_id)
    done_at = case(
        (WorkOrder.state.in_(DONE), func.coalesce(Visit.ended_at, WorkOrder.state_since))
    )
    decided_at = func.least(WorkOrder.due_at, done_at)
    in_time = func.coalesce(done_at <= WorkOrder.due_at, False)
    overdue = and_(WorkOrder.due_at <= asked.now, WorkOrder.clock_stopped_at.is_(None))
    return (
        select(*_of_work(contact, decided_at, whether(in_time)))
        .select_from(WorkOrder)
        .join(
            ServiceOrder,
            and_(ServiceOrder.region_id == region_id, ServiceOrder.id == WorkOrder.order_id),
        )
        .outerjoin(trip, true())
        .outerjoin(Visit, and_(Visit.region_id == region_id, Visit.id == trip.c.visit_id))
        .outerjoin(contact, true())
        .where(
            WorkOrder.region_id == region_id,
            WorkOrder.centre_id.in_(asked.cut.centre_ids),
            _of_a_customer(kind),
            WorkOrder.state.not_in(WITHDRAWN),
            or_(done_at.is_not(None), overdue),
            WorkOrder.id.in_(_decided_perhaps(asked)),
            within(asked, decided_at),
        )
    )


def install_on_time(asked: Asked) -> Select[Any]:
    """Installs by their due time (WO-04), decided when done or when the due time passed."""
    return _on_time(asked, Kind.INSTALL)


def repair_on_time(asked: Asked) -> Select[Any]:
    """Customers' repairs by their due time (WO-04)."""
    return _on_time(asked, Kind.REPAIR)


def _repairs_done(asked: Asked, numerator: Any) -> Select[Any]:
    region_id, contact = asked.region_id, contact_of(asked.region_id)
    return (
        select(*_of_work(contact, Visit.ended_at, numerator))
        .select_from(Visit)
        .join(VisitWork, and_(VisitWork.region_id == region_id, VisitWork.visit_id == Visit.id))
        .join(
            WorkOrder,
            and_(WorkOrder.region_id == region_id, WorkOrder.id == VisitWork.work_order_id),
        )
        .join(
            ServiceOrder,
            and_(ServiceOrder.region_id == region_id, ServiceOrder.id == WorkOrder.order_id),
        )
        .outerjoin(contact, true())
        .where(
            Visit.region_id == region_id,
            WorkOrder.centre_id.in_(asked.cut.centre_ids),
            Visit.state == State.COMPLETED.value,
            func.coalesce(VisitWork.outcome, "completed") == "completed",
            _of_a_customer(Kind.REPAIR),
            within(asked, Visit.ended_at),
        )
    )


def repeat_faults(asked: Asked) -> Select[Any]:
    """Repairs after which the same service at the same premises failed again."""
    again = WorkOrder.__table__.alias("again")
    return _repairs_done(
        asked,
        whether(
            exists()
            .where(
                again.c.region_id == asked.region_id,
                again.c.premises_id == Visit.premises_id,
                again.c.service == WorkOrder.service,
                again.c.kind == Kind.REPAIR.value,
                again.c.department == Department.FIELD.value,
                again.c.state != WorkState.CANCELLED.value,
                again.c.received_at > Visit.ended_at,
                again.c.received_at <= Visit.ended_at + asked.repeat_within,
            )
            .correlate(Visit, WorkOrder)
        ),
    )


def first_time_fix(asked: Asked) -> Select[Any]:
    """Repairs completed on the first trip that was made for them."""
    on, trip = VisitWork.__table__.alias("on_before"), Visit.__table__.alias("before")
    return _repairs_done(
        asked,
        whether(
            ~exists()
            .where(
                on.c.region_id == asked.region_id,
                on.c.work_order_id == WorkOrder.id,
                trip.c.region_id == asked.region_id,
                trip.c.id == on.c.visit_id,
                trip.c.id != Visit.id,
                trip.c.state.in_(served.MADE),
                trip.c.ended_at <= Visit.ended_at,
            )
            .correlate(Visit, WorkOrder)
        ),
    )


def one_visit(asked: Asked) -> Select[Any]:
    """Orders done, by the trips they took (WO-02); their technician is the last visit's."""
    return _orders_done(asked)[0]


def trips(asked: Asked) -> Select[Any]:
    """The same records, each with the number of its trips."""
    statement, done = _orders_done(asked)
    return statement.add_columns(cast(done.c.trips, Text).label("part"))


def _orders_done(asked: Asked) -> tuple[Select[Any], Any]:
    region_id = asked.region_id
    done = served.orders_done(region_id, asked.cut).subquery("done")
    ends = Visit.__table__.alias("ends")
    last = (
        select(ends.c.id)
        .where(
            ends.c.region_id == region_id,
            ends.c.order_id == done.c.order_id,
            ends.c.state == State.COMPLETED.value,
        )
        .order_by(ends.c.ended_at.desc(), ends.c.id)
        .limit(1)
        .lateral("last")
    )
    contact = contact_of(region_id)
    statement = (
        select(
            *_of_visit(
                region_id,
                done.c.done_at,
                whether(done.c.trips == 1),
                contact.c.technician_id,
                id=done.c.order_id,
                order_id=done.c.order_id,
                centre_id=done.c.centre_id,
                customer_id=done.c.customer_id,
            )
        )
        .select_from(done)
        .join(last, true())
        .join(Visit, and_(Visit.region_id == region_id, Visit.id == last.c.id))
        .outerjoin(contact, true())
    )
    return statement, done


def reconfirmed(asked: Asked) -> Select[Any]:
    """Appointments whose window has opened, by the customer's second confirmation (AP-03)."""
    region_id, contact = asked.region_id, contact_of(asked.region_id)
    said = and_(
        Appointment.confirmed_at.is_not(None),
        Appointment.confirmed_at <= Appointment.window_start,
    )
    return (
        select(
            *_of_visit(
                region_id,
                Appointment.window_start,
                whether(said),
                contact.c.technician_id,
                id=Appointment.id,
            )
        )
        .select_from(Appointment)
        .join(Visit, and_(Visit.region_id == region_id, Visit.id == Appointment.visit_id))
        .outerjoin(contact, true())
        .where(
            Appointment.region_id == region_id,
            Appointment.centre_id.in_(asked.cut.centre_ids),
            Appointment.state != "cancelled",
            Visit.state != State.CANCELLED.value,
            Appointment.window_start <= asked.now,
            within(asked, Appointment.window_start),
        )
    )


def _visits(asked: Asked, at: Any, numerator: Any, *conditions: Any) -> Select[Any]:
    region_id, contact = asked.region_id, contact_of(asked.region_id)
    return (
        select(*_of_visit(region_id, at, numerator, contact.c.technician_id))
        .select_from(Visit)
        .outerjoin(contact, true())
        .where(
            Visit.region_id == region_id,
            Visit.centre_id.in_(asked.cut.centre_ids),
            within(asked, at),
            *conditions,
        )
    )


def half_hour_notice(asked: Asked) -> Select[Any]:
    """Visits with somebody at the door, by whether the notice had gone out before (AP-05)."""
    told = exists().where(
        Message.region_id == asked.region_id,
        Message.visit_id == Visit.id,
        Message.kind == "half_hour_notice",
        Message.state == "sent",
        Message.claimed_at <= Visit.arrived_at,
    )
    return _visits(asked, Visit.arrived_at, whether(told.correlate(Visit)))


def mean_on_site(asked: Asked) -> Select[Any]:
    """Minutes from the door to the end of completed visits."""
    return _visits(
        asked,
        Visit.ended_at,
        minutes(Visit.ended_at, Visit.arrived_at),
        Visit.state == State.COMPLETED.value,
        Visit.arrived_at <= Visit.ended_at,
    )


def _assignments(
    asked: Asked, at: Any, numerator: Any, denominator: Any, *conditions: Any
) -> Select[Any]:
    region_id = asked.region_id
    return (
        select(
            *_of_visit(
                region_id,
                at,
                numerator,
                Assignment.technician_id,
                id=Assignment.id,
                denominator=denominator,
            )
        )
        .select_from(Assignment)
        .join(Visit, and_(Visit.region_id == region_id, Visit.id == Assignment.visit_id))
        .where(
            Assignment.region_id == region_id,
            Assignment.ended_at.is_(None),
            within(asked, at),
            *conditions,
        )
    )


def mean_travel(asked: Asked) -> Select[Any]:
    """Minutes from leaving to the door, for each technician of a visit."""
    return _assignments(
        asked,
        Assignment.arrived_at,
        minutes(Assignment.arrived_at, Assignment.departed_at),
        literal(1.0, Float),
        Assignment.departed_at <= Assignment.arrived_at,
        Visit.centre_id.in_(asked.cut.centre_ids),
    )


def jobs_per_day(asked: Asked) -> Select[Any]:
    """Completed visits of technicians, each a part of a day: together the days they worked.

    The parts are taken of all centres' visits, so that a cut's days add up to the whole.
    """
    completed = Visit.state == State.COMPLETED.value
    mine = (
        select(
            Assignment.id,
            local_date(asked, Visit.ended_at).label("day"),
            Assignment.technician_id,
        )
        .join(Visit, and_(Visit.region_id == asked.region_id, Visit.id == Assignment.visit_id))
        .where(
            Assignment.region_id == asked.region_id,
            Assignment.ended_at.is_(None),
            completed,
            within(asked, Visit.ended_at),
        )
        .subquery("mine")
    )
    parts = select(
        mine.c.id,
        (1.0 / func.count().over(partition_by=(mine.c.technician_id, mine.c.day))).label("part"),
    ).subquery("parts")
    return _assignments(
        asked,
        Visit.ended_at,
        literal(1.0, Float),
        cast(parts.c.part, Float),
        completed,
        Visit.centre_id.in_(asked.cut.centre_ids),
    ).join(parts, parts.c.id == Assignment.id)


STATEMENTS: dict[str, Callable[[Asked], Select[Any]]] = {
    made.__name__: made
    for made in (
        promised.kept_appointments,
        install_on_time,
        repair_on_time,
        repeat_faults,
        first_time_fix,
        one_visit,
        reconfirmed,
        half_hour_notice,
        care.follow_up_share,
        care.follow_up_in_time,
        care.satisfaction,
        care.complaint_contact,
        care.resource_timeliness,
        care.inspection_duty,
        mean_travel,
        mean_on_site,
        jobs_per_day,
    )
}

BREAKDOWNS: dict[str, Callable[[Asked], Select[Any]]] = {
    "kept_appointments": promised.reasons,
    "one_visit": trips,
}
"""What more is kept of an indicator's records: the same rows with a `part`, one for each part."""
