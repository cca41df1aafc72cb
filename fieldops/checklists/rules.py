"""What a checklist's items are, what answers they take, and what is still missing. Pure.

Item types and their answers (CH-02): yes_no takes true or false; choice one of its values;
number and measurement a number in the item's unit and range; text up to 4,000 characters;
photo a list of 1 to 10 sha256; signature one sha256; scan up to 200 characters; location a
GeoJSON point.
"""

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fieldops.checklists.errors import TemplateInvalid
from fieldops.kernel.commands import Text
from fieldops.kernel.configuration import number
from fieldops.kernel.geo import Point
from fieldops.network.rules import FeatureKind, Severity

MOST_ITEMS = 200
MOST_CHOICES = 50
MOST_PHOTOS = 10
KIT_CHECK = "kit_check"  # what a template is for that is given to no work order (VI-02)
LONGEST_TEXT = 4000
LONGEST_SCAN = 200
FEWEST_CHOICES = 2

Label = Annotated[Text, Field(min_length=1, max_length=500)]
Key = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,59}$")]
Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e9, le=1e9)]
_SHA256 = re.compile("[0-9a-f]{64}")


PLANT_WITHIN = number(
    "checklist_plant_within", "VI-06", "metres", 50,
    "How near the premises plant is taken for what a failed item is about, when no line names it.",
    within=(0, 500),
)  # fmt: skip


class ItemType(StrEnum):
    """The types of CH-02."""

    YES_NO = "yes_no"
    CHOICE = "choice"
    NUMBER = "number"
    TEXT = "text"
    PHOTO = "photo"
    SIGNATURE = "signature"
    SCAN = "scan"
    MEASUREMENT = "measurement"
    LOCATION = "location"


NUMERIC = frozenset({ItemType.NUMBER, ItemType.MEASUREMENT})
PICTURES = frozenset({ItemType.PHOTO, ItemType.SIGNATURE})
UNASKED = frozenset({ItemType.TEXT, ItemType.SCAN, ItemType.LOCATION})
"""What a customer is shown only where the template says so."""


class TestKind(StrEnum):
    """A kind of test that an item can be bound to."""

    __test__ = False  # a name that test runners would otherwise take for theirs
    LINE = "line"
    SPEED = "speed"


TEST_VALUES: dict[TestKind, dict[str, str]] = {
    TestKind.LINE: {
        "attenuation_db": "dB",
        "noise_margin_db": "dB",
        "loop_resistance_ohm": "ohm",
        "insulation_mohm": "megohm",
        "capacitance_nf": "nF",
        "foreign_voltage_v": "V",
        "optical_power_dbm": "dBm",
    },
    TestKind.SPEED: {
        "down_mbps": "Mbit/s",
        "up_mbps": "Mbit/s",
        "latency_ms": "ms",
        "jitter_ms": "ms",
        "loss_percent": "%",
    },
}
"""The values a test can have, by their names in measurements above, each with its unit."""


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Choice(_Shape):
    """One value of a choice, with its texts."""

    value: Key
    text_en: Label
    text_zh: Label


class TestValue(_Shape):
    """The value of a test of the visit that an item's answer is read from."""

    __test__ = False  # a name that test runners would otherwise take for theirs
    kind: TestKind
    value: Key = Field(examples=["noise_margin_db"])

    @property
    def unit(self) -> str | None:
        """The value's unit; None: such a test has no such value."""
        return TEST_VALUES[self.kind].get(self.value)


class Condition(_Shape):
    """Asks for its item only when an earlier item was answered so.

    `values` for yes_no and choice items; `least` and `most` (both included) for numbers.
    """

    item: Key
    values: list[bool | Key] | None = Field(None, min_length=1, max_length=MOST_CHOICES)
    least: Finite | None = None
    most: Finite | None = None

    def holds(self, value: Any) -> bool:
        """Return whether an answer to the earlier item makes the dependent item asked for."""
        return answered_so(self, value)


def answered_so(wanted: "Condition | Opening", value: Any) -> bool:
    """Return whether an answer is one of some values, or lies in a range."""
    if wanted.values is not None:
        return any(value is one or value == one for one in wanted.values)
    low = -math.inf if wanted.least is None else wanted.least
    high = math.inf if wanted.most is None else wanted.most
    return isinstance(value, int | float) and low <= value <= high


