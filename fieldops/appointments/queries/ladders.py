"""Reads of the ladder: a region's steps, its versions, and whom they are for."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import ladders, rules
from fieldops.appointments.models import Appointment, Ladder
from fieldops.customers.models import Customer
from fieldops.kernel import configuration
from fieldops.kernel.errors import NotFound
from fieldops.kernel.gathering import gathered
from fieldops.kernel.permissions import Scope
from fieldops.visits.models import Visit
from fieldops.visits.rules import State as VisitState

AHEAD = (VisitState.SCHEDULED, VisitState.DISPATCHED, VisitState.ACCEPTED, VisitState.EN_ROUTE)


def versions(scope: Scope) -> Select[Ladder]:
    """Return the statement for a region's published ladders, by id."""
    return select(Ladder).where(Ladder.region_id == scope.region_id).order_by(Ladder.id)


async def newest(session: AsyncSession, region_id: int) -> Ladder | None:
    """Return the ladder a region published last, None while it follows the shipped one."""
    found: Ladder | None = await session.scalar(
        select(Ladder).where(Ladder.region_id == region_id).order_by(Ladder.number.desc()).limit(1)
    )
    return found


async def shipped(session: AsyncSession, region_id: int) -> ladders.Steps:
    """Return the shipped ladder with the region's numbers (AP-03, AP-04, AP-05)."""
    return ladders.default(
        await configuration.duration(session, region_id, rules.RECONFIRM_BEFORE),
        await configuration.duration(session, region_id, rules.CALL_BEFORE),
        await configuration.duration(session, region_id, rules.NOTICE_BEFORE),
    )


async def steps(session: AsyncSession, region_id: int) -> ladders.Steps:
    """Return the ladder that counts in a region."""
    own = await newest(session, region_id)
    return ladders.read(own.steps) if own else await shipped(session, region_id)


async def steps_for(
    session: AsyncSession, region_id: int, customer_id: UUID | None
) -> list[tuple[str, ladders.Step]]:
    """Return a customer's steps, each with the name by which nobody gets one twice (AP-10).

    One statement for all visits at hand: segment and tier (CU-01) with the region's ladder. A
    visit to plant has no customer and no steps.
    """
    if customer_id is None:
        return []
    known = gathered(session).facts
    key = (Ladder, customer_id)
    if key not in known:
        own = (
            select(Ladder.steps)
            .where(Ladder.region_id == region_id)
            .order_by(Ladder.number.desc())
            .limit(1)
            .scalar_subquery()
        )
        wanted = _customers_at_hand(session, region_id) | {customer_id}
        with session.no_autoflush:
            found = await session.execute(
                select(Customer.id, Customer.segment, Customer.tier, own.label("own")).where(
                    Customer.region_id == region_id, Customer.id.in_(sorted(wanted))
                )
            )
        for id_, segment, tier, body in found:
            ladder = ladders.read(body) if body else await shipped(session, region_id)
            known[Ladder, id_] = ladders.named(ladder, segment, tier)
    if key not in known:
        raise NotFound(thing="customer")
    mine: list[tuple[str, ladders.Step]] = known[key]
    return mine


def _customers_at_hand(session: AsyncSession, region_id: int) -> set[UUID]:
    """Return the customers of the visits that this transaction has read."""
    rows = gathered(session).rows.values()
    here = (v.customer_id for v in rows if isinstance(v, Visit) and v.region_id == region_id)
    return {id_ for id_ in here if id_ is not None}


async def visits_ahead(
    session: AsyncSession, region_id: int, now: datetime, after: UUID | None, limit: int
) -> list[UUID]:
    """Return visits whose customers may still be told something, by id, so many at a time."""
    statement = select(Visit.id).where(
        Visit.region_id == region_id, Visit.state.in_(AHEAD), Visit.window_end > now
    )
    if after is not None:
        statement = statement.where(Visit.id > after)
    return list(await session.scalars(statement.order_by(Visit.id).limit(limit)))


async def promised_visits(session: AsyncSession, region_id: int, customer_id: UUID) -> list[UUID]:
    """Return the visits that a customer is promised now, by id."""
    found = await session.scalars(
        select(Appointment.visit_id)
        .where(
            Appointment.region_id == region_id,
            Appointment.customer_id == customer_id,
            Appointment.state.in_(rules.OPEN_STATES),
        )
        .order_by(Appointment.visit_id)
    )
    return list(found)
