"""Which days a change touches: the rollups follow the log of changes (kernel/changes.py).

For each row that changed: the days of its order's visits, appointments and work as they stand,
the days on which they stood before (from the audit), and, for a repair, the days of the work at
the same premises that it may undo. More days than needed cost a count, fewer would be wrong.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, select, union, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments.models import Appointment
from fieldops.complaints.models import Complaint
from fieldops.customers.models import Customer
from fieldops.followups.models import FollowUp
from fieldops.kernel import changes, configuration
from fieldops.kernel.audit import Audit
from fieldops.kernel.clock import local_day
from fieldops.network.models import NetworkFeature
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.orders.rules import Kind
from fieldops.organisation import queries as organisation
from fieldops.quality.duty import EVERY, Level, period_of
from fieldops.quality.models import Inspection
from fieldops.reports import rules
from fieldops.reports.models import LogPlace, RolledDay
from fieldops.visits.models import Assignment, Visit, VisitWork

WHOLE = ("kernel_rule_number", changes.ANYTHING)
"""What touches every day: a region's number of a rule, and nobody knows what."""
FAULTS = ("kept_appointments", "repeat_faults")
"""What a later repair at the premises can change."""
MOMENTS = ("window_start", "arrived_at", "ended_at", "due_at", "state_since")
MOST_IDS = 2_000
LONGEST = timedelta(hours=1)
"""No transaction lasts so long: what one wrote carries a time at most so far before its log."""

FIELD = ("resource_timeliness",)
DUTY = ("inspection_duty",)

Ids = dict[str, set[UUID]]
ROWS: dict[str, Any] = {
    model.__tablename__: model
    for model in (Visit, VisitWork, Assignment, Appointment, WorkOrder, ServiceOrder, Customer)
}
PLANT = NetworkFeature.__tablename__


@dataclass(frozen=True, slots=True)
class Own:
    """Records that no phone holds, which the log of changes therefore leaves out.

    They are followed by the audit; `moments` say to which day one of them may belong.
    """

    model: Any
    names: tuple[str, ...]
    moments: tuple[str, ...]


OWN = (
    Own(FollowUp, ("follow_up_share", "follow_up_in_time", "satisfaction"), ("finished_at",)),
    Own(Complaint, ("complaint_contact",), ("contact_due_at", "contacted_at")),
)


async def follow(session: AsyncSession, region_id: int, now: datetime) -> None:
    """Mark the rolled days stale that changes touched since the log was last read."""
    counts = await _counts(session, region_id)
    places = {row.centre_id: row for row in await _places(session, region_id)}
    if not places:
        await _stand(session, region_id, counts, now)
        await _mark_all(session, region_id, now)  # nobody followed so far
        return
    before = min(place.read_at for place in places.values())
    found: list[Any] | None = []
    for centre_id, n in counts.items():
        after = places[centre_id].n if centre_id in places else 0
        said = await changes.logged(session, region_id, centre_id, after, n) if n > after else []
        found = None if said is None or found is None else found + said
    await _stand(session, region_id, counts, now)
    if found is None or any(table in WHOLE for table, _id, _columns in found):
        await _mark_all(session, region_id, before)
        return
    ids = await _ids(session, region_id, found, before - LONGEST)
    zone = await organisation.zone_of(session, region_id)
    every, faulted = await _days(session, region_id, zone, ids, before - LONGEST)
    await _mark(session, region_id, before, every)
    await _mark(session, region_id, before, faulted, FAULTS)
    for own in OWN:
        customers = ids[Customer.__tablename__]
        days = await _days_of_own(session, region_id, zone, own, customers, before - LONGEST)
        await _mark(session, region_id, before, days, own.names)
    duties = await _days_of_duty(session, region_id, before - LONGEST)
    await _mark(session, region_id, before, duties, DUTY)
    field = await _days_captured(session, region_id, zone, ids[PLANT], before - LONGEST)
    await _mark(session, region_id, before, field, FIELD)


async def _counts(session: AsyncSession, region_id: int) -> dict[UUID, int]:
    found = await session.execute(
        select(changes.ChangeCounter.centre_id, changes.ChangeCounter.counter).where(
            changes.ChangeCounter.region_id == region_id
        )
    )
    return {row.centre_id: row.counter for row in found}


async def _places(session: AsyncSession, region_id: int) -> Collection[LogPlace]:
    found = await session.scalars(select(LogPlace).where(LogPlace.region_id == region_id))
    return found.all()


async def _stand(
    session: AsyncSession, region_id: int, counts: dict[UUID, int], now: datetime
) -> None:
    """Note how far the log has been read."""
    if not counts:
        return
    said = insert(LogPlace).values(
        [
            {"region_id": region_id, "centre_id": centre_id, "n": n, "read_at": now}
            for centre_id, n in counts.items()
        ]
    )
    await session.execute(
        said.on_conflict_do_update(
            index_elements=["region_id", "centre_id"],
            set_={"n": said.excluded.n, "read_at": said.excluded.read_at},
        )
    )