class Opens(StrEnum):
    """What an answer opens by rule."""

    FINDING = "finding"
    CABLE_WORK = "cable_work"
    DESK_TASK = "desk_task"


class Opening(_Shape):
    """What is opened, once for an item of a list, when the item is answered so.

    `values` for yes_no and choice items; `least` and `most` (both included) for numbers.
    """

    opens: Opens
    values: list[bool | Key] | None = Field(None, min_length=1, max_length=MOST_CHOICES)
    least: Finite | None = None
    most: Finite | None = None
    plant: FeatureKind | None = Field(
        None, description="The kind of plant it is about; not for a task of the desk."
    )
    severity: Severity = Field(Severity.MEDIUM, description="How urgent a finding is.")
    text_en: Label
    text_zh: Label

    def holds(self, value: Any) -> bool:
        """Return whether an answer opens it."""
        return answered_so(self, value)


class Item(_Shape):
    """One line of a checklist (CH-02)."""

    key: Key
    type: ItemType
    text_en: Label
    text_zh: Label
    mandatory: bool = True
    photo_needed: bool = Field(False, description="At least one photo belongs to the answer.")
    remark_on_no: bool = Field(False, description="Answered no, it needs a remark.")
    when: Condition | None = Field(None, description="Asked for only when this holds.")
    choices: list[Choice] = Field(default_factory=list, max_length=MOST_CHOICES)
    unit: Text | None = Field(None, min_length=1, max_length=20, examples=["Mbit/s"])
    least: Finite | None = None
    most: Finite | None = None
    test: TestValue | None = Field(
        None,
        description="The test of the visit a measurement is about; its unit is that value's.",
    )
    for_customer: bool | None = Field(
        None,
        description="Whether the customer's report shows it. Without it: everything but texts, "
        "scans and positions, which may hold what is meant for the office.",
    )

    opening: list[Opening] = Field(
        default_factory=list,
        max_length=len(Opens),
        description="What some answers open by rule, each kind of thing once.",
    )

    @model_validator(mode="after")
    def _unit_of_test(self) -> Self:
        if self.test is not None and self.unit is None:
            object.__setattr__(self, "unit", self.test.unit)  # frozen, and not yet anybody's
            self.__pydantic_fields_set__.add("unit")
        return self

    @property
    def customer_sees(self) -> bool:
        """Whether the customer's report of the visit shows the answer."""
        return self.for_customer if self.for_customer is not None else self.type not in UNASKED


class Body(_Shape):
    """A template version's titles and items, in the order they are shown."""

    title_en: Label
    title_zh: Label
    items: list[Item] = Field(min_length=1, max_length=MOST_ITEMS)

    def item(self, key: str) -> Item | None:
        """Return an item by its key."""
        return next((item for item in self.items if item.key == key), None)


@dataclass(frozen=True, slots=True)
class Given:
    """The standing answer to an item."""

    value: Any
    note: str | None = None
    photos: tuple[str, ...] = ()
    test_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """What an item lacks: an answer, a photo or a remark."""

    item_key: str
    lacks: str


@dataclass(slots=True)
class _Findings:
    """What is wrong with a template, as {field, rule, message}."""

    errors: list[dict[str, str]] = field(default_factory=list)

    def add(self, place: str, rule: str, message: str) -> None:
        self.errors.append({"field": place, "rule": rule, "message": message})


def check_body(body: Body) -> None:
    """Raise TemplateInvalid, naming every item and rule that keeps a template from publishing.

    Keys are unique, conditions look back at items they fit, numbers have a unit and a range
    in order, choices have at least two different values.
    """
    refuse_findings(item_findings(list(enumerate(body.items))))


def refuse_findings(errors: list[dict[str, str]]) -> None:
    """Raise TemplateInvalid when there is anything in a list of findings."""
    if errors:
        places = ", ".join(error["field"] for error in errors)
        raise TemplateInvalid(items=places, errors=errors)


