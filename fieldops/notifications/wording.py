"""What a message says: a template per language, filled with times of the customer's region."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time

FOLDER = Path(__file__).with_name("templates")
LANGUAGES = ("en", "zh_CN")
FALLBACK = "en"
MOST_NAMED = 20  # matters of one mail; the list has them all
AsksBy = Literal["reply", "keys", "follow_up_reply", "follow_up_keys"]
"""How a question can be answered beside its link; each has a template."""


@dataclass(frozen=True, slots=True)
class Text:
    """A message ready for a person: the subject is for e-mail only."""

    subject: str
    text: str
    locale: str


def language_of(locale: str | None) -> str:
    """Return the language we have for a customer's locale (zh-CN, zh_Hans, en-GB, ...)."""
    wanted = (locale or FALLBACK).replace("-", "_")
    if wanted in LANGUAGES:
        return wanted
    first = wanted.split("_")[0].lower()
    return next((known for known in LANGUAGES if known.split("_")[0] == first), FALLBACK)


@cache
def _template(kind: str, language: str) -> tuple[str, str]:
    subject, _, text = (FOLDER / language / f"{kind}.txt").read_text("utf-8").partition("\n")
    return subject, text.strip()


def render(
    kind: str,
    locale: str | None,
    values: dict[str, Any],
    zone: ZoneInfo,
    *,
    asks_by: AsksBy | None = None,
    kinds: Collection[str] = (),
) -> Text:
    """Fill a kind's template: datetimes become local times, `start` gives `date` too.

    `kinds` are the kinds of work to name, to tell this visit from another one of the customer's.
    `asks_by` says that the customer can answer by a text message or by the keys of the phone.
    """
    language = language_of(locale)
    subject, text = _template(kind, language)
    if kinds:
        said = _template("work", language)[1].format(work=work_named(kinds, language))
        text = f"{text} {said}"
    if asks_by is not None:
        text = f"{text} {_template(asks_by, language)[1]}"
    shown = {
        name: _time(value, language, zone) if isinstance(value, datetime) else value
        for name, value in values.items()
    }
    if isinstance(values.get("start"), datetime):
        local = values["start"].astimezone(zone).date()
        shown["date"] = format_date(local, "full", locale=language)
    return Text(subject.format_map(shown), text.format_map(shown), language)


def render_warnings(
    warnings: Sequence[tuple[str, str, datetime]], locale: str | None, now: datetime, zone: ZoneInfo
) -> Text:
    """Write to somebody which matters near or passed their limits, most pressing first.

    `warnings` are limit, stage and due time of each. No customer is named: the list leads there.
    """
    language = language_of(locale)
    subject, text = _template("limits", language)
    said: dict[str, Any] = limit_names(language)
    line = _template("limit", language)[1]
    shown = [
        line.format(
            what=said["limits"][about],
            stage=said["stages"][stage],
            standing=said["past" if due_at <= now else "near"],
            date=format_date(due_at.astimezone(zone).date(), "short", locale=language),
            time=_time(due_at, language, zone),
        )
        for about, stage, due_at in sorted(warnings, key=lambda one: one[2])[:MOST_NAMED]
    ]
    more = len(warnings) - len(shown)
    if more:
        shown.append(said["more"].format(number=more))
    number = len(warnings)
    return Text(
        subject.format(number=number),
        f"{text.format(number=number)}\n" + "\n".join(shown),
        language,
    )


@cache
def limit_names(language: str) -> dict[str, Any]:
    """Return what limits, stages and standings are called in a language."""
    found: dict[str, Any] = json.loads((FOLDER / language / "limits.json").read_text("utf-8"))
    return found


def work_named(kinds: Collection[str], language: str) -> str:
    """Return what is to be done in words: `installation, removal`."""
    comma = "、" if language == "zh_CN" else ", "
    return comma.join(_kinds(language)[kind] for kind in kinds)


@cache
def _kinds(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((FOLDER / language / "kinds.json").read_text("utf-8"))
    return found


def _time(at: datetime, language: str, zone: ZoneInfo) -> str:
    # 24-hour times in every language: 8:00 in the evening has been understood as the morning.
    return format_time(at.astimezone(zone), "HH:mm", locale=language)
