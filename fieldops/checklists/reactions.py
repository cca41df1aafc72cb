"""Checklists follow their visit: bound when it is given out, closed when it is completed."""

from uuid import UUID

from fieldops.checklists import commands
from fieldops.kernel.commands import Context
from fieldops.kernel.events import on
from fieldops.kernel.gathering import row_of
from fieldops.visits import policy as visits
from fieldops.visits.events import VisitAssigned, VisitCompleting, VisitResized, VisitStarted
from fieldops.visits.models import Visit


@on(VisitAssigned)
async def bind_when_assigned(ctx: Context, event: VisitAssigned) -> None:
    """Bind the newest templates while the phone still has a network to fetch them (CH-01)."""
    await _bind(ctx, event.visit_id)


@on(VisitResized)
async def bind_when_work_joins(ctx: Context, event: VisitResized) -> None:
    """Bind templates for work that joined a visit that was given out already (CH-01)."""
    if await visits.is_given_out(ctx.session, ctx.region_id, event.visit_id):
        await _bind(ctx, event.visit_id)


@on(VisitStarted)
async def bind_when_started(ctx: Context, event: VisitStarted) -> None:
    """Bind templates for work that joined the visit after it was given out (CH-01)."""
    await _bind(ctx, event.visit_id)


async def _bind(ctx: Context, visit_id: UUID) -> None:
    visit = await row_of(ctx.session, Visit, ctx.region_id, visit_id, argument="visit_id")
    if visit is not None:
        await commands.bind(ctx, visit)


@on(VisitCompleting)
async def refuse_incomplete(ctx: Context, event: VisitCompleting) -> None:
    """Refuse the completion while a mandatory item, photo or remark is missing (VI-04)."""
    await commands.complete(ctx, event.visit_id, event.work_order_ids)
