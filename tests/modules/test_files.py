import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from fieldops.files import policy, queries, rules, sweeping
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
from fieldops.files.models import FileLink, Upload
from fieldops.files.queries import receipts
from fieldops.files.store import Part
from fieldops.files.uploading import Announced, Checksum, Key, Uploading, _Writing
from fieldops.kernel import clock
from fieldops.kernel.configuration import Number, RuleNumber
from fieldops.kernel.db import Database
from fieldops.kernel.errors import InvalidArguments, NotFound
from fieldops.kernel.permissions import Permission
from fieldops.kernel.settings import Settings
from fieldops.organisation import queries as organisation
from tests.support.factories.files import STARTS, content, promise, sha256_of
from tests.support.world import NORTH, SOUTH, World, build_world

pytestmark = pytest.mark.anyio


@pytest.fixture
def uploading(database: Database, files_in: Settings) -> Uploading:
    return Uploading(database, files_in)


def stored(uploading: Uploading, data: bytes) -> bytes:
    return b"".join(uploading.store(1).read(sha256_of(data)))


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


def parts_of(uploading: Uploading) -> list[UUID]:
    """Return the uploads whose parts the store has, however young."""
    return uploading.store(1).old_parts(datetime.now(UTC).timestamp() + 60)


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
    assert stored(uploading, data) == data
    assert parts_of(uploading) == []


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
    assert list(uploading.store(1).contents(sha256_of(data)[:2])) == [sha256_of(data)]
    assert parts_of(uploading) == []


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
    part = uploading.store(1).open_part(key.upload_id)
    part.stand_at(1000)
    part.write(b"written, but the row was never told" * 200)
    part.sync()
    part.close()
    row = await uploading.append(key, 1000, blocks(data[1000:]))
    assert row.completed_at is not None
    assert stored(uploading, data) == data


