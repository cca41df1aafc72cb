"""A visit's report written down: as a page without scripts, or as a PDF, whole in one answer.

Photos are read from the store of files, made small, and put into the document; nothing of it is
kept anywhere.
"""

import asyncio
import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fieldops.files.errors import FileLost
from fieldops.files.store import Store, store_of
from fieldops.kernel.settings import Settings
from fieldops.kernel.typesetting import Language, typeset
from fieldops.reports.visit_report.saying import Report, texts
from fieldops.reports.visit_report.thumbnails import thumbnail

FOLDER = Path(__file__).parent
STYLE = (FOLDER / "report.css").read_text(encoding="utf-8").replace("\n", "")
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
TAGS = {"en": "en", "zh_CN": "zh-CN"}

_environment = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


async def pictures(settings: Settings, region_id: int, report: Report) -> dict[str, bytes]:
    """Return the small photos of a report by their names in it, read and made off the loop.

    What is not here or cannot be read is left out; the caption then says so.
    """
    if not report.photos:
        return {}
    store = store_of(settings, region_id)
    made = await asyncio.to_thread(_small, store, report.photos)
    for photo in report.shown["photos"]:
        if photo["arrived"] and photo["name"] not in made:
            photo["caption"] += f" ({report.shown['t']['photo_unreadable']})"
    return made


def _small(store: Store, wanted: Mapping[str, str]) -> dict[str, bytes]:
    made: dict[str, bytes] = {}
    for name, sha256 in wanted.items():
        try:
            content = b"".join(store.read(sha256))
        except FileLost:
            continue
        small = thumbnail(content)
        if small is not None:
            made[name] = small
    return made


def page(report: Report, shown: Mapping[str, bytes], settings: Settings, **more: Any) -> str:
    """Return a report as HTML; the photos are in it."""
    language = report.shown["language"]
    return _environment.get_template("report.html").render(
        **report.shown,
        **more,
        tag=TAGS[language],
        style=Markup(STYLE),  # noqa: S704 - our own file
        drawing=Markup(report.shown["map"]["svg"]),  # noqa: S704 - made of numbers by the sketch
        operator=settings.public_name,
        sources={name: _data_uri(content) for name, content in shown.items()},
    )


def _data_uri(content: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(content).decode()


def gone(language: str, settings: Settings) -> str:
    """Return the page that stands where an erased customer's report was (CU-07)."""
    return _environment.get_template("gone.html").render(
        t=texts(language),
        tag=TAGS[language],
        style=Markup(STYLE),  # noqa: S704 - our own file
        operator=settings.public_name,
    )


async def paper(
    report: Report, shown: Mapping[str, bytes], settings: Settings, at: datetime
) -> bytes:
    """Return a report as PDF; raises what typesetting raises."""
    language: Language = "zh_CN" if report.shown["language"] == "zh_CN" else "en"
    svg = report.shown["map"]["svg"]
    files = {**shown, **({"map.svg": svg.encode()} if svg else {})}
    data = {**report.shown, "operator": settings.public_name, "pictures": sorted(files)}
    return await typeset(
        _template(), data, title=report.shown["title"], language=language, at=at, pictures=files
    )


@cache
def _template() -> str:
    return (FOLDER / "report.typ").read_text(encoding="utf-8")
