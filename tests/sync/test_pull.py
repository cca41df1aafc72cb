"""Pull (SYNC section 3): the difference of two views, in two phases, within limits."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text

from fieldops.kernel import clock, views
from fieldops.kernel.db import Database
from fieldops.sync import held, pull, queries, rules
from tests.support.device import Phone, Refused
from tests.support.run import run
from tests.support.world import SOUTH, World
from tests.sync import trial
from tests.sync.conftest import MakePhone

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True, params=["followed", "looked"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Try every promise of a pull in both ways: following the log, looking at everything."""
    if request.param == "looked":
        monkeypatch.setattr(pull._Pull, "may_follow", lambda _pull: False)
    return str(request.param)


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Collect the statements sent meanwhile, but for savepoints (tests run inside one)."""
    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            seen.append(statement)

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


async def fresh(phone: Phone, **options: Any) -> Phone:
    """Return a phone with the same registration that starts from nothing."""
    other = Phone(phone.client, **options)
    other.put(**{n: phone.get(n) for n in ("device_id", "key", "token", "epoch")}, next_seq=1)
    return other


async def test_the_first_pull_gives_what_the_user_may_see_and_nothing_else(
    phone: Phone, database: Database
) -> None:
    mine = await trial.make(database)
    await trial.make(database, "bob")
    await trial.make(database, "tom", region=2)
    await phone.pull()
    assert [row["id"] for row in phone.rows("trial")] == [str(mine)]


async def test_a_pull_without_news_is_one_statement_and_about_120_bytes(
    phone: Phone, database: Database
) -> None:
    """I10; the same statement says who asks. Every five minutes a second one notes the visit."""
    await trial.make(database)
    await phone.pull()
    with statements(database) as seen:
        answer = await phone.pull_once()
    assert answer["unchanged"] is True
    assert answer["cursor"] == phone.get("cursor")
    assert len(seen) == 1, seen
    assert len(json.dumps(answer, separators=(",", ":"))) <= 160
    with clock.frozen(clock.now() + rules.SEEN_EVERY), statements(database) as seen:
        await phone.pull_once()
    assert len(seen) == 2


async def test_a_change_arrives_as_one_put_and_a_removal_as_one_del(
    phone: Phone, database: Database
) -> None:
    one, two = await trial.make(database), await trial.make(database)
    await phone.pull()
    await trial.change(database, one, reason="new")
    await trial.remove(database, two)
    answer = await phone.pull_once()
    assert [row["id"] for row in answer["puts"]["trial"]] == [str(one)]
    assert answer["dels"] == [{"type": "trial", "id": str(two)}]
    assert (await phone.pull_once())["unchanged"] is True
    row = phone.row("trial", one)
    assert row is not None
    assert (row["text"], row["version"]) == ("new", 2)
    assert phone.row("trial", two) is None


async def test_incremental_pulls_end_at_the_same_view_as_a_full_one(
    phone: Phone, database: Database
) -> None:
    """I5, after many small changes."""
    ids: list[UUID] = []
    for n in range(12):
        ids.append(await trial.make(database))
        if n % 3 == 0:
            await trial.change(database, ids[n // 2], reason=f"change {n}")
        if n % 4 == 3:
            await trial.remove(database, ids.pop(0))
        if n % 5 == 4:
            await trial.change(database, ids[0], technician_id=trial.id_of("bob"))
        phone.capture("trial.remark", trial_id=ids[-1], text=str(n))
        await phone.sync()
    other = await fresh(phone)
    await other.pull()
    assert other.everything() == phone.everything()
    assert phone.hash_differed == 0


async def test_a_change_of_another_centres_row_wakes_the_device_that_holds_it(
    phone: Phone, database: Database
) -> None:
    """Alice of North works on a trial of South: South's counter is part of her key."""
    id_ = await trial.make(database, centre=SOUTH)
    await trial.make(database)  # North's counter moves, as an assignment's would
    await phone.pull()
    await trial.change(database, id_, reason="changed in South")
    await phone.pull()
    row = phone.row("trial", id_)
    assert row is not None
    assert row["text"] == "changed in South"


