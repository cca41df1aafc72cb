"""The rows of past orders, visits, promises and messages, as the rules would have left them.

Limits, priorities and kit lists are what the rules say; times and outcomes are the trips'.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fieldops.appointments import rules as promises
from fieldops.appointments.models import Appointment
from fieldops.customers.rules import Segment, Service, Task, limit_for
from fieldops.customers.standards import DEFAULTS
from fieldops.demo.circuits import Service as Line
from fieldops.demo.city import City, city_id
from fieldops.demo.copying import Row, row
from fieldops.demo.customers import Customer
from fieldops.demo.months.trips import Going, Trip
from fieldops.demo.premises import Premises
from fieldops.demo.standing import centre_id
from fieldops.kernel.geo import Point
from fieldops.notifications.models import Message
from fieldops.orders import rules as work
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.orders.rules import Kind
from fieldops.quality.rules import Check
from fieldops.visits.models import Assignment, Visit, VisitFact, VisitWork
from fieldops.visits.rules import FactKind, kit_for

PAST = "PAST-"
"""How the numbers of past orders begin."""
CHANNELS = {"phone": 60, "web_link": 25, "agent": 15}
METRE = 1 / 111_320
"""A metre northwards, in degrees."""
ODD_POSITION, FAR_METRES, FAR_AND_WRONG = 0.006, (700, 2500), 0.6
ODD_CLOCK, SET_BY_HAND = 0.004, 0.4
SIGNED = 0.97


class Book:
    """The rows to be written, by model and key, all rows of a model with the same columns.

    `wrong` has what was not as the record says: the check that should notice it, and the record
    (for a clock the visit). With it the checks' false alarms are counted (QA-05).
    """

    def __init__(self) -> None:
        self.rows: dict[Any, dict[str, Row]] = defaultdict(dict)
        self.wrong: set[tuple[Check, UUID]] = set()

    def add(self, model: Any, key: str, /, **values: Any) -> Row:
        """Add a row with the id that belongs to its key; return it."""
        made = self.rows[model][key] = row(key, **values)
        return made


@dataclass(frozen=True, slots=True)
class Done:
    """Work at one line that a visit completed; `key` is the visit's."""

    trip: Trip
    line: Line
    going: Going
    key: str
    home: Premises

    @property
    def centre_id(self) -> UUID:
        return centre_id(self.trip.centre)

    @property
    def technician_id(self) -> UUID:
        return city_id(self.going.technician.key)

    def moment(self, share: float) -> Row:
        """Return the times of what was captured at a share of the time on site."""
        started = self.going.started_at or self.going.opens
        ended = self.going.ended_at or started
        at = (started + (ended - started) * min(share, 0.98)).replace(microsecond=0)
        return {"created_at": at + timedelta(minutes=1), "captured_at": at, "estimated_at": at}


def done_of(trip: Trip, homes: Mapping[str, Premises]) -> list[Done]:
    """Return what the last visit of a trip completed, line by line."""
    if trip.last.outcome != "completed":
        return []
    key = visit_key(trip, len(trip.goings) - 1)
    home = homes[trip.premises_key]
    return [Done(trip, line, trip.last, key, home) for line in trip.services]


def visit_key(trip: Trip, number: int) -> str:
    """Return the key of an order's visit, the first is 0."""
    return f"visit/{trip.key}/{number}"


def work_key(trip: Trip, line: Line) -> str:
    """Return the key of the work order at one line."""
    return f"work/{trip.key}/{line.service}"


def write_trips(book: Book, city: City, trips: Iterable[Trip], dice: random.Random) -> None:
    """Add the rows of every trip: order, work, visits, promises, facts at the door, messages."""
    customers = {customer.key: customer for customer in city.customers}
    homes = {home.key: home for home in city.premises}
    for trip in trips:
        customer = customers[trip.customer_key]
        _order(book, trip, customer)
        for number, going in enumerate(trip.goings):
            _visit(book, trip, number, going, customer, dice)
            _promise(book, trip, number, going, customer, dice)
            if going.arrived_at is not None:
                _facts(book, trip, number, going, homes[trip.premises_key], dice)


