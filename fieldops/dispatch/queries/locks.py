"""Visits that dispatchers have locked."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.dispatch import policy
from fieldops.dispatch.models import Lock
from fieldops.kernel.permissions import Scope


def locks(scope: Scope, *, visit_id: UUID | None = None) -> Select[Lock]:
    """Return the statement for the locks that hold now in a scope, by id."""
    statement = select(Lock).where(policy.visible(scope, Lock), Lock.unlocked_at.is_(None))
    if visit_id is not None:
        statement = statement.where(Lock.visit_id == visit_id)
    return statement.order_by(Lock.id)


async def locked(
    session: AsyncSession, region_id: int, visit_ids: Collection[UUID]
) -> dict[UUID, Lock]:
    """Return the locks that hold now on some visits, by visit."""
    found = await session.scalars(
        select(Lock).where(
            Lock.region_id == region_id,
            Lock.visit_id.in_(visit_ids),
            Lock.unlocked_at.is_(None),
        )
    )
    return {row.visit_id: row for row in found}


async def lock_of(session: AsyncSession, region_id: int, visit_id: UUID) -> Lock | None:
    """Return the lock that holds on a visit, itself locked for a change."""
    found: Lock | None = await session.scalar(
        select(Lock)
        .where(Lock.region_id == region_id, Lock.visit_id == visit_id, Lock.unlocked_at.is_(None))
        .with_for_update()
    )
    return found
