"""What has been asked about, so that nobody is asked about one matter twice (FO-04)."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.complaints.models import Complaint
from fieldops.followups import rules
from fieldops.followups.models import AskedMatter, CareTask, FollowUp
from fieldops.followups.rules import State
from fieldops.visits.models import Visit
from fieldops.visits.rules import State as VisitState


async def asked_order(session: AsyncSession, region_id: int, order_id: UUID) -> UUID | None:
    """Return the follow-up that asks about an order, None while there is none."""
    found: UUID | None = await session.scalar(
        select(AskedMatter.follow_up_id).where(
            AskedMatter.region_id == region_id, AskedMatter.order_id == order_id
        )
    )
    return found


async def asked_complaint(session: AsyncSession, region_id: int, complaint_id: UUID) -> UUID | None:
    """Return the follow-up that asks about a complaint, None while there is none."""
    found: UUID | None = await session.scalar(
        select(AskedMatter.follow_up_id).where(
            AskedMatter.region_id == region_id, AskedMatter.complaint_id == complaint_id
        )
    )
    return found


async def about_order(session: AsyncSession, region_id: int, order_id: UUID) -> FollowUp | None:
    """Return an open follow-up of a complaint about an order, locked: it asks for both."""
    return await _first(session, region_id, [order_id], [], settled=False)


async def about_complaint(
    session: AsyncSession, region_id: int, orders: Collection[UUID], repeats: UUID | None
) -> FollowUp | None:
    """Return the follow-up that asks about a complaint too, locked; None when there is none.

    It asks about the complaint's order, or the complaint that this one repeats, and the customer
    has not answered yet, or a person is still settling the answer with them.
    """
    return await _first(session, region_id, orders, [repeats] if repeats else [], settled=True)


async def _first(
    session: AsyncSession,
    region_id: int,
    orders: Collection[UUID],
    complaints: Collection[UUID],
    *,
    settled: bool,
) -> FollowUp | None:
    of_orders = select(Complaint.id).where(
        Complaint.region_id == region_id, Complaint.order_id.in_(sorted(orders))
    )
    about = select(AskedMatter.follow_up_id).where(
        AskedMatter.region_id == region_id,
        or_(
            AskedMatter.order_id.in_(sorted(orders)),
            AskedMatter.complaint_id.in_(sorted(complaints)),
            AskedMatter.complaint_id.in_(of_orders),
        ),
    )
    being_settled = (
        select(CareTask.id)
        .where(
            CareTask.region_id == region_id,
            CareTask.follow_up_id == FollowUp.id,
            CareTask.closed_at.is_(None),
        )
        .exists()
    )
    unsettled = FollowUp.state.in_(rules.OPEN)
    found: FollowUp | None = await session.scalar(
        select(FollowUp)
        .where(
            FollowUp.region_id == region_id,
            FollowUp.id.in_(about),
            or_(unsettled, being_settled) if settled else unsettled,
        )
        .order_by(FollowUp.id)
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


async def lock_open_of_order(
    session: AsyncSession, region_id: int, orders: Collection[UUID]
) -> list[FollowUp]:
    """Return the follow-ups about orders that a message is to ask, locked."""
    found = await session.scalars(
        select(FollowUp)
        .join(
            AskedMatter,
            and_(
                AskedMatter.region_id == FollowUp.region_id,
                AskedMatter.follow_up_id == FollowUp.id,
            ),
        )
        .where(
            FollowUp.region_id == region_id,
            AskedMatter.region_id == region_id,
            AskedMatter.order_id.in_(sorted(orders)),
            FollowUp.state == State.WAITING,
        )
        .order_by(FollowUp.id)
        .with_for_update(of=FollowUp)
    )
    return list(found)


async def orders_of(
    session: AsyncSession, region_id: int, order_id: UUID | None, visit_ids: Collection[UUID]
) -> list[UUID]:
    """Return the orders a complaint is about: the one it names, and those of its visits."""
    found = await session.scalars(
        select(Visit.order_id).where(Visit.region_id == region_id, Visit.id.in_(sorted(visit_ids)))
    )
    return sorted({*found, *([order_id] if order_id else [])})


async def last_visit(
    session: AsyncSession,
    region_id: int,
    *,
    order_id: UUID | None = None,
    visit_ids: Collection[UUID] = (),
) -> Visit | None:
    """Return the visit of an order, or among some, that was completed last."""
    named = Visit.id.in_(sorted(visit_ids)) if visit_ids else Visit.order_id == order_id
    found: Visit | None = await session.scalar(
        select(Visit)
        .where(Visit.region_id == region_id, named, Visit.state == VisitState.COMPLETED)
        .order_by(Visit.ended_at.desc(), Visit.id.desc())
        .limit(1)
    )
    return found