# Orders


def _order(book: Book, trip: Trip, customer: Customer) -> None:
    last = trip.last
    done = last.outcome == "completed"
    state = work.State.CLOSED if done else work.State.CANCELLED
    book.add(
        ServiceOrder,
        trip.key,
        created_at=trip.received_at,
        updated_at=last.ended_at,
        external_ref=f"{PAST}{trip.number:05d}",
        customer_id=city_id(trip.customer_key),
        premises_id=city_id(trip.premises_key),
        centre_id=centre_id(trip.centre),
        state=state.value,
        urgency="normal",
        received_at=trip.received_at,
        closed_at=last.ended_at,
        urges=0,
    )
    stopped = _stopped_seconds(trip)
    for number, line in enumerate(trip.services, start=1):
        limit = _limit_seconds(trip.kind, customer, line)
        book.add(
            WorkOrder,
            work_key(trip, line),
            created_at=trip.received_at,
            updated_at=last.ended_at,
            order_id=city_id(trip.key),
            premises_id=city_id(trip.premises_key),
            centre_id=centre_id(trip.centre),
            number=number,
            kind=trip.kind.value,
            service=line.service,
            technology=line.technology or None,
            product=line.product or None,
            symptom=trip.symptom,
            service_id=city_id(line.key) if line.key else None,
            skill=work.skill_for(line.service, line.technology, trip.kind),
            department=work.Department.FIELD.value,
            state=state.value,
            state_since=last.ended_at,
            state_reason=None if done else "withdrawn",
            received_at=trip.received_at,
            limit_seconds=limit,
            suspended_seconds=stopped,
            due_at=work.due_at(trip.received_at, limit, stopped),
            duration_minutes=_planned_minutes(trip.kind, customer),
            priority=work.priority(trip.kind, line.service, customer.tier),
        )


def _stopped_seconds(trip: Trip) -> int:
    """Return how long the customer let the work wait: from an unopened door to the next window."""
    waits = (
        later.opens - earlier.ended_at
        for earlier, later in zip(trip.goings, trip.goings[1:], strict=False)
        if earlier.ended_at is not None
    )
    return round(sum(waits, timedelta()).total_seconds())


def _limit_seconds(kind: Kind, customer: Customer, line: Line) -> int:
    task = Task(work.TASK_OF_KIND.get(kind, "activation"))
    named = Service(line.service) if line.service in set(Service) else None
    limit = limit_for(DEFAULTS, Segment(customer.segment), customer.tier, named, task)
    if limit is None:
        raise LookupError(f"no standard for {task}")
    return limit.minutes * 60


def _planned_minutes(kind: Kind, customer: Customer) -> int:
    share = work.TIME_SHARES[Segment(customer.segment)].default
    return work.planned_minutes(work.WORK_MINUTES[kind].default, share)


# Visits


_STATE = {"completed": "completed", "nobody_home": "failed", "withdrawn": "cancelled"}
_LEFT = {"completed": "completed", "nobody_home": "new_appointment", "withdrawn": "cancelled"}
_END: dict[str, Row] = {
    "completed": {"end_reason": None, "end_cause": None, "next_step": None, "told_customer": None},
    "nobody_home": {
        "end_reason": "nobody_home",
        "end_cause": "customer",
        "next_step": "new_appointment",
        "told_customer": "A notice was left; a new appointment is asked for.",
    },
    "withdrawn": {
        "end_reason": "withdrawn",
        "end_cause": "customer",
        "next_step": "work_ended",
        "told_customer": None,
    },
}


