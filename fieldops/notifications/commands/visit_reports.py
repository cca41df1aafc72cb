"""Send a customer the link to the report of a visit, once it has ended (AP-09, AP-10)."""

from datetime import datetime, timedelta
from uuid import UUID

from pydantic import Field

from fieldops.appointments import queries as appointments
from fieldops.appointments import rules as appointment_rules
from fieldops.customers import pii
from fieldops.kernel import configuration, erasure
from fieldops.kernel.commands import Args, Context, Text, command
from fieldops.kernel.permissions import Permission
from fieldops.notifications import queries, rules
from fieldops.notifications.errors import ReportNotSent
from fieldops.notifications.models import Message
from fieldops.visits import queries as visits
from fieldops.visits.models import Visit
from fieldops.visits.rules import State

USEFUL_AFTER = timedelta(days=3)
READABLE = ("sms", "email", "file")  # nobody writes an address down that is spoken
WAITING = frozenset({"planned", "sending"})
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
    await _plan(ctx, visit, key, about=visit.ended_at or ctx.now)


class SendReportAgain(Args):
    visit_id: UUID = Field(description="The visit whose report the customer did not get, or lost.")
    reason: Text = Field(min_length=3, max_length=500, description="Why; it is kept.")


@command("visit.send_report_again", permission=Permission.MATTER_HANDLE, subject="visit_id")
async def send_report_again(ctx: Context, args: SendReportAgain) -> Message:
    """Send the customer a new link to the report of a visit that has ended (CU-04, AP-10).

    To the address that is recorded now; the links before end with it. Raises NotFound,
    ReportNotSent with why not: not ended, erased, no address or messages stopped, sent lately.
    """
    visit = await visits.visit(
        ctx.session, ctx.actor.scope(Permission.MATTER_HANDLE), args.visit_id
    )
    if visit.state not in TOLD_ABOUT:
        raise ReportNotSent(why="the visit has not ended")
    if visit.customer_id is None:
        raise ReportNotSent(why="the visit was to plant and has no customer")
    if await erasure.erasure_of(ctx.session, ctx.region_id, visit.customer_id) is not None:
        raise ReportNotSent(why="the customer was erased")
    to = await pii.addresses_for_message(ctx.session, ctx.region_id, visit.customer_id)
    if to.stopped or (to.phone is None and to.email is None):
        raise ReportNotSent(why="the customer has no address or wants no messages")
    sent = await queries.lock_reports(ctx.session, ctx.region_id, visit.id)
    wait = await configuration.duration(ctx.session, ctx.region_id, rules.REPORT_AGAIN_AFTER)
    most = await configuration.value(ctx.session, ctx.region_id, rules.REPORTS_MOST)
    if len(sent) >= most:
        raise ReportNotSent(why=f"it was sent {len(sent)} times, which is the most for a visit")
    if any(m.state in WAITING or (m.ended_at or m.due_at) > ctx.now - wait for m in sent):
        raise ReportNotSent(why="it was sent a short while ago, or is about to be")
    ctx.reason = args.reason
    key = f"{visit.id}:visit_report:{len(sent) + 1}"
    message = await _plan(ctx, visit, key, about=ctx.now)
    if message is None:
        raise ReportNotSent(why="nobody may be written to in the next days")
    return message


async def _plan(ctx: Context, visit: Visit, key: str, *, about: datetime) -> Message | None:
    """Plan the message outside the quiet hours; its link is good from `about` on."""
    quiet = await appointments.quiet_hours(ctx.session, ctx.region_id)
    latest = ctx.now + USEFUL_AFTER
    due = appointment_rules.speaking_time(ctx.now, latest=latest, now=ctx.now, quiet=quiet)
    if due is None:
        return None
    row = Message(
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
    ctx.add(row)
    return row
