"""Drafts of templates: what keeps one from being published, and what a version changed. Pure.

A draft is JSON as its writer left it. It is judged as a whole: one malformed item hides nothing
that is wrong with the others.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from pydantic import ValidationError

from fieldops.checklists.rules import Body, Item, item_findings

LONGEST_DRAFT = 400_000
LANGUAGES = {"en": "English", "zh": "Chinese"}
_TEXTS = ("title", "text")
_ABSENT = frozenset({"missing", "string_type", "string_too_short", "too_short"})


def storable(body: dict[str, Any]) -> dict[str, Any]:
    """Return a draft's body when it can be kept as JSON; raises ValueError saying why not."""
    text = json.dumps(body, ensure_ascii=False, allow_nan=False)
    if len(text.encode()) > LONGEST_DRAFT:
        raise ValueError(f"a draft has at most {LONGEST_DRAFT} bytes")
    if "\\u0000" in text.replace("\\\\", ""):
        raise ValueError("a text holds the character U+0000")
    return body


def findings(raw: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return everything that keeps a draft from being published, as {field, rule, message}."""
    errors = [*_shape(raw)]
    items = raw.get("items")
    readable: list[tuple[int, Item]] = []
    unreadable: set[str] = set()
    for number, given in enumerate(items if isinstance(items, list) else []):
        try:
            readable.append((number, Item.model_validate(given)))
        except ValidationError:
            if isinstance(given, dict) and isinstance(given.get("key"), str):
                unreadable.add(given["key"])
    return errors + item_findings(readable, unreadable)


def _shape(raw: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    try:
        Body.model_validate(raw)
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False, include_context=False, include_input=False):
            place = ".".join(["body", *map(str, error["loc"])])
            what, _, language = str(error["loc"][-1]).rpartition("_")
            if what in _TEXTS and language in LANGUAGES and error["type"] in _ABSENT:
                message = f"the {what} in {LANGUAGES[language]} is missing"
                yield {"field": place, "rule": "translation", "message": message}
            else:
                yield {"field": place, "rule": error["type"], "message": error["msg"]}


def untranslated(body: Body) -> list[str]:
    """Return the places whose Chinese is the English text again, or has no Chinese letter.

    That can be right (a model's name), so it keeps nothing from being published.
    """
    texts = [("body.title_zh", body.title_en, body.title_zh)]
    for number, item in enumerate(body.items):
        place = f"body.items.{number}"
        texts.append((f"{place}.text_zh", item.text_en, item.text_zh))
        texts += [
            (f"{place}.choices.{position}.text_zh", choice.text_en, choice.text_zh)
            for position, choice in enumerate(item.choices)
        ]
    return [place for place, english, chinese in texts if english == chinese or not _han(chinese)]


def _han(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field before and after; None where it was not or is no longer given."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Changes:
    """What leads from one body to another; items are named by their keys."""

    titles: list[FieldChange]
    added: list[Item]
    removed: list[Item]
    changed: dict[str, list[FieldChange]]
    moved: list[str]


def changes(before: Body, after: Body) -> Changes:
    """Return what has changed between two bodies; an item is the same while its key is."""
    old = {item.key: item for item in before.items}
    new = {item.key: item for item in after.items}
    changed = {
        key: _fields(old[key].model_dump(mode="json"), item.model_dump(mode="json"))
        for key, item in new.items()
        if key in old and old[key] != item
    }
    kept_before = [key for key in old if key in new]
    kept_after = [key for key in new if key in old]
    matcher = SequenceMatcher(None, kept_before, kept_after, autojunk=False)
    in_order = {
        key
        for block in matcher.get_matching_blocks()
        for key in kept_after[block.b : block.b + block.size]
    }
    titles = ("title_en", "title_zh")
    return Changes(
        titles=_fields(
            {name: getattr(before, name) for name in titles},
            {name: getattr(after, name) for name in titles},
        ),
        added=[item for key, item in new.items() if key not in old],
        removed=[item for key, item in old.items() if key not in new],
        changed=changed,
        moved=[key for key in kept_after if key not in in_order],
    )


def _fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldChange]:
    return [
        FieldChange(name, before[name], after[name])
        for name in after
        if before[name] != after[name]
    ]
