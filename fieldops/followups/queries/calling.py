"""What a caller should know: what was promised, measured and left open, what was said before."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments.models import Appointment
from fieldops.complaints import rules as complaint_rules
from fieldops.complaints.models import Complaint
from fieldops.followups.models import AskedMatter, CareTask, FollowUp
from fieldops.measurements.models import SpeedTest
from fieldops.network.models import NetworkService
from fieldops.orders.models import ServiceOrder
from fieldops.orders.rules import OPEN
from fieldops.visits.models import Visit


@dataclass(frozen=True, slots=True)
class Known:
    """What was promised, measured and left open in a matter, and what was said before.

    `complaint` is one that the follow-up asks about, `complaint_open` one that is not answered
    yet; `before` is the latest answer of the customer about the same order, `care_since` since
    when a dissatisfaction is being settled.
    """

    visit: Visit | None = None
    promise: Appointment | None = None
    measured: list[tuple[float, int | None]] = field(default_factory=list)
    open_orders: list[str] = field(default_factory=list)
    complaint: Complaint | None = None
    complaint_open: Complaint | None = None
    before: FollowUp | None = None
    care_since: datetime | None = None


async def known(session: AsyncSession, row: FollowUp) -> Known:
    """Return what a caller should know before asking; the caller has read the row in scope."""
    region_id = row.region_id
    visit = promise = None
    measured: list[tuple[float, int | None]] = []
    if row.visit_id is not None:
        visit = await session.get(Visit, (region_id, row.visit_id))
        promise = await session.scalar(
            select(Appointment)
            .where(Appointment.region_id == region_id, Appointment.visit_id == row.visit_id)
            .order_by(Appointment.id.desc())
            .limit(1)
        )
        measured = await _measured(session, region_id, row.visit_id)
    others = await session.scalars(
        select(ServiceOrder.external_ref)
        .where(
            ServiceOrder.region_id == region_id,
            ServiceOrder.customer_id == row.customer_id,
            ServiceOrder.state.in_(sorted(OPEN)),
        )
        .order_by(ServiceOrder.received_at, ServiceOrder.id)
        .limit(10)
    )
    complaint, complaint_open = await _complaints(session, row)
    return Known(
        visit,
        promise,
        measured,
        list(others),
        complaint,
        complaint_open,
        await _before(session, row),
        await _care_since(session, row),
    )


async def _complaints(
    session: AsyncSession, row: FollowUp
) -> tuple[Complaint | None, Complaint | None]:
    """Return the last complaint that is asked about, and the oldest that is still open."""
    asked = select(AskedMatter.complaint_id).where(
        AskedMatter.region_id == row.region_id,
        AskedMatter.follow_up_id == row.id,
        AskedMatter.complaint_id.is_not(None),
    )
    found = await session.scalars(
        select(Complaint)
        .where(
            Complaint.region_id == row.region_id,
            Complaint.customer_id == row.customer_id,
            or_(Complaint.id.in_(asked), Complaint.state.in_(complaint_rules.OPEN)),
        )
        .order_by(Complaint.arrived_at, Complaint.id)
    )
    every = list(found)
    open_ = [one for one in every if one.closed_at is None]
    closed = [one for one in every if one.closed_at is not None]
    return (closed[-1] if closed else None), (open_[0] if open_ else None)


async def _before(session: AsyncSession, row: FollowUp) -> FollowUp | None:
    """Return the customer's last answer about the order of this matter."""
    if row.order_id is None:
        return None
    found: FollowUp | None = await session.scalar(
        select(FollowUp)
        .where(
            FollowUp.region_id == row.region_id,
            FollowUp.order_id == row.order_id,
            FollowUp.id != row.id,
            FollowUp.answered_at.is_not(None),
        )
        .order_by(FollowUp.answered_at.desc())
        .limit(1)
    )
    return found


async def _care_since(session: AsyncSession, row: FollowUp) -> datetime | None:
    found: datetime | None = await session.scalar(
        select(CareTask.opened_at)
        .where(
            CareTask.region_id == row.region_id,
            CareTask.customer_id == row.customer_id,
            CareTask.closed_at.is_(None),
        )
        .order_by(CareTask.opened_at)
        .limit(1)
    )
    return found


async def _measured(
    session: AsyncSession, region_id: int, visit_id: UUID
) -> list[tuple[float, int | None]]:
    """Return the last speed of each line measured on a visit, with the rate sold; in Mbit/s."""
    found = await session.execute(
        select(SpeedTest.service_id, SpeedTest.down_mbps, NetworkService.sold_down_mbps)
        .join(
            NetworkService,
            and_(
                NetworkService.region_id == SpeedTest.region_id,
                NetworkService.id == SpeedTest.service_id,
            ),
        )
        .where(
            SpeedTest.region_id == region_id,
            NetworkService.region_id == region_id,
            SpeedTest.visit_id == visit_id,
        )
        .order_by(SpeedTest.estimated_at, SpeedTest.id)
    )
    last = {row.service_id: (row.down_mbps, row.sold_down_mbps) for row in found}
    return list(last.values())
