"""What has a limit, declared by the module that owns it: one job warns of all of it.

A module says with `limit` which of its records run towards a due time, and who answers for each.
Notifications stands above and reads them all; a matter with a limit needs no warnings of its own.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, Uuid, null, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.configuration import Number
from fieldops.kernel.permissions import Role


class Stage(StrEnum):
    """Who is warned, in the order in which they are."""

    RESPONSIBLE = "responsible"  # who owns the matter, or may take it while nobody does
    SUPERVISOR = "supervisor"  # of the unit that it belongs to
    UNIT_ABOVE = "unit_above"  # who leads or audits the unit above


Running = Callable[[AsyncSession, int, datetime], Awaitable[Select[Any] | None]]
"""`(session, region_id, now)` gives the statement for what runs towards a limit, by `towards`.

What is done is not in it. None: nothing can be late.
"""


def towards(
    record_id: Any, centre_id: Any, since: Any, due_at: Any, owner_id: Any = None
) -> Select[Any]:
    """Return the columns of what runs towards a limit: what, from when, until when, and whose.

    `centre_id` is the unit it belongs to, `owner_id` the person who answers for it, if any does.
    """
    found: Select[Any] = select(
        record_id.label("record_id"),
        centre_id.label("centre_id"),
        since.label("since"),
        due_at.label("due_at"),
        (null().cast(Uuid) if owner_id is None else owner_id).label("owner_id"),
    )
    return found


@dataclass(frozen=True, slots=True)
class Limit:
    """A kind of matter that can be late.

    `rule` is the id of the rule, `record` the type of what a warning leads to. `shares`: at which
    percent of the time whom is warned. `takers`: the roles that may take a matter nobody owns; of
    technicians those of `department`.
    """

    name: str
    rule: str
    record: str
    shares: Mapping[Stage, Number]
    takers: frozenset[Role]
    running: Running
    department: str | None = None


REGISTRY: dict[str, Limit] = {}


def limit(
    name: str,
    rule: str,
    record: str,
    *,
    shares: Mapping[Stage, Number],
    takers: Collection[Role],
    department: str | None = None,
) -> Callable[[Running], Running]:
    """Declare a limit over the function that says what runs towards it."""

    def register(running: Running) -> Running:
        if name in REGISTRY:
            raise TypeError(f"the limit {name} is declared twice")
        REGISTRY[name] = Limit(name, rule, record, shares, frozenset(takers), running, department)
        return running

    return register
