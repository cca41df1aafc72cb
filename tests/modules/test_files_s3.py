"""The S3 end of the store: pieces, leases, big contents, a store that is away (SYNC 7)."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from fieldops.files import disk, rules, s3
from fieldops.files.disk import Disk
from fieldops.files.errors import FileStoreAway, UploadBusy
from fieldops.files.s3 import Bucket
from fieldops.files.uploading import Announced, Key, Uploading
from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.errors import NotFound
from fieldops.kernel.settings import Settings
from tests.support import buckets
from tests.support.factories.files import content, sha256_of
from tests.support.world import World

pytestmark = pytest.mark.anyio


@pytest.fixture
def uploading(database: Database, settings: Settings, s3_url: str) -> Uploading:
    return Uploading(database, buckets.settings_in_a_bucket(settings, s3_url))


@pytest.fixture
def bucket(uploading: Uploading) -> Bucket:
    return Bucket.of(uploading.settings, 1)


async def blocks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def begin(uploading: Uploading, world: World, data: bytes) -> Key:
    return (await uploading.create(world.alice, Announced(len(data), sha256_of(data))))[0]


async def test_a_big_content_is_put_together_in_parts_that_s3_accepts(
    uploading: Uploading, bucket: Bucket, world: World
) -> None:
    data = content(19_000_000)
    key = await begin(uploading, world, data)
    step = 700_000  # far below the 5 MiB that S3 wants of a part
    row = await uploading.append(
        key, 0, blocks(*(data[i : i + step] for i in range(0, len(data), step)))
    )
    assert row.completed_at is not None
    head = bucket.client.head_object(Bucket=bucket.name, Key=bucket.content(sha256_of(data)))
    assert head["ETag"].strip('"').endswith("-3")  # 8 + 8 + the rest, as one multipart upload
    assert b"".join(bucket.read(sha256_of(data))) == data
    assert bucket.pieces(key.upload_id) == []


async def test_a_second_writer_waits_until_the_lease_of_a_dead_one_has_run_out(
    uploading: Uploading, world: World, at: datetime
) -> None:
    data = content(3_000_000)
    key = await begin(uploading, world, data)

    class Died(BaseException):
        """A process that ends here lets go of nothing."""

    async def dies() -> AsyncIterator[bytes]:
        yield data[:1_500_000]
        raise Died

    with pytest.MonkeyPatch.context() as killed:
        killed.setattr("fieldops.files.uploading._Writing._leave", _nothing)
        with pytest.raises(Died):
            await uploading.append(key, 0, dies())
    assert (await uploading.state(key)).position == 1_500_000
    with pytest.raises(UploadBusy):
        await uploading.append(key, 1_500_000, blocks(data[1_500_000:]))
    with clock.frozen(at + rules.LEASE + timedelta(seconds=1)):
        row = await uploading.append(key, 1_500_000, blocks(data[1_500_000:]))
    assert row.completed_at is not None


async def _nothing(_writing: object) -> None:
    return None


async def test_a_writer_whose_lease_went_to_another_changes_nothing_any_more(
    uploading: Uploading, bucket: Bucket, world: World, at: datetime
) -> None:
    data = content(5_000_000)
    key = await begin(uploading, world, data)

    async def slow() -> AsyncIterator[bytes]:
        yield data[:1_200_000]
        with clock.frozen(at + rules.LEASE + timedelta(seconds=1)):
            await uploading.append(key, 1_200_000, blocks(data[1_200_000:3_000_000]))
        yield b"x" * 1_100_000

    with pytest.raises(UploadBusy):
        await uploading.append(key, 0, slow())
    assert (await uploading.state(key)).position == 3_000_000
    await uploading.append(key, 3_000_000, blocks(data[3_000_000:]))
    assert b"".join(bucket.read(sha256_of(data))) == data


async def test_a_slow_body_is_made_safe_again_and_again_long_before_the_lease_ends(
    uploading: Uploading, bucket: Bucket, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert timedelta(seconds=rules.FLUSH_SECONDS + rules.IDLE_SECONDS) < rules.LEASE
    monkeypatch.setattr(rules, "FLUSH_SECONDS", 0.0)
    data = content(3000)
    key = await begin(uploading, world, data)
    await uploading.append(key, 0, blocks(data[:500], data[500:900]))
    assert [(p.start, p.end) for p in bucket.pieces(key.upload_id)] == [(0, 500), (500, 900)]


def test_a_chain_of_pieces_has_no_hole_and_does_not_go_behind_the_position() -> None:
    def chain(position: int, *spans: tuple[int, int]) -> list[tuple[int, int]]:
        pieces = [s3._Piece(start, end, f"{start}-{end}") for start, end in spans]
        return [(p.start, p.end) for p in s3._chain(pieces, position)]

    assert chain(30, (0, 10), (10, 30)) == [(0, 10), (10, 30)]
    assert chain(30, (0, 10), (20, 30)) == [(0, 10)]
    assert chain(20, (0, 10), (10, 30)) == [(0, 10)]
    assert chain(30, (0, 10), (0, 25), (10, 30)) == [(0, 10), (10, 30)]
    assert chain(30) == []


async def test_a_multipart_upload_that_a_crash_left_open_is_aborted(
    bucket: Bucket,
) -> None:
    bucket.client.create_multipart_upload(Bucket=bucket.name, Key=bucket.content("ab" * 32))
    # The server of the tests says of every multipart upload that it began in 2010.
    bucket.tidy(datetime(2009, 1, 1, tzinfo=UTC).timestamp())
    assert bucket.client.list_multipart_uploads(Bucket=bucket.name)["Uploads"]
    bucket.tidy(datetime.now(UTC).timestamp())
    assert "Uploads" not in bucket.client.list_multipart_uploads(Bucket=bucket.name)


async def test_a_store_that_is_away_is_a_condition_that_passes(
    uploading: Uploading, bucket: Bucket, world: World
) -> None:
    data = content()
    key = await begin(uploading, world, data)
    bucket.client.delete_bucket(Bucket=bucket.name)
    with pytest.raises(FileStoreAway) as caught:
        await uploading.append(key, 0, blocks(data))
    assert caught.value.status == 503
    bucket.client.create_bucket(Bucket=bucket.name)
    assert (await uploading.append(key, 0, blocks(data))).completed_at is not None


async def test_a_dropped_upload_takes_no_more_bytes(
    uploading: Uploading, bucket: Bucket, world: World
) -> None:
    data = content(4_000_000)
    key = await begin(uploading, world, data)

    async def body() -> AsyncIterator[bytes]:
        yield data[:2_000_000]
        await uploading.terminate(key)
        yield data[2_000_000:]

    with pytest.raises(NotFound):
        await uploading.append(key, 0, body())
    assert not bucket.holds(sha256_of(data))


def test_the_disks_bytes_are_synced_before_the_position_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append(os.fstat(handle).st_size)
        real(handle)

    monkeypatch.setattr(disk.os, "fsync", fsync)
    part = Disk(tmp_path, 1).open_part(uuid4())
    part.stand_at(0)
    part.write(b"x" * 700)
    assert synced == []
    assert part.sync() == 700
    assert synced[0] == 700
    part.close()
