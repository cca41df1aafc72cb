"""The search for plans: read the day, let the search process look, check, keep the proposal."""

import asyncio
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.dispatch import problem as problems
from fieldops.dispatch import proposal, rules, watching
from fieldops.dispatch.commands.plans import COMPUTE
from fieldops.dispatch.day import CentreDay, Terms
from fieldops.dispatch.models import Plan, PlanLine
from fieldops.dispatch.proposal import Line, Proposal
from fieldops.dispatch.queries import days, plans
from fieldops.dispatch.rules import PlanState
from fieldops.dispatch.search_process import PROCESS, SearchFailed
from fieldops.kernel import clock, configuration, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Scope

log = structlog.get_logger()

TELL_SECONDS = 1.0
NOTHING = "There is nothing to plan on this day."


@jobs.job(COMPUTE)
async def compute_plan(region_id: int, plan_id: str) -> None:
    """Look for a plan somebody asked for; it ends proposed or failed, with the reason."""
    database, id_ = jobs.machine().database, UUID(plan_id)
    read = await _read(database, region_id, id_)
    if read is None:
        return
    day, terms, problem = read
    if not day.stops:
        await _fail(database, region_id, id_, NOTHING)
        return
    try:
        found = await _search(database, region_id, id_, problem.raw)
    except SearchFailed as failure:
        log.warning("plan not found", plan_id=plan_id, reason=str(failure))
        await _fail(database, region_id, id_, f"The search gave no plan: {failure}.")
        return
    if found is None:
        return
    made = proposal.of(day, terms, problem, found["stops"])
    wrong = [*found["faults"], *made.wrong]
    if wrong:
        log.error("plan not sound", plan_id=plan_id, wrong=wrong[:20])
        await _fail(database, region_id, id_, f"The plan found is not sound: {wrong[0]}.")
        return
    async with database.transaction() as session:
        await _keep(session, region_id, id_, day, made, found)


async def _read(
    database: Database, region_id: int, plan_id: UUID
) -> tuple[CentreDay, Terms, problems.Problem] | None:
    async with database.transaction() as session:
        row = await plans.plan(session, _whole(region_id), plan_id, lock=True)
        if row.state != PlanState.COMPUTING:
            return None  # discarded, or computed by a worker that died before it could say so
        now = clock.now()
        row.began_at = now
        day = await days.read(session, region_id, row.centre_id, row.day, now)
        terms = await days.terms(
            session,
            region_id,
            row.kind,
            seconds=row.seconds,
            urgent=[UUID(id_) for id_ in row.urgent_visit_ids],
        )
    return day, terms, problems.build(day, terms)


def _whole(region_id: int) -> Scope:
    return Scope(region_id, whole_region=True)


async def _search(
    database: Database, region_id: int, plan_id: UUID, raw: dict[str, Any]
) -> dict[str, Any] | None:
    """Return what the search found, None when the plan was discarded meanwhile."""
    if not raw["jobs"] or not raw["workers"]:
        return {"stops": [], "faults": [], "moves": 0, "seconds": 0.0}
    share = [0.0]

    def note(done: float) -> None:
        share[0] = done

    searching = asyncio.create_task(PROCESS.solve(raw, note))
    try:
        while not searching.done():
            await asyncio.wait({searching}, timeout=TELL_SECONDS)
            if searching.done():
                break
            async with database.transaction() as session:
                percent = min(99, round(share[0] * 100))
                if not await plans.note_progress(session, region_id, plan_id, percent):
                    return None
        return await searching
    finally:
        if not searching.done():
            searching.cancel()
            await asyncio.gather(searching, return_exceptions=True)


async def _fail(database: Database, region_id: int, plan_id: UUID, reason: str) -> None:
    async with database.transaction() as session:
        row = await plans.plan(session, _whole(region_id), plan_id, lock=True)
        if row.state == PlanState.COMPUTING:
            row.state, row.failed_reason = PlanState.FAILED.value, reason[:500]
            row.ready_at = clock.now()


async def _keep(
    session: AsyncSession,
    region_id: int,
    plan_id: UUID,
    day: CentreDay,
    made: Proposal,
    found: dict[str, Any],
) -> None:
    row = await plans.plan(session, _whole(region_id), plan_id, lock=True)
    if row.state != PlanState.COMPUTING:
        return
    ids = {line.stop.id: new_id() for line in made.lines}
    order = sorted(made.lines, key=lambda line: (not line.breaks_promise, _when(line)))
    session.add_all(_row(row, day, line, ids, number) for number, line in enumerate(order, start=1))
    row.figures = {**made.figures, "moves": found["moves"], "seconds": round(found["seconds"], 2)}
    row.hours = made.hours
    row.state, row.progress, row.ready_at = PlanState.PROPOSED.value, 100, clock.now()


def _when(line: Line) -> tuple[float, str]:
    return (line.span[0] if line.span is not None else -1.0), str(line.stop.id)


def _row(plan: Plan, day: CentreDay, line: Line, ids: dict[UUID, UUID], number: int) -> PlanLine:
    stop = line.stop

    def moment(minutes: float | None) -> Any:
        return None if minutes is None else day.moment(minutes)

    span, window = line.span or (None, None), line.window or stop.window or (None, None)
    return PlanLine(
        region_id=plan.region_id,
        id=ids[stop.id],
        plan_id=plan.id,
        visit_id=stop.id,
        centre_id=plan.centre_id,
        number=number,
        kind=line.kind.value,
        priority_class=stop.priority.value,
        technician_ids=[str(id_) for id_ in line.hands],
        former_technician_ids=[str(id_) for id_ in stop.technicians],
        starts_at=moment(span[0]),
        ends_at=moment(span[1]),
        former_start=moment(stop.start),
        window_start=moment(window[0]),
        window_end=moment(window[1]),
        breaks_promise=line.breaks_promise,
        requires=sorted(str(ids[id_]) for id_ in line.requires),
        gains=line.gains,
        base=_base(day, stop),
    )


def _base(day: CentreDay, stop: Any) -> dict[str, Any]:
    window = stop.window or (None, None)
    start = stop.start
    return {
        "version": stop.version,
        "window": [None if at is None else day.moment(at).isoformat() for at in window],
        "expected": None if start is None else day.moment(start).isoformat(),
        "minutes": round(stop.minutes),
        "technicians": sorted(str(id_) for id_ in stop.technicians),
        "locked": stop.locked,
    }


@jobs.every("*/1 * * * *", "dispatch.give_up_plans")
async def give_up_plans() -> None:
    """Let plans fail that no worker has computed for a long time."""
    database = jobs.machine().database
    async with database.transaction() as session:
        regions = await jobs.regions(session)
    for region_id in regions:
        async with database.transaction() as session:
            patience = await configuration.duration(session, region_id, rules.GIVE_UP)
            for row in await plans.unfinished(session, region_id, clock.now() - patience):
                row.state = PlanState.FAILED.value
                row.failed_reason = "No worker has computed it in time; is one running?"


@jobs.every("* * * * * */20", "dispatch.watch_days")
async def watch_days() -> None:
    """Look after the running days of every centre (AP-07)."""
    await watching.watch(jobs.machine().database)
