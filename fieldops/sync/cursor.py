"""The pull cursor: epoch and generation, signed for one device, user and schema.

A cursor of another device, user, epoch or schema has another signature, so that it needs no
further checks: it does not open, and the device starts anew.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from uuid import UUID

_BODY = struct.Struct(">IQ")
_SIGNATURE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a cursor is made for."""

    region_id: int
    device_id: UUID
    person_id: UUID
    schema: int
    epoch: int


def _signature(secret: bytes, holder: Holder, body: bytes) -> bytes:
    content = b"|".join(
        (
            b"fieldops sync cursor 1",
            holder.region_id.to_bytes(8, "big"),
            holder.device_id.bytes,
            holder.person_id.bytes,
            holder.schema.to_bytes(8, "big"),
            body,
        )
    )
    return hmac.digest(secret, content, hashlib.sha256)[:_SIGNATURE_BYTES]


def write(secret: bytes, holder: Holder, generation: int) -> str:
    """Return the cursor for a generation: 32 characters."""
    body = _BODY.pack(holder.epoch, generation)
    return base64.urlsafe_b64encode(body + _signature(secret, holder, body)).decode()


def read(secret: bytes, holder: Holder, cursor: str) -> int | None:
    """Return the generation of a cursor, None when it was not made for this holder."""
    try:
        raw = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    body, signature = raw[: _BODY.size], raw[_BODY.size :]
    if len(body) != _BODY.size or not hmac.compare_digest(
        signature, _signature(secret, holder, body)
    ):
        return None
    epoch, generation = _BODY.unpack(body)
    return int(generation) if epoch == holder.epoch else None
