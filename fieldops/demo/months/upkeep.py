"""How plant was looked after in the demo's three months: patrols, buildings, spot checks.

Patrols and building inspections are trips like others (trips.py); here are the plans behind them,
what they found (VI-06, CH-04), and the monthly draws that compare the record with what is there
(RE-06).
"""

import random
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from fieldops.demo.city import City, city_id
from fieldops.demo.copying import Row
from fieldops.demo.features import Feature
from fieldops.demo.months.outings import PatrolRoute, patrol_routes
from fieldops.demo.months.rows import Book, visit_key, work_key
from fieldops.demo.months.trips import Trip
from fieldops.network.models import Finding
from fieldops.network.rules import FeatureKind, FindingState, Severity
from fieldops.orders.rules import Kind
from fieldops.upkeep.models import PatrolPlan, Round, SpotCheck, SpotCheckItem
from fieldops.upkeep.rules import Result, RoundKind, draw

FOUND_ON_A_ROUND, PUT_RIGHT = 0.35, 0.4
CHECKED = ("cross_connect_cabinet", "distribution_box", "manhole", "pole")
SHARE, CHECK_EVERY = 12.0, timedelta(days=28)
DIFFERS, NOT_THERE, NOT_LOOKED_AT, NEWEST_NOT_LOOKED_AT = 0.06, 0.015, 0.03, 0.45
SUPERVISORS = {"north": "staff/supervisor.north", "south": "staff/supervisor.south"}
DEFECTS = {
    "cable": ("A branch lies on the cable.", Severity.MEDIUM),
    "cross_connect_cabinet": ("The lock of the cabinet is broken.", Severity.HIGH),
    "distribution_box": ("The door hangs by one hinge.", Severity.LOW),
    "manhole": ("Water stands above the joints.", Severity.HIGH),
    "pole": ("The pole leans towards the street.", Severity.HIGH),
    "building_cabling": ("Labels are missing on the second floor.", Severity.LOW),
}


