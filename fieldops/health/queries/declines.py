"""Reads of lines that are getting worse, and what the nightly look needs to know (HR-04)."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.models import Customer
from fieldops.health import policy
from fieldops.health.decline import READINGS, Read, State
from fieldops.health.models import HealthDecline, HealthReading, HealthRecord
from fieldops.health.rules import Reading
from fieldops.kernel.permissions import Scope
from fieldops.network.models import NetworkFeature, NetworkService, PathElement
from fieldops.network.rules import FeatureKind, ServiceLife


def declines(
    scope: Scope,
    *,
    states: Collection[State],
    centre_id: UUID | None,
    box_id: UUID | None,
    tiers: Collection[str],
) -> Select[HealthDecline]:
    """Return the statement for the lines in a scope that are getting worse, by id."""
    found = select(HealthDecline).where(policy.visible_declines(scope)).order_by(HealthDecline.id)
    if states:
        found = found.where(HealthDecline.state.in_([state.value for state in states]))
    if centre_id is not None:
        found = found.where(HealthDecline.centre_id == centre_id)
    if box_id is not None:
        found = found.where(HealthDecline.box_id == box_id)
    if tiers:
        found = found.where(HealthDecline.tier.in_(list(tiers)))
    return found


async def lock_open(session: AsyncSession, scope: Scope) -> dict[UUID, HealthDecline]:
    """Return what is open in an office's scope by record, locked, in id order."""
    found = await session.scalars(
        select(HealthDecline)
        .where(policy.visible_declines(scope), HealthDecline.ended_at.is_(None))
        .order_by(HealthDecline.id)
        .with_for_update()
    )
    return {row.record_id: row for row in found}


async def lock_of_finding(
    session: AsyncSession, region_id: int, finding_id: UUID
) -> list[HealthDecline]:
    """Return what is open under a finding, locked, in id order."""
    found = await session.scalars(
        select(HealthDecline)
        .where(
            HealthDecline.region_id == region_id,
            HealthDecline.finding_id == finding_id,
            HealthDecline.ended_at.is_(None),
        )
        .order_by(HealthDecline.id)
        .with_for_update()
    )
    return list(found)


async def still_open(
    session: AsyncSession, region_id: int, finding_ids: Collection[UUID]
) -> set[UUID]:
    """Return which findings have lines that are still getting worse."""
    found = await session.scalars(
        select(HealthDecline.finding_id).where(
            HealthDecline.region_id == region_id,
            HealthDecline.finding_id.in_(finding_ids),
            HealthDecline.ended_at.is_(None),
        )
    )
    return {finding_id for finding_id in found if finding_id is not None}


async def heard_until(session: AsyncSession, scope: Scope) -> dict[UUID, datetime]:
    """Return up to which reading each line was judged in what has ended, by record."""
    found = await session.execute(
        select(HealthDecline.record_id, func.max(HealthDecline.newest_at))
        .where(policy.visible_declines(scope), HealthDecline.ended_at.is_not(None))
        .group_by(HealthDecline.record_id)
    )
    return {record_id: at for record_id, at in found}  # noqa: C416 - rows are not pairs


def _read_since(scope: Scope, since: datetime) -> Select[HealthRecord]:
    """Return the records of an office's scope that were read since a moment."""
    return select(HealthRecord).where(
        scope.predicate(HealthRecord), HealthRecord.last_reading_at >= since
    )


async def records_read(session: AsyncSession, scope: Scope, since: datetime) -> list[HealthRecord]:
    """Return the lines in use of an office's scope that were read since a moment, by id."""
    in_use = select(NetworkService.id).where(
        NetworkService.region_id == scope.region_id,
        NetworkService.id == HealthRecord.service_id,
        NetworkService.premises_id == HealthRecord.premises_id,
        NetworkService.state != ServiceLife.CEASED.value,
    )
    statement = _read_since(scope, since).where(in_use.exists()).order_by(HealthRecord.id)
    return list(await session.scalars(statement))


