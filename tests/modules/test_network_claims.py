"""RE-02, RE-04: claims are leases; the first at the server wins, the other has a second choice."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.events import _reactions
from fieldops.kernel.settings import Settings
from fieldops.network.errors import NoneFree, PairElsewhere
from fieldops.network.jobs import let_claims_lapse
from fieldops.network.models import NetworkFeature, NetworkService
from fieldops.visits.events import VisitCompleting
from tests.support.clients import bearer
from tests.support.factories.network import Plant, make_plant, make_service
from tests.support.factories.orders import REPAIR, MadeOrder
from tests.support.factories.visits import begun_visit, from_phone
from tests.support.run import run
from tests.support.world import World, id_of

pytestmark = pytest.mark.anyio


@dataclass
class Scene:
    """Alice repairs the line on pair 1; pair 2 has a neighbour; 3 to 6 are free."""

    made: MadeOrder
    plant: Plant
    service: NetworkService
    other: NetworkService

    @property
    def visit(self) -> dict[str, Any]:
        return {"visit_id": str(self.made.visit_id)}

    def claim(self, number: int) -> dict[str, Any]:
        return {
            **self.visit,
            "service_id": str(self.service.id),
            "feature_id": str(self.plant.pairs[number - 1].id),
        }


@pytest.fixture
async def scene(database: Database, world: World) -> Scene:
    made = await begun_visit(database, world, {**REPAIR, "service": "fixed_line"})
    async with database.transaction() as session:
        plant = await make_plant(session, pairs=6)
        service = await make_service(session, plant, premises=made.premises, customer=made.customer)
        other = await make_service(session, plant, number=1)
    return Scene(made, plant, service, other)


async def measure(
    database: Database, world: World, scene: Scene, number: int, insulation: float
) -> None:
    await from_phone(
        database, world.alice, "measurement.record_line_test",
        visit_id=str(scene.made.visit_id), feature_id=str(scene.plant.pairs[number - 1].id),
        measured_at_place="box", insulation_mohm=insulation,
    )  # fmt: skip


async def pairs(database: Database, scene: Scene) -> list[tuple[str | None, bool]]:
    """State of each pair, and whether it is the repaired line's."""
    async with database.transaction() as session:
        rows = [await session.get_one(NetworkFeature, (1, row.id)) for row in scene.plant.pairs]
    return [(row.state, row.service_id == scene.service.id) for row in rows]


async def test_re_02_a_claim_holds_a_free_pair_until_it_lapses_and_the_history_says_both(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World, scene: Scene,
    at: datetime,
) -> None:  # fmt: skip
    jobs.use(jobs.Machine(database, settings))
    await from_phone(database, world.alice, "network.claim", **scene.claim(3))
    assert (await pairs(database, scene))[2] == ("reserved", True)
    with clock.frozen(at + timedelta(hours=11)):
        await let_claims_lapse()
        assert (await pairs(database, scene))[2] == ("reserved", True)
    with clock.frozen(at + timedelta(hours=12)):
        await let_claims_lapse()
    assert (await pairs(database, scene))[2] == ("free", False)
    answer = await client.get(
        f"/v1/network/features/{scene.plant.pairs[2].id}/history",
        headers=bearer(settings, world.dora),
    )
    claimed, lapsed = answer.json()["items"][-2:]
    assert (claimed["command"], claimed["visit_id"]) == (
        "network.claim", str(scene.made.visit_id),
    )  # fmt: skip
    assert claimed["after"]["claim_until"][:16] == (at + timedelta(hours=12)).isoformat()[:16]
    assert lapsed["reason"] == "the claim was not used in time"


