"""Locks: a dispatcher's word that a visit stays as it is."""

import httpx
import pytest

from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from tests.support.clients import bearer
from tests.support.factories.visits import assigned_visit
from tests.support.run import run
from tests.support.world import World

pytestmark = pytest.mark.anyio


async def test_vi_01_a_visit_is_locked_with_a_reason_shown_and_unlocked_again(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    made = await assigned_visit(database, world)
    dora = bearer(settings, world.dora)
    path = f"/v1/visits/{made.visit_id}"
    locked = await client.post(
        f"{path}/lock", headers=dora, json={"reason": "The customer knows Alice"}
    )
    assert locked.status_code == 200
    again = await client.post(f"{path}/lock", headers=dora, json={"reason": "once more"})
    assert (again.status_code, again.json()["code"]) == (409, "visit_locked")
    shown = (await client.get("/v1/dispatch/locks", headers=dora)).json()["items"]
    assert [(row["visit_id"], row["reason"]) for row in shown] == [
        (str(made.visit_id), "The customer knows Alice")
    ]
    freed = await client.post(f"{path}/unlock", headers=dora, json={"reason": "Agreed with them"})
    assert freed.status_code == 200
    assert (await client.get("/v1/dispatch/locks", headers=dora)).json()["items"] == []
    twice = await client.post(f"{path}/unlock", headers=dora, json={"reason": "once more"})
    assert (twice.status_code, twice.json()["code"]) == (409, "visit_not_locked")


async def test_org_02_another_centres_dispatcher_locks_nothing_here(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    made = await assigned_visit(database, world)
    await run(database, world.dora, "visit.lock", visit_id=str(made.visit_id), reason="stays so")
    dan = bearer(settings, world.dan)
    answer = await client.post(
        f"/v1/visits/{made.visit_id}/unlock", headers=dan, json={"reason": "mine now"}
    )
    assert answer.status_code == 404
    assert (await client.get("/v1/dispatch/locks", headers=dan)).json()["items"] == []


async def test_a_visit_that_is_over_is_not_locked(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    made = await assigned_visit(database, world)
    await run(
        database,
        world.dora,
        "visit.cancel",
        visit_id=str(made.visit_id),
        reason="planning",
        note="Not needed.",
    )
    answer = await client.post(
        f"/v1/visits/{made.visit_id}/lock",
        headers=bearer(settings, world.dora),
        json={"reason": "too late"},
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "visit_over")
