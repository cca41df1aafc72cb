"""Requests at the same time, made to meet at the moments that matter, on a committing database.

Each test says which naive engine it fails on; tests/mutants shows that it does.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from fieldops.kernel import points
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.sync.errors import CaseClosed
from fieldops.sync.models import Case, CaseEntry
from tests.support.clients import application, bearer
from tests.support.device import Phone
from tests.support.run import run
from tests.support.world import World, build_world, id_of
from tests.sync import stage, trial
from tests.sync.test_erasures import WORDS, erase, make_person, traces
from tests.sync.test_push import queue, request

pytestmark = pytest.mark.anyio


@dataclass
class Scene:
    """A committing database, the application on it, Alice's phone."""

    database: Database
    settings: Settings
    client: httpx.AsyncClient
    world: World
    phone: Phone

    async def another(self, actor: Actor) -> Phone:
        """Register one more phone."""
        return await _phone(self.client, self.settings, actor)

    async def case_id(self) -> str:
        async with self.database.transaction() as session:
            return str(await session.scalar(select(Case.id).where(Case.region_id == 1)))


async def _phone(client: httpx.AsyncClient, settings: Settings, actor: Actor) -> Phone:
    phone = Phone(client)
    phone.use_token(bearer(settings, actor)["Authorization"].removeprefix("Bearer "))
    await phone.register()
    return phone


@pytest.fixture
async def scene(committed: tuple[Database, Settings], faults: trial.Faults) -> AsyncIterator[Scene]:
    database, settings = committed
    world = await build_world(database)
    async with application(database, settings) as client:
        phone = await _phone(client, settings, world.alice)
        with stage.armed():
            yield Scene(database, settings, client, world, phone)
        phone.db.close()


def statuses(results: list[dict[str, Any]]) -> list[str]:
    return [result["status"] for result in results]


# --- pushes of one device ------------------------------------------------------------------


@pytest.mark.parametrize("point", [points.PUSH_LOCKED, points.PUSH_COMMAND, points.PUSH_WRITTEN])
async def test_the_same_push_again_while_the_first_is_under_way_takes_effect_once(
    scene: Scene, point: str
) -> None:
    """I2. Naive: without the device's lock the second runs what the first has not committed."""
    id_ = await trial.make(scene.database)
    for n in range(3):
        scene.phone.capture("trial.remark", trial_id=id_, text=str(n))
    body = request(scene.phone, queue(scene.phone))
    first = await stage.hold(point, scene.phone.send("/v1/sync/push", body))
    second = await stage.meet(scene.database, scene.phone.send("/v1/sync/push", body))
    answers = [await first.goes_on(), await second]
    assert [statuses(a["results"]) for a in answers] == [["applied"] * 3, ["duplicate"] * 3]
    assert [r["first"] for r in answers[1]["results"]] == answers[0]["results"]
    assert await trial.remarks_of(scene.database) == ["0", "1", "2"]


async def test_the_next_part_of_a_queue_waits_for_the_part_before_it(scene: Scene) -> None:
    """I3. Naive: without the device's lock the second part is answered as a gap."""
    id_ = await trial.make(scene.database)
    for n in range(4):
        scene.phone.capture("trial.remark", trial_id=id_, text=str(n))
    commands, send = queue(scene.phone), scene.phone.send
    parts = [request(scene.phone, commands[:2]), request(scene.phone, commands[2:])]
    first = await stage.hold(points.PUSH_WRITTEN, send("/v1/sync/push", parts[0]))
    second = await stage.meet(scene.database, send("/v1/sync/push", parts[1]))
    answers = [await first.goes_on(), await second]
    assert [a["stop"] for a in answers] == [None, None]
    assert [a["device"]["last_seq"] for a in answers] == [2, 4]
    assert await trial.remarks_of(scene.database) == ["0", "1", "2", "3"]


# --- two devices ---------------------------------------------------------------------------