def item_findings(
    items: Iterable[tuple[int, Item]], unreadable: Collection[str] = ()
) -> list[dict[str, str]]:
    """Return what is wrong with some items of a template, each with its place in the list.

    `unreadable` are the keys of items that have errors of their own: conditions that look at
    one of these are not judged.
    """
    found = _Findings()
    earlier: dict[str, Item] = {}
    for position, item in items:
        place = f"body.items.{position}"
        if item.key in earlier:
            found.add(f"{place}.key", "unique", f"the key {item.key} is used twice")
        _check_values(item, place, found)
        _check_test(item, place, found)
        _check_openings(item, place, found)
        if item.when is not None and item.when.item not in unreadable:
            _check_condition(item.when, earlier, f"{place}.when", found)
        earlier[item.key] = item
    return found.errors


def _check_values(item: Item, place: str, found: _Findings) -> None:
    numeric = item.type in NUMERIC
    if numeric and (item.unit is None or item.least is None or item.most is None):
        found.add(place, "number_bounded", "a number has a unit, a least and a greatest value")
    elif numeric and (item.least or 0) >= (item.most or 0):
        found.add(f"{place}.most", "range_in_order", "the greatest value lies above the least")
    elif not numeric and (item.unit, item.least, item.most) != (None, None, None):
        found.add(place, "number_only", "only a number has a unit and a range")
    values = [choice.value for choice in item.choices]
    if item.type is ItemType.CHOICE and len(set(values)) < FEWEST_CHOICES:
        found.add(f"{place}.choices", "choices", "a choice has two different values or more")
    elif len(set(values)) != len(values):
        found.add(f"{place}.choices", "unique", "a value is offered twice")
    elif values and item.type is not ItemType.CHOICE:
        found.add(f"{place}.choices", "choice_only", "only a choice has values to choose from")
    if item.remark_on_no and item.type is not ItemType.YES_NO:
        found.add(f"{place}.remark_on_no", "yes_no_only", "only yes/no can be answered no")
    if item.photo_needed and item.type in PICTURES:
        found.add(f"{place}.photo_needed", "picture", "the answer is a picture already")


def _check_test(item: Item, place: str, found: _Findings) -> None:
    """Find what is wrong with the test an item is bound to."""
    if item.test is None:
        return
    if item.type is not ItemType.MEASUREMENT:
        found.add(f"{place}.test", "measurement_only", "only a measurement is bound to a test")
    unit = item.test.unit
    if unit is None:
        message = f"a {item.test.kind} test has no value {item.test.value}"
        found.add(f"{place}.test.value", "test_value", message)
    elif item.unit != unit:
        found.add(f"{place}.unit", "unit_of_test", f"{item.test.value} is in {unit}")


def _check_condition(
    when: Condition, earlier: Mapping[str, Item], place: str, found: _Findings
) -> None:
    asked = earlier.get(when.item)
    if asked is None:
        found.add(f"{place}.item", "earlier", f"{when.item} is not an earlier item")
        return
    _check_answered_so(when, asked, place, found)


def _check_answered_so(
    wanted: Condition | Opening, asked: Item, place: str, found: _Findings
) -> None:
    bounded = wanted.least is not None or wanted.most is not None
    if (wanted.values is not None) == bounded:
        found.add(place, "one_condition", "a condition has either values or a range")
        return
    if bounded:
        fits = asked.type in NUMERIC
    elif asked.type is ItemType.YES_NO:
        fits = all(isinstance(value, bool) for value in wanted.values or ())
    else:
        offered = {choice.value for choice in asked.choices}
        fits = asked.type is ItemType.CHOICE and set(wanted.values or ()) <= offered
    if not fits:
        found.add(place, "fits", f"{asked.key} cannot be answered so")
    if (wanted.least or 0) > (wanted.most if wanted.most is not None else math.inf):
        found.add(f"{place}.most", "range_in_order", "the greatest value lies above the least")


def _check_openings(item: Item, place: str, found: _Findings) -> None:
    """Find what is wrong with the rules of an item: each opens one kind of thing, once."""
    seen: set[Opens] = set()
    for position, opening in enumerate(item.opening):
        here = f"{place}.opening.{position}"
        if opening.opens in seen:
            found.add(f"{here}.opens", "unique", f"the item opens a {opening.opens} twice")
        seen.add(opening.opens)
        _check_answered_so(opening, item, here, found)
        if (opening.plant is None) != (opening.opens is Opens.DESK_TASK):
            message = "a finding and work name the kind of plant, a task of the desk does not"
            found.add(f"{here}.plant", "plant", message)


