"""Urges, matters with one owner, and the order of work lists: WO-05 and WO-06."""

import asyncio
from datetime import datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from fieldops.kernel import audit, clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Coded, Forbidden, NotFound
from fieldops.kernel.settings import Settings
from fieldops.orders import rules
from fieldops.orders.errors import (
    CannotOwnMatters,
    MatterAnswered,
    MatterOpen,
    MatterTaken,
    NotOfferedToYou,
    NotYourMatter,
    OrderNotOpen,
)
from fieldops.orders.models import Matter, Urge, WorkOrder
from tests.support.clients import bearer
from tests.support.factories.orders import BROADBAND, FIXED_LINE, REPAIR, MadeOrder, make_order
from tests.support.run import first_id, run
from tests.support.world import World, build_world, id_of

pytestmark = pytest.mark.anyio


async def urge(database: Database, actor: Actor, made: MadeOrder, **args: Any) -> dict[str, Any]:
    return await run(
        database, actor, "order.urge", order_id=str(made.id), **{"channel": "phone", **args}
    )


async def matter_of(database: Database, made: MadeOrder) -> Matter:
    async with database.transaction() as session:
        found = await session.scalars(
            select(Matter)
            .where(Matter.region_id == 1, Matter.order_id == made.id)
            .order_by(Matter.id.desc())
        )
        return found.first()  # type: ignore[return-value]


async def priorities(database: Database, made: MadeOrder) -> list[int]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(WorkOrder.priority)
            .where(WorkOrder.region_id == 1, WorkOrder.order_id == made.id)
            .order_by(WorkOrder.number)
        )
        return list(found)


async def do(
    database: Database, actor: Actor, name: str, made: MadeOrder, **args: Any
) -> dict[str, Any]:
    matter = await matter_of(database, made)
    return await run(database, actor, f"matter.{name}", matter_id=str(matter.id), **args)


async def offer(database: Database, actor: Actor, made: MadeOrder, to: str) -> dict[str, Any]:
    return await do(database, actor, "hand_over", made, to=str(id_of(to)), note="knows the house")