async def test_news_that_do_not_concern_the_device_are_answered_unchanged_once_looked_at(
    phone: Phone, database: Database
) -> None:
    await trial.make(database)
    await phone.pull()
    cursor = phone.get("cursor")
    await trial.make(database, "bob")
    answer = await phone.pull_once()
    assert (answer["unchanged"], answer["cursor"]) == (True, cursor)
    with statements(database) as seen:
        await phone.pull_once()
    assert len([s for s in seen if "sync_" in s]) == 1


# --- two phases ----------------------------------------------------------------------------


async def lost_pull(phone: Phone) -> dict[str, Any]:
    """Ask for a page whose answer never arrives."""
    request = phone.pull_request(phone.get("cursor"))
    answer: dict[str, Any] = await phone.send("/v1/sync/pull", request)
    return answer


async def test_a_lost_page_is_sent_again_puts_and_dels(phone: Phone, database: Database) -> None:
    one, two = await trial.make(database), await trial.make(database)
    await phone.pull()
    await trial.change(database, one, reason="new")
    await trial.remove(database, two)
    three = await trial.make(database)
    first = await lost_pull(phone)
    again = await phone.pull_once()
    assert (again["puts"], again["dels"], again["reset"]) == (first["puts"], first["dels"], False)
    await phone.pull()
    assert {row["id"] for row in phone.rows("trial")} == {str(one), str(three)}
    assert phone.hash_differed == 0


async def test_a_row_that_came_back_after_a_lost_del_is_held_once(
    phone: Phone, database: Database
) -> None:
    id_ = await trial.make(database)
    await phone.pull()
    await trial.change(database, id_, technician_id=trial.id_of("bob"))
    await lost_pull(phone)
    await trial.change(database, id_, technician_id=trial.id_of("alice"))
    await lost_pull(phone)
    await phone.pull()
    assert [row["version"] for row in phone.rows("trial")] == [3]
    assert phone.hash_differed == 0


async def test_the_record_keeps_removed_rows_until_the_device_confirms(
    phone: Phone, database: Database
) -> None:
    id_ = await trial.make(database)
    await phone.pull()
    await trial.remove(database, id_)
    await lost_pull(phone)
    assert await trial.count(database, "sync_held_row", "removed_gen is not null") == 1
    await phone.pull()
    await trial.make(database)
    await trial.look_anew(database)
    await phone.pull()
    assert await trial.count(database, "sync_held_row", "removed_gen is not null") == 0


async def test_a_late_page_of_an_earlier_try_does_not_confuse_the_record(
    phone: Phone, database: Database
) -> None:
    """The answer to the first of two equal requests arrives last: generations are never reused."""
    await trial.make(database)
    await phone.pull()
    cursor = phone.get("cursor")
    id_ = await trial.make(database)
    late = await lost_pull(phone)
    await trial.change(database, id_, reason="changed between the two tries")
    await lost_pull(phone)
    assert phone.apply(late, cursor)
    await phone.pull()
    row = phone.row("trial", id_)
    assert row is not None
    assert row["text"] == "changed between the two tries"
    assert phone.hash_differed == 0


async def test_a_lost_first_page_and_a_lost_reset_are_no_trouble(
    phone: Phone, database: Database
) -> None:
    await trial.make(database)
    await lost_pull(phone)
    phone.put(cursor="nonsense")
    await lost_pull(phone)
    await phone.pull()
    assert len(phone.rows("trial")) == 1
    assert phone.hash_differed == 0


# --- cursors -------------------------------------------------------------------------------


async def test_a_cursor_older_than_the_confirmed_one_resets(
    phone: Phone, database: Database
) -> None:
    await trial.make(database)
    await phone.pull()
    old = phone.get("cursor")
    for _ in range(3):
        await trial.make(database)
        await phone.pull()
    phone.put(cursor=old)
    assert (await phone.pull_once())["reset"] is True
    await phone.pull()
    assert len(phone.rows("trial")) == 4


async def test_a_forged_cursor_resets(phone: Phone, database: Database) -> None:
    """Bad signature: the generation inside is not believed."""
    await trial.make(database)
    await phone.pull()
    cursor = phone.get("cursor")
    for forged in (
        cursor[:-1] + ("A" if cursor[-1] != "A" else "B"),
        cursor[:16],
        cursor[:16] + "A" * 16,
        "",
        "ä",
        "=" * 32,
    ):
        phone.put(cursor=forged)
        assert (await lost_pull(phone))["reset"] is True, forged


