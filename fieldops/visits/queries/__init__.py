"""Reads and locks of visits, their work, technicians and facts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Select, Uuid, and_, any_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.models import Premises
from fieldops.files.models import FileLink
from fieldops.kernel import geo
from fieldops.kernel.direct import given, once
from fieldops.kernel.errors import NotFound
from fieldops.kernel.gathering import gathered, hanging_on
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one, lock_one
from fieldops.kernel.rows import Reading, read, reading, tuples, write_pending
from fieldops.orders import queries as orders
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.visits import policy, rules
from fieldops.visits.models import Assignment, Notice, Visit, VisitFact, VisitWork


async def visit(session: AsyncSession, scope: Scope, visit_id: UUID) -> Visit:
    """Return a visit of the scope; raises NotFound."""
    return await find_one(
        session, select(Visit).where(policy.visible(scope), Visit.id == visit_id), "visit"
    )


@lru_cache(maxsize=64)
def _locking(shape: Scope, *, ever: bool) -> tuple[Reading, Reading]:
    """Return the statements that lock the orders of some visits of a scope, then the visits."""
    named: Any = any_(given("visit_ids", ARRAY(Uuid())))
    scope = shape.placeholders()
    wanted = and_(policy.visible(scope, ever=ever), Visit.id == named)
    of_them = select(Visit.order_id).where(wanted)
    lock_orders = (
        select(ServiceOrder)
        .where(ServiceOrder.region_id == scope.region_id, ServiceOrder.id.in_(of_them))
        .order_by(ServiceOrder.id)
    )
    lock_visits = select(Visit).where(wanted).order_by(Visit.id)
    return (
        reading(ServiceOrder, lock_orders.with_for_update(), anew=True),
        reading(Visit, lock_visits.with_for_update(), anew=True),
    )


async def lock_visit(
    session: AsyncSession, scope: Scope, visit_id: UUID, *, ever: bool = False
) -> Visit:
    """Return a visit of the scope, locked; its order is locked first.

    `ever` includes visits that a technician has lost meanwhile. The visits that the commands of
    a push name are locked together. Raises NotFound.
    """
    known = gathered(session)
    visible = known.facts.setdefault((lock_visit, scope, ever), set())
    if visit_id not in visible:
        ids = [i for i in known.together("visit_id", visit_id) if i not in visible]
        orders_of, visits_of = _locking(scope.shape, ever=ever)
        of = {**scope.values, "visit_ids": ids}
        await write_pending(session)
        known.lock(await read(session, orders_of, of))
        found = await read(session, visits_of, of)
        known.lock(found)
        visible |= {row.id for row in found}
    row = known.held(Visit, visit_id)
    if visit_id not in visible or row is None:
        raise NotFound(thing="visit")
    return row


async def lock_any_visit(session: AsyncSession, region_id: int, visit_id: UUID) -> Visit:
    """Return a visit, locked, whose order the caller has locked and judged; raises NotFound."""
    return await lock_one(
        session, select(Visit).where(Visit.region_id == region_id, Visit.id == visit_id), "visit"
    )


async def lock_visits_of_order(
    session: AsyncSession, region_id: int, order_id: UUID
) -> list[Visit]:
    """Return an order's visits that have not ended, locked, oldest first."""
    found = await session.scalars(
        select(Visit)
        .where(Visit.region_id == region_id, Visit.order_id == order_id, Visit.ended_at.is_(None))
        .order_by(Visit.id)
        .with_for_update()
    )
    return list(found)


async def order_of(session: AsyncSession, region_id: int, order_id: UUID) -> ServiceOrder:
    """Return the order of a visit that the caller has judged already."""
    found: ServiceOrder | None = await session.get(ServiceOrder, (region_id, order_id))
    if found is None:
        raise NotFound(thing="order")
    return found


def visible_visits(
    scope: Scope,
    *,
    states: Collection[str] = (),
    order_id: UUID | None = None,
    technician_id: UUID | None = None,
    starts: datetime | None = None,
    ends: datetime | None = None,
) -> Select[Visit]:
    """Return the statement for the visits of a scope by id.

    `starts` and `ends` limit the start of the window, the end not included.
    """
    statement = select(Visit).where(policy.visible(scope)).order_by(Visit.id)
    if states:
        statement = statement.where(Visit.state.in_(states))
    if order_id is not None:
        statement = statement.where(Visit.order_id == order_id)
    if starts is not None:
        statement = statement.where(Visit.window_start >= starts)
    if ends is not None:
        statement = statement.where(Visit.window_start < ends)
    if technician_id is not None:
        statement = statement.where(
            select(Assignment.id)
            .where(
                Assignment.region_id == scope.region_id,
                Assignment.visit_id == Visit.id,
                Assignment.technician_id == technician_id,
                Assignment.ended_at.is_(None),
            )
            .exists()
        )
    return statement


