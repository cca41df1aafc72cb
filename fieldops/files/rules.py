"""What may be stored and for how long an upload may take: pure."""

import re
from datetime import timedelta

SHA256_HEX = "^[0-9a-f]{64}$"
UPLOAD_LIFETIME = timedelta(days=7)  # a phone may be in the cellar all week
OPEN_UPLOADS_PER_PERSON = 500  # four days of forty photos a visit, three visits a day
IDLE_SECONDS = 30.0  # a body that stands still that long is cut; the client resumes
FLUSH_BYTES = 1024 * 1024  # so much at most is sent again after a crash
SIGNATURE_BYTES = 64  # enough of a file's start to know its type

_HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"})
TYPES = ("application/pdf", "image/heic", "image/jpeg", "image/png", "image/webp")


def is_sha256(text: str) -> bool:
    """Return whether a text is a SHA-256 in lower case hex."""
    return re.fullmatch(SHA256_HEX, text) is not None


def type_of(start: bytes) -> str | None:
    """Return the media type that a content's first bytes show, None when it is not allowed."""
    if start.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "image/webp"
    if start[4:8] == b"ftyp" and start[8:12] in _HEIC_BRANDS:
        return "image/heic"
    if start.startswith(b"%PDF-"):
        return "application/pdf"
    return None


def same_type(announced: str, found: str) -> bool:
    """Return whether an announced media type names the found one (parameters do not count)."""
    plain = announced.split(";", maxsplit=1)[0].strip().lower()
    return {"image/jpg": "image/jpeg", "image/heif": "image/heic"}.get(plain, plain) == found
