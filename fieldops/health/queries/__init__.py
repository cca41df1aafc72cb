"""Reads and locks of health records."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, and_, func, select
from sqlalchemy.dialects.postgresql import array, insert
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.health import places, policy, rules
from fieldops.health.models import HealthReading, HealthRecord
from fieldops.kernel import clock, configuration
from fieldops.kernel.changes import touch
from fieldops.kernel.errors import NotFound
from fieldops.kernel.gathering import gathered, row_of
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one
from fieldops.network import queries as network
from fieldops.network.models import NetworkService
from fieldops.orders.models import WorkOrder
from fieldops.visits import queries as visits
from fieldops.visits.models import Visit


async def record(session: AsyncSession, scope: Scope, record_id: UUID) -> HealthRecord:
    """Return a record of the scope; raises NotFound."""
    return await find_one(
        session,
        select(HealthRecord).where(policy.visible(scope), HealthRecord.id == record_id),
        "health_record",
    )


def records(
    scope: Scope, *, service_id: UUID | None, premises_id: UUID | None, flagged: bool | None
) -> Select[HealthRecord]:
    """Return the statement for the records in a scope by id.

    Only of a line, of premises, or those whose newest reading is (not) flagged, if asked.
    """
    statement = select(HealthRecord).where(policy.visible(scope)).order_by(HealthRecord.id)
    if service_id is not None:
        statement = statement.where(HealthRecord.service_id == service_id)
    if premises_id is not None:
        statement = statement.where(HealthRecord.premises_id == premises_id)
    if flagged is not None:
        some = HealthRecord.likely_place.is_not(None)
        statement = statement.where(some if flagged else ~some)
    return statement


async def readings(
    session: AsyncSession, region_id: int, record_ids: Collection[UUID]
) -> list[HealthReading]:
    """Return the readings of some records, newest first."""
    found = await session.scalars(
        select(HealthReading)
        .where(HealthReading.region_id == region_id, HealthReading.record_id.in_(record_ids))
        .order_by(HealthReading.estimated_at.desc(), HealthReading.id.desc())
    )
    return list(found)


async def lock_record(
    session: AsyncSession, service: NetworkService, centre_id: UUID
) -> HealthRecord:
    """Return the record of a service at its premises, made when it is new, locked."""
    known = gathered(session).facts
    key = (lock_record, service.id, service.premises_id)
    if key not in known:
        with session.no_autoflush:  # a record is changed under its lock only, which comes here
            known[key] = await _locked(session, service, centre_id)
    found: HealthRecord = known[key]
    return found


async def _locked(session: AsyncSession, service: NetworkService, centre_id: UUID) -> HealthRecord:
    now, id_ = clock.now(), new_id()
    # One that is there is changed to what it is: that locks it and waits for whoever makes it.
    found: HealthRecord = (
        await session.scalars(
            insert(HealthRecord)
            .values(
                region_id=service.region_id,
                id=id_,
                service_id=service.id,
                premises_id=service.premises_id,
                centre_id=centre_id,
                flags=[],
                version=1,
                created_at=now,
                updated_at=now,
            )
            .on_conflict_do_update(
                index_elements=["region_id", "service_id", "premises_id"],
                set_={"version": HealthRecord.version},
            )
            .returning(HealthRecord)
            .execution_options(populate_existing=True)
        )
    ).one()
    if found.id == id_:
        touch(session, service.region_id, centre_id, HealthRecord, id_)
    return found


async def service(session: AsyncSession, region_id: int, service_id: UUID) -> NetworkService:
    """Return a service of the region; raises NotFound."""
    found = await row_of(session, NetworkService, region_id, service_id, argument="service_id")
    if found is None:
        raise NotFound(thing="service")
    return found


async def activates(
    session: AsyncSession, region_id: int, visit_id: UUID, service_id: UUID
) -> bool:
    """Return whether a visit installs or moves a broadband line (HR-01)."""
    return any(
        row.service == rules.BROADBAND
        and row.kind in rules.ACTIVATING
        and row.service_id in {None, service_id}
        for _, row in await visits.visit_work(session, region_id, visit_id)
    )


async def passing_baseline(
    session: AsyncSession, region_id: int, record_id: UUID
) -> HealthReading | None:
    """Return a record's baseline when it does not speak for an activation that was done.

    It was read on a visit that failed or was cancelled, or by somebody who had lost the visit.
    """
    found: HealthReading | None = await session.scalar(
        select(HealthReading)
        .join(
            Visit,
            and_(Visit.region_id == HealthReading.region_id, Visit.id == HealthReading.visit_id),
        )
        .where(
            HealthReading.region_id == region_id,
            Visit.region_id == region_id,
            HealthReading.record_id == record_id,
            HealthReading.is_baseline,
            HealthReading.by_other_technician | Visit.state.in_(("failed", "cancelled")),
        )
    )
    return found


async def lines_without_reading(
    session: AsyncSession, region_id: int, visit_id: UUID, work_order_ids: Collection[UUID]
) -> list[WorkOrder]:
    """Return a visit's broadband work whose line has no reading of this visit, by number.

    Work that names its line needs a reading of that line, other work of any line.
    """
    read = select(HealthReading.id).where(
        HealthReading.region_id == region_id,
        HealthReading.visit_id == visit_id,
        WorkOrder.service_id.is_(None) | (HealthReading.service_id == WorkOrder.service_id),
    )
    found = await session.scalars(
        select(WorkOrder)
        .where(
            WorkOrder.region_id == region_id,
            WorkOrder.id.in_(work_order_ids),
            WorkOrder.service == rules.BROADBAND,
            WorkOrder.kind.in_(rules.NEEDS_READING),
            ~read.correlate(WorkOrder).exists(),
        )
        .order_by(WorkOrder.number, WorkOrder.id)
    )
    return list(found)


async def limits(session: AsyncSession, region_id: int) -> rules.Limits:
    """Return a region's numbers of HR-02."""
    own = await configuration.values(session, region_id)
    return rules.Limits(
        share_of_baseline=own[rules.SHARE_OF_BASELINE.name],
        share_of_sold=own[rules.SHARE_OF_SOLD.name],
        most_optical=own[rules.MOST_OPTICAL.name],
        least_optical=own[rules.LEAST_OPTICAL.name],
        more_attenuation=own[rules.MORE_ATTENUATION.name],
        more_loss=own[rules.MORE_LOSS.name],
        neighbour_share=own[rules.NEIGHBOUR_SHARE.name],
        least_neighbours=own[rules.LEAST_NEIGHBOURS.name],
        neighbour_days=own[rules.NEIGHBOUR_DAYS.name],
    )


