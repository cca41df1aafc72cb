"""The first part of the day: orders come in, windows are booked, the customer reconfirms."""

import re
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any

import httpx

from fieldops.demo.people import impossible_phone
from tests.journeys.day import NORTH, Day, Promise, local_day, moment
from tests.journeys.moved_clock import CITY
from tests.journeys.office import UnexpectedAnswer, made

WINDOW = timedelta(hours=2)
STEP = timedelta(minutes=15)
A_DAY = timedelta(hours=24)
OTHERS = ("moved", "cancelled", "given away")
EARLIEST_HOUR = 9  # so that the half-hour notice lies outside the quiet hours
SKILLS = {"fixed_line", "copper_broadband"}


async def orders_come_in(day: Day) -> None:
    """Take in one combined install and three repairs, by the integration client (WO-01, WO-02)."""
    day.report.step("An order for a fixed line and broadband comes in over the API")
    promise = await _combined_install(day)
    day.promises["combined"] = promise
    visit = await day.dispatcher.get(f"/v1/visits/{promise.visit_id}")
    day.check(
        "WO-02: both services of the order go into one planned visit",
        visit["state"] == "planned" and len(visit["work"]) == len(promise.work),
        visit,
    )
    for name in OTHERS:
        day.promises[name] = await _repair(day, name)
    day.report.note("Three repairs of fixed lines come in as well.")


async def _combined_install(day: Day) -> Promise:
    old, places = await _home_with_spare_pairs(day)
    phone = impossible_phone(day.choice.randrange(100_000, 900_000))
    registered = await day.integration.do(
        "/v1/customers",
        external_ref=f"C-{day.number}",
        segment="household",
        tier="silver",
        locale="en",
        centre_id=NORTH,
        contact={"name": "Vieno Lampi", "phone": phone, "email": "vieno.lampi@example.org"},
    )
    customer_id = made(registered, "customer")
    items = []
    for kind, product, rates in (
        ("fixed_line", "Home line", {}),
        ("broadband", "Copper 50/10", {"sold_down_mbps": 50, "sold_up_mbps": 10}),
    ):
        service = await day.integration.do(
            "/v1/network/services",
            premises_id=old["premises_id"],
            customer_id=customer_id,
            kind=kind,
            technology="copper",
            account=f"A-{day.number}-{kind}",
            path=places[kind],
            **rates,
        )
        items.append(
            {
                "kind": "install",
                "service": kind,
                "technology": "copper",
                "product": product,
                "service_id": made(service, "service"),
            }
        )
    return await _receive(day, "combined", customer_id, old["premises_id"], items, phone)


async def _repair(day: Day, name: str) -> Promise:
    line = await anext(_lines(day, "fixed_line"))
    items = [
        {
            "kind": "repair",
            "service": "fixed_line",
            "service_id": line["id"],
            "symptom": "noise on the line",
        }
    ]
    return await _receive(day, name, line["customer_id"], line["premises_id"], items)


async def _receive(
    day: Day,
    name: str,
    customer_id: str,
    premises_id: str,
    items: list[dict[str, Any]],
    phone: str | None = None,
) -> Promise:
    result = await day.integration.do(
        "/v1/orders",
        external_ref=f"DAY-{day.number}-{name.replace(' ', '-')}",
        customer={"id": customer_id},
        premises={"id": premises_id},
        items=items,
        wish="as soon as possible",
    )
    visit_id = made(result, "visit")
    visit = await day.dispatcher.get(f"/v1/visits/{visit_id}")
    return Promise(
        name,
        made(result, "order"),
        visit_id,
        customer_id,
        premises_id,
        items,
        visit["duration_minutes"],
        phone,
    )


async def _lines(day: Day, kind: str) -> AsyncIterator[dict[str, Any]]:
    """Yield active copper services of the North centre, each time another one first."""
    found = [
        service
        async for service in day.dispatcher.all("/v1/network/services")
        if (service["kind"], service["technology"], service["state"]) == (kind, "copper", "active")
        and service["premises_id"] not in {p.premises_id for p in day.promises.values()}
    ]
    for service in day.choice.sample(found, len(found)):
        yield service