async def test_the_cursor_of_another_device_or_user_resets(
    phone: Phone, database: Database, world: World, new_phone: MakePhone
) -> None:
    await trial.make(database)
    await phone.pull()
    second, bobs = await new_phone(world.alice), await new_phone(world.bob)
    for other in (second, bobs):
        await other.pull()
        other.put(cursor=phone.get("cursor"))
        assert (await other.pull_once())["reset"] is True


async def test_another_schema_or_epoch_resets(phone: Phone, database: Database) -> None:
    await trial.make(database)
    await phone.pull()
    phone.app["schema"] = 2
    assert (await phone.pull_once())["reset"] is True
    assert (await phone.pull_once())["unchanged"] is True
    async with database.transaction() as session:
        session.add(trial_epoch())
    answer = await phone.pull_once()
    assert (answer["reset"], answer["epoch"]) == (True, 2)
    await phone.pull()
    assert len(phone.rows("trial")) == 1


def trial_epoch() -> Any:
    from fieldops.sync.models import Epoch  # noqa: PLC0415 - only this test has an epoch

    return Epoch(region_id=1, epoch=2, reason="a restore")


async def test_a_reset_keeps_the_outbox(phone: Phone, database: Database) -> None:
    id_ = await trial.make(database)
    await phone.pull()
    phone.capture("trial.remark", trial_id=id_, text="queued")
    phone.put(cursor="nonsense")
    await phone.pull()
    assert phone.queued() == 1
    await phone.push()
    assert await trial.remarks_of(database) == ["queued"]


async def test_a_device_whose_view_differs_notices_and_starts_anew(
    phone: Phone, database: Database
) -> None:
    one = await trial.make(database)
    await phone.pull()
    phone.db.execute("delete from row where id = ?", [str(one)])
    await trial.make(database)
    await phone.pull()
    assert len(phone.rows("trial")) == 2
    assert phone.hash_differed == 1
    assert await trial.count(database, "sync_device", "hash_differences = 1") == 1


def test_the_hash_of_the_rules_is_the_documented_one() -> None:
    row = ("visit", UUID(int=1), 7)
    assert rules.view_hash([row]) == f"{rules.row_hash(*row):016x}"
    assert rules.view_hash([row, row]) == "0" * 16


# --- pages ---------------------------------------------------------------------------------


async def test_pages_keep_to_the_limit_of_rows(
    phone: Phone, database: Database, world: World
) -> None:
    for n in range(7):
        await trial.make(database, note=str(n))
    phone.limit["rows"] = 3
    sizes, answers = [], []
    while True:
        answer = await phone.pull_once()
        sizes.append(sum(len(rows) for rows in answer["puts"].values()))
        answers.append(answer)
        if not answer["more"]:
            break
    assert sizes == [3, 3, 1]
    assert [a.get("view") is not None for a in answers] == [False, False, True]
    assert phone.agrees_with(answers[-1]["view"])


async def test_pages_keep_to_the_limit_of_bytes_with_one_row_at_least(
    phone: Phone, database: Database
) -> None:
    for _ in range(4):
        await trial.make(database, note="x" * 700)
    phone.limit["bytes"] = 1024
    sizes = []
    while True:
        answer = await phone.pull_once()
        sizes.append(len(answer["puts"]["trial"]))
        if not answer["more"]:
            break
    assert sizes == [1, 1, 1, 1]


async def test_dels_come_before_puts_children_go_first_and_parents_come_first(
    phone: Phone, database: Database
) -> None:
    """I9: no child without its parent, on any page, also where ids have another order."""
    old, neighbour = await trial.make(database), await trial.make(database)
    phone.capture("trial.remark", trial_id=old, text="a child")
    await phone.sync()
    remark = UUID(phone.rows("trial_remark")[0]["id"])
    for id_ in (old, neighbour, remark):
        await trial.remove(database, id_)
    new = await trial.make(database)
    phone.capture("trial.remark", trial_id=new, text="another child")
    await phone.push()
    phone.limit["rows"] = 1
    steps = []
    while True:
        answer = await phone.pull_once()
        steps += [("del", gone["type"]) for gone in answer["dels"]]
        steps += [("put", type_) for type_ in answer["puts"]]
        if not answer["more"]:
            break
    assert steps == [
        ("del", "trial_remark"),
        ("del", "trial"),
        ("del", "trial"),
        ("put", "trial"),
        ("put", "trial_remark"),
    ]


