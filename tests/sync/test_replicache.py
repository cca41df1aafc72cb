"""Replicache's contract, version 1, exactly (SYNC section 9).

The real client is driven in tests/clients.
"""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx
import pytest
from sqlalchemy import select

from api.app import create_app
from fieldops.kernel import clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.ledger import LedgerEntry
from fieldops.kernel.settings import Settings
from fieldops.sync import positions, queries
from fieldops.sync.admission import AGAIN_SECONDS, Admission
from fieldops.sync.models import CaseEntry, Device
from fieldops.sync.replicache.groups import GROUPS
from fieldops.sync.rules import MOST_COMMANDS
from tests.support.clients import application, bearer
from tests.support.world import World, build_world, id_of
from tests.sync import trial
from tests.sync.test_erasures import NAME, erase, make_person
from tests.sync.test_pull import statements

pytestmark = pytest.mark.anyio

OPEN = "acknowledged_at is null"


class Group:
    """A Replicache client group as the wire shows it."""

    def __init__(self, client: httpx.AsyncClient, settings: Settings, actor: Actor) -> None:
        self.client, self.headers = client, bearer(settings, actor)
        self.name = str(uuid4())
        self.cookie: Any = None
        self.rows: dict[str, Any] = {}
        self.last: dict[str, int] = {}

    @property
    def device_id(self) -> UUID:
        return uuid5(GROUPS, f"1/{self.name}")

    async def post(self, what: str, body: dict[str, Any]) -> httpx.Response:
        url = f"/v1/sync/replicache/{what}"
        return await self.client.post(url, json=body, headers=self.headers)

    async def push(self, *mutations: dict[str, Any], **changed: Any) -> httpx.Response:
        body = {
            "pushVersion": 1,
            "clientGroupID": self.name,
            "profileID": "p1",
            "schemaVersion": "",
            "mutations": list(mutations),
        }
        return await self.post("push", body | changed)

    async def pull(self, **changed: Any) -> dict[str, Any]:
        """Pull and apply as the client does; what it would refuse fails here."""
        body = {
            "pullVersion": 1,
            "clientGroupID": self.name,
            "profileID": "p1",
            "schemaVersion": "",
            "cookie": self.cookie,
        }
        response = await self.post("pull", body | changed)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        if "error" not in answer:
            self._apply(answer)
        return answer

    def _apply(self, answer: dict[str, Any]) -> None:
        if answer["cookie"] == self.cookie:
            assert (answer["patch"], answer["lastMutationIDChanges"]) == ([], {})
            return
        if isinstance(self.cookie, dict):
            assert answer["cookie"]["order"] > self.cookie["order"]
        for step in answer["patch"]:
            if step["op"] == "clear":
                self.rows.clear()
            elif step["op"] == "del":
                self.rows.pop(step["key"], None)
            else:
                self.rows[step["key"]] = step["value"]
        for client_id, last in answer["lastMutationIDChanges"].items():
            assert last >= self.last.get(client_id, 0)
            self.last[client_id] = last
        self.cookie = answer["cookie"]


def mutation(id_: int, name: str, client: str = "c1", **args: Any) -> dict[str, Any]:
    plain = {key: str(value) for key, value in args.items()}
    return {"clientID": client, "id": id_, "name": name, "args": plain, "timestamp": 12.5}


@pytest.fixture
def group(
    faults: trial.Faults, client: httpx.AsyncClient, settings: Settings, world: World
) -> Group:
    """Alice's client group, with the trial trade registered."""
    return Group(client, settings, world.alice)


async def test_the_first_pull_clears_and_brings_the_whole_view(
    group: Group, database: Database
) -> None:
    id_ = await trial.make(database)
    answer = await group.pull()
    assert answer["patch"][0] == {"op": "clear"}
    assert group.rows[f"trial/{id_}"] == {
        "id": str(id_),
        "version": 1,
        "state": "open",
        "text": None,
    }
    assert answer["lastMutationIDChanges"] == {}
    assert set(answer["cookie"]) == {"order", "cvrID"}


async def test_without_news_the_cookie_stays_and_the_patch_is_empty(
    group: Group, database: Database
) -> None:
    await trial.make(database)
    first = await group.pull()
    assert await group.pull() == {
        "cookie": first["cookie"],
        "lastMutationIDChanges": {},
        "patch": [],
    }


