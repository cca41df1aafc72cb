"""Old and unknown versions of commands, and commands a phone has lost (SYNC section 2)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import Field

from fieldops.kernel import clock, commands
from fieldops.kernel.commands import Args, Context
from fieldops.kernel.db import Database
from fieldops.kernel.permissions import Permission
from fieldops.kernel.settings import Settings
from fieldops.organisation.models import Leave
from fieldops.sync.errors import NotForDevices
from fieldops.sync.jobs import take_what_was_learned
from tests.support.clients import bearer
from tests.support.device import Phone
from tests.support.run import run
from tests.support.world import World
from tests.sync import trial
from tests.sync.test_push import queue, send

pytestmark = pytest.mark.anyio


class BeginSlowly(Args):
    trial_id: UUID
    pace: str = Field(max_length=20)


@pytest.fixture
def newer(phone: Phone) -> Iterator[None]:
    """A release in which `trial.begin` is in version 2 and version 1 is lifted to it."""
    former = commands.REGISTRY.pop(("trial.begin", 1))

    async def begin(ctx: Context, args: BeginSlowly) -> Leave:
        """Begin a trial at a pace."""
        row = await trial.lock(ctx, args.trial_id)
        row.kind, row.reason = "begun", args.pace
        return row

    commands.command(
        "trial.begin", version=2, permission=Permission.VISIT_WORK, offline=True,
        subject="trial_id",
    )(begin)  # fmt: skip
    commands.upcast("trial.begin", version=1)(lambda args: {**args, "pace": "as before"})
    yield
    commands._upcasters.pop(("trial.begin", 1))
    commands.REGISTRY.pop(("trial.begin", 2))
    commands.REGISTRY["trial.begin", 1] = former


def learn(name: str, like: str, *, offline: bool = True) -> None:
    """Let the server know a command as a later release would."""
    known = commands.REGISTRY[like, 1]
    commands.command(
        name,
        permission=known.permission,
        nature=known.nature,
        offline=offline,
        subject=known.subject,
    )(known.handler)


async def reason_of(database: Database, id_: UUID) -> str | None:
    async with database.transaction() as session:
        return (await session.get_one(Leave, (1, id_))).reason


@pytest.mark.usefixtures("newer")
async def test_sync_2_an_old_app_pushes_its_version_and_it_is_lifted(
    phone: Phone, database: Database
) -> None:
    """Old app versions may always push: their commands are lifted by a pure upcaster."""
    id_ = await trial.make(database)
    phone.capture("trial.begin", trial_id=id_)
    assert [(r["status"], r["refs"][0]["id"]) for r in await phone.push()] == [
        ("applied", str(id_))
    ]
    assert await reason_of(database, id_) == "as before"
    assert (await trial.count(database, "kernel_ledger", f"subject_id = '{id_}'")) == 1


@pytest.mark.usefixtures("newer")
async def test_sync_2_an_upcaster_that_changes_what_it_is_given_changes_nothing_that_is_kept(
    phone: Phone, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for subject, effect and repeat: each time it is given what the phone sent."""

    def impure(args: dict[str, Any]) -> dict[str, Any]:
        paces = args.pop("paces")
        paces.append("and steady")
        return {**args, "pace": " ".join(paces)}

    monkeypatch.setitem(commands._upcasters, ("trial.begin", 1), impure)
    id_ = await trial.make(database)
    phone.capture("trial.begin", trial_id=id_, paces=["slow"])
    assert [r["status"] for r in await phone.push()] == ["applied"]
    assert await reason_of(database, id_) == "slow and steady"
    repeated = await send(phone, queue(phone))
    assert [r["status"] for r in repeated["results"]] == ["duplicate"]


@pytest.mark.usefixtures("newer")
async def test_sync_2_an_old_command_with_broken_arguments_is_kept_and_blocks_nothing(
    phone: Phone, database: Database
) -> None:
    id_ = await trial.make(database)
    phone.capture("trial.begin", trial="?")
    phone.capture("trial.remark", trial_id=id_, text="after")
    assert [r["status"] for r in await phone.push()] == ["rejected", "applied"]


@pytest.mark.usefixtures("worker")
async def test_sync_2_an_unknown_command_is_taken_by_rule_once_the_server_knows_it(
    phone: Phone, database: Database
) -> None:
    """I11: every command gets its final answer."""
    id_ = await trial.make(database)
    phone.capture("trial.start_anew", trial_id=id_)
    (held,) = await phone.push()
    assert (held["status"], held["code"]) == ("held", "unknown_command")
    await phone.pull()
    await take_what_was_learned()
    assert await trial.state_of(database, id_) == "open"
    learn("trial.start_anew", "trial.begin")
    await take_what_was_learned()
    assert await trial.state_of(database, id_) == "begun"
    await phone.pull()
    (case,) = phone.rows("case")
    assert (case["state"], case["commands"][0]["status"]) == ("taken", "applied")
    assert case["reason"] == "by rule: the server knows this command now"
    assert (await send(phone, queue(phone)))["results"][0]["first"] == held, "I2: the first answer"
    await take_what_was_learned()
    assert await trial.count(database, "sync_case", "state = 'taken'") == 1


