"""What customers said of past work: follow-ups, complaints, fault reports, and what was mended.

Who waited, who was called on in haste, and whose line failed again is less content than others;
the rest is chance.
"""

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fieldops.complaints import rules as complaining
from fieldops.complaints.models import Complaint, ComplaintEntry, ComplaintVisit
from fieldops.complaints.rules import Department, EntryKind, Grade, Topic
from fieldops.demo.city import City, city_id
from fieldops.demo.copying import Row
from fieldops.demo.customers import Customer
from fieldops.demo.months.rows import Book, visit_key
from fieldops.demo.months.trips import Trip
from fieldops.demo.standing import centre_id
from fieldops.faults.models import FaultReport
from fieldops.followups import rules as asking
from fieldops.followups.models import AskedMatter, CareTask, FollowUp
from fieldops.followups.rules import Satisfaction
from fieldops.orders.rules import Kind
from fieldops.retention.models import RepairTask
from fieldops.retention.rules import Sign

AGENT, SUPERVISOR = "staff/agent.one", "staff/supervisor.region"
STILL_OPEN = timedelta(days=4)
"""What came up in the last days before the present is still being worked on."""
ANSWERED_AFTER = (4, 15, 40, 150, 900, 2400)
"""Minutes from the question to the answer."""
UNREACHED, VERY = 0.06, 0.42
CONTACT_LATE, ANSWER_LATE, TASK_LATE = 0.07, 0.06, 0.12
JUSTIFIED = 0.62
COMPLAINTS = {
    # what went wrong: the matter, and the customer's words
    "late": (Topic.APPOINTMENT, "We waited the whole window and nobody came."),
    "hasty": (Topic.WORKMANSHIP, "He was gone after two minutes and nothing works."),
    "again": (Topic.FAULT, "The same fault is back, for the second time this month."),
    None: (Topic.SPEED, "It is slower than what we pay for."),
}
REASONS = {"late": "appointment_missed", "hasty": "not_solved", "again": "not_solved"}