async def test_a_pull_without_news_is_small_and_asks_the_database_little(
    group: Group, database: Database
) -> None:
    """I10: who asks, and the one statement of the fast path in its snapshot."""
    await trial.make(database)
    await group.pull()
    with statements(database) as seen:
        answer = await group.pull()
    assert len(json.dumps(answer)) < 300
    assert len(seen) <= 3, seen


async def test_a_mutation_takes_effect_and_the_patch_that_shows_it_says_so(
    group: Group, database: Database
) -> None:
    id_ = await trial.make(database)
    await group.pull()
    answer = await group.push(mutation(1, "trial.begin", trial_id=id_))
    assert (answer.status_code, answer.json()) == (200, {})
    pulled = await group.pull()
    assert pulled["lastMutationIDChanges"] == {"c1": 1}
    assert [step["op"] for step in pulled["patch"]] == ["put"]
    assert group.rows[f"trial/{id_}"]["state"] == "begun"


async def test_a_repeated_mutation_is_passed_over(group: Group, database: Database) -> None:
    """I2."""
    id_ = await trial.make(database)
    remark = mutation(1, "trial.remark", trial_id=id_, text="once")
    for _ in range(2):
        assert (await group.push(remark)).status_code == 200
    assert await trial.remarks_of(database) == ["once"]


async def test_a_refused_mutation_advances_its_id_and_comes_back_as_a_case(
    group: Group, database: Database
) -> None:
    """I4."""
    id_ = await trial.make(database)
    await group.push(
        mutation(1, "trial.finish", trial_id=id_),
        mutation(2, "trial.remark", trial_id=id_, text="on"),
    )
    pulled = await group.pull()
    assert pulled["lastMutationIDChanges"] == {"c1": 2}
    cases = [row for key, row in group.rows.items() if key.startswith("case/")]
    assert [(case["status"], case["code"]) for case in cases] == [("rejected", "trial_not_open")]
    refused = uuid5(group.device_id, "c1/1")
    assert cases[0]["commands"][0]["id"] == str(refused), "how the app finds the mutation"
    assert await trial.remarks_of(database) == ["on"]


async def test_a_mutation_of_no_known_form_is_kept_as_a_case_and_blocks_nothing(
    group: Group, database: Database
) -> None:
    id_ = await trial.make(database)
    odd = [
        {"clientID": "c1", "id": 1, "name": "NotAName", "args": {}, "timestamp": 1},
        {"clientID": "c1", "id": 2, "name": "trial.begin", "args": [1], "timestamp": 1},
        {
            "clientID": "c1",
            "id": 3,
            "name": "trial.begin",
            "timestamp": 1,
            "args": {"args": {"trial_id": str(id_)}, "base": "none"},
        },
    ]
    assert (await group.push(*odd, mutation(4, "trial.begin", trial_id=id_))).status_code == 200
    await group.pull()
    assert group.last == {"c1": 4}
    codes = [row["code"] for key, row in group.rows.items() if key.startswith("case/")]
    assert codes == ["malformed_command"] * 3
    assert await trial.state_of(database, id_) == "begun"


async def test_a_gap_is_answered_500_and_nothing_is_stored(
    group: Group, database: Database
) -> None:
    id_ = await trial.make(database)
    await group.push(mutation(1, "trial.remark", trial_id=id_, text="1"))
    answer = await group.push(
        mutation(2, "trial.remark", trial_id=id_, text="2"),
        mutation(4, "trial.remark", trial_id=id_, text="4"),
    )
    assert (answer.status_code, answer.json()["code"]) == (500, "mutation_gap")
    assert await trial.remarks_of(database) == ["1"]
    await group.pull()
    assert group.last == {"c1": 1}


async def test_each_client_of_a_group_counts_for_itself_in_one_order(
    group: Group, database: Database
) -> None:
    """I3: the group is one device."""
    id_ = await trial.make(database)
    await group.push(
        mutation(1, "trial.remark", "c1", trial_id=id_, text="a1"),
        mutation(1, "trial.remark", "c2", trial_id=id_, text="b1"),
        mutation(2, "trial.remark", "c1", trial_id=id_, text="a2"),
    )
    pulled = await group.pull()
    assert pulled["lastMutationIDChanges"] == {"c1": 2, "c2": 1}
    await group.push(mutation(2, "trial.remark", "c2", trial_id=id_, text="b2"))
    pulled = await group.pull()
    assert pulled["lastMutationIDChanges"] == {"c2": 2}, "only what changed"
    async with database.transaction() as session:
        entries = await session.execute(
            select(LedgerEntry.seq, LedgerEntry.id)
            .where(LedgerEntry.region_id == 1, LedgerEntry.device_id == group.device_id)
            .order_by(LedgerEntry.seq)
        )
    expected = [uuid5(group.device_id, name) for name in ("c1/1", "c2/1", "c1/2", "c2/2")]
    assert [tuple(entry) for entry in entries] == list(enumerate(expected, start=1))


