"""Visits ahead, what measures badly around their lines, and the line tests planned (RE-04)."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, or_, select, union
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import lock_one
from fieldops.measurements import policy
from fieldops.measurements.models import LineCheck, LineTest
from fieldops.measurements.rules import CheckState
from fieldops.network import queries as network
from fieldops.network.models import (
    NetworkConnection,
    NetworkFeature,
    NetworkService,
    PathElement,
)
from fieldops.network.rules import FeatureKind, ServiceLife, Tie
from fieldops.orders.models import WorkOrder
from fieldops.orders.rules import Kind
from fieldops.visits.models import Visit, VisitWork
from fieldops.visits.rules import State

AREAS = (FeatureKind.DISTRIBUTION_BOX.value, FeatureKind.CABLE.value)
ON_LINES = (Kind.INSTALL.value, Kind.MOVE.value, Kind.REPAIR.value, Kind.CHANGE.value)
BEFORE_ARRIVAL = (
    State.PLANNED.value, State.SCHEDULED.value, State.DISPATCHED.value,
    State.ACCEPTED.value, State.EN_ROUTE.value,
)  # fmt: skip
MOST = 2_000


@dataclass(frozen=True, slots=True)
class Ahead:
    """A line that a visit ahead is about."""

    visit_id: UUID
    centre_id: UUID
    window_start: datetime
    service_id: UUID


async def ahead(
    session: AsyncSession, scope: Scope, after: datetime, until: datetime
) -> list[Ahead]:
    """Return the lines of a scope's visits whose window opens in a time, without a check yet.

    Work that names no service is about that of its kind at its premises. The next ones first,
    at most 2,000.
    """
    region_id = scope.region_id
    planned = (
        select(LineCheck.id)
        .where(
            LineCheck.region_id == region_id,
            LineCheck.visit_id == Visit.id,
            LineCheck.service_id == NetworkService.id,
        )
        .exists()
    )
    found = await session.execute(
        select(Visit.id, Visit.centre_id, Visit.window_start, NetworkService.id)
        .join(
            VisitWork,
            and_(
                VisitWork.region_id == Visit.region_id,
                VisitWork.visit_id == Visit.id,
                VisitWork.ended_at.is_(None),
            ),
        )
        .join(
            WorkOrder,
            and_(
                WorkOrder.region_id == VisitWork.region_id,
                WorkOrder.id == VisitWork.work_order_id,
            ),
        )
        .join(
            NetworkService,
            and_(
                NetworkService.region_id == Visit.region_id,
                NetworkService.premises_id == Visit.premises_id,
                or_(
                    NetworkService.id == WorkOrder.service_id,
                    and_(
                        WorkOrder.service_id.is_(None),
                        NetworkService.kind == WorkOrder.service,
                    ),
                ),
            ),
        )
        .where(
            scope.predicate(Visit),
            VisitWork.region_id == region_id,
            WorkOrder.region_id == region_id,
            NetworkService.region_id == region_id,
            Visit.state.in_(BEFORE_ARRIVAL),
            Visit.window_start > after,
            Visit.window_start <= until,
            WorkOrder.kind.in_(ON_LINES),
            NetworkService.state != ServiceLife.CEASED,
            ~planned,
        )
        .distinct()
        .order_by(Visit.window_start, Visit.id, NetworkService.id)
        .limit(MOST)
    )
    return [
        Ahead(visit_id, centre_id, opens, service_id)
        for visit_id, centre_id, opens, service_id in found
        if opens is not None
    ]


async def areas_of(
    session: AsyncSession, region_id: int, service_ids: Collection[UUID]
) -> dict[UUID, list[NetworkFeature]]:
    """Return the boxes and cables that lines lead over, the nearest to the premises first."""
    ways, whole = network.along(select(PathElement.service_id).select_from(PathElement), region_id)
    found = await session.execute(
        ways.add_columns(whole)
        .where(PathElement.service_id.in_(service_ids), whole.kind.in_(AREAS))
        .order_by(PathElement.service_id, PathElement.position.desc(), whole.id)
    )
    areas: dict[UUID, list[NetworkFeature]] = {id_: [] for id_ in service_ids}
    for service_id, feature in found:
        if feature not in areas[service_id]:
            areas[service_id].append(feature)
    return areas


async def tests_in(
    session: AsyncSession, region_id: int, area_ids: Collection[UUID], since: datetime
) -> dict[UUID, list[LineTest]]:
    """Return the newest line test of each line and each pair of some boxes and cables.

    A pair belongs to its cable and to what that cable feeds; a line to all it leads over. Where
    a pair and the line on it were tested, both count: they are two tests.
    """
    pairs = _tests_of_pairs(region_id, area_ids, since)
    lines = _tests_of_lines(region_id, area_ids, since)
    either = union(*pairs, lines).subquery()
    found = await session.execute(
        select(either.c.area, LineTest)
        .join(LineTest, LineTest.id == either.c.test)
        .where(LineTest.region_id == region_id)
        .ext(distinct_on(either.c.area, either.c.about))
        .order_by(either.c.area, either.c.about, LineTest.estimated_at.desc(), LineTest.id)
    )
    tests: dict[UUID, list[LineTest]] = defaultdict(list)
    for area_id, test in found:
        tests[area_id].append(test)
    return tests


def _tests_of_pairs(region_id: int, area_ids: Collection[UUID], since: datetime) -> tuple[Any, Any]:
    pair, tie = aliased(NetworkFeature), aliased(NetworkConnection)
    tested = (
        LineTest.region_id == region_id,
        pair.region_id == region_id,
        LineTest.estimated_at >= since,
    )
    of_pair = and_(pair.region_id == LineTest.region_id, pair.id == LineTest.feature_id)
    in_cable = (
        select(pair.parent_id.label("area"), pair.id.label("about"), LineTest.id.label("test"))
        .select_from(LineTest)
        .join(pair, of_pair)
        .where(*tested, pair.parent_id.in_(area_ids))
    )
    at_box = (
        select(tie.to_id, pair.id, LineTest.id)
        .select_from(LineTest)
        .join(pair, of_pair)
        .join(tie, and_(tie.region_id == pair.region_id, tie.from_id == pair.parent_id))
        .where(
            *tested,
            tie.region_id == region_id,
            tie.kind == Tie.FEEDS.value,
            tie.to_id.in_(area_ids),
        )
    )
    return in_cable, at_box


def _tests_of_lines(region_id: int, area_ids: Collection[UUID], since: datetime) -> Any:
    tested = (
        select(LineTest.id)
        .select_from(LineTest)
        .join(
            PathElement,
            and_(
                PathElement.region_id == LineTest.region_id,
                PathElement.service_id == LineTest.service_id,
            ),
        )
    )
    ways, whole = network.along(tested, region_id)
    return ways.with_only_columns(whole.id, LineTest.service_id, LineTest.id).where(
        LineTest.region_id == region_id,
        LineTest.feature_id.is_(None),
        LineTest.estimated_at >= since,
        whole.id.in_(area_ids),
    )


async def lock_outdated(session: AsyncSession, scope: Scope, now: datetime) -> list[LineCheck]:
    """Return the planned checks of a scope whose visit has begun, ended or passed, locked."""
    over = (
        select(Visit.id)
        .where(
            Visit.region_id == scope.region_id,
            Visit.id == LineCheck.visit_id,
            or_(
                Visit.state.not_in(BEFORE_ARRIVAL),
                Visit.window_start.is_(None),
                Visit.window_start <= now,
            ),
        )
        .exists()
    )
    found = await session.scalars(
        select(LineCheck)
        .where(scope.predicate(LineCheck), LineCheck.state == CheckState.PLANNED, over)
        .order_by(LineCheck.id)
        .limit(MOST)
        .with_for_update()
    )
    return list(found)


async def moved(session: AsyncSession, scope: Scope) -> list[tuple[LineCheck, datetime]]:
    """Return the planned checks of a scope, locked, with when the window of their visit opens."""
    found = await session.execute(
        select(LineCheck, Visit.window_start)
        .join(Visit, and_(Visit.region_id == LineCheck.region_id, Visit.id == LineCheck.visit_id))
        .where(
            scope.predicate(LineCheck),
            Visit.region_id == scope.region_id,
            LineCheck.state == CheckState.PLANNED,
            Visit.window_start.is_not(None),
        )
        .order_by(LineCheck.id)
        .limit(MOST)
        .with_for_update(of=LineCheck)
    )
    return [(row, opens) for row, opens in found if opens is not None]


def listed(
    scope: Scope,
    *,
    state: str | None = None,
    centre_id: UUID | None = None,
    due_before: datetime | None = None,
) -> Select[LineCheck]:
    """Return the statement for the planned line tests in a scope, by id."""
    found = select(LineCheck).where(policy.visible(scope, LineCheck)).order_by(LineCheck.id)
    if state is not None:
        found = found.where(LineCheck.state == state)
    if centre_id is not None:
        found = found.where(LineCheck.centre_id == centre_id)
    if due_before is not None:
        found = found.where(LineCheck.due_at < due_before)
    return found


async def lock(session: AsyncSession, scope: Scope, check_id: UUID) -> LineCheck:
    """Return a planned line test of a scope, locked; raises NotFound."""
    return await lock_one(session, listed(scope).where(LineCheck.id == check_id), "line check")