class Upkeep:
    """Writes the plans, the rounds of trips and their findings, and the spot checks."""

    def __init__(self, book: Book, city: City, now: datetime, dice: random.Random) -> None:
        self._book, self._city, self._now, self._dice = book, city, now, dice
        self._zone = ZoneInfo(city.time_zone)
        self._plant = {feature.key: feature for feature in city.features}
        self._routes = {route.key: route for route in patrol_routes(city)}

    def write(self, trips: Iterable[Trip], days: int) -> None:
        """Add everything of the last days."""
        for route in self._routes.values():
            self._plan(route, days)
        for trip in trips:
            if trip.about is not None:
                self._round(trip, trip.about)
        for centre in SUPERVISORS:
            drawn = self._now - timedelta(days=days - 3)
            while drawn < self._now:
                self._check(centre, drawn)
                drawn += CHECK_EVERY

    def _plan(self, route: PatrolRoute, days: int) -> None:
        self._book.add(
            PatrolPlan,
            route.key,
            created_at=self._now - timedelta(days=days + 30),
            centre_id=city_id(f"unit/{route.centre}"),
            name=route.name,
            every_days=route.every_days,
            feature_ids=[str(city_id(key)) for key in route.stops],
        )

    def _round(self, trip: Trip, about: str) -> None:
        patrol = trip.kind is Kind.PATROL
        stops = self._routes[about].stops if patrol else (about,)
        last, done = trip.last, trip.last.outcome == "completed"
        visit = city_id(visit_key(trip, len(trip.goings) - 1))
        self._book.add(
            Round,
            f"{trip.key}/round",
            created_at=trip.received_at,
            updated_at=last.ended_at,
            centre_id=city_id(f"unit/{trip.centre}"),
            kind=(RoundKind.PATROL if patrol else RoundKind.INSPECTION).value,
            plan_id=city_id(about) if patrol else None,
            feature_id=None if patrol else city_id(about),
            feature_ids=[str(city_id(key)) for key in stops],
            work_order_id=city_id(work_key(trip, trip.services[0])),
            opened_at=trip.received_at,
            closed_at=last.ended_at,
            done_at=last.ended_at if done else None,
            visit_id=visit if done else None,
        )
        if done and self._dice.random() < FOUND_ON_A_ROUND:
            self._find(trip, self._plant[self._dice.choice(stops)])

    def _find(self, trip: Trip, where: Feature) -> None:
        text, severity = DEFECTS[where.kind]
        put_right = severity is Severity.LOW and self._dice.random() < PUT_RIGHT
        self._book.add(
            Finding,
            f"{trip.key}/finding",
            created_at=trip.last.ended_at,
            centre_id=city_id(f"unit/{trip.centre}"),
            feature_id=city_id(where.key),
            visit_id=city_id(visit_key(trip, len(trip.goings) - 1)),
            reporter_id=city_id(trip.last.technician.key),
            point=None,
            kind=where.kind,
            severity=severity.value,
            text=text,
            state=(FindingState.FIXED if put_right else FindingState.OPEN).value,
            captured_at=trip.last.ended_at,
        )

    # Spot checks

    def _check(self, centre: str, drawn: datetime) -> None:
        kinds = sorted(FeatureKind(kind).value for kind in CHECKED)
        plant = {
            city_id(feature.key): feature
            for feature in self._city.features
            if feature.centre == centre and feature.kind in kinds
        }
        key, seed = f"spot-check/{centre}/{drawn.date()}", f"{drawn.date()} {centre}"
        self._book.add(
            SpotCheck,
            key,
            created_at=drawn,
            centre_id=city_id(f"unit/{centre}"),
            kinds=kinds,
            seed=seed,
            share=SHARE,
            population=[str(one) for one in sorted(plant)],
            drawn_at=drawn,
            drawn_by=city_id(SUPERVISORS[centre]),
        )
        newest = drawn + CHECK_EVERY > self._now
        missed = NEWEST_NOT_LOOKED_AT if newest else NOT_LOOKED_AT
        people = [who for who in self._city.technicians if who.home_centre_key == f"unit/{centre}"]
        for number, one in enumerate(draw(plant, seed, SHARE)):
            who = city_id(people[number % 3].key)
            looked = None if self._dice.random() < missed else self._some_day_after(drawn)
            self._item(f"{key}/{number}", city_id(key), plant[one], who, drawn, looked)

    def _item(
        self,
        key: str,
        check_id: object,
        feature: Feature,
        who: object,
        drawn: datetime,
        looked: datetime | None,
    ) -> Row:
        seen = looked if looked is not None and looked < self._now else None
        result, found = self._result(feature) if seen else (None, None)
        return self._book.add(
            SpotCheckItem,
            key,
            created_at=drawn,
            updated_at=seen or drawn,
            check_id=check_id,
            feature_id=city_id(feature.key),
            centre_id=city_id(f"unit/{feature.centre}"),
            technician_id=who,
            record={
                "kind": feature.kind,
                "name": feature.name,
                "state": feature.state,
                "attributes": dict(feature.attributes),
            },
            result=result.value if result else None,
            found=found,
            person_id=who if seen else None,
            captured_at=seen,
            seen_at=seen,
        )

    def _result(self, feature: Feature) -> tuple[Result, str | None]:
        drawn = self._dice.random()
        if drawn < NOT_THERE:
            return Result.NOT_THERE, "Taken away when the street was rebuilt."
        if drawn < NOT_THERE + DIFFERS:
            return Result.DIFFERS, f"The label says another number than {feature.name}."
        return Result.MATCHES, None

    def _some_day_after(self, moment: datetime) -> datetime:
        day = moment.astimezone(self._zone).date() + timedelta(days=self._dice.randint(1, 20))
        at = time(self._dice.randint(8, 15), self._dice.randrange(60))
        return datetime.combine(day, at, self._zone).astimezone(moment.tzinfo)
