"""Scored forms of inspections: checklist items with points, and the score of a filled one (QA-03).

A form's items are those of checklists (CH-02), with points. yes/no gives all its points for yes; a
choice gives the share its value is worth; a number rises with its range. Other items, and those
that were not asked for or left open, count neither for nor against. The shipped forms stand in
data/.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from fieldops.checklists import rules as checklists
from fieldops.checklists.rules import Given, Item, ItemType, Key, Label
from fieldops.quality.errors import FormInvalid, FormNotWhole

WHOLE = 100.0
MOST_ITEMS = 100

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class InspectionKind(StrEnum):
    """How an inspection is done (QA-01)."""

    SELF = "self"
    MUTUAL = "mutual"
    SURVEY = "survey"
    RIDE_ALONG = "ride_along"
    REMOTE = "remote"


class FormItem(Item):
    """One line of a form; `points` 0: it is asked and not counted."""

    points: float = Field(0, ge=0, le=100, allow_inf_nan=False)
    shares: dict[Key, Share] = Field(
        default_factory=dict, max_length=50, description="Of a choice: what each value is worth."
    )


class FormBody(BaseModel):
    """A form's titles and items, in the order they are shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title_en: Label
    title_zh: Label
    items: list[FormItem] = Field(min_length=1, max_length=MOST_ITEMS)

    def item(self, key: str) -> FormItem | None:
        """Return an item by its key."""
        return next((item for item in self.items if item.key == key), None)

    @property
    def list_body(self) -> checklists.Body:
        """The form as a checklist, for what is asked and what is missing."""
        return checklists.Body.model_construct(
            title_en=self.title_en, title_zh=self.title_zh, items=list(self.items)
        )


@dataclass(frozen=True, slots=True)
class Shipped:
    """A form that comes with the program."""

    code: str
    kind: InspectionKind
    body: FormBody


COUNTED = frozenset({ItemType.YES_NO, ItemType.CHOICE, ItemType.NUMBER, ItemType.MEASUREMENT})


def check_form(body: FormBody) -> None:
    """Raise FormInvalid, naming every item and rule that keeps a form from publishing."""
    found = checklists.item_findings(list(enumerate(body.items)))
    for number, item in enumerate(body.items):
        place = f"body.items.{number}"
        offered = {choice.value for choice in item.choices}
        if item.points and item.type not in COUNTED:
            found.append(_error(f"{place}.points", "counted", "this type cannot be counted"))
        if (item.type is ItemType.CHOICE and item.points) and set(item.shares) != offered:
            found.append(_error(f"{place}.shares", "shares", "every value of it has its share"))
        elif item.shares and item.type is not ItemType.CHOICE:
            found.append(_error(f"{place}.shares", "choice_only", "only a choice has shares"))
    if not any(item.points for item in body.items):
        found.append(_error("body.items", "points", "at least one item has points"))
    if found:
        raise FormInvalid(items=", ".join(error["field"] for error in found), errors=found)


def _error(place: str, rule: str, message: str) -> dict[str, str]:
    return {"field": place, "rule": rule, "message": message}


def check_answers(body: FormBody, answers: Mapping[str, Given]) -> None:
    """Raise FormNotWhole when answers do not fit the form's items, or some are missing."""
    wrong = []
    for key, given in answers.items():
        item = body.item(key)
        takes = "no item of this form" if item is None else checklists.misfit(item, given.value)
        if takes is not None:
            wrong.append(_error(key, "fits", takes))
    if not wrong:
        wrong = [
            _error(one.item_key, "missing", f"the {one.lacks} is missing")
            for one in checklists.missing(body.list_body, answers)
        ]
    if wrong:
        raise FormNotWhole(items=", ".join(error["field"] for error in wrong), errors=wrong)


def score(body: FormBody, answers: Mapping[str, Given]) -> float:
    """Return a filled form's score from 0 to 100; of nothing that counts it is whole."""
    possible = gained = 0.0
    for item in checklists.asked(body.list_body, answers):
        counted = body.item(item.key)
        given = answers.get(item.key)
        if counted is None or not counted.points or given is None:
            continue
        possible += counted.points
        gained += counted.points * _share(counted, given.value)
    return round(WHOLE * gained / possible, 2) if possible else WHOLE


def _share(item: FormItem, value: Any) -> float:
    if item.type is ItemType.YES_NO:
        return 1.0 if value else 0.0
    if item.type is ItemType.CHOICE:
        return item.shares[value]
    low, high = item.least or 0.0, item.most or 0.0
    return float((value - low) / (high - low))


def mean(scores: Iterable[float]) -> float | None:
    """Return the mean of scores, None of none."""
    known = list(scores)
    return round(sum(known) / len(known), 2) if known else None


@lru_cache(maxsize=1)
def shipped() -> tuple[Shipped, ...]:
    """Return the shipped forms, checked, by code."""
    found = []
    for path in files("fieldops.quality").joinpath("data").iterdir():
        document = json.loads(path.read_text(encoding="utf-8"))
        body = FormBody.model_validate(document["body"])
        check_form(body)
        found.append(Shipped(document["code"], InspectionKind(document["kind"]), body))
    return tuple(sorted(found, key=lambda one: one.code))
