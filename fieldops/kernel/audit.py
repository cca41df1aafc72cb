"""The audit: one row for every change of a row by a command, written by the unit of work.

It is the history of every thing at once (who, when by server and device, why, before, after)
and the memory that decides which fields somebody else changed after a base version.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Index, Select, inspect, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import LoaderCallableStatus, Mapped, mapped_column
from sqlalchemy.orm.attributes import instance_state

from fieldops.kernel import clock
from fieldops.kernel.base import Regional, Versioned
from fieldops.kernel.ids import new_id

Row = dict[str, Any]
MASK = "masked"
_OWN = frozenset({"version", "created_at", "updated_at"})


class Audit(Regional):
    """One change: the entity's table and id, its new version, what was before and after."""

    __tablename__ = "kernel_audit"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    at: Mapped[datetime]
    entity: Mapped[str]
    entity_id: Mapped[UUID]
    entity_version: Mapped[int]
    action: Mapped[str]  # created, changed, deleted
    before: Mapped[dict[str, Any]] = mapped_column(JSONB)
    after: Mapped[dict[str, Any]] = mapped_column(JSONB)
    actor_id: Mapped[UUID | None]
    device_id: Mapped[UUID | None]
    command_id: Mapped[UUID | None]
    command: Mapped[str | None]
    captured_at: Mapped[datetime | None]
    reason: Mapped[str | None]

    __table_args__ = (
        Index("ix_kernel_audit_entity", "region_id", "entity", "entity_id", "entity_version"),
        Index("ix_kernel_audit_at", "region_id", "at"),
        # How soon the record follows the plant (RE-06) is asked by when a change was captured.
        Index(
            "ix_kernel_audit_plant",
            "region_id",
            "captured_at",
            postgresql_where="entity = 'network_feature' and captured_at is not null",
        ),
    )


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str | dict | list):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "desc"):  # a geometry: its hex form says whether it moved
        return str(value.desc)
    return str(value)


Changes = dict[str, tuple[Any, Any]]


def changes_of(obj: Versioned, known: dict[str, Any] | None) -> Changes:
    """Return what of a row changed, as {column: (before, after)}.

    Compared with `known`, the values as last accounted for, or without it with what the database
    holds. The version and the times of a row are not looked at.
    """
    values = obj.__dict__
    if known == values:
        return {}
    state: Any = instance_state(obj)
    before = state.committed_state if known is None else known
    found: Changes = {}
    for name in before if known is None else values:
        if name in _OWN or name[0] == "_":
            continue
        old, new = before.get(name), values.get(name)
        if old is new:
            continue
        if isinstance(old, LoaderCallableStatus):
            old = None
        if old is None or new is None or state.manager[name].impl.is_equal(new, old) is not True:
            found[name] = (old, new)
    return found


def created(obj: Versioned, ctx: Any) -> Row:
    """Return the row of a new thing.

    It keeps the state only; other first values stand in the thing or in its next audit row.
    """
    state = getattr(obj, "state", None)
    return _row(obj, ctx, "created", {}, {} if state is None else {"state": _plain(state)})


def changed(obj: Versioned, ctx: Any, changes: Changes) -> Row:
    """Return the row of a change; the thing has its new version already."""
    before = {n: MASK if n in obj.masked else _plain(old) for n, (old, _) in changes.items()}
    after = {n: MASK if n in obj.masked else _plain(new) for n, (_, new) in changes.items()}
    return _row(obj, ctx, "changed", before, after)


def deleted(obj: Versioned, ctx: Any) -> Row:
    """Return the row of a deletion; it keeps what the thing said, for nothing else remembers it."""
    state: Any = inspect(obj)
    names = (column.key for column in state.mapper.column_attrs)
    last = {
        name: MASK if name in obj.masked else _plain(getattr(obj, name))
        for name in names
        if name not in {*_OWN, "region_id", "id"}
    }
    return _row(obj, ctx, "deleted", last, {})


def is_kept(obj: Versioned, ctx: Any) -> bool:
    """Return whether a row is audited; a catalogue's belong to the region of the actor."""
    return obj.audited and (ctx is not None or isinstance(obj, Regional))


def _row(obj: Versioned, ctx: Any, action: str, before: Any, after: Any) -> Row:
    now = ctx.now if ctx else clock.now()
    return {
        "region_id": obj.region_id if isinstance(obj, Regional) else ctx.region_id,
        "id": new_id(),
        "version": 1,
        "created_at": now,
        "updated_at": now,
        "at": now,
        "entity": obj.__tablename__,
        "entity_id": obj.id,  # type: ignore[attr-defined]
        "entity_version": obj.version,
        "action": action,
        "before": before,
        "after": after,
        "actor_id": ctx.actor.id if ctx else None,
        "device_id": ctx.envelope.device_id if ctx else None,
        "command_id": ctx.envelope.id if ctx else None,
        "command": ctx.envelope.name if ctx else None,
        "captured_at": ctx.captured_at if ctx else None,
        "reason": ctx.reason if ctx else None,
    }


def history(region_id: int, entity: str, entity_id: UUID) -> Select[Audit]:
    """Return the statement for an entity's changes, oldest first."""
    return (
        select(Audit)
        .where(Audit.region_id == region_id, Audit.entity == entity, Audit.entity_id == entity_id)
        .order_by(Audit.entity_version, Audit.id)
    )


async def foreign_fields(
    session: AsyncSession, row: Regional, after_version: int, device_id: UUID | None
) -> set[str]:
    """Return the fields of a row that others than this device changed after a version."""
    found = await session.execute(
        select(Audit.after).where(
            Audit.region_id == row.region_id,
            Audit.entity == row.__tablename__,
            Audit.entity_id == row.id,
            Audit.entity_version > after_version,
            Audit.device_id.is_distinct_from(device_id),
        )
    )
    return {name for (after,) in found for name in after}
