"""The folder of contents: parts of uploads and whole contents, per region.

A part is written by one process at a time: its
file lock is the lock (the kernel lets go of it when a process dies, on any machine that shares
the folder). Data is on the disk (fsync) before anybody else is told how far it got.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from fieldops.files.errors import FileLost, UploadBusy
from fieldops.files.store import Measured, measure

_READ = 1024 * 1024


class DiskPart:
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

    def stand_at(self, position: int) -> int:
        """Cut what lies behind a position and go on there; less when bytes before it are lost."""
        self._position = min(position, os.fstat(self._handle).st_size)
        os.ftruncate(self._handle, self._position)
        return self._position

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
    def locks(self) -> bool:
        """An open part is locked by its file lock."""
        return True

    @property
    def _parts(self) -> Path:
        return self.root / str(self.region_id) / "parts"

    def part(self, upload_id: UUID) -> Path:
        """Return where an upload's bytes are gathered."""
        return self._parts / upload_id.hex

    def content(self, sha256: str) -> Path:
        """Return where a whole content lies."""
        return self.root / str(self.region_id) / "contents" / sha256[:2] / sha256

    def open_part(self, upload_id: UUID) -> DiskPart:
        """Open an upload's part for writing; raises UploadBusy."""
        return DiskPart(self.part(upload_id))

    def measure(self, upload_id: UUID, sha256: str) -> Measured | None:
        """Read an upload's whole content; after a cut-off `keep` it lies at its final place.

        Returns None when the bytes are in neither place.
        """
        for path in (self.part(upload_id), self.content(sha256)):
            with suppress(FileNotFoundError):
                found = measure(_blocks(path))
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
        part = DiskPart(path)
        path.unlink(missing_ok=True)
        part.close()

    def old_parts(self, before: float) -> list[UUID]:
        """Return the uploads whose parts nobody wrote to since a time (seconds since 1970)."""
        found = []
        with suppress(FileNotFoundError):
            for path in self._parts.iterdir():
                with suppress(FileNotFoundError, ValueError):
                    if path.stat().st_mtime < before:
                        found.append(UUID(hex=path.name))
        return found

    def tidy(self, before: float) -> None:
        """Do nothing: a folder has parts and whole contents only."""

    def holds(self, sha256: str) -> bool:
        """Return whether a content is here."""
        return self.content(sha256).is_file()

    def read(self, sha256: str) -> Iterator[bytes]:
        """Return a content in blocks; raises FileLost when it is not here."""
        if not self.holds(sha256):
            raise FileLost
        return _blocks(self.content(sha256))

    def contents(self, prefix: str) -> dict[str, float]:
        """Return the contents whose sha256 begins with two hex digits, and when they came."""
        found = {}
        with suppress(FileNotFoundError):
            for path in self.content(prefix).parent.iterdir():
                with suppress(FileNotFoundError):
                    found[path.name] = path.stat().st_mtime
        return found

    def remove(self, sha256: str) -> None:
        """Delete a content; one that is not here is no error."""
        self.content(sha256).unlink(missing_ok=True)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as content:
        while block := content.read(_READ):
            yield block


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
