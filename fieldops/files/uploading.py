"""Resumable uploads: short transactions around bytes that go to the store first.

An upload is addressed by a key that holds its own secret; whoever has it may go on, also when
their access token has run out. The order that survives a crash at any point: bytes are made
safe, then the row's position says so; on the next request the part is cut to the row's
position. When all bytes are there, their hash and type are checked; one transaction makes the
part a content, records the file and fulfils the promises.
"""

import asyncio
import hashlib
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Any
from uuid import UUID

from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.files import queries, rules
from fieldops.files.errors import (
    ChecksumMismatch,
    ContentNotAllowed,
    ContentTypeWrong,
    OffsetMismatch,
    TooManyUploads,
    UploadBusy,
    UploadGone,
    UploadQuotaUsed,
    UploadTooLarge,
    UploadTooLong,
)
from fieldops.files.models import File, Upload
from fieldops.files.store import Part, Store, store_of
from fieldops.kernel import clock, configuration
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Coded, NotFound
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings
from fieldops.organisation import queries as organisation


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
    sent_metadata: str = ""


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

    def store(self, region_id: int) -> Store:
        """Return a region's share of the store."""
        return store_of(self.settings, region_id)

    async def create(self, actor: Actor, announced: Announced) -> tuple[Key, Upload]:
        """Begin an upload; the key is told only now.

        Raises UploadTooLarge, TooManyUploads, UploadQuotaUsed, ContentNotAllowed.
        """
        if announced.length > self.settings.upload_max_bytes:
            raise UploadTooLarge(limit=self.settings.upload_max_bytes)
        if announced.mime and not any(rules.same_type(announced.mime, t) for t in rules.TYPES):
            raise ContentNotAllowed(allowed=", ".join(rules.TYPES))
        now = clock.now()
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
            sent_metadata=announced.sent_metadata,
            expires_at=now + rules.UPLOAD_LIFETIME,
            token_hash=key.hash,
        )
        async with self.database.transaction() as session:
            await _within_quota(session, actor, announced.length, now)
            session.add(row)
        return key, row

    async def state(self, key: Key) -> Upload:
        """Return where an upload stands, finishing it when that was cut off.

        Raises NotFound for an unknown upload or a wrong key, UploadGone for an expired one, and
        what `finish` refuses.
        """
        row = await self._row(key)
        if row.position == row.length and row.completed_at is None:
            await self.finish(row)
        return row

    async def _row(self, key: Key) -> Upload:
        async with self.database.transaction() as session:
            row = await queries.upload(session, key.region_id, key.upload_id)
        if row is None or row.dropped_at or not compare_digest(row.token_hash, key.hash):
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
        """Add a request's bytes at offset `at` and return where the upload stands.

        What arrived before a cut connection stays, unless a checksum was promised. Raises
        OffsetMismatch, UploadBusy, UploadTooLong, ChecksumMismatch, what `state` and `finish`
        refuse.
        """
        row = await self._row(key)
        _stands_at(row, at)
        if announced_bytes is not None and at + announced_bytes > row.length:
            raise UploadTooLong(length=row.length)
        if row.position < row.length:
            store = self.store(key.region_id)
            part = await to_thread.run_sync(store.open_part, key.upload_id)
            try:
                writing = _Writing(self.database, key, part, None if store.locks else new_id())
                row = await writing.receive(at, body, checksum)
            finally:
                await to_thread.run_sync(part.close)
        if row.position == row.length and row.completed_at is None:
            await self.finish(row)
        return row

    async def finish(self, row: Upload) -> None:
        """Check a whole upload, store its content once and fulfil the links that wait for it.

        Raises ChecksumMismatch, ContentNotAllowed or ContentTypeWrong, with the upload gone.
        Interrupted at any point it can be done again.
        """
        store = self.store(row.region_id)
        found = await to_thread.run_sync(store.measure, row.id, row.sha256)
        refusal: Coded | None = None
        mime = found.mime if found else None
        if found is None or (found.sha256, found.bytes) != (row.sha256, row.length):
            refusal = ChecksumMismatch()
        elif mime is None:
            refusal = ContentNotAllowed(allowed=", ".join(rules.TYPES))
        elif row.mime and not rules.same_type(row.mime, mime):
            refusal = ContentTypeWrong(announced=row.mime, found=mime)
        if refusal is not None or mime is None:
            await self._drop(row.region_id, row.id)
            raise refusal or ChecksumMismatch()
        async with self.database.transaction() as session:
            # Locked before the bytes move: a sweep of the same content comes before or after.
            file = await queries.lock_file(session, row.region_id, row.sha256)
            await to_thread.run_sync(store.keep, row.id, row.sha256)
            await _record(session, row, file, mime)

    async def terminate(self, key: Key) -> None:
        """Drop an upload; a content that was already stored stays. Raises as `state` does."""
        row = await self._row(key)
        await self._drop(row.region_id, row.id)

    async def _drop(self, region_id: int, upload_id: UUID) -> None:
        await to_thread.run_sync(self.store(region_id).drop, upload_id)
        async with self.database.transaction() as session:
            row = await queries.lock_upload(session, region_id, upload_id)
            if row is not None:
                row.dropped_at = clock.now()
                row.expires_at = row.created_at + rules.QUOTA_OVER
                row.writer = row.writer_until = None


