"""The folder of contents: parts of uploads and whole contents, per region.

Everything here blocks and runs in threads. A part is written by one process at a time: its
file lock is the lock (the kernel lets go of it when a process dies, on any machine that shares
the folder). Data is on the disk (fsync) before anybody else is told how far it got.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from fieldops.files import rules
from fieldops.files.errors import UploadBusy

_READ = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Measured:
    """What a content really is: sha256 (hex), bytes, media type (None: not an allowed one)."""

    sha256: str
    bytes: int
    mime: str | None


class Part:
    """An upload's bytes so far, open and locked by this process."""

    def __init__(self, path: Path) -> None:
        """Open or create the file; raises UploadBusy while another request holds it."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._handle)
            raise UploadBusy from None
        if not self._is_still_at_its_place():
            # It was finished or dropped between our opening and our lock.
            os.close(self._handle)
            raise UploadBusy
        self._position = 0

    def _is_still_at_its_place(self) -> bool:
        try:
            return self.path.stat().st_ino == os.fstat(self._handle).st_ino
        except FileNotFoundError:
            return False

    def stand_at(self, position: int) -> bool:
        """Cut what lies behind a position and go on there; False when bytes before it are lost."""
        if os.fstat(self._handle).st_size < position:
            return False
        os.ftruncate(self._handle, position)
        self._position = position
        return True

    def write(self, data: bytes) -> None:
        """Append bytes at the position."""
        view = memoryview(data)
        while view:
            written = os.pwrite(self._handle, view, self._position)
            self._position += written
            view = view[written:]

    def sync(self) -> int:
        """Bring all written bytes onto the disk; return the position that is safe."""
        os.fsync(self._handle)
        _sync_folder(self.path.parent)
        return self._position

    def close(self) -> None:
        """Let go of the file and its lock."""
        os.close(self._handle)


@dataclass(frozen=True, slots=True)
class Disk:
    """One region's share of the folder settings.files_path."""

    root: Path
    region_id: int

    @property
    def _parts(self) -> Path:
        return self.root / str(self.region_id) / "parts"

    def part(self, upload_id: UUID) -> Path:
        """Return where an upload's bytes are gathered."""
        return self._parts / upload_id.hex

    def content(self, sha256: str) -> Path:
        """Return where a whole content lies."""
        return self.root / str(self.region_id) / "contents" / sha256[:2] / sha256

    def open_part(self, upload_id: UUID) -> Part:
        """Open an upload's part for writing; raises UploadBusy."""
        return Part(self.part(upload_id))

    def measure(self, upload_id: UUID, sha256: str) -> Measured | None:
        """Read an upload's whole content; after a cut-off `keep` it lies at its final place.

        Returns None when the bytes are in neither place.
        """
        for path in (self.part(upload_id), self.content(sha256)):
            with suppress(FileNotFoundError):
                found = _measure(path)
                if found.bytes or path != self.part(upload_id):
                    return found
        return None

    def keep(self, upload_id: UUID, sha256: str) -> None:
        """Move a whole part to its place among the contents; again does nothing."""
        target = self.content(sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = self.part(upload_id)
        if part.exists() and part.stat().st_size > 0:
            part.replace(target)
            _sync_folder(target.parent)
            _sync_folder(self._parts)
        else:
            part.unlink(missing_ok=True)

    def drop(self, upload_id: UUID) -> None:
        """Delete an upload's part; raises UploadBusy while somebody writes to it."""
        path = self.part(upload_id)
        if not path.exists():
            return
        part = Part(path)
        path.unlink(missing_ok=True)
        part.close()

    def old_parts(self, before: float) -> Iterator[UUID]:
        """Yield the uploads whose parts nobody wrote to since a time (seconds since 1970)."""
        with suppress(FileNotFoundError):
            for path in self._parts.iterdir():
                with suppress(FileNotFoundError, ValueError):
                    if path.stat().st_mtime < before:
                        yield UUID(hex=path.name)


def _measure(path: Path) -> Measured:
    digest, size, start = hashlib.sha256(), 0, b""
    with path.open("rb") as content:
        while block := content.read(_READ):
            start = start or block[: rules.SIGNATURE_BYTES]
            digest.update(block)
            size += len(block)
    return Measured(digest.hexdigest(), size, rules.type_of(start))


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