async def test_two_devices_of_one_technician_do_not_both_take_the_same_decision(
    scene: Scene,
) -> None:
    """I4. Naive: without locks and versions of records both begin the trial."""
    other = await scene.another(scene.world.alice)
    id_ = await trial.make(scene.database)
    for phone in (scene.phone, other):
        phone.capture("trial.begin", trial_id=id_)
    first = await stage.hold(points.PUSH_WRITTEN, scene.phone.push())
    second = await stage.meet(scene.database, other.push())
    assert statuses(await first.goes_on()) == ["applied"]
    assert [r["code"] for r in await second] == ["trial_not_open"]
    other.db.close()


async def test_pushes_that_take_two_records_in_opposite_order_both_end_and_nothing_is_lost(
    scene: Scene,
) -> None:
    """I1, I2. Naive: without a second try after a deadlock one of the two fails."""
    other = await scene.another(scene.world.alice)
    one, two = await trial.make(scene.database), await trial.make(scene.database)
    for phone, trials, who in ((scene.phone, (one, two), "a"), (other, (two, one), "b")):
        for n, id_ in enumerate(trials):
            phone.capture("trial.remark", trial_id=id_, text=f"{who}{n}")
    first = await stage.hold(points.PUSH_COMMAND, scene.phone.push())
    second = await stage.hold(points.PUSH_COMMAND, other.push())
    answers = await asyncio.gather(first.goes_on(), second.goes_on())
    assert [statuses(results) for results in answers] == [["applied"] * 2] * 2
    done = await trial.remarks_of(scene.database)
    assert sorted(str(text) for text in done) == ["a0", "a1", "b0", "b1"]
    other.db.close()


# --- pulls ---------------------------------------------------------------------------------


@pytest.mark.parametrize("point", [points.PULL_LOCKED, points.PULL_LOOKED, points.PULL_WRITTEN])
async def test_two_pulls_of_one_device_leave_a_record_that_agrees_with_the_phone(
    scene: Scene, point: str
) -> None:
    """I5, I7. Naive: without the device's lock both pages get the same generation."""
    phone = scene.phone
    for _ in range(3):
        await trial.make(scene.database)
    body = phone.pull_request(None)
    first = await stage.hold(point, phone.send("/v1/sync/pull", body))
    second = await stage.meet(scene.database, phone.send("/v1/sync/pull", body))
    answers = [await first.goes_on(), await second]
    assert answers[0]["cursor"] != answers[1]["cursor"]
    assert phone.apply(answers[0], None)
    assert not phone.apply(answers[1], None)
    await phone.pull()
    assert len(phone.rows("trial")) == 3
    assert phone.hash_differed == 0


@pytest.mark.parametrize("point", [points.PULL_READ, points.PULL_LOCKED, points.PULL_LOOKED])
async def test_a_change_committed_while_a_page_is_made_is_found_by_the_next_pull(
    scene: Scene, point: str
) -> None:
    """I5. Naive: the counters read after the snapshot say that this change is known already."""
    phone = scene.phone
    id_ = await trial.make(scene.database)
    pulling = await stage.hold(point, phone.pull_once())
    await trial.change(scene.database, id_, reason="while the page was made")
    answer = await pulling.goes_on()
    assert [row["version"] for row in answer["puts"]["trial"]] == [1], "one moment for the page"
    await phone.pull()
    assert [row["version"] for row in phone.rows("trial")] == [2]
    assert phone.hash_differed == 0


@pytest.mark.parametrize("point", [points.PULL_LOCKED, points.PULL_LOOKED])
async def test_a_change_that_commits_after_the_page_is_found_by_the_next_pull(
    scene: Scene, point: str
) -> None:
    """I5. Naive: as before; this change was begun first, and commits while the page is held."""
    phone = scene.phone
    id_ = await trial.make(scene.database)
    await phone.pull()
    await trial.look_anew(scene.database)
    async with scene.database.transaction() as session:
        row = await session.get_one(trial.Leave, (1, id_))
        row.reason = "under way"
        await session.flush()
        await trial.make(scene.database)  # so that the pull looks
        pulling = await stage.hold(point, phone.pull_once())
    await pulling.goes_on()
    await phone.pull()
    row = phone.row("trial", id_)
    assert row is not None
    assert (row["version"], row["text"]) == (2, "under way")