async def _within_quota(session: AsyncSession, actor: Actor, length: int, now: datetime) -> None:
    await organisation.one_at_a_time(session, actor.id)
    waiting, begun = await queries.standing_of(
        session, actor.region_id, actor.id, now - rules.QUOTA_OVER
    )
    most = int(await configuration.value(session, actor.region_id, rules.OPEN_UPLOADS))
    if waiting >= most:
        raise TooManyUploads(limit=most, retry_after=600)
    megabytes = int(await configuration.value(session, actor.region_id, rules.MEGABYTES_A_DAY))
    if begun + length > megabytes * 1_000_000:
        raise UploadQuotaUsed(sent=begun // 1_000_000, limit=megabytes, retry_after=3600)


class _Writing:
    """One request's writing to an upload: the only one, from its first byte to its end.

    Where the store locks, an open part is the lock. Elsewhere `writer` holds a lease on the row,
    renewed with every offset and let go at the end; a dead writer's runs out.
    """

    def __init__(self, database: Database, key: Key, part: Part, writer: UUID | None) -> None:
        self._database = database
        self._key = key
        self._part = part
        self._writer = writer

    async def receive(
        self, at: int, body: AsyncIterator[bytes], checksum: Checksum | None
    ) -> Upload:
        """Take a body in; raises as Uploading.append says."""
        row = await self._enter(at)
        try:
            return await self._take(row, body, checksum)
        except BaseException:
            await self._leave()
            raise

    async def _take(
        self, row: Upload, body: AsyncIterator[bytes], checksum: Checksum | None
    ) -> Upload:
        standing = await to_thread.run_sync(self._part.stand_at, row.position)
        if standing < row.position:
            # The store has lost what the row says is there: the lesser of the two counts.
            await self._advance(row.position, standing)
            raise OffsetMismatch(offset=standing, sent=row.position)
        receipt = _Receipt(self._part, row.length, row.position, checksum)
        try:
            async for full in receipt.take(body):
                if not full:
                    continue
                if checksum is None:
                    row = await self._advance(row.position, await receipt.sync())
                else:
                    await receipt.write()
                    row = await self._advance(row.position, row.position)
        except Coded:
            raise
        except Exception:
            # The connection was cut: keep what is here, so that the phone need not send it again.
            if checksum is None:
                await self._advance(row.position, await receipt.sync())
            raise
        if not receipt.agrees:
            raise ChecksumMismatch
        return await self._advance(row.position, await receipt.sync(), last=True)

    async def _enter(self, at: int) -> Upload:
        """Read the row again, as the only writer: only its present position counts."""
        now = clock.now()
        async with self._database.transaction() as session:
            row = await self._locked(session)
            if self._writer is not None:
                if row.writer_until is not None and row.writer_until > now:
                    raise UploadBusy
                row.writer, row.writer_until = self._writer, now + rules.LEASE
            _stands_at(row, at)
        return row

    async def _advance(self, before: int, position: int, *, last: bool = False) -> Upload:
        """Say how far the bytes are safe; raises UploadBusy when the lease went to another."""
        async with self._database.transaction() as session:
            row = await self._locked(session)
            if row.position != before or row.writer != self._writer:
                raise UploadBusy
            row.position = position
            if self._writer is not None:
                row.writer = None if last else self._writer
                row.writer_until = None if last else clock.now() + rules.LEASE
        return row

    async def _leave(self) -> None:
        if self._writer is None:
            return
        async with self._database.transaction() as session:
            row = await queries.lock_upload(session, self._key.region_id, self._key.upload_id)
            if row is not None and row.writer == self._writer:
                row.writer = row.writer_until = None

    async def _locked(self, session: AsyncSession) -> Upload:
        row = await queries.lock_upload(session, self._key.region_id, self._key.upload_id)
        if row is None or row.dropped_at:
            raise NotFound(thing="upload")
        return row


class _Receipt:
    """One request's bytes on their way to the store: bounded, hashed, in blocks."""

    def __init__(self, part: Part, length: int, position: int, checksum: Checksum | None) -> None:
        self._part = part
        self._left = length - position
        self._length = length
        self._checksum = checksum
        self._digest: Any = hashlib.new(checksum.algorithm) if checksum else None
        self._waiting = bytearray()
        self._written_at = asyncio.get_running_loop().time()

    async def take(self, body: AsyncIterator[bytes]) -> AsyncIterator[bool]:
        """Take a body's blocks; yields whether enough waits, or has waited long enough.

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
            waited = asyncio.get_running_loop().time() - self._written_at
            yield len(self._waiting) >= rules.FLUSH_BYTES or waited >= rules.FLUSH_SECONDS

    async def write(self) -> None:
        """Write what was taken, without a promise that it survives."""
        data, self._waiting = bytes(self._waiting), bytearray()
        self._written_at = asyncio.get_running_loop().time()
        await to_thread.run_sync(self._part.write, data)

    async def sync(self) -> int:
        """Write what was taken and make it survive; return the position that is safe."""
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


async def _record(session: AsyncSession, row: Upload, file: File, mime: str) -> None:
    """Write that a content is stored; the promise's lock and ours are the same row's."""
    now = clock.now()
    if file.stored_at is None:
        file.stored_at, file.bytes, file.mime = now, row.length, mime
    for link in await queries.lock_open_links(session, row.region_id, row.sha256):
        link.arrived = True
    done = await queries.lock_upload(session, row.region_id, row.id)
    if done is not None and done.completed_at is None:
        done.completed_at = now
    row.completed_at = now
