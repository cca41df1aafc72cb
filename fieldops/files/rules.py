"""What may be stored and for how long an upload may take: pure."""

import re
from datetime import timedelta

from fieldops.kernel.configuration import number

SHA256_HEX = "^[0-9a-f]{64}$"
UPLOAD_LIFETIME = timedelta(days=7)  # a phone may be in the cellar all week
QUOTA_OVER = timedelta(hours=24)
LEASE = timedelta(seconds=60)  # how long a dead writer keeps others out of a store without locks
IDLE_SECONDS = 30.0  # a body that stands still that long is cut; the client resumes
FLUSH_BYTES = 1024 * 1024  # so much at most is sent again after a crash
FLUSH_SECONDS = 20.0  # a slow phone's bytes are safe after that long; shorter than the lease
LONGEST_METADATA = 4096
SIGNATURE_BYTES = 64  # enough of a file's start to know its type

OPEN_UPLOADS = number(
    "upload_most_open",
    "SYNC 7",
    "uploads",
    500,  # four days of forty photos a visit, three visits a day
    "How many unfinished uploads a person may have.",
    within=(10, 10_000),
)
MEGABYTES_A_DAY = number(
    "upload_most_megabytes_a_day",
    "SYNC 7",
    "megabytes",
    5_000,
    "How many megabytes of uploads a person may begin within 24 hours.",
    within=(50, 1_000_000),
)
UNLINKED_KEPT = number(
    "file_unlinked_kept",
    "SYNC 7",
    "days",
    30,
    "How long bytes are kept that no command has promised.",
    within=(1, 3_650),
)
MISSING_AFTER = number(
    "file_missing_after",
    "SYNC 7",
    "hours",
    12,
    "How long after the promise a photo that has not arrived is shown to the offices as missing.",
    within=(0.5, 720),
)
HANDWRITING = frozenset({"signature", "notice"})  # of or about a customer: an erasure takes it

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