async def test_re_04_who_comes_second_gets_the_best_measured_pair_near_and_is_told_why(
    database: Database, world: World, scene: Scene
) -> None:
    """Pair 3 is the neighbour's by an earlier claim; 4 measured badly, 5 nobody did, 6 well."""
    await measure(database, world, scene, 4, 0.2)
    await measure(database, world, scene, 6, 40)
    await run(
        database, world.dora, "network.claim",
        service_id=str(scene.other.id), feature_id=str(scene.plant.pairs[2].id),
    )  # fmt: skip
    answer = await from_phone(database, world.alice, "network.claim", **scene.claim(3))
    (warning,) = answer["warnings"]
    assert (warning["code"], warning["details"]["second"]) == ("claim_lost", "pair 6")
    choice = warning["details"]["second_choice"]
    assert (choice["grade"], choice["values"]) == ("measured_good", {"insulation_mohm": 40})
    assert choice["why"]["en"] == "It measured well; it lies in the same cable or shelf."
    stand = await pairs(database, scene)
    assert (stand[2], stand[5]) == (("reserved", False), ("reserved", True))
    again = await from_phone(database, world.alice, "network.claim", **scene.claim(3))
    assert again["warnings"][0]["details"]["second"] == "pair 5"  # unknown before bad


async def test_re_02_a_claim_that_is_over_is_free_though_the_record_has_not_followed(
    database: Database, world: World, scene: Scene, at: datetime
) -> None:
    await run(
        database, world.dora, "network.claim",
        service_id=str(scene.other.id), feature_id=str(scene.plant.pairs[2].id),
    )  # fmt: skip
    with clock.frozen(at + timedelta(hours=13)):
        answer = await from_phone(database, world.alice, "network.claim", **scene.claim(3))
    assert "warnings" not in answer
    assert (await pairs(database, scene))[2] == ("reserved", True)


async def test_re_02_a_claimed_pair_is_swapped_in_and_no_longer_lapses(
    database: Database, world: World, settings: Settings, scene: Scene, at: datetime
) -> None:
    jobs.use(jobs.Machine(database, settings))
    await from_phone(database, world.alice, "network.claim", **scene.claim(3))
    await from_phone(
        database, world.alice, "network.swap_pair",
        visit_id=str(scene.made.visit_id), service_id=str(scene.service.id), reason="noise",
        from_id=str(scene.plant.pairs[0].id), to_id=str(scene.plant.pairs[2].id),
    )  # fmt: skip
    with clock.frozen(at + timedelta(days=3)):
        await let_claims_lapse()
    assert (await pairs(database, scene))[2] == ("occupied", True)


ENDINGS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "completed": ("alice", "visit.complete", {"signature_refused_reason": "was in a hurry"}),
    "suspended": (
        "alice", "visit.fail",
        {"told_customer": "We come back.", "reason": "site_not_ready", "next_step": "suspend",
         "resume_on": "2026-11-30"},
    ),
    "cancelled": ("dora", "visit.cancel", {"reason": "planning"}),
    "its work suspended": (
        "dora", "order.suspend", {"reason": "no_access", "resume_on": "2026-11-30"},
    ),
    "moved to another": ("dora", "visit.assign", {"technician_ids": [str(id_of("bob"))]}),
}  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
async def test_re_02_a_claim_is_given_back_when_its_visit_ends_or_goes_to_others(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World, scene: Scene,
    monkeypatch: pytest.MonkeyPatch, ending: str,
) -> None:  # fmt: skip
    """Pair 3 is claimed and not used, pair 4 claimed by an office that is no visit."""
    monkeypatch.setitem(_reactions, VisitCompleting, [])
    await from_phone(database, world.alice, "network.claim", **scene.claim(3))
    await run(
        database, world.dora, "network.claim",
        service_id=str(scene.other.id), feature_id=str(scene.plant.pairs[3].id),
    )  # fmt: skip
    who, name, args = ENDINGS[ending]
    doing = from_phone if who == "alice" else run
    about = {"order_id": str(scene.made.id)} if name == "order.suspend" else scene.visit
    await doing(database, world.actors[who], name, **about, **args)
    stand = await pairs(database, scene)
    assert (stand[2], stand[3]) == (("free", False), ("reserved", False))
    history = await client.get(
        f"/v1/network/features/{scene.plant.pairs[2].id}/history",
        headers=bearer(settings, world.dora),
    )
    last = history.json()["items"][-1]
    assert (last["command"], last["after"]["claim_until"]) == (name, None)
    assert "ended, or went to others" in last["after"]["state_reason"]


