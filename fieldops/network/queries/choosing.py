"""What can take the place of a pair, fibre or port, and what visits claimed (RE-02, RE-04)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from fieldops.kernel.records import locked
from fieldops.network.models import NetworkConnection, NetworkFeature, PathElement
from fieldops.network.rules import FeatureKind, State, Tie

MOST_CHOICES = 2_000
MOST_CLAIMS = 500


async def end_together(
    session: AsyncSession, region_id: int, one: NetworkFeature, other: NetworkFeature
) -> bool:
    """Return whether two conductors lie in one cable, or in cables that feed the same feature."""
    if one.parent_id == other.parent_id:
        return True
    first, second = aliased(NetworkConnection), aliased(NetworkConnection)
    common = await session.scalar(
        select(first.to_id)
        .join(second, second.to_id == first.to_id)
        .where(
            first.region_id == region_id,
            second.region_id == region_id,
            first.kind == Tie.FEEDS.value,
            second.kind == Tie.FEEDS.value,
            first.from_id == one.parent_id,
            second.from_id == other.parent_id,
        )
        .limit(1)
    )
    return common is not None


async def interchangeable(
    session: AsyncSession, like: NetworkFeature, now: datetime
) -> list[NetworkFeature]:
    """Return the free pairs, fibres or ports that can take the place of one, by id.

    Pairs and fibres of its cable and of cables that feed the same feature, ports of shelves of
    the same kind in the same place. One whose claim is over is free.
    """
    region_id = like.region_id
    if like.kind == FeatureKind.PORT:
        own, other = aliased(NetworkFeature), aliased(NetworkFeature)
        beside = (
            select(other.id)
            .join(own, and_(own.kind == other.kind, own.parent_id == other.parent_id))
            .where(
                own.region_id == region_id,
                other.region_id == region_id,
                own.id == like.parent_id,
            )
        )
    else:
        first, second = aliased(NetworkConnection), aliased(NetworkConnection)
        beside = (
            select(second.from_id)
            .join(first, second.to_id == first.to_id)
            .where(
                first.region_id == region_id,
                second.region_id == region_id,
                first.kind == Tie.FEEDS.value,
                second.kind == Tie.FEEDS.value,
                first.from_id == like.parent_id,
            )
        )
    found = await session.scalars(
        select(NetworkFeature)
        .where(
            NetworkFeature.region_id == region_id,
            NetworkFeature.kind == like.kind,
            or_(
                NetworkFeature.parent_id == like.parent_id,
                NetworkFeature.parent_id.in_(beside),
            ),
            or_(NetworkFeature.state == State.FREE.value, NetworkFeature.claim_until <= now),
        )
        .order_by(NetworkFeature.id)
        .limit(MOST_CHOICES)
    )
    return list(found)


async def used_by(session: AsyncSession, region_id: int, service_id: UUID) -> list[NetworkFeature]:
    """Return the pairs, fibres and ports on a service's way, the nearest to the premises first."""
    found = await session.scalars(
        select(NetworkFeature)
        .join(
            PathElement,
            and_(
                PathElement.region_id == NetworkFeature.region_id,
                PathElement.feature_id == NetworkFeature.id,
            ),
        )
        .where(
            NetworkFeature.region_id == region_id,
            PathElement.region_id == region_id,
            PathElement.service_id == service_id,
            NetworkFeature.state.is_not(None),
        )
        .order_by(PathElement.position.desc())
    )
    return list(found)


async def lapsed_claims(
    session: AsyncSession, region_id: int, now: datetime
) -> list[NetworkFeature]:
    """Return what is claimed and whose time is over, locked, in id order, at most 500."""
    found = await session.scalars(
        locked(
            select(NetworkFeature)
            .where(NetworkFeature.region_id == region_id, NetworkFeature.claim_until <= now)
            .order_by(NetworkFeature.id)
            .limit(MOST_CLAIMS)
        )
    )
    return list(found)


async def lock_claims(
    session: AsyncSession, region_id: int, visit_id: UUID
) -> list[NetworkFeature]:
    """Return what a visit has claimed and not used, locked, in id order.

    What another transaction is using at this moment is left to it: a swap locks the pair before
    its visit, an end of the visit the other way round. A claim left over lapses by itself.
    """
    found = await session.scalars(
        select(NetworkFeature)
        .where(
            NetworkFeature.region_id == region_id,
            NetworkFeature.state_visit_id == visit_id,
            NetworkFeature.claim_visit_id == visit_id,
        )
        .order_by(NetworkFeature.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return list(found)


def free_conductors(region_id: int, box_id: UUID, kind: FeatureKind) -> Select[NetworkFeature]:
    """Return the statement for the free pairs or fibres of the cables that feed a box, by id."""
    cables = select(NetworkConnection.from_id).where(
        NetworkConnection.region_id == region_id,
        NetworkConnection.to_id == box_id,
        NetworkConnection.kind == Tie.FEEDS.value,
    )
    return (
        select(NetworkFeature)
        .where(
            NetworkFeature.region_id == region_id,
            NetworkFeature.parent_id.in_(cables),
            NetworkFeature.kind == kind.value,
            NetworkFeature.state == State.FREE.value,
        )
        .order_by(NetworkFeature.id)
    )
