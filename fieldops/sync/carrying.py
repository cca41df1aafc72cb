"""A device's queue in a file, and a command tried without effect: for the person at the desk.

What is exported is what the server keeps of a device: the commands of its cases, as they came.
What is imported goes through the same engine as a phone's push, so that a command known
already is a duplicate and nothing takes effect twice.
"""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.audit import Audit
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Coded, Hold, NotFound
from fieldops.sync import push, queries, rules
from fieldops.sync.commands import entries
from fieldops.sync.models import Case, CaseEntry, Device
from fieldops.sync.schemas import PushRequest

FORMAT = 1


class Carried(BaseModel):
    """A file of commands: of an export, or of a phone whose outbox was saved."""

    model_config = ConfigDict(extra="ignore")

    format: int = Field(FORMAT, le=FORMAT)
    device_id: UUID
    app: dict[str, Any]
    commands: list[dict[str, Any]]


async def device_of(session: AsyncSession, region_id: int, device_id: UUID) -> Device:
    """Return a device of a region; raises NotFound."""
    found = await queries.registered(session, region_id, device_id)
    if found is None:
        raise NotFound(thing="device")
    return found


async def export(session: AsyncSession, region_id: int, device_id: UUID) -> dict[str, Any]:
    """Return what the desk and the quarantine keep of a device, as JSON values, in its order."""
    device = await device_of(session, region_id, device_id)
    found = await session.execute(
        select(CaseEntry, Case.state, Case.reason)
        .join(Case, (Case.region_id == CaseEntry.region_id) & (Case.id == CaseEntry.case_id))
        .where(
            CaseEntry.region_id == region_id,
            Case.region_id == region_id,
            Case.device_id == device_id,
        )
        .order_by(CaseEntry.seq, CaseEntry.id)
    )
    rows = found.all()
    return {
        "format": FORMAT,
        "region": region_id,
        "device_id": str(device.id),
        "person_id": str(device.person_id),
        "exported_at": clock.now().isoformat(),
        "last_seq": device.last_seq,
        "app": {"version": device.app_version, "schema": device.schema},
        "commands": [entry.command for entry, _state, _reason in rows],
        "standing": [
            {
                "id": str(entry.command_id),
                "seq": entry.seq,
                "name": entry.name,
                "status": entry.status,
                "code": entry.code,
                "case_id": str(entry.case_id),
                "case_state": state,
                "reason": reason,
            }
            for entry, state, reason in rows
        ],
    }


@dataclass(slots=True)
class Imported:
    """What came of an import: results by how they ended, and where it stopped."""

    results: list[dict[str, Any]] = field(default_factory=list)
    stop: dict[str, Any] | None = None


def read(text: str) -> Carried:
    """Read a file; raises ValueError with what is wrong."""
    try:
        return Carried.model_validate_json(text)
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ValueError(f"{where}: {first['msg']}") from None


async def bring_in(
    database: Database, device: Device, actor: Actor, carried: Carried
) -> AsyncIterator[Imported]:
    """Push a file's commands as the device would, part by part; yields what came of each part.

    Capture times count by the wall clock the phone showed. Raises NotFound when the device is
    not the actor's.
    """
    pending = sorted(carried.commands, key=lambda command: int(command.get("seq", 0)))
    for part in _parts(pending):
        request = PushRequest.model_validate(
            {
                "device_id": device.id,
                "app": carried.app,
                "clock": {"wall": clock.now(), "mono_ms": 0, "boot_id": "import"},
                "commands": part,
            }
        )
        answer = json.loads(await push.push(database, actor, request, device.key_hash))
        yield Imported(answer["results"], answer["stop"])
        if answer["stop"] is not None:
            return


def _parts(pending: Sequence[dict[str, Any]]) -> list[Sequence[dict[str, Any]]]:
    step = rules.MOST_COMMANDS
    return [pending[start : start + step] for start in range(0, len(pending), step)]


@dataclass(slots=True)
class Replayed:
    """What a command would do now: its result or its refusal, and the rows it would change."""

    name: str
    status: str
    code: str | None = None
    message: str | None = None
    advice: str | None = None
    changes: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = field(default_factory=list)


async def replay(
    database: Database, region_id: int, command_id: UUID, *, accepted: bool
) -> Replayed:
    """Run a held or rejected command in a transaction that is rolled back.

    `accepted` judges it as the desk's acceptance would. Raises NotFound when no case has it.
    """
    async with database.trial() as session:
        entry, device = await _entry_of(session, region_id, command_id)
        return await _tried(session, device, entry, accepted=accepted)


async def _entry_of(
    session: AsyncSession, region_id: int, command_id: UUID
) -> tuple[CaseEntry, Device]:
    entry: CaseEntry | None = await session.scalar(
        select(CaseEntry)
        .where(
            CaseEntry.region_id == region_id,
            (CaseEntry.id == command_id) | (CaseEntry.command_id == command_id),
        )
        .order_by(CaseEntry.id)
        .limit(1)
    )
    if entry is None:
        raise NotFound(thing="command at the desk")
    case = await session.get_one(Case, (region_id, entry.case_id))
    found = await queries.device_for_push(session, region_id, case.device_id)
    if found is None:
        raise NotFound(thing="device")
    return entry, found[0]


async def _tried(
    session: AsyncSession, device: Device, entry: CaseEntry, *, accepted: bool
) -> Replayed:
    try:
        async with session.begin_nested():
            done = await entries.run(session, device, entry, clock.now(), accepted=accepted)
            rows = await session.scalars(
                select(Audit)
                .where(Audit.region_id == device.region_id, Audit.command_id == entry.id)
                .order_by(Audit.id)
            )
            changes = [(row.entity, row.action, row.before, row.after) for row in rows]
    except Coded as refusal:
        status = "held" if isinstance(refusal, Hold) else "rejected"
        return Replayed(entry.name, status, refusal.code, refusal.message, refusal.advice)
    return Replayed(entry.name, "merged" if done.merged else "applied", changes=changes)
