"""How the customer's page is written: templates, both languages, times, and its headers."""

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from fastapi import Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fieldops.kernel.settings import Settings
from fieldops.notifications.wording import LANGUAGES, language_of

FOLDER = Path(__file__).parent
TAGS = {"en": "en", "zh_CN": "zh-CN"}
STYLE = (FOLDER / "style.css").read_text(encoding="utf-8").replace("\n", "")
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; img-src data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Language",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}

_environment = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@cache
def texts(language: str) -> dict[str, Any]:
    """Return all sentences of the page in a language."""
    known: dict[str, dict[str, Any]] = json.loads((FOLDER / "texts.json").read_text("utf-8"))
    return known[language]


def negotiated(accepted: str) -> str | None:
    """Return the language of ours that an Accept-Language header prefers, None without one."""
    ranked: list[tuple[float, int, str]] = []
    for place, part in enumerate(accepted.split(",")[:20]):
        name, _, weight = part.strip().partition(";q=")
        try:
            quality = float(weight or 1)
        except ValueError:
            continue
        if quality > 0 and name.split("-")[0].lower() in {known[:2] for known in LANGUAGES}:
            ranked.append((-quality, place, name))
    return language_of(min(ranked)[2]) if ranked else None


def asked_for(lang: str, accepted: str, *, known: str | None = None) -> str:
    """Return the language of a page: the one asked for, the customer's own, the browser's."""
    if lang.replace("-", "_") in LANGUAGES:
        return language_of(lang)
    if known is not None:
        return language_of(known)
    return negotiated(accepted) or LANGUAGES[0]


@dataclass(frozen=True, slots=True)
class When:
    """A window in words, in the region's own time."""

    date: str
    start: str
    end: str

    @classmethod
    def of(cls, start: datetime, end: datetime, zone: ZoneInfo, language: str) -> "When":
        day = format_date(start.astimezone(zone).date(), "full", locale=language)
        return cls(day, clock_time(start, zone, language), clock_time(end, zone, language))


def clock_time(at: datetime, zone: ZoneInfo, language: str) -> str:
    """Return a local time of day, by 24 hours in every language."""
    return format_time(at.astimezone(zone), "HH:mm", locale=language)


def moment(at: datetime, zone: ZoneInfo, language: str) -> str:
    """Return a day and time of day."""
    day = format_date(at.astimezone(zone).date(), "medium", locale=language)
    return f"{day} {clock_time(at, zone, language)}"


def view(name: str = "", lang: str = "") -> str:
    """Return the address of a view of the same link; the token is never written into a page."""
    asked = {"view": name, "lang": lang}
    return "?" + urlencode({key: value for key, value in asked.items() if value})


def page(
    template: str,
    settings: Settings,
    language: str,
    *,
    status: int = 200,
    at_view: str = "",
    headers: dict[str, str] | None = None,
    **values: Any,
) -> Response:
    """Return a page in a language with the headers that keep it private."""
    tag = TAGS[language]
    others = [
        {"tag": TAGS[other], "name": texts(other)["name"], "href": view(at_view, TAGS[other])}
        for other in LANGUAGES
        if other != language
    ]
    content = _environment.get_template(template).render(
        t=texts(language),
        lang=tag,
        tag=tag,
        others=others,
        style=Markup(STYLE),  # noqa: S704 - our own file
        operator=settings.public_name,
        phone=settings.public_phone,
        views={name or "page": view(name, tag) for name in ("", "windows", "cancel")},
        **values,
    )
    return HTMLResponse(content, status, {**HEADERS, **(headers or {})})