async def test_a_page_that_follows_the_log_is_of_the_moment_it_was_read_in(scene: Scene) -> None:
    """I8, I9. Naive: log and rows read in two snapshots show half of a change."""
    phone, database = scene.phone, scene.database
    first, second = await trial.make(database), await trial.make(database)
    await phone.pull()
    await trial.change(database, first, reason="before the log was read")
    pulling = await stage.hold(points.PULL_READ, phone.pull_once())
    async with database.transaction() as session:
        for id_ in (first, second):
            (await session.get_one(trial.Leave, (1, id_))).reason = "after it, both at once"
    answer = await pulling.goes_on()
    texts = {row["text"] for row in answer["puts"]["trial"]}
    assert texts in ({"before the log was read"}, {"after it, both at once"})
    assert len(answer["puts"]["trial"]) == (1 if "before the log was read" in texts else 2)
    await phone.pull()
    assert {row["text"] for row in phone.rows("trial")} == {"after it, both at once"}
    assert phone.hash_differed == 0


async def test_a_page_that_follows_the_log_shows_all_or_nothing_of_a_push_meanwhile(
    scene: Scene,
) -> None:
    """I8. Naive: a page that says last_seq 0 shows what command 1 did."""
    phone, database = scene.phone, scene.database
    id_ = await trial.make(database)
    await phone.pull()
    await trial.change(database, id_, reason="so that there are news")
    phone.capture("trial.begin", trial_id=id_)
    phone.capture("trial.remark", trial_id=id_, text="meanwhile")
    pulling = await stage.hold(points.PULL_READ, phone.pull_once())
    assert statuses(await phone.push()) == ["merged", "applied"]
    answer = await pulling.goes_on()
    shown = [row["state"] for row in answer["puts"]["trial"]]
    remarks = len(answer["puts"].get("trial_remark", []))
    assert (answer["device"]["last_seq"], shown, remarks) == (2, ["begun"], 1)
    await phone.pull()
    assert phone.hash_differed == 0


@pytest.mark.parametrize("verb", ["revoke", "lock"])
async def test_a_page_that_follows_the_log_is_not_sent_to_a_device_taken_away_meanwhile(
    scene: Scene, verb: str
) -> None:
    """I13, I6. Naive: who read the device before the log sends what it may not see any more."""
    phone, database = scene.phone, scene.database
    id_ = await trial.make(database)
    await phone.pull()
    await trial.change(database, id_, reason="so that there are news")
    pulling = await stage.hold(points.PULL_READ, phone.pull_once())
    await run(database, scene.world.dora, f"device.{verb}", device_id=phone.id, reason="lost")
    assert "puts" not in await pulling.goes_on()


async def test_two_pulls_that_follow_the_log_leave_a_record_that_agrees_with_the_phone(
    scene: Scene,
) -> None:
    """I5, I7. Naive: both pages get the same generation."""
    phone, database = scene.phone, scene.database
    id_ = await trial.make(database)
    await phone.pull()
    await trial.change(database, id_, reason="so that there are news")
    asked_with = phone.get("cursor")
    body = phone.pull_request(asked_with)
    first = await stage.hold(points.PULL_READ, phone.send("/v1/sync/pull", body))
    answers = [await phone.send("/v1/sync/pull", body), await first.goes_on()]
    assert answers[0]["cursor"] != answers[1]["cursor"]
    assert phone.apply(answers[0], asked_with)
    assert not phone.apply(answers[1], asked_with)
    await phone.pull()
    assert len(phone.rows("trial")) == 1
    assert phone.hash_differed == 0


