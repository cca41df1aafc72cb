"""The table of SYNC section 2 through HTTP: every row, decision and fact, with real visits.

Alice's phone holds a visit and is offline; the office changes the visit meanwhile; the phone
comes back and hands in what was captured. tests/modules/test_visits_judging.py tries the same
rules command by command.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from tests.support.clients import bearer
from tests.support.device import Phone
from tests.support.factories.appointments import book, local, window
from tests.support.factories.orders import make_order
from tests.support.world import World
from tests.sync.conftest import MakePhone

pytestmark = pytest.mark.anyio

DOOR = {"type": "Point", "coordinates": [24.941, 60.17]}
AT_THE_DOOR = dict.fromkeys(
    ("certificate_shown", "customer_confirmed", "work_explained", "covers_used"), True
)


def about(said: str, at: datetime) -> bool:
    """A phone's monotonic clock ticks between two readings of the same moment."""
    return abs(datetime.fromisoformat(said) - at) < timedelta(seconds=1)


class Office:
    """What the dispatcher does over HTTP."""

    def __init__(self, client: httpx.AsyncClient, settings: Settings, world: World) -> None:
        self.client, self.settings, self.dora = client, settings, world.dora

    @property
    def headers(self) -> dict[str, str]:
        return bearer(self.settings, self.dora)

    async def ask(self, path: str, **body: Any) -> httpx.Response:
        return await self.client.post(path, json=body, headers=self.headers)

    async def do(self, path: str, **body: Any) -> Any:
        answer = await self.ask(path, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self.client.get(path, params=params, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def case_of(self, result: dict[str, Any]) -> Any:
        return await self.get(f"/v1/desk/cases/{result['case_id']}")


class Scene:
    """Alice's visit at ten, her phone that holds it, and the office."""

    def __init__(
        self, office: Office, phone: Phone, world: World, visit_id: UUID, appointment_id: UUID
    ) -> None:
        self.office, self.phone, self.world = office, phone, world
        self.visit_id, self.appointment_id = visit_id, appointment_id

    def capture(self, name: str, at: datetime, **args: Any) -> None:
        with clock.frozen(at):
            self.phone.capture(name, visit_id=self.visit_id, **args)

    def capture_work(self, at: datetime) -> None:
        """Facts and a decision: arrival, introduction, start."""
        self.capture("visit.arrive", at, point=DOOR)
        self.capture("visit.confirm_identity", at, **AT_THE_DOOR)
        self.capture("visit.start", at)

    async def hand_in(self) -> list[dict[str, Any]]:
        return await self.phone.push()

    async def give_to_kim(self) -> None:
        await self.office.do(
            f"/v1/visits/{self.visit_id}/assign",
            technician_ids=[str(self.world.kim.id)], reason="Alice is held up.",
        )  # fmt: skip

    async def cancel(self) -> None:
        await self.office.do(f"/v1/visits/{self.visit_id}/cancel", reason="planning")

    async def move(self, start: datetime) -> None:
        await self.office.do(
            f"/v1/appointments/{self.appointment_id}/reschedule", **window(start),
            technician_ids=[str(self.world.alice.id)], cause="operator", reason="capacity",
            channel="phone", customer_said="Fine.",
            customer_contacted_at=clock.now().isoformat(),
        )  # fmt: skip

    async def visit(self) -> Any:
        return await self.office.get(f"/v1/visits/{self.visit_id}")

    async def facts(self) -> list[tuple[str, bool]]:
        found = await self.office.get(f"/v1/visits/{self.visit_id}/facts")
        return [(fact["kind"], fact["by_other_technician"]) for fact in found]


@pytest.fixture
async def scene(
    database: Database,
    world: World,
    client: httpx.AsyncClient,
    settings: Settings,
    new_phone: MakePhone,
) -> Scene:
    made = await make_order(database, world.dora)
    appointment_id = await book(database, world.dora, made.visit_id, local(23, 10), "alice")
    phone = await new_phone(world.alice)
    await phone.pull()
    return Scene(Office(client, settings, world), phone, world, made.visit_id, appointment_id)


async def kim_starts(scene: Scene, new_phone: MakePhone) -> None:
    kims = await new_phone(scene.world.kim)
    await kims.pull()
    for name, args in (
        ("visit.arrive", {"point": DOOR}), ("visit.confirm_identity", AT_THE_DOOR),
        ("visit.start", {}),
    ):  # fmt: skip
        kims.capture(name, visit_id=scene.visit_id, **args)
    assert {r["status"] for r in await kims.push()} == {"applied"}


# Reassigned, the new technician has not started.


async def test_sync_2_reassigned_not_started_a_decision_is_held_and_its_facts_are_stored(
    scene: Scene, at: datetime
) -> None:
    scene.capture_work(at + timedelta(hours=2))
    await scene.give_to_kim()
    with clock.frozen(at + timedelta(hours=3)):
        results = await scene.hand_in()
        assert [r["status"] for r in results] == ["applied", "applied", "held"]
        assert results[2]["code"] == "reassigned"
        assert await scene.facts() == [("arrival", True), ("identity", True)]
        assert (await scene.visit())["state"] == "dispatched"
        case = await scene.office.case_of(results[2])
        assert "Kim" in case["message"]
        assert (case["present"]["state"], case["commands"][0]["name"]) == (
            "dispatched", "visit.start",
        )  # fmt: skip


async def test_sync_2_reassigned_not_started_accepting_gives_the_visit_back_and_both_are_told(
    scene: Scene, new_phone: MakePhone, at: datetime
) -> None:
    kims = await new_phone(scene.world.kim)
    scene.capture_work(at + timedelta(hours=2))
    await scene.give_to_kim()
    await kims.pull()
    assert kims.row("visit", scene.visit_id)
    with clock.frozen(at + timedelta(hours=3)):
        results = await scene.hand_in()
        await scene.office.do(
            f"/v1/desk/cases/{results[2]['case_id']}/accept", reason="she was there first"
        )
        visit = await scene.visit()
        assert visit["state"] == "in_progress"
        present = [a["technician_id"] for a in visit["assignments"] if a["ended_at"] is None]
        assert present == [str(scene.world.alice.id)]
        assert {other for _, other in await scene.facts()} == {False}
        await scene.phone.pull()
        assert scene.phone.row("visit", scene.visit_id)
        assert [c["state"] for c in scene.phone.rows("case")] == ["accepted"]
        await kims.pull()
        assert kims.row("visit", scene.visit_id) is None
        (given,) = [n for n in kims.rows("notice") if n["kind"] == "given_back"]
        assert (given["by_name"], given["text"]["en"]) == (
            "Dora",
            "This visit went back to Alice, whose work on it was accepted.",
        )


async def test_sync_2_reassigned_not_started_discarding_leaves_it_with_the_new_technician(
    scene: Scene, at: datetime
) -> None:
    scene.capture_work(at + timedelta(hours=2))
    await scene.give_to_kim()
    with clock.frozen(at + timedelta(hours=3)):
        results = await scene.hand_in()
        await scene.office.do(
            f"/v1/desk/cases/{results[2]['case_id']}/discard", reason="Kim is at the door"
        )
        assert (await scene.visit())["state"] == "dispatched"
        assert await scene.facts() == [("arrival", True), ("identity", True)]
        await scene.phone.pull()
        (case,) = scene.phone.rows("case")
        assert (case["state"], case["reason"]) == ("discarded", "Kim is at the door")


# Reassigned, the new technician has started.


async def test_sync_2_reassigned_and_started_a_decision_is_superseded_and_both_are_shown(
    scene: Scene, new_phone: MakePhone, at: datetime
) -> None:
    await scene.give_to_kim()
    await kim_starts(scene, new_phone)
    scene.capture_work(at + timedelta(hours=2))
    with clock.frozen(at + timedelta(hours=3)):
        results = await scene.hand_in()
        assert [r["status"] for r in results] == ["applied", "applied", "rejected"]
        assert results[2]["code"] == "superseded"
        case = await scene.office.case_of(results[2])
        assert case["commands"][0]["command"]["args"] == {"visit_id": str(scene.visit_id)}
        assert case["present"]["state"] == "in_progress"
        theirs = {c["command"]: c["actor_id"] for c in case["changes"]}
        assert theirs["visit.start"] == str(scene.world.kim.id)


async def test_sync_2_reassigned_and_started_facts_are_stored_as_another_technicians(
    scene: Scene, new_phone: MakePhone, at: datetime
) -> None:
    await scene.give_to_kim()
    await kim_starts(scene, new_phone)
    before = await scene.visit()
    scene.capture_work(at + timedelta(hours=2))
    with clock.frozen(at + timedelta(hours=3)):
        await scene.hand_in()
        assert [f for f in await scene.facts() if f[1]] == [("arrival", True), ("identity", True)]
        assert (await scene.visit())["arrived_at"] == before["arrived_at"]


# Cancelled before the capture.


async def test_sync_2_cancelled_before_the_capture_a_decision_is_rejected_its_facts_stored(
    scene: Scene, at: datetime
) -> None:
    await scene.cancel()
    scene.capture_work(at + timedelta(hours=2))
    with clock.frozen(at + timedelta(hours=3)):
        results = await scene.hand_in()
        assert [r["status"] for r in results] == ["applied", "applied", "rejected"]
        assert results[2]["code"] == "visit_cancelled"
        assert results[2]["next_steps"] == ["note.add"]
        assert [kind for kind, _ in await scene.facts()] == ["arrival", "identity"]
        assert (await scene.visit())["state"] == "cancelled"


# Cancelled after the capture.


async def test_sync_2_cancelled_after_the_capture_is_held_and_accepting_is_proposed(
    scene: Scene, at: datetime
) -> None:
    scene.capture_work(at + timedelta(hours=2))
    with clock.frozen(at + timedelta(hours=2, minutes=30)):
        await scene.cancel()
    with clock.frozen(at + timedelta(hours=3)):
        results = await scene.hand_in()
        assert [r["status"] for r in results] == ["applied", "applied", "held"]
        assert results[2]["code"] == "cancelled_after_work"
        assert [kind for kind, _ in await scene.facts()] == ["arrival", "identity"]
        case = await scene.office.case_of(results[2])
        assert (case["proposal"], case["present"]["state"]) == ("accept", "cancelled")


async def test_sync_2_cancelled_after_the_capture_accepting_lets_the_visit_take_place(
    scene: Scene, at: datetime
) -> None:
    scene.capture_work(at + timedelta(hours=2))
    with clock.frozen(at + timedelta(hours=2, minutes=30)):
        await scene.cancel()
    with clock.frozen(at + timedelta(hours=3)):
        results = await scene.hand_in()
        await scene.office.do(
            f"/v1/desk/cases/{results[2]['case_id']}/accept", reason="the work was done"
        )
        visit = await scene.visit()
        assert (visit["state"], visit["cancelled_at"]) == ("in_progress", None)
        assert about(visit["arrived_at"], at + timedelta(hours=2))


# Only moved in time.


async def test_sync_2_only_moved_everything_is_applied_and_both_times_are_kept(
    scene: Scene, at: datetime
) -> None:
    scene.capture_work(at + timedelta(hours=2, minutes=30))  # half past ten, as it was agreed
    with clock.frozen(at + timedelta(hours=1)):
        await scene.move(local(23, 14))
    with clock.frozen(at + timedelta(hours=3)):
        results = await scene.hand_in()
        assert {r["status"] for r in results} <= {"applied", "merged"}
        visit = await scene.visit()
        assert visit["state"] == "in_progress"
        assert datetime.fromisoformat(visit["window_start"]) == local(23, 14)
        assert about(visit["arrived_at"], at + timedelta(hours=2, minutes=30))
        facts = await scene.office.get(f"/v1/visits/{scene.visit_id}/facts")
        arrival = facts[0]
        assert datetime.fromisoformat(arrival["body"]["window"][0]) == local(23, 14)
        assert about(arrival["estimated_at"], at + timedelta(hours=2, minutes=30))
        assert arrival["body"]["in_window"] is False


# Somebody changes the visit while a dispatcher looks at the case.


@pytest.mark.parametrize("verb", ["accept", "discard", "credit"])
async def test_sync_2_a_decision_on_a_stale_view_of_the_visit_is_refused(
    scene: Scene, at: datetime, verb: str
) -> None:
    scene.capture_work(at + timedelta(hours=2))
    await scene.give_to_kim()
    with clock.frozen(at + timedelta(hours=3)):
        held = (await scene.hand_in())[2]
        shown = await scene.office.case_of(held)
        looked = {"case_version": shown["version"], "record_version": shown["present"]["version"]}
        await scene.cancel()
        path = f"/v1/desk/cases/{held['case_id']}/{verb}"
        refused = await scene.office.ask(path, reason="as I saw it", **looked)
        assert (refused.status_code, refused.json()["code"]) == (409, "case_changed")
        assert (await scene.visit())["state"] == "cancelled"
        shown = await scene.office.case_of(held)
        looked["record_version"] = shown["present"]["version"]
        assert (await scene.office.ask(path, reason="as it is", **looked)).status_code == 200


async def test_sync_2_a_change_between_the_look_and_the_lock_is_noticed_too(
    scene: Scene, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.capture_work(at + timedelta(hours=2))
    await scene.give_to_kim()
    with clock.frozen(at + timedelta(hours=3)):
        held = (await scene.hand_in())[2]
        version = (await scene.office.case_of(held))["present"]["version"]
        await scene.cancel()

        async def as_it_was(*_: object) -> int:
            return int(version)

        monkeypatch.setattr("fieldops.sync.queries.version_of", as_it_was)
        path = f"/v1/desk/cases/{held['case_id']}/accept"
        refused = await scene.office.ask(path, reason="as I saw it", record_version=version)
        assert (refused.status_code, refused.json()["code"]) == (409, "case_changed")
        assert (await scene.visit())["state"] == "cancelled"