def _choice(item: Item, value: Any) -> str | None:
    offered = [choice.value for choice in item.choices]
    return None if value in offered else f"one of {', '.join(offered)}"


def _number(item: Item, value: Any) -> str | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    low, high = item.least or 0, item.most or 0
    if number and low <= value <= high:
        return None
    return f"a number from {low:g} to {high:g} {item.unit}"


def _text(value: Any, longest: int) -> str | None:
    fits = isinstance(value, str) and 0 < len(value) <= longest and "\x00" not in value
    return None if fits else f"a text of 1 to {longest} characters"


def _is_sha256(value: Any) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def _photos(value: Any) -> str | None:
    fits = isinstance(value, list) and 0 < len(value) <= MOST_PHOTOS and all(map(_is_sha256, value))
    return None if fits else f"1 to {MOST_PHOTOS} sha256"


def _location(value: Any) -> str | None:
    try:
        Point.model_validate(value)
    except ValidationError:
        return "a GeoJSON point, longitude and latitude in SRID 4326"
    return None


_FITS: dict[ItemType, Callable[[Item, Any], str | None]] = {
    ItemType.YES_NO: lambda _item, value: None if isinstance(value, bool) else "true or false",
    ItemType.CHOICE: _choice,
    ItemType.NUMBER: _number,
    ItemType.MEASUREMENT: _number,
    ItemType.TEXT: lambda _item, value: _text(value, LONGEST_TEXT),
    ItemType.SCAN: lambda _item, value: _text(value, LONGEST_SCAN),
    ItemType.PHOTO: lambda _item, value: _photos(value),
    ItemType.SIGNATURE: lambda _item, value: None if _is_sha256(value) else "a sha256",
    ItemType.LOCATION: lambda _item, value: _location(value),
}


def misfit(item: Item, value: Any) -> str | None:
    """Return what an item takes when a value is no answer to it, None when it is one."""
    return _FITS[item.type](item, value)


def agrees(typed: float, recorded: float) -> bool:
    """Return whether a typed number is a recorded one, rounded or cut where it was typed to."""
    shown = Decimal(str(typed)).normalize()
    exponent = shown.as_tuple().exponent
    place = Decimal(1).scaleb(min(int(exponent), 0))
    return abs(shown - Decimal(str(recorded))) < place


@dataclass(frozen=True, slots=True)
class Bound:
    """A mandatory item that a test of the visit belongs to; `test_id` as its answer names it."""

    item_key: str
    test: TestValue
    test_id: UUID | None


def bound(body: Body, answers: Mapping[str, Given]) -> list[Bound]:
    """Return the mandatory items asked for that need their test, in order (CH-02)."""
    return [
        Bound(item.key, item.test, answers[item.key].test_id if item.key in answers else None)
        for item in asked(body, answers)
        if item.test is not None and item.mandatory
    ]


def asked(body: Body, answers: Mapping[str, Given]) -> list[Item]:
    """Return the items that the answers so far ask for, in order (CH-02).

    An item whose condition looks at an item that is not asked for is not asked for either.
    """
    shown: dict[str, Item] = {}
    for item in body.items:
        when = item.when
        if when is not None:
            answer = answers.get(when.item) if when.item in shown else None
            if answer is None or not when.holds(answer.value):
                continue
        shown[item.key] = item
    return list(shown.values())


def missing(
    body: Body, answers: Mapping[str, Given], photographed: Iterable[str] = ()
) -> list[Missing]:
    """Return what keeps a list from being complete, in the order of its items (VI-04).

    `photographed` are the keys of items that photos were linked to apart from the answers.
    """
    pictured = set(photographed)
    found = []
    for item in asked(body, answers):
        answer = answers.get(item.key)
        if answer is None:
            if item.mandatory and item.key in pictured and item.type is ItemType.PHOTO:
                continue
            if item.mandatory:
                found.append(Missing(item.key, "answer"))
            continue
        if item.photo_needed and not answer.photos and item.key not in pictured:
            found.append(Missing(item.key, "photo"))
        if item.remark_on_no and answer.value is False and not (answer.note or "").strip():
            found.append(Missing(item.key, "remark"))
    return found