@pytest.mark.parametrize(
    "cookie",
    [
        {"order": 7, "cvrID": "made-up.3"},
        {"order": 7, "cvrID": ""},
        {"order": 7, "cvrID": "wiped.0"},
        {"order": 7},
        "text",
        12,
    ],
)
async def test_an_unknown_cookie_is_answered_with_clear_and_everything(
    group: Group, database: Database, cookie: Any
) -> None:
    id_ = await trial.make(database)
    await group.push(mutation(1, "trial.begin", trial_id=id_))
    await group.pull()
    group.rows["trial/of-another-world"] = {}
    answer = await group.pull(cookie=cookie)
    assert answer["patch"][0] == {"op": "clear"}
    assert answer["lastMutationIDChanges"] == {"c1": 1}
    assert list(group.rows) == [f"trial/{id_}"]


async def test_a_lost_answer_is_sent_again_and_an_older_cookie_starts_anew(
    group: Group, database: Database
) -> None:
    """I5: the view record is the two-phase one of every device."""
    await trial.make(database)
    await group.pull()
    held_cookie, held_rows = group.cookie, dict(group.rows)
    await trial.make(database)
    lost = await group.pull()
    group.cookie, group.rows = held_cookie, held_rows
    again = await group.pull()
    assert again["patch"] == lost["patch"], "the page that was lost"
    await group.pull()
    await trial.make(database)
    await group.pull()
    group.cookie = held_cookie
    anew = await group.pull()
    assert anew["patch"][0] == {"op": "clear"}
    assert len(group.rows) == 3


async def test_a_group_that_is_not_known_with_a_cookie_has_lost_its_state(group: Group) -> None:
    answer = await group.pull(cookie={"order": 7, "cvrID": "x.1"})
    assert answer == {"error": "ClientStateNotFound"}
    pushed = await group.push(mutation(5, "trial.begin", trial_id=uuid4()))
    assert (pushed.status_code, pushed.json()) == (200, {"error": "ClientStateNotFound"})


@pytest.mark.parametrize("version", [0, 2, "1", True])
async def test_other_versions_of_the_contract_are_not_supported(group: Group, version: Any) -> None:
    pushed = await group.post("push", {"pushVersion": version, "clientID": "c", "mutations": []})
    pulled = await group.post("pull", {"pullVersion": version, "clientID": "c", "cookie": None})
    assert (pushed.status_code, pulled.status_code) == (200, 200)
    assert pushed.json() == {"error": "VersionNotSupported", "versionType": "push"}
    assert pulled.json() == {"error": "VersionNotSupported", "versionType": "pull"}


async def test_a_schema_that_is_no_number_is_not_supported(group: Group) -> None:
    expected = {"error": "VersionNotSupported", "versionType": "schema"}
    assert (await group.push(schemaVersion="pear")).json() == expected
    assert await group.pull(schemaVersion="pear") == expected
    assert "patch" in await group.pull(schemaVersion="2")


async def test_a_group_of_another_user_is_not_there(
    group: Group, client: httpx.AsyncClient, settings: Settings, world: World, database: Database
) -> None:
    """I6."""
    id_ = await trial.make(database)
    await group.pull()
    thief = Group(client, settings, world.bob)
    thief.name = group.name
    pushed = await thief.push(mutation(1, "trial.begin", trial_id=id_))
    pulled = await thief.post(
        "pull", {"pullVersion": 1, "clientGroupID": group.name, "cookie": group.cookie}
    )
    assert (pushed.status_code, pulled.status_code) == (404, 404)
    assert await trial.state_of(database, id_) == "open"


async def test_a_queue_longer_than_a_push_is_taken_whole(group: Group, database: Database) -> None:
    id_ = await trial.make(database)
    many = 2 * MOST_COMMANDS + 3
    queue = [mutation(n, "trial.remark", trial_id=id_, text=n) for n in range(1, many + 1)]
    assert (await group.push(*queue)).status_code == 200
    await group.pull()
    assert group.last == {"c1": many}
    assert sorted(map(int, await trial.remarks_of(database))) == list(range(1, many + 1))


