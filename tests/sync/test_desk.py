"""The late-work desk and the list of devices (SYNC sections 2 and 6)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, text

from fieldops.kernel import audit, clock
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, NotFound
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings
from fieldops.sync import rules
from fieldops.sync.errors import CaseClosed, DeviceNotActive, DeviceTaken, NotInCase
from fieldops.sync.models import Case, Device
from tests.support.clients import bearer
from tests.support.device import Phone, Refused
from tests.support.run import run
from tests.support.world import NORTH, World
from tests.sync import trial
from tests.sync.conftest import MakePhone
from tests.sync.test_push import queue, send

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
        database, world.dora, "desk.hand_over", case_id=case_id, person_id=world.dora.id,
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


# --- many cases, filters, stale views ------------------------------------------------------


class Desk:
    """The desk over HTTP, as a named person."""

    def __init__(self, client: httpx.AsyncClient, settings: Settings, world: World) -> None:
        self.client, self.settings, self.world = client, settings, world

    async def get(self, path: str, name: str = "dora", **params: Any) -> Any:
        headers = bearer(self.settings, self.world.actors[name])
        answer = await self.client.get(f"/v1/desk{path}", params=params, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, key: UUID | None = None, **body: Any) -> httpx.Response:
        headers = bearer(self.settings, self.world.dora)
        if key is not None:
            headers["Idempotency-Key"] = str(key)
        return await self.client.post(f"/v1/desk{path}", json=body, headers=headers)


@pytest.fixture
def desk(client: httpx.AsyncClient, settings: Settings, world: World) -> Desk:
    return Desk(client, settings, world)


async def three_cases(phone: Phone, database: Database) -> list[Any]:
    """Trials of Bob that Alice began: two that can still be begun, one that cannot."""
    ids = [await trial.make(database, "bob") for _ in range(3)]
    for id_ in ids:
        phone.capture("trial.begin", trial_id=id_)
    assert {r["status"] for r in await phone.push()} == {"held"}
    await trial.change(database, ids[1], kind="finished")
    return ids


async def test_sync_2_many_cases_of_a_phone_are_decided_each_for_itself(
    phone: Phone, database: Database, desk: Desk
) -> None:
    ids = await three_cases(phone, database)
    key = new_id()
    body = {"decision": "accept", "device_id": str(phone.id), "reason": "it is hers"}
    answer = (await desk.post("/decisions", key, **body)).json()
    *results, last = answer["results"]
    assert [r["status"] for r in results] == ["accepted", "refused", "accepted"]
    assert results[1]["code"] == "trial_not_open"
    assert last == {"more": False}
    assert [await trial.state_of(database, i) for i in ids] == ["begun", "finished", "begun"]
    again = (await desk.post("/decisions", key, **body)).json()
    assert again["results"] == answer["results"]
    (left,) = (await desk.get("/cases"))["items"]
    assert (left["subject_id"], left["version"]) == (str(ids[1]), 1), "nothing of it stayed"
    await phone.pull()
    assert sorted(c["state"] for c in phone.rows("case")) == ["accepted", "accepted", "open"]


async def test_sync_2_many_cases_of_a_record_are_decided_and_others_stay(
    phone: Phone, database: Database, desk: Desk
) -> None:
    ids = await three_cases(phone, database)
    body = {"decision": "discard", "record_id": str(ids[0]), "reason": "done by Bob"}
    answer = (await desk.post("/decisions", **body)).json()
    assert [r.get("status") for r in answer["results"]] == ["discarded", None]
    assert {c["subject_id"] for c in (await desk.get("/cases"))["items"]} == {
        str(ids[1]), str(ids[2]),
    }  # fmt: skip


async def test_sync_2_what_came_in_after_the_dispatcher_looked_is_left_alone(
    phone: Phone, database: Database, desk: Desk
) -> None:
    await three_cases(phone, database)
    first, second, third = (await desk.get("/cases"))["items"]
    seen = [
        {"case_id": first["id"], "version": first["version"]},
        {"case_id": second["id"], "version": second["version"] + 1},
    ]
    body = {"decision": "discard", "device_id": str(phone.id), "reason": "no", "seen": seen}
    *results, _ = (await desk.post("/decisions", **{**body, "reason": "old"})).json()["results"]
    assert {r["case_id"]: (r["status"], r.get("code")) for r in results} == {
        first["id"]: ("discarded", None),
        second["id"]: ("refused", "case_changed"),
        third["id"]: ("left", "case_changed"),
    }


async def test_sync_2_a_case_that_grew_since_it_was_looked_at_is_not_decided(
    phone: Phone, database: Database, desk: Desk
) -> None:
    id_, case_id = await late_work(phone, database)
    version = (await desk.get(f"/cases/{case_id}"))["version"]
    phone.capture("trial.begin", trial_id=id_)
    await phone.push()
    refused = await desk.post(f"/cases/{case_id}/accept", reason="all", case_version=version)
    assert refused.json()["code"] == "case_changed"


async def test_the_desk_is_filtered_and_counted(
    phone: Phone, database: Database, desk: Desk, world: World, at: datetime
) -> None:
    ids = await three_cases(phone, database)
    phone.capture("trial.unheard_of", trial_id=ids[0])
    with clock.frozen(at + timedelta(hours=1)):
        await phone.push()
    counts = await desk.get("/counts")
    assert (counts["open"], datetime.fromisoformat(counts["oldest"])) == (4, at)
    assert [(c["code"], c["count"]) for c in counts["by_code"]] == [
        ("trial_reassigned", 3), ("unknown_command", 1),
    ]  # fmt: skip
    assert [(c["device_id"], c["count"]) for c in counts["by_device"]] == [(str(phone.id), 4)]
    assert len(counts["by_record"]) == 3

    async def found(**params: Any) -> int:
        return len((await desk.get("/cases", **params))["items"])

    assert await found(code="unknown_command") == 1
    assert await found(record_id=str(ids[0])) == 1
    assert await found(device_id=str(phone.id)) == 4
    assert await found(person_id=str(world.bob.id)) == 0
    assert await found(person_id=str(world.alice.id), centre_id=str(NORTH)) == 4
    assert await found(opened_before=(at + timedelta(minutes=1)).isoformat()) == 3
    assert (await desk.get("/counts", "dan"))["open"] == 0


async def test_a_case_is_handed_over_only_to_who_may_decide_it(
    phone: Phone, database: Database, desk: Desk, world: World
) -> None:
    _, case_id = await late_work(phone, database)
    for name in ("sam", "alice", "dan"):
        person_id = str(world.actors[name].id)
        refused = await desk.post(f"/cases/{case_id}/hand-over", person_id=person_id, reason="you")
        assert refused.json()["code"] == "cannot_decide", name
    person_id = str(world.dora.id)
    done = await desk.post(f"/cases/{case_id}/hand-over", person_id=person_id, reason="you")
    assert done.status_code == 200
    assert len((await desk.get("/cases", handler_id=person_id))["items"]) == 1


async def test_a_technician_reads_in_both_languages_what_became_of_the_work(
    phone: Phone, database: Database, world: World
) -> None:
    _, case_id = await late_work(phone, database)
    await phone.pull()
    (case,) = phone.rows("case")
    assert case["text"]["en"] == "The trial was given to somebody else. Wait."
    assert set(case["outcome_text"]) == set(case["text"]) == {"en", "zh_CN"}
    waiting = case["outcome_text"]
    await run(database, world.dora, "desk.credit", case_id=case_id, reason="done by Bob")
    await phone.pull()
    (case,) = phone.rows("case")
    assert case["outcome_text"]["en"].startswith("Credited")
    assert case["outcome_text"]["zh_CN"] != waiting["zh_CN"]


async def refused_as(phone: Phone, database: Database, faults: trial.Faults, code: str) -> UUID:
    """Let a remark be refused with a reason of the engine; returns its trial."""
    id_ = await trial.make(database)
    first = phone.capture("trial.remark", trial_id=id_, text="one")
    await phone.push()
    late = "too late"
    if code == "id_reused":
        phone.db.execute("delete from outbox")
        phone.capture("trial.remark", trial_id=id_, text=late, command_id=first)
    else:
        phone.capture("trial.remark", trial_id=id_, text=late)
    commands = queue(phone)
    if code == "seq_reused":
        commands[-1]["seq"] = 1
    if code == "poison":
        faults.raise_on_remark = RuntimeError("a fault of ours")
        for _ in range(rules.POISON_TRIES - 1):
            await send(phone, commands)
    answer = await send(phone, commands)
    faults.raise_on_remark = None
    assert answer["results"][-1]["code"] == code
    return id_


@pytest.mark.parametrize("code", ["id_reused", "seq_reused", "poison"])
async def test_what_the_engine_refused_can_be_accepted_once_and_is_told_as_before(
    phone: Phone, database: Database, world: World, faults: trial.Faults, code: str
) -> None:
    """SYNC 2: kept is kept: a fault of the app or of ours costs nobody the work."""
    await refused_as(phone, database, faults, code)
    await phone.pull()
    (case,) = phone.rows("case")
    accepted = {"case_id": case["id"], "reason": "he wrote it down"}
    await run(database, world.dora, "desk.accept", **accepted)
    assert await trial.remarks_of(database) == ["one", "too late"]
    with pytest.raises(CaseClosed):
        await run(database, world.dora, "desk.accept", **accepted)
    await phone.pull()
    assert phone.rows("case")[0]["state"] == "accepted"
    assert await trial.remarks_of(database) == ["one", "too late"]


async def test_work_of_somebody_who_lost_the_role_since_can_still_be_accepted(
    phone: Phone, database: Database, world: World
) -> None:
    """It was captured while the role was held; the dispatcher's own permission is that of now."""
    id_, case_id = await late_work(phone, database)
    async with database.transaction() as session:
        await session.execute(
            text("delete from organisation_grant where person_id = :id"), {"id": world.alice.id}
        )
    with clock.frozen(clock.now() + timedelta(hours=7)):
        await phone.pull()
        async with database.transaction() as session:
            assert (await session.get_one(Device, (1, phone.id))).grants_seen == []
        await run(database, world.dora, "desk.accept", case_id=case_id, reason="she was there")
    assert await trial.state_of(database, id_) == "finished"
