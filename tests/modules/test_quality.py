"""QA-05: evidence that looks wrong is asked about, answered by technicians, then decided."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from fieldops.files.uploading import Announced, Uploading
from fieldops.kernel import clock, jobs
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Scope
from fieldops.kernel.settings import Settings
from fieldops.quality import queries
from fieldops.quality.errors import AnswerAwaited, FlagDecided
from fieldops.quality.jobs import check_visits, print_photos
from fieldops.quality.models import EvidenceFlag
from fieldops.visits.models import Notice, Visit, VisitWork
from tests.modules.test_quality_rules import picture, saved
from tests.support.clients import bearer
from tests.support.factories.checklists import Scene, make_scene
from tests.support.factories.files import promise, sha256_of
from tests.support.factories.measurements import take_line_test, take_speed_test
from tests.support.factories.visits import captured, from_phone
from tests.support.run import run
from tests.support.world import World

pytestmark = pytest.mark.anyio

COPPER = ("broadband", "install", "copper")
FAR = {"type": "Point", "coordinates": [24.941, 60.18]}
DOOR = {"type": "Point", "coordinates": [24.941, 60.17]}


@pytest.fixture
async def scene(database: Database, world: World) -> Scene:
    return await make_scene(database, [world.alice, world.bob], COPPER)


@pytest.fixture(autouse=True)
def machine(database: Database, settings: Settings, tmp_path: Path) -> Uploading:
    """What jobs run with: an empty store of files."""
    with_files = settings.model_copy(update={"files_store": "disk", "files_path": tmp_path})
    jobs.use(jobs.Machine(database, with_files))
    return Uploading(database, with_files)


async def flags(database: Database, scene: Scene) -> list[EvidenceFlag]:
    async with database.transaction() as session:
        everything = Scope(1, whole_region=True)
        return list(await session.scalars(queries.flags(everything, visit_id=scene.visit_id)))


async def check(database: Database, world: World, scene: Scene) -> list[tuple[str, dict[str, Any]]]:
    await run(database, world.sam, "evidence.check", visit_id=scene.visit)
    return [(flag.kind, flag.found) for flag in await flags(database, scene)]


async def arrive(database: Database, world: World, scene: Scene, **changes: Any) -> None:
    await from_phone(database, world.alice, "visit.arrive", visit_id=scene.visit, **changes)


async def end(database: Database, scene: Scene, minutes: float, state: str = "completed") -> None:
    """Let a visit have begun now and ended after some minutes."""
    async with database.transaction() as session:
        visit = await session.get_one(Visit, (1, scene.visit_id))
        visit.arrived_at = clock.now()
        visit.ended_at = clock.now() + timedelta(minutes=minutes)
        visit.state, visit.signature_refused_reason = state, "not at home any more"
        visit.end_reason, visit.next_step, visit.told_customer = "no_access", "suspend", "Told."
        work = await session.scalars(
            select(VisitWork).where(VisitWork.region_id == 1, VisitWork.visit_id == scene.visit_id)
        )
        for row in work:
            row.ended_at, row.outcome = visit.ended_at, "completed"


async def test_qa_05_nothing_is_asked_about_a_visit_as_visits_should_be(
    database: Database, world: World, scene: Scene
) -> None:
    await arrive(database, world, scene, point=DOOR)
    await take_line_test(database, world.alice, scene, loop_resistance_ohm=310)
    await end(database, scene, 55)
    assert await check(database, world, scene) == []


async def test_qa_05_an_arrival_far_from_the_premises_is_asked_about_with_values_and_threshold(
    database: Database, world: World, scene: Scene
) -> None:
    await arrive(database, world, scene, point=FAR, accuracy_m=12)
    await check(database, world, scene)
    (flag,) = await flags(database, scene)
    assert (flag.kind, flag.technician_id, flag.state) == (
        "position_far", world.alice.id, "open",
    )  # fmt: skip
    assert flag.found == {"distance_m": pytest.approx(1112, abs=2), "accuracy_m": 12}
    assert flag.thresholds == {"limit_m": 500}
    assert "1112 m from the premises; up to 500 m" in flag.reason["en"]


async def test_qa_05_the_threshold_is_the_regions_own(
    database: Database, world: World, scene: Scene
) -> None:
    await run(
        database, world.ada, "rule.set_number", name="quality_position_m", value=2000,
        reason="long drives in",
    )  # fmt: skip
    await arrive(database, world, scene, point=FAR)
    assert await check(database, world, scene) == []


async def test_qa_05_a_completed_visit_shorter_than_its_work_is_asked_about(
    database: Database, world: World, scene: Scene
) -> None:
    await end(database, scene, 9)
    assert await check(database, world, scene) == [("too_short", {"minutes": 9})]
    (flag,) = await flags(database, scene)
    assert (flag.thresholds, flag.technician_id) == ({"least_minutes": 15}, world.alice.id)


async def test_qa_05_a_visit_that_failed_may_be_short(
    database: Database, world: World, scene: Scene
) -> None:
    await end(database, scene, 2, state="failed")
    assert await check(database, world, scene) == []


async def test_qa_05_a_phone_with_a_wrong_clock_is_asked_about_once(
    database: Database, world: World, scene: Scene, at: datetime
) -> None:
    wrong = captured(at, wall=at + timedelta(hours=5))
    for name in ("visit.arrive", "note.add"):
        args = {"point": DOOR} if name == "visit.arrive" else {"text": "Noise"}
        await run(
            database, world.alice, name, device=world.alice.id, captured=wrong,
            visit_id=scene.visit, **args,
        )  # fmt: skip
    assert await check(database, world, scene) == [("clock_off", {"minutes": 300})]
    assert len(await check(database, world, scene)) == 1


async def test_qa_05_a_test_with_all_the_values_of_an_earlier_one_is_asked_about(
    database: Database, world: World, scene: Scene, at: datetime
) -> None:
    values = {"loop_resistance_ohm": 310, "foreign_voltage_v": 0.4}
    first = await take_line_test(database, world.alice, scene, **values)
    await take_speed_test(database, world.alice, scene)
    with clock.frozen(at + timedelta(days=1)):
        later = await make_scene(database, [world.alice, world.bob], COPPER)
        await take_line_test(database, world.alice, later, **values)
        await take_speed_test(database, world.alice, later, down_mbps=98.5)
        await take_line_test(database, world.bob, later, **values)
        found = await check(database, world, later)
    assert [kind for kind, _ in found] == ["test_copied"]
    assert found[0][1]["other_test_id"] == str(first)
    assert found[0][1]["other_visit_id"] == scene.visit
    assert await check(database, world, scene) == []


async def test_qa_05_a_test_repeated_at_the_same_line_of_the_visit_is_no_copy(
    database: Database, world: World, scene: Scene
) -> None:
    for _ in range(2):
        await take_line_test(database, world.alice, scene, loop_resistance_ohm=310)
    assert await check(database, world, scene) == []


async def test_qa_05_two_values_alone_are_no_copy(
    database: Database, world: World, scene: Scene, at: datetime
) -> None:
    await take_line_test(database, world.alice, scene)
    with clock.frozen(at + timedelta(days=1)):
        later = await make_scene(database, [world.alice], COPPER)
        await take_line_test(database, world.alice, later)
        assert await check(database, world, later) == []


async def photo(
    database: Database, machine: Uploading, actor: Actor, scene: Scene, data: bytes, **how: Any
) -> UUID:
    """Promise a photo of a visit and send it."""
    link = await promise(
        database, actor, data, subject_id=scene.visit_id, visit_id=scene.visit_id,
        **how,
    )  # fmt: skip

    async def body() -> AsyncIterator[bytes]:
        yield data

    key, _ = await machine.create(actor, Announced(len(data), sha256_of(data)))
    await machine.append(key, 0, body())
    return link


async def test_qa_05_a_photo_taken_for_another_visit_is_asked_about_also_when_saved_anew(
    database: Database, world: World, scene: Scene, machine: Uploading, at: datetime
) -> None:
    first = await photo(database, machine, world.alice, scene, saved(picture(1), quality=95))
    dark = saved(picture(1).point(lambda _: 3))
    await photo(database, machine, world.alice, scene, dark)
    await print_photos()
    with clock.frozen(at + timedelta(days=20)):
        later = await make_scene(database, [world.alice], COPPER)
        again = await photo(database, machine, world.alice, later, saved(picture(1), quality=50))
        await photo(database, machine, world.alice, later, saved(picture(2)))
        await photo(database, machine, world.alice, later, dark)
        await end(database, later, 60)
        assert await check(database, world, later) == []
    # The prints come when the worker has time; what was looked at before is looked at again.
    with clock.frozen(at + timedelta(days=20, hours=1)):
        await print_photos()
    (flag,) = await flags(database, later)
    assert (flag.kind, flag.subject_id, flag.technician_id) == (
        "photo_reused", again, world.alice.id,
    )  # fmt: skip
    assert flag.found["other_link_id"] == str(first)
    assert flag.found["other_visit_id"] == scene.visit
    assert (flag.found["same_content"], flag.found["same_technician"]) == (False, True)
    assert flag.found["distance"] <= flag.thresholds["most_distance"] == 3
    assert await check(database, world, scene) == []  # the first one is no copy


async def test_qa_05_the_same_file_for_two_visits_is_asked_about_whoever_sent_it(
    database: Database, world: World, scene: Scene, machine: Uploading, at: datetime
) -> None:
    data = b"\x00\x00\x00\x18ftypheic" + bytes(2000)
    await photo(database, machine, world.alice, scene, data, mime="image/heic")
    await photo(database, machine, world.alice, scene, saved(picture(3)))
    with clock.frozen(at + timedelta(hours=3)):
        later = await make_scene(database, [world.bob], COPPER)
        await promise(
            database, world.bob, data, subject_id=later.visit_id, visit_id=later.visit_id,
            mime="image/heic",
        )  # fmt: skip
        await print_photos()
        found = await check(database, world, later)
    assert [kind for kind, _ in found] == ["photo_reused"]
    assert (found[0][1]["same_content"], found[0][1]["same_technician"]) == (True, False)


async def test_qa_05_one_photo_twice_on_one_visit_is_nothing(
    database: Database, world: World, scene: Scene, machine: Uploading, at: datetime
) -> None:
    await photo(database, machine, world.alice, scene, saved(picture(1)))
    with clock.frozen(at + timedelta(minutes=3)):
        await photo(database, machine, world.alice, scene, saved(picture(1), quality=60))
        await print_photos()
        assert await check(database, world, scene) == []


async def test_qa_05_visits_that_ended_are_looked_at_by_themselves_and_once_more_a_day_later(
    database: Database, world: World, scene: Scene, at: datetime
) -> None:
    await end(database, scene, 60)
    with clock.frozen(at + timedelta(hours=2)):
        await check_visits()
        await take_line_test(database, world.alice, scene)
        await arrive(database, world, scene, point=FAR)  # a phone that hands in late
        await check_visits()
    assert await flags(database, scene) == []
    with clock.frozen(at + timedelta(hours=26)):
        await check_visits()
    assert [flag.kind for flag in await flags(database, scene)] == ["position_far"]


async def test_qa_05_the_technician_is_told_once_and_colleagues_are_not(
    database: Database, world: World, scene: Scene
) -> None:
    await arrive(database, world, scene, point=FAR)
    await end(database, scene, 3)
    for _ in range(2):
        await check(database, world, scene)
    async with database.transaction() as session:
        told = await session.scalars(
            select(Notice).where(Notice.region_id == 1, Notice.kind == "evidence_asked")
        )
        (notice,) = told
    assert (notice.technician_id, notice.visit_id) == (world.alice.id, scene.visit_id)
    assert notice.reason == "position_far, too_short"


async def asked(database: Database, world: World, scene: Scene) -> str:
    """Have one flag on Alice's evidence, and return its id."""
    await arrive(database, world, scene, point=FAR)
    await check(database, world, scene)
    return str((await flags(database, scene))[0].id)