async def test_a_pull_that_meets_a_push_of_its_device_shows_all_or_nothing_of_it(
    scene: Scene,
) -> None:
    """I8. Naive: outside a snapshot a page says last_seq 0 and shows what command 1 did."""
    phone = scene.phone
    id_ = await trial.make(scene.database)
    phone.capture("trial.begin", trial_id=id_)
    phone.capture("trial.remark", trial_id=id_, text="meanwhile")
    pulling = await stage.hold(points.PULL_READ, phone.pull_once())
    assert statuses(await phone.push()) == ["applied"] * 2
    answer = await pulling.goes_on()
    shown = [row["state"] for row in answer["puts"]["trial"]]
    remarks = len(answer["puts"].get("trial_remark", []))
    assert (answer["device"]["last_seq"], shown, remarks) == (2, ["begun"], 1)
    await phone.pull()
    assert phone.hash_differed == 0


@pytest.mark.parametrize("point", [points.PUSH_COMMAND, points.PUSH_WRITTEN])
async def test_a_pull_started_during_a_push_waits_for_it(scene: Scene, point: str) -> None:
    """I8. Naive: without the device's lock in a pull, its page is of before the push."""
    phone = scene.phone
    id_ = await trial.make(scene.database)
    phone.capture("trial.begin", trial_id=id_)
    pushing = await stage.hold(point, phone.push())
    pulling = await stage.meet(scene.database, phone.pull_once())
    assert statuses(await pushing.goes_on()) == ["applied"]
    answer = await pulling
    shown = [row["state"] for row in answer["puts"]["trial"]]
    assert (answer["device"]["last_seq"], shown) == (1, ["begun"])


# --- the desk ------------------------------------------------------------------------------


async def late_work(scene: Scene) -> tuple[UUID, str]:
    """Begin a trial that was given to Bob; return it and its case."""
    id_ = await trial.make(scene.database, "bob")
    scene.phone.capture("trial.begin", trial_id=id_)
    await scene.phone.push()
    return id_, await scene.case_id()


async def test_a_decision_at_the_desk_waits_for_the_push_that_adds_to_its_case(
    scene: Scene,
) -> None:
    """I4. Naive: a desk that does not lock the device closes the case without its new command."""
    id_, case_id = await late_work(scene)
    scene.phone.capture("trial.finish", trial_id=id_)
    pushing = await stage.hold(points.PUSH_WRITTEN, scene.phone.push())
    deciding = await stage.meet(
        scene.database,
        run(scene.database, scene.world.dora, "desk.accept", case_id=case_id, reason="was there"),
    )
    assert [r["case_id"] for r in await pushing.goes_on()] == [case_id]
    await deciding
    assert await trial.state_of(scene.database, id_) == "finished"
    async with scene.database.transaction() as session:
        left = await session.scalars(select(CaseEntry.status).where(CaseEntry.region_id == 1))
        assert list(left) == ["applied", "applied"]


async def test_a_push_that_meets_a_decision_at_the_desk_is_judged_after_it(scene: Scene) -> None:
    """I4. Naive: without the device's lock the command joins a case that is closed already."""
    id_, case_id = await late_work(scene)
    await trial.change(scene.database, id_, technician_id=id_of("alice"))
    scene.phone.capture("trial.finish", trial_id=id_)
    async with scene.database.transaction() as session:
        await stage.under_way(
            session, scene.world.dora, "desk.accept", case_id=case_id, reason="was there"
        )
        pushing = await stage.meet(scene.database, scene.phone.push())
    assert statuses(await pushing) == ["applied"]
    assert await trial.state_of(scene.database, id_) == "finished"


