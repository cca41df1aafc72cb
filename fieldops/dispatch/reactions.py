"""What upsets a day: an absence over booked visits is kept until a replan has mended it."""

from datetime import date

from fieldops.dispatch.errors import ReplanOffered
from fieldops.dispatch.models import Disturbance
from fieldops.dispatch.rules import Cause
from fieldops.kernel.clock import local_day
from fieldops.kernel.commands import Context
from fieldops.kernel.events import on
from fieldops.organisation import queries as organisation
from fieldops.organisation.events import TechnicianAway
from fieldops.visits import queries as visits
from fieldops.visits.models import Visit


@on(TechnicianAway)
async def offer_a_replan(ctx: Context, event: TechnicianAway) -> None:
    """Note each day on which somebody away has visits, and offer a replan of it (ORG-07)."""
    booked = await visits.visits_ahead(
        ctx.session, ctx.region_id, event.technician_id, event.starts_at, event.ends_at
    )
    if not booked:
        return
    technician = await organisation.technician(ctx.session, ctx.region_id, event.technician_id)
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    days: dict[date, list[Visit]] = {}
    for visit in booked:
        if visit.window_start is not None:
            days.setdefault(local_day(visit.window_start, zone), []).append(visit)
    for day, upset in sorted(days.items()):
        ctx.add(
            Disturbance(
                region_id=ctx.region_id,
                centre_id=upset[0].centre_id,
                day=day,
                cause=Cause.ABSENCE.value,
                technician_id=technician.id,
                starts_at=event.starts_at,
                ends_at=event.ends_at,
                noticed_at=ctx.now,
            )
        )
    ctx.warn(
        ReplanOffered(
            technician=technician.name,
            count=len(booked),
            days=[str(day) for day in sorted(days)],
            centre_id=str(booked[0].centre_id),
            command="plan.replan",
        )
    )
