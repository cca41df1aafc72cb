"""Device views of upkeep: the routes of rounds (VI-06, CH-04), and plant to compare (RE-06)."""

from typing import Any

from sqlalchemy import Select, Uuid, and_, cast, func, select

from fieldops.kernel.views import BACKGROUND, DeviceScope, document, view
from fieldops.upkeep.models import Round, SpotCheckItem
from fieldops.upkeep.schemas import RoundOnDevice, SpotItemOnDevice
from fieldops.visits.models import VisitWork
from fieldops.visits.views import reach
from fieldops.visits.views.work import fields


def _own_rounds(scope: DeviceScope) -> Select[Any]:
    """Return the ids and tiers of the rounds on own visits."""
    own = reach.own_visits(scope)
    return (
        select(Round.id.label("round_id"), own.c.tier.label("tier"))
        .join(
            VisitWork,
            and_(
                VisitWork.region_id == Round.region_id,
                VisitWork.work_order_id == Round.work_order_id,
            ),
        )
        .join(own, own.c.visit_id == VisitWork.visit_id)
        .where(Round.region_id == scope.region_id, VisitWork.region_id == scope.region_id)
    )


@view("round", rank=25, schema=RoundOnDevice)
def rounds(scope: DeviceScope) -> Select[Any]:
    """Return the rounds of own visits: their points are features, in the order of the way."""
    mine = _own_rounds(scope).subquery("rounds")
    needed = reach.first_tier(mine, mine.c.round_id)
    return (
        document(Round, fields(Round, RoundOnDevice), tier=needed.c.tier)
        .select_from(Round)
        .join(needed, needed.c.key == Round.id)
        .where(Round.region_id == scope.region_id)
    )


def _points(scope: DeviceScope) -> Select[Any]:
    mine = _own_rounds(scope).subquery("rounds")
    point = func.jsonb_array_elements_text(Round.feature_ids)
    return (
        select(cast(point, Uuid).label("key"))
        .select_from(Round)
        .join(mine, mine.c.round_id == Round.id)
        .where(Round.region_id == scope.region_id)
    )


reach.FURTHER.append(_points)


@view("spot_check_item", rank=5, schema=SpotItemOnDevice)
def items(scope: DeviceScope) -> Select[Any]:
    """Return the drawn plant given to a technician that nobody has looked at yet."""
    return (
        document(SpotCheckItem, fields(SpotCheckItem, SpotItemOnDevice), tier=BACKGROUND)
        .select_from(SpotCheckItem)
        .where(
            SpotCheckItem.region_id == scope.region_id,
            SpotCheckItem.technician_id == scope.person_id,
            SpotCheckItem.seen_at.is_(None),
        )
    )
