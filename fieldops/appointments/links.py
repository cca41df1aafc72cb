"""The customer's links: signed, each for one purpose and one subject: an appointment's window, or
the report of a visit.

A token says nothing about the customer and cannot be guessed or listed: without the signature
no question reaches the database. It names the window it was sent for, so that nothing is ever
answered about another one than the customer saw.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from uuid import UUID

from fieldops.appointments.errors import LinkExpired, LinkInvalid

_KEY_OF = b"fieldops customer link 2"
_CONTENT = struct.Struct(">BI16sIH")  # purpose, region, subject, start in minutes, hours good
_MAC_BYTES = 15  # with the content 42 bytes: 56 characters and no bit left over
_HOUR = timedelta(hours=1)


class Purpose(IntEnum):
    """What a token is good for; one for the one thing does not open the other."""

    ANSWER = 1  # the customer's page, and the same by JSON
    CALENDAR = 2  # the calendar file, which is handed on to calendars and families
    VISIT_REPORT = 3  # what was done on a visit, to read
    FOLLOW_UP = 4  # how it went


@dataclass(frozen=True, slots=True)
class Link:
    """What a valid token speaks for; the window starts at a full minute.

    The subject is an appointment, of a report's link the visit, of a question how it went the
    follow-up. The window then starts at the minute from which the link is good.
    """

    purpose: Purpose
    region_id: int
    subject_id: UUID
    window_start: datetime
    expires_at: datetime

    @classmethod
    def made(
        cls,
        purpose: Purpose,
        region_id: int,
        subject_id: UUID,
        window: tuple[datetime, datetime],
        kept: timedelta,
    ) -> "Link":
        """Return the link for a window, good until so long after its end, in whole hours."""
        start, end = window
        hours = -(-(end + kept - start) // _HOUR)
        return cls(purpose, region_id, subject_id, start, start + hours * _HOUR)


def _mac(secret: str, content: bytes) -> bytes:
    key = hmac.digest(secret.encode(), _KEY_OF, hashlib.sha256)
    return hmac.digest(key, content, hashlib.sha256)[:_MAC_BYTES]


def sign(secret: str, link: Link) -> str:
    """Return the token for a link: 56 characters that need no escaping in an address."""
    start = int(link.window_start.timestamp())
    content = _CONTENT.pack(
        link.purpose,
        link.region_id,
        link.subject_id.bytes,
        start // 60,
        (link.expires_at - link.window_start) // _HOUR,
    )
    return base64.urlsafe_b64encode(content + _mac(secret, content)).decode()


def read(secret: str, token: str, purpose: Purpose, now: datetime) -> Link:
    """Return what a token speaks for.

    Raises LinkInvalid when it is forged or made for another purpose, after the same work in
    every case; LinkExpired when it is genuine and its time is over.
    """
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    whole = len(raw) == _CONTENT.size + _MAC_BYTES
    content = raw[: _CONTENT.size] if whole else bytes(_CONTENT.size)
    genuine = hmac.compare_digest(_mac(secret, content), raw[_CONTENT.size :])
    kind, region_id, subject, minutes, hours = _CONTENT.unpack(content)
    if not whole or not genuine or kind != purpose:
        raise LinkInvalid
    start = datetime.fromtimestamp(minutes * 60, UTC)
    link = Link(purpose, region_id, UUID(bytes=subject), start, start + hours * _HOUR)
    if now >= link.expires_at:
        raise LinkExpired
    return link