async def test_qa_05_the_technician_answers_then_a_supervisor_decides_with_a_reason(
    database: Database, world: World, scene: Scene
) -> None:
    flag_id = await asked(database, world, scene)
    with pytest.raises(AnswerAwaited):
        await run(
            database, world.sam, "evidence_flag.decide", flag_id=flag_id, holds=True, reason="far"
        )
    await run(
        database, world.alice, "evidence_flag.answer", flag_id=flag_id, answer="Parked there."
    )
    await run(
        database, world.sam, "evidence_flag.decide", flag_id=flag_id, holds=False,
        reason="The entrance is there.",
    )  # fmt: skip
    (flag,) = await flags(database, scene)
    assert (flag.state, flag.answer, flag.decided_by) == (
        "false_alarm", "Parked there.", world.sam.id,
    )  # fmt: skip
    with pytest.raises(FlagDecided):
        await run(
            database, world.alice, "evidence_flag.answer", flag_id=flag_id, answer="And more."
        )
    assert await check(database, world, scene) == [("position_far", flag.found)]


async def test_qa_05_without_an_answer_a_flag_may_hold_when_the_time_for_it_is_over(
    database: Database, world: World, scene: Scene, at: datetime
) -> None:
    flag_id = await asked(database, world, scene)
    with clock.frozen(at + timedelta(days=3)):
        await run(
            database, world.sam, "evidence_flag.decide", flag_id=flag_id, holds=True, reason="far"
        )
    assert (await flags(database, scene))[0].state == "holds"


