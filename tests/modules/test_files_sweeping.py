"""What is swept of files, and what never is (SYNC 7), over both stores."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from fieldops.files import jobs as files_jobs
from fieldops.files import queries, sweeping
from fieldops.files.errors import FileLost
from fieldops.files.models import File, FileLink
from fieldops.files.uploading import Announced, Key, Uploading
from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from tests.support.factories.files import content, promise, sha256_of
from tests.support.world import World

pytestmark = pytest.mark.anyio

MONTH = timedelta(days=31)


@pytest.fixture
def uploading(database: Database, files_in: Settings) -> Uploading:
    return Uploading(database, files_in)


async def upload(uploading: Uploading, world: World, data: bytes) -> Key:
    async def body() -> AsyncIterator[bytes]:
        yield data

    key, _row = await uploading.create(world.alice, Announced(len(data), sha256_of(data)))
    await uploading.append(key, 0, body())
    return key


async def arrived(uploading: Uploading, link_id: UUID) -> bool:
    async with uploading.database.transaction() as session:
        return (await session.get_one(FileLink, (1, link_id))).arrived


def put_content(uploading: Uploading, data: bytes, sha256: str) -> None:
    """Leave a content without its row, as a crash between store and commit does."""
    part_of = uuid4()
    store = uploading.store(1)
    part = store.open_part(part_of)
    part.stand_at(0)
    part.write(data)
    part.sync()
    part.close()
    store.keep(part_of, sha256)


async def test_a_content_nobody_promised_goes_after_a_month_and_a_promised_one_stays(
    uploading: Uploading, world: World, at: datetime
) -> None:
    nobodys, promised = content(seed=1), content(seed=2)
    await upload(uploading, world, nobodys)
    await upload(uploading, world, promised)
    await promise(uploading.database, world.alice, promised, subject_id=uuid4())
    assert await sweeping.sweep_contents(uploading, 1) == 0
    with clock.frozen(at + MONTH):
        assert await sweeping.sweep_contents(uploading, 1) == 1
    store = uploading.store(1)
    assert not store.holds(sha256_of(nobodys))
    assert b"".join(store.read(sha256_of(promised))) == promised
    with pytest.raises(FileLost):
        store.read(sha256_of(nobodys))


async def test_what_was_swept_can_be_promised_and_sent_again(
    uploading: Uploading, world: World, at: datetime
) -> None:
    data = content()
    await upload(uploading, world, data)
    with clock.frozen(at + MONTH):
        await sweeping.sweep_contents(uploading, 1)
        link_id = await promise(uploading.database, world.alice, data, subject_id=uuid4())
        assert not await arrived(uploading, link_id)
        await upload(uploading, world, data)
        assert await arrived(uploading, link_id)


async def test_a_promise_made_between_the_sweeps_look_and_its_deletion_keeps_the_content(
    uploading: Uploading, world: World, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = content()
    await upload(uploading, world, data)
    look = queries.unlinked

    async def and_then_promised(*args: object) -> list[str]:
        found = await look(*args)  # type: ignore[arg-type]
        await promise(uploading.database, world.alice, data, subject_id=uuid4())
        return found

    monkeypatch.setattr(queries, "unlinked", and_then_promised)
    with clock.frozen(at + MONTH):
        assert await sweeping.sweep_contents(uploading, 1) == 0
    assert uploading.store(1).holds(sha256_of(data))


async def test_a_content_the_store_has_lost_is_missing_again_until_it_is_sent_again(
    uploading: Uploading, world: World
) -> None:
    data = content()
    link_id = await promise(uploading.database, world.alice, data, subject_id=uuid4())
    await upload(uploading, world, data)
    prefix = sha256_of(data)[:2]
    assert await sweeping.compare(uploading, 1, prefix) == (0, 0)
    uploading.store(1).remove(sha256_of(data))
    assert await sweeping.compare(uploading, 1, prefix) == (1, 0)
    assert not await arrived(uploading, link_id)
    await upload(uploading, world, data)
    assert await arrived(uploading, link_id)


async def test_a_content_whose_row_was_lost_becomes_evidence_again_when_it_is_not_young(
    uploading: Uploading, world: World
) -> None:
    data = content()
    link_id = await promise(uploading.database, world.alice, data, subject_id=uuid4())
    put_content(uploading, data, sha256_of(data))
    prefix = sha256_of(data)[:2]
    with clock.frozen(datetime.now(UTC) + timedelta(minutes=10)):
        assert await sweeping.compare(uploading, 1, prefix) == (0, 0)
    with clock.frozen(datetime.now(UTC) + timedelta(hours=2)):
        assert await sweeping.compare(uploading, 1, prefix) == (0, 1)
    assert await arrived(uploading, link_id)


async def test_a_content_that_is_not_what_its_name_says_is_taken_away(
    uploading: Uploading, world: World
) -> None:
    put_content(uploading, content(seed=1), sha256_of(content(seed=2)))
    with clock.frozen(datetime.now(UTC) + timedelta(hours=2)):
        assert await sweeping.compare(uploading, 1, sha256_of(content(seed=2))[:2]) == (0, 0)
    assert not uploading.store(1).holds(sha256_of(content(seed=2)))
    async with uploading.database.transaction() as session:
        assert await queries.arrived(session, 1, [sha256_of(content(seed=2))]) == set()


async def test_the_nightly_job_looks_at_every_region_and_every_hash(
    uploading: Uploading, world: World, at: datetime
) -> None:
    data = content()
    await upload(uploading, world, data)
    jobs.use(jobs.Machine(uploading.database, uploading.settings))
    await files_jobs.sweep_uploads()
    with clock.frozen(at + MONTH):
        await files_jobs.sweep_contents()
    async with uploading.database.transaction() as session:
        assert await queries.stored_with(session, 1, sha256_of(data)[:2]) == set()
        assert await session.get(File, (1, uuid4())) is None
    assert not uploading.store(1).holds(sha256_of(data))
