"""The statements of care and upkeep: follow-ups, complaints, plant records, inspections (KP-02)."""

from typing import Any

from sqlalchemy import (
    Date,
    Select,
    String,
    Uuid,
    and_,
    case,
    cast,
    column,
    func,
    or_,
    select,
    true,
    values,
)

from fieldops.complaints.models import Complaint
from fieldops.followups.models import FollowUp
from fieldops.followups.rules import Satisfaction
from fieldops.followups.rules import State as Asking
from fieldops.kernel.audit import Audit
from fieldops.kernel.clock import local_day
from fieldops.kernel.ids import NIL
from fieldops.network.models import NetworkFeature
from fieldops.network.rules import State as PlantState
from fieldops.orders.models import WorkOrder
from fieldops.organisation.models import Technician, Unit
from fieldops.quality import duty
from fieldops.quality.duty import Level
from fieldops.quality.models import Inspection
from fieldops.reports.asked import Asked, local_date, row, service_of_visit, whether, within


def _follow_ups(asked: Asked, numerator: Any, *conditions: Any) -> Select[Any]:
    return select(
        *row(
            id=FollowUp.id,
            visit_id=FollowUp.visit_id,
            order_id=FollowUp.order_id,
            centre_id=FollowUp.centre_id,
            customer_id=FollowUp.customer_id,
            technician_id=FollowUp.technician_id,
            service=service_of_visit(asked.region_id, FollowUp.visit_id),
            at=FollowUp.finished_at,
            numerator=whether(func.coalesce(numerator, False)),
        )
    ).where(
        FollowUp.region_id == asked.region_id,
        FollowUp.centre_id.in_(asked.cut.centre_ids),
        within(asked, FollowUp.finished_at),
        FollowUp.state != Asking.WITHDRAWN,
        *conditions,
    )


def follow_up_share(asked: Asked) -> Select[Any]:
    """Matters finished, by whether somebody asked the customer to the end (FO-01)."""
    return _follow_ups(asked, FollowUp.state.in_((Asking.ANSWERED, Asking.UNREACHED)))


def follow_up_in_time(asked: Asked) -> Select[Any]:
    """Matters finished, by whether the customer answered by the last moment (FO-01)."""
    return _follow_ups(asked, FollowUp.answered_at <= FollowUp.latest_at)


def satisfaction(asked: Asked) -> Select[Any]:
    """Answers of customers, by whether they are satisfied (FO-05)."""
    good = (Satisfaction.VERY_SATISFIED, Satisfaction.SATISFIED)
    return _follow_ups(
        asked, FollowUp.satisfaction.in_(good), FollowUp.state == Asking.ANSWERED.value
    )


def complaint_contact(asked: Asked) -> Select[Any]:
    """Complaints by their limit for the contact (CO-01), decided when made or when it passed."""
    region_id = asked.region_id
    decided_at = func.least(Complaint.contact_due_at, Complaint.contacted_at)
    work = WorkOrder.__table__.alias("complained_of")
    return select(
        *row(
            id=Complaint.id,
            visit_id=cast(None, Uuid),
            order_id=Complaint.order_id,
            centre_id=Complaint.centre_id,
            customer_id=Complaint.customer_id,
            technician_id=Complaint.responsible_technician_id,
            service=select(func.min(work.c.service))
            .where(work.c.region_id == region_id, work.c.order_id == Complaint.order_id)
            .correlate(Complaint)
            .scalar_subquery(),
            at=decided_at,
            numerator=whether(
                func.coalesce(Complaint.contacted_at <= Complaint.contact_due_at, False)
            ),
        )
    ).where(
        Complaint.region_id == region_id,
        Complaint.centre_id.in_(asked.cut.centre_ids),
        or_(Complaint.contacted_at.is_not(None), Complaint.contact_due_at <= asked.now),
        # Nothing is decided after its limit: this half of the range has an index.
        Complaint.contact_due_at >= asked.cut.start,
        within(asked, decided_at),
    )


