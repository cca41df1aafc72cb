"""Installations and their users (SYNC section 6): shared, set up anew, copied, lost."""

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.organisation.commands.accounts import passwords
from fieldops.organisation.models import Person
from fieldops.sync import rules
from tests.support.clients import bearer
from tests.support.device import Phone, PhoneClock
from tests.support.run import run
from tests.support.world import World, id_of
from tests.sync import trial
from tests.sync.conftest import MakePhone
from tests.sync.test_push import queue, request, send

pytestmark = pytest.mark.anyio


async def devices(
    client: httpx.AsyncClient, settings: Settings, world: World, **params: Any
) -> dict[str, Any]:
    headers = bearer(settings, world.dora)
    answer = await client.get("/v1/devices", params=params, headers=headers)
    return {row["id"]: row for row in answer.json()["items"]}


def copied(phone: Phone) -> Phone:
    """The same image on another phone: all it knows, other clocks."""
    twin = Phone(phone.client, phone_clock=PhoneClock())
    phone.db.backup(twin.db)
    return twin


async def register_anew(phone: Phone, name: str) -> None:
    """What an app does when told so: a new registration, the queue under new numbers."""
    await phone.register(name, replaces=phone.start_anew())


async def test_sync_6_a_copied_image_is_locked_and_both_queues_arrive_whole(
    phone: Phone,
    database: Database,
    world: World,
    client: httpx.AsyncClient,
    settings: Settings,
) -> None:
    """Two phones with one key would take each other's numbers: nothing of either may be lost."""
    id_ = await trial.make(database)
    await phone.sync()
    twin = copied(phone)
    for n in range(4):
        phone.capture("trial.remark", trial_id=id_, text=f"mine {n}")
        twin.capture("trial.remark", trial_id=id_, text=f"theirs {n}")
    assert [r["status"] for r in await phone.push()] == ["applied"] * 4
    answer = await send(twin, queue(twin))
    assert (answer["results"], answer["stop"]["kind"]) == ([], "busy")
    assert (answer["device"]["state"], answer["device"]["register"]) == ("locked", True)
    phone.capture("trial.remark", trial_id=id_, text="mine 4")
    stopped = await send(phone, queue(phone)[-1:])
    assert (stopped["stop"]["kind"], stopped["device"]["register"]) == ("busy", True)
    assert (await phone.pull_once())["device"]["register"] is True
    assert (phone.queued(), twin.queued()) == (1, 4)
    cases = await client.get("/v1/desk/cases", headers=bearer(settings, world.dora))
    assert [c["code"] for c in cases.json()["items"]] == ["device_cloned"]
    for each, name in ((phone, "one"), (twin, "two")):
        await register_anew(each, name)
        await each.sync()
    said = sorted(str(text) for text in await trial.remarks_of(database))
    assert said == [f"mine {n}" for n in range(5)] + [f"theirs {n}" for n in range(4)]
    known = await devices(client, settings, world)
    assert sorted(row["state"] for row in known.values()) == ["active", "active", "locked"]


async def test_sync_6_copies_that_take_turns_are_noticed_by_their_numbers(
    phone: Phone, database: Database, at: datetime
) -> None:
    """One command at a time on either: nothing of it is lost, and soon both register anew."""
    id_ = await trial.make(database)
    await phone.sync()
    twin = copied(phone)
    answer: dict[str, Any] = {}
    turns = 0
    while not answer.get("stop"):
        turns += 1
        with clock.frozen(at + timedelta(minutes=turns)):
            each = phone if turns % 2 else twin
            each.capture("trial.remark", trial_id=id_, text=str(turns))
            answer = await each.push_once(each._next_batch())
    assert (answer["stop"]["kind"], answer["device"]["register"]) == ("busy", True)
    said = [str(text) for text in await trial.remarks_of(database)]
    reused = await trial.count(database, "sync_case", "code = 'seq_reused'")
    assert len(said) + reused + phone.queued() + twin.queued() == turns
    assert turns <= 2 * rules.CLONE_SIGNS


