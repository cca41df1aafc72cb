"""Resumable uploads: short transactions around bytes that go to the disk first.

An upload is addressed by a key that holds its own secret; whoever has it may go on, also when
their access token has run out. The order that survives a crash at any point: bytes are
fsynced, then the row's position says so; on the next request the part is cut to the row's
position. When all bytes are there, their hash and type are checked, the part moves to its
place among the contents, and one transaction records the file and fulfils the promises.
"""

import asyncio
import hashlib
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from hmac import compare_digest
from typing import Any
from uuid import UUID

from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.files import queries, rules
from fieldops.files.disk import Disk, Part
from fieldops.files.errors import (
    ChecksumMismatch,
    ContentNotAllowed,
    ContentTypeWrong,
    OffsetMismatch,
    TooManyUploads,
    UploadBusy,
    UploadGone,
    UploadTooLarge,
    UploadTooLong,
)
from fieldops.files.models import Upload
from fieldops.kernel import clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Coded, NotFound
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings


@dataclass(frozen=True, slots=True)
class Key:
    """An upload's address: region, id and the secret that is good for this upload only."""

    region_id: int
    upload_id: UUID
    secret: str

    def __str__(self) -> str:
        return f"{self.region_id}.{self.upload_id.hex}.{self.secret}"

    @property
    def hash(self) -> bytes:
        """What the row keeps of the secret."""
        return hashlib.sha256(self.secret.encode()).digest()

    @classmethod
    def parse(cls, text: str) -> "Key":
        """Read a key; raises NotFound when it cannot be one."""
        try:
            region, upload, secret = text.split(".")
            upload_id = UUID(hex=upload)
        except ValueError:
            raise NotFound(thing="upload") from None
        if not re.fullmatch(r"[0-9]{1,9}", region):
            raise NotFound(thing="upload")
        return cls(int(region), upload_id, secret)


@dataclass(frozen=True, slots=True)
class Announced:
    """What an upload is announced with; `mime` None: whatever allowed type it turns out to be."""

    length: int
    sha256: str
    filename: str | None = None
    mime: str | None = None


