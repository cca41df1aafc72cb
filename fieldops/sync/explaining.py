"""Why a row is or is not on a device, in words: for the person who is asked on the telephone."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import views
from fieldops.kernel.actor import Actor
from fieldops.kernel.direct import Line, line_of
from fieldops.kernel.permissions import Permission
from fieldops.kernel.views import DeviceScope
from fieldops.sync import grants, held, positions, queries
from fieldops.sync.held import Change
from fieldops.sync.models import Device, HeldRow
from fieldops.sync.rules import DeviceState

Whose = Callable[[AsyncSession, int, UUID], Awaitable[str]]
_TOLD = ("state", "centre_id", "visit_id", "technician_id", "window_start", "window_end")


async def explain(
    session: AsyncSession,
    scope: DeviceScope,
    device: Device,
    actor: Actor | None,
    type_: str,
    row_id: UUID,
    whose: Whose,
) -> list[tuple[str, str]]:
    """Return (aspect, sentence) pairs about one row and one device, the verdict last.

    `scope` is the device's at this moment, `actor` its user (None: no account any more), and
    `whose` says in words who is on a visit.
    """
    line = await line_of(session)
    shown = views.shown(allowed=actor is not None and actor.allows(Permission.SYNC_USE))
    known = {view.name for view in views.ordered()}
    said = [("device", _device(device)), ("user", _user(actor, scope))]
    if type_ not in known:
        types = ", ".join(sorted(known))
        return [*said, ("type", f"No device holds rows of type {type_}. There are: {types}.")]
    record, changes = await queries.present_state(session, scope.region_id, type_, row_id)
    said.append(("record", _record(type_, record)))
    if changes:
        last = changes[0]
        by = f" by {last.command}" if last.command else ""
        said.append(("last change", f"{last.action} at {_time(last.at)}{by}."))
    visit_id = row_id if type_ == "visit" else (record or {}).get("visit_id")
    if visit_id is not None:
        said.append(("whose", await whose(session, scope.region_id, visit_id)))
    said += _window(scope, record)
    wanted = await _wanted(line, scope, type_, row_id) if _is_shown(shown, type_) else None
    said.append(("permission", _permission(shown, type_, wanted)))
    child = wanted is None and type_ != "visit"
    if child and visit_id is not None and await _wanted(line, scope, "visit", visit_id) is None:
        said.append(("visit", f"Its visit {visit_id} does not belong into the view either."))
    rows = await _held(session, scope, type_, row_id)
    said += [("held", _holding(row, device.gen_sent, device.gen_confirmed)) for row in rows]
    has = next((row.version for row in rows if row.removed_gen is None), None)
    now = await positions.counters(line, scope.region_id, device.view_centres)
    said.append(("fast path", _fast_path(device, now, actor, scope.now)))
    return [*said, ("verdict", _verdict(wanted, has))]


def _device(device: Device) -> str:
    words = {
        DeviceState.ACTIVE.value: "It is active",
        DeviceState.LOCKED.value: "It is locked: it gets nothing until it is unlocked",
        DeviceState.REVOKED.value: "It is revoked: it gets nothing and is told to wipe itself",
    }
    return (
        f"{words[device.state]}; it was last here at {_time(device.last_seen_at)}, "
        f"handed in commands up to {device.last_seq} and stands at page "
        f"{device.gen_confirmed} of {device.gen_sent} sent."
    )


def _user(actor: Actor | None, scope: DeviceScope) -> str:
    if actor is None:
        return f"{scope.person_id} has no open account: nothing belongs on the device."
    if not actor.allows(Permission.SYNC_USE):
        return f"{actor.id} has no role that may sync: only rows about the user alone are left."
    roles = ", ".join(sorted(grant.role.value for grant in actor.grants))
    return f"{actor.id} is {roles}."


def _record(type_: str, record: dict[str, Any] | None) -> str:
    if record is None:
        return f"The database has no {type_} of this id in the region (or shows it only in views)."
    told = ", ".join(f"{name} {record[name]}" for name in _TOLD if record.get(name) is not None)
    return f"It is in version {record.get('version')}: {told or 'nothing to add'}."


def _window(scope: DeviceScope, record: dict[str, Any] | None) -> list[tuple[str, str]]:
    begins = (record or {}).get("window_start")
    if not isinstance(begins, datetime):
        return []
    first, end = scope.window
    place = "inside" if first <= begins < end else "outside"
    days = f"({_time(first)} to {_time(end)}, SY-01)"
    return [("days", f"Its window begins at {_time(begins)}, {place} a device's days {days}.")]


def _is_shown(shown: list[views.View], type_: str) -> bool:
    return any(view.name == type_ for view in shown)


def _permission(shown: list[views.View], type_: str, wanted: int | None) -> str:
    if not _is_shown(shown, type_):
        return f"The user may not hold rows of type {type_} now."
    if wanted is None:
        return "The rules of its type do not put it into the user's view now."
    return f"It belongs into the user's view now, in version {wanted}."


async def _wanted(line: Line, scope: DeviceScope, type_: str, row_id: UUID) -> int | None:
    """Return the version in which a row belongs on the device; asked as every pull asks."""
    found = await held.bodies(line, scope, [Change(type_, row_id, 1, held=False)])
    return found[type_, row_id][0] if (type_, row_id) in found else None


async def _held(
    session: AsyncSession, scope: DeviceScope, type_: str, row_id: UUID
) -> list[HeldRow]:
    found = await session.scalars(
        select(HeldRow)
        .where(
            HeldRow.region_id == scope.region_id,
            HeldRow.device_id == scope.device_id,
            HeldRow.type == type_,
            HeldRow.row_id == row_id,
        )
        .order_by(HeldRow.added_gen)
    )
    return list(found)


def _holding(row: HeldRow, sent: int, confirmed: int) -> str:
    if row.added_gen > confirmed:
        added = (
            f"Version {row.version} was sent in page {row.added_gen}, which is not confirmed yet"
        )
    else:
        added = f"Version {row.version} is there since page {row.added_gen}"
    if row.removed_gen is None:
        return f"{added}."
    state = "not confirmed yet" if row.removed_gen > confirmed else "confirmed"
    return f"{added}; it was taken back in page {row.removed_gen} of {sent}, {state}."


def _fast_path(
    device: Device, counters: tuple[int, int], actor: Actor | None, now: datetime
) -> str:
    """Say whether the next pull looks through the view, and why."""
    key: list[str] = [*device.view_key.split(":"), "", ""]
    if not device.view_key:
        return "It has not been sent a last page: its next pull looks through the view."
    if device.view_valid_until is None or now >= device.view_valid_until:
        return (
            f"Its last look was good until {_time(device.view_valid_until)}: its next pull looks."
        )
    if key[:2] != [str(counter) for counter in counters]:
        return "Rows of its centres have changed since its last look: its next pull looks."
    if actor is not None and grants.digest(actor.grants) not in device.view_key:
        return "Its user's roles have changed since its last look: its next pull looks."
    return (
        "Nothing it knows of has changed since its last look, which is good until "
        f"{_time(device.view_valid_until)}: its next pull says unchanged unless the device itself "
        "has news. After SQL by hand: fieldops sync touch."
    )


def _verdict(wanted: int | None, has: int | None) -> str:
    if wanted == has:
        held_or_not = f"holds version {has}" if has is not None else "does not hold it"
        return f"The device {held_or_not}, and that is as it should be."
    if wanted is None:
        return f"The device holds version {has}; the next look takes it away."
    if has is None:
        return f"The device does not hold it; the next look brings version {wanted}."
    return f"The device holds version {has}; the next look brings version {wanted}."


def _time(at: datetime | None) -> str:
    return at.isoformat(sep=" ", timespec="seconds") if at else "no time"