async def test_sync_6_reboots_and_repeated_requests_are_no_signs_of_a_copy(
    phone: Phone, database: Database, at: datetime
) -> None:
    id_ = await trial.make(database)
    await phone.sync()
    late: list[Any] = []
    for n in range(6):
        with clock.frozen(at + timedelta(minutes=n)):
            phone.capture("trial.remark", trial_id=id_, text=str(n))
            late.append(request(phone, queue(phone)[-1:]))
            assert [r["status"] for r in await phone.push()] == ["applied"]
            phone.clock.reboot()
    for body in late:
        again = await phone.send("/v1/sync/push", body)
        assert [r["status"] for r in again["results"]] == ["duplicate"]
        assert again["device"]["state"] == "active"


@pytest.mark.parametrize("seed", range(2, 6))
async def test_sync_6_no_delay_makes_a_phone_look_like_its_copy(
    phone: Phone, database: Database, at: datetime, seed: int
) -> None:
    """I1, I2: requests arrive hours late, for the first time, in any order, across restarts."""
    chance = random.Random(seed)
    id_ = await trial.make(database)
    await phone.sync()
    under_way: list[Any] = []
    captured = 0
    for minute in range(1, 40):
        with clock.frozen(at + timedelta(minutes=minute)):
            for _ in range(chance.randrange(3)):
                captured += 1
                phone.capture("trial.remark", trial_id=id_, text=f"{captured:03}")
            if phone.queued():  # the phone waits for its answer in vain
                under_way.append(request(phone, phone._next_batch()))
            if chance.random() < 0.3:
                phone.clock.reboot()
            if under_way and chance.random() < 0.6:
                body = under_way.pop(chance.randrange(len(under_way)))
                answer = await phone.send("/v1/sync/push", body)
                assert answer["device"]["state"] == "active"
            if chance.random() < 0.3:
                await phone.push()
    chance.shuffle(under_way)
    with clock.frozen(at + timedelta(hours=1)):
        await phone.push()
    for body in under_way:
        answer = await phone.send("/v1/sync/push", body)
        assert {r["status"] for r in answer["results"]} <= {"duplicate"}
        assert answer["device"]["state"] == "active"
    assert await trial.remarks_of(database) == [f"{n:03}" for n in range(1, captured + 1)]
    assert await trial.count(database, "sync_case") == 0


async def test_sync_6_what_a_damaged_store_lost_may_still_be_under_way(
    phone: Phone, database: Database
) -> None:
    """Numbers that were given up have two ids then; that is no copy, and nothing is dropped."""
    id_ = await trial.make(database)
    await phone.sync()
    for n in range(1, 6):
        phone.capture("trial.remark", trial_id=id_, text=str(n))
    late = request(phone, phone._next_batch())
    phone.db.execute("delete from outbox")
    phone.put(next_seq=1)
    for _ in range(5):
        phone.capture("queue.void", reason="store_damaged")
    assert {r["code"] for r in await phone.push()} == {"command_lost"}
    answer = await phone.send("/v1/sync/push", late)
    assert [r["code"] for r in answer["results"]] == ["seq_reused"] * 5
    assert answer["device"]["state"] == "active"
    assert await trial.count(database, "sync_case", "code = 'seq_reused'") == 5
    phone.capture("trial.remark", trial_id=id_, text="6")
    assert [r["status"] for r in await phone.push()] == ["applied"]


async def test_sync_6_registering_again_gives_the_same_key_and_says_where_the_queue_stands(
    phone: Phone, database: Database
) -> None:
    """An app that lost its answer asks again; it must not begin to number anew."""
    id_ = await trial.make(database)
    for n in range(2):
        phone.capture("trial.remark", trial_id=id_, text=str(n))
    await phone.push()
    key, name = phone.get("key"), f"phone of {id_of('alice')}"
    body = {"id": phone.get("device_id"), "name": name, "app_version": "1.0.0", "app_schema": 1}
    again = await phone.send("/v1/devices", body)
    assert (again["key"], again["last_seq"]) == (key, 2)


