"""What a file of plant is made from, and what an import is judged against."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python
from sqlalchemy import ARRAY, Select, Uuid, cast, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, array
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.models import Customer, Premises
from fieldops.customers.policy import visible_customers, visible_premises
from fieldops.customers.queries import centre_in
from fieldops.kernel import geo
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Scope
from fieldops.network import policy
from fieldops.network.importing import Given, NameKey, Record, Standing
from fieldops.network.linking import GivenService, GivenTie, Links
from fieldops.network.models import (
    NetworkConnection,
    NetworkFeature,
    NetworkService,
    PathElement,
)
from fieldops.network.rules import FeatureKind, ServiceLife


async def exported(
    session: AsyncSession,
    scope: Scope,
    most: int,
    *,
    centre_id: UUID | None = None,
    kinds: Collection[FeatureKind] = (),
) -> list[dict[str, Any]]:
    """Return at most so many pieces in a scope with all that a file holds of them, by id."""
    of = NetworkFeature
    wanted = select(
        of.id, of.version, of.centre_id, of.kind, of.name, of.parent_id, of.state, of.attributes,
        geo.as_geojson(of.shape).label("shape"),
    ).where(policy.visible_features(scope))  # fmt: skip
    if centre_id is not None:
        wanted = wanted.where(of.centre_id == centre_id)
    if kinds:
        wanted = wanted.where(of.kind.in_([kind.value for kind in kinds]))
    found = await session.execute(wanted.order_by(of.id).limit(most))
    return [dict(row._mapping) for row in found]  # noqa: SLF001 - the documented way to a dict


async def exported_ties(
    session: AsyncSession, scope: Scope, most: int, ids: Collection[UUID]
) -> list[dict[str, Any]]:
    """Return at most so many ties between pieces that a file holds, by id."""
    tie, both = NetworkConnection, sorted(ids)
    found = await session.execute(
        select(tie.id, tie.kind, tie.from_id, tie.to_id)
        .where(
            tie.region_id == scope.region_id,
            tie.from_id == func.any(both),
            tie.to_id == func.any(both),
        )
        .order_by(tie.id)
        .limit(most)
    )
    return [dict(row._mapping) for row in found]  # noqa: SLF001 - the documented way to a dict


async def exported_services(
    session: AsyncSession, scope: Scope, most: int, *, centre_id: UUID | None = None
) -> list[dict[str, Any]]:
    """Return at most so many services in use in a scope with all that a file holds, by id."""
    wanted = _services(scope.region_id).where(
        policy.visible_services(scope), NetworkService.state != ServiceLife.CEASED.value
    )
    if centre_id is not None:
        wanted = wanted.where(NetworkService.centre_id == centre_id)
    found = await session.execute(wanted.order_by(NetworkService.id).limit(most))
    return [dict(row._mapping) for row in found]  # noqa: SLF001 - the documented way to a dict


def _services(region_id: int) -> Select[*tuple[Any, ...]]:
    """Return the statement for services as a file holds them, the path as a list of ids."""
    of, step = NetworkService, PathElement
    path = (
        select(func.array_agg(aggregate_order_by(step.feature_id, step.position)))
        .where(
            step.region_id == region_id, step.region_id == of.region_id, step.service_id == of.id
        )
        .scalar_subquery()
    )
    return select(
        of.id, of.version, of.premises_id, of.customer_id, of.kind, of.technology,
        of.sold_down_mbps, of.sold_up_mbps, of.account, of.state,
        func.coalesce(path, cast(array([]), ARRAY(Uuid))).label("path"),
    ).where(of.region_id == region_id)  # fmt: skip


async def links_for(
    session: AsyncSession,
    scope: Scope,
    ties: Sequence[GivenTie],
    services: Sequence[GivenService],
) -> Links:
    """Return what is to be known of the record to judge a file's ties and services."""
    region_id, tie, of = scope.region_id, NetworkConnection, NetworkService
    ids = sorted(given.id for given in ties if given.id is not None)
    starts = sorted({given.from_id for given in ties})
    recorded = await session.execute(
        select(tie.id, tie.from_id, tie.to_id, tie.kind).where(
            tie.region_id == region_id,
            or_(tie.id == func.any(ids), tie.from_id == func.any(starts)),
        )
    )
    keys = {id_: (start, end, kind) for id_, start, end, kind in recorded}
    wanted = sorted(given.id for given in services if given.id is not None)
    standing = await session.execute(
        _services(region_id)
        .add_columns(policy.visible_services(scope).label("visible"))
        .where(of.id == func.any(wanted))
    )
    known = {row.id: dict(row._mapping) for row in standing}  # noqa: SLF001 - as above
    named = sorted({given.account for given in services if given.account is not None})
    accounts = await session.execute(
        select(of.account, of.id).where(of.region_id == region_id, of.account == func.any(named))
    )
    homes = await session.execute(
        select(Premises.id, Premises.centre_id).where(
            visible_premises(scope), Premises.id == func.any([s.premises_id for s in services])
        )
    )
    owners = await session.scalars(
        select(Customer.id).where(
            visible_customers(scope), Customer.id == func.any([s.customer_id for s in services])
        )
    )
    return Links(
        keys,
        frozenset(keys.values()),
        {id_: to_jsonable_python(row) if row["visible"] else None for id_, row in known.items()},
        {str(account): id_ for account, id_ in accounts},
        {id_: centre_id for id_, centre_id in homes},  # noqa: C416 - rows are not pairs
        frozenset(owners),
    )


