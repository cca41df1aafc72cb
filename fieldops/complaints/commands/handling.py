"""What is done about a complaint until the customer has the answer (CO-01 to CO-04)."""

from uuid import UUID

from pydantic import Field

from fieldops.complaints import queries, rules
from fieldops.complaints.errors import (
    AnswerMissing,
    ComplaintNotOffered,
    ComplaintOver,
    ComplaintTakenByOther,
    NotYourComplaint,
    OwnTransfer,
    ReportMissing,
    SameDepartment,
)
from fieldops.complaints.events import ComplaintClosed, ComplaintOffered
from fieldops.complaints.models import Complaint, ComplaintEntry
from fieldops.complaints.rules import Channel, Department, EntryKind, Grade, State
from fieldops.kernel import configuration
from fieldops.kernel.commands import Args, Context, Text, command
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation

HANDLE = Permission.COMPLAINT_HANDLE


class OfComplaint(Args):
    complaint_id: UUID = Field(description="The complaint.")


class TakeComplaint(OfComplaint):
    reason: Text | None = Field(
        None, min_length=3, max_length=500, description="Why it changes hands."
    )


class ContactCustomer(OfComplaint):
    channel: Channel = Field(description="How it was tried.")
    reached: bool = Field(description="Whether the customer was reached.")
    words: Text | None = Field(None, max_length=2000, description="What was said.")


class TransferComplaint(OfComplaint):
    department: Department = Field(description="Who is asked to answer it.")
    words: Text = Field(min_length=3, max_length=2000, description="What they need to know.")


class AcceptComplaint(OfComplaint):
    pass


class RefuseComplaint(OfComplaint):
    reason: Text = Field(min_length=3, max_length=500, description="Why not.")


class AnswerComplaint(OfComplaint):
    answer: Text = Field(min_length=3, max_length=4000, description="What was found and done.")
    report: Text | None = Field(
        None, min_length=20, max_length=20_000, description="The report for the customer, if asked."
    )


class ReplyToCustomer(OfComplaint):
    reply: Text = Field(min_length=3, max_length=4000, description="What the customer was told.")
    channel: Channel = Field(description="How.")
    report: Text | None = Field(
        None, min_length=20, max_length=20_000, description="The report, when the answer had none."
    )


class EscalateComplaint(OfComplaint):
    reason: Text = Field(min_length=3, max_length=2000, description="Where it went, and why.")
    grade: Grade | None = Field(None, description="Its class from now on; the limit only shrinks.")


@command("complaint.take", permission=HANDLE, subject="complaint_id")
async def take(ctx: Context, args: TakeComplaint) -> Complaint:
    """Become the owner of a complaint that waits, or whose owner cannot reply any more.

    A supervisor gives any open one to themselves. Raises NotFound, ComplaintOver,
    ComplaintTakenByOther.
    """
    row = await _open(ctx, args.complaint_id)
    former = row.owner_id
    if former is not None and former != ctx.actor.id:
        gone = not await _may_handle(ctx, former, row.centre_id)
        if not gone and not ctx.actor.allows(Permission.COMPLAINT_DECIDE):
            raise ComplaintTakenByOther(person=await name_of(ctx, former))
    ctx.reason = args.reason
    row.owner_id = ctx.actor.id
    if row.handler_id in {None, former}:
        row.handler_id = ctx.actor.id
    if row.state == State.WAITING:
        row.state = State.HANDLED.value
    note(ctx, row, EntryKind.TAKEN_OVER, words=args.reason)
    return row


@command("complaint.contact", permission=HANDLE, subject="complaint_id")
async def contact(ctx: Context, args: ContactCustomer) -> Complaint:
    """Note a contact with the customer, or a try; who is reached first stops that clock (CO-01).

    Raises NotFound, ComplaintOver.
    """
    row = await _open(ctx, args.complaint_id)
    if args.reached and row.contacted_at is None:
        row.contacted_at = ctx.now
    note(ctx, row, EntryKind.CONTACT, words=args.words, channel=args.channel, reached=args.reached)
    return row