async def test_a_fault_of_ours_is_answered_503_and_what_came_before_stands(
    group: Group, database: Database, faults: trial.Faults
) -> None:
    id_ = await trial.make(database)
    faults.raise_on_begin = RuntimeError("our fault")
    queue = [
        mutation(1, "trial.remark", trial_id=id_, text="before"),
        mutation(2, "trial.begin", trial_id=id_),
        mutation(3, "trial.remark", trial_id=id_, text="after"),
    ]
    for _ in range(4):
        answer = await group.push(*queue)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
    await group.pull()
    assert group.last == {"c1": 1}
    assert (await group.push(*queue)).status_code == 200, "poison, after five tries"
    await group.pull()
    assert group.last == {"c1": 3}
    assert await trial.remarks_of(database) == ["before", "after"]


async def test_wrapped_args_carry_base_dependencies_and_capture(
    group: Group, database: Database
) -> None:
    id_ = await trial.make(database)
    captured_at = clock.now()
    wall = captured_at.isoformat()
    await group.pull()
    first = mutation(1, "trial.finish", trial_id=id_)  # refused: it was not begun
    second = {
        "clientID": "c1",
        "id": 2,
        "name": "trial.remark",
        "timestamp": 3,
        "args": {
            "args": {"trial_id": str(id_), "text": "waits"},
            "base": [{"ref": {"type": "trial", "id": str(id_)}, "version": 1}],
            "depends_on": [1],
            "captured": {"wall": wall, "mono_ms": 5, "boot_id": "b", "tz": "Europe/Helsinki"},
        },
    }
    await group.push(first, second)
    await group.pull()
    (case,) = (row for key, row in group.rows.items() if key.startswith("case/"))
    assert [(c["name"], c["code"]) for c in case["commands"]] == [
        ("trial.finish", "trial_not_open"),
        ("trial.remark", "blocked_by"),
    ]
    async with database.transaction() as session:
        entries = (
            await session.scalars(
                select(CaseEntry).where(CaseEntry.region_id == 1).order_by(CaseEntry.seq)
            )
        ).all()
    assert [entry.confidence for entry in entries] == ["low", "medium"]
    assert entries[1].estimated_at == captured_at


async def test_a_revoked_group_hands_in_is_cleared_and_gets_nothing(
    group: Group, database: Database
) -> None:
    """I13."""
    id_ = await trial.make(database)
    await group.pull()
    async with database.transaction() as session:
        await queries.write_device(session, 1, group.device_id, state="revoked")
    await group.push(mutation(1, "trial.begin", trial_id=id_))
    answer = await group.pull()
    assert answer["patch"] == [{"op": "clear"}]
    assert answer["lastMutationIDChanges"] == {"c1": 1}
    assert group.rows == {}
    before = group.cookie
    assert (await group.pull())["patch"] == []
    assert group.cookie == before
    assert await trial.state_of(database, id_) == "open", "kept for the dispatcher, not applied"


async def test_a_locked_group_waits(group: Group, database: Database) -> None:
    id_ = await trial.make(database)
    await group.pull()
    async with database.transaction() as session:
        await queries.write_device(session, 1, group.device_id, state="locked")
    pushed = await group.push(mutation(1, "trial.begin", trial_id=id_))
    assert (pushed.status_code, pushed.headers["Retry-After"]) == (503, "60")
    assert (await group.pull())["patch"] == []


async def test_after_a_restore_the_client_clears_and_a_lost_number_is_passed_over_once(
    group: Group, database: Database
) -> None:
    """What a restore lost nobody can send again: mutations that were confirmed are gone."""
    id_ = await trial.make(database)
    await group.push(mutation(1, "trial.remark", trial_id=id_, text="1"))
    await group.pull()
    async with database.transaction() as session:
        await queries.bump_epoch(session, 1, "restored to an earlier point")
    answer = await group.pull()
    assert answer["patch"][0] == {"op": "clear"}
    assert answer["lastMutationIDChanges"] == {}, "a lower number than the client's would stop it"
    # The client had 2 and 3 confirmed, which the restored data do not know.
    taken = await group.push(mutation(4, "trial.remark", trial_id=id_, text="4"))
    assert taken.status_code == 200
    gap = await group.push(mutation(6, "trial.remark", trial_id=id_, text="6"))
    assert gap.status_code == 500
    await group.pull()
    assert group.last == {"c1": 4}