async def neighbours(
    session: AsyncSession, service: NetworkService, at: datetime, limits: rules.Limits
) -> dict[str, places.Ring]:
    """Return how the lines around one do, by what they share with it (HR-02).

    The rings do not overlap: other lines of its box (a splitter sits in one), lines of the cable
    between trunk and box at other boxes, lines of its trunk cable on neither, lines of its DSLAM
    or OLT on other trunks. A line counts by its newest reading, when that was taken within the
    days a region looks back from `at`. What the access path does not name has no ring.
    """
    shared = await plant_of(session, service.region_id, service.id)
    since = at - timedelta(days=limits.neighbour_days)
    rings: dict[str, places.Ring] = {}
    inner: list[UUID] = []
    for place in places.RINGS:
        feature_id = shared.get(place)
        if feature_id is None:
            continue
        rings[place] = await _ring(session, service, feature_id, inner, since)
        inner.append(feature_id)
    return rings


async def plant_of(session: AsyncSession, region_id: int, service_id: UUID) -> dict[str, UUID]:
    """Return what a line shares with others: box, trunk (its first cable), DSLAM or OLT.

    And the cable that follows the trunk, where there is one.
    """
    way = await network.way_of(session, region_id, [service_id], _SHARED)
    kinds = await network.kinds_of(session, region_id, way)
    found: dict[str, UUID] = {}
    for feature_id in sorted(way, key=lambda id_: (way[id_], id_)):
        place = _SHARED[kinds[feature_id]]
        if place is not rules.LikelyPlace.TRUNK:
            found[place] = feature_id
        elif place not in found:
            found[place] = feature_id  # the one nearest to the exchange
        else:
            found.setdefault(places.MIDDLE, feature_id)
    return found


_SHARED = {
    "cable": rules.LikelyPlace.TRUNK,
    "distribution_box": rules.LikelyPlace.BOX,
    "dslam": rules.LikelyPlace.EXCHANGE,
    "olt": rules.LikelyPlace.EXCHANGE,
}


async def _ring(
    session: AsyncSession,
    service: NetworkService,
    feature_id: UUID,
    inner: Collection[UUID],
    since: datetime,
) -> places.Ring:
    region_id = service.region_id
    worse = HealthRecord.flags.has_any(array(sorted(places.WORSE)))
    statement = select(func.count(), func.count().filter(worse)).where(
        HealthRecord.region_id == region_id,
        HealthRecord.service_id.in_(network.through(region_id, feature_id)),
        HealthRecord.service_id != service.id,
        HealthRecord.last_reading_at >= since,
    )
    for nearer in inner:
        statement = statement.where(
            HealthRecord.service_id.not_in(network.through(region_id, nearer))
        )
    lines, bad = (await session.execute(statement)).one()
    return places.Ring(lines, bad)
