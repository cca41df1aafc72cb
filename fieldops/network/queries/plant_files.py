"""What a file of plant is made from, and what an import is judged against."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.queries import centre_in
from fieldops.kernel import geo
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Scope
from fieldops.network import policy
from fieldops.network.importing import Given, NameKey, Record, Standing
from fieldops.network.models import NetworkFeature
from fieldops.network.rules import FeatureKind


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


async def record_for(session: AsyncSession, scope: Scope, pieces: Sequence[Given]) -> Record:
    """Return what is to be known of the record to judge a file's pieces, read in three statements.

    Pieces of other centres are there with `visible` false.
    """
    ids = {given.id for given in pieces} | {given.parent_id for given in pieces}
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