async def test_after_an_erase_the_rows_lose_their_words_and_the_next_cookie_confirms_it(
    client: httpx.AsyncClient, settings: Settings, world: World, database: Database
) -> None:
    """I12, CU-07."""
    group = Group(client, settings, world.alice)
    _, customer_id = await make_person(database, world)
    await group.pull()
    assert NAME in str(group.rows)
    await erase(database, world, customer_id)
    await group.pull()
    assert NAME not in str(group.rows)
    assert any(key.startswith("visit/") for key in group.rows), "what stays is not deleted"
    assert await trial.count(database, "sync_erasure_notice", OPEN) == 1, "told, not confirmed"
    assert (await group.pull())["patch"] == []
    assert await trial.count(database, "sync_erasure_notice", OPEN) == 0
    before = group.cookie
    assert (await group.pull())["cookie"] == before


async def test_the_desk_sees_the_group_as_a_device_of_its_user(
    group: Group, database: Database
) -> None:
    await group.pull()
    async with database.transaction() as session:
        device = await session.get_one(Device, (1, group.device_id))
    assert (device.person_id, device.name, device.schema) == (id_of("alice"), "Replicache", 1)


async def test_a_crowd_waits_for_its_turn_and_is_told_when_to_come_again(
    database: Database, settings: Settings, faults: trial.Faults, world: World
) -> None:
    """Storms: groups take places like all phones, before their bodies are read."""
    id_ = await trial.make(database)
    app = create_app(settings, database)
    app.state.admission = Admission(wait=0.05)
    app.state.admission.open(1)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://fieldops") as client:
        group = Group(client, settings, world.alice)
        async with app.state.admission.admitted("a phone that is served"):
            for answer in (
                await group.push(mutation(1, "trial.begin", trial_id=id_)),
                await group.post("pull", {"never": "read"}),
            ):
                assert (answer.status_code, answer.json()["code"]) == (503, "busy")
                assert int(answer.headers["Retry-After"]) >= AGAIN_SECONDS
        assert await trial.state_of(database, id_) == "open", "nothing of it was taken"
        assert (await group.push(mutation(1, "trial.begin", trial_id=id_))).status_code == 200
        await group.pull()
    assert group.rows[f"trial/{id_}"]["state"] == "begun"


async def test_one_push_twice_at_once_takes_effect_once(
    committed: tuple[Database, Settings], faults: trial.Faults
) -> None:
    """I2, and a new group is registered once."""
    database, settings = committed
    world = await build_world(database)
    id_ = await trial.make(database)
    async with application(database, settings) as client:
        group = Group(client, settings, world.alice)
        queue = [mutation(n, "trial.remark", trial_id=id_, text=n) for n in range(1, 6)]
        answers = await asyncio.gather(*(group.push(*queue) for _ in range(3)))
        assert [a.status_code for a in answers] == [200] * 3
        assert sorted(await trial.remarks_of(database)) == list("12345")


async def test_a_pull_names_no_mutation_that_committed_after_its_snapshot(
    committed: tuple[Database, Settings], faults: trial.Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I8: numbers and patch are of one snapshot, also when a push commits in between."""
    database, settings = committed
    world = await build_world(database)
    id_ = await trial.make(database)
    read = positions.device_for_pull
    async with application(database, settings) as client:
        group = Group(client, settings, world.alice)
        await group.push(mutation(1, "trial.remark", trial_id=id_, text="1"))
        await group.pull()
        # It stands at this page, but has not learned that mutation 1 is in it.
        cursor, _, seq = group.cookie["cvrID"].rpartition(".")
        assert seq == "1"
        group.cookie, group.last = {"order": 0, "cvrID": f"{cursor}.0"}, {}

        async def interrupted(*args: Any) -> Any:
            monkeypatch.setattr(positions, "device_for_pull", read)
            found = await read(*args)
            answer = await group.push(mutation(2, "trial.begin", trial_id=id_))
            assert answer.status_code == 200
            return found

        monkeypatch.setattr(positions, "device_for_pull", interrupted)
        await group.pull()
        assert (group.last, group.rows[f"trial/{id_}"]["state"]) == ({"c1": 1}, "open")
        await group.pull()
        assert (group.last, group.rows[f"trial/{id_}"]["state"]) == ({"c1": 2}, "begun")