async def _home_with_spare_pairs(day: Day) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Return a line whose box and cabinet have free pairs, and a path for each new service."""
    async for line in _lines(day, "broadband"):
        old = await day.dispatcher.get(f"/v1/network/services/{line['id']}")
        steps = [step for step in old["path"] if step["kind"] not in {"onu", "building_cabling"}]
        by_kind: dict[str, list[str]] = {}
        for step in steps:
            by_kind.setdefault(step["kind"], []).append(step["feature_id"])
        feeder = await _free(day, by_kind["cross_connect_cabinet"][0])
        spread = await _free(day, by_kind["distribution_box"][0])
        if len(feeder) < 2 or len(spread) < 3:
            continue
        paths = {}
        for number, (kind, card) in enumerate((("fixed_line", "voice"), ("broadband", "vdsl2"))):
            pairs = iter((feeder[number], spread[number]))
            shelf, port = await _free_port(day, by_kind["exchange"][0], card)
            new = {"dslam": shelf, "port": port}
            paths[kind] = [
                next(pairs) if step["kind"] == "pair" else new.get(step["kind"], step["feature_id"])
                for step in steps
            ]
        return old, paths
    raise LookupError("no copper line of the North centre has free pairs at its box and cabinet")


async def _free(day: Day, feature_id: str) -> list[str]:
    page = await day.dispatcher.get(f"/v1/network/features/{feature_id}/free-pairs", limit=10)
    return [str(pair["id"]) for pair in page["items"]]


async def _free_port(day: Day, exchange: str, card: str) -> tuple[str, str]:
    """Return a shelf of the exchange with cards of a kind, and a free port of it."""
    async for shelf in day.dispatcher.all(f"/v1/network/features/{exchange}/parts"):
        if shelf["attributes"].get("card") != card:
            continue
        async for port in day.dispatcher.all(f"/v1/network/features/{shelf['id']}/parts"):
            if port["state"] == "free":
                return str(shelf["id"]), str(port["id"])
    raise LookupError(f"no {card} shelf of the exchange has a free port")


async def windows_are_booked(day: Day) -> None:
    """Book all four visits into one technician's free day (AP-01, AP-02)."""
    day.report.step("The dispatcher looks for free windows and books")
    combined = day.promises["combined"]
    offers = (await day.dispatcher.get(f"/v1/visits/{combined.visit_id}/slots", limit=100))["items"]
    for offer in offers:
        starts = await _plan(day, offer)
        if starts is not None:
            break
    else:
        raise LookupError("no technician of the North centre has a free day")
    day.technician_id = offer["technician_ids"][0]
    day.technician = await day.dispatcher.get(f"/v1/technicians/{day.technician_id}")
    await book(day, combined, moment(offer["start"]), moment(offer["end"]))
    for name, start in zip(OTHERS, starts, strict=True):
        await book(day, day.promises[name], start, start + WINDOW)
    visit = await day.dispatcher.get(f"/v1/visits/{combined.visit_id}")
    day.check(
        "AP-01, VI-01: the visit has a free window and one technician, the customer's contact",
        visit["state"] == "dispatched"
        and [a["technician_id"] for a in visit["assignments"] if a["is_contact"]]
        == [day.technician_id],
        visit,
    )


