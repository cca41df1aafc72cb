"""The service orders of the demo city: 400 over two weeks, 60 of them fixed line plus broadband."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from fieldops.demo.circuits import Service
from fieldops.demo.demand import COPPER_RATES, FIBRE_RATES, Demand, product_name

DAYS = 14
ZONE = ZoneInfo("Europe/Helsinki")
WEEKDAY_WEIGHTS = (12, 11, 10, 10, 9, 4, 2)
OFFICE_HOURS = {8: 8, 9: 12, 10: 12, 11: 9, 12: 7, 13: 9, 14: 10, 15: 9, 16: 6, 17: 4}
ALL_HOURS = OFFICE_HOURS | {6: 1, 7: 3, 18: 4, 19: 4, 20: 3, 21: 2, 22: 1, 23: 1, 0: 1}
CHANNELS = {"agent": 45, "web": 35, "shop": 12, "partner_api": 8}
SYMPTOMS = {
    "fixed_line": ("no dial tone", "noise on the line", "cannot be called", "calls drop"),
    "broadband": (
        "no connection",
        "connection drops several times a day",
        "much slower than sold",
        "modem does not train",
        "wireless does not reach the whole flat",
    ),
}


@dataclass(frozen=True)
class OrderItem:
    """One service of an order (WO-01). Rates in Mbit/s, for broadband only."""

    number: int
    service_key: str
    service: str
    kind: str
    product: str
    technology: str
    down_mbit_s: int | None
    up_mbit_s: int | None
    symptom: str | None


@dataclass(frozen=True)
class ServiceOrder:
    """One order as the customer's system would send it; `external_id` is its number there.

    `priority` is the class of WO-06: major_fault, repair, move_install or other. `received_at` is
    UTC. `requested_day` and `requested_part` (morning, afternoon, evening) are the customer's wish.
    """

    key: str
    external_id: str
    kind: str
    combined: bool
    customer_key: str
    premises_key: str
    from_premises_key: str | None
    centre: str
    priority: str
    channel: str
    received_at: datetime
    requested_day: date
    requested_part: str
    items: tuple[OrderItem, ...]


@dataclass(frozen=True)
class _Draft:
    demand: Demand
    services: tuple[Service, ...]
    kind: str
    received_at: datetime


def build_orders(
    demands: tuple[Demand, ...],
    services: tuple[Service, ...],
    centre_of: dict[str, str],
    rng: random.Random,
    start: date,
) -> tuple[ServiceOrder, ...]:
    """One order for every planned premises, numbered in the order of their arrival.

    `centre_of` gives the centre of each premises; received times lie in [start, start + 14 days).
    """
    at: dict[str, list[Service]] = {}
    for service in services:
        at.setdefault(service.premises_key, []).append(service)
    drafts = []
    for demand in demands:
        if demand.plan is None:
            continue
        kind = demand.plan.split("_")[0]
        theirs = _concerned(demand.plan, at[demand.premises_key], rng)
        drafts.append(_Draft(demand, theirs, kind, _arrival(kind, start, rng)))
    drafts.sort(key=lambda draft: (draft.received_at, draft.demand.premises_key))
    return tuple(
        _order(number, draft, centre_of[draft.demand.premises_key], rng)
        for number, draft in enumerate(drafts, start=1)
    )


def _concerned(plan: str, services: list[Service], rng: random.Random) -> tuple[Service, ...]:
    """Installs and moves bring what is planned; the other orders are about one service in use."""
    if plan.startswith(("install", "move")):
        return tuple(service for service in services if service.status == "planned")
    return (rng.choice([service for service in services if service.status == "active"]),)


def _arrival(kind: str, start: date, rng: random.Random) -> datetime:
    """Most orders come on weekdays in office hours; faults are reported in the evening too."""
    days = [start + timedelta(days=n) for n in range(DAYS)]
    day = rng.choices(days, weights=[WEEKDAY_WEIGHTS[day.weekday()] for day in days])[0]
    hours = ALL_HOURS if kind == "repair" else OFFICE_HOURS
    hour = rng.choices(list(hours), weights=list(hours.values()))[0]
    local = datetime(
        day.year,
        day.month,
        day.day,
        hour,
        rng.randrange(60),
        rng.randrange(60),
        tzinfo=ZONE,
    )
    return local.astimezone(UTC)


def _order(number: int, draft: _Draft, centre: str, rng: random.Random) -> ServiceOrder:
    received_on = draft.received_at.astimezone(ZONE).date()
    wait = rng.randint(0, 1) if draft.kind == "repair" else rng.randint(2, 6)
    external_id = f"DEMO-{number:05d}"
    return ServiceOrder(
        key=f"order/{external_id}",
        external_id=external_id,
        kind=draft.kind,
        combined=len(draft.services) == 2,
        customer_key=draft.demand.customer_key,
        premises_key=draft.demand.premises_key,
        from_premises_key=draft.demand.from_premises_key,
        centre=centre,
        priority=_priority(draft.kind, rng),
        channel=rng.choices(list(CHANNELS), weights=list(CHANNELS.values()))[0],
        received_at=draft.received_at,
        requested_day=received_on + timedelta(days=wait),
        requested_part=rng.choices(("morning", "afternoon", "evening"), weights=(45, 40, 15))[0],
        items=tuple(
            _item(line, draft.kind, service, rng)
            for line, service in enumerate(draft.services, start=1)
        ),
    )


def _priority(kind: str, rng: random.Random) -> str:
    if kind == "repair":
        return "major_fault" if rng.random() < 0.06 else "repair"
    return "move_install" if kind in {"install", "move"} else "other"


def _item(number: int, kind: str, service: Service, rng: random.Random) -> OrderItem:
    product, down, up = service.product, service.down_mbit_s, service.up_mbit_s
    if kind == "change" and service.service == "broadband":
        rates = FIBRE_RATES if service.technology == "fibre" else COPPER_RATES
        down, up = rng.choice([rate for rate in rates if rate != (down, up)])
        product = product_name(service.technology, down, up)
    elif kind == "change":
        product = f"{product} with a new number"
    return OrderItem(
        number=number,
        service_key=service.key,
        service=service.service,
        kind=kind,
        product=product,
        technology=service.technology,
        down_mbit_s=down,
        up_mbit_s=up,
        symptom=rng.choice(SYMPTOMS[service.service]) if kind == "repair" else None,
    )
