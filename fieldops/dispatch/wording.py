"""What dispatchers read about candidates and late visits, in both languages."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

LANGUAGES = ("en", "zh_CN")

_SKILLS = {
    "fixed_line": {"en": "fixed line", "zh_CN": "固定电话"},
    "copper_broadband": {"en": "copper broadband", "zh_CN": "铜线宽带"},
    "fibre": {"en": "fibre", "zh_CN": "光纤"},
    "indoor_network": {"en": "indoor network", "zh_CN": "室内网络"},
    "enterprise": {"en": "enterprise", "zh_CN": "政企业务"},
}
_LEAVE = {
    "leave": {"en": "leave", "zh_CN": "休假"},
    "rest_day": {"en": "rest day", "zh_CN": "休息日"},
    "training": {"en": "training", "zh_CN": "培训"},
    "sick": {"en": "ill", "zh_CN": "病假"},
}


@cache
def _sentences() -> dict[str, dict[str, str]]:
    text = Path(__file__).with_name("sentences.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = json.loads(text)
    return found


def sentence(code: str, details: Mapping[str, Any], zone: ZoneInfo) -> dict[str, str]:
    """Return a sentence by language; times are shown in the region's zone."""
    return {
        name: _sentences()[code][name].format(
            **{key: _word(value, name, zone) for key, value in details.items()}
        )
        for name in LANGUAGES
    }


def _word(value: Any, language: str, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%H:%M")
    if isinstance(value, list):
        return ("、" if language == "zh_CN" else ", ").join(_word(v, language, zone) for v in value)
    known = _SKILLS.get(str(value)) or _LEAVE.get(str(value))
    return known[language] if known else str(value)
