"""Tell customers that an area fault holds their repair, and when it is over (FA-02)."""

from datetime import datetime
from uuid import UUID

from fieldops.appointments import queries as appointments
from fieldops.appointments import rules as appointment_rules
from fieldops.appointments.commands.tasks import withdraw_tasks
from fieldops.customers.models import Customer
from fieldops.faults.events import WorkBack, WorkHeld
from fieldops.kernel.commands import Context
from fieldops.notifications import queries, rules
from fieldops.notifications.commands.planning import USEFUL_AFTER
from fieldops.notifications.models import Message


async def tell_held(ctx: Context, event: WorkHeld) -> None:
    """Tell a customer the expected repair time; another time is another message (AP-10).

    Whoever is told by message needs no call to be told (AP-06), but for those whom a person
    speaks to anyway (AP-04).
    """
    key = f"{event.visit_id}:area_fault:{event.expected_repair_at.isoformat()}"
    await withdraw(ctx, event.visit_id, "another time is expected", but=key)
    told = await _plan(
        ctx,
        "area_fault",
        key,
        event,
        about=event.expected_repair_at,
        latest=event.expected_repair_at,
    )
    customer = await ctx.session.get(Customer, (ctx.region_id, event.customer_id))
    spoken_to = customer is not None and appointment_rules.needs_person(customer.tier)
    if told and not spoken_to:
        await withdraw_tasks(ctx, event.visit_id, ["reschedule"], "told by message")


async def tell_back(ctx: Context, event: WorkBack) -> None:
    """Tell a customer that the area fault is over; what was not sent of it is of no use now.

    Once for all repairs on a visit (AP-10). Whose repair was released is called, not told this:
    the area fault lasts.
    """
    if not event.over:
        await withdraw(ctx, event.held_visit_id, "the repair does not wait for it")
        return
    await withdraw(ctx, event.held_visit_id, "the area fault is over")
    key = f"{event.visit_id}:area_fault_over:{event.area_fault_id}"
    await _plan(ctx, "area_fault_over", key, event, about=ctx.now, latest=ctx.now + USEFUL_AFTER)


async def withdraw(ctx: Context, visit_id: UUID, why: str, *, but: str | None = None) -> None:
    """Cancel what was planned, and has not gone out, about an area fault that holds a visit."""
    for message in await queries.lock_known(ctx.session, ctx.region_id, visit_id, []):
        if message.kind == "area_fault" and message.dedupe_key != but:
            message.state, message.ended_at, message.ended_reason = "cancelled", ctx.now, why


async def _plan(
    ctx: Context,
    kind: rules.Kind,
    key: str,
    event: WorkHeld | WorkBack,
    *,
    about: datetime,
    latest: datetime,
) -> bool:
    """Plan a message outside the quiet hours (AP-09); False when it would come too late.

    `about` is the moment it speaks of: the expected repair, or the repair.
    """
    quiet = await appointments.quiet_hours(ctx.session, ctx.region_id)
    due = appointment_rules.speaking_time(ctx.now, latest=latest, now=ctx.now, quiet=quiet)
    if due is None:
        return False
    known = await queries.lock_known(ctx.session, ctx.region_id, event.visit_id, [key])
    if any(message.dedupe_key == key for message in known):
        return True
    ctx.add(
        Message(
            region_id=ctx.region_id,
            visit_id=event.visit_id,
            customer_id=event.customer_id,
            centre_id=event.centre_id,
            kind=kind,
            dedupe_key=key,
            state="planned",
            due_at=due,
            not_after=latest,
            quiet_exempt=False,
            window_start=about,
            window_end=about,
            attempts=0,
        )
    )
    return True
