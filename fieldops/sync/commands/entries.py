"""Running what a case keeps, as its technician: at the desk, or by rule."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import commands
from fieldops.kernel.clock import Confidence
from fieldops.kernel.commands import Applied, Captured, Envelope, Nature
from fieldops.sync import grants, queries, receipt
from fieldops.sync.errors import MalformedCommand, NotForDevices
from fieldops.sync.models import CaseEntry, Device
from fieldops.sync.rules import Status
from fieldops.sync.schemas import CommandIn


async def run(
    session: AsyncSession,
    device: Device,
    entry: CaseEntry,
    now: datetime,
    *,
    accepted: bool,
    amended: Mapping[str, Any] | None = None,
) -> Applied:
    """Run one kept command and note how it ended.

    `accepted` runs it without its base, for the person at the desk has seen both versions;
    `amended` arguments take the place of the captured ones, which stay in the entry.
    Raises MalformedCommand, NotForDevices for what a later release keeps for the offices, and
    what the command refuses or holds.
    """
    try:
        sent = CommandIn.model_validate(entry.command)
    except ValidationError:
        raise MalformedCommand from None
    spec = commands.taken_by(sent.name, sent.v)
    if spec is not None and not spec.offline:
        raise NotForDevices(name=sent.name)
    captured = None
    if entry.captured_at is not None and entry.estimated_at is not None:
        captured = Captured(
            entry.captured_at,
            entry.estimated_at,
            Confidence(entry.confidence or Confidence.LOW),
            entry.clock_far_off,
        )
    base = (
        () if accepted else tuple(commands.Ref(b.ref.type, b.ref.id, b.version) for b in sent.base)
    )
    envelope = Envelope(
        entry.id,
        sent.name,
        {**sent.args, **(amended or {})},
        v=sent.v,
        device_id=device.id,
        seq=entry.seq,
        base=base,
        depends_on=tuple(sent.depends_on),
        captured=captured,
        attachments=tuple(a.model_dump() for a in sent.attachments),
    )
    # A fact needs the role of its moment, and so does what a person has looked at and accepts.
    as_of_now = not accepted and spec is not None and spec.nature is Nature.DECISION
    earlier = captured is not None and captured.estimated_at < device.grants_since
    actor = grants.actor_as_seen(device, former=earlier and not as_of_now)
    done = await commands.run(session, actor, envelope, now, accepted=accepted)
    await receipt.of_accepted(session, device.region_id, envelope)
    entry.status = (Status.MERGED if done.merged else Status.APPLIED).value
    await queries.close_in_ledger(session, device.region_id, [entry.id], entry.status)
    return done


def shown(entry: CaseEntry, done: Applied) -> dict[str, Any]:
    """Return what became of an entry, for the case's outcome."""
    refs = [{"type": r.type, "id": str(r.id), "version": r.version} for r in done.refs]
    return {"id": str(entry.id), "status": entry.status, "refs": refs}