@dataclass(frozen=True, slots=True)
class Checksum:
    """The checksum promised for one request's bytes: sha1 or sha256, and its digest."""

    algorithm: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Uploading:
    """The uploads of one process: its database and its settings."""

    database: Database
    settings: Settings

    def disk(self, region_id: int) -> Disk:
        """Return a region's share of the folder."""
        return Disk(self.settings.files_path, region_id)

    async def create(self, actor: Actor, announced: Announced) -> tuple[Key, Upload]:
        """Begin an upload; the key is told only now.

        Raises UploadTooLarge, TooManyUploads, ContentNotAllowed.
        """
        if announced.length > self.settings.upload_max_bytes:
            raise UploadTooLarge(limit=self.settings.upload_max_bytes)
        if announced.mime and not any(rules.same_type(announced.mime, t) for t in rules.TYPES):
            raise ContentNotAllowed(allowed=", ".join(rules.TYPES))
        key = Key(actor.region_id, new_id(), secrets.token_urlsafe(32))
        row = Upload(
            region_id=actor.region_id,
            id=key.upload_id,
            owner_id=actor.id,
            length=announced.length,
            position=0,
            sha256=announced.sha256,
            filename=announced.filename,
            mime=announced.mime,
            expires_at=clock.now() + rules.UPLOAD_LIFETIME,
            token_hash=key.hash,
        )
        async with self.database.transaction() as session:
            waiting = await queries.open_uploads(session, actor.region_id, actor.id)
            if waiting >= rules.OPEN_UPLOADS_PER_PERSON:
                raise TooManyUploads(limit=rules.OPEN_UPLOADS_PER_PERSON, retry_after=600)
            session.add(row)
        return key, row

    async def state(self, key: Key) -> Upload:
        """Return where an upload stands, finishing it when that was cut off.

        Raises NotFound for an unknown upload or a wrong key, UploadGone for an expired one, and
        what `finish` refuses.
        """
        row = await self._row(key)
        if row.position == row.length and row.completed_at is None:
            await self._finish(row)
        return row

    async def _row(self, key: Key) -> Upload:
        async with self.database.transaction() as session:
            row = await queries.upload(session, key.region_id, key.upload_id)
        if row is None or not compare_digest(row.token_hash, key.hash):
            raise NotFound(thing="upload")
        if row.expires_at <= clock.now():
            raise UploadGone
        return row

    async def append(
        self,
        key: Key,
        at: int,
        body: AsyncIterator[bytes],
        *,
        announced_bytes: int | None = None,
        checksum: Checksum | None = None,
    ) -> Upload:
        """Add a request's bytes at an offset and return the upload as it stands then.

        What arrived before a cut connection stays, unless a checksum was promised for the
        whole request. Raises OffsetMismatch, UploadBusy, UploadTooLong, ChecksumMismatch, and
        when the content is whole what `finish` refuses.
        """
        row = await self._row(key)
        _stands_at(row, at)
        if announced_bytes is not None and at + announced_bytes > row.length:
            raise UploadTooLong(length=row.length)
        disk = self.disk(key.region_id)
        if row.position < row.length:
            part = await to_thread.run_sync(disk.open_part, key.upload_id)
            try:
                row = await self._receive(key, at, part, body, checksum)
            finally:
                part.close()
        if row.position == row.length and row.completed_at is None:
            await self._finish(row)
        return row

    async def _receive(
        self,
        key: Key,
        at: int,
        part: Part,
        body: AsyncIterator[bytes],
        checksum: Checksum | None,
    ) -> Upload:
        # The row is read again under the part's lock: only its present position counts.
        row = await self._row(key)
        _stands_at(row, at)
        if not await to_thread.run_sync(part.stand_at, row.position):
            return await self._start_over(key, row.position)
        receipt = _Receipt(part, row.length, row.position, checksum)
        try:
            async for full in receipt.take(body):
                if not full:
                    continue
                if checksum is None:
                    row = await self._advance(key, row.position, await receipt.sync())
                else:
                    await receipt.write()
        except Coded:
            raise
        except Exception:
            # The connection was cut: keep what is here, so that the phone need not send it again.
            if checksum is None:
                await self._advance(key, row.position, await receipt.sync())
            raise
        if not receipt.agrees:
            raise ChecksumMismatch
        return await self._advance(key, row.position, await receipt.sync())

    async def _advance(self, key: Key, before: int, position: int) -> Upload:
        async with self.database.transaction() as session:
            row = await queries.lock_upload(session, key.region_id, key.upload_id)
            if row is None:
                raise NotFound(thing="upload")
            if row.position != before:
                raise UploadBusy
            row.position = position
        return row

    async def _start_over(self, key: Key, position: int) -> Upload:
        """Go back to byte 0 when the disk has lost what the row says is there."""
        await self._advance(key, position, 0)
        raise OffsetMismatch(offset=0, sent=position)

    async def _finish(self, row: Upload) -> None:
        """Check a whole upload, store its content once and fulfil the links that wait for it.

        Raises ChecksumMismatch, ContentNotAllowed or ContentTypeWrong, with the upload gone.
        Interrupted at any point it can be done again.
        """
        disk = self.disk(row.region_id)
        found = await to_thread.run_sync(disk.measure, row.id, row.sha256)
        refusal: Coded | None = None
        if found is None or (found.sha256, found.bytes) != (row.sha256, row.length):
            refusal = ChecksumMismatch()
        elif found.mime is None:
            refusal = ContentNotAllowed(allowed=", ".join(rules.TYPES))
        elif row.mime and not rules.same_type(row.mime, found.mime):
            refusal = ContentTypeWrong(announced=row.mime, found=found.mime)
        if refusal is not None:
            await self._remove(row.region_id, row.id)
            raise refusal
        assert found is not None  # noqa: S101 - refused above
        await to_thread.run_sync(disk.keep, row.id, row.sha256)
        async with self.database.transaction() as session:
            await _record(session, row, found.mime)

    async def terminate(self, key: Key) -> None:
        """Drop an upload; a content that was already stored stays. Raises as `state` does."""
        row = await self._row(key)
        await self._remove(row.region_id, row.id)

    async def _remove(self, region_id: int, upload_id: UUID) -> None:
        await to_thread.run_sync(self.disk(region_id).drop, upload_id)
        async with self.database.transaction() as session:
            row = await queries.lock_upload(session, region_id, upload_id)
            if row is not None:
                await session.delete(row)

    async def sweep(self, region_id: int, *, limit: int = 500) -> int:
        """Finish uploads whose end was cut off, drop expired ones and parts without a row.

        Returns how many uploads left the table.
        """
        async with self.database.transaction() as session:
            due = await queries.uploads_to_sweep(session, region_id, clock.now(), limit)
        removed = 0
        for row in due:
            try:
                if row.position == row.length and row.completed_at is None:
                    await self._finish(row)
                if row.expires_at <= clock.now():
                    await self._remove(region_id, row.id)
                    removed += 1
            except UploadBusy:
                continue
            except Coded:
                removed += 1  # its content was refused, and the upload is gone with that
        await self._drop_lost_parts(region_id, limit)
        return removed

    async def _drop_lost_parts(self, region_id: int, limit: int) -> None:
        disk = self.disk(region_id)
        before = (clock.now() - timedelta(hours=1)).timestamp()
        old = (await to_thread.run_sync(lambda: list(disk.old_parts(before))))[:limit]
        async with self.database.transaction() as session:
            known = await queries.known_uploads(session, region_id, old)
        for upload_id in set(old) - known:
            await to_thread.run_sync(disk.drop, upload_id)


