"""CH-03: materials and gifts as to the rules (kind and number), signed for; facts are kept."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import httpx
import pytest

from fieldops.kernel import clock
from fieldops.kernel.clock import Confidence
from fieldops.kernel.commands import Captured
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, InvalidArguments, NotFound
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings
from fieldops.materials import reactions, rules, standard
from fieldops.materials.errors import (
    GiftsUnsigned,
    HolderNeeded,
    MaterialKnown,
    MaterialOutOfUse,
    NothingToDecide,
    OnlyUsesAreCorrected,
    QuantityUnfit,
    SignatureUnclear,
)
from fieldops.materials.models import MaterialMovement
from fieldops.materials.rules import Movement
from fieldops.visits.models import Visit
from tests.support.clients import bearer
from tests.support.factories.checklists import SIGNATURE, Scene, bind, completing, make_scene, tell
from tests.support.run import first_id, run
from tests.support.world import World

pytestmark = pytest.mark.anyio

INSTALL = ("broadband", "install", "fibre")


async def define(database: Database, world: World, code: str = "cord", **more: Any) -> str:
    made = await run(
        database, world.sam, "material.define",
        **{"code": code, "name_zh": "跳线", "name_en": "Patch cord", "use": "work",
           "unit": "piece", **more},
    )  # fmt: skip
    return str(first_id(made, "material"))


async def limit(database: Database, world: World, material: str, *limits: Any) -> None:
    wanted = [{"work_kind": kind, "tier": tier, "most": most} for kind, tier, most in limits]
    await run(database, world.sam, "material.set_limits", material_id=material, limits=wanted,
              reason="the rule of this year")  # fmt: skip


async def issue(database: Database, world: World, material: str, quantity: float) -> None:
    await run(database, world.dora, "material.issue", material_id=material,
              technician_id=str(world.alice.id), quantity=quantity)  # fmt: skip


async def use(
    database: Database, world: World, scene: Scene, material: str, quantity: float, **more: Any
) -> MaterialMovement:
    envelope = {name: more.pop(name) for name in ("captured", "device") if name in more}
    made = await run(database, world.alice, "material.use", visit_id=scene.visit,
                     material_id=material, quantity=quantity, **more, **envelope)  # fmt: skip
    async with database.transaction() as session:
        return await session.get_one(MaterialMovement, (1, first_id(made, "material_movement")))


async def items(
    client: httpx.AsyncClient, settings: Settings, world: World, who: str, path: str
) -> list[dict[str, Any]]:
    answer = await client.get(path, headers=bearer(settings, world.actors[who]))
    assert answer.status_code == httpx.codes.OK, answer.text
    return list(answer.json()["items"])


def test_ch_03_the_most_specific_limit_holds_and_the_greatest_of_several_kinds() -> None:
    limits = [
        {"work_kind": None, "tier": None, "most": 1},
        {"work_kind": None, "tier": "gold", "most": 5},
        {"work_kind": "install", "tier": None, "most": 2},
        {"work_kind": "install", "tier": "gold", "most": 4},
    ]
    for kinds, tier, most in (
        (["install"], "gold", 4),
        (["install"], "basic", 2),
        (["repair"], "gold", 5),
        (["repair"], "basic", 1),
        (["repair", "install"], "basic", 2),
        ([], "basic", None),
    ):
        assert rules.allowed(limits, kinds, tier) == most
    assert rules.allowed(limits[2:], ["repair", "install"], "basic") is None
    assert rules.allowed([], ["install"], "gold") is None


async def test_ch_03_the_balance_follows_issue_use_and_hand_back_and_may_be_negative(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient
) -> None:
    """CH-03, SY-02: a use that nobody issued is kept; the negative balance is a flag."""
    scene = await make_scene(database, [world.alice], INSTALL)
    cord = await define(database, world)
    await issue(database, world, cord, 2)
    await use(database, world, scene, cord, 1.25)
    await run(database, world.alice, "material.hand_back", material_id=cord, quantity=0.5)
    asked = "/v1/material-stocks"
    assert [s["balance"] for s in await items(client, settings, world, "alice", asked)] == [0.25]
    assert await items(client, settings, world, "dora", asked + "?negative=true") == []
    await use(database, world, scene, cord, 3)
    (short,) = await items(client, settings, world, "dora", asked + "?negative=true")
    assert (short["balance"], short["technician_name"], short["code"]) == (-2.75, "Alice", "cord")
    for who in ("bob", "dan", "tess", "mia"):
        assert await items(client, settings, world, who, asked) == [], who


async def test_ch_03_a_count_is_what_the_balance_goes_on_from_however_late_facts_arrive(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient, at: datetime
) -> None:
    """CH-03, SY-02: a use captured before the count and sent after it is in the count already."""
    scene = await make_scene(database, [world.alice], INSTALL)
    cord = await define(database, world)
    await issue(database, world, cord, 10)
    later = at + timedelta(hours=4)
    with clock.frozen(later):
        await run(database, world.alice, "material.count", material_id=cord, quantity=7)

        async def stock() -> float:
            (one,) = await items(client, settings, world, "alice", "/v1/material-stocks")
            return float(one["balance"])

        assert await stock() == 7
        before = Captured(at + timedelta(hours=1), at + timedelta(hours=1), Confidence.HIGH)
        await use(database, world, scene, cord, 3, captured=before, device=new_id())
        assert await stock() == 7
    with clock.frozen(later + timedelta(minutes=1)):
        await use(database, world, scene, cord, 2)
        assert await stock() == 5
        await run(database, world.dora, "material.count", material_id=cord, quantity=5,
                  technician_id=str(world.alice.id))  # fmt: skip
    counts = await items(client, settings, world, "sam", "/v1/material-movements?kind=count")
    assert [(one["quantity"], one["expected"]) for one in counts] == [(7, 10), (5, 5)]


async def test_ch_03_beyond_the_limit_is_kept_and_a_supervisor_decides(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient
) -> None:
    scene = await make_scene(database, [world.alice], INSTALL, tier="gold")
    cord = await define(database, world)
    await limit(database, world, cord, ("install", None, 1), ("install", "gold", 3))
    assert (await use(database, world, scene, cord, 3)).allowed is None
    beyond = await use(database, world, scene, cord, 0.5)
    assert (beyond.quantity, beyond.allowed, beyond.accepted) == (0.5, 3, None)
    asked = "/v1/material-movements?undecided=true"
    (waiting,) = await items(client, settings, world, "sam", asked)
    assert waiting["id"] == str(beyond.id)
    given = {"movement_id": str(beyond.id), "accepted": False, "reason": "three are enough"}
    with pytest.raises(Forbidden):
        await run(database, world.dora, "material.decide", **given)
    await run(database, world.sam, "material.decide", **given)
    with pytest.raises(NothingToDecide):
        await run(database, world.sam, "material.decide", **given)
    assert await items(client, settings, world, "sam", asked) == []
    (decided,) = await items(client, settings, world, "alice", "/v1/material-movements?beyond=true")
    assert (decided["accepted"], decided["decision_reason"]) == (False, "three are enough")


async def test_ch_03_pieces_are_issued_whole_and_a_correction_changes_something(
    database: Database, world: World
) -> None:
    scene = await make_scene(database, [world.alice], INSTALL)
    cord, cable = await define(database, world), await define(database, world, "c", unit="metre")
    with pytest.raises(QuantityUnfit):
        await issue(database, world, cord, 0.5)
    await issue(database, world, cable, 0.5)
    odd = await use(database, world, scene, cord, 1.5)  # a fact: kept as it was reported
    for nothing in (0, 0.0004):
        with pytest.raises(QuantityUnfit):
            await run(database, world.sam, "material.correct", movement_id=str(odd.id),
                      quantity=nothing, reason="it was one")  # fmt: skip
    await run(database, world.sam, "material.correct", movement_id=str(odd.id),
              quantity=-0.5, reason="it was one")  # fmt: skip


async def test_ch_03_a_correction_counts_and_what_was_recorded_stays(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient
) -> None:
    scene = await make_scene(database, [world.alice], INSTALL)
    cord = await define(database, world)
    await limit(database, world, cord, (None, None, 5))
    wrong = await use(database, world, scene, cord, 5)
    made = await run(database, world.sam, "material.correct", movement_id=str(wrong.id),
                     quantity=-4, reason="it was one")  # fmt: skip
    with pytest.raises(OnlyUsesAreCorrected):
        await run(database, world.sam, "material.correct", quantity=1, reason="and again",
                  movement_id=str(first_id(made, "material_movement")))  # fmt: skip
    assert (await use(database, world, scene, cord, 4)).allowed is None
    (stock,) = await items(client, settings, world, "alice", "/v1/material-stocks")
    assert stock["balance"] == -5
    of_visit = f"/v1/material-movements?visit_id={scene.visit}&sort=quantity"
    seen = await items(client, settings, world, "dora", of_visit)
    assert [(one["kind"], one["quantity"]) for one in seen] == [
        ("correction", -4), ("use", 4), ("use", 5),
    ]  # fmt: skip


async def test_ch_03_gifts_are_signed_for_before_the_visit_is_completed(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient
) -> None:
    scene = await make_scene(database, [world.alice], INSTALL)
    cord = await define(database, world)
    lamp = await define(database, world, "lamp", use="gift", name_en="Lamp", name_zh="灯")
    await use(database, world, scene, cord, 1)

    async def complete() -> None:
        event = completing(scene, world.alice)
        await tell(database, world.alice, event, reactions.refuse_unsigned_gifts)

    await complete()
    await use(database, world, scene, lamp, 1, signature_sha256=SIGNATURE)
    await complete()
    second = await use(database, world, scene, lamp, 1)
    with pytest.raises(GiftsUnsigned) as refused:
        await complete()
    assert refused.value.message == "The customer has not signed for: Lamp."
    for unclear in ({}, {"signature_sha256": SIGNATURE, "refused_reason": "no pen"}):
        with pytest.raises(SignatureUnclear):
            await run(database, world.alice, "material.sign_gifts", visit_id=scene.visit, **unclear)
    await run(database, world.alice, "material.sign_gifts", visit_id=scene.visit,
              refused_reason="had left already")  # fmt: skip
    await complete()
    asked = "/v1/material-movements?unsigned=true"
    (listed,) = await items(client, settings, world, "sam", asked)
    assert (listed["id"], listed["signature_refused_reason"]) == (
        str(second.id), "had left already",
    )  # fmt: skip


async def test_ch_03_a_use_is_kept_though_another_has_the_visit_and_the_material_is_out_of_use(
    database: Database, world: World
) -> None:
    """SY-02: facts are never thrown away; only what was never there is refused."""
    scene = await make_scene(database, [world.alice], INSTALL)
    cord = await define(database, world)
    await run(database, world.sam, "material.change", material_id=cord, active=False,
              reason="too thin")  # fmt: skip
    with pytest.raises(MaterialOutOfUse):
        await issue(database, world, cord, 1)
    assert (await use(database, world, scene, cord, 1)).by_other_technician is False
    for wrong in ({"material_id": str(new_id())}, {"visit_id": str(new_id())}):
        given = {"visit_id": scene.visit, "material_id": cord, "quantity": 1, **wrong}
        with pytest.raises(NotFound):
            await run(database, world.alice, "material.use", **given)
    with pytest.raises(NotFound):  # never her visit
        await run(database, world.carol, "material.use", visit_id=scene.visit, material_id=cord,
                  quantity=1)  # fmt: skip
    with pytest.raises(HolderNeeded):
        await run(database, world.dora, "material.use", visit_id=scene.visit, material_id=cord,
                  quantity=1)  # fmt: skip
    with pytest.raises(NotFound):  # not of her centre
        await run(database, world.dora, "material.hand_back", material_id=cord, quantity=1,
                  technician_id=str(world.carol.id))  # fmt: skip


async def test_ch_03_catalogue_and_limits_are_a_supervisors(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient
) -> None:
    cord = await define(database, world)
    with pytest.raises(MaterialKnown):
        await define(database, world)
    for who in (world.alice, world.dora, world.mia):
        with pytest.raises(Forbidden):
            await run(database, who, "material.set_limits", material_id=cord, limits=[],
                      reason="mine")  # fmt: skip
    with pytest.raises(InvalidArguments):
        await limit(database, world, cord, ("install", None, 1), ("install", None, 2))
    await limit(database, world, cord, ("install", None, 1))
    (shown,) = await items(client, settings, world, "alice", "/v1/materials?active=true&sort=code")
    assert shown["limits"] == [{"work_kind": "install", "tier": None, "most": 1}]
    assert await items(client, settings, world, "tess", "/v1/materials") == []


async def test_ch_03_what_was_used_is_exported_by_technician_and_visit(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient
) -> None:
    scene = await make_scene(database, [world.alice], INSTALL)
    cord = await define(database, world)
    await issue(database, world, cord, 3)
    await use(database, world, scene, cord, 2)
    body = {"operation": "material_movement_list", "format": "csv", "reason": "month's end",
            "query": {"technician_id": str(world.alice.id), "visit_id": scene.visit}}  # fmt: skip
    answer = await client.post("/v1/exports", headers=bearer(settings, world.dora), json=body)
    assert answer.status_code == httpx.codes.OK, answer.text
    (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    assert (row["technician_name"], row["code"], float(row["quantity"])) == ("Alice", "cord", 2)
    assert UUID(row["visit_id"]) == scene.visit_id


def test_ch_03_a_stock_that_goes_on_from_itself_is_the_sum_of_its_movements() -> None:
    """Whatever the order movements arrive in; where only the sum can say, it is asked for."""
    random = Random(7)
    begin = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    summed = 0
    for _ in range(300):
        stands, known = (0.0, None), []
        for _ in range(12):
            movement = (
                random.choice(list(Movement)),
                random.randrange(1, 9) / 8,
                begin + timedelta(minutes=random.randrange(20)),
            )
            newest = max((at for _kind, _quantity, at in known), default=None)
            known.append(movement)
            found, due = rules.moved(stands, newest, movement), _sum(known)
            summed += found is None
            assert found in {None, due}
            stands = due
    assert 0 < summed < 300 * 12 / 4


def _sum(movements: list[tuple[Movement, float, datetime]]) -> tuple[float, datetime | None]:
    """Return balance and last count by all movements, of one moment in the order of arrival."""
    balance, counted_at = 0.0, None
    for kind, quantity, at in sorted(movements, key=lambda movement: movement[2]):
        counted_at = at if kind is Movement.COUNT else counted_at
        balance = quantity if kind is Movement.COUNT else balance + rules.SIGN[kind] * quantity
    return balance, counted_at


async def test_ch_03_the_shipped_catalogue_is_added_once_and_leaves_what_is_there(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    own = await define(database, world, code="router", name_en="Our router")
    path, why = "/v1/materials/standard", {"reason": "a new region"}
    for _ in range(2):
        headers = bearer(settings, world.sam)
        assert (await client.post(path, json=why, headers=headers)).status_code == httpx.codes.OK
    found = await items(client, settings, world, "alice", "/v1/materials?limit=200")
    by_code = {row["code"]: row for row in found}
    assert len(found) == len(by_code) == len(standard.materials())
    assert (by_code["router"]["id"], by_code["router"]["name_en"]) == (own, "Our router")
    assert by_code["drop_fibre"]["unit"] == "metre"
    assert {row["use"] for row in found} == {"work", "gift"}
    assert all(re.search("[\u4e00-\u9fff]", row["name_zh"]) for row in standard.materials())


async def listed_on(database: Database, world: World, scene: Scene, **values: Any) -> None:
    """Answer what the visit's list asks about free materials, and end the visit."""
    (checklist,) = await bind(database, world.dora, scene)
    await run(
        database, world.alice, "checklist.answer", visit_id=scene.visit,
        checklist_id=str(checklist.id),
        answers=[{"item_key": key, "value": value} for key, value in values.items()],
    )  # fmt: skip
    async with database.transaction() as session:
        visit = await session.get_one(Visit, (1, scene.visit_id))
        visit.state, visit.ended_at = "completed", clock.now()
        visit.signature_refused_reason = "in a hurry"


