"""What a dispatcher is told before and when a visit is taken from somebody (SYNC 2 and 6)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.organisation.models import RoleGrant
from tests.support.clients import bearer
from tests.support.device import Phone
from tests.support.factories.visits import assigned_visit
from tests.support.world import NORTH, World, id_of
from tests.sync.conftest import MakePhone
from tests.sync.test_push import queue, request

pytestmark = pytest.mark.anyio


@pytest.fixture
async def visit_id(database: Database, world: World) -> UUID:
    return (await assigned_visit(database, world)).visit_id


Ask = Any


@pytest.fixture
def ask(client: httpx.AsyncClient, settings: Settings, world: World) -> Ask:
    """GET or POST something as a named person."""

    async def send(name: str, path: str, **body: Any) -> httpx.Response:
        headers = bearer(settings, world.actors[name])
        if not body:
            return await client.get(path, headers=headers)
        return await client.post(path, json=body, headers=headers)

    return send


async def test_sync_2_a_phone_just_here_with_nothing_queued_gives_no_warning(
    world: World, new_phone: MakePhone, visit_id: UUID, ask: Ask
) -> None:
    phone = await new_phone(world.alice)
    await phone.sync()
    (state,) = (await ask("dora", f"/v1/visits/{visit_id}/field-state")).json()
    assert (state["holds"], state["held_version"]) == (True, state["present_version"])
    assert (state["state_on_device"], state["unsent"]) == ("dispatched", [])
    done = await ask(
        "dora", f"/v1/visits/{visit_id}/assign", technician_ids=[str(world.kim.id)], reason="ill"
    )
    assert (done.status_code, done.json()["warnings"]) == (200, [])


async def test_sync_2_a_silent_phone_with_a_queue_is_named_and_nothing_is_blocked(
    world: World, new_phone: MakePhone, visit_id: UUID, ask: Ask, at: datetime
) -> None:
    phone = await new_phone(world.alice)
    await phone.sync()
    for text in ("a", "b", "c"):
        phone.capture("note.add", visit_id=visit_id, text=text)
    await phone.send("/v1/sync/push", request(phone, queue(phone)[1:2], queued=3))
    later = at + timedelta(hours=2)
    with clock.frozen(later):
        (state,) = (await ask("dora", f"/v1/visits/{visit_id}/field-state")).json()
        assert datetime.fromisoformat(state["last_seen_at"]) == at
        assert (state["queued"], state["oldest_queued"]) == (3, "note.add v1")
        assert (state["last_stop"], state["unsent"]) == ("gap", ["queued", "silent"])
        done = await ask(
            "dora", f"/v1/visits/{visit_id}/assign",
            technician_ids=[str(world.kim.id)], reason="ill",
        )  # fmt: skip
        assert done.status_code == 200
        (warning,) = done.json()["warnings"]
        assert warning["code"] == "work_may_be_unsent"
        assert warning["details"]["devices"][0]["person_id"] == str(world.alice.id)
        left = (await ask("dora", f"/v1/visits/{visit_id}/field-state")).json()
        assert [s["person_id"] for s in left] == [str(world.alice.id)], "it still holds it"
        await phone.pull()
        (told,) = (await ask("dora", f"/v1/visits/{visit_id}/field-state")).json()
        assert (told["holds"], told["leaving"]) == (False, True)
        phone.db.execute("update outbox set status = null")
        await phone.sync()  # what it handed in is news, so that this pull confirms the last one
        assert (await ask("dora", f"/v1/visits/{visit_id}/field-state")).json() == []


@pytest.mark.parametrize("way", ["cancel", "order"])
async def test_sync_2_a_cancellation_warns_as_a_reassignment_does(
    world: World, new_phone: MakePhone, visit_id: UUID, ask: Ask, at: datetime, way: str
) -> None:
    phone = await new_phone(world.alice)
    await phone.sync()
    order_id = (await ask("dora", f"/v1/visits/{visit_id}")).json()["order_id"]
    with clock.frozen(at + timedelta(hours=1)):
        path, reason = {
            "cancel": (f"/v1/visits/{visit_id}/cancel", "planning"),
            "order": (f"/v1/orders/{order_id}/cancel", "withdrawn"),
        }[way]
        done = await ask("dora", path, reason=reason)
        assert [w["code"] for w in done.json()["warnings"]] == ["work_may_be_unsent"], done.text


async def test_sync_2_the_warning_tells_a_version_and_a_state_the_phone_has_not_seen_change(
    database: Database, world: World, new_phone: MakePhone, visit_id: UUID, ask: Ask
) -> None:
    phone = await new_phone(world.alice)
    await phone.sync()
    other = await new_phone(world.alice)
    other.capture("visit.accept", visit_id=visit_id)
    await other.push()
    states = (await ask("dora", f"/v1/visits/{visit_id}/field-state")).json()
    held = {s["device_id"]: s for s in states}[str(phone.id)]
    assert held["held_version"] < held["present_version"]
    assert held["state_on_device"] == "dispatched"
    assert (await ask("dora", f"/v1/visits/{visit_id}")).json()["state"] == "accepted"


async def test_sync_7_promised_files_that_have_not_arrived_count(
    world: World, new_phone: MakePhone, visit_id: UUID, ask: Ask
) -> None:
    phone = await new_phone(world.alice)
    await phone.sync()
    phone.capture(
        "file.link", visit_id=visit_id, sha256="b" * 64, bytes=4711, mime="image/jpeg",
        purpose="photo", subject_type="visit", subject_id=str(visit_id),
    )  # fmt: skip
    assert [r["status"] for r in await phone.push()] == ["applied"]
    (state,) = (await ask("dora", f"/v1/visits/{visit_id}/field-state")).json()
    assert (state["evidence_missing"], state["unsent"]) == (1, ["evidence"])


async def test_org_02_only_offices_that_see_the_visit_see_its_phones(
    world: World, new_phone: MakePhone, visit_id: UUID, ask: Ask
) -> None:
    phone: Phone = await new_phone(world.alice)
    await phone.sync()
    for name, status in (("dan", 404), ("tess", 404), ("alice", 403), ("sam", 200)):
        answer = await ask(name, f"/v1/visits/{visit_id}/field-state")
        assert answer.status_code == status, name


async def test_a_second_role_that_sees_the_visit_does_not_open_its_phones(
    database: Database, world: World, new_phone: MakePhone, visit_id: UUID, ask: Ask
) -> None:
    """ORG-02: Dan, a dispatcher elsewhere, reads the visit as an agent here, not the phones."""
    phone: Phone = await new_phone(world.alice)
    await phone.sync()
    async with database.transaction() as session:
        session.add(RoleGrant(person_id=id_of("dan"), unit_id=NORTH, role="agent"))
    assert (await ask("dan", f"/v1/visits/{visit_id}")).status_code == 200
    assert (await ask("dan", f"/v1/visits/{visit_id}/field-state")).status_code == 404
