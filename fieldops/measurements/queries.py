"""Reads of tests, and what a test is about."""

from collections.abc import Collection
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.errors import NotFound
from fieldops.kernel.gathering import row_of
from fieldops.kernel.permissions import Scope
from fieldops.measurements import policy
from fieldops.measurements.models import LineTest, SpeedTest
from fieldops.measurements.rules import Needed
from fieldops.network.models import NetworkFeature, NetworkService
from fieldops.orders.models import WorkOrder

T = TypeVar("T", LineTest, SpeedTest)


async def service_at(
    session: AsyncSession, region_id: int, service_id: UUID, premises_id: UUID
) -> NetworkService:
    """Return a service of the premises a visit goes to; raises NotFound."""
    found = await row_of(session, NetworkService, region_id, service_id, argument="service_id")
    if found is None or found.premises_id != premises_id:
        raise NotFound(thing="service")
    return found


async def require_feature(session: AsyncSession, region_id: int, feature_id: UUID) -> None:
    """Raise NotFound unless the region's network record has a feature."""
    found = await session.scalar(
        select(NetworkFeature.id).where(
            NetworkFeature.region_id == region_id, NetworkFeature.id == feature_id
        )
    )
    if found is None:
        raise NotFound(thing="feature")


async def one(session: AsyncSession, scope: Scope, model: type[T], test_id: UUID) -> T:
    """Return a test of the scope; raises NotFound."""
    found: T | None = await session.scalar(
        select(model).where(policy.visible(scope, model), model.id == test_id)
    )
    if found is None:
        raise NotFound(thing=model.resource)
    return found


def tests(
    scope: Scope, model: type[T], *, visit_id: UUID | None, service_id: UUID | None
) -> Select[T]:
    """Return the statement for the tests in a scope by id, of one visit or service if asked."""
    statement = select(model).where(policy.visible(scope, model)).order_by(model.id)
    if visit_id is not None:
        statement = statement.where(model.visit_id == visit_id)
    if service_id is not None:
        statement = statement.where(model.service_id == service_id)
    return statement


async def work(
    session: AsyncSession, region_id: int, work_order_ids: Collection[UUID]
) -> list[WorkOrder]:
    """Return work orders by number."""
    found = await session.scalars(
        select(WorkOrder)
        .where(WorkOrder.region_id == region_id, WorkOrder.id.in_(work_order_ids))
        .order_by(WorkOrder.number, WorkOrder.id)
    )
    return list(found)


async def taken(
    session: AsyncSession, region_id: int, visit_id: UUID
) -> set[tuple[Needed, UUID | None]]:
    """Return which tests a visit has, each with the service it was taken of."""
    found: set[tuple[Needed, UUID | None]] = set()
    for kind, model in ((Needed.LINE, LineTest), (Needed.SPEED, SpeedTest)):
        services = await session.scalars(
            select(model.service_id)
            .where(model.region_id == region_id, model.visit_id == visit_id)
            .distinct()
        )
        found |= {(kind, service_id) for service_id in services}
    return found