def within(number: int, how: str = "within_rules") -> dict[str, Any]:
    return {"free_materials": how, "free_materials_number": number}


@pytest.mark.parametrize(
    ("said", "used", "most", "shown"),
    [
        (within(2), 2, None, None),
        ({"free_materials": "none"}, 0, None, None),
        (within(3), 2, None, (3, 2, False, False)),
        ({"free_materials": "none"}, 1, None, (0, 1, False, False)),
        (within(2), 2, 1, (2, 2, False, True)),
        (within(2, "above_rules"), 2, 1, None),
        (within(1, "above_rules"), 1, 1, (1, 1, True, False)),
    ],
)
async def test_ch_03_what_the_list_says_of_free_materials_is_compared_with_the_record(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings,
    said: dict[str, Any], used: int, most: int | None, shown: tuple[Any, ...] | None,
) -> None:  # fmt: skip
    scene = await make_scene(database, [world.alice], INSTALL)
    gift = await define(database, world, use="gift")
    work = await define(database, world, code="cable")
    if most is not None:
        await limit(database, world, gift, (None, None, most))
    await use(database, world, scene, work, 30)
    if used:
        await use(database, world, scene, gift, used, signature_sha256=SIGNATURE)
    await listed_on(database, world, scene, **said)
    found = await items(client, settings, world, "sam", "/v1/material-differences")
    wanted = [] if shown is None else [shown]
    assert [
        (row["said"], row["recorded"], row["said_beyond"], row["recorded_beyond"]) for row in found
    ] == wanted
    later = (clock.now() + timedelta(minutes=1)).isoformat().replace("+", "%2B")
    path = f"/v1/material-differences?since={later}"
    assert await items(client, settings, world, "sam", path) == []
    assert await items(client, settings, world, "dan", "/v1/material-differences") == []