async def test_sync_6_a_new_installation_tells_of_the_queue_the_old_one_took_with_it(
    phone: Phone,
    database: Database,
    world: World,
    client: httpx.AsyncClient,
    settings: Settings,
    new_phone: MakePhone,
) -> None:
    id_ = await trial.make(database)
    for n in range(3):
        phone.capture("trial.remark", trial_id=id_, text=str(n))
    await phone.send("/v1/sync/push", request(phone, queue(phone)[:1], queued=3))
    other = await new_phone(world.alice)
    known = await devices(client, settings, world)
    old = known[str(phone.id)]
    assert (old["replaced_by"], old["queued"]) == (str(other.id), 2)
    await other.pull()
    (case,) = other.rows("case")
    assert case["code"] == "queue_lost"
    assert "2 commands" in case["message"]
    assert case["commands"] == []
    assert case["text"]["zh_CN"]
    await phone.push()
    assert (await devices(client, settings, world))[str(phone.id)]["replaced_by"] is None


async def test_sync_5_what_was_captured_before_a_new_registration_keeps_its_time(
    phone: Phone, database: Database, at: datetime
) -> None:
    """The queue moved to the new registration is not clamped to the moment of registering."""
    id_ = await trial.make(database)
    await phone.sync()
    with clock.frozen(at + timedelta(hours=1)):
        phone.capture("trial.remark", trial_id=id_, text="at nine")
        phone.clock.reboot()
    with clock.frozen(at + timedelta(hours=5)):
        await register_anew(phone, "set up anew")
        assert [r["status"] for r in await phone.push()] == ["applied"]
    async with database.transaction() as session:
        (row,) = (
            await session.scalars(
                trial.select(trial.Leave).where(
                    trial.Leave.region_id == 1, trial.Leave.kind == "remark"
                )
            )
        ).all()
    assert abs(row.starts_at - (at + timedelta(hours=1))) < timedelta(minutes=1)


async def test_sync_5_what_was_captured_on_either_copy_keeps_its_time(
    phone: Phone, database: Database, at: datetime
) -> None:
    """The first copy that registers anew has replaced the former registration for both."""
    id_ = await trial.make(database)
    await phone.sync()
    twin = copied(phone)
    with clock.frozen(at + timedelta(hours=1)):
        for each in (phone, twin):
            each.capture("trial.remark", trial_id=id_, text="at nine")
            each.clock.reboot()
    with clock.frozen(at + timedelta(hours=5)):
        for each, name in ((phone, "one"), (twin, "two")):
            await register_anew(each, name)
            assert [r["status"] for r in await each.push()] == ["applied"]
    async with database.transaction() as session:
        remarks = trial.select(trial.Leave).where(
            trial.Leave.region_id == 1, trial.Leave.kind == "remark"
        )
        rows = (await session.scalars(remarks)).all()
    late = [row.starts_at - (at + timedelta(hours=1)) for row in rows]
    assert [abs(by) < timedelta(minutes=1) for by in late] == [True, True], late


async def test_sync_6_what_had_come_before_is_answered_again_under_the_new_registration(
    phone: Phone, database: Database
) -> None:
    """All that is kept moves, for a restore may ask for it: nothing takes effect twice (I2)."""
    id_ = await trial.make(database)
    for n in range(3):
        phone.capture("trial.remark", trial_id=id_, text=str(n))
    await send(phone, queue(phone)[:2])
    await register_anew(phone, "set up anew")
    assert [r["status"] for r in await phone.push()] == ["duplicate", "duplicate", "applied"]
    assert sorted(str(text) for text in await trial.remarks_of(database)) == ["0", "1", "2"]


