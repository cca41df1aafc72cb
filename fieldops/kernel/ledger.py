"""The ledger: every command that was ever acknowledged, with the result it got, exactly once."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic_core import from_json, to_json
from sqlalchemy import JSON, BigInteger, Index, LargeBinary, UniqueConstraint, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.kernel import commands, writing
from fieldops.kernel.actor import Actor
from fieldops.kernel.base import Regional
from fieldops.kernel.commands import Applied, Envelope
from fieldops.kernel.errors import IdReused
from fieldops.kernel.writing import Write


class LedgerEntry(Regional):
    """One command: id, device and its seq, the hash of its content, its result as first sent."""

    __tablename__ = "kernel_ledger"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    device_id: Mapped[UUID | None]
    seq: Mapped[int | None] = mapped_column(BigInteger)
    actor_id: Mapped[UUID]
    name: Mapped[str]
    v: Mapped[int]
    subject_id: Mapped[UUID | None]
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[str]
    result: Mapped[Any] = mapped_column(JSON)
    case_id: Mapped[UUID | None]
    captured_at: Mapped[datetime | None]
    estimated_at: Mapped[datetime | None]
    received_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("region_id", "device_id", "seq"),
        Index("ix_kernel_ledger_received", "region_id", "received_at"),
    )


def canonical(value: Any) -> bytes:
    """Return JSON with sorted keys and no spaces: the same content has the same bytes."""
    return to_json(_sorted(value))


_LEAVES = (str, int, float, UUID, datetime, type(None))


def _sorted(value: Any) -> Any:
    if isinstance(value, _LEAVES):
        return value
    if type(value) is dict and all(type(key) is str for key in value):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]
    return _sorted(from_json(to_json(value)))  # a model, a mapping of another kind, a day


def content_hash(envelope: Envelope, captured: Any = None) -> bytes:
    """Hash what a command says: name, version, arguments, base, dependencies, capture.

    The command's id is hashed too: it salts what arguments may hold (a password).
    """
    content = {
        "id": envelope.id,
        "name": envelope.name,
        "v": envelope.v,
        "args": envelope.args,
        "base": [[ref.type, ref.id, ref.version] for ref in envelope.base],
        "depends_on": envelope.depends_on,
        "captured": captured,
        "attachments": envelope.attachments,
    }
    return hashlib.sha256(canonical(content)).digest()


async def find(
    session: AsyncSession, region_id: int, ids: Iterable[UUID]
) -> dict[UUID, LedgerEntry]:
    """Return the entries of commands seen before, by command id."""
    found = await session.scalars(
        select(LedgerEntry).where(LedgerEntry.region_id == region_id, LedgerEntry.id.in_(ids))
    )
    return {entry.id: entry for entry in found}


async def once(
    session: AsyncSession, actor: Actor, envelope: Envelope, now: datetime
) -> dict[str, Any]:
    """Run a REST write as a push of one: the first time, or the stored result.

    Returns {id, status, refs, merged}. Raises IdReused when the id came with other content or
    from somebody else, and whatever the command raises; a refusal leaves no trace here.
    """
    digest = content_hash(envelope)
    seen = (await find(session, actor.region_id, [envelope.id])).get(envelope.id)
    if seen is not None:
        if seen.content_hash != digest or seen.actor_id != actor.id:
            raise IdReused
        return {**dict(seen.result), "status": "duplicate"}
    applied = await commands.run(session, actor, envelope, now)
    result = applied_result(envelope, applied)
    await writing.run(session, [adding([row(actor, envelope, now, digest, result)])])
    return result


def adding(rows: Sequence[dict[str, Any]]) -> Write:
    """Return the write of commands that were just answered, in one statement."""
    return writing.adding(LedgerEntry, rows)


def applied_result(envelope: Envelope, applied: Applied) -> dict[str, Any]:
    """Return the result of a command that took effect, as JSON values."""
    result: dict[str, Any] = {
        "id": str(envelope.id),
        "status": "merged" if applied.merged else "applied",
        "refs": [
            {"type": ref.type, "id": str(ref.id), "version": ref.version} for ref in applied.refs
        ],
    }
    if envelope.seq is not None:
        result["seq"] = envelope.seq
    if applied.merged:
        result["merged"] = list(applied.merged)
    if applied.results:
        result["results"] = list(applied.results)
    if applied.warnings:
        result["warnings"] = [
            {
                "code": caution.code,
                "message": caution.message,
                "advice": caution.advice,
                "details": from_json(to_json(caution.details)),
            }
            for caution in applied.warnings
        ]
    return result


def row(
    actor: Actor,
    envelope: Envelope,
    now: datetime,
    digest: bytes,
    result: dict[str, Any],
    *,
    case_id: UUID | None = None,
) -> dict[str, Any]:
    """Make the ledger row of a command that was just answered, as `write` takes it.

    The result is stored as the very text it is answered with: json keeps what it was given.
    """
    captured = envelope.captured
    return {
        "region_id": actor.region_id,
        "id": envelope.id,
        "version": 1,
        "created_at": now,
        "updated_at": now,
        "device_id": envelope.device_id,
        "seq": envelope.seq,
        "actor_id": actor.id,
        "name": envelope.name,
        "v": envelope.v,
        "subject_id": subject_of(envelope),
        "content_hash": f"\\x{digest.hex()}",
        "status": result["status"],
        "result": result,
        "case_id": case_id,
        "captured_at": captured.wall if captured else None,
        "estimated_at": captured.estimated_at if captured else None,
        "received_at": now,
    }


def subject_of(envelope: Envelope) -> UUID | None:
    """Return the id of the record a command is about, None when it names none."""
    try:
        spec, args = commands.find(envelope.name, envelope.v, envelope.args)
        return UUID(str(args.get(spec.subject))) if spec.subject is not None else None
    except Exception:  # noqa: BLE001 - unknown, or an old form that cannot be lifted
        return None