class Voices:
    """Draws what customers said of the trips, and writes it down."""

    def __init__(self, book: Book, city: City, now: datetime, dice: random.Random) -> None:
        self._book, self._now, self._dice = book, now, dice
        self._zone = ZoneInfo(city.time_zone)
        self._customers = {customer.key: customer for customer in city.customers}
        self._repaired: dict[str, datetime] = {}
        self._tasks: dict[str, datetime] = {}

    def hear(self, trips: Iterable[Trip]) -> None:
        """Write what was said of all trips, in the order they were ended."""
        for trip in sorted(trips, key=lambda trip: trip.last.ended_at or trip.last.opens):
            if trip.kind is Kind.REPAIR:
                self._report(trip)
            if trip.last.outcome == "completed" and trip.last.ended_at is not None:
                grief = self._grief(trip)
                if grief == "late":
                    self._task(trip, Sign.MISSED_APPOINTMENT, "yellow", trip.last.closes)
                self._ask(trip, trip.last.ended_at, grief)
                self._complain(trip, trip.last.ended_at, grief)

    def _grief(self, trip: Trip) -> str | None:
        """Return what went wrong on a trip, None for nothing."""
        last, line = trip.last, trip.services[0].key
        before = self._repaired.get(line)
        self._repaired[line] = last.opens
        if last.arrived_at is not None and last.arrived_at > last.closes:
            return "late"
        if last.hasty:
            return "hasty"
        if trip.kind is Kind.REPAIR and before and last.opens - before < timedelta(days=30):
            return "again"
        return None

    # Fault reports

    def _report(self, trip: Trip) -> None:
        self._book.add(
            FaultReport,
            f"{trip.key}/report",
            created_at=trip.received_at,
            customer_id=city_id(trip.customer_key),
            premises_id=city_id(trip.premises_key),
            order_id=city_id(trip.key),
            centre_id=centre_id(trip.centre),
            service_id=city_id(trip.services[0].key),
            channel="phone",
            symptom=trip.symptom,
            reporter_id=city_id(AGENT),
            reported_at=trip.received_at,
        )

    # Follow-ups

    def _ask(self, trip: Trip, ended: datetime, grief: str | None) -> None:
        if trip.kind.value not in asking.FOLLOWED:
            return
        dice, customer = self._dice, self._customers[trip.customer_key]
        person = asking.by_person(customer.segment, customer.tier)
        ask_at = self._by_day(ended + timedelta(hours=2))
        answered = self._by_day(
            ask_at + timedelta(minutes=dice.choice((4, 15, 40, 150, 900, 2400)))
        )
        said = None if dice.random() < UNREACHED else self._satisfaction(grief)
        row = self._follow_up(trip, customer, ended, ask_at)
        if answered > self._now:
            return
        row["updated_at"] = answered
        if said is None:
            row |= {"state": "unreached", "tries": 3, "tried_at": answered}
            return
        by_call = person or said is Satisfaction.DISSATISFIED or dice.random() < 0.3
        row |= {
            "state": "answered",
            "satisfaction": said.value,
            "answered_at": answered,
            "answered_by": city_id(AGENT) if by_call else None,
            "answer_channel": "person" if by_call else dice.choice(("link", "reply")),
        }
        if said is Satisfaction.DISSATISFIED:
            row["reason"] = REASONS.get(grief or "") or dice.choice(list(asking.reasons()))
            self._care(trip, row, answered)

    def _satisfaction(self, grief: str | None) -> Satisfaction:
        if self._dice.random() < (0.035 if grief is None else 0.5):
            return Satisfaction.DISSATISFIED
        very = self._dice.random() < (VERY if grief is None else VERY / 3)
        return Satisfaction.VERY_SATISFIED if very else Satisfaction.SATISFIED

    def _follow_up(self, trip: Trip, customer: Customer, ended: datetime, ask_at: datetime) -> Row:
        person = asking.by_person(customer.segment, customer.tier)
        who = trip.last.technician
        to_call = person or self._now - ask_at > timedelta(hours=4)
        self._asked(trip, "order_id", trip.key)
        return self._book.add(
            FollowUp,
            f"{trip.key}/follow-up",
            created_at=ended,
            updated_at=ended,
            customer_id=city_id(trip.customer_key),
            centre_id=centre_id(trip.centre),
            order_id=city_id(trip.key),
            visit_id=city_id(visit_key(trip, len(trip.goings) - 1)),
            technician_id=city_id(who.key),
            firm_id=city_id(who.firm_key) if who.firm_key else None,
            matter=trip.kind.value,
            channel="person" if person else "message",
            state="to_call" if to_call else "waiting",
            finished_at=ended,
            ask_at=ask_at,
            call_at=ask_at,
            due_at=asking.due_at(ask_at, self._zone),
            latest_at=ended + timedelta(days=3),
            tries=0,
            tried_at=None,
            satisfaction=None,
            reason=None,
            answered_at=None,
            answered_by=None,
            answer_channel=None,
        )

    def _asked(self, trip: Trip, matter: str, key: str) -> None:
        """Note that a matter is asked about by the trip's follow-up (FO-04)."""
        ids = {"order_id": None, "complaint_id": None, matter: city_id(key)}
        self._book.add(
            AskedMatter,
            f"{key}/asked",
            created_at=trip.last.ended_at,
            follow_up_id=city_id(f"{trip.key}/follow-up"),
            centre_id=centre_id(trip.centre),
            **ids,
        )

    def _care(self, trip: Trip, asked: Row, answered: datetime) -> None:
        closed = self._mended(answered, timedelta(hours=24))
        self._book.add(
            CareTask,
            f"{trip.key}/care",
            created_at=answered,
            updated_at=closed or answered,
            follow_up_id=asked["id"],
            customer_id=asked["customer_id"],
            centre_id=asked["centre_id"],
            opened_at=answered,
            due_at=answered + timedelta(hours=24),
            taken_by=city_id(AGENT),
            taken_at=answered + timedelta(minutes=10),
            closed_at=closed,
            closed_by=city_id(AGENT) if closed else None,
            spoken_by="phone" if closed else None,
            said="It is all right now, thank you." if closed else None,
            outcome="Called, apologised, and it was put right." if closed else None,
            customer_agreed=True if closed else None,
        )
        self._task(trip, Sign.DISSATISFIED, "red", answered)

    # Complaints

    def _complain(self, trip: Trip, ended: datetime, grief: str | None) -> None:
        dice = self._dice
        if trip.kind.value not in asking.FOLLOWED:
            return
        if dice.random() >= (0.006 if grief is None else 0.2):
            return
        arrived = self._by_day(ended + timedelta(hours=dice.randint(2, 30)))
        if arrived > self._now - timedelta(hours=1):
            return
        serious = dice.random() < 0.12
        grade = Grade.SERIOUS if serious else Grade.GENERAL
        limit = timedelta(hours=complaining.LIMITS[grade].default)
        contacted = arrived + timedelta(minutes=dice.randint(8, 110))
        if dice.random() < CONTACT_LATE:
            contacted = arrived + timedelta(minutes=dice.randint(130, 400))
        share = dice.uniform(1.05, 1.6) if dice.random() < ANSWER_LATE else dice.uniform(0.1, 0.9)
        closed = arrived + limit * share
        row = self._complaint(trip, arrived, grade, grief, limit)
        if contacted <= self._now:
            row["contacted_at"] = contacted
            self._entry(row, trip, EntryKind.CONTACT, AGENT, contacted)
        if closed <= self._now:
            self._answer(row, trip, closed)

    def _complaint(
        self, trip: Trip, arrived: datetime, grade: Grade, grief: str | None, limit: timedelta
    ) -> Row:
        topic, words = COMPLAINTS[grief]
        key = f"{trip.key}/complaint"
        row = self._book.add(
            Complaint,
            key,
            created_at=arrived,
            customer_id=city_id(trip.customer_key),
            centre_id=centre_id(trip.centre),
            order_id=city_id(trip.key),
            channel=self._dice.choice(("phone", "phone", "message", "web")),
            grade=grade.value,
            topic=topic.value,
            words=words,
            wants_report=False,
            state="handled",
            arrived_at=arrived,
            contact_due_at=arrived + timedelta(hours=2),
            contacted_at=None,
            due_at=arrived + limit,
            department=Department.CARE.value,
            owner_id=city_id(AGENT),
            handling_department=Department.CARE.value,
            handler_id=city_id(AGENT),
            answer=None,
            answered_at=None,
            reply=None,
            closed_at=None,
            justified=None,
            serious=None,
            decided_at=None,
            decided_by=None,
            decision_note=None,
            responsible_technician_id=None,
            responsible_department=None,
        )
        self._book.add(
            ComplaintVisit,
            f"{key}/visit",
            created_at=arrived,
            complaint_id=row["id"],
            visit_id=city_id(visit_key(trip, len(trip.goings) - 1)),
            centre_id=row["centre_id"],
        )
        return row

    def _answer(self, row: Row, trip: Trip, closed: datetime) -> None:
        """Answer, reply and decide; the last days' decisions are still to be made."""
        row |= {
            "state": "closed",
            "answer": "Looked into with the technician; the visit was repeated.",
            "answered_at": closed - timedelta(minutes=30),
            "reply": "We are sorry. It has been put right, and we told you how.",
            "closed_at": closed,
        }
        self._entry(row, trip, EntryKind.ANSWER, AGENT, closed - timedelta(minutes=30))
        self._entry(row, trip, EntryKind.REPLY, AGENT, closed)
        self._asked(trip, "complaint_id", f"{trip.key}/complaint")
        decided = closed + timedelta(hours=20)
        if decided > self._now - STILL_OPEN:
            return
        justified = self._dice.random() < JUSTIFIED
        row |= {
            "justified": justified,
            "serious": justified and row["grade"] == Grade.SERIOUS.value,
            "decided_at": decided,
            "decided_by": city_id(SUPERVISOR),
            "decision_note": "Seen in the evidence of the visit.",
        }
        if justified:
            row["responsible_technician_id"] = city_id(trip.last.technician.key)
            self._task(trip, Sign.JUSTIFIED_COMPLAINT, "red", decided)

    def _entry(self, row: Row, trip: Trip, kind: EntryKind, who: str, at: datetime) -> None:
        self._book.add(
            ComplaintEntry,
            f"{trip.key}/complaint/{kind.value}",
            created_at=at,
            complaint_id=row["id"],
            centre_id=row["centre_id"],
            kind=kind.value,
            by_id=city_id(who),
            department=Department.CARE.value,
            channel="phone",
            reached=True,
            at=at,
        )

    # Mending

    def _task(self, trip: Trip, sign: Sign, colour: str, at: datetime) -> None:
        """Write the task of a customer whom something happened to, unless one is open then."""
        if at > self._now - STILL_OPEN or self._tasks.get(trip.customer_key, at) > at:
            return  # the job opens what is new
        due = at + timedelta(days=3)
        closed = self._mended(at, timedelta(days=3)) or due
        self._tasks[trip.customer_key] = closed
        self._book.add(
            RepairTask,
            f"{trip.key}/mending/{sign.value}",
            created_at=at,
            updated_at=closed,
            customer_id=city_id(trip.customer_key),
            centre_id=centre_id(trip.centre),
            colour=colour,
            sign=sign.value,
            sign_at=at,
            opened_at=at,
            due_at=due,
            owner_id=city_id(AGENT),
            closed_at=closed,
            customer_said="Thank you for calling; it works now.",
            settled=True,
        )

    def _mended(self, since: datetime, limit: timedelta) -> datetime | None:
        share = self._dice.uniform(0.1, 0.95)
        if self._dice.random() < TASK_LATE:
            share = self._dice.uniform(1.05, 1.8)
        at = self._by_day(since + limit * share)
        return at if at <= self._now else None

    def _by_day(self, moment: datetime) -> datetime:
        """Return the moment, or the next morning when it lies in the night (AP-09)."""
        local = moment.astimezone(self._zone)
        if local.hour >= 20 or local.hour < 9:
            days = 1 if local.hour >= 20 else 0
            local = (local + timedelta(days=days)).replace(hour=9, minute=self._dice.randrange(59))
        return local.astimezone(moment.tzinfo)