@command("complaint.transfer", permission=HANDLE, subject="complaint_id")
async def transfer(ctx: Context, args: TransferComplaint) -> Complaint:
    """Ask another department to answer a complaint; it stays here until they accept (CO-02).

    No limit changes and no clock stops. Raises NotFound, ComplaintOver, NotYourComplaint,
    SameDepartment.
    """
    row = await _mine(ctx, args.complaint_id)
    if args.department == row.handling_department:
        raise SameDepartment(department=row.handling_department)
    row.state = State.OFFERED.value
    row.offered_to, row.offered_by = args.department.value, ctx.actor.id
    note(ctx, row, EntryKind.TRANSFER, words=args.words, department=args.department)
    ids = await queries.visit_ids(ctx.session, ctx.region_id, row.id)
    about = (row.id, row.customer_id, row.order_id, ids, row.centre_id)
    await ctx.emit(ComplaintOffered(*about, args.department.value))
    return row


@command("complaint.accept", permission=HANDLE, subject="complaint_id")
async def accept(ctx: Context, args: AcceptComplaint) -> Complaint:
    """Accept a complaint for the department that was asked; it is yours to answer (CO-02).

    Raises NotFound, ComplaintOver, ComplaintNotOffered, OwnTransfer.
    """
    row, department = await _offered(ctx, args.complaint_id)
    row.handling_department, row.handler_id = department.value, ctx.actor.id
    _back(row)
    note(ctx, row, EntryKind.ACCEPTED, department=department)
    return row


@command("complaint.refuse", permission=HANDLE, subject="complaint_id")
async def refuse(ctx: Context, args: RefuseComplaint) -> Complaint:
    """Refuse a complaint for the department that was asked, with a reason (CO-02).

    Raises NotFound, ComplaintOver, ComplaintNotOffered, OwnTransfer.
    """
    row, department = await _offered(ctx, args.complaint_id)
    ctx.reason = args.reason
    _back(row)
    note(ctx, row, EntryKind.REFUSED, words=args.reason, department=department)
    return row


@command("complaint.answer", permission=HANDLE, subject="complaint_id")
async def answer(ctx: Context, args: AnswerComplaint) -> Complaint:
    """Answer a complaint: it goes back to the department that took it (CO-03).

    Raises NotFound, ComplaintOver, NotYourComplaint, ReportMissing.
    """
    row = await _mine(ctx, args.complaint_id)
    row.report = args.report or row.report
    if row.wants_report and row.report is None:
        raise ReportMissing
    row.answer, row.answered_at = args.answer, ctx.now
    note(
        ctx,
        row,
        EntryKind.ANSWER,
        words=args.answer,
        department=Department(row.handling_department),
    )
    row.state = State.ANSWERED.value
    row.handling_department, row.handler_id = row.department, row.owner_id
    return row


@command("complaint.reply", permission=HANDLE, subject="complaint_id")
async def reply(ctx: Context, args: ReplyToCustomer) -> Complaint:
    """Tell the customer the answer, as who took the complaint; with that it is closed (CO-03).

    Raises NotFound, ComplaintOver, NotYourComplaint, AnswerMissing, ReportMissing.
    """
    row = await _open(ctx, args.complaint_id)
    if row.owner_id != ctx.actor.id:
        raise NotYourComplaint(
            next_steps=("complaint.take",),
            person=await name_of(ctx, row.owner_id),
            department=row.department,
        )
    elsewhere = row.handling_department != row.department or row.handler_id != row.owner_id
    if elsewhere or row.state == State.OFFERED:
        raise AnswerMissing(department=row.offered_to or row.handling_department)
    row.report = args.report or row.report
    if row.wants_report and row.report is None:
        raise ReportMissing
    row.state, row.reply, row.closed_at = State.CLOSED.value, args.reply, ctx.now
    row.contacted_at = row.contacted_at or ctx.now
    note(ctx, row, EntryKind.REPLY, words=args.reply, channel=args.channel)
    ids = await queries.visit_ids(ctx.session, ctx.region_id, row.id)
    await ctx.emit(ComplaintClosed(row.id, row.customer_id, row.order_id, ids, row.centre_id))
    return row


