"""Appointments for the demo city, booked as a dispatcher books them: one free window after another.

The customers' wishes are spread over the coming days, so that every day has work.
"""

import asyncio
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import queries as appointments
from fieldops.appointments.models import Appointment
from fieldops.appointments.rules import OPEN_STATES
from fieldops.demo.city import City, city_id
from fieldops.demo.copying import REGION
from fieldops.kernel import clock, ledger
from fieldops.kernel.actor import Actor
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Refusal
from fieldops.kernel.ids import new_id
from fieldops.orders.models import ServiceOrder
from fieldops.organisation import queries as organisation
from fieldops.visits.models import Visit

DISPATCHER = "staff/dispatcher.night"
DAYS = 6
MOST_WINDOWS = 100
HOURS = {"morning": 9, "afternoon": 13, "evening": 16}


async def book(database: Database, city: City, wanted: int) -> int:
    """Book windows until the city has `wanted` appointments; return how many were booked.

    Visits are taken from all over the list of orders; one without a free window is left waiting,
    as it would be in the office.
    """
    async with database.transaction() as session:
        have = await session.scalar(
            select(func.count())
            .select_from(Appointment)
            .where(Appointment.region_id == REGION, Appointment.state.in_(OPEN_STATES))
        )
        missing = wanted - (have or 0)
        waiting = await _waiting(session) if missing > 0 else []
        actor = await organisation.load_actor(session, city_id(DISPATCHER), REGION)
    if actor is None or missing <= 0:
        return 0
    wishes = {order.external_id: order.requested_part for order in city.orders}
    every = max(1, len(waiting) // missing)
    asking: dict[UUID, list[tuple[Visit, datetime]]] = {}
    for number, (visit, ref) in enumerate(waiting[::every][:missing]):
        wish = _wish(clock.now(), ZoneInfo(city.time_zone), number, wishes.get(ref, "morning"))
        asking.setdefault(visit.centre_id, []).append((visit, wish))
    # Each centre has its own technicians: two dispatchers never want the same time.
    booked = await asyncio.gather(*(_book_all(database, actor, a) for a in asking.values()))
    return sum(booked)


async def _book_all(database: Database, actor: Actor, asking: list[tuple[Visit, datetime]]) -> int:
    return sum([await _book_one(database, actor, visit, wish) for visit, wish in asking])


async def _waiting(session: AsyncSession) -> list[tuple[Visit, str]]:
    """Return the visits without a window with the numbers of their orders."""
    found = await session.execute(
        select(Visit, ServiceOrder.external_ref)
        .join(
            ServiceOrder,
            and_(ServiceOrder.region_id == Visit.region_id, ServiceOrder.id == Visit.order_id),
        )
        .where(
            Visit.region_id == REGION, ServiceOrder.region_id == REGION, Visit.state == "planned"
        )
        .order_by(ServiceOrder.external_ref)
    )
    return [(visit, ref) for visit, ref in found]


def _wish(now: datetime, zone: ZoneInfo, number: int, part: str) -> datetime:
    """Return about when a customer would like the visit: one of the coming days, at their hour."""
    day = now.astimezone(zone).date() + timedelta(days=1 + number % DAYS)
    return datetime.combine(day, time(HOURS[part]), zone)


async def _book_one(database: Database, actor: Actor, visit: Visit, wish: datetime) -> bool:
    """Book the free window nearest to a wish; False when there is none."""
    now = clock.now()
    try:
        async with database.transaction() as session:
            offers = await appointments.free_windows(session, visit, now, limit=MOST_WINDOWS)
            if not offers:
                return False
            offer = min(offers, key=lambda o: abs(o.start - wish))
            args = {
                "visit_id": str(visit.id),
                "window_start": offer.start.isoformat(),
                "window_end": offer.end.isoformat(),
                "technician_ids": [str(id_) for id_ in offer.technician_ids],
                "channel": "phone",
                "customer_said": "That time suits us.",
            }
            envelope = Envelope(new_id(), "appointment.book", args)
            await ledger.once(session, actor, envelope, now)
    except Refusal:
        return False  # the customer hears that there is no time, and waits
    return True