class _Receipt:
    """One request's bytes on their way to the disk: bounded, hashed, in blocks."""

    def __init__(self, part: Part, length: int, position: int, checksum: Checksum | None) -> None:
        self._part = part
        self._left = length - position
        self._length = length
        self._checksum = checksum
        self._digest: Any = hashlib.new(checksum.algorithm) if checksum else None
        self._waiting = bytearray()

    async def take(self, body: AsyncIterator[bytes]) -> AsyncIterator[bool]:
        """Take a body's blocks; yields whether enough waits to be worth a write.

        Raises UploadTooLong, and TimeoutError when the body stands still.
        """
        blocks = aiter(body)
        while True:
            try:
                async with asyncio.timeout(rules.IDLE_SECONDS):
                    block = await anext(blocks)
            except StopAsyncIteration:
                return
            self._left -= len(block)
            if self._left < 0:
                raise UploadTooLong(length=self._length)
            if self._digest is not None:
                self._digest.update(block)
            self._waiting += block
            yield len(self._waiting) >= rules.FLUSH_BYTES

    async def write(self) -> None:
        """Write what was taken, without a promise that it survives."""
        data, self._waiting = bytes(self._waiting), bytearray()
        await to_thread.run_sync(self._part.write, data)

    async def sync(self) -> int:
        """Write and fsync what was taken; return the position that is safe."""
        await self.write()
        return await to_thread.run_sync(self._part.sync)

    @property
    def agrees(self) -> bool:
        """Whether the bytes have the promised checksum (none promised: yes)."""
        return self._checksum is None or compare_digest(
            self._digest.digest(), self._checksum.digest
        )


def _stands_at(row: Upload, at: int) -> None:
    if row.position != at:
        raise OffsetMismatch(offset=row.position, sent=at)


async def _record(session: AsyncSession, row: Upload, mime: str | None) -> None:
    """Write that a content is stored; the promise's lock and ours are the same row's."""
    now = clock.now()
    file = await queries.lock_file(session, row.region_id, row.sha256)
    if file.stored_at is None:
        file.stored_at, file.bytes, file.mime = now, row.length, mime
    for link in await queries.lock_open_links(session, row.region_id, row.sha256):
        link.arrived = True
    done = await queries.lock_upload(session, row.region_id, row.id)
    if done is not None and done.completed_at is None:
        done.completed_at = now
    row.completed_at = now
