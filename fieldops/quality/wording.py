"""Why a flag was raised, in the languages technicians read; the sentences are in sentences.json."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fieldops.quality.rules import Check

LANGUAGES = ("en", "zh_CN")


@cache
def _sentences() -> dict[str, dict[str, str]]:
    text = Path(__file__).with_name("sentences.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = json.loads(text)
    return found


def reason(check: Check, values: Mapping[str, Any], zone: ZoneInfo) -> dict[str, str]:
    """Return the sentence of a flag by language; moments are told in the region's time."""
    told = {name: _told(value, zone) for name, value in values.items()}
    said = _sentences()[check.value]
    return {name: said[name].format(**told) for name in LANGUAGES}


def _told(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else f"{value:.1f}"
    return str(value)