@pytest.mark.usefixtures("worker")
async def test_sync_2_what_waited_for_the_unknown_command_follows_it_in_order(
    phone: Phone, database: Database
) -> None:
    id_ = await trial.make(database)
    first = phone.capture("trial.start_anew", trial_id=id_)
    phone.capture("trial.finish", trial_id=id_, depends_on=[first])
    assert [r["code"] for r in await phone.push()] == ["unknown_command", "blocked_by"]
    learn("trial.start_anew", "trial.begin")
    await take_what_was_learned()
    assert await trial.state_of(database, id_) == "finished"


@pytest.mark.usefixtures("worker")
async def test_sync_2_what_the_server_learned_is_judged_like_any_other_command(
    phone: Phone, database: Database, world: World
) -> None:
    """It was not accepted by anybody: given away meanwhile, it waits for the dispatcher."""
    id_ = await trial.make(database)
    first = phone.capture("trial.start_anew", trial_id=id_)
    phone.capture("trial.finish", trial_id=id_, depends_on=[first])
    await phone.push()
    await trial.change(database, id_, technician_id=world.bob.id)
    learn("trial.start_anew", "trial.begin")
    await take_what_was_learned()
    assert await trial.state_of(database, id_) == "open"
    await phone.pull()
    (case,) = phone.rows("case")
    assert (case["state"], case["code"]) == ("open", "trial_reassigned")
    await run(database, world.dora, "desk.accept", case_id=case["id"], reason="she was there")
    assert await trial.state_of(database, id_) == "finished"


@pytest.mark.usefixtures("worker")
async def test_cu_04_what_the_server_learned_for_its_offices_is_not_taken_from_a_phone(
    phone: Phone, database: Database, world: World
) -> None:
    """Neither by rule nor by the desk; what it said is not kept, for it may be contact data."""
    id_ = await trial.make(database)
    phone.capture("trial.say", trial_id=id_, text="call +358 40 1234567")
    await phone.push()
    learn("trial.say", "trial.remark", offline=False)
    await take_what_was_learned()
    assert await trial.remarks_of(database) == []
    await phone.pull()
    (case,) = phone.rows("case")
    assert (case["state"], case["status"], case["code"]) == ("open", "rejected", "not_for_devices")
    assert await trial.count(database, "sync_case_entry", "command::text like '%1234567%'") == 0
    with pytest.raises(NotForDevices):
        await run(database, world.dora, "desk.accept", case_id=case["id"], reason="she was there")
    await run(database, world.dora, "desk.discard", case_id=case["id"], reason="not for phones")


@pytest.mark.usefixtures("worker")
async def test_a_fault_in_one_learned_command_leaves_it_and_lets_the_others_go(
    phone: Phone, database: Database, faults: trial.Faults
) -> None:
    id_ = await trial.make(database)
    phone.capture("trial.start_anew", trial_id=id_)
    phone.capture("trial.say", trial_id=id_, text="seen")
    await phone.push()
    learn("trial.start_anew", "trial.begin")
    learn("trial.say", "trial.remark")
    faults.raise_on_begin = RuntimeError("a fault of ours")
    await take_what_was_learned()
    assert await trial.remarks_of(database) == ["seen"]
    assert await trial.count(database, "sync_case", "state = 'open'") == 1


async def test_sync_2_a_lost_command_stops_the_queue_until_the_phone_says_so(
    phone: Phone,
    database: Database,
    world: World,
    client: httpx.AsyncClient,
    settings: Settings,
    at: Any,
) -> None:
    """A gap is never skipped silently: the void is held, and the desk shows the loss."""
    id_ = await trial.make(database)
    for n in range(3):
        phone.capture("trial.remark", trial_id=id_, text=str(n))
    phone.db.execute("delete from outbox where seq = 2")  # its store was damaged
    await phone.push()
    stuck = await send(phone, [c for c in queue(phone) if c["seq"] == 3])
    assert (stuck["stop"]["kind"], stuck["stop"]["expected_seq"]) == ("gap", 2)
    assert await trial.remarks_of(database) == ["0"]
    phone.put(next_seq=2)
    phone.capture("queue.void", reason="store_damaged", lost="trial.remark")
    phone.put(next_seq=4)
    phone.db.execute("update outbox set status = null")
    with clock.frozen(at + timedelta(minutes=5)):
        results = await phone.push()
    assert [r["status"] for r in results] == ["duplicate", "held", "applied"]
    assert results[1]["code"] == "command_lost"
    assert await trial.remarks_of(database) == ["0", "2"]
    headers = bearer(settings, world.dora)
    (case,) = (await client.get("/v1/desk/cases", headers=headers)).json()["items"]
    assert (case["code"], case["proposal"]) == ("command_lost", "discard")
    assert case["message"] == (
        "The phone has lost trial.remark before it was handed in (store_damaged)."
    )
    again = await send(phone, queue(phone))
    assert [r["status"] for r in again["results"]] == ["duplicate"] * 3
    await run(database, world.dora, "desk.discard", case_id=case["id"], reason="she told me")
    await phone.pull()
    assert [c["state"] for c in phone.rows("case")] == ["discarded"]


async def test_sync_2_a_void_comes_too_late_for_a_number_that_was_taken(
    phone: Phone, database: Database
) -> None:
    phone.capture("trial.remark", trial_id=await trial.make(database), text="kept")
    await phone.push()
    phone.put(next_seq=1)
    phone.db.execute("delete from outbox")
    phone.capture("queue.void", reason="not_readable")
    assert (await send(phone, queue(phone)))["results"][0]["code"] == "seq_reused"
    assert await trial.remarks_of(database) == ["kept"]
