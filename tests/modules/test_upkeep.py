"""RE-06, VI-06, CH-04: how fresh the record is, what is due, what spot checks found."""

import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from fieldops.checklists.commands import ensure_standard_templates
from fieldops.checklists.models import Checklist
from fieldops.kernel import clock
from fieldops.kernel.clock import Confidence
from fieldops.kernel.commands import Captured
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, InvalidArguments, NotFound
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings
from fieldops.orders.commands.catalogue import lay_out_reasons
from fieldops.upkeep import reactions, rules
from fieldops.upkeep.errors import (
    NothingToDraw,
    NothingToInspect,
    PatrolKnown,
    PlanInactive,
    RoundOpen,
)
from fieldops.upkeep.models import Round, SpotCheck, SpotCheckItem
from fieldops.visits.events import VisitCompleted
from fieldops.visits.models import VisitWork
from tests.support.clients import bearer
from tests.support.factories.appointments import book, local
from tests.support.factories.checklists import tell
from tests.support.factories.customers import make_customer, make_premises
from tests.support.factories.network import make_feature, make_plant, make_service
from tests.support.run import first_id, run
from tests.support.world import NORTH, SOUTH, World

pytestmark = pytest.mark.anyio


class Ground:
    """A building with cabling, a box, poles, and whom a visit is agreed with."""

    def __init__(self, cabling: UUID, box: UUID, poles: list[UUID], party: dict[str, str]) -> None:
        self.cabling, self.box, self.poles, self.party = cabling, box, poles, party


async def make_ground(database: Database) -> Ground:
    async with database.transaction() as session:
        await lay_out_reasons(session)
        await ensure_standard_templates(session)
        cabling = await make_feature(session, "building_cabling", name="House 1")
        box = await make_feature(session, "distribution_box", name="Box 1")
        poles = [await make_feature(session, "pole", name=f"Pole {n:02}") for n in range(20)]
        customer, premises = await make_customer(session), await make_premises(session)
    party = {"customer_id": str(customer.id), "premises_id": str(premises.id)}
    return Ground(cabling.id, box.id, [pole.id for pole in poles], party)


async def inspect(database: Database, world: World, ground: Ground) -> UUID:
    made = await run(database, world.dora, "building_inspection.open",
                     feature_id=str(ground.cabling), **ground.party)  # fmt: skip
    return first_id(made, "round")


async def finish(database: Database, world: World, round_id: UUID, at: datetime) -> UUID:
    """Give the round's visit out and let it be completed, as its technician does at its end."""
    async with database.transaction() as session:
        row = await session.get_one(Round, (1, round_id))
        on_visit = select(VisitWork).where(
            VisitWork.region_id == 1, VisitWork.work_order_id == row.work_order_id
        )
        work = (await session.scalars(on_visit)).one()
        work.ended_at, work.outcome = at, "completed"
    event = VisitCompleted(work.visit_id, at)
    await tell(database, world.alice, event, reactions.note_what_was_looked_at)
    return work.visit_id


async def items(
    client: httpx.AsyncClient, settings: Settings, world: World, who: str, path: str
) -> list[dict[str, Any]]:
    answer = await client.get(path, headers=bearer(settings, world.actors[who]))
    assert answer.status_code == httpx.codes.OK, answer.text
    return list(answer.json()["items"])


