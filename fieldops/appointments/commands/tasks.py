"""Open and withdraw call tasks; no verbs of its own."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from fieldops.appointments import queries, rules
from fieldops.appointments.models import Appointment, CallTask
from fieldops.kernel import clock
from fieldops.kernel.commands import Context
from fieldops.kernel.erasure import erasure_of
from fieldops.organisation import queries as organisation
from fieldops.visits.models import Visit

A_DAY = timedelta(days=1)


async def open_task(
    ctx: Context,
    visit: Visit,
    kind: rules.TaskKind,
    due_at: datetime,
    *,
    appointment: Appointment | None = None,
    subject: str | None = None,
) -> CallTask | None:
    """Open a call, or bring the open one of this kind up to date; never in quiet hours (AP-09).

    Nobody is called about a visit to plant, nor when the customer was erased (CU-07).
    """
    if visit.customer_id is None:
        return None
    if await erasure_of(ctx.session, ctx.region_id, visit.customer_id) is not None:
        return None
    quiet = await queries.quiet_hours(ctx.session, ctx.region_id)
    due = quiet.end_after(due_at) if quiet.covers(due_at) else due_at
    known = await queries.open_tasks(ctx.session, ctx.region_id, visit.id, [kind])
    if known:
        task = known[0]
        task.due_at, task.subject = min(task.due_at, due), subject or task.subject
    else:
        task = CallTask(
            region_id=ctx.region_id,
            visit_id=visit.id,
            customer_id=visit.customer_id,
            centre_id=visit.centre_id,
            kind=kind,
            due_at=due,
            subject=subject,
        )
        ctx.add(task)
    if appointment is not None:
        task.appointment_id, task.window_start = appointment.id, appointment.window_start
    return task


async def withdraw_tasks(
    ctx: Context, visit_id: UUID, kinds: Collection[rules.TaskKind] | None, why: str
) -> None:
    """Close open calls that nobody has to make any more, of some kinds or of all."""
    for task in await queries.open_tasks(ctx.session, ctx.region_id, visit_id, kinds):
        task.done_at, task.outcome, task.note = ctx.now, "withdrawn", why


async def today(ctx: Context) -> datetime:
    """Return when a call still due today is due: now, or this day's last allowed moment (AP-08).

    In the quiet hours after the evening it is the next morning.
    """
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    end = clock.start_of_day(clock.local_day(ctx.now, zone), zone) + A_DAY
    quiet = await queries.quiet_hours(ctx.session, ctx.region_id)
    due = rules.speaking_time(ctx.now, latest=end, now=ctx.now, quiet=quiet)
    return due or quiet.end_after(ctx.now)
