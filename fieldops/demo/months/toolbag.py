"""The tools of the demo city and their calibrations (ORG-05): who holds what, until when it counts.

Most instruments were calibrated in time; two were forgotten, some are due soon, one is lost.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from fieldops.demo.city import City, city_id
from fieldops.demo.months.rows import Book
from fieldops.demo.people import StaffMember
from fieldops.organisation.models import Calibration, Tool
from fieldops.organisation.rules import InstrumentState, ToolKind

YEAR = timedelta(days=365)
FORGOTTEN, LOST, UNREGISTERED = 2, 1, 1
"""So many line testers are past their calibration, ladders lost, line testers on no list."""
MODELS = {
    # what it is: its model, and whether its measurements count only calibrated
    ToolKind.LINE_TESTER: ("LT-40", True),
    ToolKind.SPEED_TESTER: ("ST-1000", True),
    ToolKind.OPTICAL_POWER_METER: ("PM-20", True),
    ToolKind.LADDER: ("LD-4", False),
    ToolKind.FUSION_SPLICER: ("FS-60", False),
    ToolKind.OTDR: ("OT-200", True),
    ToolKind.CABLE_LOCATOR: ("CL-8", False),
}
IN_STORE = (ToolKind.FUSION_SPLICER, ToolKind.OTDR, ToolKind.CABLE_LOCATOR, ToolKind.LINE_TESTER)
CALIBRATED_WITH = {"copper_broadband": ToolKind.LINE_TESTER, "fibre": ToolKind.OPTICAL_POWER_METER}


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument in somebody's bag and the days of its calibrations."""

    serial: str
    calibrated: tuple[tuple[date, date], ...]

    def state(self, day: date) -> InstrumentState:
        """Return what a measurement of a day is worth."""
        if not self.calibrated:
            return InstrumentState.UNKNOWN
        valid = any(first <= day <= last for first, last in self.calibrated)
        return InstrumentState.VALID if valid else InstrumentState.PAST_DUE


Bags = dict[tuple[str, ToolKind], Instrument]


def fill_bags(book: Book, city: City, now: datetime, dice: random.Random) -> Bags:
    """Add the tools with their calibrations; return each technician's instruments."""
    today, bags = now.date(), Bags()
    testers = [who for who in city.technicians if _wants(who, ToolKind.LINE_TESTER)]
    chosen = dice.sample(testers, FORGOTTEN + UNREGISTERED)
    forgotten, unregistered = set(chosen[:FORGOTTEN]), set(chosen[FORGOTTEN:])
    lost = set(dice.sample(city.technicians, LOST))
    offered = dice.choice(city.technicians)
    for who in city.technicians:
        for kind in MODELS:
            if not _wants(who, kind):
                continue
            tester = kind is ToolKind.LINE_TESTER
            held = (
                _calibrated(today, dice, forgotten=tester and who in forgotten)
                if MODELS[kind][1]
                else ()
            )
            serial = f"{MODELS[kind][0]}-{who.key[-2:]}{dice.randrange(1000):03d}"
            if tester and who in unregistered:
                bags[who.key, kind] = Instrument(serial, ())
                continue
            bags[who.key, kind] = Instrument(serial, held)
            is_lost = kind is ToolKind.LADDER and who in lost
            tool = _tool(book, kind, serial, who.home_centre_key or "", held, now)
            tool |= {
                "holder_id": city_id(who.key),
                "held_since": now - timedelta(days=dice.randint(100, 900)),
                "lost_at": now - timedelta(days=6) if is_lost else None,
                "lost_how": "Left at a building site, gone the next morning." if is_lost else None,
            }
    for centre in ("unit/north", "unit/south"):
        for kind in IN_STORE:
            held = _calibrated(today, dice) if MODELS[kind][1] else ()
            serial = f"{MODELS[kind][0]}-S{dice.randrange(10_000):04d}"
            tool = _tool(book, kind, serial, centre, held, now)
            if kind is ToolKind.LINE_TESTER and offered.home_centre_key == centre:
                tool |= {"offered_to_id": city_id(offered.key), "offered_at": now}
    return bags


def _wants(who: StaffMember, kind: ToolKind) -> bool:
    skills = {held.skill for held in who.qualifications}
    if kind in (ToolKind.SPEED_TESTER, ToolKind.LADDER):
        return True
    if kind is ToolKind.LINE_TESTER:
        return bool(skills & {"copper_broadband", "fixed_line"})
    return kind is ToolKind.OPTICAL_POWER_METER and "fibre" in skills


def _calibrated(
    today: date, dice: random.Random, *, forgotten: bool = False
) -> tuple[tuple[date, date], ...]:
    """Return the last calibrations, a year each, one after the other or with one left out."""
    ends = today + timedelta(days=dice.randint(4, 360))
    if forgotten:
        ends = today - timedelta(days=dice.randint(20, 60))
    first = ends - YEAR
    return ((first - YEAR, first - timedelta(days=1)), (first, ends))


def _tool(
    book: Book,
    kind: ToolKind,
    serial: str,
    centre: str,
    calibrated: Sequence[tuple[date, date]],
    now: datetime,
) -> dict[str, object]:
    key = f"tool/{serial}"
    for number, (first, last) in enumerate(calibrated):
        book.add(
            Calibration,
            f"{key}/{number}",
            tool_id=city_id(key),
            centre_id=city_id(centre),
            calibrated_on=first,
            valid_until=last,
            certificate_number=f"CAL-{first.year}-{serial}",
        )
    model, needs = MODELS[kind]
    return book.add(
        Tool,
        key,
        created_at=now - 3 * YEAR,
        centre_id=city_id(centre),
        kind=kind.value,
        serial=serial,
        model=model,
        needs_calibration=needs,
        calibrated_until=calibrated[-1][1] if calibrated else None,
        holder_id=None,
        held_since=None,
        offered_to_id=None,
        offered_at=None,
        lost_at=None,
        lost_how=None,
    )
