"""What three months of work in the demo city looked like: orders, trips, times. Pure.

Every day brings orders; each is taken by somebody of its centre with the skills, the shift and a
free window, and every technician's day is then lived through in order, so that a long job makes
the next one late. Nothing is arranged for an indicator: some technicians are later than others,
some repairs do not hold, some customers are not at home.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fieldops.demo.circuits import Service
from fieldops.demo.city import City
from fieldops.demo.months.lines import BEGINS_BEFORE_DAYS, suffering
from fieldops.demo.months.outings import Outings
from fieldops.demo.orders import SYMPTOMS
from fieldops.demo.people import Leave, StaffMember
from fieldops.orders.rules import Kind, skill_for

ORDERS_A_DAY = (38, 34, 33, 32, 30, 9, 4)
"""Orders that come in on a Monday, a Tuesday, … a Sunday."""
KINDS = {Kind.REPAIR: 75, Kind.INSTALL: 13, Kind.CHANGE: 8, Kind.MOVE: 4}
MINUTES = {
    Kind.REPAIR: 42, Kind.INSTALL: 62, Kind.CHANGE: 25, Kind.MOVE: 70,
    Kind.PATROL: 75, Kind.INSPECT: 40,
}  # fmt: skip
WAIT_DAYS = {
    Kind.REPAIR: (0, 0), Kind.INSTALL: (1, 6), Kind.CHANGE: (1, 5), Kind.MOVE: (1, 6),
    Kind.PATROL: (1, 5), Kind.INSPECT: (2, 8),
}  # fmt: skip
OPENINGS = (8, 10, 12, 14, 16)
WINDOW = timedelta(hours=2)
MOST_A_DAY = 3
QUIET_DAYS = 14
"""So many days before the present, homes with an order of the present are left alone."""
LAST_HOUR_FOR_TODAY = 14
"""Who reports a fault before this hour is gone to on the same day, while there is room."""
LATEST = 10
"""An order that found nobody for so many days was taken elsewhere and is forgotten here."""

REPORTED_EVERY = 45
"""Days after which somebody with a line that gets worse reports it again, in the mean."""
APART = 32
"""So many days lie between two matters of a line that have nothing to do with each other."""

NOBODY_HOME, WITHDRAWN = 0.045, 0.03
OUR_RESCHEDULE, OUR_SECOND, THEIR_RESCHEDULE = 0.05, 0.012, 0.06
CONFIRMED, NOTIFIED = 0.93, 0.965
FAULT_AFTER_INSTALL, FAULT_AFTER_REPAIR = 0.06, 0.06


@dataclass(frozen=True, slots=True)
class Manner:
    """How somebody works: shares of late starts and repairs that do not hold, pace of work."""

    late: float
    undone: float
    pace: float
    careless: float


@dataclass(slots=True)
class Going:
    """One time that somebody was to go to a customer; moments are UTC.

    `outcome`: completed, nobody_home or withdrawn; None while the day has not been lived through.
    """

    technician: StaffMember
    opens: datetime
    expected: datetime
    booked_at: datetime
    our_moves: int = 0
    their_moves: int = 0
    confirmed_at: datetime | None = None
    notified_at: datetime | None = None
    departed_at: datetime | None = None
    arrived_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str | None = None
    hasty: bool = False
    """Left sooner than the work can well be done."""

    @property
    def closes(self) -> datetime:
        return self.opens + WINDOW


@dataclass(slots=True)
class Trip:
    """An order with the times somebody went for it; the last one ended it.

    `about`: the route that was walked or the cabling that was inspected, of such work.
    """

    number: int
    kind: Kind
    premises_key: str
    customer_key: str
    centre: str
    services: tuple[Service, ...]
    received_at: datetime
    not_before: date
    symptom: str | None = None
    about: str | None = None
    goings: list[Going] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"past/{self.number:05d}"

    @property
    def last(self) -> Going:
        return self.goings[-1]

    @property
    def skills(self) -> frozenset[str]:
        return frozenset(skill_for(s.service, s.technology, self.kind) for s in self.services)


class Past:
    """The months before the present, drawn day by day.

    `days` before `today`, today not included. The same city, day and seed give the same past.
    """

    def __init__(self, city: City, today: date, days: int) -> None:
        self._city, self._zone = city, ZoneInfo(city.time_zone)
        self._dice = random.Random(f"{city.seed} past")
        self._first, self._today = today - timedelta(days=days), today
        self._homes = _served_homes(city)
        self._busy = {order.premises_key for order in city.orders}
        self._business = {c.key for c in city.customers if c.segment == "enterprise"}
        self._centre = {home.key: home.centre for home in city.premises}
        self.manners = {who.key: _manner(who, self._dice) for who in city.technicians}
        suffers = suffering(city)
        self._suffering = [s for s in city.services if s.key in suffers]
        self._activated: set[str] = set()
        self._disturbed: dict[str, date] = {}
        self._coming: dict[date, list[tuple[Service, ...]]] = defaultdict(list)
        self._number = 0
        self._outings = Outings(city, random.Random(f"{city.seed} outings"))

    def trips(self) -> list[Trip]:
        """Return every order that was ended before today, in the order of their arrival."""
        waiting: list[Trip] = []
        ended: list[Trip] = []
        for day in _days(self._first, self._today):
            waiting += self._received(day)
            waiting = [trip for trip in waiting if (day - trip.not_before).days <= LATEST]
            planned = self._plan(day, waiting)
            for trips in planned.values():
                self._live(trips)
            for trips in planned.values():
                for trip in trips:
                    if self._is_over(trip, day):
                        ended.append(trip)
                        waiting.remove(trip)
        return sorted(ended, key=lambda trip: trip.number)

    # What comes in

    def _received(self, day: date) -> Iterator[Trip]:
        again = self._coming.pop(day, [])
        if (self._today - day).days <= BEGINS_BEFORE_DAYS:
            again += [(s,) for s in self._suffering if self._dice.random() < 1 / REPORTED_EVERY]
        usual = ORDERS_A_DAY[day.weekday()]
        fresh = max(0, round(self._dice.gauss(usual, usual / 6)) - len(again))
        for services in again:
            yield self._trip(day, Kind.REPAIR, services)
        for kind in self._dice.choices(list(KINDS), weights=list(KINDS.values()), k=fresh):
            services = self._concerned(kind, day)
            if services:
                yield self._trip(day, kind, services)
        for outing in self._outings.on(day, (day - self._first).days):
            trip = self._trip(day, outing.kind, (outing.service,))
            trip.about = outing.about
            yield trip

    def _concerned(self, kind: Kind, day: date) -> tuple[Service, ...]:
        """Draw a home; what was activated once is neither installed nor moved again."""
        for _ in range(20):
            home = self._dice.choice(self._homes)
            if home[0].premises_key in self._busy and (self._today - day).days <= QUIET_DAYS:
                continue
            if kind in (Kind.INSTALL, Kind.MOVE):
                if any(service.key in self._activated for service in home):
                    continue
                both = len(home) > 1 and self._dice.random() < 0.5
                chosen = home if both else (self._dice.choice(home),)
                self._activated |= {service.key for service in home}
                return chosen
            service = self._dice.choice(home)
            if (day - self._disturbed.get(service.key, date.min)).days > APART:
                return (service,)
        return ()

    def _trip(self, day: date, kind: Kind, services: tuple[Service, ...]) -> Trip:
        self._number += 1
        first = services[0]
        hour = self._dice.choices(
            range(7, 21), weights=(3, 8, 12, 12, 9, 7, 9, 10, 9, 6, 4, 3, 3, 2)
        )
        at = time(hour[0], self._dice.randrange(60), self._dice.randrange(60))
        received = datetime.combine(day, at, self._zone).astimezone(UTC)
        soon, late = WAIT_DAYS[kind]
        business = first.customer_key in self._business
        wait = self._dice.randint(soon, soon if business else late)
        if kind is Kind.REPAIR:
            wait = 0 if hour[0] < LAST_HOUR_FOR_TODAY else 1
        self._disturbed |= dict.fromkeys((service.key for service in services), day)
        return Trip(
            number=self._number,
            kind=kind,
            premises_key=first.premises_key,
            customer_key=first.customer_key,
            centre=self._centre[first.premises_key],
            services=services,
            received_at=received,
            not_before=day + timedelta(days=max(wait, 0 if kind is Kind.REPAIR else 1)),
            symptom=(self._dice.choice(SYMPTOMS[first.service]) if kind is Kind.REPAIR else None),
        )

    # Who goes when

    def _plan(self, day: date, waiting: Sequence[Trip]) -> dict[str, list[Trip]]:
        """Give every order that may be done today a window, while there are any."""
        free = {who.key: self._openings(who, day) for who in self._city.technicians}
        load: dict[str, list[Trip]] = defaultdict(list)
        staff = list(self._city.technicians)
        urgent = sorted(waiting, key=lambda trip: trip.customer_key not in self._business)
        for trip in urgent:
            if trip.not_before > day:
                continue
            self._dice.shuffle(staff)
            found = next(self._takers(trip, staff, free, load), None)
            if found is None:
                continue
            who, opening = found
            free[who.key].remove(opening)
            load[who.key].append(trip)
            trip.goings.append(self._going(trip, who, opening))
        for trips in load.values():
            trips.sort(key=lambda trip: trip.last.opens)
        return load

    def _takers(
        self,
        trip: Trip,
        staff: Sequence[StaffMember],
        free: dict[str, list[datetime]],
        load: dict[str, list[Trip]],
    ) -> Iterator[tuple[StaffMember, datetime]]:
        known = trip.goings[-1].technician.home_centre_key if trip.goings else None
        centre = known or f"unit/{trip.centre}"
        for who in staff:
            skilled = trip.skills <= {held.skill for held in who.qualifications}
            if who.home_centre_key != centre or not skilled or len(load[who.key]) >= MOST_A_DAY:
                continue
            later = [opening for opening in free[who.key] if opening > trip.received_at]
            if later:
                yield who, min(later) if trip.kind is Kind.REPAIR else self._dice.choice(later)

    def _openings(self, who: StaffMember, day: date) -> list[datetime]:
        if any(_is_away(leave, day) for leave in who.leave):
            return []
        shift = next((shift for shift in who.shifts if shift.weekday == day.weekday()), None)
        if shift is None:
            return []
        return [
            datetime.combine(day, time(hour), self._zone).astimezone(UTC)
            for hour in OPENINGS
            if shift.starts <= time(hour) and time(hour + 1) < shift.ends
        ]

    def _going(self, trip: Trip, who: StaffMember, opening: datetime) -> Going:
        dice = self._dice
        booked = (
            max(trip.received_at, trip.last.ended_at or trip.received_at)
            if trip.goings
            else (trip.received_at)
        )
        going = Going(
            technician=who,
            opens=opening,
            expected=opening + timedelta(minutes=5 * dice.randint(1, 9)),
            booked_at=min(booked + timedelta(minutes=dice.randint(3, 40)), opening),
        )
        if dice.random() < OUR_RESCHEDULE:
            going.our_moves = 2 if dice.random() < OUR_SECOND / OUR_RESCHEDULE else 1
        elif dice.random() < THEIR_RESCHEDULE:
            going.their_moves = 1
        if dice.random() < CONFIRMED:
            asked = max(going.booked_at, opening - timedelta(hours=24))
            share = dice.random() * 0.6
            going.confirmed_at = _minute(asked + (opening - asked) * share)
        return going

    # How the day went

    def _live(self, trips: Sequence[Trip]) -> None:
        """Live through somebody's day: nobody is at two doors, and what is late stays late."""
        free_at: datetime | None = None
        for trip in trips:
            free_at = self._go(trip, trip.last, free_at)

    def _go(self, trip: Trip, going: Going, free_at: datetime | None) -> datetime | None:
        dice, manner = self._dice, self.manners[going.technician.key]
        if dice.random() < WITHDRAWN and not trip.goings[:-1]:
            going.outcome = "withdrawn"
            going.ended_at = _minute(max(going.booked_at, going.opens - timedelta(hours=20)))
            return free_at
        arrival = going.expected + timedelta(minutes=dice.gauss(2, 7))
        if dice.random() < manner.late:
            arrival = going.closes + timedelta(minutes=dice.randint(4, 55))
        travel = timedelta(minutes=dice.randint(6, 24))
        if free_at is not None:
            arrival = max(arrival, free_at + travel)
        going.arrived_at = _minute(max(arrival, going.opens))
        going.departed_at = _minute(going.arrived_at - travel)
        if dice.random() < NOTIFIED:
            going.notified_at = min(
                going.departed_at, going.expected - timedelta(minutes=30)
            ) + timedelta(seconds=dice.randint(2, 50))
        if dice.random() < NOBODY_HOME and len(trip.goings) < 3:
            going.outcome = "nobody_home"
            going.ended_at = _minute(going.arrived_at + timedelta(minutes=dice.randint(10, 18)))
            return going.ended_at
        going.outcome = "completed"
        going.started_at = _minute(going.arrived_at + timedelta(minutes=dice.randint(2, 7)))
        minutes = MINUTES[trip.kind] * (1 + 0.4 * (len(trip.services) - 1)) * manner.pace
        minutes *= dice.lognormvariate(0, 0.28)
        if dice.random() < manner.careless:
            going.hasty, minutes = True, dice.uniform(1, 3)
        going.ended_at = _minute(going.started_at + timedelta(minutes=minutes))
        return going.ended_at

    def _is_over(self, trip: Trip, day: date) -> bool:
        """Return whether an order is done; what does not hold comes back as a repair."""
        if trip.last.outcome == "nobody_home":
            trip.not_before = day + timedelta(days=self._dice.randint(1, 4))
            return False
        if trip.last.outcome != "completed":
            return True
        undone, days = 0.0, (1, 1)
        if trip.kind in (Kind.INSTALL, Kind.MOVE):
            undone, days = FAULT_AFTER_INSTALL, (2, 22)
        elif trip.kind is Kind.REPAIR:
            manner = self.manners[trip.last.technician.key]
            undone, days = max(FAULT_AFTER_REPAIR / 4, manner.undone), (2, 34)
        if self._dice.random() < undone:
            again = day + timedelta(days=self._dice.randint(*days))
            self._coming[again].append((self._dice.choice(trip.services),))
        return True


def _served_homes(city: City) -> list[tuple[Service, ...]]:
    """Return the services in use, home by home."""
    at: dict[str, list[Service]] = defaultdict(list)
    for service in city.services:
        if service.status == "active":
            at[service.premises_key].append(service)
    return [tuple(services) for services in at.values()]


def _manner(who: StaffMember, dice: random.Random) -> Manner:
    """Draw how somebody works; who came lately from a firm has more to learn."""
    harder = 1.6 if who.firm_key else 1.0
    return Manner(
        late=min(0.2, dice.uniform(0.005, 0.06) * harder),
        undone=min(0.3, dice.uniform(0.02, 0.13) * harder),
        pace=dice.uniform(0.85, 1.15),
        careless=0.004 * harder if dice.random() < 0.8 else 0.03,
    )


def _is_away(leave: Leave, day: date) -> bool:
    return leave.first_day <= day <= leave.last_day


def _minute(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _days(first: date, end: date) -> Iterator[date]:
    for number in range((end - first).days):
        yield first + timedelta(days=number)
