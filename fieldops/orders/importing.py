"""Orders from a file of JSON lines: bad lines are reported, good ones go in, once.

A line is the body of order.receive. Its command id follows from the region and the content, so
that the same file again finds every line in the ledger and changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid5

from pydantic_core import from_json

from fieldops.kernel import clock, ledger
from fieldops.kernel.actor import Actor
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Coded
from fieldops.kernel.ids import NIL

LONGEST_LINE = 64 * 1024


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that did not go in: its number from 1, the refusal's code, and why in words."""

    number: int
    code: str
    reason: str


@dataclass(slots=True)
class Report:
    """What an import did with each line."""

    received: int = 0
    unchanged: int = 0
    bad: list[BadLine] = field(default_factory=list)


class _NotAnOrder(Exception):  # noqa: N818 - caught below; it never leaves this file
    pass


async def import_lines(database: Database, actor: Actor, lines: Iterable[str | bytes]) -> Report:
    """Receive the order of every line in a transaction of its own; empty lines are skipped."""
    report = Report()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            changed = await _import(database, actor, _parsed(line))
        except _NotAnOrder as exc:
            report.bad.append(BadLine(number, "invalid_line", str(exc)))
        except Coded as exc:
            report.bad.append(BadLine(number, exc.code, _words(exc)))
        else:
            report.received += changed
            report.unchanged += not changed
    return report


def _parsed(line: str | bytes) -> dict[str, Any]:
    if len(line.encode() if isinstance(line, str) else line) > LONGEST_LINE:
        raise _NotAnOrder(f"the line is longer than {LONGEST_LINE} bytes")
    try:
        value = from_json(line)
    except ValueError as exc:
        raise _NotAnOrder(f"not JSON: {exc}") from None
    if not isinstance(value, dict):
        raise _NotAnOrder("a line holds one JSON object")
    return value


def _words(exc: Coded) -> str:
    """Return a refusal's message, with the fields when the line's content was wrong."""
    errors = exc.details.get("errors")
    if not errors:
        return exc.message
    return "; ".join(f"{error['field']}: {error['message']}" for error in errors)


async def _import(database: Database, actor: Actor, args: dict[str, Any]) -> bool:
    """Run one line's command; return whether it brought a new order."""
    content = ledger.canonical({"region": actor.region_id, "order": args})
    envelope = Envelope(uuid5(NIL, content.hex()), "order.receive", args)
    async with database.transaction() as session:
        result = await ledger.once(session, actor, envelope, clock.now())
    # A known order is named alone; a new one comes with its work orders.
    return result["status"] == "applied" and len(result["refs"]) > 1