async def present(
    session: AsyncSession, region_id: int, visit_ids: Collection[UUID]
) -> list[Assignment]:
    """Return the technicians now assigned to some visits, the contact first."""
    found = [
        row
        for row in await hanging_on(session, Assignment.visit_id, region_id, visit_ids)
        if row.ended_at is None
    ]
    return sorted(found, key=lambda row: (row.visit_id, not row.is_contact, row.id))


async def assignments(session: AsyncSession, region_id: int, visit_id: UUID) -> list[Assignment]:
    """Return all technicians a visit ever had, oldest first."""
    return await hanging_on(session, Assignment.visit_id, region_id, [visit_id])


async def visit_work(
    session: AsyncSession, region_id: int, visit_id: UUID
) -> list[tuple[VisitWork, WorkOrder]]:
    """Return all work a visit had, with how it left the visit."""
    entries = await hanging_on(session, VisitWork.visit_id, region_id, [visit_id])
    rows = await orders.work_by_id(session, region_id, [row.work_order_id for row in entries])
    found = [(entry, rows[entry.work_order_id]) for entry in entries]
    return sorted(found, key=lambda pair: pair[1].number)


async def open_work(
    session: AsyncSession, region_id: int, visit_id: UUID
) -> list[tuple[VisitWork, WorkOrder]]:
    """Return the work that is open on a visit (for rules of higher modules)."""
    found = await visit_work(session, region_id, visit_id)
    return [(work, order) for work, order in found if work.ended_at is None]


async def visits_of_work(
    session: AsyncSession, region_id: int, work_order_ids: Collection[UUID]
) -> list[VisitWork]:
    """Return on which visits work orders are open, by visit."""
    found = await session.scalars(
        select(VisitWork)
        .where(
            VisitWork.region_id == region_id,
            VisitWork.work_order_id.in_(work_order_ids),
            VisitWork.ended_at.is_(None),
        )
        .order_by(VisitWork.visit_id, VisitWork.id)
    )
    return list(found)


async def last_visits_of_technician(
    session: AsyncSession, region_id: int, technician_id: UUID, work_order_ids: Collection[UUID]
) -> list[UUID]:
    """Return the newest visit of each work order that a technician ever had."""
    found = await session.execute(
        select(VisitWork.work_order_id, VisitWork.visit_id)
        .join(
            Assignment,
            and_(
                Assignment.region_id == VisitWork.region_id,
                Assignment.visit_id == VisitWork.visit_id,
            ),
        )
        .where(
            VisitWork.region_id == region_id,
            Assignment.region_id == region_id,
            VisitWork.work_order_id.in_(work_order_ids),
            Assignment.technician_id == technician_id,
        )
        .order_by(VisitWork.visit_id)
    )
    newest = {work_order_id: visit_id for work_order_id, visit_id in found}  # noqa: C416 - rows
    return [newest[id_] for id_ in work_order_ids if id_ in newest]


async def facts(
    session: AsyncSession, region_id: int, visit_id: UUID, kinds: Collection[str] = ()
) -> list[VisitFact]:
    """Return what was seen and done on a visit, in the order of when it happened."""
    statement = (
        select(VisitFact)
        .where(VisitFact.region_id == region_id, VisitFact.visit_id == visit_id)
        .order_by(VisitFact.estimated_at, VisitFact.id)
    )
    if kinds:
        statement = statement.where(VisitFact.kind.in_(kinds))
    return list(await session.scalars(statement))


async def premises_position(
    session: AsyncSession, region_id: int, premises_id: UUID
) -> geo.Position:
    """Return where a visit goes, as (longitude, latitude)."""
    known = gathered(session)
    if premises_id not in known.facts.setdefault(premises_position, {}):
        ids = {premises_id, *(row.premises_id for row in known.all_held(Visit))}
        # No command of a technician moves premises.
        of = {"region_id": region_id, "ids": list(ids)}
        found = await tuples(session, once(_positions), of)
        known.facts[premises_position] |= {id_: (x, y) for id_, x, y in found}
    position: geo.Position | None = known.facts[premises_position].get(premises_id)
    if position is None:
        raise NotFound(thing="premises")
    return position


def _positions() -> Select[Any]:
    longitude, latitude = func.ST_X(Premises.point), func.ST_Y(Premises.point)
    return select(Premises.id, longitude, latitude).where(
        Premises.region_id == given("region_id", Integer()),
        Premises.id == any_(given("ids", ARRAY(Uuid()))),
    )


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a technician is before a visit: another visit's place."""

    arrival: datetime
    position: geo.Position


