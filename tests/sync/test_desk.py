"""The late-work desk and the list of devices (SYNC sections 2 and 6)."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from fieldops.kernel import audit
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, NotFound
from fieldops.kernel.settings import Settings
from fieldops.sync.errors import CaseClosed, DeviceNotActive, DeviceTaken, NotInCase
from fieldops.sync.models import Case
from tests.support.clients import bearer
from tests.support.device import Phone, Refused
from tests.support.run import run
from tests.support.world import World
from tests.sync import trial
from tests.sync.conftest import MakePhone

pytestmark = pytest.mark.anyio


async def late_work(phone: Phone, database: Database) -> tuple[Any, str]:
    """Begin and finish a trial that was given to Bob; return it and its case."""
    id_ = await trial.make(database, "bob", note="before")
    phone.capture("trial.begin", trial_id=id_)
    phone.capture("trial.finish", trial_id=id_)
    await phone.push()
    async with database.transaction() as session:
        case_id = await session.scalar(select(Case.id).where(Case.region_id == 1))
    return id_, str(case_id)


async def test_accepted_work_takes_effect_in_order_as_the_technicians_and_the_phone_hears_of_it(
    phone: Phone, database: Database, world: World
) -> None:
    id_, case_id = await late_work(phone, database)
    await phone.pull()
    assert phone.rows("case")[0]["state"] == "open"
    assert [c["status"] for c in phone.rows("case")[0]["commands"]] == ["held", "held"]
    await run(database, world.dora, "desk.accept", case_id=case_id, reason="was there first")
    assert await trial.state_of(database, id_) == "finished"
    await phone.pull()
    case = phone.rows("case")[0]
    assert (case["state"], case["reason"]) == ("accepted", "was there first")
    assert [c["status"] for c in case["commands"]] == ["applied", "applied"]
    async with database.transaction() as session:
        changes = (await session.scalars(audit.history(1, "organisation_leave", id_))).all()
    assert {(c.actor_id, c.command) for c in changes[1:]} == {
        (world.alice.id, "trial.begin"),
        (world.alice.id, "trial.finish"),
    }


async def test_a_repeat_after_the_acceptance_still_gets_the_first_answer(
    phone: Phone, database: Database, world: World
) -> None:
    """I2: repeats are answered equally, whatever the desk decided meanwhile."""
    id_, case_id = await late_work(phone, database)
    first = [phone.result(i) for (i,) in phone.db.execute("select id from outbox order by seq")]
    await run(database, world.dora, "desk.accept", case_id=case_id, reason="was there first")
    phone.db.execute("update outbox set status = null, result = null")
    await phone.push()
    again = [phone.result(i) for (i,) in phone.db.execute("select id from outbox order by seq")]
    assert again == first
    assert await trial.state_of(database, id_) == "finished"


async def test_after_the_decision_later_work_on_the_record_is_judged_again(
    phone: Phone, database: Database, world: World
) -> None:
    id_, case_id = await late_work(phone, database)
    await trial.change(database, id_, technician_id=world.alice.id)
    await run(database, world.dora, "desk.discard", case_id=case_id, reason="not needed")
    phone.capture("trial.begin", trial_id=id_)
    assert (await phone.push())[0]["status"] == "applied"


async def test_a_part_of_a_case_can_be_accepted_and_the_rest_is_discarded(
    phone: Phone, database: Database, world: World
) -> None:
    id_, case_id = await late_work(phone, database)
    begin = phone.db.execute("select id from outbox order by seq").fetchone()[0]
    await run(
        database, world.dora, "desk.accept", case_id=case_id, reason="begun", command_ids=[begin]
    )
    assert await trial.state_of(database, id_) == "begun"
    await phone.pull()
    statuses = [c["status"] for c in phone.rows("case")[0]["commands"]]
    assert statuses == ["applied", "discarded"]


async def test_an_acceptance_that_cannot_take_effect_changes_nothing(
    phone: Phone, database: Database, world: World
) -> None:
    id_, case_id = await late_work(phone, database)
    await trial.change(database, id_, kind="finished")
    with pytest.raises(trial.TrialNotOpen):
        await run(database, world.dora, "desk.accept", case_id=case_id, reason="too late")
    await phone.pull()
    assert phone.rows("case")[0]["state"] == "open"


@pytest.mark.parametrize(("verb", "state"), [("discard", "discarded"), ("credit", "credited")])
async def test_discarded_and_credited_work_takes_no_effect_and_the_reason_goes_back(
    phone: Phone, database: Database, world: World, verb: str, state: str
) -> None:
    id_, case_id = await late_work(phone, database)
    await phone.pull()
    await run(database, world.dora, f"desk.{verb}", case_id=case_id, reason="done by Bob")
    assert await trial.state_of(database, id_) == "open"
    await phone.pull()
    case = phone.rows("case")[0]
    assert (case["state"], case["reason"]) == (state, "done by Bob")
    with pytest.raises(CaseClosed):
        await run(database, world.dora, "desk.accept", case_id=case_id, reason="again")


async def test_a_case_can_be_handed_over_and_stays_open(
    phone: Phone, database: Database, world: World
) -> None:
    _, case_id = await late_work(phone, database)
    await run(
        database, world.dora, "desk.hand_over", case_id=case_id, person_id=world.sam.id,
        reason="end of my shift",
    )  # fmt: skip
    assert await trial.count(database, "sync_case", "state = 'open'") == 1


async def test_only_dispatchers_of_the_centre_decide(
    phone: Phone, database: Database, world: World
) -> None:
    _, case_id = await late_work(phone, database)
    for actor, refusal in (
        (world.dan, NotFound),
        (world.tess, NotFound),
        (world.alice, Forbidden),
        (world.sam, Forbidden),
    ):
        with pytest.raises(refusal):
            await run(database, actor, "desk.accept", case_id=case_id, reason="not mine")
    with pytest.raises(NotInCase):
        await run(
            database, world.dora, "desk.accept", case_id=case_id, reason="wrong",
            command_ids=[world.dora.id],
        )  # fmt: skip


async def test_every_decision_is_recorded_with_who_and_why(
    phone: Phone, database: Database, world: World
) -> None:
    _, case_id = await late_work(phone, database)
    await run(database, world.dora, "desk.discard", case_id=case_id, reason="done by Bob")
    async with database.transaction() as session:
        changes = (await session.scalars(audit.history(1, "sync_case", case_id))).all()
    assert changes[-1].after["state"] == "discarded"
    assert (changes[-1].actor_id, changes[-1].reason) == (world.dora.id, "done by Bob")


async def test_the_desk_shows_what_was_captured_and_how_the_record_stands(
    phone: Phone, database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    _, case_id = await late_work(phone, database)
    dora = bearer(settings, world.dora)
    listed = (await client.get("/v1/desk/cases", headers=dora)).json()["items"]
    assert [(c["id"], c["code"], c["entries"]) for c in listed] == [
        (case_id, "trial_reassigned", 2)
    ]
    shown = (await client.get(f"/v1/desk/cases/{case_id}", headers=dora)).json()
    assert [c["name"] for c in shown["commands"]] == ["trial.begin", "trial.finish"]
    assert shown["commands"][0]["command"]["args"] == {"trial_id": shown["subject_id"]}
    for other in (world.dan, world.tess):
        headers = bearer(settings, other)
        answer = await client.get(f"/v1/desk/cases/{case_id}", headers=headers)
        assert answer.status_code == 404
        assert (await client.get("/v1/desk/cases", headers=headers)).json()["items"] == []


async def test_dispatchers_see_what_is_known_of_each_phone(
    phone: Phone, database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    """SYNC section 6: last seen, app version, what it holds, what is queued as far as known."""
    id_ = await trial.make(database)
    await phone.pull()
    for n in range(3):
        phone.capture("trial.remark", trial_id=id_, text=str(n))
    phone.db.execute("update outbox set seq = seq + 5 where seq > 1")
    body = phone.db.execute("select body from outbox where seq > 1 order by seq").fetchall()
    phone.db.executemany(
        "update outbox set body = replace(body, ?, ?) where body = ?",
        [(f'"seq": {n + 2}', f'"seq": {n + 7}', b) for n, (b,) in enumerate(body)],
    )
    await phone.push_once(phone._next_batch())
    listed = (await client.get("/v1/devices", headers=bearer(settings, world.dora))).json()
    (seen,) = listed["items"]
    assert (seen["view_rows"], seen["queued"], seen["oldest_queued"]) == (1, 2, "trial.remark v1")
    assert (seen["state"], seen["last_seq"], seen["app_version"]) == ("active", 1, "1.0.0")
    other = await client.get("/v1/devices", headers=bearer(settings, world.dan))
    assert other.json()["items"] == []


async def test_registering_again_gives_the_same_key_and_another_users_id_is_taken(
    phone: Phone, database: Database, world: World, settings: Settings, new_phone: MakePhone
) -> None:
    key = phone.get("key")
    await phone.register(phone.get("name") or f"phone of {world.alice.id}")
    assert phone.get("key") == key
    bobs = await new_phone(world.bob)
    bobs.put(device_id=str(phone.id))
    with pytest.raises(Refused) as refused:
        await bobs.register("another")
    assert refused.value.problem["code"] in {DeviceTaken.code, "id_reused"}


async def test_a_shared_phone_has_a_registration_per_user(
    phone: Phone, database: Database, world: World, new_phone: MakePhone
) -> None:
    mine, bobs = await trial.make(database), await trial.make(database, "bob")
    other = await new_phone(world.bob)
    await phone.pull()
    await other.pull()
    assert [r["id"] for r in phone.rows("trial")] == [str(mine)]
    assert [r["id"] for r in other.rows("trial")] == [str(bobs)]


async def test_a_device_is_steered_by_its_centre_and_a_revoked_one_stays_revoked(
    phone: Phone, database: Database, world: World
) -> None:
    with pytest.raises(NotFound):
        await run(database, world.dan, "device.revoke", device_id=phone.id, reason="not mine")
    with pytest.raises(DeviceNotActive):
        await run(database, world.alice, "device.wiped", device_id=phone.id)
    await run(database, world.dora, "device.revoke", device_id=phone.id, reason="stolen")
    with pytest.raises(DeviceNotActive):
        await run(database, world.dora, "device.unlock", device_id=phone.id, reason="found")
    with pytest.raises(NotFound):
        await run(database, world.bob, "device.wiped", device_id=phone.id)


async def test_quarantined_work_is_judged_by_a_dispatcher(
    phone: Phone, database: Database, world: World
) -> None:
    id_ = await trial.make(database)
    phone.capture("trial.begin", trial_id=id_)
    phone.capture("trial.remark", trial_id=id_, text="seen")
    await run(database, world.dora, "device.revoke", device_id=phone.id, reason="stolen")
    case_id = (await phone.push())[0]["case_id"]
    await run(database, world.dora, "desk.accept", case_id=case_id, reason="it is hers")
    assert await trial.state_of(database, id_) == "begun"
    assert await trial.remarks_of(database) == ["seen"]
