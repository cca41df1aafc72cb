"""Materials and gifts of the demo's three months (CH-03): issued, used on visits, counted, limited.

Every Monday a van is filled up to its level; what a visit uses follows from its work. Now and then
more is used than the limit allows, a count differs, or a use was recorded wrongly.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from fieldops.demo.city import City, city_id
from fieldops.demo.copying import Row
from fieldops.demo.months.rows import Book, visit_key
from fieldops.demo.months.trips import Trip
from fieldops.materials.models import Material, MaterialMovement, MaterialStock
from fieldops.materials.rules import SIGN, MeasuredIn, Movement, Use, allowed
from fieldops.orders.rules import Kind
from fieldops.visits.models import Visit

STILL_OPEN = timedelta(days=10)
"""Uses beyond their limit of the last days are still to be decided."""
GENEROUS, DIFFERS, CORRECTED, UNFILLED, GIVEN, EVERY_VISIT = 0.07, 0.12, 0.012, 0.1, 0.3, 0.75
BY_THE_WAY, TAKEN = 2, "CONNECTOR"
"""So many technicians take this from colleagues, and nobody records that it was issued to them."""
STORE = {"north": "staff/dispatcher.north", "south": "staff/dispatcher.south"}
REGION_DESK = "staff/supervisor.region"


@dataclass(frozen=True, slots=True)
class Article:
    """A material: how it is called and counted, how full a van is of it, the most for a visit."""

    code: str
    zh: str
    en: str
    unit: MeasuredIn
    level: float
    most: tuple[tuple[Kind | None, float], ...] = ()
    use: Use = Use.WORK


ARTICLES = (
    Article("CABLE-2P", "室内双绞线", "Indoor cable, two pairs", MeasuredIn.METRE, 220,
            ((Kind.REPAIR, 20), (None, 40))),
    Article("FIBRE-PATCH", "光纤跳线", "Fibre patch cord", MeasuredIn.PIECE, 14, ((None, 2),)),
    Article("OUTLET", "面板插座", "Outlet", MeasuredIn.PIECE, 16, ((None, 3),)),
    Article("CONNECTOR", "接线子", "Wire connector", MeasuredIn.PIECE, 90),
    Article("FILTER", "分离器", "Line filter", MeasuredIn.PIECE, 12, ((None, 2),)),
    Article("LAN-5M", "五米网线", "Patch cable, five metres", MeasuredIn.PIECE, 14, ((None, 2),)),
    Article("UMBRELLA", "雨伞", "Umbrella", MeasuredIn.PIECE, 6, ((None, 1),), Use.GIFT),
    Article("NIGHT-LIGHT", "小夜灯", "Night light", MeasuredIn.PIECE, 6, ((None, 1),), Use.GIFT),
)  # fmt: skip
WORK = {article.code: article for article in ARTICLES if article.use is Use.WORK}
GIFTS = [article for article in ARTICLES if article.use is Use.GIFT]


class Stores:
    """Moves materials through the weeks and keeps each technician's balance."""

    def __init__(self, book: Book, city: City, now: datetime, dice: random.Random) -> None:
        self._book, self._city, self._now, self._dice = book, city, now, dice
        self._zone = ZoneInfo(city.time_zone)
        self._homes = {
            who.key: city_id(who.home_centre_key or who.unit_key) for who in city.technicians
        }
        self._tiers = {customer.key: customer.tier for customer in city.customers}
        self._limits: dict[str, list[Row]] = {}
        self._balance: dict[tuple[str, str], float] = defaultdict(float)
        self._counted: dict[tuple[str, str], datetime] = {}
        self._number = 0
        people = [who.key for who in city.technicians]
        self._by_the_way = frozenset(dice.sample(people, BY_THE_WAY))

    def move(self, trips: Iterable[Trip]) -> None:
        """Add the catalogue, every movement of the weeks that the trips lie in, and the stocks."""
        for article in ARTICLES:
            self._define(article)
        done = sorted(
            (trip for trip in trips if trip.last.outcome == "completed"),
            key=lambda trip: trip.last.ended_at or trip.last.opens,
        )
        weekly = self._weekly(done[0].last.opens) if done else iter(())
        at, act = next(weekly, (self._now, None))
        for trip in done:
            while act is not None and at < (trip.last.ended_at or trip.last.opens):
                act(at)
                at, act = next(weekly, (self._now, None))
            self._use(trip)
        for (who, code), balance in self._balance.items():
            self._stock(who, code, balance)

    def _weekly(self, first: datetime) -> Iterator[tuple[datetime, Callable[[datetime], None]]]:
        """Yield what is done on every Monday morning and Friday afternoon since a moment."""
        local = first.astimezone(self._zone)
        day = local.date() - timedelta(days=local.weekday())
        while (filled := datetime.combine(day, time(7, 20), self._zone)) < self._now:
            yield filled, self._fill_up
            counted = datetime.combine(day + timedelta(days=4), time(15, 20), self._zone)
            if counted < self._now:
                yield counted, self._count
            day += timedelta(days=7)

    # The catalogue

    def _define(self, article: Article) -> None:
        limits = [
            {"work_kind": None if kind is None else kind.value, "tier": None, "most": most}
            for kind, most in article.most
        ]
        self._limits[article.code] = limits
        self._book.add(
            Material,
            f"material/{article.code}",
            code=article.code,
            name_zh=article.zh,
            name_en=article.en,
            use=article.use.value,
            unit=article.unit.value,
            limits=limits,
        )

    # What is moved

    def _fill_up(self, at: datetime) -> None:
        for who in self._city.technicians:
            if self._dice.random() < UNFILLED:
                continue  # was away, or forgot it
            centre = (who.home_centre_key or "").removeprefix("unit/")
            for article in ARTICLES:
                if article.code == TAKEN and who.key in self._by_the_way:
                    continue
                missing = article.level - self._balance[who.key, article.code]
                if missing > article.level * 0.4:
                    self._add(
                        who.key, article, Movement.ISSUE, round(missing), at, by=STORE[centre]
                    )

    def _use(self, trip: Trip) -> None:
        dice, last = self._dice, trip.last
        for code, quantity in self._wanted(trip):
            if dice.random() > EVERY_VISIT:
                continue
            extra = dice.choice((2, 3)) if dice.random() < GENEROUS else 1
            row = self._on_visit(trip, WORK[code], quantity * extra)
            if dice.random() < CORRECTED and last.ended_at is not None:
                self._correct(trip, WORK[code], row)
        visit = self._book.rows[Visit][visit_key(trip, len(trip.goings) - 1)]
        if trip.kind in (Kind.INSTALL, Kind.MOVE) and dice.random() < GIVEN:
            count = 2 if dice.random() < GENEROUS else 1
            row = self._on_visit(trip, dice.choice(GIFTS), count)
            row["signature_sha256"] = visit["signature_sha256"]
            row["signature_refused_reason"] = visit["signature_refused_reason"]

    def _wanted(self, trip: Trip) -> list[tuple[str, float]]:
        dice, first = self._dice, trip.services[0]
        new = trip.kind in (Kind.INSTALL, Kind.MOVE)
        if trip.kind not in (Kind.INSTALL, Kind.MOVE, Kind.REPAIR):
            return []
        if first.technology == "fibre":
            found = [("FIBRE-PATCH", 1.0)] if new or dice.random() < 0.35 else []
        elif new or dice.random() < 0.45:
            found = [
                ("CABLE-2P", float(dice.randint(4, 26) if new else dice.randint(2, 14))),
                ("CONNECTOR", float(dice.randint(2, 8))),
            ]
        else:
            found = [("CONNECTOR", float(dice.randint(1, 4)))]
        if new:
            found.append(("OUTLET", 1.0))
            found.append(("LAN-5M", 1.0))
        elif first.technology == "copper" and dice.random() < 0.2:
            found.append(("FILTER", 1.0))
        return found

    def _on_visit(self, trip: Trip, article: Article, quantity: float) -> Row:
        last, tier = trip.last, self._tiers[trip.customer_key]
        used_at = last.ended_at or last.opens
        row = self._add(
            last.technician.key, article, Movement.USE, quantity, used_at, by=last.technician.key
        )
        row["visit_id"] = city_id(visit_key(trip, len(trip.goings) - 1))
        row["centre_id"] = city_id(f"unit/{trip.centre}")
        row["captured_at"] = used_at
        most = allowed(self._limits[article.code], {trip.kind.value}, tier)
        if most is not None and quantity > most:
            row["allowed"] = most
            self._decide(row, used_at)
        return row

    def _decide(self, row: Row, used_at: datetime) -> None:
        if used_at > self._now - STILL_OPEN:
            return
        right = self._dice.random() < 0.7
        row |= {
            "accepted": right,
            "decided_by": city_id(REGION_DESK),
            "decided_at": used_at + timedelta(hours=self._dice.randint(15, 60)),
            "decision_reason": "A long way to the cabinet." if right else "Not needed for this.",
        }

    def _correct(self, trip: Trip, article: Article, used: Row) -> None:
        row = self._add(
            trip.last.technician.key, article, Movement.CORRECTION, -1.0,
            used["estimated_at"], by=REGION_DESK,
        )  # fmt: skip
        row |= {
            "corrects_id": used["id"],
            "visit_id": used["visit_id"],
            "centre_id": used["centre_id"],
            "note": "One less, by the technician's own word.",
        }

    def _count(self, at: datetime) -> None:
        """Count some vans on a Friday, and hand back what is too much."""
        for who in self._city.technicians:
            if self._dice.random() > 0.25:
                continue
            for article in ARTICLES:
                expected = self._balance[who.key, article.code]
                found = max(0.0, expected)
                if self._dice.random() < DIFFERS:
                    found = max(0.0, expected + self._dice.choice((-2, -1, -1, 1)))
                row = self._add(who.key, article, Movement.COUNT, found, at, by=who.key)
                row["expected"] = expected
                if found > article.level:
                    self._add(
                        who.key, article, Movement.HAND_BACK, found - article.level,
                        at + timedelta(minutes=20), by=who.key,
                    )  # fmt: skip

    def _add(
        self, who: str, article: Article, kind: Movement, quantity: float, at: datetime, *, by: str
    ) -> Row:
        self._number += 1
        place = (who, article.code)
        if kind is Movement.COUNT:
            self._balance[place], self._counted[place] = quantity, at
        else:
            self._balance[place] += SIGN[kind] * quantity
        return self._book.add(
            MaterialMovement,
            f"movement/{self._number}",
            created_at=at,
            technician_id=city_id(who),
            material_id=city_id(f"material/{article.code}"),
            centre_id=self._homes[who],
            visit_id=None,
            kind=kind.value,
            quantity=quantity,
            expected=None,
            corrects_id=None,
            note=None,
            person_id=city_id(by),
            captured_at=None,
            estimated_at=at,
            allowed=None,
            accepted=None,
            decided_by=None,
            decided_at=None,
            decision_reason=None,
            signature_sha256=None,
            signature_refused_reason=None,
        )

    def _stock(self, who: str, code: str, balance: float) -> None:
        self._book.add(
            MaterialStock,
            f"stock/{who}/{code}",
            technician_id=city_id(who),
            material_id=city_id(f"material/{code}"),
            centre_id=self._homes[who],
            balance=balance,
            counted_at=self._counted.get((who, code)),
        )
