"""Send a customer the link to the report of a visit, once it has ended (AP-09, AP-10)."""

from datetime import timedelta
from uuid import UUID

from fieldops.appointments import queries as appointments
from fieldops.appointments import rules as appointment_rules
from fieldops.kernel import erasure
from fieldops.kernel.commands import Context
from fieldops.notifications import queries
from fieldops.notifications.models import Message
from fieldops.visits.rules import State

USEFUL_AFTER = timedelta(days=3)
READABLE = ("sms", "email", "file")  # nobody writes an address down that is spoken
TOLD_ABOUT = frozenset({State.COMPLETED, State.FAILED})


async def plan_report(ctx: Context, visit_id: UUID) -> None:
    """Plan the link to the report of a visit that has ended, where the customer wants it.

    Once for a visit, whoever asks how often (AP-10), and outside the quiet hours (AP-09). An
    erased customer is sent nothing (CU-07).
    """
    visit = (await queries.occasion(ctx.session, ctx.region_id, visit_id)).visit
    if visit.report_wanted_at is None or visit.state not in TOLD_ABOUT:
        return
    if visit.customer_id is None:
        return
    key = f"{visit.id}:visit_report"
    known = await queries.lock_known(ctx.session, ctx.region_id, visit.id, [key])
    if any(message.dedupe_key == key for message in known):
        return
    if await erasure.erasure_of(ctx.session, ctx.region_id, visit.customer_id) is not None:
        return
    quiet = await appointments.quiet_hours(ctx.session, ctx.region_id)
    latest = ctx.now + USEFUL_AFTER
    due = appointment_rules.speaking_time(ctx.now, latest=latest, now=ctx.now, quiet=quiet)
    if due is None:
        return
    about = visit.ended_at or ctx.now
    ctx.add(
        Message(
            region_id=ctx.region_id,
            visit_id=visit.id,
            customer_id=visit.customer_id,
            centre_id=visit.centre_id,
            kind="visit_report",
            dedupe_key=key,
            state="planned",
            due_at=due,
            not_after=latest,
            quiet_exempt=False,
            window_start=about,
            window_end=about,
            ways=list(READABLE),
            attempts=0,
        )
    )
