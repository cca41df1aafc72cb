"""What a notice says, in the languages technicians read; the sentences stand in notices.json."""

import json
from functools import cache
from pathlib import Path

from fieldops.visits.rules import NoticeKind

LANGUAGES = ("en", "zh_CN")


@cache
def _sentences() -> dict[str, dict[str, str]]:
    text = Path(__file__).with_name("notices.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = json.loads(text)
    return found


def notice(kind: NoticeKind, technicians: str = "") -> dict[str, str]:
    """Return the sentence of a notice by language; `technicians` are who has the visit now."""
    said = _sentences()[kind.value]
    return {name: said[name].format(technicians=technicians or "-") for name in LANGUAGES}