async def record_for(
    session: AsyncSession, scope: Scope, pieces: Sequence[Given], also: Collection[UUID]
) -> Record:
    """Return what is to be known of the record to judge a file's pieces, read in three statements.

    Pieces of other centres are there with `visible` false; `also` are others the file speaks of.
    """
    ids = {given.id for given in pieces} | {given.parent_id for given in pieces} | {*also}
    standing = await _standing(session, scope, ids - {None})
    renamed = [
        given
        for given in pieces
        if given.id is None or given.id not in standing or standing[given.id].name != given.name
    ]
    centres = set()
    for centre_id in {given.centre_id for given in pieces if given.centre_id is not None}:
        try:
            centres.add(await centre_in(session, scope, centre_id))
        except NotFound:
            continue
    return Record(standing, await _names(session, scope.region_id, renamed, standing), centres)


async def _standing(
    session: AsyncSession, scope: Scope, ids: Collection[UUID | None]
) -> dict[UUID, Standing]:
    of = NetworkFeature
    found = await session.execute(
        select(
            of.id, policy.visible_features(scope), of.version, of.centre_id, of.kind, of.name,
            of.parent_id, of.state, of.attributes, geo.as_geojson(of.shape),
        ).where(of.region_id == scope.region_id, of.id == func.any(sorted(filter(None, ids))))
    )  # fmt: skip
    return {id_: Standing(*rest) for id_, *rest in found}


async def _names(
    session: AsyncSession,
    region_id: int,
    pieces: Sequence[Given],
    standing: dict[UUID, Standing],
) -> dict[NameKey, UUID]:
    """Return who has the names that new and renamed pieces want, within their parents."""
    of = NetworkFeature
    parents = {
        standing[given.id].parent_id if given.id in standing else given.parent_id
        for given in pieces
    }
    within = of.parent_id == func.any(sorted(filter(None, parents)))
    there = or_(within, of.parent_id.is_(None)) if None in parents else within
    names = sorted({given.name for given in pieces})
    found = await session.execute(
        select(of.id, of.parent_id, of.kind, of.name).where(
            of.region_id == region_id, of.name == func.any(names), there
        )
    )
    return {(parent_id, kind, name): id_ for id_, parent_id, kind, name in found}
