"""Reads of the network record: topology, what serves premises, locked loads."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one, lock_one, locked
from fieldops.network import policy, rules
from fieldops.network.models import (
    Finding,
    NetworkConnection,
    NetworkFeature,
    NetworkService,
    PathElement,
)
from fieldops.network.rules import State, Tie
from fieldops.network.schemas import (
    ConnectionRead,
    EndRead,
    ServiceRead,
    ServiceWithPath,
    StepRead,
)

T = TypeVar("T")
MOST_TIES = 500
MOST_CHOICES = 2_000


def features(scope: Scope) -> Select[NetworkFeature]:
    """Return the statement for the features in a scope, by id."""
    return select(NetworkFeature).where(policy.visible_features(scope)).order_by(NetworkFeature.id)


def services(scope: Scope) -> Select[NetworkService]:
    """Return the statement for the services in a scope, by id."""
    return select(NetworkService).where(policy.visible_services(scope)).order_by(NetworkService.id)


def findings(scope: Scope, state: str | None = None) -> Select[Finding]:
    """Return the statement for the findings in a scope, by id; in one state if asked."""
    found = select(Finding).where(policy.visible_findings(scope)).order_by(Finding.id)
    return found if state is None else found.where(Finding.state == state)


async def feature(session: AsyncSession, scope: Scope, feature_id: UUID) -> NetworkFeature:
    """Return a feature; raises NotFound outside the scope."""
    return await find_one(
        session, features(scope).where(NetworkFeature.id == feature_id), "feature"
    )


async def first_spot(
    session: AsyncSession, region_id: int, ids: Sequence[UUID]
) -> tuple[NetworkFeature, str] | None:
    """Return the first of some features that has a place, with a point of it as EWKT."""
    spot = func.ST_AsEWKT(func.ST_PointOnSurface(NetworkFeature.shape))
    found = await session.execute(
        select(NetworkFeature, spot).where(
            NetworkFeature.region_id == region_id,
            NetworkFeature.id.in_(ids),
            NetworkFeature.shape.is_not(None),
        )
    )
    known = {feature.id: (feature, point) for feature, point in found}
    return next((known[id_] for id_ in ids if id_ in known), None)


async def lock_features(
    session: AsyncSession, scope: Scope, ids: Collection[UUID]
) -> dict[UUID, NetworkFeature]:
    """Return features locked for a change, in id order; raises NotFound when one is missing."""
    found = await session.scalars(locked(features(scope).where(NetworkFeature.id.in_(ids))))
    rows = {row.id: row for row in found}
    if len(rows) != len(set(ids)):
        raise NotFound(thing="feature")
    return rows


async def lock_used(
    session: AsyncSession, region_id: int, service_id: UUID
) -> list[NetworkFeature]:
    """Return the pairs, fibres and ports of a service, locked, in id order."""
    wanted = (
        select(NetworkFeature)
        .where(NetworkFeature.region_id == region_id, NetworkFeature.service_id == service_id)
        .order_by(NetworkFeature.id)
    )
    return list(await session.scalars(locked(wanted)))


async def service(session: AsyncSession, scope: Scope, service_id: UUID) -> NetworkService:
    """Return a service; raises NotFound outside the scope."""
    return await find_one(
        session, services(scope).where(NetworkService.id == service_id), "service"
    )


async def lock_service(session: AsyncSession, scope: Scope, service_id: UUID) -> NetworkService:
    """Return a service locked for a change; raises NotFound outside the scope."""
    wanted = services(scope).where(NetworkService.id == service_id)
    return await lock_one(session, wanted, "service")


async def lock_finding(session: AsyncSession, scope: Scope, finding_id: UUID) -> Finding:
    """Return a finding locked for a change; raises NotFound outside the scope."""
    return await lock_one(session, findings(scope).where(Finding.id == finding_id), "finding")


async def service_of(session: AsyncSession, row: NetworkFeature) -> NetworkService | None:
    """Return the service that holds a pair, fibre or port, None when none does."""
    found: NetworkService | None = await session.scalar(
        select(NetworkService).where(
            NetworkService.region_id == row.region_id, NetworkService.id == row.service_id
        )
    )
    return found


async def lock_path(session: AsyncSession, region_id: int, service_id: UUID) -> list[PathElement]:
    """Return the steps of a service's access path, locked, in id order."""
    wanted = (
        select(PathElement)
        .where(PathElement.region_id == region_id, PathElement.service_id == service_id)
        .order_by(PathElement.id)
    )
    return list(await session.scalars(locked(wanted)))


