"""The plant and what was found wrong with it, as layers of a map (fieldops/kernel/maps.py).

Free words stay out of them: what a map shows is copied to where no erasure reaches (CU-07).
"""

from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.orm import aliased

from fieldops.kernel import maps
from fieldops.kernel.actor import Actor
from fieldops.kernel.maps import Asked
from fieldops.kernel.permissions import Permission
from fieldops.network import policy
from fieldops.network.models import Finding, NetworkFeature
from fieldops.network.rules import FeatureKind as K
from fieldops.network.rules import FindingState

SHOWN_FROM: dict[K, int] = {
    K.EXCHANGE: 8,
    K.CROSS_CONNECT_CABINET: 11,
    K.OLT: 12,
    K.DSLAM: 12,
    K.CABLE: 12,
    K.DUCT: 13,
    K.DISTRIBUTION_BOX: 14,
    K.MANHOLE: 15,
    K.POLE: 15,
    K.BUILDING_CABLING: 15,
    K.ONU: 16,
    K.DROP: 16,
}
"""From which zoom level a tile shows a kind; in the order in which they stay in a full tile."""

PLANT_FROM = min(SHOWN_FROM.values())
FINDINGS_FROM = 8


def plant(actor: Actor, asked: Asked) -> Select[*tuple[Any, ...]]:
    """Return the plant that has a place, as a layer in the reader's scope; raises Forbidden.

    A piece's time is when its record last changed. Pairs, fibres and ports lie in their parents.
    A tile shows no attributes: a piece has them when it is asked for by itself.
    """
    of = NetworkFeature
    ranks = {kind.value: rank for rank, kind in enumerate(SHOWN_FROM)}
    found = select(
        of.id,
        of.shape,
        of.kind,
        of.name,
        of.parent_id,
        of.centre_id,
        of.version,
        of.updated_at,
        case(ranks, value=of.kind, else_=len(ranks)).label("rank"),
    ).where(
        policy.visible_features(actor.scope(Permission.NETWORK_READ)),
        of.shape.is_not(None),
    )
    if asked.boxes:
        found = found.where(maps.touching(of.shape, asked.boxes))
    if asked.zoom is None:
        found = found.add_columns(of.attributes)
    else:
        near = [kind.value for kind, zoom in SHOWN_FROM.items() if zoom <= asked.zoom]
        found = found.where(of.kind.in_(near))
    if asked.dimension is not None:
        found = found.where(func.ST_Dimension(of.shape) == asked.dimension)
    if asked.start is not None:
        found = found.where(of.updated_at >= asked.start)
    if asked.end is not None:
        found = found.where(of.updated_at <= asked.end)
    return found


def findings(actor: Actor, asked: Asked) -> Select[*tuple[Any, ...]]:
    """Return the findings (VI-06) as a layer in the reader's scope; raises Forbidden.

    A finding lies where it was seen, else where its piece of plant lies: on the middle of a line,
    a pair on that of its cable. Its time is when it was captured.
    """
    piece, whole = aliased(NetworkFeature), aliased(NetworkFeature)
    place = func.coalesce(
        Finding.point,
        func.ST_PointOnSurface(piece.shape),
        func.ST_PointOnSurface(whole.shape),
    )
    found = (
        select(
            Finding.id,
            place.label("shape"),
            Finding.kind,
            Finding.severity,
            Finding.state,
            Finding.feature_id,
            Finding.centre_id,
            Finding.version,
            Finding.captured_at,
            (Finding.state != FindingState.OPEN.value).label("rank"),
        )
        .join(
            piece,
            and_(piece.region_id == Finding.region_id, piece.id == Finding.feature_id),
            isouter=True,
        )
        .join(
            whole,
            and_(whole.region_id == piece.region_id, whole.id == piece.parent_id),
            isouter=True,
        )
        .where(policy.visible_findings(actor.scope(Permission.NETWORK_READ)), place.is_not(None))
    )
    if asked.boxes:
        # Each of the three places has its index; the place itself, worked out, has none.
        found = found.where(
            or_(
                *(
                    maps.touching(shape, asked.boxes)
                    for shape in (Finding.point, piece.shape, whole.shape)
                )
            ),
            maps.touching(place, asked.boxes),
        )
    if asked.start is not None:
        found = found.where(Finding.captured_at >= asked.start)
    if asked.end is not None:
        found = found.where(Finding.captured_at <= asked.end)
    return found
