"""EM-01: the owner of a proposed plan is told of it, and again while nobody decides."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from fieldops.emergencies.models import Activation
from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.notifications import push
from fieldops.notifications.jobs import tell_owners, wake_browser
from fieldops.organisation.models import Person
from tests.support import mailbox
from tests.support.clients import application, bearer
from tests.support.factories.emergencies import STORM, make_plan, put_in_force
from tests.support.pushing import Browser, serving
from tests.support.run import first_id, run
from tests.support.world import World, id_of

pytestmark = pytest.mark.anyio


@contextmanager
def wakings() -> Iterator[list[dict[str, Any]]]:
    """The jobs that wake browsers, as they are queued."""
    queued: list[dict[str, Any]] = []
    real = jobs.enqueue

    async def note(session: Any, task: Any, **args: Any) -> None:
        if task.name == "notifications.wake_browser":
            queued.append(args)
        await real(session, task, **args)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(jobs, "enqueue", note)
        yield queued


NIGHT = datetime.fromisoformat("2026-11-24T03:00:00+02:00")


@pytest.fixture
def told(database: Database, settings: Settings, tmp_path: Path) -> Callable[[], list[Any]]:
    """Read what was written to owners so far, in order."""
    jobs.use(jobs.Machine(database, settings.model_copy(update={"outbox_path": tmp_path})))

    def read() -> list[dict[str, Any]]:
        files = sorted(tmp_path.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
        return [json.loads(file.read_text("utf-8")) for file in files]

    return read


async def propose(database: Database, world: World, **changes: Any) -> tuple[UUID, UUID]:
    """Lay a plan of Sam's down and have Dora propose it; the plan and its proposal."""
    plan_id = await make_plan(database, world.sam, **changes)
    result = await run(
        database, world.dora, "emergency.propose", plan_id=str(plan_id), reason="Forty calls"
    )
    return plan_id, first_id(result, "emergency_activation")


async def later(at: datetime, minutes: int) -> None:
    with clock.frozen(at + timedelta(minutes=minutes)):
        await tell_owners()


async def activation(database: Database, id_: UUID) -> Activation:
    async with database.transaction() as session:
        row = await session.get(Activation, (1, id_))
        assert row is not None
        return row


async def address(database: Database, name: str) -> str:
    async with database.transaction() as session:
        person = await session.get(Person, id_of(name))
        assert person is not None
        return person.email


async def test_em_01_the_owner_is_written_to_once_and_once_more_while_nobody_decides(
    database: Database, world: World, at: datetime, told: Callable[[], list[Any]]
) -> None:
    _, opened = await propose(database, world)
    for minutes in (0, 1, 29):
        await later(at, minutes)
    (first,) = told()
    assert first["to"] == await address(database, "sam")
    assert first["subject"] == "Emergency plan proposed: Storm damage"
    assert '"Forty calls"' in first["text"]
    row = await activation(database, opened)
    assert (row.owner_told_at, row.owner_reminded_at) == (at, None)
    for minutes in (30, 31, 200):
        await later(at, minutes)
    assert [one["subject"] for one in told()[1:]] == [
        "Still to decide: emergency plan Storm damage"
    ]
    assert (await activation(database, opened)).owner_reminded_at == at + timedelta(minutes=30)


async def test_em_01_after_how_long_the_owner_is_told_again_is_the_regions_number(
    database: Database, world: World, at: datetime, told: Callable[[], list[Any]]
) -> None:
    about = {"name": "emergency_reminded_after", "value": 90, "reason": "test"}
    await run(database, world.ada, "rule.set_number", **about)
    await propose(database, world)
    for minutes, count in ((0, 1), (89, 1), (90, 2)):
        await later(at, minutes)
        assert len(told()) == count


@pytest.mark.parametrize("decision", ["activate", "dismiss"])
async def test_em_01_who_has_decided_is_not_told_again(
    database: Database, world: World, at: datetime, told: Callable[[], list[Any]], decision: str
) -> None:
    plan_id, opened = await propose(database, world)
    await later(at, 0)
    if decision == "activate":
        await put_in_force(database, world.sam, plan_id)
    else:
        about = {"activation_id": str(opened), "reason": "Quiet again"}
        await run(database, world.sam, "emergency.dismiss", **about)
    await later(at, 60)
    assert len(told()) == 1


async def test_em_01_another_owner_is_told_too_in_the_own_language(
    database: Database, world: World, at: datetime, told: Callable[[], list[Any]]
) -> None:
    plan_id, _ = await propose(database, world)
    await later(at, 0)
    async with database.transaction() as session:
        person = await session.get(Person, id_of("dora"))
        assert person is not None
        person.locale = "zh_CN"
    change = {**STORM, "owner_id": str(id_of("dora")), "reason": "Sam is on leave"}
    await run(database, world.sam, "emergency.change_plan", plan_id=str(plan_id), **change)
    await later(at, 5)
    _, second = told()
    assert (second["to"], second["locale"]) == (await address(database, "dora"), "zh_CN")
    assert second["subject"] == "应急预案待启用：Storm damage"


async def test_em_01_at_night_an_owner_is_written_to_but_not_woken_and_reminded_in_the_morning(
    database: Database,
    world: World,
    settings: Settings,
    tmp_path: Path,
    told: Callable[[], list[Any]],
) -> None:
    settings = settings.model_copy(
        update={
            "push_private_key": SecretStr(push.new_private_key()),
            "push_hosts": ["127.0.0.1"],
            "outbox_path": tmp_path,
        }
    )
    jobs.use(jobs.Machine(database, settings))
    async with serving(lambda _request: (201, {})) as service:
        browser = Browser(service.port)
        async with application(database, settings) as client:
            answer = await client.post(
                "/v1/push-subscriptions",
                json=browser.subscription(),
                headers=bearer(settings, world.sam),
            )
            assert answer.status_code == 200, answer.text
        with wakings() as woken, clock.frozen(NIGHT):
            await propose(database, world)
            for minutes in (0, 60, 239):
                await later(NIGHT, minutes)
            assert (len(told()), woken) == (1, [])
            await later(NIGHT, 240)
        (job,) = woken
        await wake_browser(**job)
    (request,) = service.requests
    said = {"type": "emergencies_changed", "notice": "emergency_undecided"}
    assert (browser.read(request), request.headers["topic"]) == (said, "emergencies")
    assert len(told()) == 2


async def test_em_01_a_mail_server_that_is_away_is_asked_again_the_next_minute(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    mail = {"message_channels": ["sms", "email"], "smtp_port": 1}
    jobs.use(jobs.Machine(database, settings.model_copy(update=mail)))
    _, opened = await propose(database, world)
    await later(at, 0)
    assert (await activation(database, opened)).owner_told_at is None
    async with mailbox.running() as box:
        jobs.use(
            jobs.Machine(database, settings.model_copy(update={**mail, "smtp_port": box.port}))
        )
        await later(at, 1)
        await later(at, 2)
    (sent,) = box.mails
    assert sent["To"] == await address(database, "sam")
    assert (await activation(database, opened)).owner_told_at == at + timedelta(minutes=1)
