"""Contents that are what they say, and their promises."""

import hashlib
import random
from typing import Any
from uuid import UUID

from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from tests.support.run import first_id, run

STARTS = {
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/webp": b"RIFF\x00\x00\x00\x00WEBPVP8 ",
    "image/heic": b"\x00\x00\x00\x18ftypheic",
    "application/pdf": b"%PDF-1.7\n",
}


def content(size: int = 2000, *, mime: str = "image/jpeg", seed: int = 1) -> bytes:
    """Return bytes of a size that start as the media type does; the same seed, the same bytes."""
    start = STARTS[mime]
    return start + random.Random(seed).randbytes(size - len(start))


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def promise(
    database: Database,
    actor: Actor,
    data: bytes,
    *,
    subject_id: UUID,
    visit_id: UUID | None = None,
    device: UUID | None = None,
    **changes: Any,
) -> UUID:
    """Link a content by its promise only, and return the link's id."""
    args = {
        "sha256": sha256_of(data),
        "bytes": len(data),
        "mime": "image/jpeg",
        "purpose": "photo",
        "subject_type": "visit",
        "subject_id": str(subject_id),
        "visit_id": str(visit_id) if visit_id else None,
        **changes,
    }
    return first_id(await run(database, actor, "file.link", device=device, **args))