@pytest.mark.parametrize("from_nothing", [True, False])
async def test_parents_come_before_children_of_the_same_tier(
    phone: Phone, database: Database, monkeypatch: pytest.MonkeyPatch, *, from_nothing: bool
) -> None:
    """I9, where only the rank tells parent and child apart."""
    today = replace(views.REGISTRY["trial_remark"], build=partial(trial.remarks, tier=views.TODAY))
    monkeypatch.setitem(views.REGISTRY, "trial_remark", today)
    if not from_nothing:
        await phone.pull()
    phone.capture("trial.remark", trial_id=await trial.make(database), text="a child")
    await phone.push()
    phone.limit["rows"] = 1
    answers = [await phone.pull_once(), await phone.pull_once()]
    assert [list(answer["puts"]) for answer in answers] == [["trial"], ["trial_remark"]]


async def test_a_row_taken_away_between_two_pages_is_not_sent(
    phone: Phone, database: Database
) -> None:
    """I6: permission is checked as each page is read."""
    ids = [await trial.make(database) for _ in range(4)]
    phone.limit["rows"] = 2
    await phone.pull_once()
    for id_ in ids:
        await trial.change(database, id_, technician_id=trial.id_of("bob"))
    sent = []
    while True:
        answer = await phone.pull_once()
        sent += answer["puts"].get("trial", [])
        if not answer["more"]:
            break
    assert sent == []
    assert phone.rows("trial") == []


