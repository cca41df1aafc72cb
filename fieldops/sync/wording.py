"""What technicians read of their cases; the sentences stand in outcomes.json.

English is the refusal's own message and advice; the Chinese sentence of a code says both. The
details of a case stand where a sentence has them in braces.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "zh_CN")


@cache
def _sentences() -> dict[str, Any]:
    text = Path(__file__).with_name("outcomes.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def outcomes() -> dict[str, dict[str, str]]:
    """Return how a case stands or ended, by state and language."""
    found: dict[str, dict[str, str]] = _sentences()["states"]
    return found


def refused() -> dict[str, str]:
    """Return how a rejected case stands that nobody has decided: who captured it can act, too."""
    found: dict[str, str] = _sentences()["refused"]
    return found


def reasons() -> dict[str, str]:
    """Return the Chinese sentence of each code that has one of its own."""
    return {code: said["zh_CN"] for code, said in _sentences()["codes"].items()}


def other_reason() -> str:
    """Return the Chinese sentence of all other codes."""
    return str(_sentences()["other"]["zh_CN"])