async def _plan(day: Day, offer: dict[str, Any]) -> list[datetime] | None:
    """Return windows for the other visits on the offer's day, None when the day is too full."""
    start, end = moment(offer["start"]), moment(offer["end"])
    if len(offer["technician_ids"]) != 1 or start < day.clock.now() + A_DAY:
        return None
    if start.astimezone(CITY).hour < EARLIEST_HOUR or start.weekday() > 4:
        return None
    technician, when = offer["technician_ids"][0], local_day(start)
    board = await day.dispatcher.get("/v1/board", centre_id=NORTH, day=when.isoformat())
    if any(t["technician_id"] == technician for row in board["rows"] for t in row["technicians"]):
        return None
    minutes = timedelta(minutes=max(p.minutes for p in day.promises.values()))
    taken = [(start, max(end, start + minutes))]
    for begins, ends in await _working(day, technician, when):
        at = begins
        while at + STEP * 4 <= ends:
            if all(at + WINDOW <= first or last <= at for first, last in taken):
                taken.append((at, at + WINDOW))
            at += STEP
    starts = sorted(first for first, _ in taken[1:])
    return starts[: len(OTHERS)] if len(starts) >= len(OTHERS) else None


async def _working(day: Day, technician_id: str, when: date) -> list[tuple[datetime, datetime]]:
    found = await day.dispatcher.get(
        f"/v1/technicians/{technician_id}/calendar",
        from_day=when.isoformat(),
        to_day=when.isoformat(),
    )
    return [(moment(i["starts_at"]), moment(i["ends_at"])) for i in found]


async def book(day: Day, promise: Promise, start: datetime, end: datetime) -> None:
    """Book a visit's window with the day's technician."""
    result = await day.dispatcher.do(
        "/v1/appointments",
        visit_id=promise.visit_id,
        window_start=start.isoformat(),
        window_end=end.isoformat(),
        technician_ids=[day.technician_id],
        channel="phone",
        customer_said="That suits me well.",
    )
    promise.appointment_id = made(result, "appointment")
    visit = await day.dispatcher.get(f"/v1/visits/{promise.visit_id}")
    promise.start, promise.end, promise.due = start, end, moment(visit["expected_arrival"])
    times = f"{start.astimezone(CITY):%a %d %b %H:%M} to {end.astimezone(CITY):%H:%M}"
    day.report.note(f"{promise.name:<11} {times}  {day.technician['name']}")


async def the_customer_reconfirms(day: Day) -> None:
    """A message asks for the second confirmation; the customer answers by its link (AP-03)."""
    promise = day.promises["combined"]
    now = day.at(promise.start - A_DAY + timedelta(minutes=1))
    day.report.step(f"{now}: a day before the window the customer is asked again")
    message = await day.message(lambda m: m["to"] == promise.phone and "/a/" in m["text"])
    day.check("AP-03: the message with the link is in the outbox", message)
    if message is None:
        return
    day.report.note(f"“{message['text'][:110]}…”")
    found = re.search(r"https?://\S+", message["text"])
    link = found.group() if found else ""
    shown = await day.http.get(link)
    answer = await day.http.post(link, data={"do": "confirm"})
    if answer.status_code != httpx.codes.SEE_OTHER:
        raise UnexpectedAnswer(answer)
    appointment = await day.dispatcher.get(f"/v1/appointments/{promise.appointment_id}")
    day.check(
        "AP-04: the customer confirms by the link, and the appointment says so",
        shown.status_code == httpx.codes.OK
        and appointment["state"] == "confirmed"
        and appointment["answers"][-1]["channel"] == "text_link",
        appointment,
    )


async def the_notice_is_sent(day: Day) -> None:
    """Half an hour before the arrival the customer is told who comes (AP-05)."""
    promise = day.promises["combined"]
    now = day.at(promise.due - timedelta(minutes=30) + timedelta(seconds=5))
    day.report.step(f"{now}: half an hour before the arrival the customer is told who comes")
    certificate = day.technician["certificate_number"]
    message = await day.message(lambda m: m["to"] == promise.phone and certificate in m["text"])
    expected = f"{promise.due.astimezone(CITY):%H:%M}"
    day.check(
        "AP-05: the notice names the technician, the certificate and the expected time",
        message and day.technician["name"] in message["text"] and expected in message["text"],
        message,
    )
    if message:
        day.report.note(f"“{message['text']}”")