async def test_re_02_a_claim_stays_while_one_of_its_technicians_stays(
    database: Database, world: World, scene: Scene
) -> None:
    await from_phone(database, world.alice, "network.claim", **scene.claim(3))
    both = [str(id_of("alice")), str(id_of("bob"))]
    for technicians in (both, both[1:]):
        await run(
            database, world.dora, "visit.assign",
            visit_id=str(scene.made.visit_id), technician_ids=technicians,
        )  # fmt: skip
        assert (await pairs(database, scene))[2] == ("reserved", True)


async def test_re_02_a_claimed_pair_that_proves_bad_holds_up_neither_its_service_nor_its_visit(
    database: Database, world: World, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service never used it: nobody is to be moved off it before the visit is completed."""
    monkeypatch.setitem(_reactions, VisitCompleting, [])
    await from_phone(database, world.alice, "network.claim", **scene.claim(3))
    await from_phone(
        database, world.alice, "network.mark_pair_bad",
        **scene.visit, feature_id=str(scene.plant.pairs[2].id), reason="noise on it",
    )  # fmt: skip
    await from_phone(database, world.alice, "network.claim", **scene.claim(5))
    await run(
        database, world.sam, "network.change_feature",
        feature_id=str(scene.plant.pairs[4].id), state="bad", reason="wet joint",
    )  # fmt: skip
    stand = await pairs(database, scene)
    assert (stand[2], stand[4]) == (("bad", False), ("bad", False))
    await from_phone(
        database, world.alice, "visit.complete",
        **scene.visit, signature_refused_reason="was in a hurry",
    )  # fmt: skip


async def test_re_02_a_service_that_begins_does_not_occupy_what_was_only_claimed_for_it(
    database: Database, world: World, scene: Scene
) -> None:
    async with database.transaction() as session:
        planned = await make_service(session, scene.plant, number=3, state="planned")
    await run(
        database, world.dora, "network.claim",
        service_id=str(planned.id), feature_id=str(scene.plant.pairs[2].id),
    )  # fmt: skip
    await run(
        database, world.sam, "network.change_service",
        service_id=str(planned.id), state="active", reason="connected",
    )  # fmt: skip
    stand = await pairs(database, scene)
    assert (stand[2][0], stand[3][0]) == ("reserved", "occupied")


async def test_re_02_a_claim_takes_only_what_ends_where_the_service_does_and_is_in_use(
    database: Database, world: World, scene: Scene
) -> None:
    async with database.transaction() as session:
        elsewhere = await make_plant(session)
    far = {**scene.claim(3), "feature_id": str(elsewhere.pairs[0].id)}
    with pytest.raises(PairElsewhere):
        await from_phone(database, world.alice, "network.claim", **far)
    for number in (3, 4, 5, 6):
        await run(
            database, world.sam, "network.reserve", reason="promised",
            service_id=str(scene.other.id), feature_id=str(scene.plant.pairs[number - 1].id),
        )  # fmt: skip
    with pytest.raises(NoneFree) as caught:
        await from_phone(database, world.alice, "network.claim", **scene.claim(3))
    assert caught.value.next_steps[0] == "order.transfer"


async def test_re_04_the_offices_read_what_is_free_for_a_line_the_best_first(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World, scene: Scene
) -> None:
    await measure(database, world, scene, 4, 0.2)
    await measure(database, world, scene, 6, 40)
    answer = await client.get(
        f"/v1/network/services/{scene.service.id}/best-free", headers=bearer(settings, world.dora)
    )
    assert answer.status_code == 200, answer.text
    nearest = answer.json()[0]
    assert nearest["instead_of"] == str(scene.plant.pairs[0].id)
    assert [row["name"] for row in nearest["choices"]] == ["pair 6", "pair 3", "pair 5", "pair 4"]
    assert nearest["choices"][-1]["poor"] == ["insulation_mohm"]
