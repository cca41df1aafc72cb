"""Push (SYNC section 2): order, repeats, gaps, reused ids, cases, poison, limits."""

import gzip
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import zstandard
from sqlalchemy import select, text

from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.ledger import LedgerEntry
from fieldops.kernel.settings import Settings
from fieldops.sync import rules
from fieldops.sync.models import CaseEntry, Epoch
from tests.support.clients import bearer
from tests.support.device import Phone, PhoneClock, Refused
from tests.support.world import World
from tests.sync import trial
from tests.sync.conftest import MakePhone

pytestmark = pytest.mark.anyio


def queue(phone: Phone) -> list[dict[str, Any]]:
    found = phone.db.execute("select body from outbox order by seq")
    return [json.loads(body) for (body,) in found]


def request(phone: Phone, commands: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "protocol": 1,
        "device_id": phone.get("device_id"),
        "epoch": 1,
        "app": phone.app,
        "clock": phone.clock.read(),
        "commands": commands,
        **more,
    }


async def send(phone: Phone, commands: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await phone.send("/v1/sync/push", request(phone, commands, **more))
    return answer


async def test_commands_take_effect_in_their_order_and_the_answer_says_so(
    phone: Phone, database: Database
) -> None:
    id_ = await trial.make(database)
    phone.capture("trial.begin", trial_id=id_)
    phone.capture("trial.remark", trial_id=id_, text="first")
    phone.capture("trial.finish", trial_id=id_)
    answer = await send(phone, queue(phone))
    assert [r["status"] for r in answer["results"]] == ["applied"] * 3
    assert [r["seq"] for r in answer["results"]] == [1, 2, 3]
    assert answer["device"] == {"state": "active", "last_seq": 3, "durable_seq": 3}
    assert answer["stop"] is None
    assert await trial.state_of(database, id_) == "finished"


async def test_a_repeated_push_changes_nothing_and_carries_the_first_results_byte_for_byte(
    phone: Phone, database: Database, client: httpx.AsyncClient
) -> None:
    """I2: exactly once, repeats answered equally."""
    id_ = await trial.make(database)
    phone.capture("trial.begin", trial_id=id_)
    phone.capture("trial.begin", trial_id=id_)  # rejected
    phone.capture("trial.remark", trial_id=id_, text="ä \u2028 \U0001f600")
    headers = {
        "Authorization": f"Bearer {phone.get('token')}",
        "Device-Key": phone.get("key"),
    }
    body = request(phone, queue(phone))
    first = await client.post("/v1/sync/push", json=body, headers=headers)
    before = await trial.count(database, "organisation_leave")
    again = await client.post("/v1/sync/push", json=body, headers=headers)
    assert await trial.count(database, "organisation_leave") == before
    assert [r["status"] for r in again.json()["results"]] == ["duplicate"] * 3
    results = first.text[first.text.index('"results":[') + 11 : -2]
    for result in again.text.split('"first":')[1:]:
        assert result.split("},{")[0].rstrip("]}") in results
    firsts = [r["first"] for r in again.json()["results"]]
    assert firsts == first.json()["results"]


async def test_a_gap_in_the_numbers_stops_the_push_and_names_the_expected_one(
    phone: Phone, database: Database
) -> None:
    id_ = await trial.make(database)
    for n in range(4):
        phone.capture("trial.remark", trial_id=id_, text=str(n))
    first, _lost, third, fourth = queue(phone)
    answer = await send(phone, [first, third, fourth])
    assert [r["seq"] for r in answer["results"]] == [1]
    assert answer["stop"] == {
        "at_seq": 3,
        "kind": "gap",
        "expected_seq": 2,
        "retry_after_ms": 0,
    }
    assert await trial.remarks_of(database) == ["0"]


async def test_a_phone_fills_a_gap_by_itself(phone: Phone, database: Database) -> None:
    id_ = await trial.make(database)
    for n in range(3):
        phone.capture("trial.remark", trial_id=id_, text=str(n))
    phone.db.execute("update outbox set status = 'applied' where seq = 2")  # it wrongly thinks so
    await phone.push()
    assert await trial.remarks_of(database) == ["0", "1", "2"]


async def test_a_used_id_with_other_content_is_rejected_and_the_queue_goes_on(
    phone: Phone, database: Database
) -> None:
    id_ = await trial.make(database)
    first = phone.capture("trial.remark", trial_id=id_, text="one")
    await phone.push()
    phone.db.execute("delete from outbox")
    phone.capture("trial.remark", trial_id=id_, text="other", command_id=first)
    phone.capture("trial.remark", trial_id=id_, text="next")
    commands = queue(phone)
    answer = await send(phone, commands)
    assert [(r["status"], r.get("code")) for r in answer["results"]] == [
        ("rejected", "id_reused"),
        ("applied", None),
    ]
    assert answer["results"][0]["case_id"]
    again = await send(phone, commands)
    assert again["results"][0]["first"] == answer["results"][0]
    assert await trial.remarks_of(database) == ["one", "next"]


async def test_a_used_number_under_a_new_id_is_rejected_and_kept(
    phone: Phone, database: Database
) -> None:
    id_ = await trial.make(database)
    phone.capture("trial.remark", trial_id=id_, text="one")
    await phone.push()
    other = {**queue(phone)[0], "id": str(uuid4())}
    answer = await send(phone, [other])
    assert answer["results"][0]["code"] == "seq_reused"
    assert answer["device"]["last_seq"] == 1
    assert (await send(phone, [other]))["results"][0]["status"] == "duplicate"


async def test_a_rejected_decision_leaves_no_trace_but_its_case(
    phone: Phone, database: Database, world: World
) -> None:
    id_ = await trial.make(database, state="finished")
    phone.capture("trial.begin", trial_id=id_)
    result = (await phone.push())[0]
    assert result["status"] == "rejected"
    assert (result["code"], result["message"]) == ("trial_not_open", "The trial is finished.")
    assert result["case_id"]
    assert result["advice"]
    assert await trial.count(database, "sync_case") == 1


async def test_decisions_after_a_refused_one_on_the_same_record_are_held_as_one_case(
    phone: Phone, database: Database
) -> None:
    """SYNC section 2: those depending on it (the same entity with a later seq) are held too."""
    id_ = await trial.make(database, "bob")
    other = await trial.make(database)
    phone.capture("trial.begin", trial_id=id_)
    phone.capture("trial.finish", trial_id=id_)
    phone.capture("trial.begin", trial_id=other)
    results = await phone.push()
    assert [r["status"] for r in results] == ["held", "held", "applied"]
    assert [r.get("code") for r in results] == ["trial_reassigned", "blocked_by", None]
    assert results[0]["case_id"] == results[1]["case_id"]
    assert results[1]["blocked_by"] == results[0]["id"]


async def test_dependents_in_a_later_push_join_the_open_case(
    phone: Phone, database: Database
) -> None:
    id_ = await trial.make(database, "bob")
    phone.capture("trial.begin", trial_id=id_)
    first = (await phone.push())[0]
    phone.capture("trial.finish", trial_id=id_)
    second = (await phone.push())[0]
    assert (second["status"], second["case_id"]) == ("held", first["case_id"])
    assert await trial.count(database, "sync_case") == 1
    assert await trial.count(database, "sync_case", "entries = 2") == 1


async def test_facts_are_kept_whatever_became_of_the_decisions(
    phone: Phone, database: Database
) -> None:
    """SY-02, SYNC section 1: facts are kept, decisions are judged."""
    id_ = await trial.make(database, "bob")
    phone.capture("trial.begin", trial_id=id_)
    phone.capture("trial.remark", trial_id=id_, text="seen on site")
    results = await phone.push()
    assert [r["status"] for r in results] == ["held", "applied"]
    assert await trial.remarks_of(database) == ["seen on site"]


async def test_what_names_a_refused_command_is_held_even_on_another_record(
    phone: Phone, database: Database
) -> None:
    id_, other = await trial.make(database, "bob"), await trial.make(database)
    first = phone.capture("trial.begin", trial_id=id_)
    phone.capture("trial.remark", trial_id=other, text="because of it", depends_on=[first])
    phone.capture("trial.begin", trial_id=other, depends_on=[uuid4()])
    results = await phone.push()
    assert [r["status"] for r in results] == ["held", "held", "held"]
    assert results[0]["case_id"] == results[1]["case_id"] != results[2]["case_id"]
    assert await trial.remarks_of(database) == []


async def test_a_technician_who_has_seen_the_refusal_may_do_it_again_and_that_closes_the_case(
    phone: Phone, database: Database
) -> None:
    id_ = await trial.make(database, state="finished")
    phone.capture("trial.begin", trial_id=id_)
    await phone.sync()
    await trial.change(database, id_, kind="open")
    await phone.pull()
    phone.capture("trial.begin", trial_id=id_)
    assert (await phone.push())[0]["status"] == "applied"
    await phone.pull()
    assert [case["state"] for case in phone.rows("case")] == ["corrected"]
    phone.capture("trial.finish", trial_id=id_)
    assert (await phone.push())[0]["status"] == "applied"


async def test_who_has_not_seen_the_refusal_is_held(phone: Phone, database: Database) -> None:
    id_ = await trial.make(database, state="finished")
    phone.capture("trial.begin", trial_id=id_)
    await phone.push()
    phone.capture("trial.begin", trial_id=id_, base=[])
    assert (await phone.push())[0]["code"] == "blocked_by"


async def test_an_unknown_command_or_version_is_held_not_refused(
    phone: Phone, database: Database
) -> None:
    phone.capture("trial.unheard_of", trial_id=uuid4())
    phone.capture("trial.begin", trial_id=uuid4(), v=9)
    results = await phone.push()
    assert [(r["status"], r["code"]) for r in results] == [("held", "unknown_command")] * 2


async def test_commands_of_the_offices_are_not_taken_from_a_phone(
    phone: Phone, database: Database
) -> None:
    phone.capture("trial.office", trial_id=await trial.make(database))
    assert (await phone.push())[0]["code"] == "not_for_devices"


async def test_cu_04_what_only_offices_may_send_leaves_no_contact_data_at_the_desk(
    phone: Phone, database: Database
) -> None:
    phone.capture("customer.change_contact", customer_id=str(uuid4()), phone="+358120000001")
    assert (await phone.push())[0]["code"] == "not_for_devices"
    async with database.transaction() as session:
        kept = await session.scalars(select(CaseEntry.command).where(CaseEntry.region_id == 1))
        assert [(c["name"], c["args"]) for c in kept] == [("customer.change_contact", {})]


async def test_a_malformed_command_is_kept_at_the_desk_and_does_not_block_the_queue(
    phone: Phone, database: Database
) -> None:
    id_ = await trial.make(database)
    phone.capture("trial.remark", trial_id=id_, text="whole")
    whole = queue(phone)[0]
    broken = {"id": str(uuid4()), "seq": 1, "name": "NOT A NAME", "args": [1]}
    answer = await send(phone, [broken, {**whole, "seq": 2}])
    assert [r.get("code") for r in answer["results"]] == ["malformed_command", None]
    assert answer["results"][0]["details"]["errors"]
    assert (await send(phone, [broken]))["results"][0]["status"] == "duplicate"


async def test_half_an_emoji_in_a_note_does_not_block_the_queue(
    phone: Phone, database: Database, client: httpx.AsyncClient
) -> None:
    phone.capture("trial.remark", trial_id=await trial.make(database), text="HALF")
    body = json.dumps(request(phone, queue(phone))).replace("HALF", "\\ud83d")
    answer = await client.post(
        "/v1/sync/push",
        content=body,
        headers={
            "Authorization": f"Bearer {phone.get('token')}",
            "Device-Key": phone.get("key"),
            "Content-Type": "application/json",
        },
    )
    assert answer.json()["results"][0]["status"] == "applied"
    assert await trial.remarks_of(database) == ["\ufffd"]


async def test_a_programming_error_is_tried_again_and_is_poison_after_five_tries(
    phone: Phone, database: Database, faults: trial.Faults
) -> None:
    id_ = await trial.make(database)
    faults.raise_on_begin = RuntimeError("a fault of ours")
    phone.capture("trial.remark", trial_id=id_, text="before")
    phone.capture("trial.begin", trial_id=id_)
    phone.capture("trial.remark", trial_id=id_, text="after")
    for tries in range(1, rules.POISON_TRIES):
        answer = await send(phone, queue(phone))
        assert answer["stop"]["kind"] == "transient"
        assert (answer["stop"]["at_seq"], answer["device"]["last_seq"]) == (2, 1), tries
        assert answer["stop"]["retry_after_ms"] > 0
    answer = await send(phone, queue(phone))
    assert [r["status"] for r in answer["results"]] == ["duplicate", "rejected", "applied"]
    assert answer["results"][1]["code"] == "poison"
    assert answer["stop"] is None
    assert await trial.remarks_of(database) == ["before", "after"]
    async with database.transaction() as session:
        row = await session.get_one(trial.Leave, (1, id_))
        assert row.reason is None, "the half-done change was rolled back to the savepoint"


async def test_a_fault_that_was_mended_in_time_lets_the_command_take_effect(
    phone: Phone, database: Database, faults: trial.Faults
) -> None:
    id_ = await trial.make(database)
    faults.raise_on_begin = RuntimeError("a fault of ours")
    phone.capture("trial.begin", trial_id=id_)
    await phone.push()
    faults.raise_on_begin = None
    assert (await phone.push())[0]["status"] == "applied"


async def test_a_failing_statement_inside_one_command_does_not_spoil_the_others(
    phone: Phone, database: Database, faults: trial.Faults
) -> None:
    id_ = await trial.make(database)
    phone.capture("trial.remark", trial_id=id_, text="before")
    phone.capture("trial.remark", trial_id=id_, text="x" * 300)  # breaks the argument's rule
    phone.capture("trial.remark", trial_id=id_, text="after")
    results = await phone.push()
    assert [r["status"] for r in results] == ["applied", "rejected", "applied"]
    assert results[1]["details"]["errors"][0]["field"] == "text"


DEADLOCK = "do $$ begin raise exception using errcode = '40P01'; end $$"


async def test_a_deadlock_is_tried_again_and_leaves_no_trace(
    phone: Phone, database: Database, faults: trial.Faults
) -> None:
    id_ = await trial.make(database)
    faults.statements_on_remark = [DEADLOCK] * 2  # one alone passes when steps are taken singly
    phone.capture("trial.begin", trial_id=id_)
    phone.capture("trial.remark", trial_id=id_, text="once")
    assert [r["status"] for r in await phone.push()] == ["applied", "applied"]
    assert await trial.remarks_of(database) == ["once"]


async def test_a_deadlock_that_stays_is_answered_transient_and_nothing_is_kept(
    phone: Phone, database: Database, faults: trial.Faults
) -> None:
    id_ = await trial.make(database)
    faults.statements_on_remark = [DEADLOCK] * 10
    phone.capture("trial.begin", trial_id=id_)
    phone.capture("trial.remark", trial_id=id_, text="once")
    answer = await send(phone, queue(phone))
    assert answer["results"] == []
    assert (answer["stop"]["kind"], answer["device"]["last_seq"]) == ("transient", 0)
    assert await trial.state_of(database, id_) == "open"
    assert await trial.count(database, "sync_case") == 0
    faults.statements_on_remark = []
    assert [r["status"] for r in await phone.push()] == ["applied", "applied"]


async def test_a_broken_value_in_one_command_does_not_spoil_the_others(
    phone: Phone, database: Database, faults: trial.Faults
) -> None:
    id_ = await trial.make(database)
    # Taken as a whole first, then step by step: each push meets the fault twice.
    faults.statements_on_remark = ["select 1 / 0"] * 10
    phone.capture("trial.begin", trial_id=id_)
    phone.capture("trial.remark", trial_id=id_, text="x")
    phone.capture("trial.finish", trial_id=id_)
    for _ in range(5):
        answer = await send(phone, queue(phone))
    assert [r["status"] for r in answer["results"]] == ["duplicate", "rejected", "applied"]


async def test_facts_are_taken_from_somebody_who_had_the_role_when_capturing(
    phone: Phone, database: Database, world: World
) -> None:
    """SYNC section 2: permission for facts as the device had seen it, for decisions now."""
    id_ = await trial.make(database)
    await phone.sync()
    phone.capture("trial.remark", trial_id=id_, text="seen")
    phone.capture("trial.begin", trial_id=id_)
    async with database.transaction() as session:
        await session.execute(
            text("delete from organisation_grant where person_id = :id"), {"id": world.alice.id}
        )
    results = await phone.push()
    assert [(r["status"], r.get("code")) for r in results] == [
        ("applied", None),
        ("rejected", "forbidden"),
    ]


async def test_facts_captured_after_the_phone_knew_of_the_lost_role_are_refused_but_kept(
    phone: Phone, database: Database, world: World
) -> None:
    id_ = await trial.make(database)
    await phone.sync()
    phone.capture("trial.remark", trial_id=id_, text="in time")
    async with database.transaction() as session:
        await session.execute(
            text("delete from organisation_grant where person_id = :id"), {"id": world.alice.id}
        )
    with clock.frozen(clock.now() + timedelta(hours=1)):
        # The counter is what a grant command would bump.
        await trial.change(database, id_, reason="so that the pull looks")
        await phone.pull()
        assert phone.rows("trial") == []
    with clock.frozen(clock.now() + timedelta(hours=2)):
        phone.capture("trial.remark", trial_id=id_, text="too late")
        results = await phone.push()
    assert [r["status"] for r in results] == ["applied", "rejected"]


async def test_another_users_device_is_not_found(
    phone: Phone, database: Database, world: World, settings: Settings
) -> None:
    phone.capture("trial.remark", trial_id=uuid4(), text="x")
    phone.use_token(bearer(settings, world.bob)["Authorization"][7:])
    with pytest.raises(Refused) as refused:
        await phone.push()
    assert refused.value.status == 404


async def test_without_the_devices_key_nothing_is_taken_or_given(
    phone: Phone, database: Database
) -> None:
    phone.put(key="another")
    for attempt in (phone.pull_once(), send(phone, [])):
        with pytest.raises(Refused) as refused:
            await attempt
        assert refused.value.problem["code"] == "device_key_wrong"


async def test_more_than_fifty_commands_are_refused_with_the_limit(
    phone: Phone, database: Database
) -> None:
    id_ = await trial.make(database)
    for n in range(51):
        phone.capture("trial.remark", trial_id=id_, text=str(n))
    with pytest.raises(Refused) as refused:
        await send(phone, queue(phone))
    assert refused.value.status == 422
    assert await trial.remarks_of(database) == []
    await phone.push()
    assert len(await trial.remarks_of(database)) == 51


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_a_compressed_push_is_taken(
    phone: Phone, database: Database, client: httpx.AsyncClient, encoding: str
) -> None:
    phone.capture("trial.remark", trial_id=await trial.make(database), text="small")
    content = json.dumps(request(phone, queue(phone))).encode()
    packed = gzip.compress(content) if encoding == "gzip" else zstandard.compress(content)
    answer = await post(client, phone, packed, encoding)
    assert answer.json()["results"][0]["status"] == "applied"


@pytest.mark.parametrize(
    ("content", "encoding", "status"),
    [
        (gzip.compress(b"0" * 50_000_000), "gzip", 413),
        (zstandard.compress(b"0" * 50_000_000), "zstd", 413),
        (gzip.compress(b" " * 200_000), "gzip", 413),
        (b"x" * 300_000, "", 413),
        (b"not gzip", "gzip", 400),
        (gzip.compress(b"{}" * 100)[:-12], "gzip", 400),
        (b"not zstd", "zstd", 400),
        (b"{}", "br", 415),
        (b"[" * 100_000, "", 422),
        (b'{"a": 1e999}', "", 422),
        (b'{"a": NaN}', "", 422),
    ],
    ids=[
        "gzip bomb", "zstd bomb", "ratio", "oversized", "no gzip", "cut gzip", "no zstd", "brotli",
        "nested", "huge number", "no JSON",
    ],
)  # fmt: skip
async def test_bombs_and_broken_bodies_are_refused(
    phone: Phone,
    database: Database,
    client: httpx.AsyncClient,
    content: bytes,
    encoding: str,
    status: int,
) -> None:
    answer = await post(client, phone, content, encoding)
    assert answer.status_code == status, answer.text
    assert answer.json()["code"]


async def post(
    client: httpx.AsyncClient, phone: Phone, content: bytes, encoding: str
) -> httpx.Response:
    headers = {
        "Authorization": f"Bearer {phone.get('token')}",
        "Device-Key": phone.get("key"),
        "Content-Type": "application/json",
        **({"Content-Encoding": encoding} if encoding else {}),
    }
    return await client.post("/v1/sync/push", content=content, headers=headers)


async def test_times_are_estimated_from_the_devices_clocks(
    new_phone: MakePhone, faults: trial.Faults, database: Database, world: World
) -> None:
    """SYNC section 5: a wrong wall clock does not matter within one boot."""
    phone = await new_phone(world.alice, phone_clock=PhoneClock(skew=timedelta(hours=3)))
    id_ = await trial.make(database)
    phone.capture("trial.remark", trial_id=id_, text="an hour ago")
    later = clock.now() + timedelta(minutes=20)
    with clock.frozen(later):
        await phone.push()
        async with database.transaction() as session:
            entry = (
                await session.scalars(
                    select(LedgerEntry).where(
                        LedgerEntry.region_id == 1, LedgerEntry.name == "trial.remark"
                    )
                )
            ).one()
    assert abs(entry.estimated_at - (later - timedelta(minutes=20))) < timedelta(seconds=1)
    assert entry.captured_at - entry.estimated_at > timedelta(hours=2)


async def test_captures_of_an_earlier_boot_are_not_pushed_behind_a_push_in_between(
    new_phone: MakePhone, faults: trial.Faults, database: Database, world: World
) -> None:
    """Two parts of one queue, with a reboot before: the second is as old as it was."""
    phone = await new_phone(world.alice)
    id_ = await trial.make(database)
    captured = clock.now()
    phone.capture("trial.remark", trial_id=id_, text="one")
    phone.capture("trial.remark", trial_id=id_, text="two")
    with clock.frozen(captured + timedelta(minutes=15)):
        phone.clock.reboot()
        one, two = queue(phone)
        await send(phone, [one])
        await send(phone, [two])
        async with database.transaction() as session:
            found = await session.scalars(
                select(LedgerEntry.estimated_at).where(
                    LedgerEntry.region_id == 1, LedgerEntry.name == "trial.remark"
                )
            )
            for estimated_at in found:
                assert abs(estimated_at - captured) < timedelta(seconds=1)


async def test_an_older_epoch_is_told_where_to_send_from(phone: Phone, database: Database) -> None:
    id_ = await trial.make(database)
    phone.capture("trial.remark", trial_id=id_, text="one")
    async with database.transaction() as session:
        session.add(trial_epoch())
    answer = await send(phone, queue(phone))
    assert answer["epoch"] == 2
    assert (answer["stop"]["kind"], answer["stop"]["expected_seq"]) == ("gap", 1)
    await phone.push()
    assert await trial.remarks_of(database) == ["one"]


def trial_epoch() -> Any:
    return Epoch(region_id=1, epoch=2, reason="a restore")
