"""The large statements of a pull, built and compiled once per process.

The views of all modules make a statement of some 50,000 characters; putting it together anew
takes 90 ms and more. So the views are built over a scope of placeholders, compiled once, and
run with a device's values.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import DateTime, Executable, Integer, Select, Uuid

from fieldops.kernel.direct import Statement, compiled, given
from fieldops.kernel.ids import NIL
from fieldops.kernel.views import DeviceScope, View

_MOMENT = DateTime(timezone=True)


class _Placeholders(DeviceScope):
    """A device's scope whose values are given when a statement is run."""

    __slots__ = ()

    @property
    def today(self) -> tuple[datetime, datetime]:
        return _moment("scope_today"), _moment("scope_tomorrow")

    @property
    def window(self) -> tuple[datetime, datetime]:
        return _moment("scope_starts"), _moment("scope_ends")


def _moment(name: str) -> Any:
    return given(name, _MOMENT)


PLACEHOLDERS: Any = _Placeholders(
    region_id=given("scope_region_id", Integer()),
    person_id=given("scope_person_id", Uuid()),
    device_id=given("scope_device_id", Uuid()),
    centre_ids=frozenset({NIL}),  # a view follows from assignments, never from centres
    now=_moment("scope_now"),
    zone=ZoneInfo("UTC"),
)


def values(scope: DeviceScope) -> dict[str, Any]:
    """Return what to run a prepared statement with for a device."""
    today, tomorrow = scope.today
    starts, ends = scope.window
    return {
        "scope_region_id": scope.region_id,
        "scope_person_id": scope.person_id,
        "scope_device_id": scope.device_id,
        "scope_now": scope.now,
        "scope_today": today,
        "scope_tomorrow": tomorrow,
        "scope_starts": starts,
        "scope_ends": ends,
    }


@lru_cache(maxsize=256)
def built(view: View) -> Select[Any]:
    """Return a view's statement over placeholders: the same object each time."""
    return view.build(PLACEHOLDERS)


Make = Callable[[Sequence[View]], Executable]


@lru_cache(maxsize=256)
def prepare(make: Make, of: tuple[View, ...]) -> Statement:
    """Return the statement that `make` builds of some views, from the second time on at once."""
    return compiled(make(of))
