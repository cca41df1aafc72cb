"""The history of a piece of plant, out of the audit: what changed, why, by whom, where (RE-05)."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.types import Uuid

from fieldops.customers.models import Premises
from fieldops.kernel import commands, geo
from fieldops.kernel.audit import MASK, Audit
from fieldops.kernel.ledger import LedgerEntry
from fieldops.kernel.permissions import Scope
from fieldops.network import policy
from fieldops.network.models import NetworkFeature, NetworkService
from fieldops.organisation.models import Person

SUBJECT = "visit_id"


def of_feature(region_id: int, feature_id: UUID) -> Select[Any]:
    """Return the statement for a feature's changes, oldest first; the caller has read it in scope.

    The visit is the one the change names, or else the one its command was about.
    """
    named = Audit.after["state_visit_id"].astext
    about_visits = sorted({s.name for s in commands.REGISTRY.values() if s.subject == SUBJECT})
    visit = case(
        (and_(named.is_not(None), named != MASK), cast(named, Uuid)),
        (Audit.command.in_(about_visits), LedgerEntry.subject_id),
    )
    return (
        select(
            Audit.id,
            Audit.at,
            Audit.captured_at,
            Audit.entity_version.label("version"),
            Audit.action,
            Audit.command,
            Audit.before,
            Audit.after,
            Audit.reason,
            Audit.actor_id,
            Person.name.label("actor_name"),
            Audit.device_id,
            visit.label("visit_id"),
        )
        .outerjoin(Person, Person.id == Audit.actor_id)
        .outerjoin(
            LedgerEntry,
            and_(LedgerEntry.region_id == region_id, LedgerEntry.id == Audit.command_id),
        )
        .where(
            Audit.region_id == region_id,
            Audit.entity == NetworkFeature.__tablename__,
            Audit.entity_id == feature_id,
        )
        .order_by(Audit.id)
    )


async def placed(
    session: AsyncSession, scope: Scope, ids: Collection[UUID]
) -> dict[UUID, tuple[NetworkFeature, str | None, Any]]:
    """Return features in a scope with their parent's name and their geometry as GeoJSON.

    A pair, fibre or port lies where its parent lies.
    """
    parent = aliased(NetworkFeature)
    found = await session.execute(
        select(
            NetworkFeature,
            parent.name,
            geo.as_geojson(func.coalesce(NetworkFeature.shape, parent.shape)),
        )
        .outerjoin(
            parent,
            and_(parent.region_id == scope.region_id, parent.id == NetworkFeature.parent_id),
        )
        .where(policy.visible_features(scope), NetworkFeature.id.in_(ids))
    )
    return {row.id: (row, name, shape) for row, name, shape in found}


async def homes(
    session: AsyncSession, scope: Scope, service_ids: Collection[UUID]
) -> dict[UUID, Any]:
    """Return where the premises of services in a scope lie, as GeoJSON."""
    found = await session.execute(
        select(NetworkService.id, geo.as_geojson(Premises.point))
        .join(Premises, Premises.id == NetworkService.premises_id)
        .where(
            policy.visible_services(scope),
            NetworkService.region_id == scope.region_id,
            Premises.region_id == scope.region_id,
            NetworkService.id.in_(service_ids),
        )
    )
    return {id_: shape for id_, shape in found}  # noqa: C416 - rows are not pairs


async def changed_after(
    session: AsyncSession, region_id: int, versions: Mapping[UUID, int]
) -> dict[UUID, list[Audit]]:
    """Return what changed of features after the versions somebody saw, the newest change first."""
    found = await session.scalars(
        select(Audit)
        .where(
            Audit.region_id == region_id,
            Audit.entity == NetworkFeature.__tablename__,
            Audit.entity_id.in_(versions),
            Audit.entity_version > min(versions.values(), default=0),
        )
        .order_by(Audit.entity_version.desc(), Audit.id.desc())
    )
    changes: dict[UUID, list[Audit]] = {id_: [] for id_ in versions}
    for row in found:
        if row.entity_version > versions[row.entity_id]:
            changes[row.entity_id].append(row)
    return changes
