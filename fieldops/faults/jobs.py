"""The timetable of faults: the load of each centre is measured against the emergency plans."""

from collections import defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.emergencies import queries as emergencies
from fieldops.emergencies import rules as emergency_rules
from fieldops.emergencies.models import EmergencyPlan
from fieldops.emergencies.rules import Load
from fieldops.faults import queries, rules
from fieldops.faults.queries import analyses
from fieldops.kernel import actor, clock, commands, configuration, jobs
from fieldops.kernel.clock import local_day
from fieldops.kernel.commands import Envelope
from fieldops.kernel.errors import Coded
from fieldops.kernel.ids import new_id
from fieldops.organisation import queries as organisation

LOOKED_BACK = timedelta(days=14)

log = structlog.get_logger()


@jobs.every("*/5 * * * *", "faults.measure_load")
async def measure_load() -> None:
    """Propose the emergency plans whose triggers are reached, or put them in force (EM-01)."""
    database = jobs.machine().database
    async with database.transaction() as session:
        regions = await jobs.regions(session)
    for region_id in regions:
        async with database.transaction() as session:
            due = await _due(session, region_id)
        for name, args in due:
            try:
                async with database.transaction() as session:
                    envelope = Envelope(new_id(), name, args)
                    await commands.run(session, actor.system(region_id), envelope, clock.now())
            except Coded as refusal:
                # Somebody was quicker, or the plan is out of use by now; the others go on.
                log.warning("plan not opened", plan_id=args["plan_id"], code=refusal.code)


async def _due(session: AsyncSession, region_id: int) -> list[tuple[str, dict[str, Any]]]:
    """Return the commands for the plans of a region whose triggers are reached."""
    quiet = await configuration.duration(session, region_id, emergency_rules.QUIET_AFTER_DISMISSAL)
    plans = await emergencies.with_triggers(session, region_id, clock.now() - quiet)
    if not plans:
        return []
    loads = await _loads(session, region_id)
    found = []
    for plan in plans:
        load = loads[plan.centre_id]
        if emergency_rules.is_triggered(load, plan.open_work_percent, plan.area_faults):
            found.append(_command(plan, load))
    return found


def _command(plan: EmergencyPlan, load: Load) -> tuple[str, dict[str, Any]]:
    reason = rules.reason_of_load(load.open_work_percent, load.area_faults)
    args: dict[str, Any] = {"plan_id": str(plan.id), "reason": reason}
    if plan.automatic:
        return "emergency.activate", args
    measured = {
        "open_work_percent": load.open_work_percent,
        "area_faults": load.area_faults,
    }
    return "emergency.propose", args | measured


async def _loads(session: AsyncSession, region_id: int) -> dict[UUID | None, Load]:
    """Return the load of each centre and, without a centre, of the whole region."""
    work = await queries.open_minutes(session, region_id)
    faults = await queries.open_count(session, region_id)
    working = await _working_minutes(session, region_id)
    loads: dict[UUID | None, Load] = defaultdict(
        lambda: Load(0, 0),
        {
            centre: emergency_rules.load(
                work.get(centre, 0), working.get(centre, 0), faults.get(centre, 0)
            )
            for centre in {*work, *faults, *working}
        },
    )
    loads[None] = emergency_rules.load(
        sum(work.values()), sum(working.values()), sum(faults.values())
    )
    return loads


async def _working_minutes(session: AsyncSession, region_id: int) -> dict[UUID, float]:
    """Return the working time ahead of each centre's technicians, minutes (ORG-07)."""
    now = clock.now()
    days = await configuration.value(session, region_id, emergency_rules.LOAD_DAYS)
    zone = await organisation.zone_of(session, region_id)
    home = await queries.technicians_by_centre(session, region_id)
    first = local_day(now, zone)
    last = first + timedelta(days=int(days) - 1)
    calendars = await organisation.working_intervals(
        session, region_id, list(home), first, last, zone
    )
    minutes: dict[UUID, float] = defaultdict(float)
    for technician_id, intervals in calendars.items():
        left = sum((end - max(start, now) for start, end in intervals if end > now), timedelta())
        minutes[home[technician_id]] += left.total_seconds() / 60
    return minutes


@jobs.every("*/5 * * * *", "faults.open_analyses")
async def open_analyses() -> None:
    """Open the analysis reports of serious faults (FA-03)."""
    database = jobs.machine().database
    async with database.transaction() as session:
        regions = await jobs.regions(session)
    for region_id in regions:
        async with database.transaction() as session:
            steps = await _serious(session, region_id)
        for name, args in steps:
            try:
                async with database.transaction() as session:
                    envelope = Envelope(new_id(), name, args)
                    await commands.run(session, actor.system(region_id), envelope, clock.now())
            except Coded as refusal:  # somebody was quicker; the others go on
                log.info("not analysed", command=name, code=refusal.code)


async def _serious(session: AsyncSession, region_id: int) -> list[tuple[str, dict[str, Any]]]:
    """Return the commands that look at faults which may need an analysis report."""
    now = clock.now()
    longest = await configuration.duration(session, region_id, rules.ANALYSIS_KEY_HOURS)
    since = now - longest - LOOKED_BACK
    areas = await analyses.unexamined(session, region_id, now - LOOKED_BACK)
    alone = await analyses.long_for_key_customers(session, region_id, now, longest, since)
    found = [{"area_fault_id": str(id_)} for id_ in areas]
    found += [{"report_id": str(id_)} for id_ in alone]
    return [("fault_analysis.open", args) for args in found]
