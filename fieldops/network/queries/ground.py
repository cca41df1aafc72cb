"""What of the plant lies in a box or near a place, as GeoJSON."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from geoalchemy2 import Geography
from sqlalchemy import ColumnElement, Select, cast, func, literal, null, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.models import Premises
from fieldops.kernel import geo
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Scope
from fieldops.network import policy, rules
from fieldops.network.errors import TooManyFeatures
from fieldops.network.models import NetworkFeature
from fieldops.network.rules import Box, FeatureKind
from fieldops.network.schemas import FeatureCollection, FeatureProperties, GeoFeature


def _mapped(scope: Scope, kinds: Sequence[FeatureKind], distance: Any) -> Select[Any]:
    found = select(
        NetworkFeature, geo.as_geojson(NetworkFeature.shape), distance.label("distance")
    ).where(policy.visible_features(scope))
    if kinds:
        found = found.where(NetworkFeature.kind.in_([kind.value for kind in kinds]))
    return found


async def _collect(session: AsyncSession, statement: Select[Any]) -> FeatureCollection:
    rows = (await session.execute(statement.limit(rules.MOST_FEATURES + 1))).all()
    if len(rows) > rules.MOST_FEATURES:
        raise TooManyFeatures(limit=rules.MOST_FEATURES)
    return FeatureCollection(features=[_as_feature(*row) for row in rows])


def _as_feature(row: NetworkFeature, shape: Any, distance: float | None) -> GeoFeature:
    properties = FeatureProperties.model_validate(row)
    properties.distance_m = None if distance is None else round(distance, 1)
    return GeoFeature(id=row.id, geometry=shape, properties=properties)


async def map_of(
    session: AsyncSession, scope: Scope, box: Box, kinds: Sequence[FeatureKind] = ()
) -> FeatureCollection:
    """Return the features that touch a box, at most 2,000 on at most 25 km2.

    Raises AreaTooLarge, TooManyFeatures.
    """
    rules.check_box(box)
    envelope = func.ST_MakeEnvelope(box.west, box.south, box.east, box.north, geo.SRID)
    inside = _mapped(scope, kinds, null()).where(
        NetworkFeature.shape.is_not(None), func.ST_Intersects(NetworkFeature.shape, envelope)
    )
    return await _collect(session, inside.order_by(NetworkFeature.id))


async def map_feature(session: AsyncSession, scope: Scope, feature_id: UUID) -> GeoFeature:
    """Return one feature as GeoJSON; raises NotFound outside the scope."""
    found = await session.execute(_mapped(scope, (), null()).where(NetworkFeature.id == feature_id))
    row = found.one_or_none()
    if row is None:
        raise NotFound(thing="feature")
    return _as_feature(*row)


def near(
    scope: Scope, point: geo.Point, metres: float, kinds: Sequence[FeatureKind] = ()
) -> Select[Any]:
    """Return the statement for (feature, GeoJSON, distance in metres) within metres of a point.

    The nearest stands first; the geography index `ix_network_feature_ground` finds them.
    """
    geography = Geography(srid=geo.SRID, spatial_index=False)
    distance: ColumnElement[float] = func.ST_Distance(
        cast(NetworkFeature.shape, geography),
        cast(func.ST_GeomFromEWKT(literal(point.wkt())), geography),
    )
    return (
        _mapped(scope, kinds, distance)
        .where(
            NetworkFeature.shape.is_not(None),
            geo.within_metres(NetworkFeature.shape, point, metres),
        )
        .order_by("distance", NetworkFeature.id)
    )


async def map_near(
    session: AsyncSession,
    scope: Scope,
    premises: Premises,
    metres: float,
    kinds: Sequence[FeatureKind] = (),
) -> FeatureCollection:
    """Return what lies within metres of premises, nearest first; raises TooManyFeatures."""
    point = geo.Point(coordinates=geo.position_of(premises.point))
    return await _collect(session, near(scope, point, metres, kinds))
