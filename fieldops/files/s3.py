"""A bucket of any S3-compatible store: contents by their hash, parts as objects of their own.

A part is a row of objects named by the bytes they hold (`parts/<upload>/<from>-<to>`), each put
before the row's position says so. Whole contents are put together from them: in one request, or
from 8 MiB on as a multipart upload, whose parts S3 wants to be 5 MiB or more. S3 has no locks;
the lease on the upload's row keeps a second writer out (uploading.py).
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

import boto3
from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError

from fieldops.files.errors import FileLost, FileStoreAway
from fieldops.files.store import Measured, measure
from fieldops.kernel.settings import Settings

PART_BYTES = 8 * 1024 * 1024  # of a multipart upload; S3 refuses less than 5 MiB but for the last
_READ = 1024 * 1024
_WHOLE = TransferConfig(
    multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, use_threads=False
)
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchUpload"})

P = ParamSpec("P")
T = TypeVar("T")


def _told(work: Callable[P, T]) -> Callable[P, T]:
    """Answer a store that is away or refuses us as a condition that passes."""

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return work(*args, **kwargs)
        except (BotoCoreError, ClientError, S3UploadFailedError) as exc:
            raise FileStoreAway(retry_after=10) from exc

    return run


@lru_cache(maxsize=8)
def _client(endpoint: str, region: str, key: str, secret: str) -> Any:
    """Return the client of a store; one serves all threads, making one takes a while."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint or None,
        region_name=region,
        aws_access_key_id=key or None,
        aws_secret_access_key=secret or None,
        config=Config(
            # Stores that are not Amazon's often have no names per bucket and no new checksums.
            s3={"addressing_style": "path" if endpoint else "auto"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=5,
            read_timeout=30,
            retries={"mode": "standard", "max_attempts": 3},
            max_pool_connections=40,
        ),
    )


@dataclass(frozen=True, slots=True)
class _Piece:
    """One object of a part: the bytes from `start` up to, not with, `end`."""

    start: int
    end: int
    key: str


class BucketPart:
    """An upload's bytes so far; what is not put yet waits in memory."""

    def __init__(self, bucket: "Bucket", upload_id: UUID) -> None:
        """Take the part of an upload; nothing is asked of the store yet."""
        self._bucket = bucket
        self._upload_id = upload_id
        self._position = 0
        self._waiting = bytearray()

    @_told
    def stand_at(self, position: int) -> int:
        """Drop what lies behind a position and go on there; less when bytes before it are lost."""
        pieces = self._bucket.pieces(self._upload_id)
        chain = _chain(pieces, position)
        for piece in pieces:
            if piece not in chain:
                self._bucket.delete(piece.key)
        self._position = chain[-1].end if chain else 0
        return self._position

    @_told
    def write(self, data: bytes) -> None:
        """Take bytes; they are put when many wait, and by `sync`."""
        self._waiting += data
        if len(self._waiting) >= PART_BYTES:
            self._put()

    @_told
    def sync(self) -> int:
        """Put what waits; return the position that is safe."""
        if self._waiting:
            self._put()
        return self._position

    def _put(self) -> None:
        end = self._position + len(self._waiting)
        self._bucket.put(self._bucket.piece(self._upload_id, self._position, end), self._waiting)
        self._position, self._waiting = end, bytearray()

    def close(self) -> None:
        """Forget what was not put."""
        self._waiting.clear()