async def _ids(session: AsyncSession, region_id: int, found: Iterable[Any], since: datetime) -> Ids:
    """Return the ids of the rows that changed, by table; those of a table's every row by time."""
    ids: Ids = defaultdict(set)
    whole = set()
    for table, id_, columns in found:
        if table not in ROWS and table != PLANT:
            continue
        if table == Customer.__tablename__ and columns is not None and "tier" not in columns:
            continue
        if id_ is None:
            whole.add(table)
        else:
            ids[table].add(UUID(str(id_)))
    for table in sorted(whole):
        model = NetworkFeature if table == PLANT else ROWS[table]
        changed = await session.scalars(
            select(model.id).where(model.region_id == region_id, model.updated_at >= since)
        )
        ids[table].update(changed)
    return ids


def _some(ids: Collection[UUID]) -> Iterator[list[UUID]]:
    rest = iter(sorted(ids))
    while some := list(islice(rest, MOST_IDS)):
        yield some


async def _days(
    session: AsyncSession, region_id: int, zone: ZoneInfo, ids: Ids, since: datetime
) -> tuple[set[date], set[date]]:
    """Return the days touched for every indicator, and those that only faults touch."""
    every: set[date] = set()
    faulted: set[date] = set()
    for table in ROWS:
        for some in _some(ids[table]):
            every |= await _days_before(session, region_id, zone, table, some, since)
            orders = await session.scalars(_orders(region_id, table, some))
            for of in _some(set(orders)):
                found = await session.scalars(_moments(region_id, of))
                every |= {local_day(at, zone) for at in found if at is not None}
    within = max(
        [
            await configuration.duration(session, region_id, number)
            for number in (rules.FAULT_WITHIN, rules.REPEAT_FAULT_WITHIN)
        ]
    )
    for some in _some(ids[WorkOrder.__tablename__]):
        found = await session.scalars(_undone(region_id, some, within))
        faulted |= {local_day(at, zone) for at in found if at is not None}
    return every, faulted - every


async def _days_before(
    session: AsyncSession,
    region_id: int,
    zone: ZoneInfo,
    table: str,
    ids: Collection[UUID],
    since: datetime,
) -> set[date]:
    """Return the days on which rows stood before their last changes."""
    found = await session.scalars(
        select(Audit.before).where(
            Audit.region_id == region_id,
            Audit.entity == table,
            Audit.entity_id.in_(ids),
            Audit.at >= since,
        )
    )
    moments = (before.get(name) for before in found for name in MOMENTS)
    return {local_day(datetime.fromisoformat(at), zone) for at in moments if at}


def _orders(region_id: int, table: str, ids: Collection[UUID]) -> Any:
    """Return the orders that some rows of a table belong to, by their visits' work too."""
    model = ROWS[table]
    mine = and_(model.region_id == region_id, model.id.in_(ids))
    if model is ServiceOrder:
        return select(ServiceOrder.id).where(mine)
    if model is Customer:
        return select(ServiceOrder.id).where(
            ServiceOrder.region_id == region_id, ServiceOrder.customer_id.in_(ids)
        )
    if model is WorkOrder:
        return select(WorkOrder.order_id).where(mine)
    visits = select(model.id if model is Visit else model.visit_id).where(mine)
    return union(
        select(Visit.order_id).where(Visit.region_id == region_id, Visit.id.in_(visits)),
        select(WorkOrder.order_id)
        .join(
            VisitWork,
            and_(VisitWork.region_id == region_id, VisitWork.work_order_id == WorkOrder.id),
        )
        .where(WorkOrder.region_id == region_id, VisitWork.visit_id.in_(visits)),
    )


def _moments(region_id: int, order_ids: Collection[UUID]) -> Any:
    """Return every moment by which a record of some orders may belong to a day."""
    trips = (
        select(Visit.id)
        .where(Visit.region_id == region_id, Visit.order_id.in_(order_ids))
        .union(
            select(VisitWork.visit_id)
            .join(
                WorkOrder,
                and_(WorkOrder.region_id == region_id, WorkOrder.id == VisitWork.work_order_id),
            )
            .where(VisitWork.region_id == region_id, WorkOrder.order_id.in_(order_ids))
        )
        .subquery("trips")
    )
    visits = and_(Visit.region_id == region_id, Visit.id.in_(select(trips.c.id)))
    work = and_(WorkOrder.region_id == region_id, WorkOrder.order_id.in_(order_ids))
    return union(
        select(Visit.arrived_at).where(visits),
        select(Visit.ended_at).where(visits),
        select(Appointment.window_start).where(
            Appointment.region_id == region_id, Appointment.visit_id.in_(select(trips.c.id))
        ),
        select(Assignment.arrived_at).where(
            Assignment.region_id == region_id, Assignment.visit_id.in_(select(trips.c.id))
        ),
        select(WorkOrder.due_at).where(work),
        select(WorkOrder.state_since).where(work),
    )


