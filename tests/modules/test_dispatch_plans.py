"""Proposals and their publishing: what is planned anew, what is shown, what is never broken."""

import asyncio
import json
import os
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from bench import instances
from fieldops.appointments.models import Appointment, CallTask, Reservation
from fieldops.cli.dispatch import problem_of
from fieldops.dispatch.jobs import compute_plan, give_up_plans
from fieldops.dispatch.search_process import SearchProcess
from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.organisation.models import Qualification
from fieldops.visits.models import Assignment, Notice, Visit
from tests.support.clients import bearer
from tests.support.factories.appointments import BROADBAND, FIXED, local, planned_visit
from tests.support.factories.plans import ask, booked_visit, of, person, read
from tests.support.rows import every, one
from tests.support.run import run
from tests.support.world import World

pytestmark = pytest.mark.anyio


async def present(database: Database, visit_id: Any) -> set[str]:
    rows = await every(database, Assignment, visit_id=visit_id, ended_at=None)
    return {str(row.technician_id) for row in rows}


async def publish(
    client: httpx.AsyncClient, plan_id: Any, headers: dict[str, str], **args: Any
) -> httpx.Response:
    return await client.post(f"/v1/dispatch/plans/{plan_id}/publish", headers=headers, json=args)


async def test_wo_06_a_visit_without_a_time_is_placed_and_its_customer_is_called(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    dora = bearer(settings, world.dora)
    waiting = await planned_visit(database, world.dora)
    kept = await booked_visit(database, world, local(23, 10), "alice")
    plan_id = await ask(database, settings, world.dora)
    plan = await read(client, plan_id, dora)
    assert plan["state"] == "proposed", plan["failed_reason"]
    line = of(plan, waiting.visit_id)
    assert (line["kind"], line["breaks_promise"]) == ("placed", False)
    assert "new at" in line["words"]["en"]
    assert "新安排" in line["words"]["zh_CN"]
    before, after = plan["figures"]["before"], plan["figures"]["after"]
    assert (before["served"], after["served"]) == (1, 2)
    answer = await publish(client, plan_id, dora)
    assert answer.status_code == 200, answer.text
    visit = await one(database, Visit, id=waiting.visit_id)
    assert visit.state == "dispatched"
    assert visit.expected_arrival.isoformat().replace("+00:00", "Z") == line["starts_at"]
    assert await present(database, waiting.visit_id) == set(line["technician_ids"])
    (task,) = await every(database, CallTask, visit_id=waiting.visit_id)
    assert (task.kind, task.subject) == ("new_appointment", "day_plan")
    assert (await one(database, Visit, id=kept)).window_start == local(23, 10)
    assert (await read(client, plan_id, dora))["state"] == "published"


async def test_vi_01_work_that_needs_two_people_is_planned_for_two_who_begin_together(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    """As the search for windows does; the visit a dispatcher gave to one stays with one."""
    number = {"name": "technicians_install", "value": 2, "reason": "ladders"}
    await run(database, world.ada, "rule.set_number", **number)
    waiting = await planned_visit(database, world.dora)
    repair = ({"kind": "repair", "service": "fixed_line"},)
    other = await planned_visit(database, world.dora, items=repair)
    given = await booked_visit(database, world, local(23, 10), "alice")
    plan_id = await ask(database, settings, world.dora)
    plan = await read(client, plan_id, bearer(settings, world.dora))
    placed = {id_: of(plan, id_) for id_ in (waiting.visit_id, other.visit_id)}
    assert [(line["kind"], len(set(line["technician_ids"]))) for line in placed.values()] == [
        ("placed", 2),
        ("placed", 1),
    ]
    now = [line["technician_ids"] for line in plan["lines"] if line["visit_id"] == str(given)]
    assert not now or len(now[0]) == 1


async def test_a_swap_is_proposed_as_two_lines_that_go_together(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    """VI-01: Alice and Bob drive past each other; publishing one half alone is refused."""
    dora = bearer(settings, world.dora)
    await cheap_changes(database, world)
    await booked_visit(database, world, local(23, 9), "alice", hours=1, longitude=24.80)
    await booked_visit(database, world, local(23, 9), "bob", hours=1, longitude=25.08)
    west = await booked_visit(database, world, local(23, 10, 30), "bob", hours=1, longitude=24.80)
    east = await booked_visit(database, world, local(23, 10, 30), "alice", hours=1, longitude=25.08)
    await run(database, world.ada, "leave.add", technician_id=person("kim"), kind="leave",
              starts_at=local(23, 0).isoformat(), ends_at=local(24, 0).isoformat())  # fmt: skip
    plan = await read(client, await ask(database, settings, world.dora), dora)
    swapped = {of(plan, id_)["id"]: of(plan, id_) for id_ in (west, east)}
    assert [line["kind"] for line in swapped.values()] == ["reassigned"] * 2
    assert of(plan, west)["technician_ids"] == [person("alice")]
    assert of(plan, west)["requires"] == [of(plan, east)["id"]]
    assert plan["figures"]["after"]["travel_minutes"] < plan["figures"]["before"]["travel_minutes"]
    assert all(line["gains"]["travel_minutes"] > 0 for line in swapped.values())
    assert "from Bob to Alice" in of(plan, west)["words"]["en"]
    half = await publish(client, plan["id"], dora, line_ids=[of(plan, west)["id"]])
    assert (half.status_code, half.json()["code"]) == (409, "plan_lines_belong_together")
    assert half.json()["lines"] == [
        {"line_id": of(plan, west)["id"], "needs": [of(plan, east)["id"]]}
    ]
    assert await present(database, west) == {person("bob")}
    both = await publish(client, plan["id"], dora, line_ids=list(swapped))
    assert both.status_code == 200, both.text
    assert await present(database, west) == {person("alice")}
    assert await present(database, east) == {person("bob")}
    times = {row.visit_id: str(row.technician_id) for row in await every(database, Reservation)}
    assert (times[west], times[east]) == (person("alice"), person("bob"))
    told = await every(database, Notice, visit_id=west)
    assert {(str(n.technician_id), n.kind) for n in told if n.reason} == {
        (person("bob"), "reassigned"),
        (person("alice"), "gained"),
    }


async def cheap_changes(database: Database, world: World) -> None:
    await run(
        database,
        world.ada,
        "rule.set_number",
        name="dispatch_change_cost",
        value=0,
        reason="for the test",
    )


async def test_lines_that_meet_something_new_are_named_and_the_rest_goes_out(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    dora = bearer(settings, world.dora)
    first = await planned_visit(database, world.dora)
    second = await planned_visit(database, world.dora, longitude=24.95)
    plan = await read(client, await ask(database, settings, world.dora), dora)
    await run(database, world.dora, "visit.lock", visit_id=str(first.visit_id), reason="for later")
    whole = await publish(client, plan["id"], dora)
    assert (whole.status_code, whole.json()["code"]) == (409, "plan_lines_outdated")
    (named,) = whole.json()["lines"]
    assert (named["visit_id"], named["changed"]) == (str(first.visit_id), ["locked"])
    assert await present(database, second.visit_id) == set()
    rest = await publish(client, plan["id"], dora, line_ids=[of(plan, second.visit_id)["id"]])
    assert rest.status_code == 200, rest.text
    assert await present(database, second.visit_id)
    again = await publish(client, plan["id"], dora, line_ids=[of(plan, second.visit_id)["id"]])
    assert (again.status_code, again.json()["code"]) == (422, "unknown_plan_lines")


async def test_time_that_was_sold_meanwhile_is_not_taken_by_a_plan(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    """AP-01: capacity is given once, to whoever came first."""
    dora = bearer(settings, world.dora)
    waiting = await planned_visit(database, world.dora)
    plan = await read(client, await ask(database, settings, world.dora), dora)
    line = of(plan, waiting.visit_id)
    name = next(n for n in ("alice", "bob", "kim") if person(n) in line["technician_ids"])
    start = datetime.fromisoformat(line["starts_at"])
    await booked_visit(database, world, start, name)
    late = await publish(client, plan["id"], dora)
    assert (late.status_code, late.json()["code"]) == (409, "plan_lines_outdated")
    assert late.json()["lines"][0]["changed"] == ["technicians_time"]


async def test_a_locked_visit_stays_whatever_would_be_gained(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    dora = bearer(settings, world.dora)
    await cheap_changes(database, world)
    await booked_visit(database, world, local(23, 9), "alice", hours=1, longitude=24.80)
    await booked_visit(database, world, local(23, 9), "bob", hours=1, longitude=25.08)
    west = await booked_visit(database, world, local(23, 10, 30), "bob", hours=1, longitude=24.80)
    await booked_visit(database, world, local(23, 10, 30), "alice", hours=1, longitude=25.08)
    await run(database, world.dora, "visit.lock", visit_id=str(west), reason="Bob knows them")
    plan = await read(client, await ask(database, settings, world.dora), dora)
    assert str(west) not in {line["visit_id"] for line in plan["lines"]}
    day = await client.get(
        "/v1/dispatch/days",
        headers=dora,
        params={"centre_id": plan["centre_id"], "day": "2026-11-23"},
    )
    shown = {row["visit_id"]: row for row in day.json()["visits"]}
    assert (shown[str(west)]["locked"], shown[str(west)]["fixed"]) == (True, True)
    assert {row["name"] for row in day.json()["hours"]} == {"Alice", "Bob", "Kim"}


async def test_org_03_a_certificate_that_has_ended_gets_nobody_work(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    dora = bearer(settings, world.dora)
    async with database.transaction() as session:
        for row in await every(database, Qualification):
            if row.skill == "copper_broadband" and str(row.technician_id) != person("carol"):
                (await session.merge(row)).valid_until = date(2026, 11, 23)
    today = await planned_visit(database, world.dora, items=(BROADBAND,))
    plan = await read(client, await ask(database, settings, world.dora), dora)
    assert of(plan, today.visit_id)["kind"] == "placed"
    plan = await read(client, await ask(database, settings, world.dora, day="2026-11-24"), dora)
    line = of(plan, today.visit_id)
    assert (line["kind"], line["breaks_promise"]) == ("left_out", False)
    none = await publish(client, plan["id"], dora)
    assert (none.status_code, none.json()["code"]) == (422, "unknown_plan_lines")


async def test_vi_01_work_nobody_can_do_alone_gets_a_pair_that_begins_together(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    dora = bearer(settings, world.dora)
    async with database.transaction() as session:
        for row in await every(database, Qualification, skill="fixed_line"):
            if str(row.technician_id) != person("bob"):
                await session.delete(await session.merge(row))
    both = await planned_visit(database, world.dora, items=(FIXED, BROADBAND))
    plan = await read(client, await ask(database, settings, world.dora), dora)
    line = of(plan, both.visit_id)
    assert len(line["technician_ids"]) == 2
    assert person("bob") in line["technician_ids"]
    done = await publish(client, plan["id"], dora)
    assert done.status_code == 200, done.text
    rows = await every(database, Assignment, visit_id=both.visit_id)
    assert [row.is_contact for row in rows].count(True) == 1
    assert len({str(row.during) for row in await every(database, Reservation)}) == 1


async def test_wo_06_a_share_of_the_day_is_kept_for_faults(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    """Half of everybody's day is kept: installs stop there, a repair goes beyond."""
    dora = bearer(settings, world.dora)
    await run(database, world.ada, "rule.set_number", name="dispatch_reserve", value=50,
              reason="a storm is coming")  # fmt: skip
    for name in ("bob", "kim"):
        await run(database, world.ada, "leave.add", technician_id=person(name), kind="leave",
                  starts_at=local(24, 0).isoformat(), ends_at=local(25, 0).isoformat())  # fmt: skip
    installs = [await planned_visit(database, world.dora) for _ in range(6)]
    repair = await planned_visit(
        database, world.dora, items=({"kind": "repair", "service": "fixed_line"},)
    )
    plan = await read(client, await ask(database, settings, world.dora, day="2026-11-24"), dora)
    placed = [of(plan, one.visit_id)["kind"] for one in installs]
    assert placed.count("placed") == 4  # of 510 minutes 255
    assert of(plan, repair.visit_id)["kind"] == "placed"
    (hers,) = [h["after"] for h in plan["hours"] if h["name"] == "Alice"]
    spent = sum(hers[k] for k in ("work", "travel", "wait", "lunch", "elsewhere", "free"))
    assert spent == pytest.approx(hers["shift"] + hers["over"], abs=0.5)
    assert hers["lunch"] == 30


async def test_ap_06_a_promise_is_moved_only_with_the_customers_word(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    dora = bearer(settings, world.dora)
    for name in ("bob", "kim"):
        await run(database, world.ada, "leave.add", technician_id=person(name), kind="leave",
                  starts_at=local(23, 0).isoformat(), ends_at=local(24, 0).isoformat())  # fmt: skip
    morning = await booked_visit(database, world, local(23, 9), "alice", hours=1)
    await run(database, world.ada, "leave.add", technician_id=person("alice"), kind="training",
              starts_at=local(23, 8).isoformat(), ends_at=local(23, 12).isoformat())  # fmt: skip
    plan_id = await ask(database, settings, world.dora, "plan.replan", cause="absence")
    plan = await read(client, plan_id, dora)
    line = of(plan, morning)
    assert (line["kind"], line["breaks_promise"]) == ("moved", True)
    start = datetime.fromisoformat(line["starts_at"])
    assert local(23, 12, 30) <= start <= local(23, 13)
    assert "09:00–10:00 cannot be kept; Alice could come at" in line["words"]["en"]
    refused = await publish(client, plan_id, dora)
    assert (refused.status_code, refused.json()["code"]) == (409, "plan_breaks_promises")
    assert (await one(database, Visit, id=morning)).window_start == local(23, 9)
    agreed = {
        "line_id": line["id"],
        "customer_contacted_at": clock.now().isoformat(),
        "channel": "phone",
        "customer_said": "This afternoon is fine.",
    }
    done = await publish(client, plan_id, dora, agreed=[agreed])
    assert done.status_code == 200, done.text
    promise = await one(database, Appointment, visit_id=morning)
    assert (promise.moved_cause, promise.moved_reason) == ("operator", "technician_ill")
    assert (promise.operator_reschedules, promise.contacted_in_time) == (1, True)
    visit = await one(database, Visit, id=morning)
    assert visit.window_start == datetime.fromisoformat(line["window_start"])
    assert visit.window_start <= visit.expected_arrival < visit.window_end


async def test_a_day_that_is_over_or_far_ahead_and_a_neighbours_centre_are_not_planned(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    dora = bearer(settings, world.dora)
    for centre, day, answer in (
        ("north", "2026-11-22", (422, "day_past")),
        ("north", "2027-11-25", (422, "day_too_far")),
        ("north", "9999-12-31", (422, "day_too_far")),
        ("south", "2026-11-23", (404, "not_found")),
        ("harbour", "2026-11-23", (404, "not_found")),
    ):
        asked = await client.post(
            "/v1/dispatch/plans", headers=dora, json={"centre_id": person(centre), "day": day}
        )
        assert (asked.status_code, asked.json()["code"]) == answer


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
async def test_a_day_outside_the_calendar_is_refused_with_a_sentence(
    client: httpx.AsyncClient, settings: Settings, world: World, day: str
) -> None:
    asked = {"centre_id": person("north"), "day": day}
    answer = await client.get(
        "/v1/dispatch/days", params=asked, headers=bearer(settings, world.dora)
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


async def test_one_plan_is_looked_for_at_a_time_and_discarding_ends_it(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    dora = bearer(settings, world.dora)
    body = {"centre_id": person("north"), "day": "2026-11-23"}
    first = await client.post("/v1/dispatch/plans", headers=dora, json=body)
    plan_id = first.json()["refs"][0]["id"]
    second = await client.post("/v1/dispatch/plans", headers=dora, json=body)
    assert (second.status_code, second.json()["code"]) == (409, "plan_running")
    early = await publish(client, plan_id, dora)
    assert (early.status_code, early.json()["code"]) == (409, "plan_not_ready")
    gone = await client.post(f"/v1/dispatch/plans/{plan_id}/discard", headers=dora)
    assert gone.status_code == 200, gone.text
    jobs.use(jobs.Machine(database, settings))
    await compute_plan(region_id=1, plan_id=plan_id)  # the worker comes too late
    assert (await read(client, plan_id, dora))["state"] == "superseded"


async def test_a_plan_nobody_computes_fails_after_a_while(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    dora = bearer(settings, world.dora)
    body = {"centre_id": person("north"), "day": "2026-11-23"}
    asked = await client.post("/v1/dispatch/plans", headers=dora, json=body)
    jobs.use(jobs.Machine(database, settings))
    with clock.frozen(clock.now() + timedelta(minutes=16)):
        await give_up_plans()
    plan = await read(client, asked.json()["refs"][0]["id"], dora)
    assert (plan["state"], "No worker" in plan["failed_reason"]) == ("failed", True)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import os; print('{}', flush=True); input(); os.kill(os.getpid(), 9)", "ended with -9"),
        ('print(\'{}\'); input(); print(\'{"error": "MemoryError", "ended": 0}\')', "MemoryError"),
        ("raise SystemExit(3)", "ended with 3"),
    ],
)
async def test_a_search_that_dies_leaves_a_failed_plan_and_no_process(
    client: httpx.AsyncClient,
    database: Database,
    settings: Settings,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    said: str,
) -> None:
    dora = bearer(settings, world.dora)
    await planned_visit(database, world.dora)
    dying = SearchProcess((sys.executable, "-c", program))
    monkeypatch.setattr("fieldops.dispatch.jobs.PROCESS", dying)
    plan = await read(client, await ask(database, settings, world.dora), dora)
    assert plan["state"] == "failed"
    assert said in plan["failed_reason"]
    dying.close()
    assert dying.pid is None


async def test_a_search_that_is_not_wanted_any_more_is_killed(
    database: Database, settings: Settings, world: World
) -> None:
    raw = {"format": "fieldops-day-1", "seconds": 600}
    slow = SearchProcess((sys.executable, "-c", "import time; print('{}'); time.sleep(600)"))
    asked = asyncio.create_task(slow.solve(raw, lambda _share: None))
    for _ in range(1000):
        await asyncio.sleep(0.01)
        if slow.pid is not None:
            break
    pid = slow.pid
    assert pid is not None
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    slow.close()


async def test_a_day_of_the_database_is_a_file_that_the_bench_reads(
    database: Database, world: World, tmp_path: Path
) -> None:
    """The command line prints what the search gets; names and addresses are not in it."""
    await planned_visit(database, world.dora)
    await booked_visit(database, world, local(24, 9), "alice", tier="gold")
    async with database.transaction() as session:
        raw = await problem_of(session, 1, UUID(person("north")), date(2026, 11, 24))
    file = tmp_path / "day.json"
    file.write_text(json.dumps(raw), encoding="utf-8")
    read_back = instances.read(file)
    assert [job.rank for job in read_back.day.jobs] == [0, 4]
    assert read_back.day.jobs[0].grace == 0.0
    assert len(read_back.day.workers) == 3
    assert "Alice" not in file.read_text(encoding="utf-8")