async def test_qa_05_nobody_answers_for_a_colleague(
    database: Database, world: World, scene: Scene
) -> None:
    flag_id = await asked(database, world, scene)
    with pytest.raises(NotFound):
        await run(database, world.bob, "evidence_flag.answer", flag_id=flag_id, answer="No, I.")


async def test_qa_05_a_technician_sees_what_is_said_about_own_work_only(
    database: Database, world: World, scene: Scene, client: httpx.AsyncClient, settings: Settings
) -> None:
    flag_id = await asked(database, world, scene)

    async def seen(actor: Actor) -> list[str]:
        answer = await client.get(
            "/v1/evidence-flags", params={"sort": "-found_at"}, headers=bearer(settings, actor)
        )
        return [item["id"] for item in answer.json()["items"]]

    assert await seen(world.alice) == await seen(world.sam) == [flag_id]
    assert await seen(world.bob) == await seen(world.mia) == []
    hidden = await client.get(f"/v1/evidence-flags/{flag_id}", headers=bearer(settings, world.bob))
    assert hidden.status_code == 404


async def test_qa_05_the_rate_of_false_alarms_of_each_check_can_be_read(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    for holds in (True, False, False, None):
        scene = await make_scene(database, [world.alice], COPPER)
        flag_id = await asked(database, world, scene)
        if holds is not None:
            await run(
                database, world.alice, "evidence_flag.answer", flag_id=flag_id, answer="So it was"
            )
            await run(
                database, world.sam, "evidence_flag.decide", flag_id=flag_id, holds=holds,
                reason="looked at the map",
            )  # fmt: skip
    answer = await client.get("/v1/evidence-checks", headers=bearer(settings, world.sam))
    body = answer.json()
    assert body["visits_looked_at"] == 4
    (far,) = (one for one in body["checks"] if one["kind"] == "position_far")
    assert far == {
        "kind": "position_far", "raised": 4, "undecided": 1, "holds": 1, "false_alarms": 2,
        "false_alarm_share": 0.6667,
    }  # fmt: skip
    own = await client.get("/v1/evidence-checks", headers=bearer(settings, world.bob))
    assert own.json()["visits_looked_at"] is None
    assert {one["raised"] for one in own.json()["checks"]} == {0}