async def test_bytes_are_safe_in_the_store_before_the_row_says_so(
    uploading: Uploading, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = content(4_000_000)
    key = await begin(uploading, world, data)
    part_type = type(uploading.store(1).open_part(uuid4()))
    safe = 0
    real_sync, real_advance = part_type.sync, _Writing._advance

    def sync(part: Part) -> int:
        nonlocal safe
        safe = real_sync(part)
        return safe

    async def advance(writing: _Writing, before: int, position: int, **more: bool) -> Upload:
        assert position <= safe
        return await real_advance(writing, before, position, **more)

    monkeypatch.setattr(part_type, "sync", sync)
    monkeypatch.setattr(_Writing, "_advance", advance)
    await uploading.append(
        key, 0, blocks(*(data[i : i + 65536] for i in range(0, 3_000_000, 65536)))
    )
    assert safe > 3_000_000


async def test_what_the_store_has_lost_is_asked_for_again_and_no_hole_is_left(
    uploading: Uploading, world: World
) -> None:
    data = content(3000)
    key = await begin(uploading, world, data)
    await uploading.append(key, 0, blocks(data[:600]))
    await uploading.append(key, 600, blocks(data[600:1000]))
    lose_the_end(uploading, key, 600)
    with pytest.raises(OffsetMismatch) as caught:
        await uploading.append(key, 1000, blocks(data[1000:]))
    assert caught.value.details["offset"] == 600
    assert (await uploading.state(key)).position == 600
    assert (await uploading.append(key, 600, blocks(data[600:]))).completed_at is not None
    assert stored(uploading, data) == data


def lose_the_end(uploading: Uploading, key: Key, position: int) -> None:
    part = uploading.store(1).open_part(key.upload_id)
    part.stand_at(position)
    part.close()


async def test_a_part_lost_from_the_store_starts_over_at_byte_0(
    uploading: Uploading, world: World
) -> None:
    data = content(3000)
    key = await begin(uploading, world, data)
    await uploading.append(key, 0, blocks(data[:1000]))
    uploading.store(1).drop(key.upload_id)
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
    await sweeping.sweep_uploads(uploading, 1)
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
    assert not uploading.store(1).holds(sha256_of(data))
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
        assert await sweeping.sweep_uploads(uploading, 1) == 1
        assert parts_of(uploading) == []
        with pytest.raises(NotFound):
            await uploading.state(key)


async def test_a_part_without_its_row_is_swept_when_it_is_old(
    uploading: Uploading, world: World
) -> None:
    lost = uuid4()
    part = uploading.store(1).open_part(lost)
    part.stand_at(0)
    part.write(b"left by a crash")
    part.sync()
    part.close()
    with clock.frozen(datetime.now(UTC) + timedelta(minutes=30)):
        await sweeping.sweep_uploads(uploading, 1)
        assert parts_of(uploading) == [lost]
    with clock.frozen(datetime.now(UTC) + timedelta(hours=2)):
        await sweeping.sweep_uploads(uploading, 1)
        assert parts_of(uploading) == []


async def test_a_key_of_another_upload_opens_nothing(uploading: Uploading, world: World) -> None:
    mine = await begin(uploading, world, content(seed=1))
    other = await begin(uploading, world, content(seed=2))
    with pytest.raises(NotFound):
        await uploading.state(Key(1, mine.upload_id, other.secret))
    with pytest.raises(NotFound):
        await uploading.state(Key(2, mine.upload_id, mine.secret))


async def set_number(uploading: Uploading, number: Number, value: float) -> None:
    async with uploading.database.transaction() as session:
        session.add(RuleNumber(region_id=1, name=number.name, value=value))


async def test_a_file_has_a_greatest_size(uploading: Uploading, world: World) -> None:
    with pytest.raises(UploadTooLarge):
        await uploading.create(world.alice, Announced(10**12, "0" * 64))


async def test_a_person_has_only_so_many_unfinished_uploads(
    uploading: Uploading, world: World
) -> None:
    await set_number(uploading, rules.OPEN_UPLOADS, 2)
    data = content()
    await uploading.append(await begin(uploading, world, data), 0, blocks(data))
    await begin(uploading, world, content())
    dropped = await begin(uploading, world, content())
    with pytest.raises(TooManyUploads):
        await begin(uploading, world, content())
    await uploading.terminate(dropped)
    await begin(uploading, world, content())
    await uploading.create(world.bob, Announced(2000, "0" * 64))


async def test_uploads_begun_at_the_same_moment_do_not_pass_a_limit_together(
    committed: tuple[Database, Settings], files_in: Settings
) -> None:
    """SYNC 7: each sees those begun before it; another person's are not waited for."""
    database = committed[0]
    uploading = Uploading(database, files_in)
    world = await build_world(database)
    await set_number(uploading, rules.OPEN_UPLOADS, 2)
    await set_number(uploading, rules.MEGABYTES_A_DAY, 1)
    async with database.transaction() as session:
        await organisation.one_at_a_time(session, world.alice.id)
        begun = [asyncio.create_task(begin(uploading, world, content())) for _ in range(6)]
        sent = Announced(900_000, "0" * 64)
        await uploading.create(world.bob, sent)
    met = [type(r) for r in await asyncio.gather(*begun, return_exceptions=True)]
    assert (met.count(Key), met.count(TooManyUploads)) == (2, 4)
    twice = [uploading.create(world.carol, sent) for _ in range(2)]
    made = await asyncio.gather(*twice, return_exceptions=True)
    assert [isinstance(m, UploadQuotaUsed) for m in made].count(True) == 1


async def test_a_person_begins_only_so_many_bytes_a_day_and_dropped_ones_count_as_sent(
    uploading: Uploading, world: World, at: datetime
) -> None:
    await set_number(uploading, rules.MEGABYTES_A_DAY, 1)
    key = await begin(uploading, world, content(), length=900_000)
    with pytest.raises(UploadQuotaUsed):
        await begin(uploading, world, content(), length=200_000)
    await uploading.append(key, 0, blocks(bytes(850_000)))
    await uploading.terminate(key)
    with pytest.raises(UploadQuotaUsed):
        await begin(uploading, world, content(), length=200_000)
    await begin(uploading, world, content(), length=100_000)
    with clock.frozen(at + timedelta(hours=25)):
        await begin(uploading, world, content(), length=900_000)
        assert (
            await sweeping.sweep_uploads(uploading, 1) == 1
        )  # what was dropped is counted no more


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
        found = await receipts.receipt(session, scope, visit_id)
        assert (found.promised, found.arrived, found.complete) == (2, 1, False)
        assert [row.sha256 for row in found.missing] == [sha256_of(content(seed=2))]
        with pytest.raises(NotFound):
            await receipts.receipt(session, world.dan.scope(Permission.FILE_READ), visit_id)


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
    committed: tuple[Database, Settings], files_in: Settings, *, linked_first: bool
) -> None:
    database = committed[0]
    uploading = Uploading(database, files_in)
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


async def test_the_same_content_finished_by_two_at_once_is_stored_once(
    committed: tuple[Database, Settings], files_in: Settings
) -> None:
    database = committed[0]
    uploading = Uploading(database, files_in)
    world = await build_world(database)
    data = content()
    keys = [await begin(uploading, world, data) for _ in range(2)]
    async with database.transaction() as session:
        # Both have all their bytes and wait for the content's row.
        await queries.lock_file(session, 1, sha256_of(data))
        finishing = [asyncio.create_task(uploading.append(k, 0, blocks(data))) for k in keys]
        await asyncio.sleep(0.4)
        assert not any(task.done() for task in finishing)
    rows = await asyncio.gather(*finishing)
    assert all(row.completed_at for row in rows)
    assert stored(uploading, data) == data
    assert parts_of(uploading) == []
    link_id = await promise(database, world.alice, data, subject_id=uuid4())
    assert (await read_link(uploading, link_id)).arrived
