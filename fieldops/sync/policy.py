"""Who sees which devices and cases: the centres of the offices, a technician the own ones."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown
from fieldops.sync.models import Case, Device

MayDecide = Callable[[AsyncSession, int, UUID, UUID | None], Awaitable[bool]]

# Whether a person may decide cases of a centre: sync knows no accounts, the outside tells it.
may_decide: list[MayDecide] = []


def visible_devices(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for devices inside a scope."""
    return scope.predicate(Device, own=Device.person_id == scope.technician_id, shared=True)


def visible_cases(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for cases inside a scope."""
    return scope.predicate(Case, own=Case.person_id == scope.technician_id, shared=True)


shown(Device, Permission.DEVICE_READ, visible_devices)
shown(Case, Permission.DESK_READ, visible_cases)