def resource_timeliness(asked: Asked) -> Select[Any]:
    """Changes of plant that technicians captured, by how soon they were recorded (RE-06).

    Claiming and giving back is no change of the plant; using or finding bad what was claimed is.
    """
    region_id = asked.region_id
    became = Audit.after["state"].astext.in_([PlantState.OCCUPIED.value, PlantState.BAD.value])
    return (
        select(
            *row(
                id=Audit.id,
                visit_id=cast(None, Uuid),
                order_id=cast(None, Uuid),
                centre_id=NetworkFeature.centre_id,
                customer_id=cast(None, Uuid),
                technician_id=Technician.id,
                service=cast(None, String),
                at=Audit.captured_at,
                numerator=whether(Audit.at <= Audit.captured_at + asked.recorded_within),
            )
        )
        .select_from(Audit)
        .join(
            NetworkFeature,
            and_(NetworkFeature.region_id == region_id, NetworkFeature.id == Audit.entity_id),
        )
        .join(Technician, and_(Technician.region_id == region_id, Technician.id == Audit.actor_id))
        .where(
            Audit.region_id == region_id,
            Audit.entity == NetworkFeature.__tablename__,
            Audit.captured_at.is_not(None),
            or_(~Audit.after.has_key("claim_until"), became),
            NetworkFeature.centre_id.in_(asked.cut.centre_ids),
            within(asked, Audit.captured_at),
        )
    )


def inspection_duty(asked: Asked) -> Select[Any]:
    """Duties to inspect (QA-02), one for each unit, level and period: done in it or not.

    Decided on the day it was done first, or when the period was over. A unit's first period is
    the one it began in.
    """
    region_id = asked.region_id
    period = _periods(asked)
    by_province = period.c.level == Level.PROVINCE.value
    centre_id = case((by_province, NIL), else_=Unit.id)
    done = (
        select(Inspection.id, Inspection.done_on)
        .where(
            Inspection.region_id == region_id,
            Inspection.level == period.c.level,
            func.coalesce(Inspection.centre_id, NIL) == centre_id,
            Inspection.done_on.between(period.c.first, period.c.last),
        )
        .order_by(Inspection.done_on, Inspection.id)
        .limit(1)
        .lateral("done")
    )
    missed = and_(
        done.c.id.is_(None),
        period.c.last < local_day(asked.now, asked.zone),
        period.c.last >= local_date(asked, Unit.created_at),
    )
    at = asked.on(func.coalesce(done.c.done_on, period.c.last))
    named = func.concat_ws(":", period.c.level, Unit.id, period.c.last)
    return (
        select(
            *row(
                id=func.coalesce(done.c.id, cast(func.md5(named), Uuid)),
                visit_id=cast(None, Uuid),
                order_id=cast(None, Uuid),
                centre_id=centre_id,
                customer_id=cast(None, Uuid),
                technician_id=cast(None, Uuid),
                service=cast(None, String),
                at=at,
                numerator=whether(done.c.id.is_not(None)),
            )
        )
        .select_from(period)
        .join(Unit, Unit.kind == case((by_province, "region"), else_="centre"))
        .outerjoin(done, true())
        .where(
            Unit.region_number == region_id,
            Unit.active,
            centre_id.in_(asked.cut.centre_ids),
            or_(done.c.id.is_not(None), missed),
            within(asked, at),
        )
    )


def _periods(asked: Asked) -> Any:
    """Return the periods of every level's duty that the days asked for lie in, as a table."""
    first = local_day(asked.cut.start, asked.zone)
    last = local_day(asked.cut.end, asked.zone)
    return values(
        column("level", String), column("first", Date), column("last", Date), name="period"
    ).data(
        [
            (level.value, *period)
            for level, months in asked.duties.items()
            for period in duty.periods(first, last, months)
        ]
    )