@command("complaint.escalate", permission=HANDLE, subject="complaint_id")
async def escalate(ctx: Context, args: EscalateComplaint) -> Complaint:
    """Mark a complaint as escalated, with another class if it has one now (CO-04).

    The limit of the new class runs from the arrival and never gives more time. Raises NotFound,
    ComplaintOver.
    """
    row = await _open(ctx, args.complaint_id)
    row.escalated_at = row.escalated_at or ctx.now
    if args.grade is not None:
        limit = await configuration.duration(ctx.session, ctx.region_id, rules.LIMITS[args.grade])
        row.grade = args.grade.value
        row.due_at = min(row.due_at, row.arrived_at + limit)
    note(ctx, row, EntryKind.ESCALATION, words=args.reason)
    return row


def note(
    ctx: Context,
    row: Complaint,
    kind: EntryKind,
    *,
    words: str | None = None,
    department: Department | None = None,
    channel: Channel | None = None,
    reached: bool | None = None,
) -> None:
    """Write down what was done about a complaint."""
    ctx.add(
        ComplaintEntry(
            region_id=ctx.region_id,
            complaint_id=row.id,
            centre_id=row.centre_id,
            kind=kind.value,
            by_id=ctx.actor.id,
            department=department.value if department else None,
            channel=channel.value if channel else None,
            reached=reached,
            words=words,
            at=ctx.now,
        )
    )


async def name_of(ctx: Context, person_id: UUID | None) -> str:
    """Return a person's name for a message, "nobody" without one."""
    if person_id is None:
        return "nobody"
    return (await organisation.names(ctx.session, [person_id])).get(person_id, "nobody")


async def _open(ctx: Context, complaint_id: UUID) -> Complaint:
    scope = ctx.actor.scope(ctx.spec.permission)
    row = await queries.lock_complaint(ctx.session, scope, complaint_id)
    if row.state == State.CLOSED:
        raise ComplaintOver(state=row.state, next_steps=("complaint.receive",))
    return row


async def _mine(ctx: Context, complaint_id: UUID) -> Complaint:
    """Return a complaint that the actor handles and may answer or transfer now."""
    row = await _open(ctx, complaint_id)
    if row.handler_id != ctx.actor.id:
        raise NotYourComplaint(
            next_steps=rules.NEXT_STEPS[State(row.state)] if row.handler_id is None else (),
            person=await name_of(ctx, row.handler_id),
            department=row.handling_department,
        )
    if row.state != State.HANDLED:
        raise ComplaintOver(state=row.state, next_steps=rules.NEXT_STEPS[State(row.state)])
    return row


async def _offered(ctx: Context, complaint_id: UUID) -> tuple[Complaint, Department]:
    """Return a complaint that was offered by somebody else, and to whom."""
    row = await _open(ctx, complaint_id)
    if row.offered_to is None:
        raise ComplaintNotOffered(next_steps=rules.NEXT_STEPS[State(row.state)])
    if row.offered_by == ctx.actor.id:
        raise OwnTransfer
    return row, Department(row.offered_to)


def _back(row: Complaint) -> None:
    """End an offer: the complaint is handled, by whoever has it."""
    row.state = State.HANDLED.value
    row.offered_to = row.offered_by = None


async def _may_handle(ctx: Context, person_id: UUID, centre_id: UUID) -> bool:
    """Return whether a person's roles let them handle complaints of a centre now."""
    actor = await organisation.load_actor(ctx.session, person_id, ctx.region_id)
    if actor is None or not actor.allows(HANDLE):
        return False
    scope = actor.scope(HANDLE)
    return scope.whole_region or centre_id in scope.centre_ids
