"""The receipt of a push: what its commands promised as attachments, and what is still wanted."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.files import promises
from fieldops.files.promises import Named, Promiser
from fieldops.kernel.commands import Envelope, Spec
from fieldops.sync import envelopes, rules
from fieldops.sync.envelopes import Sent
from fieldops.sync.models import Device
from fieldops.sync.queries import Known


async def of_batch(
    session: AsyncSession,
    device: Device,
    sent: Sequence[Sent],
    known: Mapping[UUID, Known],
    fresh: Collection[UUID],
) -> dict[str, Any] | None:
    """Keep what the batch's commands promise and return its receipt (SYNC section 7).

    `known` holds every command the ledger has, those just taken included; `fresh` the ledger
    ids of these. What was not taken yet is promised when it is. No statement without attachments.
    """
    named = []
    for command in sent:
        id_ = command.other_id if command.other_id in fresh else command.envelope.id
        if id_ in known:
            effect = known[id_].status in rules.TOOK_EFFECT
            made = named_by(
                command.envelope, command.spec, command.subject, id_, took_effect=effect
            )
            named.append(made if id_ in fresh else made.again())
    who = Promiser(device.region_id, device.id, device.person_id, device.centre_id)
    return await promises.keep(session, who, named)


async def of_accepted(session: AsyncSession, region_id: int, envelope: Envelope) -> None:
    """Give what a command promised to its visit, when the desk has accepted it."""
    if envelope.attachments:
        spec, subject = envelopes.spec_and_subject(envelope)
        named = named_by(envelope, spec, subject, envelope.id, took_effect=True)
        await promises.accepted(session, region_id, named)


def named_by(
    envelope: Envelope, spec: Spec | None, subject: UUID | None, id_: UUID, *, took_effect: bool
) -> Named:
    """Return what a command names, under its id in the ledger."""
    return Named(
        id=id_,
        name=envelope.name,
        args=envelope.args,
        attachments=envelope.attachments,
        subject=spec.subject if spec is not None else None,
        subject_id=subject,
        captured_at=envelope.captured.estimated_at if envelope.captured else None,
        took_effect=took_effect,
    )
