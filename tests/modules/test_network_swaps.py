import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from fieldops.kernel import audit, clock, ledger
from fieldops.kernel.actor import Actor
from fieldops.kernel.commands import Envelope, Ref
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Coded, InvalidArguments, NotFound
from fieldops.kernel.events import _reactions
from fieldops.kernel.settings import Settings
from fieldops.network.errors import (
    PairElsewhere,
    ResourceChanged,
    ResourceState,
    VisitRequired,
    WrongKind,
)
from fieldops.network.events import PairMarkedBad, PairSwapped, PortChanged
from fieldops.network.models import NetworkConnection, NetworkFeature, NetworkService, PathElement
from tests.support.factories.network import Plant, make_feature, make_plant, make_service, tie
from tests.support.run import run
from tests.support.world import HARBOUR, SOUTH, World, build_world

pytestmark = pytest.mark.anyio

TEST = {"kind": "insulation_resistance", "value": 0.2, "unit": "MOhm"}


@dataclass
class Scene:
    plant: Plant
    service: NetworkService
    other: NetworkService

    @property
    def old(self) -> NetworkFeature:
        return self.plant.pairs[0]

    @property
    def free(self) -> NetworkFeature:
        return self.plant.pairs[2]

    def swap(self, **more: Any) -> dict[str, Any]:
        return {
            "service_id": str(self.service.id),
            "from_id": str(self.old.id),
            "to_id": str(self.free.id),
            "reason": "noise on the pair",
            **more,
        }


async def build(database: Database, **service: Any) -> Scene:
    """Two services on one box: the first on pair 1, the other on pair 2; pairs 3 and 4 free."""
    async with database.transaction() as session:
        plant = await make_plant(session)
        first = await make_service(session, plant, number=0, **service)
        return Scene(plant, first, await make_service(session, plant, number=1))


@pytest.fixture
async def scene(database: Database, world: World) -> Scene:
    return await build(database)


async def now(database: Database, feature: NetworkFeature) -> NetworkFeature:
    async with database.transaction() as session:
        found = await session.scalar(
            select(NetworkFeature).where(
                NetworkFeature.region_id == 1, NetworkFeature.id == feature.id
            )
        )
        assert found is not None
        return found


async def path(database: Database, service: NetworkService) -> list[UUID]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(PathElement.feature_id)
            .where(PathElement.region_id == 1, PathElement.service_id == service.id)
            .order_by(PathElement.position)
        )
        return list(found)


def heard(monkeypatch: pytest.MonkeyPatch, *events: type) -> list[Any]:
    """Collect these events in place of what the higher modules do."""
    seen: list[Any] = []

    async def keep(_ctx: object, event: Any) -> None:
        seen.append(event)

    for event in events:
        monkeypatch.setitem(_reactions, event, [keep])
    return seen


async def test_re_03_a_swap_updates_both_occupancies_and_marks_the_bad_pair_at_once(
    database: Database, world: World, scene: Scene
) -> None:
    await run(database, world.dora, "network.swap_pair", **scene.swap(test=TEST))
    old, new = await now(database, scene.old), await now(database, scene.free)
    assert (new.state, new.service_id) == ("occupied", scene.service.id)
    assert (old.state, old.service_id) == ("bad", None)
    assert (old.state_reason, old.state_since) == ("noise on the pair", clock.now())
    assert old.state_test == {**TEST, "at": clock.now().isoformat()}


async def test_re_03_the_access_path_and_the_jumpers_follow_the_swap(
    database: Database, world: World, scene: Scene
) -> None:
    before = await path(database, scene.service)
    await run(database, world.dora, "network.swap_pair", **scene.swap())
    after = await path(database, scene.service)
    assert after == [scene.free.id if step == scene.old.id else step for step in before]
    async with database.transaction() as session:
        ties = await session.scalars(
            select(NetworkConnection).where(
                NetworkConnection.region_id == 1,
                NetworkConnection.kind.in_(["jumpered", "spliced"]),
            )
        )
        ends = {(row.from_id, row.to_id) for row in ties}
    assert (scene.plant.feeder_pairs[0].id, scene.free.id) in ends
    assert (scene.free.id, scene.plant.drop.id) in ends
    assert scene.old.id not in {end for pair in ends for end in pair}


