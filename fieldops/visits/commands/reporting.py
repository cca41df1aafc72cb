"""The customer's wish to get the report of a visit."""

from uuid import UUID

from pydantic import Field

from fieldops.kernel.commands import Args, Context, Nature, command
from fieldops.kernel.permissions import Permission
from fieldops.visits.commands.judging import visit_for_fact
from fieldops.visits.events import ReportWanted
from fieldops.visits.models import Visit


class WantReport(Args):
    visit_id: UUID = Field(description="The visit whose report the customer wants.")


@command(
    "visit.want_report",
    permission=Permission.NOTE_WRITE,
    nature=Nature.FACT,
    offline=True,
    subject="visit_id",
)
async def want_report(ctx: Context, args: WantReport) -> Visit:
    """Have the customer get the visit's report by link, once it has ended, and once (AP-10).

    Said on site to the technician, or later to the desk. The same again changes nothing. Raises
    NotFound.
    """
    judged = await visit_for_fact(ctx, args.visit_id)
    visit = judged.visit
    if visit.report_wanted_at is None:
        visit.report_wanted_at = ctx.happened_at
        await ctx.emit(ReportWanted(visit.id))
    return visit