async def stops_before(
    session: AsyncSession,
    region_id: int,
    technician_ids: Collection[UUID],
    from_: datetime,
    until: datetime,
) -> dict[UUID, Stop]:
    """Return each technician's last visit that is expected in [from_, until)."""
    found = await session.execute(
        select(Assignment.technician_id, Visit.expected_arrival, Premises.point)
        .join(Visit, and_(Visit.region_id == Assignment.region_id, Visit.id == Assignment.visit_id))
        .join(
            Premises, and_(Premises.region_id == Visit.region_id, Premises.id == Visit.premises_id)
        )
        .where(
            Assignment.region_id == region_id,
            Visit.region_id == region_id,
            Premises.region_id == region_id,
            Assignment.technician_id.in_(technician_ids),
            Assignment.ended_at.is_(None),
            Visit.state != rules.State.CANCELLED,
            Visit.expected_arrival >= from_,
            Visit.expected_arrival < until,
        )
        .order_by(Visit.expected_arrival)
    )
    return {
        technician_id: Stop(arrival, geo.position_of(point))
        for technician_id, arrival, point in found
        if arrival is not None
    }


async def lock_next(
    session: AsyncSession,
    region_id: int,
    technician_ids: Collection[UUID],
    after: datetime,
    until: datetime,
) -> list[tuple[Assignment, Visit]]:
    """Return each technician's first visit expected in (after, until) that they have not left for.

    Their assignments are locked; one that another transaction holds is left out.
    """
    found = await session.execute(
        select(Assignment.technician_id, Assignment.id, Visit)
        .join(Visit, and_(Visit.region_id == Assignment.region_id, Visit.id == Assignment.visit_id))
        .where(
            Assignment.region_id == region_id,
            Visit.region_id == region_id,
            Assignment.technician_id.in_(technician_ids),
            Assignment.ended_at.is_(None),
            Assignment.departed_at.is_(None),
            Visit.ended_at.is_(None),
            Visit.expected_arrival > after,
            Visit.expected_arrival < until,
        )
        .order_by(Visit.expected_arrival.desc(), Visit.id)
    )
    first = {technician_id: (id_, visit) for technician_id, id_, visit in found}
    if not first:
        return []
    visits = dict(first.values())
    locked = await session.scalars(
        select(Assignment)
        .where(Assignment.region_id == region_id, Assignment.id.in_(sorted(visits)))
        .order_by(Assignment.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return [(row, visits[row.id]) for row in locked]


async def contacts_of_order(
    session: AsyncSession, region_id: int, order_id: UUID
) -> list[Assignment]:
    """Return the contacts of an order's visits: of those to come first, soonest first (VI-01)."""
    found = await session.scalars(
        select(Assignment)
        .join(Visit, and_(Visit.region_id == Assignment.region_id, Visit.id == Assignment.visit_id))
        .where(
            Assignment.region_id == region_id,
            Visit.region_id == region_id,
            Visit.order_id == order_id,
            Visit.state != rules.State.CANCELLED,
            Assignment.ended_at.is_(None),
            Assignment.is_contact,
        )
        .order_by(Visit.ended_at.is_not(None), Visit.expected_arrival, Visit.id)
    )
    return list(found)


async def signature_promised(
    session: AsyncSession, region_id: int, visit_id: UUID, sha256: str
) -> bool:
    """Return whether a file link of the visit promises the signature's content."""
    found = await session.scalar(
        select(FileLink.id)
        .where(
            FileLink.region_id == region_id,
            FileLink.visit_id == visit_id,
            FileLink.sha256 == sha256,
            FileLink.purpose == "signature",
        )
        .limit(1)
    )
    return found is not None


async def lock_notice(
    session: AsyncSession, region_id: int, technician_id: UUID, notice_id: UUID
) -> Notice:
    """Return a technician's own notice, locked; raises NotFound."""
    return await lock_one(
        session,
        select(Notice).where(
            Notice.region_id == region_id,
            Notice.technician_id == technician_id,
            Notice.id == notice_id,
        ),
        "notice",
    )


async def visits_ahead(
    session: AsyncSession,
    region_id: int,
    technician_id: UUID,
    from_: datetime,
    until: datetime | None = None,
) -> list[Visit]:
    """Return a technician's visits that have not ended and overlap a time, soonest first.

    The time of a visit is its window and the planned work, which may go on past the window's end.
    """
    works_until = Visit.expected_arrival + func.make_interval(0, 0, 0, 0, 0, Visit.duration_minutes)
    statement = (
        select(Visit)
        .join(
            Assignment,
            and_(Assignment.region_id == Visit.region_id, Assignment.visit_id == Visit.id),
        )
        .where(
            Visit.region_id == region_id,
            Assignment.region_id == region_id,
            Assignment.technician_id == technician_id,
            Assignment.ended_at.is_(None),
            Visit.ended_at.is_(None),
            func.greatest(Visit.window_end, works_until) > from_,
        )
        .order_by(Visit.expected_arrival, Visit.id)
        .limit(rules.MOST_WARNED)
    )
    if until is not None:
        statement = statement.where(Visit.window_start < until)
    return list(await session.scalars(statement))