async def test_two_dispatchers_who_decide_about_one_case_at_once_decide_it_once(
    scene: Scene,
) -> None:
    """I2. Naive: without locking the case the second runs its commands again."""
    _, case_id = await late_work(scene)
    name, database = "desk.discard", scene.database
    async with database.transaction() as session:
        await stage.under_way(session, scene.world.dora, name, case_id=case_id, reason="not so")
        second = await stage.meet(
            database,
            run(database, scene.world.dora, "desk.accept", case_id=case_id, reason="was there"),
        )
    with pytest.raises(CaseClosed):
        await second
    assert await trial.count(database, "sync_case", "state = 'discarded'") == 1


# --- erasures ------------------------------------------------------------------------------


async def test_i12_an_erasure_waits_for_the_push_that_puts_words_about_the_person_to_the_desk(
    scene: Scene,
) -> None:
    """I12. Naive: neither sees the other before COMMIT, and the words stay at the desk."""
    day, customer_id = await make_person(scene.database, scene.world)
    stranger = await scene.another(scene.world.bob)
    stranger.capture("note.add", visit_id=str(day.visit_id), text=WORDS)
    pushing = await stage.hold(points.PUSH_WRITTEN, stranger.push())
    erasing = await stage.meet(scene.database, erase(scene.database, scene.world, customer_id))
    assert statuses(await pushing.goes_on()) == ["rejected"]
    await erasing
    assert await traces(scene.database) == []


async def test_i12_a_push_about_the_person_waits_for_the_erasure_under_way(scene: Scene) -> None:
    """I12. Naive: the push looks for erasures before this one has committed."""
    day, customer_id = await make_person(scene.database, scene.world)
    stranger = await scene.another(scene.world.bob)
    stranger.capture("note.add", visit_id=str(day.visit_id), text=WORDS)
    async with scene.database.transaction() as session:
        await stage.under_way(
            session, scene.world.ada, "customer.erase", customer_id=str(customer_id),
            ground="customer_request",
        )  # fmt: skip
        pushing = await stage.meet(scene.database, stranger.push())
    assert statuses(await pushing) == ["rejected"]
    assert await traces(scene.database) == []


# --- revoked and locked devices ------------------------------------------------------------


async def test_a_push_that_meets_its_device_being_revoked_applies_nothing(scene: Scene) -> None:
    """I13. Naive: without the device's lock the push goes by the state it read before."""
    phone = scene.phone
    id_ = await trial.make(scene.database)
    phone.capture("trial.begin", trial_id=id_)
    async with scene.database.transaction() as session:
        await stage.under_way(
            session, scene.world.dora, "device.revoke", device_id=phone.id, reason="lost"
        )
        pushing = await stage.meet(scene.database, phone.push())
    assert [r["code"] for r in await pushing] == ["device_revoked"]
    assert await trial.state_of(scene.database, id_) == "open"


async def test_a_device_is_revoked_after_the_push_that_was_under_way(scene: Scene) -> None:
    """I1. Naive: without the device's lock the revocation is overwritten or fails."""
    phone, database = scene.phone, scene.database
    id_ = await trial.make(database)
    phone.capture("trial.begin", trial_id=id_)
    pushing = await stage.hold(points.PUSH_WRITTEN, phone.push())
    revoking = await stage.meet(
        database,
        run(database, scene.world.dora, "device.revoke", device_id=phone.id, reason="lost"),
    )
    assert statuses(await pushing.goes_on()) == ["applied"]
    await revoking
    assert await trial.count(database, "sync_device", "state = 'revoked' and last_seq = 1") == 1


@pytest.mark.parametrize("verb", ["revoke", "lock"])
async def test_a_pull_that_meets_its_device_being_taken_away_sends_nothing(
    scene: Scene, verb: str
) -> None:
    """I13, I6. Naive: a pull that does not lock the device sends what it may not see any more."""
    phone, database = scene.phone, scene.database
    await trial.make(database)
    pulling = await stage.hold(points.PULL_READ, phone.pull_once())
    await run(database, scene.world.dora, f"device.{verb}", device_id=phone.id, reason="lost")
    answer = await pulling.goes_on()
    assert "puts" not in answer
    assert phone.rows("trial") == []
