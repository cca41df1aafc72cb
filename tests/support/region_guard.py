"""Region rules 4 to 6, checked on every statement the tests send to the database."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from fieldops.kernel.base import operational_tables

_ANY_CASE = re.IGNORECASE
_SOURCE = re.compile(r'(?:\bfrom|\bjoin|\bupdate|,)\s+"?(\w+)"?(?:\s+as\s+"?(\w+)"?)?', _ANY_CASE)
_VOLATILE = re.compile(r"\b(now|random|gen_random_uuid|clock_timestamp|nextval)\s*\(", _ANY_CASE)
_FREE = re.compile(
    r"^\s*(create|drop|alter|comment|truncate|set|show|insert|savepoint|release|rollback)\b",
    _ANY_CASE,
)


def offences(statement: str) -> Iterator[str]:
    """Yield what a statement does against the region rules."""
    if _FREE.match(statement) and not re.search(r"\bselect\b", statement, _ANY_CASE):
        return
    tables = operational_tables()
    for name, alias in _SOURCE.findall(statement):
        if name not in tables:
            continue
        key = re.escape(alias or name)
        if not re.search(
            rf'(?<!\w)"?{key}"?\.region_id\s*(=|in\b)|=\s*"?{key}"?\.region_id',
            statement,
            _ANY_CASE,
        ):
            yield f"{name} (as {alias or name}) is used without region_id ="
    if re.match(r"\s*(update|delete)\b", statement, _ANY_CASE) and _VOLATILE.search(statement):
        yield "a volatile function in UPDATE or DELETE"
    if re.match(r"\s*merge\b", statement, _ANY_CASE):
        yield "MERGE is not used"


@lru_cache(maxsize=4096)
def _offences_once(statement: str) -> tuple[str, ...]:
    """Look through each statement once: a pull's has 80,000 characters, and comes often."""
    return tuple(offences(statement))


def watch(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
    """Refuse a statement against the region rules (an engine's before_cursor_execute hook)."""
    found = _offences_once(statement)
    if found:
        raise AssertionError(f"region rules: {'; '.join(found)}\n{statement}")