@dataclass(frozen=True, slots=True)
class Bucket:
    """One region's share of the bucket settings.s3_bucket."""

    client: Any
    name: str
    root: str

    @classmethod
    def of(cls, settings: Settings, region_id: int) -> "Bucket":
        """Return a region's share as the settings name it."""
        client = _client(
            settings.s3_endpoint,
            settings.s3_region,
            settings.s3_access_key,
            settings.s3_secret_key.get_secret_value(),
        )
        return cls(client, settings.s3_bucket, f"{settings.s3_prefix}{region_id}/")

    @property
    def locks(self) -> bool:
        """S3 has no locks."""
        return False

    def piece(self, upload_id: UUID, start: int, end: int) -> str:
        """Return the key of a piece of a part."""
        return f"{self.root}parts/{upload_id.hex}/{start:014}-{end:014}"

    def content(self, sha256: str) -> str:
        """Return the key of a whole content."""
        return f"{self.root}contents/{sha256[:2]}/{sha256}"

    def open_part(self, upload_id: UUID) -> BucketPart:
        """Open an upload's part for writing."""
        return BucketPart(self, upload_id)

    def pieces(self, upload_id: UUID) -> list[_Piece]:
        """Return the pieces of a part in the order of their names."""
        found = []
        for item in self._list(f"{self.root}parts/{upload_id.hex}/"):
            start, _, end = item["Key"].rpartition("/")[2].partition("-")
            found.append(_Piece(int(start), int(end), item["Key"]))
        return found

    @_told
    def measure(self, upload_id: UUID, sha256: str) -> Measured | None:
        """Read an upload's whole content; after a cut-off `keep` it lies at its final place."""
        chain = self._whole(upload_id)
        if chain:
            return measure(self._blocks_of(chain))
        return measure(self.read(sha256)) if self.holds(sha256) else None

    @_told
    def keep(self, upload_id: UUID, sha256: str) -> None:
        """Put a whole part together as a content; again does the same."""
        chain = self._whole(upload_id)
        if chain and not self.holds(sha256):
            whole: Any = io.BufferedReader(_Blocks(self._blocks_of(chain)), _READ)
            self.client.upload_fileobj(whole, self.name, self.content(sha256), Config=_WHOLE)
        self.drop(upload_id)

    def _whole(self, upload_id: UUID) -> list[_Piece]:
        pieces = self.pieces(upload_id)
        return _chain(pieces, max((p.end for p in pieces), default=0))

    @_told
    def drop(self, upload_id: UUID) -> None:
        """Delete an upload's pieces, the last first: what stays after a cut-off has no hole."""
        for piece in reversed(self.pieces(upload_id)):
            self.delete(piece.key)

    @_told
    def old_parts(self, before: float) -> list[UUID]:
        """Return the uploads whose parts nobody wrote to since a time (seconds since 1970)."""
        newest: dict[str, float] = {}
        for item in self._list(f"{self.root}parts/"):
            name = item["Key"].split("/")[-2]
            newest[name] = max(newest.get(name, 0), item["LastModified"].timestamp())
        return [UUID(hex=name) for name, written in newest.items() if written < before]

    @_told
    def tidy(self, before: float) -> None:
        """Abort multipart uploads that a crash left open before a time (seconds since 1970)."""
        pages = self.client.get_paginator("list_multipart_uploads")
        for page in pages.paginate(Bucket=self.name, Prefix=self.root):
            for begun in page.get("Uploads", ()):
                if begun["Initiated"].timestamp() < before:
                    self.client.abort_multipart_upload(
                        Bucket=self.name, Key=begun["Key"], UploadId=begun["UploadId"]
                    )

    @_told
    def holds(self, sha256: str) -> bool:
        """Return whether a content is here."""
        try:
            self.client.head_object(Bucket=self.name, Key=self.content(sha256))
        except ClientError as exc:
            if _is_absent(exc):
                return False
            raise
        return True

    @_told
    def read(self, sha256: str) -> Iterator[bytes]:
        """Return a content in blocks; raises FileLost when it is not here."""
        return self._get(self.content(sha256))

    @_told
    def contents(self, prefix: str) -> dict[str, float]:
        """Return the contents whose sha256 begins with two hex digits, and when they came."""
        return {
            item["Key"].rpartition("/")[2]: item["LastModified"].timestamp()
            for item in self._list(f"{self.root}contents/{prefix}/")
        }

    @_told
    def remove(self, sha256: str) -> None:
        """Delete a content; one that is not here is no error."""
        self.delete(self.content(sha256))

    def put(self, key: str, data: bytes | bytearray) -> None:
        """Put an object; S3 answers when it survives."""
        self.client.put_object(Bucket=self.name, Key=key, Body=bytes(data))

    def delete(self, key: str) -> None:
        """Delete an object; one at a time, for not every store knows how to take many."""
        self.client.delete_object(Bucket=self.name, Key=key)

    def _get(self, key: str) -> Iterator[bytes]:
        try:
            body = self.client.get_object(Bucket=self.name, Key=key)["Body"]
        except ClientError as exc:
            if _is_absent(exc):
                raise FileLost from exc
            raise
        blocks: Iterator[bytes] = body.iter_chunks(_READ)
        return blocks

    def _blocks_of(self, chain: list[_Piece]) -> Iterator[bytes]:
        for piece in chain:
            yield from self._get(piece.key)

    def _list(self, prefix: str) -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.name, Prefix=prefix):
            yield from page.get("Contents", ())


def _is_absent(exc: ClientError) -> bool:
    return exc.response.get("Error", {}).get("Code") in _ABSENT


def _chain(pieces: list[_Piece], position: int) -> list[_Piece]:
    """Return the pieces that follow each other without a hole from 0 as far as `position`.

    A writer whose lease had ended may have left pieces beside them: each byte is reached by the
    pieces that end where the next begins, and no chain goes behind the position.
    """
    chains: dict[int, list[_Piece]] = {0: []}
    for piece in sorted(pieces, key=lambda p: (p.start, p.end)):
        if piece.start in chains and piece.end <= position and piece.end not in chains:
            chains[piece.end] = [*chains[piece.start], piece]
    return chains[max(chains)]


class _Blocks(io.RawIOBase):
    """Blocks of bytes as a file that is read once, from its beginning."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        """Take the blocks."""
        self._blocks = blocks
        self._left = b""

    def readable(self) -> bool:
        """Return True: it is read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; 0 at the end."""
        while not self._left:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._left = block
        taken, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)