async def test_re_03_a_swap_tells_the_higher_modules_of_the_move_and_of_the_bad_pair(
    database: Database, world: World, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = heard(monkeypatch, PairSwapped, PairMarkedBad)
    visit = uuid4()
    await run(database, world.alice, "network.swap_pair", **scene.swap(visit_id=str(visit)))
    swapped, marked = seen
    assert (swapped.visit_id, swapped.premises_id) == (visit, scene.service.premises_id)
    assert (swapped.from_id, swapped.to_id) == (scene.old.id, scene.free.id)
    assert (marked.feature_id, marked.customer_id) == (scene.old.id, scene.service.customer_id)


async def test_re_03_a_swap_without_a_bad_pair_frees_the_one_left(
    database: Database, world: World, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = heard(monkeypatch, PairMarkedBad)
    await run(database, world.dora, "network.swap_pair", **scene.swap(mark_bad=False))
    old = await now(database, scene.old)
    assert (old.state, old.service_id, seen) == ("free", None, [])


async def test_re_02_a_planned_service_stays_reserved_when_it_is_swapped(
    database: Database, world: World
) -> None:
    scene = await build(database, state="planned")
    await run(database, world.dora, "network.swap_pair", **scene.swap())
    assert (await now(database, scene.free)).state == "reserved"


async def test_re_02_a_bad_pair_with_its_service_still_on_it_can_be_left(
    database: Database, world: World, scene: Scene
) -> None:
    await run(
        database,
        world.dora,
        "network.mark_pair_bad",
        feature_id=str(scene.old.id),
        reason="crackles",
        test=TEST,
    )
    marked = await now(database, scene.old)
    assert (marked.state, marked.service_id) == ("bad", scene.service.id)
    await run(database, world.dora, "network.swap_pair", **scene.swap())
    assert (await now(database, scene.free)).state == "occupied"
    assert (await now(database, scene.old)).service_id is None


async def test_re_02_one_pair_serves_one_service_only(
    database: Database, world: World, scene: Scene
) -> None:
    taken = scene.plant.pairs[1]
    with pytest.raises(ResourceState) as caught:
        await run(database, world.dora, "network.swap_pair", **scene.swap(to_id=str(taken.id)))
    assert caught.value.details["present"]["service_id"] == str(scene.other.id)
    assert (await now(database, scene.old)).state == "occupied"


async def test_re_02_a_pair_reserved_for_a_service_is_kept_for_it(
    database: Database, world: World, scene: Scene
) -> None:
    args = {"feature_id": str(scene.free.id), "reason": "for the swap"}
    await run(database, world.sam, "network.reserve", service_id=str(scene.other.id), **args)
    with pytest.raises(ResourceState):
        await run(database, world.dora, "network.swap_pair", **scene.swap())
    await run(database, world.sam, "network.release", **args)
    await run(database, world.sam, "network.reserve", service_id=str(scene.service.id), **args)
    await run(database, world.dora, "network.swap_pair", **scene.swap())
    assert (await now(database, scene.free)).state == "occupied"


async def test_re_05_a_change_from_a_device_that_meets_a_newer_state_is_held_with_both(
    database: Database, world: World, scene: Scene
) -> None:
    taken = scene.plant.pairs[1]
    with pytest.raises(ResourceChanged) as caught:
        await run(
            database,
            world.dora,
            "network.swap_pair",
            device=uuid4(),
            **scene.swap(to_id=str(taken.id)),
        )
    details = caught.value.details
    assert details["present"] == {
        "state": "occupied",
        "service_id": str(scene.other.id),
        "reason": None,
        "since": clock.now().isoformat(),
        "version": 2,
    }
    assert details["wanted"] == {"state": "occupied", "service_id": str(scene.service.id)}


async def test_re_05_a_pair_changed_after_the_version_the_device_saw_is_held(
    database: Database, world: World, scene: Scene
) -> None:
    seen = (Ref("feature", scene.free.id, 1),)
    for state in ("bad", "free"):
        await run(
            database,
            world.sam,
            "network.change_feature",
            feature_id=str(scene.free.id),
            state=state,
            reason="checked on site",
        )
    with pytest.raises(ResourceChanged):
        await run(
            database, world.dora, "network.swap_pair", device=uuid4(), base=seen, **scene.swap()
        )


async def test_re_05_the_second_swap_of_one_service_from_a_device_waits_for_the_steward(
    database: Database, world: World, scene: Scene
) -> None:
    await run(database, world.dora, "network.swap_pair", **scene.swap())
    last = scene.plant.pairs[3]
    with pytest.raises(ResourceChanged) as caught:
        await run(
            database,
            world.dora,
            "network.swap_pair",
            device=uuid4(),
            **scene.swap(to_id=str(last.id)),
        )
    assert caught.value.details["present"]["state"] == "bad"


async def test_re_05_a_held_swap_that_the_steward_accepts_takes_effect_unless_another_is_served(
    database: Database, world: World, scene: Scene
) -> None:
    await run(
        database,
        world.sam,
        "network.mark_pair_bad",
        feature_id=str(scene.free.id),
        reason="by an old list",
    )

    async def accepted(**more: Any) -> None:
        envelope = Envelope(uuid4(), "network.swap_pair", scene.swap(**more), device_id=uuid4())
        async with database.transaction() as session:
            await ledger.commands.run(session, world.dora, envelope, clock.now(), accepted=True)

    with pytest.raises(ResourceState):
        await accepted(to_id=str(scene.plant.pairs[1].id))
    await accepted()
    new = await now(database, scene.free)
    assert (new.state, new.service_id) == ("occupied", scene.service.id)


async def test_re_05_the_history_keeps_before_after_why_whom_which_visit_and_when(
    database: Database, world: World, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard(monkeypatch, PairSwapped, PairMarkedBad)
    visit = uuid4()
    await run(database, world.alice, "network.swap_pair", **scene.swap(visit_id=str(visit)))
    async with database.transaction() as session:
        history = await session.scalars(audit.history(1, "network_feature", scene.old.id))
        last = list(history)[-1]
    assert (last.before["state"], last.after["state"]) == ("occupied", "bad")
    assert last.before["service_id"] == str(scene.service.id)
    assert last.after["state_visit_id"] == str(visit)
    assert (last.reason, last.actor_id, last.at) == (
        "noise on the pair",
        world.alice.id,
        clock.now(),
    )


async def test_a_pair_that_ends_elsewhere_is_no_swap(
    database: Database, world: World, scene: Scene
) -> None:
    async with database.transaction() as session:
        cable = await make_feature(session, "cable", parent=scene.plant.cabinet)
        far = await make_feature(session, "pair", parent=cable)
    with pytest.raises(PairElsewhere):
        await run(database, world.dora, "network.swap_pair", **scene.swap(to_id=str(far.id)))
    async with database.transaction() as session:
        await tie(session, "feeds", cable, scene.plant.box)
    await run(database, world.dora, "network.swap_pair", **scene.swap(to_id=str(far.id)))
    assert (await now(database, far)).service_id == scene.service.id


async def test_only_conductors_are_swapped_and_only_with_their_like(
    database: Database, world: World, scene: Scene
) -> None:
    async with database.transaction() as session:
        fibre = await make_feature(session, "fibre", parent=scene.plant.cable)
    port = scene.plant.ports[0]
    for wrong in ({"to_id": str(fibre.id)}, {"from_id": str(port.id)}):
        with pytest.raises(WrongKind):
            await run(database, world.dora, "network.swap_pair", **scene.swap(**wrong))
    with pytest.raises(InvalidArguments):
        await run(database, world.dora, "network.swap_pair", **scene.swap(to_id=str(scene.old.id)))


async def test_a_technician_names_the_visit_and_a_neighbour_finds_nothing(
    database: Database, world: World, scene: Scene
) -> None:
    with pytest.raises(VisitRequired):
        await run(database, world.alice, "network.swap_pair", **scene.swap())
    for actor in (world.dan, world.tess):
        with pytest.raises(NotFound):
            await run(database, actor, "network.swap_pair", **scene.swap())


async def test_re_02_a_port_is_changed_for_one_of_the_same_kind_of_shelf(
    database: Database, world: World, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = heard(monkeypatch, PortChanged)
    old, new = scene.plant.ports[0], scene.plant.ports[2]
    args = scene.swap(from_id=str(old.id), to_id=str(new.id))
    async with database.transaction() as session:
        olt = await make_feature(session, "olt", parent=scene.plant.exchange)
        optical = await make_feature(session, "port", parent=olt)
    with pytest.raises(PairElsewhere):
        await run(database, world.dora, "network.change_port", **{**args, "to_id": str(optical.id)})
    await run(database, world.dora, "network.change_port", **args)
    assert ((await now(database, old)).state, (await now(database, new)).state) == (
        "free",
        "occupied",
    )
    assert [(event.from_id, event.to_id) for event in seen] == [(old.id, new.id)]


async def test_re_02_marking_twice_is_held_for_a_device_and_refused_for_an_office(
    database: Database, world: World, scene: Scene
) -> None:
    args = {"feature_id": str(scene.free.id), "reason": "crackles"}
    await run(database, world.dora, "network.mark_pair_bad", **args)
    with pytest.raises(ResourceChanged):
        await run(database, world.dora, "network.mark_pair_bad", device=uuid4(), **args)
    with pytest.raises(Coded, match="resource_transition"):
        await run(database, world.dora, "network.mark_pair_bad", **args)


async def test_only_pairs_fibres_and_ports_are_marked_bad(
    database: Database, world: World, scene: Scene
) -> None:
    with pytest.raises(WrongKind):
        await run(
            database,
            world.dora,
            "network.mark_pair_bad",
            feature_id=str(scene.plant.box.id),
            reason="rusty",
        )


async def test_re_02_of_two_swaps_to_one_free_pair_exactly_one_wins(
    committed: tuple[Database, Settings],
) -> None:
    database, _ = committed
    world = await build_world(database)
    scene = await build(database)
    second = scene.swap(service_id=str(scene.other.id), from_id=str(scene.plant.pairs[1].id))

    async def attempt(actor: Actor, args: dict[str, Any]) -> str:
        try:
            result = await run(database, actor, "network.swap_pair", device=uuid4(), **args)
        except Coded as refusal:
            return refusal.code
        return str(result["status"])

    answers = await asyncio.gather(attempt(world.dora, scene.swap()), attempt(world.dora, second))
    assert sorted(answers) == ["applied", "resource_changed"]
    winner = scene.service if answers[0] == "applied" else scene.other
    loser = scene.other if winner is scene.service else scene.service
    assert (await now(database, scene.free)).service_id == winner.id
    assert scene.free.id in await path(database, winner)
    assert scene.free.id not in await path(database, loser)


async def test_a_swap_does_not_reach_into_another_region_or_centre(
    database: Database, world: World, scene: Scene
) -> None:
    async with database.transaction() as session:
        there = await make_plant(session, region_id=2, centre_id=HARBOUR)
        south = await make_plant(session, centre_id=SOUTH)
    for pair in (there.pairs[0], south.pairs[0]):
        with pytest.raises(NotFound):
            await run(database, world.dora, "network.swap_pair", **scene.swap(to_id=str(pair.id)))
