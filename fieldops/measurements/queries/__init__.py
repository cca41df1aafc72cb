"""Reads of tests, and what a test is about."""

from collections.abc import Collection
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Select, and_, or_, select, union
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.checklists.rules import TestKind, TestValue
from fieldops.kernel.clock import local_day
from fieldops.kernel.errors import NotFound
from fieldops.kernel.gathering import row_of
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one
from fieldops.measurements import policy
from fieldops.measurements.models import LineTest, SpeedTest
from fieldops.measurements.rules import Needed
from fieldops.network.models import NetworkFeature, NetworkService
from fieldops.network.rules import State as PlantState
from fieldops.orders import queries as orders
from fieldops.orders import rules as order_rules
from fieldops.orders.models import WorkOrder
from fieldops.organisation import queries as organisation
from fieldops.organisation.queries import tools
from fieldops.organisation.rules import InstrumentState
from fieldops.visits.models import VisitWork

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
    return await find_one(
        session,
        select(model).where(policy.visible(scope, model), model.id == test_id),
        model.resource,
    )


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
    """Return which tests a visit has, each with the service it was taken of.

    What was planned and taken before it does not count for it (RE-04).
    """
    of_lines = select(LineTest.service_id).where(
        LineTest.region_id == region_id,
        LineTest.visit_id == visit_id,
        LineTest.check_id.is_(None),
    )
    of_speeds = select(SpeedTest.service_id).where(
        SpeedTest.region_id == region_id, SpeedTest.visit_id == visit_id
    )
    found: set[tuple[Needed, UUID | None]] = set()
    for kind, statement in ((Needed.LINE, of_lines), (Needed.SPEED, of_speeds)):
        services = await session.scalars(statement.distinct())
        found |= {(kind, service_id) for service_id in services}
    return found


async def having(
    session: AsyncSession, region_id: int, visit_id: UUID, wanted: Collection[TestValue]
) -> dict[TestValue, set[UUID]]:
    """Return the tests of a visit that have each of some values; planned ones do not count."""
    models: dict[TestKind, type[LineTest | SpeedTest]] = {
        TestKind.LINE: LineTest,
        TestKind.SPEED: SpeedTest,
    }
    found: dict[TestValue, set[UUID]] = {one: set() for one in wanted}
    for kind in sorted({one.kind for one in wanted}):
        model = models[kind]
        statement = select(model).where(model.region_id == region_id, model.visit_id == visit_id)
        if model is LineTest:
            statement = statement.where(LineTest.check_id.is_(None))
        for row in await session.scalars(statement):
            for one in wanted:
                if one.kind is kind and getattr(row, one.value) is not None:
                    found[one].add(row.id)
    return found


async def newest_of_features(
    session: AsyncSession, region_id: int, ids: Collection[UUID]
) -> dict[UUID, LineTest]:
    """Return the newest line test of each of some pairs, fibres and ports."""
    found = await session.scalars(
        select(LineTest)
        .where(LineTest.region_id == region_id, LineTest.feature_id.in_(ids))
        .ext(distinct_on(LineTest.feature_id))
        .order_by(LineTest.feature_id, LineTest.estimated_at.desc(), LineTest.id.desc())
    )
    return {row.feature_id: row for row in found if row.feature_id is not None}


def cable_work(scope: Scope, *, unanswered: bool = False) -> Select[WorkOrder]:
    """Return the statement for the cable department's open work in a scope, by id (RE-03).

    Its own for bad plant, and what the field transferred to it; `unanswered`: only what it has
    neither accepted nor refused.
    """
    cable, transferred = order_rules.Department.CABLE.value, order_rules.State.TRANSFERRED.value
    theirs = and_(WorkOrder.state == transferred, WorkOrder.transferred_to == cable)
    found = orders.visible_work_orders(scope, states=sorted(order_rules.OPEN))
    found = found.where(or_(WorkOrder.department == cable, theirs))
    if unanswered:
        found = found.where(theirs, WorkOrder.transfer_accepted_at.is_(None))
    return found.order_by(None).order_by(WorkOrder.id)