async def lock_ties(
    session: AsyncSession, region_id: int, ids: Collection[UUID]
) -> list[NetworkConnection]:
    """Return the jumpers and splices of conductors and ports, locked, in id order."""
    wanted = (
        select(NetworkConnection)
        .where(
            NetworkConnection.region_id == region_id,
            NetworkConnection.kind.in_([Tie.JUMPERED.value, Tie.SPLICED.value]),
            or_(NetworkConnection.from_id.in_(ids), NetworkConnection.to_id.in_(ids)),
        )
        .order_by(NetworkConnection.id)
    )
    return list(await session.scalars(locked(wanted)))


async def parents(
    session: AsyncSession, region_id: int, rows: Iterable[NetworkFeature]
) -> dict[UUID, NetworkFeature]:
    """Return the parents of some features by id."""
    ids = {row.parent_id for row in rows}
    found = await session.scalars(
        select(NetworkFeature).where(
            NetworkFeature.region_id == region_id, NetworkFeature.id.in_(ids)
        )
    )
    return {row.id: row for row in found}


def parts(region_id: int, parent_id: UUID) -> Select[NetworkFeature]:
    """Return the statement for what a feature is made of, by id."""
    return (
        select(NetworkFeature)
        .where(NetworkFeature.region_id == region_id, NetworkFeature.parent_id == parent_id)
        .order_by(NetworkFeature.id)
    )


async def connections_of(
    session: AsyncSession, region_id: int, feature_id: UUID
) -> list[ConnectionRead]:
    """Return a feature's ties with both ends, at most 500."""
    start, end = aliased(NetworkFeature), aliased(NetworkFeature)
    found = await session.execute(
        select(NetworkConnection, start, end)
        .join(start, start.id == NetworkConnection.from_id)
        .join(end, end.id == NetworkConnection.to_id)
        .where(
            NetworkConnection.region_id == region_id,
            start.region_id == region_id,
            end.region_id == region_id,
            or_(NetworkConnection.from_id == feature_id, NetworkConnection.to_id == feature_id),
        )
        .order_by(NetworkConnection.id)
        .limit(MOST_TIES)
    )
    return [
        ConnectionRead(id=tie.id, version=tie.version, kind=tie.kind, start=_end(a), end=_end(b))
        for tie, a, b in found
    ]


def _end(row: NetworkFeature) -> EndRead:
    return EndRead(id=row.id, kind=row.kind, name=row.name, state=row.state)


async def serving(session: AsyncSession, scope: Scope, premises_id: UUID) -> list[ServiceWithPath]:
    """Return what serves premises: each service with its ordered path and the states on it.

    `scope` has already been asked for the premises.
    """
    found = await session.scalars(
        select(NetworkService)
        .where(
            NetworkService.region_id == scope.region_id, NetworkService.premises_id == premises_id
        )
        .order_by(NetworkService.id)
    )
    return await with_paths(session, scope.region_id, list(found))


async def with_paths(
    session: AsyncSession, region_id: int, rows: Sequence[NetworkService]
) -> list[ServiceWithPath]:
    """Return services with their access paths, read in one statement."""
    found = await session.execute(
        select(PathElement.service_id, PathElement.position, NetworkFeature)
        .join(NetworkFeature, NetworkFeature.id == PathElement.feature_id)
        .where(
            PathElement.region_id == region_id,
            NetworkFeature.region_id == region_id,
            PathElement.service_id.in_([row.id for row in rows]),
        )
        .order_by(PathElement.service_id, PathElement.position)
    )
    steps: dict[UUID, list[StepRead]] = {row.id: [] for row in rows}
    for service_id, position, part in found:
        steps[service_id].append(
            StepRead(
                position=position,
                feature_id=part.id,
                kind=part.kind,
                name=part.name,
                state=part.state,
                state_reason=part.state_reason,
            )
        )
    return [
        ServiceWithPath(**ServiceRead.model_validate(row).model_dump(), path=steps[row.id])
        for row in rows
    ]