async def last_readings(
    session: AsyncSession, scope: Scope, since: datetime
) -> dict[UUID, tuple[Read, ...]]:
    """Return the last three readings of each line since a moment, oldest first, by record."""
    newest = HealthReading.estimated_at.desc(), HealthReading.id.desc()
    ranked = (
        select(
            HealthReading.record_id,
            HealthReading.estimated_at,
            HealthReading.down_mbps,
            HealthReading.up_mbps,
            HealthReading.latency_ms,
            HealthReading.attenuation_db,
            HealthReading.optical_power_dbm,
            func.row_number()
            .over(partition_by=HealthReading.record_id, order_by=newest)
            .label("place"),
        )
        .where(
            HealthReading.region_id == scope.region_id,
            HealthReading.estimated_at >= since,
            HealthReading.record_id.in_(
                _read_since(scope, since).with_only_columns(HealthRecord.id)
            ),
        )
        .subquery("ranked")
    )
    found = await session.execute(
        select(ranked).where(ranked.c.place <= READINGS).order_by(ranked.c.place.desc())
    )
    readings: dict[UUID, list[Read]] = defaultdict(list)
    for record_id, at, down, up, latency, attenuation, power, _place in found:
        readings[record_id].append(Read(at, Reading(down, up, latency, attenuation, power)))
    return {record_id: tuple(rows) for record_id, rows in readings.items()}


async def outside(
    session: AsyncSession, scope: Scope, since: datetime, kind: FeatureKind
) -> dict[UUID, UUID]:
    """Return the box or drop nearest to the customer on the way of each line, by service."""
    services = _read_since(scope, since).with_only_columns(HealthRecord.service_id)
    found = await session.execute(
        select(PathElement.service_id, PathElement.feature_id)
        .join(
            NetworkFeature,
            and_(
                NetworkFeature.region_id == PathElement.region_id,
                NetworkFeature.id == PathElement.feature_id,
            ),
        )
        .where(
            PathElement.region_id == scope.region_id,
            NetworkFeature.region_id == scope.region_id,
            NetworkFeature.kind == kind.value,
            PathElement.service_id.in_(services),
        )
        .order_by(PathElement.position)
    )
    return {service_id: feature_id for service_id, feature_id in found}  # noqa: C416


async def tiers_of(
    session: AsyncSession, region_id: int, service_ids: Collection[UUID]
) -> dict[UUID, str]:
    """Return the tier of the customer of each service."""
    found = await session.execute(
        select(NetworkService.id, Customer.tier)
        .join(
            Customer,
            and_(
                Customer.region_id == NetworkService.region_id,
                Customer.id == NetworkService.customer_id,
            ),
        )
        .where(
            NetworkService.region_id == region_id,
            Customer.region_id == region_id,
            NetworkService.id.in_(service_ids),
        )
    )
    return {service_id: tier for service_id, tier in found}  # noqa: C416 - rows are not pairs


async def tiers_on(
    session: AsyncSession, region_id: int, box_ids: Collection[UUID]
) -> dict[UUID, list[str]]:
    """Return the tiers of the customers on each box, once for each of their lines in use."""
    found = await session.execute(
        select(PathElement.feature_id, Customer.tier)
        .join(
            NetworkService,
            and_(
                NetworkService.region_id == PathElement.region_id,
                NetworkService.id == PathElement.service_id,
            ),
        )
        .join(
            Customer,
            and_(
                Customer.region_id == NetworkService.region_id,
                Customer.id == NetworkService.customer_id,
            ),
        )
        .where(
            PathElement.region_id == region_id,
            NetworkService.region_id == region_id,
            Customer.region_id == region_id,
            PathElement.feature_id.in_(box_ids),
            NetworkService.state != ServiceLife.CEASED.value,
        )
    )
    tiers: dict[UUID, list[str]] = defaultdict(list)
    for box_id, tier in found:
        tiers[box_id].append(tier)
    return tiers