async def evidence_of(
    session: AsyncSession, scope: Scope, work_order_ids: Collection[UUID]
) -> dict[UUID, list[LineTest]]:
    """Return the line tests in a scope that speak for some work, the newest first (RE-03).

    Those of its visits, those of its line since it came in, and those of its pair, fibre or port.
    """
    region_id = scope.region_id
    on_visit = select(VisitWork.work_order_id, LineTest.id).join(
        LineTest,
        and_(LineTest.region_id == VisitWork.region_id, LineTest.visit_id == VisitWork.visit_id),
    )
    of_line = select(WorkOrder.id, LineTest.id).join(
        LineTest,
        and_(
            LineTest.region_id == WorkOrder.region_id,
            or_(
                LineTest.feature_id == WorkOrder.feature_id,
                and_(
                    LineTest.service_id == WorkOrder.service_id,
                    LineTest.estimated_at >= WorkOrder.received_at,
                ),
            ),
        ),
    )
    pairs = union(
        on_visit.where(
            VisitWork.region_id == region_id,
            LineTest.region_id == region_id,
            VisitWork.work_order_id.in_(work_order_ids),
        ),
        of_line.where(
            WorkOrder.region_id == region_id,
            LineTest.region_id == region_id,
            WorkOrder.id.in_(work_order_ids),
        ),
    ).subquery()
    work_id, test_id = pairs.c
    found = await session.execute(
        select(work_id, LineTest)
        .join(LineTest, LineTest.id == test_id)
        .where(policy.visible(scope, LineTest), LineTest.region_id == region_id)
        .order_by(LineTest.estimated_at.desc(), LineTest.id)
    )
    tests_of: dict[UUID, list[LineTest]] = {id_: [] for id_ in work_order_ids}
    for id_, test in found:
        tests_of[id_].append(test)
    return tests_of


async def shown_bad(
    session: AsyncSession, region_id: int, work_order_ids: Collection[UUID]
) -> set[UUID]:
    """Return the work whose line has a bad pair, fibre or port that was marked with its test.

    Or on one of whose visits one was marked so.
    """
    marked = (
        NetworkFeature.region_id == region_id,
        NetworkFeature.state == PlantState.BAD,
        NetworkFeature.state_test.is_not(None),
    )
    of_line = (
        select(WorkOrder.id)
        .join(
            NetworkFeature,
            and_(
                NetworkFeature.region_id == WorkOrder.region_id,
                NetworkFeature.service_id == WorkOrder.service_id,
            ),
        )
        .where(WorkOrder.region_id == region_id, WorkOrder.id.in_(work_order_ids), *marked)
    )
    on_visit = (
        select(VisitWork.work_order_id)
        .join(
            NetworkFeature,
            and_(
                NetworkFeature.region_id == VisitWork.region_id,
                NetworkFeature.state_visit_id == VisitWork.visit_id,
            ),
        )
        .where(
            VisitWork.region_id == region_id, VisitWork.work_order_id.in_(work_order_ids), *marked
        )
    )
    return set(await session.scalars(union(of_line, on_visit)))


async def features_of(
    session: AsyncSession, region_id: int, ids: Collection[UUID]
) -> dict[UUID, NetworkFeature]:
    """Return the plant that some work is about."""
    found = await session.scalars(
        select(NetworkFeature).where(
            NetworkFeature.region_id == region_id, NetworkFeature.id.in_(ids)
        )
    )
    return {row.id: row for row in found}


async def instrument_at(
    session: AsyncSession, region_id: int, serial: str, at: datetime
) -> InstrumentState:
    """Return how an instrument stood on the local day of a moment (ORG-05)."""
    day = local_day(at, await organisation.zone_of(session, region_id))
    return await tools.instrument_on(session, region_id, serial, day)


async def lock_taken_with(
    session: AsyncSession, region_id: int, model: type[T], serial: str
) -> list[T]:
    """Return the tests that were taken with an instrument, locked, in id order."""
    found = await session.scalars(
        select(model)
        .where(model.region_id == region_id, model.instrument_serial == serial)
        .order_by(model.id)
        .with_for_update()
    )
    return list(found)