def along(statement: Select[Any], region_id: int) -> tuple[Select[Any], type[NetworkFeature]]:
    """Return a statement over PathElement with the plant that each step is or lies in, and that.

    A cable counts that is named on the way itself or holds a pair or fibre of it.
    """
    part, whole = aliased(NetworkFeature), aliased(NetworkFeature)
    joined = (
        statement.join(
            part, and_(part.region_id == PathElement.region_id, part.id == PathElement.feature_id)
        )
        .join(
            whole,
            and_(
                whole.region_id == part.region_id,
                or_(whole.id == part.id, whole.id == part.parent_id),
            ),
        )
        .where(
            PathElement.region_id == region_id,
            part.region_id == region_id,
            whole.region_id == region_id,
        )
    )
    return joined, whole


async def way_of(
    session: AsyncSession, region_id: int, service_ids: Collection[UUID], kinds: Collection[str]
) -> dict[UUID, int]:
    """Return the plant of some kinds along services' ways, with the furthest position of each."""
    way, whole = along(select(func.max(PathElement.position)).select_from(PathElement), region_id)
    found = await session.execute(
        way.add_columns(whole.id)
        .where(PathElement.service_id.in_(service_ids), whole.kind.in_(sorted(kinds)))
        .group_by(whole.id)
    )
    return {feature_id: int(position) for position, feature_id in found}


def through(region_id: int, feature_id: Any) -> Select[UUID]:
    """Return the statement for the services in use whose way leads through a piece of plant."""
    part = aliased(NetworkFeature)
    return (
        select(NetworkService.id)
        .join(
            PathElement,
            and_(
                PathElement.region_id == NetworkService.region_id,
                PathElement.service_id == NetworkService.id,
            ),
        )
        .join(
            part, and_(part.region_id == PathElement.region_id, part.id == PathElement.feature_id)
        )
        .where(
            NetworkService.region_id == region_id,
            PathElement.region_id == region_id,
            part.region_id == region_id,
            NetworkService.state != rules.ServiceLife.CEASED,
            or_(part.id == feature_id, part.parent_id == feature_id),
        )
        .distinct()
    )


async def services_of_premises(
    session: AsyncSession, region_id: int, premises_id: UUID, kind: str | None = None
) -> list[NetworkService]:
    """Return the services in use at premises, of one kind if asked, by id."""
    statement = (
        select(NetworkService)
        .where(
            NetworkService.region_id == region_id,
            NetworkService.premises_id == premises_id,
            NetworkService.state != rules.ServiceLife.CEASED,
        )
        .order_by(NetworkService.id)
    )
    return list(
        await session.scalars(
            statement if kind is None else statement.where(NetworkService.kind == kind)
        )
    )


async def bad_in_use(
    session: AsyncSession, region_id: int, visit_id: UUID, premises_id: UUID
) -> list[NetworkFeature]:
    """Return what was marked bad on a visit and still carries a service at its premises."""
    found = await session.scalars(
        select(NetworkFeature)
        .join(
            NetworkService,
            and_(
                NetworkService.region_id == NetworkFeature.region_id,
                NetworkService.id == NetworkFeature.service_id,
            ),
        )
        .where(
            NetworkFeature.region_id == region_id,
            NetworkService.region_id == region_id,
            NetworkFeature.state == State.BAD,
            NetworkFeature.state_visit_id == visit_id,
            NetworkService.premises_id == premises_id,
        )
        .order_by(NetworkFeature.name, NetworkFeature.id)
    )
    return list(found)


async def lock_places(session: AsyncSession, region_id: int, ids: Collection[UUID]) -> None:
    """Let one transaction after the other look at what happens on these pieces of plant."""
    await session.execute(
        select(NetworkFeature.id)
        .where(NetworkFeature.region_id == region_id, NetworkFeature.id.in_(sorted(ids)))
        .order_by(NetworkFeature.id)
        .with_for_update(key_share=True)
    )


async def kinds_of(session: AsyncSession, region_id: int, ids: Collection[UUID]) -> dict[UUID, str]:
    """Return what kind of plant some features are."""
    found = await session.execute(
        select(NetworkFeature.id, NetworkFeature.kind).where(
            NetworkFeature.region_id == region_id, NetworkFeature.id.in_(ids)
        )
    )
    return {id_: kind for id_, kind in found}  # noqa: C416 - rows are not pairs
