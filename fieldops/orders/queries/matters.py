"""Reads and locks of matters and urges (WO-05)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import lock_one
from fieldops.orders import policy
from fieldops.orders.models import Matter, Urge
from fieldops.orders.rules import MatterState


async def lock_matter(session: AsyncSession, scope: Scope, matter_id: UUID) -> Matter:
    """Return a matter of the scope, locked; raises NotFound."""
    return await lock_one(
        session,
        select(Matter).where(policy.visible_matters(scope), Matter.id == matter_id),
        "matter",
    )


async def open_matter(session: AsyncSession, region_id: int, order_id: UUID) -> Matter | None:
    """Return the open matter of an order that the caller has locked, locked too."""
    found: Matter | None = await session.scalar(
        select(Matter)
        .where(
            Matter.region_id == region_id,
            Matter.order_id == order_id,
            Matter.state != MatterState.ANSWERED,
        )
        .with_for_update()
    )
    return found


async def last_urge(session: AsyncSession, region_id: int, order_id: UUID) -> datetime | None:
    """Return when an order was last urged with effect."""
    found: datetime | None = await session.scalar(
        select(Urge.at)
        .where(Urge.region_id == region_id, Urge.order_id == order_id, Urge.raises)
        .order_by(Urge.at.desc())
        .limit(1)
    )
    return found


def visible_matters(
    scope: Scope,
    *,
    state: str | None = None,
    order_id: UUID | None = None,
    of_person: UUID | None = None,
) -> Select[Matter]:
    """Return the statement for the matters of a scope by id.

    `of_person` keeps those the person owns or was offered.
    """
    statement = select(Matter).where(policy.visible_matters(scope)).order_by(Matter.id)
    if state is not None:
        statement = statement.where(Matter.state == state)
    if order_id is not None:
        statement = statement.where(Matter.order_id == order_id)
    if of_person is not None:
        mine = or_(Matter.owner_id == of_person, Matter.offered_to == of_person)
        statement = statement.where(mine)
    return statement


def urges(scope: Scope, order_id: UUID) -> Select[Urge]:
    """Return the statement for the urges of an order in a scope, by id."""
    return (
        select(Urge)
        .where(policy.visible_matters(scope, Urge), Urge.order_id == order_id)
        .order_by(Urge.id)
    )
