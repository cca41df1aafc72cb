"""What is to be done on visits, as a customer is told it."""

from sqlalchemy import ScalarSelect, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.orders.models import WorkOrder
from fieldops.visits.models import Visit, VisitWork


def kinds(region_id: int) -> ScalarSelect[list[str] | None]:
    """Return the kinds of the open work of each Visit of a statement, by name, each once."""
    return (
        select(func.array_agg(WorkOrder.kind.distinct()))
        .join(
            VisitWork,
            and_(
                VisitWork.region_id == WorkOrder.region_id,
                VisitWork.work_order_id == WorkOrder.id,
            ),
        )
        .where(
            WorkOrder.region_id == region_id,
            VisitWork.region_id == region_id,
            VisitWork.visit_id == Visit.id,
            VisitWork.ended_at.is_(None),
        )
        .correlate(Visit)
        .scalar_subquery()
    )


async def kinds_apart(session: AsyncSession, visit: Visit) -> list[str]:
    """Return what is to be done on a visit whose order is also visited elsewhere, else nothing.

    It tells the customer of a move which of two homes is meant: messages name no address.
    """
    other = Visit.__table__.alias("other")
    elsewhere = (
        select(other.c.id)
        .where(
            other.c.region_id == visit.region_id,
            other.c.order_id == visit.order_id,
            other.c.premises_id != visit.premises_id,
            other.c.ended_at.is_(None),
        )
        .exists()
    )
    found = await session.scalar(
        select(kinds(visit.region_id)).where(
            Visit.region_id == visit.region_id, Visit.id == visit.id, elsewhere
        )
    )
    return found or []