def _visit(
    book: Book, trip: Trip, number: int, going: Going, customer: Customer, dice: random.Random
) -> None:
    key, outcome = visit_key(trip, number), going.outcome or ""
    centre, completed = centre_id(trip.centre), going.outcome == "completed"
    minutes = _planned_minutes(trip.kind, customer)
    skills = [(trip.kind.value, skill) for skill in sorted(trip.skills)]
    refused = completed and dice.random() > SIGNED
    book.add(
        Visit,
        key,
        created_at=going.booked_at,
        updated_at=going.ended_at,
        order_id=city_id(trip.key),
        premises_id=city_id(trip.premises_key),
        customer_id=city_id(trip.customer_key),
        centre_id=centre,
        former_visit_id=city_id(visit_key(trip, number - 1)) if number else None,
        state=_STATE[outcome],
        window_start=going.opens,
        window_end=going.closes,
        expected_arrival=going.expected,
        duration_minutes=minutes * len(trip.services),
        kit=kit_for(skills),
        kit_confirmed_at=going.departed_at,
        departed_at=going.departed_at,
        arrived_at=going.arrived_at,
        identity_confirmed_at=going.started_at,
        started_at=going.started_at,
        ended_at=going.ended_at,
        cancelled_at=going.ended_at if going.outcome == "withdrawn" else None,
        signature_sha256=None,
        signature_refused_reason="Would not sign on a screen." if refused else None,
        **_END[outcome],
    )
    for line in trip.services:
        book.add(
            VisitWork,
            f"{key}/{line.service}",
            visit_id=city_id(key),
            work_order_id=city_id(work_key(trip, line)),
            centre_id=centre,
            ended_at=going.ended_at,
            outcome=_LEFT[outcome],
        )
    who = going.technician
    book.add(
        Assignment,
        f"{key}/{who.key}",
        created_at=going.booked_at,
        visit_id=city_id(key),
        technician_id=city_id(who.key),
        centre_id=city_id(who.home_centre_key or who.unit_key),
        technician_name=who.name,
        is_contact=True,
        state="done" if going.arrived_at else "accepted",
        travel_seconds=_seconds(going.departed_at, going.arrived_at),
        latest_departure_at=going.expected - timedelta(minutes=25),
        assigned_at=going.booked_at,
        accepted_at=going.booked_at,
        departed_at=going.departed_at,
        arrived_at=going.arrived_at,
        started_at=going.started_at,
        ended_at=None,
    )


def _seconds(earlier: datetime | None, later: datetime | None) -> int | None:
    return None if earlier is None or later is None else round((later - earlier).total_seconds())


# Promises and messages


def _promise(
    book: Book, trip: Trip, number: int, going: Going, customer: Customer, dice: random.Random
) -> None:
    key, arrived = visit_key(trip, number), going.arrived_at
    withdrawn = going.outcome == "withdrawn"
    kept = promises.end_state(going.opens, going.closes, arrived)
    cause = "operator" if going.our_moves else "customer" if going.their_moves else None
    book.add(
        Appointment,
        key,
        created_at=going.booked_at,
        updated_at=going.ended_at,
        visit_id=city_id(key),
        customer_id=city_id(trip.customer_key),
        centre_id=centre_id(trip.centre),
        state="cancelled" if withdrawn else kept,
        window_start=going.opens,
        window_end=going.closes,
        channel=dice.choices(list(CHANNELS), weights=list(CHANNELS.values()))[0],
        customer_said="That time suits us.",
        night_visit_wanted=False,
        needs_person=customer.tier in promises.PERSON_TIERS,
        booked_at=going.booked_at,
        confirmed_at=going.confirmed_at,
        operator_reschedules=going.our_moves,
        customer_reschedules=going.their_moves,
        moved_cause=cause,
        moved_reason={"operator": "Technician ill", "customer": "Customer asked for it"}.get(
            cause or ""
        ),
        customer_contacted_at=going.booked_at if cause else None,
        contacted_in_time=True if cause else None,
    )
    asked = max(going.booked_at, going.opens - timedelta(hours=24))
    if customer.tier not in promises.PERSON_TIERS:
        _message(book, trip, number, "reconfirmation", asked, going)
    if going.notified_at is not None:
        _message(book, trip, number, "half_hour_notice", going.notified_at, going)


