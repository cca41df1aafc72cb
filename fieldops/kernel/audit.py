"""The audit: one row for every change of a row by a command, written by the unit of work.

It is the history of every thing at once (who, when by server and device, why, before, after)
and the memory that decides which fields somebody else changed after a base version.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Index, Select, inspect, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, Session, mapped_column

from fieldops.kernel import clock
from fieldops.kernel.base import Catalogue, Regional

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
    )


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str | dict | list):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "desc"):  # a geometry: its hex form says whether it moved
        return str(value.desc)
    return str(value)


def write(session: Session) -> None:
    """Add the audit rows of what this flush is about to write (called before every flush)."""
    ctx = session.info.get("context")
    rows = [_row(obj, ctx, "created", 1, {}, _created(obj)) for obj in _kept(session.new, ctx)]
    for obj in _kept(session.dirty, ctx):
        if session.is_modified(obj):
            before, after = _difference(obj)
            rows.append(_row(obj, ctx, "changed", obj.version + 1, before, after))
    rows += [
        _row(obj, ctx, "deleted", obj.version, _last(obj), {})
        for obj in _kept(session.deleted, ctx)
    ]
    session.add_all(rows)


def _kept(objects: Iterable[Any], ctx: Any) -> list[Regional | Catalogue]:
    """Return the rows to audit; a catalogue's belong to the region of the command's actor."""
    kinds = Regional if ctx is None else Regional | Catalogue
    return [obj for obj in objects if isinstance(obj, kinds) and obj.audited]


def _created(obj: Regional | Catalogue) -> dict[str, Any]:
    """Keep a new row's state only; its other first values stand in the row or its next audit."""
    state = getattr(obj, "state", None)
    return {} if state is None else {"state": _plain(state)}


def _last(obj: Regional | Catalogue) -> dict[str, Any]:
    """Keep what a deleted row said: nothing else remembers it."""
    state: Any = inspect(obj)
    names = (column.key for column in state.mapper.column_attrs)
    return {
        name: MASK if name in obj.masked else _plain(getattr(obj, name))
        for name in names
        if name not in {*_OWN, "region_id", "id"}
    }


def _difference(obj: Regional | Catalogue) -> tuple[dict[str, Any], dict[str, Any]]:
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    state: Any = inspect(obj)
    for attribute in state.attrs:
        history = attribute.history
        if attribute.key in _OWN or not history.has_changes():
            continue
        masked = attribute.key in obj.masked
        old = history.deleted[0] if history.deleted else None
        before[attribute.key] = MASK if masked else _plain(old)
        after[attribute.key] = MASK if masked else _plain(attribute.value)
    return before, after


def _row(
    obj: Regional | Catalogue,
    ctx: Any,
    action: str,
    version: int,
    before: dict[str, Any],
    after: dict[str, Any],
) -> Audit:
    return Audit(
        region_id=obj.region_id if isinstance(obj, Regional) else ctx.region_id,
        at=ctx.now if ctx else clock.now(),
        entity=obj.__tablename__,
        entity_id=obj.id,
        entity_version=version,
        action=action,
        before=before,
        after=after,
        actor_id=ctx.actor.id if ctx else None,
        device_id=ctx.envelope.device_id if ctx else None,
        command_id=ctx.envelope.id if ctx else None,
        command=ctx.envelope.name if ctx else None,
        captured_at=ctx.captured_at if ctx else None,
        reason=ctx.reason if ctx else None,
    )


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
