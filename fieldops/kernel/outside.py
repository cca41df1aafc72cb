"""What is kept outside the database, so that a restore cannot take it back.

The folder `FIELDOPS_OUTSIDE_PATH` must not be part of the database's backup. It holds the ledger
of erasures (a line is one erasure, without personal data, chained by hash to the line before
it) and the mark that says on which database, and how far, sync last ran.
"""

import asyncio
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import to_json

LEDGER = "erasures.jsonl"
MARK = "timeline.json"
_BEGINNING = "0" * 64


class LedgerLine(BaseModel):
    """One erasure: of whom, when, on which ground, by whom, and the ids of all rows it reached.

    `number` counts from 1; `hash` covers everything else and the hash of the line before.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    erasure_id: UUID
    region_id: int
    subject_type: str
    subject_id: UUID
    ground: str
    at: datetime
    asked_by: UUID
    rows: list[tuple[str, UUID]]
    before: str
    hash: str

    def expected_hash(self) -> str:
        """Return the hash that the content must have."""
        return _hash(self.model_dump(mode="json", exclude={"hash"}))


def _hash(content: dict[str, Any]) -> str:
    return hashlib.sha256(to_json(content)).hexdigest()


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that does not fit: its number in the file from 1, and why."""

    line: int
    why: str


class Mark(BaseModel):
    """Where a database stands: cluster, timeline, database, bytes of log, beat, epochs by region.

    None: it may not be asked for.
    """

    model_config = ConfigDict(frozen=True)

    system: str | None
    timeline: int | None
    database: int | None
    log: int | None
    beat: int
    epochs: dict[int, int]


@dataclass(frozen=True, slots=True)
class Marking:
    """The mark's file, held by this process alone."""

    path: Path

    def read(self) -> Mark | None:
        """Return the mark, None when there is none yet; raises OSError for an unreadable one."""
        if not self.path.exists():
            return None
        try:
            return Mark.model_validate_json(self.path.read_bytes())
        except ValidationError as exc:
            raise OSError(f"{self.path} is not a mark") from exc

    def write(self, mark: Mark) -> None:
        """Replace the mark; a crash leaves the old or the new one."""
        half = self.path.with_suffix(".part")
        with half.open("w", encoding="utf-8") as file:
            file.write(mark.model_dump_json())
            file.flush()
            os.fsync(file.fileno())
        half.replace(self.path)


@dataclass(frozen=True, slots=True)
class Outside:
    """The folder outside the database."""

    folder: Path

    @asynccontextmanager
    async def marking(self) -> AsyncIterator[Marking]:
        """Hold the mark's file; raises OSError when the folder cannot be written."""
        handle = await asyncio.to_thread(self._hold_mark)
        try:
            yield Marking(self.folder / MARK)
        finally:
            os.close(handle)

    def _hold_mark(self) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.folder / f"{MARK}.lock", os.O_RDWR | os.O_CREAT, 0o640)
        fcntl.flock(handle, fcntl.LOCK_EX)
        return handle

    async def record(self, **erasure: Any) -> None:
        """Append an erasure and bring it onto the disk; raises OSError when that fails.

        Called before COMMIT: an erasure that is confirmed is in the ledger. One that is in the
        ledger but was rolled back is carried out by the next replay; it was asked for.
        """
        await asyncio.to_thread(self._append, erasure)

    def _append(self, erasure: dict[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with _locked(self.folder / LEDGER) as handle:
            text = _whole_lines(handle)
            last = text.splitlines()[-1] if text else None
            before = LedgerLine.model_validate_json(last) if last else None
            content = {
                "number": before.number + 1 if before else 1,
                **erasure,
                "before": before.hash if before else _BEGINNING,
            }
            line = LedgerLine.model_validate({**content, "hash": ""})
            line = line.model_copy(update={"hash": line.expected_hash()})
            os.write(handle, line.model_dump_json().encode() + b"\n")
            os.fsync(handle)
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def lines(self) -> list[LedgerLine]:
        """Return the erasures, oldest first; lines that do not fit are left out (see `broken`)."""
        return [line for line in self._read() if isinstance(line, LedgerLine)]

    def broken(self) -> list[Broken]:
        """Return where the chain does not hold: a line was changed, taken out or put in."""
        found: list[Broken] = []
        before, number = _BEGINNING, 0
        for place, line in enumerate(self._read(), start=1):
            if isinstance(line, Broken):
                found.append(line)
                continue
            number += 1
            if line.hash != line.expected_hash():
                found.append(Broken(place, "its content was changed"))
            elif line.before != before or line.number != number:
                found.append(Broken(place, "a line before it is missing or was changed"))
            before, number = line.hash, line.number
        return found

    def _read(self) -> Iterator[LedgerLine | Broken]:
        path = self.folder / LEDGER
        if not path.exists():
            return
        whole = path.read_bytes().split(b"\n")[:-1]  # what follows the last end of line is torn
        for place, text in enumerate(whole, start=1):
            try:
                yield LedgerLine.model_validate_json(text)
            except ValidationError:
                yield Broken(place, "it is not a line of the ledger")


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Open a file for appending, held by this process alone."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _whole_lines(handle: int) -> str:
    """Return the file's text; a torn last line was never confirmed and is cut off."""
    size = os.fstat(handle).st_size
    content = os.pread(handle, size, 0)
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < size:
        os.ftruncate(handle, len(whole))
    return whole.decode()
