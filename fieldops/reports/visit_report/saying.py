"""A visit's report in words: what was gathered, in a language, for the office or the customer.

Pure. The customer's has what was agreed, done, tested and signed, and nobody else's data: no
remarks, no free words that the template does not mean for them, no plant, no address, no names but
those of who came. Both are plain dictionaries that the page and the paper show.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from babel.dates import format_date, format_time

from fieldops.checklists.models import Answer
from fieldops.checklists.rules import Item, ItemType, TestKind, agrees
from fieldops.health import rules as health
from fieldops.health.models import HealthReading, HealthRecord
from fieldops.kernel import geo
from fieldops.measurements.models import LineTest, SpeedTest
from fieldops.measurements.rules import LIMITS, LINE_VALUES, quality
from fieldops.network.models import NetworkService
from fieldops.notifications.wording import work_named
from fieldops.reports.visit_report import sketch
from fieldops.reports.visit_report.gathering import Filled, Gathered, Picture
from fieldops.reports.visit_report.sketch import Drawn
from fieldops.visits.models import VisitFact

MOST_PHOTOS = 40
_TIMED = ("kit", "departure", "arrival", "identity", "start", "completion", "failure", "notice")
_SPEEDS = ("down_mbps", "up_mbps", "latency_ms", "jitter_ms", "loss_percent")
_READ = ("down_mbps", "up_mbps", "latency_ms", "attenuation_db", "optical_power_dbm")
_FLAG_OF = {
    "down_mbps": {health.Flag.DOWN_BELOW_BASELINE, health.Flag.DOWN_BELOW_SOLD},
    "up_mbps": {health.Flag.UP_BELOW_BASELINE, health.Flag.UP_BELOW_SOLD},
    "optical_power_dbm": {health.Flag.OPTICAL_TOO_HIGH, health.Flag.OPTICAL_TOO_LOW},
}


class Reader(StrEnum):
    """Whom a report is for."""

    OFFICE = "office"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Named:
    """Contact data of the customer, where its reading was registered (CU-04)."""

    name: str
    phone: str | None


@dataclass(slots=True)
class Report:
    """What is shown, and which contents it shows under which names."""

    shown: dict[str, Any]
    photos: dict[str, str] = field(default_factory=dict)  # name in the report: sha256


@cache
def texts(language: str) -> dict[str, Any]:
    """Return all words of the report in a language."""
    file = Path(__file__).with_name("texts.json")
    known: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return known[language]


def said(
    found: Gathered,
    language: str,
    reader: Reader,
    now: datetime,
    *,
    contact: Named | None = None,
    erased: bool = False,
) -> Report:
    """Return the report of a visit in a language."""
    return _Saying(found, language, reader).report(now, contact, erased=erased)


class _Saying:
    """One report being put into words."""

    def __init__(self, found: Gathered, language: str, reader: Reader) -> None:
        self.found = found
        self.language = language
        self.office = reader is Reader.OFFICE
        self.t = texts(language)
        self.chinese = language == "zh_CN"
        self.photos: dict[str, str] = {}  # sha256: name in the report
        self.captions: list[dict[str, Any]] = []

    def report(self, now: datetime, contact: Named | None, *, erased: bool) -> Report:
        self._number_photos()
        visit = self.found.visit
        at = visit.ended_at or visit.window_start or now
        date = format_date(at.astimezone(self.found.zone).date(), "full", locale=self.language)
        shown = {
            "t": self.t,
            "language": self.language,
            "title": self.t["of"].format(date=date),
            "note": self.t["erased_note"] if erased else "",
            "head": self._head(contact),
            "times": self._times(),
            "lists": [self._list(one) for one in self.found.lists],
            "tests": self._tests(),
            "map": self._map(),
            "findings": self._findings() if self.office else [],
            "photos": self.captions,
            "photos_more": self._photos_more(),
            "signature": self._signature(),
            "made": self.t["made"].format(at=self._moment(now)),
        }
        return Report(shown, {name: sha256 for sha256, name in self.photos.items()})

    # --- the head ----------------------------------------------------------------------------

    def _head(self, contact: Named | None) -> list[list[str]]:
        t, visit = self.t, self.found.visit
        rows = [[t["work"], self._work()]]
        if contact is not None:
            rows.append([t["customer"], contact.name])
            rows.append([t["phone"], contact.phone or "-"])
        if self.office and self.found.premises is not None:
            rows.append([t["address"], self._address()])
        rows.append([t["technicians"], self._crew()])
        rows.append([t["state"], t["states"][visit.state]])
        if visit.next_step is not None and visit.next_step != "work_ended":
            rows.append([t["next_step"], t["next_steps"][visit.next_step]])
        if self.office:
            told = (t["told"], visit.told_customer), (t["remark"], visit.end_note)
            given = ((t["reason"], visit.end_reason), *told)
            rows += [[label, value] for label, value in given if value]
        return rows

    def _work(self) -> str:
        named = (
            f"{work_named([work.kind], self.language)} ({self._service(work.service)})"
            for _, work in self.found.work
        )
        return self._joined(dict.fromkeys(named))

    def _service(self, service: str) -> str:
        return str(self.t["services"].get(service, service))

    def _address(self) -> str:
        home = self.found.premises
        if home is None:
            return ""
        street = " ".join(filter(None, (home.street, home.house_number, home.unit)))
        town = f"{home.postcode} {home.city}".strip()  # plant stands where it stands
        return ", ".join(filter(None, (street, town)))

    def _crew(self) -> str:
        return self._joined(
            f"{one.name} ({self.t['certificate'].format(number=one.certificate)})"
            for one in self.found.crew
        )

    # --- the times ---------------------------------------------------------------------------

    def _times(self) -> list[dict[str, str]]:
        """Return what happened when: by the phone's clock, as estimated, and when it came in."""
        t, visit = self.t, self.found.visit
        rows = []
        if visit.window_start is not None and visit.window_end is not None:
            window = f"{self._moment(visit.window_start)} - {self._clock(visit.window_end)}"
            rows.append({"what": t["window"], "device": "", "server": window, "received": ""})
        if self.office and visit.expected_arrival is not None:
            expected = self._moment(visit.expected_arrival)
            rows.append({"what": t["expected"], "device": "", "server": expected, "received": ""})
        return rows + [self._time(fact) for fact in self._timed()]

    def _timed(self) -> list[VisitFact]:
        wanted = [fact for fact in self.found.facts if fact.kind in _TIMED]
        if not self.office:
            plain = {"departure", "arrival", "start", "completion", "failure"}
            wanted = [f for f in wanted if f.kind in plain and not f.by_other_technician]
        return sorted(wanted, key=lambda fact: (fact.estimated_at, fact.id))

    def _time(self, fact: VisitFact) -> dict[str, str]:
        what = [self.t["facts"][fact.kind]]
        if self.office:
            who = self.found.people.get(fact.person_id)
            what += [who] if who else []
            what += [self.t["clock_off"]] if fact.clock_far_off else []
            what += [self.t["by_other"]] if fact.by_other_technician else []
        return {
            "what": self._joined(what),
            "device": self._moment(fact.captured_at) if self.office else "",
            "server": self._moment(fact.estimated_at),
            "received": self._moment(fact.received_at) if self.office else "",
        }

    # --- the lists ---------------------------------------------------------------------------

    def _list(self, one: Filled) -> dict[str, Any]:
        given: dict[str, list[Answer]] = {}
        for answer in one.answers:
            given.setdefault(answer.item_key, []).append(answer)
        items = [item for item in one.body.items if self.office or item.customer_sees]
        rows = [self._row(item, given.get(item.key, [])) for item in items]
        title = one.body.title_zh if self.chinese else one.body.title_en
        version = self.t["version"].format(number=one.number)
        return {
            "title": f"{title} ({version})" if self.office else title,
            "rows": [row for row in rows if row is not None],
        }

    def _row(self, item: Item, answers: Sequence[Answer]) -> dict[str, Any] | None:
        standing = next((a for a in reversed(answers) if not a.superseded), None)
        text = item.text_zh if self.chinese else item.text_en
        if standing is None:
            asked = self.office and item.mandatory and item.when is None
            return self._open_row(text) if asked else None
        by, earlier = "", ""
        if self.office:
            by = self._by(standing)
            former = [a for a in answers if a.superseded]
            if former:
                last = self._value(item, former[-1])
                earlier = self.t["earlier"].format(count=len(former), answer=last)
        bound, bad = self._bound(item, standing)
        return {
            "text": text,
            "answer": self._value(item, standing),
            "bound": bound,
            "refs": self._refs(standing.photos),
            "by": by,
            "note": (standing.note or "") if self.office else "",
            "earlier": earlier,
            "bad": bad or (item.type is ItemType.YES_NO and standing.value is False),
        }

    def _bound(self, item: Item, answer: Answer) -> tuple[str, bool]:
        """Return which test an answer was read from, with its threshold, and whether it is amiss.

        The answer stays as it was typed; beside it stands what the test recorded.
        """
        if item.test is None:
            return "", False
        about = item.test
        tests: Sequence[SpeedTest | LineTest] = self.found.speed_tests
        if about.kind is TestKind.LINE:
            tests = [one for one in self.found.line_tests if one.check_id is None]
        test = next((one for one in tests if one.id == answer.test_id), None)
        recorded = getattr(test, about.value, None)
        if test is None or recorded is None:
            return (self.t["unbound"], answer.test_id is not None) if self.office else ("", False)
        of = self._line_test if isinstance(test, LineTest) else self._speed_test
        shown = of(test)[1]  # type: ignore[arg-type]
        name = self.t["values"][about.value]
        row = next(one for one in shown["rows"] if one["name"] == name)
        said = self.t["bound"].format(test=shown["title"], name=name, value=row["value"])
        agreed = not self.office or agrees(answer.value, recorded)
        parts = [said, row["limit"], row["verdict"], "" if agreed else self.t["bound_differs"]]
        return self._joined(filter(None, parts)), row["bad"] or not agreed

    def _open_row(self, text: str) -> dict[str, Any]:
        empty = {"bound": "", "refs": "", "by": "", "note": "", "earlier": ""}
        return {"text": text, "answer": self.t["unanswered"], **empty, "bad": True}

    def _by(self, answer: Answer) -> str:
        """Return who gave an answer, when by which clock, and from which phone."""
        t = self.t
        who = self.found.people.get(answer.person_id, "-")
        when = self._moment(answer.estimated_at)
        device = t["without_device"]
        if answer.device_id is not None:
            device = t["from_device"].format(device=str(answer.device_id)[-8:])
        parts = [who, when, device]
        if answer.captured_at is not None:
            parts.append(f"{t['device']}: {self._moment(answer.captured_at)}")
        return self._joined(parts)

    def _value(self, item: Item, answer: Answer) -> str:
        value = answer.value
        said: str | None = None
        if item.type is ItemType.YES_NO and isinstance(value, bool):
            said = self.t["yes" if value else "no"]
        elif item.type is ItemType.CHOICE:
            chosen = next((one for one in item.choices if one.value == value), None)
            if chosen is not None:
                said = chosen.text_zh if self.chinese else chosen.text_en
        elif item.type is ItemType.PHOTO and isinstance(value, list):
            said = self._refs(value) or self.t["photos_n"].format(count=len(value))
        elif item.type is ItemType.SIGNATURE:
            said = self.t["signed"]
        elif item.unit is not None and isinstance(value, int | float):
            said = f"{_number(value)} {item.unit}"
        elif item.type is ItemType.LOCATION and isinstance(value, dict) and "coordinates" in value:
            said = ", ".join(f"{one:.5f}" for one in reversed(value["coordinates"]))
        return str(value) if said is None else said

    # --- the photos --------------------------------------------------------------------------

    def _number_photos(self) -> None:
        """Give numbers to the photos that are shown, each content once."""
        names = self._item_names()
        for picture in self.found.pictures:
            sha256 = picture.link.sha256
            if sha256 in self.photos or not self._may_show(picture, names):
                continue
            if len(self.photos) == MOST_PHOTOS:
                break
            number = len(self.photos) + 1
            self.photos[sha256] = f"photo-{number}.jpg"
            self.captions.append(
                {
                    "name": self.photos[sha256],
                    "caption": self._caption(number, picture, names),
                    "arrived": picture.stored,
                }
            )

    def _item_names(self) -> dict[tuple[UUID, str], Item]:
        return {(one.id, item.key): item for one in self.found.lists for item in one.body.items}

    def _may_show(self, picture: Picture, names: Mapping[tuple[UUID, str], Item]) -> bool:
        link = picture.link
        if link.purpose == "signature" or link.sha256 == self.found.visit.signature_sha256:
            return False
        if self.office:
            return True
        item = names.get((link.subject_id, link.item_key or ""))
        return item is not None and item.customer_sees

    def _caption(
        self, number: int, picture: Picture, names: Mapping[tuple[UUID, str], Item]
    ) -> str:
        link = picture.link
        item = names.get((link.subject_id, link.item_key or ""))
        about = self.t["purposes"][link.purpose]
        if item is not None:
            about = item.text_zh if self.chinese else item.text_en
        parts = [self.t["photo"].format(number=number), about, self._moment(link.captured_at)]
        return self._joined(parts if picture.stored else [*parts, self.t["photo_missing"]])

    def _photos_more(self) -> str:
        names = self._item_names()
        all_ = {p.link.sha256 for p in self.found.pictures if self._may_show(p, names)}
        more = len(all_) - len(self.photos)
        return str(self.t["photos_more"].format(count=more)) if more else ""

    def _refs(self, sha256s: Iterable[str]) -> str:
        numbers = [
            self.photos[one].removeprefix("photo-").removesuffix(".jpg")
            for one in sha256s
            if one in self.photos
        ]
        return str(self.t["photo_refs"].format(numbers=self._joined(numbers))) if numbers else ""

    def _signature(self) -> dict[str, str]:
        t, visit = self.t, self.found.visit
        if visit.signature_sha256 is not None:
            stored = any(
                p.stored for p in self.found.pictures if p.link.sha256 == visit.signature_sha256
            )
            if not stored:
                return {"name": "", "text": t["signature_missing"]}
            self.photos[visit.signature_sha256] = "signature.jpg"
            return {"name": "signature.jpg", "text": ""}
        if visit.signature_refused_reason is not None:
            refused = t["signature_refused"].format(reason=visit.signature_refused_reason)
            return {"name": "", "text": refused if self.office else t["signature_refused_plain"]}
        return {"name": "", "text": t["signature_none"]}

    # --- the tests ---------------------------------------------------------------------------

    def _tests(self) -> list[dict[str, Any]]:
        found = [
            *(self._speed_test(test) for test in self.found.speed_tests),
            *(self._line_test(test) for test in self.found.line_tests),
            *(self._reading(test) for test in self.found.readings),
        ]
        return [one for _, one in sorted(found, key=lambda pair: pair[0])]

    def _speed_test(self, test: SpeedTest) -> tuple[datetime, dict[str, Any]]:
        title = self.t["speed_test"].format(method=self.t["methods"][test.method])
        values = {name: getattr(test, name) for name in _SPEEDS}
        return test.estimated_at, self._test(test, title, values)

    def _line_test(self, test: LineTest) -> tuple[datetime, dict[str, Any]]:
        title = self.t["line_test"].format(place=self.t["places"][test.measured_at_place])
        values = {name: getattr(test, name) for name in LINE_VALUES}
        return test.estimated_at, self._test(test, title, values)

    def _reading(self, reading: HealthReading) -> tuple[datetime, dict[str, Any]]:
        values = {name: getattr(reading, name) for name in _READ}
        shown = self._test(reading, self.t["reading"], values)
        if reading.is_baseline:
            shown["notes"].append(self.t["is_baseline"])
        if self.office and reading.likely_place is not None:
            place = self.t["likely_places"][reading.likely_place]
            shown["notes"].append(self.t["likely"].format(place=place))
        return reading.estimated_at, shown

    def _test(
        self,
        test: SpeedTest | LineTest | HealthReading,
        title: str,
        values: Mapping[str, float | None],
    ) -> dict[str, Any]:
        line = self.found.services.get(test.service_id) if test.service_id else None
        record = self.found.records.get(line.id) if line else None
        about = [title, self._service(line.kind)] if line else [title]
        notes = []
        serial = getattr(test, "instrument_serial", None)
        if serial is not None:
            state = self.t["instrument_states"][test.instrument_state or "unknown"]  # type: ignore[union-attr]
            notes.append(self.t["instrument"].format(serial=serial, state=state))
        if self.office and test.note:
            notes.append(test.note)
        return {
            "title": self._joined([*about, self._moment(test.estimated_at)]),
            "rows": self._values(test, values, line, record),
            "notes": notes,
        }

    def _values(
        self,
        test: SpeedTest | LineTest | HealthReading,
        values: Mapping[str, float | None],
        line: NetworkService | None,
        record: HealthRecord | None,
    ) -> list[dict[str, Any]]:
        radio = _by_radio(test)
        of_line = isinstance(test, LineTest)
        poor = quality(values, self.found.numbers).poor if of_line else ()
        sold = health.Sold(line.sold_down_mbps, line.sold_up_mbps) if line else health.Sold()
        base = _baseline(record)
        reading = health.Reading(
            None if radio else values.get("down_mbps"),
            None if radio else values.get("up_mbps"),
            optical_power_dbm=values.get("optical_power_dbm"),
        )
        flags = {one.flag for one in health.flags_of(reading, base, sold, self.found.limits)}
        rows = []
        for name, value in values.items():
            if value is None:
                continue
            limit = "" if radio and name in _FLAG_OF else self._limit(name, base, sold)
            limit = limit or (self._line_limit(name) if of_line else "")
            bad = name in poor or bool(flags & _FLAG_OF.get(name, set()))
            at_first = getattr(base, name, None) if base is not None else None
            rows.append(
                {
                    "name": self.t["values"][name],
                    "value": _number(value),
                    "limit": limit,
                    "baseline": "" if at_first is None else _number(at_first),
                    "verdict": (self.t["bad"] if bad else self.t["ok"]) if limit else "",
                    "bad": bad,
                }
            )
        return rows

    def _limit(self, name: str, base: health.Reading | None, sold: health.Sold) -> str:
        """Return the threshold of HR-02 that holds for a value, in words; empty without one."""
        limits = self.found.limits
        if name == "optical_power_dbm":
            least, most = _number(limits.least_optical), _number(limits.most_optical)
            return str(self.t["between"].format(least=least, most=most))
        if name not in _FLAG_OF:
            return ""
        shares = [
            (getattr(base, name) if base else None, limits.share_of_baseline),
            (getattr(sold, name), limits.share_of_sold),
        ]
        floors = [of * share / 100 for of, share in shares if of is not None]
        return str(self.t["at_least"].format(value=_number(max(floors)))) if floors else ""

    def _line_limit(self, name: str) -> str:
        """Return the threshold of RE-04 that holds for a value of a line test; empty without."""
        for column, direction, limit in LIMITS:
            if column == name:
                said = self.t["at_least" if direction == "least" else "at_most"]
                return str(said.format(value=_number(self.found.numbers[limit.name])))
        return ""

    # --- the map and what was found ------------------------------------------------------------

    def _map(self) -> dict[str, Any]:
        """Return the map and its legend; without premises there is none."""
        if self.found.premises is None:
            return {"svg": "", "legend": [], "notes": []}
        door = geo.position_of(self.found.premises.point)
        arrivals = [
            geo.position_of(fact.point)
            for fact in self.found.facts
            if fact.kind == "arrival" and fact.point is not None and not fact.by_other_technician
        ]
        plant = [Drawn(place, one.shape) for place, one in enumerate(self.found.plant, start=1)]
        away = [geo.distance_m(door, one) for one in arrivals]
        notes = [
            self.t["map_far" if one > sketch.FURTHEST_M else "map_distance"].format(
                metres=_number(round(one))
            )
            for one in away
        ]
        svg = sketch.drawn(
            door, arrivals, plant, title=self.t["map"], description=self.t["map_says"]
        )
        legend = [
            f"{place} {self.t['kinds'][one.kind]} {one.name} ({_number(round(one.distance))} m)"
            for place, one in enumerate(self.found.plant, start=1)
        ]
        return {"svg": svg, "legend": legend, "notes": notes}

    def _findings(self) -> list[list[str]]:
        t = self.t
        return [
            [t["kinds"][one.kind], one.text, t["severities"][one.severity],
             t["finding_states"][one.state]]
            for one in self.found.findings
        ]  # fmt: skip

    # --- small words -------------------------------------------------------------------------

    def _moment(self, at: datetime | None) -> str:
        if at is None:
            return "-"
        local = at.astimezone(self.found.zone)
        day = format_date(local.date(), "medium", locale=self.language)
        return f"{day} {self._clock(at)}"

    def _clock(self, at: datetime) -> str:
        return format_time(at.astimezone(self.found.zone), "HH:mm", locale=self.language)

    def _joined(self, parts: Iterable[str]) -> str:
        return ("、" if self.chinese else ", ").join(parts)


def _by_radio(test: SpeedTest | LineTest | HealthReading) -> bool:
    """Return whether a speed was taken by radio: then it says nothing of the line."""
    return isinstance(test, SpeedTest) and test.method == "wireless"


def _baseline(record: HealthRecord | None) -> health.Reading | None:
    if record is None or record.baseline_at is None:
        return None
    return health.Reading(
        record.baseline_down_mbps,
        record.baseline_up_mbps,
        record.baseline_latency_ms,
        record.baseline_attenuation_db,
        record.baseline_optical_power_dbm,
    )


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
