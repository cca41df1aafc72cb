"""What past visits measured: tests, and health records with their readings.

Readings are flagged and explained by the rules of HR-02, with the neighbours on the box as they
were known then.
"""

import random
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from fieldops.demo.circuits import Service
from fieldops.demo.city import city_id
from fieldops.demo.copying import Row
from fieldops.demo.months.lines import Line, box_of
from fieldops.demo.months.rows import Book, Done
from fieldops.demo.months.toolbag import Bags
from fieldops.health import places, rules
from fieldops.health.models import HealthReading, HealthRecord
from fieldops.health.rules import BROADBAND, LikelyPlace, Reading, Sold
from fieldops.measurements.models import LineTest, SpeedTest
from fieldops.measurements.rules import Needed, needed
from fieldops.organisation.rules import InstrumentState, ToolKind
from fieldops.quality.rules import Check

LIMITS = rules.Limits()
TERMINAL = {"fibre": "ONT", "copper": "VDSL"}
METER = {"fibre": ToolKind.OPTICAL_POWER_METER}
COPIED, UNNAMED = 0.004, 0.03


class Instruments:
    """Measures the lines as they are on a day, and keeps their health records."""

    def __init__(
        self, book: Book, lines: Mapping[str, Line], bags: Bags, dice: random.Random
    ) -> None:
        self._book, self._lines, self._bags, self._dice = book, lines, bags, dice
        self._records: dict[str, Row] = {}
        self._worse: dict[str, dict[str, bool]] = defaultdict(dict)
        self._last_test: dict[str, Row] = {}

    def measure(self, done: Done) -> Reading:
        """Add the tests that the work needs, and a reading of a broadband line."""
        reading = self._read(done)
        self._tests(done, reading)
        if done.line.service == BROADBAND and done.trip.kind in rules.NEEDS_READING:
            self._health(done, reading)
        return reading

    def _read(self, done: Done) -> Reading:
        line = self._lines.get(done.line.key)
        if line is not None:
            return line.on(done.going.opens.date(), self._dice)
        return Reading(None, None, attenuation_db=round(self._dice.uniform(4, 22), 1))

    # Tests

    def _tests(self, done: Done, reading: Reading) -> None:
        key, line = done.key, done.line
        wanted = needed(line.service, done.trip.kind, line.technology)
        common = {
            "visit_id": city_id(key),
            "centre_id": done.centre_id,
            "service_id": city_id(line.key),
            "technician_id": done.technician_id,
            "by_other_technician": False,
            **done.moment(0.6),
        }
        if Needed.LINE in wanted:
            values = self._line_values(done, reading)
            self._book.add(
                LineTest,
                f"{key}/{line.service}/line",
                **common,
                measured_at_place="outlet",
                feature_id=city_id(line.conductor_keys[-1]) if line.conductor_keys else None,
                **self._taken_with(done, METER.get(line.technology, ToolKind.LINE_TESTER)),
                **values,
            )
        if Needed.SPEED in wanted:
            self._book.add(
                SpeedTest,
                f"{key}/{line.service}/speed",
                **common,
                down_mbps=reading.down_mbps,
                up_mbps=reading.up_mbps,
                latency_ms=reading.latency_ms,
                jitter_ms=round(self._dice.uniform(0.2, 3), 2),
                loss_percent=0.0,
                method="wired",
                **self._taken_with(done, ToolKind.SPEED_TESTER),
            )

    def _taken_with(self, done: Done, kind: ToolKind) -> Row:
        """Return the instrument of a test and how it stood; now and then nobody named it."""
        held = self._bags.get((done.going.technician.key, kind))
        if held is None or self._dice.random() < UNNAMED:
            by_hand = kind is ToolKind.SPEED_TESTER
            state = None if by_hand else InstrumentState.UNKNOWN.value
            return {"instrument_serial": None, "instrument_state": state}
        day = done.going.opens.date()
        return {"instrument_serial": held.serial, "instrument_state": held.state(day).value}

    def _line_values(self, done: Done, reading: Reading) -> Row:
        """Return the values of a line test; now and then somebody types in the last one again."""
        who, dice = done.going.technician.key, self._dice
        if who in self._last_test and dice.random() < COPIED:
            key = f"{done.key}/{done.line.service}/line"
            self._book.wrong.add((Check.TEST_COPIED, city_id(key)))
            return self._last_test[who]
        self._last_test[who] = {
            "attenuation_db": reading.attenuation_db,
            "noise_margin_db": round(dice.uniform(7, 14), 1),
            "loop_resistance_ohm": round(dice.uniform(180, 900), 1),
            "insulation_mohm": round(dice.uniform(30, 900), 1),
            "capacitance_nf": round(dice.uniform(20, 180), 1),
            "foreign_voltage_v": round(dice.uniform(0, 1.5), 2),
            "optical_power_dbm": reading.optical_power_dbm,
        }
        return self._last_test[who]

    # Health records

    def _health(self, done: Done, reading: Reading) -> None:
        key, line = done.key, done.line
        record = self._records.get(line.key) or self._record(done)
        begins = done.trip.kind in rules.ACTIVATING and record["baseline_reading_id"] is None
        reading_id = city_id(f"{key}/{line.service}/reading")
        moment = done.moment(0.8)
        if begins:
            record |= {
                "baseline_reading_id": reading_id,
                "baseline_at": moment["estimated_at"],
                "baseline_down_mbps": reading.down_mbps,
                "baseline_up_mbps": reading.up_mbps,
                "baseline_latency_ms": reading.latency_ms,
                "baseline_attenuation_db": reading.attenuation_db,
                "baseline_optical_power_dbm": reading.optical_power_dbm,
            }
        flags, place, because = self._judge(record, line, reading)
        record |= {
            "last_reading_at": moment["estimated_at"],
            "updated_at": moment["estimated_at"],
            "flags": flags,
            "likely_place": place,
            "because": because,
        }
        self._book.add(
            HealthReading,
            f"{key}/{line.service}/reading",
            record_id=record["id"],
            service_id=city_id(line.key),
            visit_id=city_id(key),
            centre_id=done.centre_id,
            technician_id=done.technician_id,
            is_baseline=begins,
            down_mbps=reading.down_mbps,
            up_mbps=reading.up_mbps,
            latency_ms=reading.latency_ms,
            attenuation_db=reading.attenuation_db,
            optical_power_dbm=reading.optical_power_dbm,
            photos=[],
            flags=flags,
            likely_place=place,
            because=because,
            by_other_technician=False,
            **moment,
        )

    def _record(self, done: Done) -> Row:
        dice, line = self._dice, done.line
        self._records[line.key] = self._book.add(
            HealthRecord,
            f"health/{line.key}",
            created_at=done.going.ended_at,
            updated_at=done.going.ended_at,
            service_id=city_id(line.key),
            premises_id=city_id(line.premises_key),
            centre_id=done.centre_id,
            **dict.fromkeys(
                (
                    "baseline_reading_id",
                    "baseline_at",
                    "baseline_down_mbps",
                    "baseline_up_mbps",
                    "baseline_latency_ms",
                    "baseline_attenuation_db",
                    "baseline_optical_power_dbm",
                )
            ),
            cabling_material=dice.choice(("cat5e", "cat6", "cat3", "fibre")),
            cabling_joints=dice.choice((0, 0, 1, 1, 2, 3)),
            terminal_model=f"{TERMINAL[line.technology]}-{dice.randint(1, 4)}00",
            terminal_serial=f"DT{dice.randrange(10**8):08d}",
            last_reading_at=None,
            flags=[],
            likely_place=None,
            because=None,
        )
        return self._records[line.key]

    def _judge(
        self, record: Row, line: Service, reading: Reading
    ) -> tuple[list[str], str | None, dict[str, Any] | None]:
        """Flag a reading as `health.record_reading` does, with the neighbours read before."""
        base = None
        if record["baseline_reading_id"] is not None:
            base = Reading(
                record["baseline_down_mbps"],
                record["baseline_up_mbps"],
                record["baseline_latency_ms"],
                record["baseline_attenuation_db"],
                record["baseline_optical_power_dbm"],
            )
        flags = rules.flags_of(reading, base, Sold(line.down_mbit_s, line.up_mbit_s), LIMITS)
        names = [flagged.flag.value for flagged in flags]
        known = self._worse[box_of(line) or ""]
        others = [worse for key, worse in known.items() if key != line.key]
        known[line.key] = bool(places.WORSE & set(names))
        if not flags:
            return [], None, None
        rings: dict[str, places.Ring] = {LikelyPlace.BOX: places.Ring(len(others), sum(others))}
        facts = places.facts(reading, base, flags, rings, joints=record["cabling_joints"])
        rule = places.first_that_fits(facts, LIMITS)
        return names, rule.place.value, places.explanation(rule, facts, flags, rings, LIMITS)