def _undone(region_id: int, ids: Collection[UUID], within: timedelta) -> Any:
    """Return the moments of the visits at the premises that some repairs may be laid to."""
    visits = (
        select(Visit.id, Visit.ended_at)
        .join(
            WorkOrder,
            and_(WorkOrder.region_id == region_id, WorkOrder.premises_id == Visit.premises_id),
        )
        .where(
            Visit.region_id == region_id,
            WorkOrder.id.in_(ids),
            WorkOrder.kind == Kind.REPAIR.value,
            Visit.ended_at < WorkOrder.received_at,
            Visit.ended_at >= WorkOrder.received_at - within,
        )
        .subquery("before")
    )
    return union(
        select(visits.c.ended_at),
        select(Appointment.window_start)
        .join(visits, visits.c.id == Appointment.visit_id)
        .where(Appointment.region_id == region_id),
    )


async def _days_of_own(
    session: AsyncSession,
    region_id: int,
    zone: ZoneInfo,
    own: Own,
    customers: Collection[UUID],
    since: datetime,
) -> set[date]:
    """Return the days on which records that changed stand and stood, or whose customer's tier."""
    changed = await session.execute(
        select(Audit.entity_id, Audit.before).where(
            Audit.region_id == region_id,
            Audit.at >= since,
            Audit.entity == own.model.__tablename__,
        )
    )
    ids, days = set(), set()
    for row in changed:
        ids.add(row.entity_id)
        former = (row.before.get(name) for name in own.moments)
        days |= {local_day(datetime.fromisoformat(at), zone) for at in former if at}
    keys = [(own.model.id, some) for some in _some(ids)]
    keys += [(own.model.customer_id, some) for some in _some(customers)]
    for key, some in keys:
        found = await session.execute(
            select(*(getattr(own.model, name) for name in own.moments)).where(
                own.model.region_id == region_id, key.in_(some)
            )
        )
        days |= {local_day(at, zone) for row in found for at in row if at is not None}
    return days


async def _days_of_duty(session: AsyncSession, region_id: int, since: datetime) -> set[date]:
    """Return the days of the periods for which inspections were done, or had been before."""
    found = await session.execute(
        select(Inspection.level, Inspection.done_on, Audit.before["done_on"].astext.label("before"))
        .join(Audit, and_(Audit.region_id == region_id, Audit.entity_id == Inspection.id))
        .where(
            Inspection.region_id == region_id,
            Audit.at >= since,
            Audit.entity == Inspection.__tablename__,
        )
    )
    numbers = await configuration.values(session, region_id)
    days: set[date] = set()
    for row in found:
        former = row.before and date.fromisoformat(row.before)
        for done_on in {row.done_on, former} - {None}:
            months = int(numbers[EVERY[Level(row.level)].name])
            first, last = period_of(done_on, months)
            days |= {first + timedelta(days=n) for n in range((last - first).days + 1)}
    return days


async def _days_captured(
    session: AsyncSession, region_id: int, zone: ZoneInfo, ids: Collection[UUID], since: datetime
) -> set[date]:
    """Return the days on which the late changes of some plant had been captured."""
    days: set[date] = set()
    for some in _some(ids):
        found = await session.scalars(
            select(Audit.captured_at).where(
                Audit.region_id == region_id,
                Audit.entity == PLANT,
                Audit.entity_id.in_(some),
                Audit.at >= since,
                Audit.captured_at.is_not(None),
            )
        )
        days |= {local_day(at, zone) for at in found if at is not None}
    return days


async def _mark(
    session: AsyncSession,
    region_id: int,
    before: datetime,
    days: Collection[date],
    names: Collection[str] | None = None,
) -> None:
    if not days:
        return
    wanted = [RolledDay.region_id == region_id, RolledDay.day.in_(sorted(days))]
    if names is not None:
        wanted.append(RolledDay.indicator.in_(names))
    await session.execute(
        update(RolledDay)
        .where(*wanted)
        .values(stale_since=func.coalesce(RolledDay.stale_since, before))
    )


async def _mark_all(session: AsyncSession, region_id: int, before: datetime) -> None:
    await session.execute(
        update(RolledDay)
        .where(RolledDay.region_id == region_id)
        .values(stale_since=func.coalesce(RolledDay.stale_since, before))
    )
