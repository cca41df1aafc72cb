"""Device views: which rows of each type a technician's device may hold, as SQL.

A module's views.py registers functions with `@view`. Each returns a statement made by
`document`: id, version, tier, until and the body built as JSON by the database, limited to
what the device's user may see now (SY-01).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from sqlalchemy import DateTime, Integer, Select, String, Uuid, cast, func, literal, null, select

from fieldops.kernel.clock import local_day, start_of_day

TODAY, LATER, BACKGROUND = 0, 1, 2
DAYS_BACK = 2  # SY-01
DAYS_AHEAD = 14  # SY-01


@dataclass(frozen=True, slots=True)
class DeviceScope:
    """Whose device, and the moment it is looked at from."""

    region_id: int
    person_id: UUID
    device_id: UUID
    centre_ids: frozenset[UUID]
    now: datetime
    zone: ZoneInfo

    @property
    def today(self) -> tuple[datetime, datetime]:
        """The first moment of the local day and of the next one."""
        day = local_day(self.now, self.zone)
        return start_of_day(day, self.zone), start_of_day(day + timedelta(days=1), self.zone)

    @property
    def window(self) -> tuple[datetime, datetime]:
        """From two days back to fourteen days ahead, in local days (SY-01)."""
        day = local_day(self.now, self.zone)
        return (
            start_of_day(day - timedelta(days=DAYS_BACK), self.zone),
            start_of_day(day + timedelta(days=DAYS_AHEAD + 1), self.zone),
        )


Build = Callable[[DeviceScope], Select[Any]]


@dataclass(frozen=True, slots=True)
class View:
    """A registered type of row: parents have a lower rank than their children (I9).

    `own`: rows that are about the user alone, such as what became of what they handed in. They
    stay when the user has lost the role, so that nobody wonders where the rest has gone.
    """

    name: str
    rank: int
    build: Build
    schema: type[BaseModel]
    own: bool = False


REGISTRY: dict[str, View] = {}


def view(
    name: str, *, rank: int, schema: type[BaseModel], own: bool = False
) -> Callable[[Build], Build]:
    """Register what a device may hold of one type.

    `schema` is the Pydantic shape of the body (it goes into openapi). A parent's tier must not
    be later than its children's.
    """

    def register(build: Build) -> Build:
        if name in REGISTRY:
            raise TypeError(f"view {name} is registered twice")
        REGISTRY[name] = View(name, rank, build, schema, own)
        return build

    return register


def document(
    model: Any,
    fields: Mapping[str, Any],
    *,
    tier: Any = LATER,
    until: Any = None,
) -> Select[Any]:
    """Return a statement over a model's rows with the columns every view has.

    `fields` gives the body (id and version are added); `tier` is TODAY, LATER, BACKGROUND or an
    expression of them; `until` is the moment the row leaves the view by itself, if it does.
    """
    pairs: list[Any] = []
    for name, column in {"id": model.id, "version": model.version, **fields}.items():
        pairs += [literal(name, String, literal_execute=True), column]
    return select(
        model.id.label("id"),
        model.version.label("version"),
        cast(tier, Integer).label("tier"),
        cast(null() if until is None else until, DateTime(timezone=True)).label("until"),
        # The change counters of these centres wake the device, wherever its visits are.
        cast(getattr(model, "centre_id", null()), Uuid).label("centre"),
        func.json_build_object(*pairs).label("body"),
    )


def ordered() -> list[View]:
    """Return the views by rank, then name."""
    return sorted(REGISTRY.values(), key=lambda v: (v.rank, v.name))


def shown(*, allowed: bool) -> list[View]:
    """Return the views of a device whose user is allowed to sync, or is not any more."""
    return [found for found in ordered() if allowed or found.own]
