"""The materials and gifts a region may start with, from the file in data/ (CH-03)."""

import json
from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=1)
def materials() -> tuple[dict[str, str], ...]:
    """Return the shipped catalogue: code, names in both languages, use and unit."""
    path = files("fieldops.materials").joinpath("data").joinpath("standard.json")
    return tuple(json.loads(path.read_text(encoding="utf-8")))
