"""Whose premises are whose, by what was ordered for them."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Subquery, and_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.orders.models import ServiceOrder, WorkOrder


async def of_alone(
    session: AsyncSession, region_id: int, customer_ids: Collection[UUID]
) -> set[UUID]:
    """Return the premises that only these customers have ordered for, all of a move's."""
    mine, others = _places(region_id, "mine"), _places(region_id, "others")
    found = await session.scalars(
        select(mine.c.premises_id)
        .where(
            mine.c.premises_id.is_not(None),
            mine.c.customer_id.in_(customer_ids),
            ~select(others.c.premises_id)
            .where(
                others.c.premises_id == mine.c.premises_id,
                others.c.customer_id.not_in(customer_ids),
            )
            .exists(),
        )
        .distinct()
    )
    return set(found)


def _places(region_id: int, name: str) -> Subquery:
    """Return who ordered for which premises: those of the orders, and those of their work."""
    main = select(ServiceOrder.premises_id, ServiceOrder.customer_id).where(
        ServiceOrder.region_id == region_id
    )
    of_work = (
        select(WorkOrder.premises_id, ServiceOrder.customer_id)
        .join(
            ServiceOrder,
            and_(
                ServiceOrder.region_id == WorkOrder.region_id,
                ServiceOrder.id == WorkOrder.order_id,
            ),
        )
        .where(WorkOrder.region_id == region_id, ServiceOrder.region_id == region_id)
    )
    return union_all(main, of_work).subquery(name)
