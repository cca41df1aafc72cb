"""The customer's link: signed, for one appointment and one window, good until that window.

A token says nothing about the customer and cannot be guessed or listed: without the signature
no question reaches the database.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from fieldops.appointments.errors import LinkInvalid

_PURPOSE = b"fieldops appointment reconfirmation 1"
_CONTENT = struct.Struct(">I16sQ")  # region, appointment, window start in seconds
_MAC_BYTES = 16


@dataclass(frozen=True, slots=True)
class Link:
    """What a valid token speaks for; it expires when the window opens."""

    region_id: int
    appointment_id: UUID
    window_start: datetime


def _mac(secret: str, content: bytes) -> bytes:
    key = hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)
    return hmac.digest(key, content, hashlib.sha256)[:_MAC_BYTES]


def sign(secret: str, link: Link) -> str:
    """Return the token for a link: 59 characters that need no escaping in an address."""
    content = _CONTENT.pack(
        link.region_id, link.appointment_id.bytes, int(link.window_start.timestamp())
    )
    return base64.urlsafe_b64encode(content + _mac(secret, content)).decode().rstrip("=")


def read(secret: str, token: str, now: datetime) -> Link:
    """Return what a token speaks for; raises LinkInvalid when it is forged or expired."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise LinkInvalid from None
    content, mac = raw[: _CONTENT.size], raw[_CONTENT.size :]
    if len(content) != _CONTENT.size or not hmac.compare_digest(_mac(secret, content), mac):
        raise LinkInvalid
    region_id, appointment, seconds = _CONTENT.unpack(content)
    link = Link(region_id, UUID(bytes=appointment), datetime.fromtimestamp(seconds, UTC))
    if now >= link.window_start:
        raise LinkInvalid
    return link