async def test_a_row_taken_away_while_a_page_is_made_is_not_sent(
    phone: Phone, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I6, even without the snapshot (tests run in one transaction): bodies carry the predicate."""
    await phone.pull()
    id_ = await trial.make(database)
    kept = await trial.make(database)
    await trial.look_anew(database)
    real = held.bodies

    async def late(line: Any, *rest: Any) -> Any:
        monkeypatch.setattr(held, "bodies", real)
        await trial.change(database, id_, technician_id=trial.id_of("bob"))
        return await real(line, *rest)

    monkeypatch.setattr(held, "bodies", late)
    answer = await phone.pull_once()
    assert [row["id"] for row in answer["puts"]["trial"]] == [str(kept)]


async def test_too_large_a_view_is_refused_and_a_large_one_warned_of(
    phone: Phone, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        await trial.make(database)
    monkeypatch.setattr(rules, "VIEW_WARNING_ROWS", 3)
    answer = await phone.pull_once()
    assert answer["warning"] == "view_large"
    monkeypatch.setattr(rules, "VIEW_MOST_ROWS", 4)
    await trial.make(database)
    with pytest.raises(Refused) as refused:
        await phone.pull_once()
    assert refused.value.problem["code"] == "view_too_large"


# --- time and permission -------------------------------------------------------------------


async def test_a_row_leaves_by_time_alone_when_its_moment_comes(
    phone: Phone, database: Database
) -> None:
    """CU-05: what has an `until` leaves the device then, though nothing was written."""
    id_ = await trial.make(database, ends_at=clock.now() + timedelta(hours=1))
    await phone.pull()
    with clock.frozen(clock.now() + timedelta(minutes=59)):
        assert (await phone.pull_once())["unchanged"] is True
    with clock.frozen(clock.now() + timedelta(minutes=60)):
        answer = await phone.pull_once()
    assert answer["dels"] == [{"type": "trial", "id": str(id_)}]
    assert phone.rows("trial") == []


@pytest.mark.parametrize("hours", [6, 16], ids=["six hours", "the next local day"])
async def test_a_full_look_is_taken_after_six_hours_and_at_local_midnight(
    phone: Phone, database: Database, hours: int, world: World
) -> None:
    """SYNC section 3: it finds what was changed by hand without a counter."""
    id_ = await trial.make(database)
    evening = clock.now() + timedelta(hours=hours - 6, minutes=10 if hours == 16 else 0)
    with clock.frozen(evening):
        await phone.pull()
        async with database.transaction() as session:
            await session.execute(
                text(
                    "update organisation_leave set technician_id = :bob"
                    " where organisation_leave.region_id = 1 and id = :id"
                ),
                {"bob": world.bob.id, "id": id_},
            )
        assert (await phone.pull_once())["unchanged"] is True
    with clock.frozen(clock.now() + timedelta(hours=hours)):
        await phone.pull()
    assert phone.rows("trial") == []


async def test_a_lost_role_empties_the_view(phone: Phone, database: Database, world: World) -> None:
    """SYNC section 1: a lost permission is rows that left the view."""
    await trial.make(database)
    await phone.pull()
    async with database.transaction() as session:
        await session.execute(
            text("delete from organisation_grant where person_id = :id"), {"id": world.alice.id}
        )
    await phone.pull()
    assert phone.everything() == {}


async def test_children_leave_before_their_parents_when_everything_leaves(
    phone: Phone, database: Database, world: World
) -> None:
    """I9: a lost role takes all rows away; no page of it may leave a child alone."""
    id_ = await trial.make(database)
    phone.capture("trial.remark", trial_id=id_, text="a child")
    await phone.sync()
    async with database.transaction() as session:
        await session.execute(
            text("delete from organisation_grant where person_id = :id"), {"id": world.alice.id}
        )
    phone.limit["rows"] = 1
    assert (await phone.pull_once())["dels"][0]["type"] == "trial_remark"
    assert (await phone.pull_once())["dels"][0]["type"] == "trial"


async def test_a_revoked_device_gets_nothing_hands_in_its_queue_and_wipes_itself(
    phone: Phone, database: Database, world: World
) -> None:
    """I13, SYNC section 6: the queue goes to quarantine as one case, stored and not applied."""
    id_ = await trial.make(database)
    await phone.pull()
    phone.capture("trial.begin", trial_id=id_)
    phone.capture("trial.remark", trial_id=id_, text="seen")
    await run(database, world.dora, "device.revoke", device_id=phone.id, reason="lost phone")
    answer = await phone.pull_once()
    assert "puts" not in answer
    assert (answer["wipe"], answer["device"]["state"]) == (True, "revoked")
    assert phone.everything() == {}
    assert phone.queued() == 2
    results = await phone.push()
    assert [(r["status"], r["code"]) for r in results] == [("held", "device_revoked")] * 2
    assert results[0]["case_id"] == results[1]["case_id"]
    assert await trial.state_of(database, id_) == "open"
    assert await trial.remarks_of(database) == []
    assert await trial.count(database, "sync_device", "wiped_at is not null") == 1
    assert await trial.count(database, "sync_held_row") == 0


async def test_a_locked_device_waits_and_goes_on_when_unlocked(
    phone: Phone, database: Database, world: World
) -> None:
    id_ = await trial.make(database)
    await phone.pull()
    phone.capture("trial.begin", trial_id=id_)
    await run(database, world.dora, "device.lock", device_id=phone.id, reason="left in a van")
    await trial.make(database)
    answer = await phone.pull_once()
    assert (answer["unchanged"], answer["device"]["state"]) == (True, "locked")
    assert await phone.push() == []
    await run(database, world.dora, "device.unlock", device_id=phone.id, reason="found")
    await phone.sync()
    assert await trial.state_of(database, id_) == "begun"
    assert len(phone.rows("trial")) == 2


async def test_a_new_epoch_in_a_locked_devices_answer_is_taken_too(
    phone: Phone, database: Database, world: World
) -> None:
    """SYNC 4: the restore lost the last command; the unchanged answer says so already."""
    id_ = await trial.make(database)
    await phone.pull()
    phone.capture("trial.begin", trial_id=id_)
    await phone.sync()
    lost = phone.capture("trial.remark", trial_id=id_, text="lost with the restore")
    async with database.transaction() as session:  # answered before, unknown to what was restored
        await queries.bump_epoch(session, 1, "restored")
    phone.db.execute("update outbox set status = 'applied' where id = ?", [str(lost)])
    await run(database, world.dora, "device.lock", device_id=phone.id, reason="left in a van")
    epoch = phone.get("epoch")
    answer = await phone.pull_once()
    assert (answer["unchanged"], answer["epoch"]) == (True, epoch + 1)
    assert (phone.get("epoch"), phone.get("cursor")) == (epoch + 1, None)
    assert phone.queued() == 2  # all that it has kept goes out again, not the lost one alone
    await run(database, world.dora, "device.unlock", device_id=phone.id, reason="found")
    await phone.sync()
    assert (phone.queued(), phone.hash_differed) == (0, 0)
    assert phone.result(lost)["status"] == "applied"  # type: ignore[index]
