"""A supervisor decides whether a complaint is justified, and who was responsible (CO-04)."""

from uuid import UUID

from pydantic import Field

from fieldops.complaints import queries
from fieldops.complaints.commands.handling import OfComplaint, note
from fieldops.complaints.errors import NotOnItsVisits, ResponsibleNotNamed
from fieldops.complaints.events import ComplaintDecided
from fieldops.complaints.models import Complaint
from fieldops.complaints.rules import Department, EntryKind
from fieldops.kernel.commands import Context, Text, command
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation
from fieldops.visits.commands import telling
from fieldops.visits.rules import NoticeKind


class DecideComplaint(OfComplaint):
    justified: bool = Field(description="Whether the customer is right.")
    serious: bool = Field(False, description="Whether it is grave enough for a case of its own.")
    words: Text = Field(min_length=3, max_length=4000, description="Why it was decided so.")
    technician_id: UUID | None = Field(None, description="The person responsible.")
    firm_id: UUID | None = Field(None, description="Or the contractor firm.")
    department: Department | None = Field(None, description="Or the department.")


@command("complaint.decide", permission=Permission.COMPLAINT_DECIDE, subject="complaint_id")
async def decide(ctx: Context, args: DecideComplaint) -> Complaint:
    """Decide whether a complaint is justified, with one who is responsible if so (CO-04).

    Decided again, the later decision holds; both stay in what was done. A technician who is held
    responsible is told. Raises NotFound, ResponsibleNotNamed, NotOnItsVisits.
    """
    scope = ctx.actor.scope(ctx.spec.permission)
    row = await queries.lock_complaint(ctx.session, scope, args.complaint_id)
    named = [x for x in (args.technician_id, args.firm_id, args.department) if x is not None]
    if len(named) != int(args.justified):
        raise ResponsibleNotNamed
    ids = await queries.visit_ids(ctx.session, ctx.region_id, row.id)
    if args.firm_id and not await queries.is_firm(ctx.session, ctx.region_id, args.firm_id):
        raise NotFound(thing="firm")
    row.justified, row.serious = args.justified, args.serious and args.justified
    row.decided_at, row.decided_by, row.decision_note = ctx.now, ctx.actor.id, args.words
    row.responsible_technician_id = args.technician_id
    row.responsible_firm_id = args.firm_id
    row.responsible_department = args.department.value if args.department else None
    note(ctx, row, EntryKind.DECISION, words=args.words, department=args.department)
    if args.technician_id is not None:
        await _tell(ctx, row, ids, args.technician_id)
    await ctx.emit(
        ComplaintDecided(
            row.id,
            row.customer_id,
            row.order_id,
            ids,
            row.centre_id,
            args.justified,
            args.serious and args.justified,
        )
    )
    return row


async def _tell(
    ctx: Context, row: Complaint, visit_ids: tuple[UUID, ...], technician_id: UUID
) -> None:
    """Tell a technician of a decision about a visit they were on."""
    await organisation.technician(ctx.session, ctx.region_id, technician_id)
    crews = await queries.crews(ctx.session, ctx.region_id, visit_ids)
    mine = {
        id_: [one for one in crew if one.technician_id == technician_id]
        for id_, crew in crews.items()
    }
    on = [id_ for id_, crew in mine.items() if crew]
    if not on:
        raise NotOnItsVisits
    visits = await queries.visits(ctx.session, ctx.region_id, on)
    ctx.reason = row.topic
    await telling.tell(ctx, visits[on[-1]], mine[on[-1]], NoticeKind.COMPLAINT_DECIDED)