async def test_ch_04_a_buildings_cabling_is_due_once_a_year_and_overdue_after_it(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient, at: datetime
) -> None:
    """CH-04: never done is due now; done on its last day it is not overdue, a day later it is."""
    ground = await make_ground(database)
    asked = "/v1/building-inspections"
    (due,) = await items(client, settings, world, "dora", asked)
    assert (due["name"], due["last_done_at"], due["due_on"], due["overdue"]) == (
        "House 1", None, None, True,
    )  # fmt: skip
    round_id = await inspect(database, world, ground)
    with pytest.raises(RoundOpen):
        await inspect(database, world, ground)
    (due,) = await items(client, settings, world, "dora", asked)
    assert due["open_work_order_id"] is not None
    async with database.transaction() as session:
        row = await session.get_one(Round, (1, round_id))
        visit_id = await session.scalar(
            select(VisitWork.visit_id).where(
                VisitWork.region_id == 1, VisitWork.work_order_id == row.work_order_id
            )
        )
    assert visit_id is not None
    await book(database, world.dora, visit_id, local(23, 10), "alice")
    await finish(database, world, round_id, at)
    for days, within, overdue in ((0, 364, False), (365, 0, False), (366, 0, True)):
        with clock.frozen(at + timedelta(days=days)):
            (due,) = await items(client, settings, world, "dora", asked)
            assert (due["due_on"], due["overdue"]) == ("2027-11-23", overdue)
            assert due["open_work_order_id"] is None
            soon = await items(client, settings, world, "dora", f"{asked}?within={within}")
            assert bool(soon) is (days > 0)
            late = await items(client, settings, world, "dora", asked + "?overdue=true")
            assert bool(late) is overdue
    assert await items(client, settings, world, "dan", asked) == []


async def test_ch_04_an_inspection_without_its_list_is_closed_and_not_done(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient, at: datetime
) -> None:
    ground = await make_ground(database)
    round_id = await inspect(database, world, ground)  # its visit is given to nobody: no list
    await finish(database, world, round_id, at)
    async with database.transaction() as session:
        assert list(await session.scalars(select(Checklist).where(Checklist.region_id == 1))) == []
    (seen,) = await items(client, settings, world, "sam", "/v1/rounds?done=false")
    assert (seen["closed_at"] is None, seen["done_at"]) == (False, None)
    (due,) = await items(client, settings, world, "sam", "/v1/building-inspections?overdue=true")
    assert due["id"] == str(ground.cabling)
    with pytest.raises(NothingToInspect):
        await run(database, world.dora, "building_inspection.open", feature_id=str(ground.box),
                  **ground.party)  # fmt: skip
    with pytest.raises(Forbidden):
        await run(database, world.alice, "building_inspection.open",
                  feature_id=str(ground.cabling), **ground.party)  # fmt: skip


async def test_vi_06_a_patrol_plan_is_due_by_its_period_and_its_work_brings_findings(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient, at: datetime
) -> None:
    ground = await make_ground(database)
    route = {"centre_id": str(NORTH), "name": "North ridge", "every_days": 30}
    stops = [str(one) for one in ground.poles[:3]]
    with pytest.raises(NotFound):
        await run(database, world.sam, "patrol.define", **route, feature_ids=[str(new_id())])
    made = await run(database, world.sam, "patrol.define", **route, feature_ids=stops)
    with pytest.raises(PatrolKnown):
        await run(database, world.sam, "patrol.define", **route, feature_ids=stops)
    plan = {"patrol_plan_id": str(first_id(made, "patrol_plan"))}
    opened = await run(database, world.dora, "patrol.open", **plan, **ground.party)
    with pytest.raises(RoundOpen):
        await run(database, world.dora, "patrol.open", **plan, **ground.party)
    visit_id = first_id(opened, "visit")
    await book(database, world.dora, visit_id, local(23, 10), "alice")
    await run(database, world.alice, "network.report_finding", visit_id=str(visit_id),
              feature_id=stops[0], kind="pole", severity="medium", text="It leans.")  # fmt: skip
    await finish(database, world, first_id(opened, "round"), at)
    (walked,) = await items(client, settings, world, "dora", "/v1/rounds?kind=patrol&done=true")
    assert (walked["findings"], walked["visit_id"]) == (1, str(visit_id))
    for days, overdue in ((30, False), (31, True)):
        with clock.frozen(at + timedelta(days=days)):
            (due,) = await items(client, settings, world, "dora", "/v1/patrol-plans?sort=name")
            assert (due["due_on"], due["overdue"]) == ("2026-12-23", overdue)
            assert due["feature_ids"] == stops
    await run(database, world.sam, "patrol.change", **plan, active=False, reason="built over")
    assert await items(client, settings, world, "dora", "/v1/patrol-plans") == []
    with pytest.raises(PlanInactive):
        await run(database, world.dora, "patrol.open", **plan, **ground.party)


