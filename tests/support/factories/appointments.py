"""Visits that wait for an appointment, and appointments booked by the module's own verb."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.orders.commands.catalogue import lay_out_reasons
from fieldops.visits.models import Visit
from tests.support.factories.customers import make_customer, make_premises
from tests.support.run import first_id, run
from tests.support.world import NORTH, id_of

HELSINKI = ZoneInfo("Europe/Helsinki")
FIXED = {"kind": "install", "service": "fixed_line"}
BROADBAND = {"kind": "install", "service": "broadband", "technology": "copper"}

_numbers = count(1)


def local(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of November 2026 in Helsinki; the clock stands at Monday the 23rd, 8:00."""
    return datetime(2026, 11, day, hour, minute, tzinfo=HELSINKI).astimezone(UTC)


@dataclass(frozen=True)
class Planned:
    visit_id: UUID
    order_id: UUID
    customer_id: UUID


async def planned_visit(
    database: Database,
    actor: Actor,
    *,
    items: tuple[dict[str, Any], ...] = (FIXED,),
    longitude: float = 24.941,
    centre_id: UUID = NORTH,
    **customer: Any,
) -> Planned:
    """A visit for a new order of a new customer, without a window yet."""
    async with database.transaction() as session:
        await lay_out_reasons(session)
        who = await make_customer(session, centre_id=centre_id, **customer)
        where = await make_premises(session, centre_id=centre_id, longitude=longitude)
    result = await run(
        database,
        actor,
        "order.receive",
        external_ref=f"A{next(_numbers)}",
        customer={"id": str(who.id)},
        premises={"id": str(where.id)},
        items=list(items),
    )
    order_id = first_id(result, "order")
    async with database.transaction() as session:
        visit_id = await session.scalar(
            select(Visit.id).where(
                Visit.region_id == actor.region_id,
                Visit.order_id == order_id,
                Visit.ended_at.is_(None),
            )
        )
    assert visit_id is not None
    return Planned(visit_id, order_id, who.id)


def window(start: datetime, hours: float = 2) -> dict[str, Any]:
    """A window's two arguments."""
    return {
        "window_start": start.isoformat(),
        "window_end": (start + timedelta(hours=hours)).isoformat(),
    }


async def book(
    database: Database,
    actor: Actor,
    visit_id: UUID,
    start: datetime,
    *technicians: str,
    **changes: Any,
) -> UUID:
    """Book a window of two hours with technicians by name; returns the appointment's id."""
    args = {
        **window(start),
        "visit_id": str(visit_id),
        "technician_ids": [str(id_of(name)) for name in technicians or ("alice",)],
        "channel": "phone",
        "customer_said": "That suits me.",
        **changes,
    }
    return first_id(await run(database, actor, "appointment.book", **args), "appointment")
