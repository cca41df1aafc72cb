"""Requests at the same time, lost answers and a killed server, on a database that commits."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.sync import held
from tests.support.clients import application, bearer
from tests.support.device import Phone
from tests.support.servers import free_port
from tests.support.world import World, build_world
from tests.sync import trial
from tests.sync.test_push import queue, request

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def real(
    committed: tuple[Database, Settings], faults: trial.Faults
) -> AsyncIterator[tuple[Database, Phone, World]]:
    """A committing database and Alice's phone on it."""
    database, settings = committed
    world = await build_world(database)
    async with application(database, settings) as client:
        phone = Phone(client)
        phone.use_token(bearer(settings, world.alice)["Authorization"][7:])
        await phone.register()
        yield database, phone, world
        phone.db.close()


async def test_the_same_push_twice_at_once_takes_effect_once(
    real: tuple[Database, Phone, World],
) -> None:
    """The device row is locked first: the second waits and finds the first's results."""
    database, phone, _ = real
    id_ = await trial.make(database)
    for n in range(5):
        phone.capture("trial.remark", trial_id=id_, text=str(n))
    body = request(phone, queue(phone))
    answers = await asyncio.gather(*(phone.send("/v1/sync/push", body) for _ in range(3)))
    statuses = sorted(r["status"] for a in answers for r in a["results"])
    assert statuses == ["applied"] * 5 + ["duplicate"] * 10
    assert len(await trial.remarks_of(database)) == 5


async def test_pulls_at_once_leave_a_record_that_agrees_with_the_phone(
    real: tuple[Database, Phone, World],
) -> None:
    database, phone, _ = real
    for _ in range(3):
        await trial.make(database)
    body = phone.pull_request(None)
    answers = await asyncio.gather(*(phone.send("/v1/sync/pull", body) for _ in range(3)))
    assert phone.apply(answers[0], None)
    assert not phone.apply(answers[1], None)
    await phone.pull()
    assert len(phone.rows("trial")) == 3
    assert phone.hash_differed == 0


async def test_a_pull_shows_all_effects_of_the_pushes_up_to_its_last_seq_and_none_above(
    real: tuple[Database, Phone, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """I8: a push that commits while a page is made is not seen by half."""
    database, phone, _ = real
    id_ = await trial.make(database)
    phone.capture("trial.remark", trial_id=id_, text="meanwhile")
    look = held.difference
    tries = 0

    async def slow(*args: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries == 1:  # another of Alice's devices would do; the trial itself changes
            await trial.change(database, id_, reason="changed while the page was made")
        return await look(*args)

    monkeypatch.setattr(held, "difference", slow)
    answer = await phone.pull_once()
    assert answer["puts"]["trial"][0]["version"] == 1, "the snapshot stands at its first statement"
    await phone.pull()
    assert phone.rows("trial")[0]["version"] == 2


def start(settings: Settings, port: int) -> subprocess.Popen[bytes]:
    env = {
        **os.environ,
        "FIELDOPS_DATABASE_URL": settings.database_url,
        "FIELDOPS_SECRET": settings.secret.get_secret_value(),
        "FIELDOPS_ENVIRONMENT": "test",
        "PYTHONPATH": str(ROOT),
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.sync.trial_server", str(port)], env=env, cwd=ROOT
    )
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        try:
            httpx.get(f"http://127.0.0.1:{port}/health")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return server
    raise RuntimeError("the server did not start")


@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
async def test_a_server_killed_in_the_middle_of_a_push_loses_and_doubles_nothing(
    committed: tuple[Database, Settings], faults: trial.Faults, moment: str, tmp_path: Path
) -> None:
    """I1, I2: answered only after COMMIT; the repeat finds what was committed and no more."""
    database, settings = committed
    world = await build_world(database)
    id_ = await trial.make(database)
    port = free_port()
    server = start(settings, port)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        phone = Phone(client, tmp_path / "phone.db")
        phone.use_token(real_token(settings, world))
        await phone.register()
        phone.capture("trial.begin", trial_id=id_)
        phone.capture("trial.remark", trial_id=id_, text="once")
        async with database.transaction() as session:
            # The push waits at this row; killed there, nothing is committed.
            if moment == "before the commit":
                await session.execute(
                    text(
                        "select 1 from organisation_leave where organisation_leave.region_id = 1"
                        " and id = :id for update"
                    ),
                    {"id": id_},
                )
                pushing = asyncio.create_task(phone.push())
                await asyncio.sleep(0.7)
                server.send_signal(signal.SIGKILL)
                with pytest.raises(httpx.TransportError):
                    await pushing
            else:
                # The answer is lost on its way: the phone never learns of the commit.
                await phone.send("/v1/sync/push", request(phone, queue(phone)))
                server.send_signal(signal.SIGKILL)
        server.wait(timeout=10)
        done = await trial.remarks_of(database)
        assert done == ([] if moment == "before the commit" else ["once"])
        assert phone.queued() == 2
        server = start(settings, port)
        results = await phone.push()
        server.send_signal(signal.SIGKILL)
        server.wait(timeout=10)
        phone.db.close()
    wanted = "applied" if moment == "before the commit" else "duplicate"
    assert [r["status"] for r in results] == [wanted] * 2
    assert await trial.remarks_of(database) == ["once"]
    assert await trial.state_of(database, id_) == "begun"


def real_token(settings: Settings, world: World) -> str:
    """The server's clock is the real one, and so is this token's."""
    from fieldops.kernel import clock  # noqa: PLC0415 - only here the clock is not frozen

    before, clock._source.fixed = clock._source.fixed, None
    try:
        return bearer(settings, world.alice)["Authorization"][7:]
    finally:
        clock._source.fixed = before