async def test_vi_06_cancelled_work_leaves_the_patrol_due_and_open_for_another(
    database: Database, world: World
) -> None:
    ground = await make_ground(database)
    made = await run(database, world.sam, "patrol.define", centre_id=str(NORTH), name="Ridge",
                     every_days=7, feature_ids=[str(ground.box)])  # fmt: skip
    plan = {"patrol_plan_id": str(first_id(made, "patrol_plan"))}
    opened = await run(database, world.dora, "patrol.open", **plan, **ground.party)
    await run(database, world.dora, "order.cancel", order_id=str(first_id(opened, "order")),
              reason="withdrawn")  # fmt: skip
    async with database.transaction() as session:
        row = await session.get_one(Round, (1, first_id(opened, "round")))
        assert (row.closed_at is None, row.done_at) == (False, None)
    await run(database, world.dora, "patrol.open", **plan, **ground.party)


def test_re_06_the_same_seed_draws_the_same_and_one_more_moves_no_others_lot() -> None:
    everything = [UUID(int=n) for n in range(200)]
    drawn = rules.draw(everything, "seed", 7)
    assert len(drawn) == 14
    shuffled = random.Random(1).sample(everything, len(everything))
    assert rules.draw(shuffled, "seed", 7) == drawn
    assert rules.draw(everything, "another", 7) != drawn
    more = rules.draw([*everything, UUID(int=999)], "seed", 7)
    assert set(drawn) <= {*more}
    assert rules.draw(everything[:1], "seed", 0.1) == everything[:1]
    assert (rules.percent(1, 3), rules.percent(0, 0)) == (33.3, None)


async def draw(database: Database, world: World, **more: Any) -> UUID:
    given = {"centre_id": str(NORTH), "kinds": ["pole"], "share": 20, "seed": "s-1", **more}
    return first_id(await run(database, world.sam, "spot_check.draw", **given), "spot_check")


async def test_re_06_a_spot_check_is_drawn_given_out_filled_in_and_counted(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient, at: datetime
) -> None:
    ground = await make_ground(database)
    check = await draw(database, world)
    async with database.transaction() as session:
        kept = await session.get_one(SpotCheck, (1, check))
        assert {UUID(one) for one in kept.population} == set(ground.poles)
        again = rules.draw([UUID(one) for one in kept.population], kept.seed, kept.share)
    listed = await items(client, settings, world, "sam", f"/v1/spot-check-items?check_id={check}")
    assert {UUID(one["feature_id"]) for one in listed} == set(again)
    assert len(listed) == 4
    given = {"spot_check_id": str(check), "technician_id": str(world.alice.id)}
    with pytest.raises(NotFound):
        await run(database, world.sam, "spot_check.assign",
                  **{**given, "technician_id": str(world.carol.id)})  # fmt: skip
    await run(database, world.sam, "spot_check.assign", **given)
    assert len(await items(client, settings, world, "alice", "/v1/spot-check-items")) == 4
    assert await items(client, settings, world, "bob", "/v1/spot-check-items") == []
    one, two, three, _four = (item["id"] for item in listed)
    with pytest.raises(InvalidArguments):
        await run(
            database, world.alice, "spot_check.record", spot_check_item_id=one, result="differs"
        )
    seen = Captured(at, at - timedelta(hours=2), Confidence.HIGH)
    for item, result, found in (
        (one, "matches", None), (two, "differs", "It is steel."), (three, "not_there", "A stump."),
    ):  # fmt: skip
        await run(database, world.alice, "spot_check.record", spot_check_item_id=item,
                  result=result, found=found, captured=seen, device=new_id())  # fmt: skip
    (counted,) = await items(client, settings, world, "dora", "/v1/spot-checks?sort=-drawn_at")
    assert (counted["population"], counted["drawn"], counted["seen"]) == (20, 4, 3)
    assert counted["accuracy"] == pytest.approx(100 / 3)
    wrong = await items(client, settings, world, "dora", "/v1/spot-check-items?result=differs")
    assert [(w["found"], w["record"]["kind"]) for w in wrong] == [("It is steel.", "pole")]
    with pytest.raises(NothingToDraw):
        await draw(database, world, kinds=["olt"])
    assert await items(client, settings, world, "dan", "/v1/spot-checks") == []


