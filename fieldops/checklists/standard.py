"""The checklists a new installation starts with (CH-03), from the files in data/."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from fieldops.checklists.rules import Body, check_body


@dataclass(frozen=True, slots=True)
class Standard:
    """A shipped template: its code, what it is for, and its body."""

    code: str
    kind: str
    service: str | None
    segment: str | None
    body: Body


@lru_cache(maxsize=1)
def templates() -> tuple[Standard, ...]:
    """Return the shipped templates, checked, by code."""
    return tuple(sorted(_read(), key=lambda standard: standard.code))


def _read() -> Iterator[Standard]:
    for path in files("fieldops.checklists").joinpath("data").iterdir():
        document = json.loads(path.read_text(encoding="utf-8"))
        body = Body.model_validate(document["body"])
        check_body(body)
        for use in document["uses"]:
            yield Standard(use["code"], use["kind"], use["service"], use["segment"], body)