async def test_i11_two_copies_with_a_faulty_command_each_at_one_number_both_end(
    phone: Phone, database: Database, faults: trial.Faults
) -> None:
    """They must not reset each other's count: it goes by the place in the order."""
    id_ = await trial.make(database)
    await phone.sync()
    twin = copied(phone)
    faults.raise_on_begin = RuntimeError("a fault of ours")
    for each in (phone, twin):
        each.capture("trial.begin", trial_id=id_)
    in_turn = [phone, twin, twin, phone, twin]  # one turn more, and they are known for copies
    assert len(in_turn) == rules.POISON_TRIES
    answers = [await send(each, queue(each)) for each in in_turn]
    assert [bool(answer["results"]) for answer in answers] == [False] * 4 + [True]
    assert answers[-1]["results"][0]["code"] == "poison"


async def test_sync_6_two_users_of_one_phone_have_a_database_and_a_view_each(
    phone: Phone, database: Database, world: World, new_phone: MakePhone, tmp_path: Path
) -> None:
    mine, bobs = await trial.make(database), await trial.make(database, "bob")
    theirs = await new_phone(world.bob, path=tmp_path / "bob.db")
    for each in (phone, theirs):
        await each.sync()
    theirs.capture("trial.remark", trial_id=bobs, text="Bob's")
    await theirs.sync()
    await phone.sync()
    assert [r["id"] for r in phone.rows("trial")] == [str(mine)]
    assert phone.rows("trial_remark") == []
    assert [r["id"] for r in theirs.rows("trial")] == [str(bobs)]
    wrong = Phone(phone.client)
    wrong.put(**{n: phone.get(n) for n in ("device_id", "key", "epoch")}, token=theirs.get("token"))
    with pytest.raises(Exception, match="not_found"):
        await wrong.pull()
    wrong.db.close()


@pytest.fixture
async def password(database: Database, world: World) -> str:
    word = "correct horse battery"
    async with database.transaction() as session:
        (await session.get_one(Person, world.alice.id)).password_hash = passwords.hash(word)
    return word


async def test_sync_6_revoking_a_phone_ends_its_sign_ins_and_tells_it_to_wipe(
    phone: Phone,
    database: Database,
    world: World,
    client: httpx.AsyncClient,
    password: str,
) -> None:
    async def sign_in(device_id: str | None) -> dict[str, Any]:
        body = {
            "email": "alice@fieldops.example", "password": password, "device_id": device_id,
        }  # fmt: skip
        answer: dict[str, Any] = (await client.post("/v1/sign-in", json=body)).json()
        return answer

    async def renewed(tokens: dict[str, Any]) -> httpx.Response:
        body = {"refresh_token": tokens["refresh_token"]}
        return await client.post("/v1/sign-in/renew", json=body)

    mine, early, other = [await sign_in(d) for d in (str(phone.id), None, str(uuid4()))]
    await run(database, world.dora, "device.revoke", device_id=phone.id, reason="lost")
    gone = await renewed(mine)
    assert (gone.status_code, gone.json()["code"]) == (401, "device_must_wipe")
    assert (await renewed(early)).json()["code"] == "sign_in_failed"
    assert (await renewed(other)).status_code == 200, "another phone of hers goes on"
    forged = {"refresh_token": mine["refresh_token"][:-4] + "AAAA"}
    assert (await renewed(forged)).json()["code"] == "sign_in_failed"


async def test_sync_6_lost_phones_are_found_by_when_they_were_last_heard_of(
    phone: Phone, world: World, client: httpx.AsyncClient, settings: Settings, at: datetime
) -> None:
    with clock.frozen(at + timedelta(days=3)):
        silent = (at + timedelta(days=2)).isoformat()
        assert set(await devices(client, settings, world, seen_before=silent)) == {str(phone.id)}
        assert await devices(client, settings, world, state="locked") == {}
        await phone.sync()
        assert await devices(client, settings, world, seen_before=silent) == {}
