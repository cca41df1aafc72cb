"""A phone's command as the kernel's envelope, with its capture time estimated."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from fieldops.kernel import clock, commands, ledger
from fieldops.kernel.clock import DeviceClock
from fieldops.kernel.commands import Captured, Envelope, Ref, Spec
from fieldops.kernel.errors import Coded
from fieldops.sync.errors import MalformedCommand
from fieldops.sync.models import Device
from fieldops.sync.schemas import ClockReading, CommandIn, Malformed

MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Sent:
    """A command of a batch: envelope, place in the device's order, content, hash of it.

    `other_id` is the ledger id it gets when its own id was used before with other content.
    """

    envelope: Envelope
    seq: int
    content: dict[str, Any]
    digest: bytes
    other_id: UUID
    spec: Spec | None = None
    subject: UUID | None = None
    fault: Coded | None = None


def read(
    command: CommandIn | Malformed, sent_at: ClockReading, device: Device, now: datetime
) -> Sent:
    """Make the envelope of a command; a malformed one is kept as it came."""
    if isinstance(command, Malformed):
        envelope = Envelope(
            command.id, MALFORMED, {"raw": command.raw}, device_id=device.id, seq=command.seq
        )
        content, as_sent = command.raw, None
        fault: Coded | None = MalformedCommand(errors=_fields(command.errors))
    else:
        content = command.model_dump(mode="json")
        as_sent, fault = content["captured"], None
        envelope = envelope_of(command, device.id, _captured(command, sent_at, device, now))
    digest = ledger.content_hash(envelope, as_sent)
    other = uuid5(command.id, digest.hex())
    spec, subject = spec_and_subject(envelope)
    return Sent(envelope, command.seq, content, digest, other, spec, subject, fault)


def spec_and_subject(envelope: Envelope) -> tuple[Spec | None, UUID | None]:
    """Return the registered command and the record it is about, as far as they can be told."""
    try:
        spec, args = commands.find(envelope.name, envelope.v, envelope.args)
    except Exception:  # noqa: BLE001 - unknown, or an old form that cannot be lifted: run() says so
        return None, None
    try:
        return spec, UUID(str(args.get(spec.subject))) if spec.subject else None
    except ValueError:
        return spec, None


def envelope_of(command: CommandIn, device_id: UUID, captured: Captured) -> Envelope:
    """Return a command as the kernel takes it."""
    return Envelope(
        command.id,
        command.name,
        command.args,
        v=command.v,
        device_id=device_id,
        seq=command.seq,
        base=tuple(Ref(b.ref.type, b.ref.id, b.version) for b in command.base),
        depends_on=tuple(command.depends_on),
        captured=captured,
        attachments=tuple(a.model_dump() for a in command.attachments),
    )


def _captured(command: CommandIn, sent_at: ClockReading, device: Device, now: datetime) -> Captured:
    """Estimate when a command was captured (SYNC section 5).

    The device's last push is a lower bound only for what was provably captured after it, on
    the same boot's monotonic clock; for the rest the registration is.
    """
    at = command.captured
    after_last_push = (
        device.clock_boot_id == at.boot_id
        and device.clock_mono_ms is not None
        and at.mono_ms >= device.clock_mono_ms
    )
    first = device.captures_from or device.registered_at
    seen = device.clock_server_time if after_last_push else first
    estimate = clock.estimate(
        DeviceClock(at.wall, at.mono_ms, at.boot_id),
        DeviceClock(sent_at.wall, sent_at.mono_ms, sent_at.boot_id),
        now,
        seen,
    )
    return Captured(at.wall, estimate.at, estimate.confidence, estimate.clock_far_off)


def _fields(errors: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [
        {
            "field": ".".join(str(part) for part in error["loc"]),
            "rule": str(error["type"]),
            "message": str(error["msg"]),
        }
        for error in errors
    ]
