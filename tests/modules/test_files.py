import asyncio
import os
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from fieldops.files import disk as disks
from fieldops.files import policy, queries, rules
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
from fieldops.files.models import FileLink
from fieldops.files.uploading import Announced, Checksum, Key, Uploading
from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.errors import InvalidArguments, NotFound
from fieldops.kernel.permissions import Permission
from fieldops.kernel.settings import Settings
from tests.support.factories.files import STARTS, content, promise, sha256_of
from tests.support.world import NORTH, SOUTH, World, build_world

pytestmark = pytest.mark.anyio


@pytest.fixture
def uploading(database: Database, settings: Settings, tmp_path: Path) -> Uploading:
    return Uploading(database, settings.model_copy(update={"files_path": tmp_path}))


async def blocks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def cut_after(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    raise ConnectionResetError


async def begin(uploading: Uploading, world: World, data: bytes, **changes: object) -> Key:
    announced = {"length": len(data), "sha256": sha256_of(data), **changes}
    key, _row = await uploading.create(world.alice, Announced(**announced))  # type: ignore[arg-type]
    return key


async def read_link(uploading: Uploading, link_id: UUID) -> FileLink:
    async with uploading.database.transaction() as session:
        return await session.get_one(FileLink, (1, link_id))


async def test_a_whole_upload_is_stored_once_and_fulfils_the_promise_made_before(
    uploading: Uploading, world: World
) -> None:
    data = content()
    link_id = await promise(uploading.database, world.alice, data, subject_id=uuid4())
    assert not (await read_link(uploading, link_id)).arrived
    key = await begin(uploading, world, data)
    row = await uploading.append(key, 0, blocks(data[:700], data[700:]))
    assert row.position == len(data)
    assert row.completed_at is not None
    assert (await read_link(uploading, link_id)).arrived
    assert uploading.disk(1).content(sha256_of(data)).read_bytes() == data
    assert not uploading.disk(1).part(key.upload_id).exists()


async def test_a_promise_made_after_the_bytes_arrived_is_fulfilled_at_once(
    uploading: Uploading, world: World
) -> None:
    data = content()
    await uploading.append(await begin(uploading, world, data), 0, blocks(data))
    link_id = await promise(uploading.database, world.alice, data, subject_id=uuid4())
    assert (await read_link(uploading, link_id)).arrived


async def test_the_same_content_from_two_phones_is_one_file(
    uploading: Uploading, world: World
) -> None:
    data = content()
    for _ in range(2):
        await uploading.append(await begin(uploading, world, data), 0, blocks(data))
    contents = uploading.disk(1).content(sha256_of(data)).parent
    assert [path.name for path in contents.iterdir()] == [sha256_of(data)]


async def test_what_arrived_before_a_cut_connection_stays(
    uploading: Uploading, world: World
) -> None:
    data = content(5000)
    key = await begin(uploading, world, data)
    with pytest.raises(ConnectionResetError):
        await uploading.append(key, 0, cut_after(data[:1000], data[1000:1500]))
    assert (await uploading.state(key)).position == 1500
    row = await uploading.append(key, 1500, blocks(data[1500:]))
    assert row.completed_at is not None


async def test_bytes_behind_the_recorded_offset_are_cut_off_after_a_crash(
    uploading: Uploading, world: World
) -> None:
    data = content(3000)
    key = await begin(uploading, world, data)
    with pytest.raises(ConnectionResetError):
        await uploading.append(key, 0, cut_after(data[:1000]))
    with uploading.disk(1).part(key.upload_id).open("ab") as part:
        part.write(b"written, but the row was never told" * 200)
    row = await uploading.append(key, 1000, blocks(data[1000:]))
    assert row.completed_at is not None
    assert uploading.disk(1).content(sha256_of(data)).read_bytes() == data


async def test_bytes_are_on_the_disk_before_the_row_says_so(
    uploading: Uploading, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = content(2000)
    key = await begin(uploading, world, data)
    order: list[str] = []
    real_sync, real_advance = os.fsync, Uploading._advance

    def sync(handle: int) -> None:
        order.append("fsync")
        real_sync(handle)

    async def advance(self: Uploading, key: Key, before: int, position: int) -> object:
        order.append("row")
        return await real_advance(self, key, before, position)

    monkeypatch.setattr(disks.os, "fsync", sync)
    monkeypatch.setattr(Uploading, "_advance", advance)
    await uploading.append(key, 0, blocks(data[:500]))
    assert "fsync" in order[: order.index("row")]


async def test_a_part_lost_from_the_disk_starts_over_at_byte_0(
    uploading: Uploading, world: World
) -> None:
    data = content(3000)
    key = await begin(uploading, world, data)
    await uploading.append(key, 0, blocks(data[:1000]))
    uploading.disk(1).part(key.upload_id).unlink()
    with pytest.raises(OffsetMismatch) as caught:
        await uploading.append(key, 1000, blocks(data[1000:]))
    assert caught.value.details["offset"] == 0
    assert (await uploading.append(key, 0, blocks(data))).completed_at is not None


async def test_an_end_that_was_cut_off_between_disk_and_row_is_done_by_the_next_question(
    uploading: Uploading, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = content(3000)
    key = await begin(uploading, world, data)
    link_id = await promise(uploading.database, world.alice, data, subject_id=uuid4())

    async def crash(*_args: object) -> None:
        raise SystemError

    with monkeypatch.context() as broken:
        broken.setattr("fieldops.files.uploading._record", crash)
        with pytest.raises(SystemError):
            await uploading.append(key, 0, blocks(data))
    assert not (await read_link(uploading, link_id)).arrived
    row = await uploading.state(key)
    assert (row.position, row.completed_at is not None) == (len(data), True)
    assert (await read_link(uploading, link_id)).arrived


async def test_the_sweep_finishes_an_end_that_was_cut_off(
    uploading: Uploading, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = content(3000)
    key = await begin(uploading, world, data)

    async def crash(*_args: object) -> None:
        raise SystemError

    with monkeypatch.context() as broken:
        broken.setattr("fieldops.files.uploading._record", crash)
        with pytest.raises(SystemError):
            await uploading.append(key, 0, blocks(data))
    await uploading.sweep(1)
    async with uploading.database.transaction() as session:
        assert await queries.arrived(session, 1, [sha256_of(data)]) == {sha256_of(data)}


async def test_a_wrong_content_is_refused_and_nothing_is_linked(
    uploading: Uploading, world: World
) -> None:
    data = content(2000, seed=1)
    link_id = await promise(uploading.database, world.alice, data, subject_id=uuid4())
    key = await begin(uploading, world, data)
    with pytest.raises(ChecksumMismatch):
        await uploading.append(key, 0, blocks(content(2000, seed=2)))
    assert not (await read_link(uploading, link_id)).arrived
    assert not uploading.disk(1).content(sha256_of(data)).exists()
    with pytest.raises(NotFound):
        await uploading.state(key)


async def test_a_request_whose_checksum_fails_leaves_the_offset_where_it_was(
    uploading: Uploading, world: World
) -> None:
    data = content(3000)
    key = await begin(uploading, world, data)
    await uploading.append(key, 0, blocks(data[:1000]))
    with pytest.raises(ChecksumMismatch):
        await uploading.append(
            key, 1000, blocks(data[1000:2000]), checksum=Checksum("sha1", b"\x00" * 20)
        )
    assert (await uploading.state(key)).position == 1000
    good = Checksum("sha256", bytes.fromhex(sha256_of(data[1000:])))
    row = await uploading.append(key, 1000, blocks(data[1000:]), checksum=good)
    assert row.completed_at is not None


@pytest.mark.parametrize("mime", sorted(STARTS))
async def test_the_type_is_known_by_the_content(
    uploading: Uploading, world: World, mime: str
) -> None:
    data = content(mime=mime)
    key = await begin(uploading, world, data, mime=mime)
    assert (await uploading.append(key, 0, blocks(data))).completed_at is not None


async def test_a_program_is_not_stored_whatever_it_is_called(
    uploading: Uploading, world: World
) -> None:
    data = b"MZ" + bytes(2000)
    key = await begin(uploading, world, data, mime="image/jpeg", filename="photo.jpg")
    with pytest.raises(ContentNotAllowed):
        await uploading.append(key, 0, blocks(data))


async def test_a_content_of_another_type_than_announced_is_refused(
    uploading: Uploading, world: World
) -> None:
    data = content(mime="image/png")
    key = await begin(uploading, world, data, mime="image/jpeg")
    with pytest.raises(ContentTypeWrong):
        await uploading.append(key, 0, blocks(data))


async def test_more_bytes_than_announced_are_refused(uploading: Uploading, world: World) -> None:
    data = content(1000)
    key = await begin(uploading, world, data)
    with pytest.raises(UploadTooLong):
        await uploading.append(key, 0, blocks(data, b"x"))
    assert (await uploading.state(key)).position == 0


async def test_a_second_writer_is_told_to_wait(uploading: Uploading, world: World) -> None:
    data = content(2000)
    key = await begin(uploading, world, data)

    async def body() -> AsyncIterator[bytes]:
        yield data[:1000]
        with pytest.raises(UploadBusy):
            await uploading.append(key, 0, blocks(data))
        yield data[1000:]

    assert (await uploading.append(key, 0, body())).completed_at is not None


async def test_a_body_that_stands_still_is_cut_and_what_came_is_kept(
    uploading: Uploading, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = content(2000)
    key = await begin(uploading, world, data)
    monkeypatch.setattr(rules, "IDLE_SECONDS", 0.05)

    async def body() -> AsyncIterator[bytes]:
        import anyio  # noqa: PLC0415 - only this body waits

        yield data[:600]
        await anyio.sleep(30)

    with pytest.raises(TimeoutError):
        await uploading.append(key, 0, body())
    assert (await uploading.state(key)).position == 600


async def test_an_upload_runs_out_after_a_week_and_is_swept(
    uploading: Uploading, world: World, at: datetime
) -> None:
    data = content(2000)
    key = await begin(uploading, world, data)
    await uploading.append(key, 0, blocks(data[:500]))
    with clock.frozen(at + timedelta(days=8)):
        with pytest.raises(UploadGone):
            await uploading.state(key)
        assert await uploading.sweep(1) == 1
        assert not uploading.disk(1).part(key.upload_id).exists()
        with pytest.raises(NotFound):
            await uploading.state(key)


async def test_a_part_without_its_row_is_swept(
    uploading: Uploading, world: World, at: datetime
) -> None:
    lost = uploading.disk(1).part(uuid4())
    lost.parent.mkdir(parents=True)
    lost.write_bytes(b"left by a crash")
    os.utime(lost, (at.timestamp() - 7200,) * 2)
    await uploading.sweep(1)
    assert not lost.exists()


async def test_a_key_of_another_upload_opens_nothing(uploading: Uploading, world: World) -> None:
    mine = await begin(uploading, world, content(seed=1))
    other = await begin(uploading, world, content(seed=2))
    with pytest.raises(NotFound):
        await uploading.state(Key(1, mine.upload_id, other.secret))
    with pytest.raises(NotFound):
        await uploading.state(Key(2, mine.upload_id, mine.secret))


async def test_limits_of_size_and_number_are_kept(
    uploading: Uploading, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UploadTooLarge):
        await uploading.create(world.alice, Announced(10**12, "0" * 64))
    monkeypatch.setattr(rules, "OPEN_UPLOADS_PER_PERSON", 1)
    await begin(uploading, world, content())
    with pytest.raises(TooManyUploads):
        await begin(uploading, world, content())


async def test_a_receipt_counts_promised_and_arrived_of_a_visit(
    uploading: Uploading, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit_id = uuid4()

    async def nowhere(*_args: object) -> UUID:
        return NORTH

    monkeypatch.setattr(policy, "centre_of_visit", [nowhere])
    rows = [
        FileLink(
            region_id=1,
            centre_id=NORTH,
            sha256=sha256_of(content(seed=seed)),
            bytes=2000,
            mime="image/jpeg",
            purpose="photo",
            subject_type="visit",
            subject_id=visit_id,
            visit_id=visit_id,
            technician_id=world.alice.id,
            captured_at=clock.now(),
            arrived=seed == 1,
        )
        for seed in (1, 2)
    ]
    async with uploading.database.transaction() as session:
        session.add_all(rows)
    async with uploading.database.transaction() as session:
        scope = world.dora.scope(Permission.FILE_READ)
        found = await queries.receipt(session, scope, visit_id)
        assert (found.promised, found.arrived, found.complete) == (2, 1, False)
        assert [row.sha256 for row in found.missing] == [sha256_of(content(seed=2))]
        with pytest.raises(NotFound):
            await queries.receipt(session, world.dan.scope(Permission.FILE_READ), visit_id)


async def test_a_link_is_seen_by_its_maker_and_its_centre_only(
    uploading: Uploading, world: World
) -> None:
    data = content()
    link_id = await promise(uploading.database, world.alice, data, subject_id=uuid4())
    await uploading.append(await begin(uploading, world, data), 0, blocks(data))
    async with uploading.database.transaction() as session:
        for name, sees in (
            ("alice", True), ("dora", True), ("sam", True),
            ("bob", False), ("carol", False), ("dan", False), ("tess", False),
        ):  # fmt: skip
            scope = world.actors[name].scope(Permission.FILE_READ)
            if sees:
                assert (await queries.link(session, scope, link_id)).centre_id == NORTH
                assert (await queries.stored_file(session, scope, sha256_of(data))).bytes == 2000
                continue
            with pytest.raises(NotFound):
                await queries.link(session, scope, link_id)
            with pytest.raises(NotFound):
                await queries.stored_file(session, scope, sha256_of(data))


async def test_a_link_belongs_to_the_centre_of_the_visit_it_was_taken_on(
    uploading: Uploading, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def south(*_args: object) -> UUID:
        return SOUTH

    async def accept(*_args: object) -> None:
        return None

    monkeypatch.setattr(policy, "centre_of_visit", [south])
    monkeypatch.setattr("fieldops.kernel.commands.reactions_to", lambda _event: [accept])
    visit_id = uuid4()
    link_id = await promise(
        uploading.database, world.alice, content(), subject_id=visit_id, visit_id=visit_id
    )
    assert (await read_link(uploading, link_id)).centre_id == SOUTH


@pytest.mark.parametrize(
    "wrong",
    [
        {"sha256": "ABC"},
        {"sha256": "A" * 64},
        {"bytes": 0},
        {"mime": "text/html"},
        {"purpose": "holiday"},
        {"subject_type": "person"},
        {"item_key": ""},
        {"colour": "red"},
    ],
)
async def test_a_malformed_promise_is_refused_with_its_field(
    uploading: Uploading, world: World, wrong: dict[str, object]
) -> None:
    with pytest.raises(InvalidArguments) as caught:
        await promise(uploading.database, world.alice, content(), subject_id=uuid4(), **wrong)
    assert caught.value.details["errors"][0]["field"] == next(iter(wrong))


@pytest.mark.parametrize("linked_first", [True, False])
async def test_a_promise_and_an_arrival_at_the_same_moment_do_not_miss_each_other(
    committed: tuple[Database, Settings], tmp_path: Path, *, linked_first: bool
) -> None:
    database = committed[0]
    uploading = Uploading(database, committed[1].model_copy(update={"files_path": tmp_path}))
    world = await build_world(database)
    data = content()
    key = await begin(uploading, world, data)

    async def append() -> None:
        await asyncio.sleep(0.05 if linked_first else 0)
        await uploading.append(key, 0, blocks(data))

    async def link() -> UUID:
        await asyncio.sleep(0 if linked_first else 0.05)
        return await promise(database, world.alice, data, subject_id=uuid4())

    async with database.transaction() as session:
        # Both wait for the content's row, and go on together when it is let go.
        await queries.lock_file(session, 1, sha256_of(data))
        appending, linking = asyncio.create_task(append()), asyncio.create_task(link())
        await asyncio.sleep(0.4)
    await appending
    assert (await read_link(uploading, await linking)).arrived
