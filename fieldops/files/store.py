"""Where bytes lie: the port with two ends, a folder (disk.py) and a bucket (s3.py).

Everything behind it blocks and runs in threads. A store knows nothing of rows: who may read,
what was promised and what may go is decided by its callers.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from fieldops.files import rules
from fieldops.kernel.settings import Settings


@dataclass(frozen=True, slots=True)
class Measured:
    """What a content really is: sha256 (hex), bytes, media type (None: not an allowed one)."""

    sha256: str
    bytes: int
    mime: str | None


class Part(Protocol):
    """An upload's bytes so far, opened by one request for writing."""

    def stand_at(self, position: int) -> int:
        """Drop what lies behind a position and go on there; return where the bytes really end.

        That is less than the position when the store has lost some: there never is a hole.
        """

    def write(self, data: bytes) -> None:
        """Append bytes, without a promise that they survive."""

    def sync(self) -> int:
        """Make all written bytes survive a crash; return the position that is safe."""

    def close(self) -> None:
        """Let go of the part and, when the store locks, of its lock."""


class Store(Protocol):
    """One region's contents by their sha256, and the parts of its uploads by their id."""

    @property
    def locks(self) -> bool:
        """Whether an open part keeps other writers out, and lets them in when its process dies."""

    def open_part(self, upload_id: UUID) -> Part:
        """Open an upload's part for writing; raises UploadBusy when the store locks it."""

    def measure(self, upload_id: UUID, sha256: str) -> Measured | None:
        """Read an upload's whole content; after a cut-off `keep` it lies at its final place.

        Returns None when the bytes are in neither place.
        """

    def keep(self, upload_id: UUID, sha256: str) -> None:
        """Make a whole part a content; again, or cut off and again, does the same."""

    def drop(self, upload_id: UUID) -> None:
        """Delete an upload's part; raises UploadBusy when somebody holds it locked."""

    def old_parts(self, before: float) -> list[UUID]:
        """Return the uploads whose parts nobody wrote to since a time (seconds since 1970)."""

    def tidy(self, before: float) -> None:
        """End what a crash left half-made in the store before a time (seconds since 1970)."""

    def holds(self, sha256: str) -> bool:
        """Return whether a content is here."""

    def read(self, sha256: str) -> Iterator[bytes]:
        """Return a content in blocks; raises FileLost before the first when it is not here."""

    def contents(self, prefix: str) -> Mapping[str, float]:
        """Return the contents whose sha256 begins with two hex digits, and when they came."""

    def remove(self, sha256: str) -> None:
        """Delete a content; one that is not here is no error."""


def measure(blocks: Iterable[bytes]) -> Measured:
    """Measure a content given in blocks."""
    digest, size, start = hashlib.sha256(), 0, b""
    for block in blocks:
        if len(start) < rules.SIGNATURE_BYTES:
            start += block[: rules.SIGNATURE_BYTES]
        digest.update(block)
        size += len(block)
    return Measured(digest.hexdigest(), size, rules.type_of(start))


def store_of(settings: Settings, region_id: int) -> Store:
    """Return a region's share of the store that the settings name."""
    if settings.files_store == "s3":
        from fieldops.files.s3 import Bucket  # noqa: PLC0415 - boto3 takes half a second to load

        return Bucket.of(settings, region_id)
    from fieldops.files.disk import Disk  # noqa: PLC0415 - it imports this port

    return Disk(settings.files_path, region_id)
