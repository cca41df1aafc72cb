"""Put the demo city into a database: `load_city`.

The standing world is written through the models in bulk (standing.py). Orders come in by the
orders' own import, so that the rules plan their visits; a good part of them is then booked
into free windows by appointment.book, each customer as a dispatcher would.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

import fieldops.modules  # noqa: F401 - importing it registers every command and reaction
from fieldops.checklists.commands import ensure_standard_templates
from fieldops.customers.standards import ensure_defaults as ensure_standards
from fieldops.demo import bookings, standing
from fieldops.demo.city import TIME_ZONE, City, city_id
from fieldops.demo.copying import REGION
from fieldops.demo.months.rows import PAST
from fieldops.demo.months.writing import load_months
from fieldops.demo.orders import ServiceOrder as CityOrder
from fieldops.demo.standing import premises_ref
from fieldops.files.disk import Disk
from fieldops.kernel import clock
from fieldops.kernel.actor import system
from fieldops.kernel.db import Database
from fieldops.kernel.ledger import LedgerEntry
from fieldops.orders import importing
from fieldops.orders.commands.catalogue import lay_out_reasons
from fieldops.orders.models import ServiceOrder
from fieldops.organisation.commands.accounts import passwords
from fieldops.organisation.models import Unit
from fieldops.quality.commands.filling import ensure_standard_forms

DEMO_PASSWORD = "demo-password"  # noqa: S105 - printed by the demo and written in docs/demo.md
SEED = 7
WEEK = timedelta(days=7)
STEPS = 32  # how often `say` is called by a whole load, for a progress bar

Say = Callable[[str, int], None]


def _silently(_what: str, _count: int) -> None:
    pass


@dataclass
class LoadReport:
    """How many rows of each kind were loaded; empty when the city was there already."""

    loaded: dict[str, int] = field(default_factory=dict)
    orders_refused: list[str] = field(default_factory=list)


def city_start(today: date) -> date:
    """Return the start to build the city with: its two weeks of calendars lie around today."""
    return today - WEEK


def today() -> date:
    """Return the present day in the city."""
    return clock.local_day(clock.now(), ZoneInfo(TIME_ZONE))


async def latest_moment(database: Database) -> datetime | None:
    """Return when the newest command was received, None before the first: time goes on from it."""
    async with database.transaction() as session:
        found: datetime | None = await session.scalar(
            select(func.max(LedgerEntry.received_at)).where(LedgerEntry.region_id == REGION)
        )
    return found


async def is_loaded(database: Database) -> bool:
    """Return whether the database holds the city's region."""
    async with database.transaction() as session:
        found = await session.scalar(
            select(Unit.id).where(Unit.kind == "region", Unit.region_number == REGION)
        )
    return found is not None


async def load_city(
    database: Database,
    city: City,
    *,
    password: str = DEMO_PASSWORD,
    appointments: int = 90,
    disk: Disk | None = None,
    say: Say = _silently,
) -> LoadReport:
    """Load a city into an empty, migrated database; what is there already stays as it is.

    With a `disk` for its pictures it also gets three months of past work. Every account gets
    `password`; about `appointments` visits are booked from now on. An
    interrupted load is taken up by the next call: the standing world is one transaction, the
    orders are known by their numbers, and only what is missing is booked.
    """
    report = LoadReport()

    def note(what: str, count: int) -> None:
        report.loaded[what] = count
        say(what, count)

    if not await is_loaded(database):
        async with database.transaction() as session:
            await ensure_standards(session)
            await lay_out_reasons(session)
            await ensure_standard_templates(session)
            await ensure_standard_forms(session)
            await standing.write(session, city, passwords.hash(password), note)
    if disk is not None:
        await load_months(database, city, disk, note)
    if await _orders(database) < len(city.orders):
        # Centres do not share rows: two imports at once use both the database and this process.
        halves = [
            importing.import_lines(database, system(REGION), order_lines(city, centre))
            for centre in ("north", "south")
        ]
        for imported in await asyncio.gather(*halves):
            report.orders_refused += [f"{bad.code}: {bad.reason}" for bad in imported.bad]
        note("orders", await _orders(database))
    booked = await bookings.book(database, city, appointments)
    if booked:
        note("appointments", booked)
    return report


async def _orders(database: Database) -> int:
    async with database.transaction() as session:
        counted = await session.scalar(
            select(func.count())
            .select_from(ServiceOrder)
            .where(
                ServiceOrder.region_id == REGION,
                ServiceOrder.external_ref.not_like(f"{PAST}%"),
            )
        )
    return counted or 0


def order_lines(city: City, centre: str | None = None) -> Iterator[str]:
    """Yield the city's orders (of one centre) as lines of an order file, two weeks of them."""
    numbers = {customer.key: customer.number for customer in city.customers}
    for order in city.orders:
        if centre in (None, order.centre):
            yield json.dumps(_order_line(order, numbers[order.customer_key]))


def _order_line(order: CityOrder, customer_number: str) -> dict[str, Any]:
    """Return one order as the import takes it.

    The city's orders arrive within the two weeks at its start; a week earlier they have all
    arrived by the day the demo is loaded.
    """
    urgent = order.priority == "major_fault"
    return {
        "external_ref": order.external_id,
        "customer": {"external_ref": customer_number},
        "premises": {"external_ref": premises_ref(order.premises_key)},
        "urgency": "major_fault" if urgent else "normal",
        "wish": f"{order.requested_part}, ordered by {order.channel.replace('_', ' ')}",
        "received_at": (order.received_at - WEEK).isoformat(),
        "items": [
            {
                "kind": item.kind,
                "service": item.service,
                "technology": item.technology,
                "product": item.product,
                "symptom": item.symptom,
                "service_id": str(city_id(item.service_key)),
            }
            for item in order.items
        ],
    }