async def test_sy_02_a_result_is_kept_from_who_has_lost_the_spot_check(
    database: Database, world: World
) -> None:
    """RE-06, SY-02: of the plant's centre only; the later look stays."""
    await make_ground(database)
    check = await draw(database, world)
    given = {"spot_check_id": str(check), "technician_id": str(world.bob.id)}
    await run(database, world.sam, "spot_check.assign", **given)
    async with database.transaction() as session:
        found = await session.scalars(
            select(SpotCheckItem.id).where(
                SpotCheckItem.region_id == 1, SpotCheckItem.check_id == check
            )
        )
        item = {"spot_check_item_id": str(found.first())}
    await run(database, world.alice, "spot_check.record", **item, result="matches")
    for stranger in (world.carol, world.tom):
        with pytest.raises(NotFound):
            await run(database, stranger, "spot_check.record", **item, result="matches")
    await run(database, world.bob, "spot_check.record", **item, result="differs", found="Wood.")
    async with database.transaction() as session:
        row = await session.get_one(SpotCheckItem, (1, UUID(item["spot_check_item_id"])))
        assert (row.result, row.person_id) == ("differs", world.bob.id)


async def test_re_06_plant_is_as_fresh_as_the_last_person_who_saw_it(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient, at: datetime
) -> None:
    ground = await make_ground(database)
    async with database.transaction() as session:
        plant = await make_plant(session, centre_id=SOUTH)
        await make_service(session, plant)
    asked = f"/v1/network/freshness?centre_id={NORTH}"
    assert len(await items(client, settings, world, "sam", asked)) == 22
    check = await draw(database, world, kinds=["distribution_box"], share=100)
    (item,) = await items(client, settings, world, "sam", f"/v1/spot-check-items?check_id={check}")
    await run(database, world.alice, "spot_check.record", spot_check_item_id=item["id"],
              result="differs", found="Another lock.")  # fmt: skip
    moment = at.isoformat().replace("+00:00", "Z")
    unseen = await items(client, settings, world, "sam", f"{asked}&not_since={moment}")
    assert str(ground.box) not in {row["id"] for row in unseen}
    assert len(unseen) == 21
    (wrong,) = await items(client, settings, world, "sam", f"{asked}&mismatched=true")
    assert (wrong["name"], wrong["mismatches"]) == ("Box 1", 1)
    assert datetime.fromisoformat(wrong["last_seen_at"]) == at

    async def summary(query: str) -> dict[str, Any]:
        path = f"/v1/network/freshness/summary?{query}"
        answer = await client.get(path, headers=bearer(settings, world.sam))
        assert answer.status_code == httpx.codes.OK, answer.text
        return dict(answer.json())

    north = await summary(f"centre_id={NORTH}")
    assert (north["features"], north["fresh"], north["fresh_percent"]) == (22, 1, 4.5)
    assert (north["checked"], north["matching"], north["accuracy_percent"]) == (1, 0, 0)
    with clock.frozen(at + timedelta(days=366)):
        assert (await summary(f"centre_id={NORTH}"))["fresh"] == 0
    every = await summary("")
    assert (every["services"], every["with_way"], every["completeness_percent"]) == (1, 1, 100)