def _message(book: Book, trip: Trip, number: int, kind: str, at: datetime, going: Going) -> None:
    key = visit_key(trip, number)
    book.add(
        Message,
        f"{key}/{kind}",
        created_at=at,
        updated_at=at,
        visit_id=city_id(key),
        appointment_id=city_id(key),
        customer_id=city_id(trip.customer_key),
        centre_id=centre_id(trip.centre),
        kind=kind,
        dedupe_key=f"{key}/{kind}",
        state="sent",
        due_at=at,
        not_after=going.closes,
        quiet_exempt=False,
        window_start=going.opens,
        window_end=going.closes,
        expected_arrival=going.expected,
        technician_name=going.technician.name,
        certificate_number=going.technician.certificate_number,
        attempts=1,
        claimed_at=at,
        channel="file",
        ended_at=at,
    )


# What was recorded at the door


def _facts(
    book: Book, trip: Trip, number: int, going: Going, home: Premises, dice: random.Random
) -> None:
    key = visit_key(trip, number)
    metres = dice.uniform(2, 45)
    if dice.random() < ODD_POSITION:
        metres = dice.uniform(*FAR_METRES)
        if dice.random() < FAR_AND_WRONG:  # else the phone knew no newer position
            book.wrong.add((Check.POSITION_FAR, city_id(f"{key}/{FactKind.ARRIVAL}")))
    clock_off = timedelta()
    if dice.random() < ODD_CLOCK:
        clock_off = timedelta(minutes=dice.choice((-1, 1)) * dice.randint(11, 60))
        if dice.random() < SET_BY_HAND:  # else the battery was empty
            book.wrong.add((Check.CLOCK_OFF, city_id(key)))
    if going.hasty:
        book.wrong.add((Check.TOO_SHORT, city_id(key)))
    place = Point(
        type="Point",
        coordinates=(home.point[0], round(home.point[1] + metres * METRE, 7)),
    )
    in_window = going.arrived_at is not None and going.arrived_at <= going.closes
    full = dict.fromkeys(("tools", "materials", "spares", "papers"), True)
    door = dict.fromkeys(
        ("certificate_shown", "customer_confirmed", "work_explained", "covers_used"), True
    )
    for kind, at, body, point in (
        (FactKind.KIT, going.departed_at, {**full, "missing": [], "complete": True}, None),
        (FactKind.DEPARTURE, going.departed_at, {"kit_checked": True}, None),
        (
            FactKind.ARRIVAL,
            going.arrived_at,
            {"in_window": in_window, "distance_m": round(metres, 1), "accuracy_m": 8.0},
            place,
        ),
        (FactKind.IDENTITY, going.started_at, {**door, "complete": True}, None),
        (FactKind.START, going.started_at, {}, None),
        (
            FactKind.COMPLETION if going.outcome == "completed" else FactKind.FAILURE,
            going.ended_at,
            {} if going.outcome == "completed" else {"reason": "nobody_home"},
            None,
        ),
    ):
        if at is None:
            continue
        late = timedelta(minutes=dice.choice((0, 0, 0, 1, 4, 90)))
        book.add(
            VisitFact,
            f"{key}/{kind}",
            created_at=at + late,
            visit_id=city_id(key),
            technician_id=city_id(going.technician.key),
            person_id=city_id(going.technician.key),
            centre_id=centre_id(trip.centre),
            kind=kind.value,
            body=body,
            point=None if point is None else point.wkt(),
            captured_at=at + clock_off,
            estimated_at=at,
            received_at=at + late,
            clock_far_off=False,
            by_other_technician=False,
        )
