"""Whatever nears or passed its limit is told to who answers for it, once (CO-01, QA-02, RE-03)."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from fieldops.kernel import clock, jobs, points
from fieldops.kernel.db import Database
from fieldops.kernel.errors import NotFound
from fieldops.kernel.limits import REGISTRY, Stage
from fieldops.kernel.permissions import ROLE_PERMISSIONS, Permission
from fieldops.kernel.settings import Settings
from fieldops.notifications.jobs import warn_of_limits
from fieldops.notifications.models import LimitWarning
from fieldops.notifications.queries import limits
from fieldops.notifications.wording import LANGUAGES, limit_names
from fieldops.organisation.models import Person
from tests.modules.test_office_woken import browsers_of, woken
from tests.support.clients import bearer
from tests.support.factories.complaints import complain, step
from tests.support.factories.customers import make_customer
from tests.support.run import run
from tests.support.warned import warned
from tests.support.world import World, build_world

pytestmark = pytest.mark.anyio

NEAR, PAST = timedelta(minutes=96), timedelta(minutes=121)  # of the two hours of CO-01


@pytest.fixture
def outbox(database: Database, settings: Settings, tmp_path: Path) -> Path:
    jobs.use(jobs.Machine(database, settings.model_copy(update={"outbox_path": tmp_path})))
    return tmp_path


def written(outbox: Path) -> list[dict[str, Any]]:
    files = sorted(outbox.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
    return [json.loads(file.read_text("utf-8")) for file in files]


async def complaint(database: Database, world: World) -> UUID:
    async with database.transaction() as session:
        customer = await make_customer(session)
    return await complain(database, world.ann, customer.id)


async def after(at: datetime, passed: timedelta) -> None:
    with clock.frozen(at + passed):
        await warn_of_limits()


async def address(database: Database, person_id: UUID, locale: str | None = None) -> str:
    async with database.transaction() as session:
        person = await session.get_one(Person, person_id)
        person.locale = locale or person.locale
        return person.email


async def warnings_of(database: Database, person_id: UUID) -> list[LimitWarning]:
    async with database.transaction() as session:
        return list(await session.scalars(limits.warnings(1, person_id)))


def test_every_limit_has_a_name_in_both_languages_and_somebody_who_may_read_its_warnings() -> None:
    for language in LANGUAGES:
        assert limit_names(language)["limits"].keys() == REGISTRY.keys()
        assert limit_names(language)["stages"].keys() == set(Stage)
    for limit in REGISTRY.values():
        assert all(Permission.WARNING_READ in ROLE_PERMISSIONS[role] for role in limit.takers)


@pytest.mark.parametrize("name", sorted(REGISTRY))
async def test_what_a_limit_names_is_read_within_its_region(
    database: Database, world: World, name: str, at: datetime
) -> None:
    limit = REGISTRY[name]
    async with database.transaction() as session:
        running = await limit.running(session, 1, at)
        assert running is not None
        found = (await session.execute(running)).keys()
        percents = dict.fromkeys(limit.shares, 100.0)
        await limits.warn(session, limit, running, 1, at, percents)
        await limits.end(session, limit, running, 1, at)
    assert set(found) == {"record_id", "centre_id", "owner_id", "since", "due_at"}


async def test_co_01_who_is_responsible_is_written_to_once_in_their_language_and_woken(
    database: Database, world: World, outbox: Path, at: datetime
) -> None:
    of = await browsers_of(database, world.ann, world.sam)
    mail = await address(database, world.ann.id, "zh_CN")
    await complaint(database, world)
    await after(at, NEAR)
    (told,) = written(outbox)
    assert (told["to"], told["locale"]) == (mail, "zh_CN")
    assert told["subject"] == "临近或超过时限的事项：1"
    assert "投诉首次联系客户：应于2026/11/23 10:00（由您负责）" in told["text"]
    assert await woken(database, "limit_near_or_past", of) == {str(world.ann.id)}
    await after(at, NEAR + timedelta(minutes=15))
    assert len(written(outbox)) == 1
    await after(at, PAST)
    again = written(outbox)[1]
    assert again["to"] == await address(database, world.sam.id)
    assert "- First contact about a complaint: overdue since 11/23/26 10:00" in again["text"]
    assert "told as supervisor" in again["text"]


async def test_what_comes_soon_after_is_gathered_and_what_comes_at_night_waits_for_the_day(
    database: Database, world: World, outbox: Path, at: datetime
) -> None:
    await complaint(database, world)
    with clock.frozen(at + timedelta(minutes=1)):
        await complaint(database, world)
    with clock.frozen(at + timedelta(hours=11)):  # 19:00; its contact is due at 21:00, near 20:36
        await complaint(database, world)
    await after(at, NEAR)
    await after(at, NEAR + timedelta(minutes=1))
    assert len(written(outbox)) == 1
    await after(at, NEAR + timedelta(minutes=9))
    assert len(written(outbox)) == 1
    await after(at, NEAR + timedelta(minutes=11))
    assert len(written(outbox)) == 2
    told = len([one for one in await warnings_of(database, world.ann.id) if one.told_at])
    await after(at, timedelta(hours=14, minutes=1))  # past 22:00
    await after(at, timedelta(hours=22))
    new = [one for one in await warnings_of(database, world.ann.id) if one.told_at is None]
    assert new
    await after(at, timedelta(hours=23, minutes=1))  # past 7:00
    assert len([one for one in await warnings_of(database, world.ann.id) if one.told_at]) > told


async def test_what_is_over_or_seen_before_the_day_begins_tells_nobody(
    database: Database, world: World, outbox: Path, at: datetime
) -> None:
    with clock.frozen(at + timedelta(hours=13)):  # 21:00
        done, seen = await complaint(database, world), await complaint(database, world)
    await after(at, timedelta(hours=15))
    mine = {row.record_id: row for row in await warnings_of(database, world.ann.id)}
    with clock.frozen(at + timedelta(hours=15)):
        await step(database, world.ann, done, "contact", channel="phone", reached=True)
        await run(database, world.ann, "warning.see", warning_ids=[str(mine[seen].id)])
    await after(at, timedelta(hours=23, minutes=30))
    to = {one["to"] for one in written(outbox)}
    assert to == {await address(database, person.id) for person in (world.sam, world.ada)}
    with pytest.raises(NotFound):
        await run(database, world.sam, "warning.see", warning_ids=[str(mine[seen].id)])


async def test_a_limit_that_moved_is_another_one(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    id_ = await complaint(database, world)
    with clock.frozen(at + timedelta(hours=58)):  # 80 % of 72 hours
        assert await warned(database, settings, world, "complaint_answer") == [
            ("complaint_answer", "responsible", "ann")
        ]
        grade = {"reason": "The regulator wrote", "grade": "regulator"}
        await step(database, world.ann, id_, "escalate", **grade)  # 48 hours, from the arrival
        assert await warned(database, settings, world, "complaint_answer") == [
            ("complaint_answer", "responsible", "ann"),
            ("complaint_answer", "supervisor", "sam"),
        ]
    assert len(await warnings_of(database, world.ann.id)) == 3  # contact, and two answers


async def test_the_list_is_ones_own_filtered_sorted_and_exported(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings,
    outbox: Path, at: datetime,
) -> None:  # fmt: skip
    await complaint(database, world)
    await after(at, timedelta(hours=58))

    async def listed(actor: Any = world.ann, **query: Any) -> list[str]:
        found = await client.get("/v1/warnings", params=query, headers=bearer(settings, actor))
        assert found.status_code == 200, found.text
        return [one["about"] for one in found.json()["items"]]

    with clock.frozen(at + timedelta(hours=58)):
        assert await listed() == ["complaint_contact", "complaint_answer"]
        assert await listed(sort="-due_at") == ["complaint_answer", "complaint_contact"]
        assert await listed(overdue=True) == ["complaint_contact"]
        assert await listed(about="complaint_answer", stage="responsible") == ["complaint_answer"]
        assert await listed(world.dora) == []
        ids = [str(row.id) for row in await warnings_of(database, world.ann.id)]
        seen = await client.post(
            "/v1/warnings/see", json={"warning_ids": ids[:1]},
            headers=bearer(settings, world.ann) | {"Idempotency-Key": ids[0]},
        )  # fmt: skip
        assert seen.status_code == 200, seen.text
        assert len(await listed(seen=False)) == 1
        file = await client.post(
            "/v1/exports", headers=bearer(settings, world.ann),
            json={"operation": "warning_list", "query": {"language": "zh_CN"}, "format": "csv",
                  "reason": "weekly"},
        )  # fmt: skip
        assert "投诉答复" in file.text


@contextmanager
def dying() -> Iterator[None]:
    async def end(name: str) -> None:
        if name == points.WARNINGS_SENT:
            raise KeyboardInterrupt

    with points.armed(end):
        yield


async def test_a_runner_that_dies_after_writing_and_two_at_once_tell_everybody_once(
    committed: tuple[Database, Settings], tmp_path: Path, at: datetime
) -> None:
    """Really committed: both runners see the same rows, in transactions of their own."""
    database, settings = committed
    world = await build_world(database)
    jobs.use(jobs.Machine(database, settings.model_copy(update={"outbox_path": tmp_path})))
    with clock.frozen(at):
        for _ in range(3):
            await complaint(database, world)
    with clock.frozen(at + PAST):
        with dying(), pytest.raises(KeyboardInterrupt):
            await warn_of_limits()
        first = {one["id"]: one for one in written(tmp_path)}
        assert len(first) == 1  # written, and not recorded
        await asyncio.gather(warn_of_limits(), warn_of_limits())
        await warn_of_limits()
    told = {one["id"]: one for one in written(tmp_path)}
    assert first.keys() <= told.keys()
    assert sorted(one["to"] for one in told.values()) == sorted(
        [await address(database, person.id) for person in (world.ann, world.sam)]
    )
    for person, stage in ((world.ann, "responsible"), (world.sam, "supervisor")):
        rows = await warnings_of(database, person.id)
        assert [(row.stage, row.told_at) for row in rows] == [(stage, at + PAST)] * 3