async def test_wo_05_an_urge_is_counted_and_raises_the_open_work_of_its_order(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora, BROADBAND, FIXED_LINE)
    before = await priorities(database, made)
    result = await urge(database, world.ann, made, words="We have no telephone.")
    assert "warnings" not in result
    after = await priorities(database, made)
    assert all(new > old for new, old in zip(after, before, strict=True))
    assert [p // 1000 for p in after] == [p // 1000 for p in before]  # never into another class
    order = next(ref for ref in result["refs"] if ref["type"] == "order")
    async with database.transaction() as session:
        row = await session.get_one(Urge, (1, first_id(result, "urge")))
        (last,) = (await session.scalars(audit.history(1, "orders_order", made.id))).all()[-1:]
    assert (row.side, row.taken_by, row.raises) == ("customer", world.ann.id, True)
    assert (last.after["urges"], last.entity_version) == (1, order["version"])


async def test_wo_05_an_urge_right_after_another_is_kept_but_neither_counted_nor_raising(
    database: Database, world: World, at: datetime
) -> None:
    made = await make_order(database, world.dora)
    await urge(database, world.ann, made)
    once = await priorities(database, made)
    soon = await urge(database, world.ann, made)
    assert [w["code"] for w in soon["warnings"]] == ["urge_not_counted"]
    assert await priorities(database, made) == once
    with clock.frozen(at + timedelta(minutes=30)):
        later = await urge(database, world.ann, made)
    assert "warnings" not in later
    assert (await priorities(database, made))[0] > once[0]


async def test_wo_05_a_region_says_how_many_urges_raise(
    database: Database, world: World, at: datetime
) -> None:
    await run(
        database,
        world.ada,
        "rule.set_number",
        name="urges_raising_priority",
        value=0,
        reason="only counted here",
    )
    made = await make_order(database, world.dora)
    before = await priorities(database, made)
    for hour in range(4):
        with clock.frozen(at + timedelta(hours=hour)):
            await urge(database, world.ann, made)
    assert await priorities(database, made) == before


async def test_wo_05_work_that_has_ended_keeps_its_priority_and_an_ended_order_is_not_urged(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora, BROADBAND, FIXED_LINE)
    await run(
        database,
        world.dora,
        "order.cancel",
        order_id=str(made.id),
        work_order_ids=[str(made.work[1])],
        reason="withdrawn",
    )
    before = await priorities(database, made)
    await urge(database, world.ann, made)
    after = await priorities(database, made)
    assert (after[0] > before[0], after[1] == before[1]) == (True, True)
    await run(database, world.dora, "order.cancel", order_id=str(made.id), reason="withdrawn")
    with pytest.raises(OrderNotOpen) as caught:
        await urge(database, world.ann, made)
    assert caught.value.details["state"] == "cancelled"


async def test_wo_05_who_takes_the_first_contact_owns_the_matter_whoever_is_called_next(
    database: Database, world: World, at: datetime
) -> None:
    made = await make_order(database, world.dora)
    await urge(database, world.ann, made)
    with clock.frozen(at + timedelta(hours=1)):
        again = await urge(database, world.dora, made)
    (warned,) = again["warnings"]
    assert (warned["code"], warned["details"]["owner"]) == ("anothers_matter", "Ann")
    matter = await matter_of(database, made)
    assert (matter.owner_id, matter.state) == (world.ann.id, "owned")
    with pytest.raises(MatterOpen) as caught:
        await run(
            database, world.sam, "matter.open", order_id=str(made.id), kind="question",
            channel="phone", words="When do you come?",
        )  # fmt: skip
    assert caught.value.details["owner"] == "Ann"


async def test_wo_05_what_a_machine_brings_waits_for_the_first_person_who_takes_it(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora)
    await urge(database, world.ivan, made, channel="partner_api")
    assert (await matter_of(database, made)).state == "waiting"
    with pytest.raises(NotYourMatter):
        await do(database, world.dora, "answer", made, answer="tomorrow", channel="phone")
    await do(database, world.dora, "take", made)
    with pytest.raises(MatterTaken) as caught:
        await do(database, world.ann, "take", made)
    assert caught.value.details["owner"] == "Dora"


async def test_wo_05_a_matter_changes_hands_only_when_the_other_accepts(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora)
    await urge(database, world.ann, made)
    await offer(database, world.ann, made, "dora")
    offered = await matter_of(database, made)
    assert (offered.owner_id, offered.offered_to) == (world.ann.id, world.dora.id)
    await do(database, world.dora, "decline", made, reason="I am on leave tomorrow")
    back = await matter_of(database, made)
    assert (back.owner_id, back.offered_to, back.state) == (world.ann.id, None, "owned")
    await offer(database, world.ann, made, "sam")
    with pytest.raises(NotOfferedToYou):
        await do(database, world.dora, "accept", made)
    await do(database, world.sam, "accept", made)
    assert (await matter_of(database, made)).owner_id == world.sam.id
    with pytest.raises(NotYourMatter):
        await do(database, world.ann, "answer", made, answer="tomorrow", channel="phone")
    async with database.transaction() as session:
        rows = (await session.scalars(audit.history(1, "orders_matter", offered.id))).all()
    assert [(row.command, row.actor_id) for row in rows] == [
        ("order.urge", world.ann.id),
        ("matter.hand_over", world.ann.id),
        ("matter.decline", world.dora.id),
        ("matter.hand_over", world.ann.id),
        ("matter.accept", world.sam.id),
    ]


async def test_wo_05_the_owner_answers_once_and_the_next_contact_opens_another_matter(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora)
    await urge(database, world.ann, made)
    await offer(database, world.ann, made, "dora")
    await do(database, world.ann, "answer", made, answer="We come at ten.", channel="phone")
    first = await matter_of(database, made)
    assert (first.state, first.answer, first.offered_to) == ("answered", "We come at ten.", None)
    for name, actor, args in (
        ("accept", world.dora, {}),
        ("take", world.dora, {}),
        ("answer", world.ann, {"answer": "again", "channel": "phone"}),
    ):
        with pytest.raises(MatterAnswered):
            await do(database, actor, name, made, **args)
    await run(
        database, world.dora, "matter.open", order_id=str(made.id), kind="change",
        channel="phone", words="Two sockets, please.",
    )  # fmt: skip
    second = await matter_of(database, made)
    assert (second.id != first.id, second.owner_id) == (True, world.dora.id)


@pytest.mark.parametrize("to", ["ann", "alice", "dan", "ivan", "tess", "nobody"])
async def test_wo_05_a_matter_is_offered_only_to_who_may_answer_for_its_centre(
    database: Database, world: World, to: str
) -> None:
    made = await make_order(database, world.dora)
    await urge(database, world.ann, made)
    with pytest.raises(CannotOwnMatters):  # Ann herself, a technician, another centre's ...
        await offer(database, world.ann, made, to)


async def test_wo_05_a_matter_whose_owner_has_left_can_be_taken(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora)
    await urge(database, world.ann, made)
    await run(database, world.ada, "person.close", person_id=str(id_of("ann")), reason="has left")
    await do(database, world.dora, "take", made)
    assert (await matter_of(database, made)).owner_id == world.dora.id


@pytest.mark.parametrize(
    ("who", "refusal"), [("alice", Forbidden), ("mia", Forbidden), ("dan", NotFound)]
)
async def test_wo_05_nobody_urges_or_takes_matters_outside_their_role_and_centre(
    database: Database, world: World, who: str, refusal: type[Coded]
) -> None:
    made = await make_order(database, world.dora)
    await urge(database, world.ivan, made, channel="partner_api")
    with pytest.raises(refusal):
        await urge(database, world.actors[who], made)
    with pytest.raises(refusal):
        await do(database, world.actors[who], "take", made)


async def test_wo_05_two_who_take_a_matter_at_once_leave_it_with_one(
    committed: tuple[Database, Settings],
) -> None:
    database, _settings = committed
    world = await build_world(database)
    made = await make_order(database, world.dora)
    await asyncio.gather(*(urge(database, world.ivan, made) for _ in range(4)))
    async with database.transaction() as session:
        rows = (await session.scalars(select(Urge).where(Urge.region_id == 1))).all()
        matters = (await session.scalars(select(Matter).where(Matter.region_id == 1))).all()
    assert (len(rows), sum(row.raises for row in rows), len(matters)) == (4, 1, 1)
    both = await asyncio.gather(
        *(do(database, actor, "take", made) for actor in (world.dora, world.sam)),
        return_exceptions=True,
    )
    assert sorted(type(end).__name__ for end in both) == ["MatterTaken", "dict"]


def test_wo_06_no_number_of_urges_lifts_work_over_the_class_above() -> None:
    """The order is class, urges, service, tier: stated anew and compared over all of them."""
    tiers = ["diamond", "gold", "silver", "basic", "1A", "3B", "5B"]
    made = [
        (urgency, kind, urges, service, tier)
        for urgency, kind, urges, service, tier in product(
            ("complaint", "major_fault", "normal"),
            ("repair", "install", "move", "care"),
            (0, 1, 2, 3, 9),
            ("broadband", "fixed_line", "tv"),
            tiers,
        )
    ]

    def stated(
        work: tuple[str, str, int, str, str],
    ) -> tuple[int, int, int, int]:
        urgency, kind, urges, service, tier = work
        by_kind = {"repair": 3, "install": 2, "move": 2}.get(kind, 1)
        rank = {"complaint": 5, "major_fault": 4}.get(urgency, by_kind)
        step = {"broadband": 2, "fixed_line": 1}.get(service, 0)
        among = {"diamond": 9, "gold": 7, "silver": 4, "basic": 1, "1A": 10, "3B": 3, "5B": 1}
        return rank, min(urges, 3), step, among[tier]

    def counted(work: tuple[str, str, int, str, str]) -> int:
        urgency, kind, urges, service, tier = work
        return rules.priority(kind, service, tier, urgency, urges)

    assert sorted(made, key=counted) == sorted(made, key=stated)
    assert all(counted(work) // 1000 == stated(work)[0] for work in made)


async def test_wo_06_the_work_list_goes_by_priority_then_due_time_page_after_page(
    database: Database, client: httpx.AsyncClient, settings: Settings, world: World, at: datetime
) -> None:
    late = await make_order(
        database, world.dora, REPAIR, received_at=(at - timedelta(hours=3)).isoformat()
    )
    fresh = await make_order(database, world.dora, REPAIR)
    line = await make_order(database, world.dora, {**REPAIR, "service": "fixed_line"})
    complaint = await make_order(database, world.dora, FIXED_LINE, urgency="complaint")
    major = await make_order(database, world.dora, REPAIR, urgency="major_fault")
    install = await make_order(database, world.dora, BROADBAND)
    ended = await make_order(database, world.dora, REPAIR)
    await run(database, world.dora, "order.cancel", order_id=str(ended.id), reason="withdrawn")
    await urge(database, world.ann, line)
    headers = bearer(settings, world.dora)
    found: list[UUID] = []
    params: dict[str, Any] = {"limit": 2}
    while True:
        page = (await client.get("/v1/work-list", headers=headers, params=params)).json()
        found += [UUID(item["order_id"]) for item in page["items"]]
        if page["next"] is None:
            break
        params["after"] = page["next"]
    wanted = [complaint.id, major.id, line.id, late.id, fresh.id, install.id]
    assert found == wanted
    stranger = {"after": params["after"]}
    answer = await client.get("/v1/work-list", headers=bearer(settings, world.dan), params=stranger)
    assert answer.status_code == 404


async def test_wo_05_owners_see_their_matters_and_everyone_the_urges_of_an_order(
    database: Database, client: httpx.AsyncClient, settings: Settings, world: World
) -> None:
    made = await make_order(database, world.dora)
    other = await make_order(database, world.dora)
    await urge(database, world.ann, made, words="Still no line.")
    await urge(database, world.dora, other)
    await offer(database, world.ann, made, "dora")

    async def mine(name: str) -> set[str]:
        answer = await client.get(
            "/v1/matters", headers=bearer(settings, world.actors[name]), params={"mine": True}
        )
        return {item["order_id"] for item in answer.json()["items"]}

    assert await mine("ann") == {str(made.id)}
    assert await mine("dora") == {str(made.id), str(other.id)}  # one is hers, one was offered
    assert await mine("sam") == set()
    answer = await client.get(f"/v1/orders/{made.id}/urges", headers=bearer(settings, world.sam))
    (item,) = answer.json()["items"]
    assert (item["words"], item["side"], item["raises"]) == ("Still no line.", "customer", True)
