"""What materials do when a visit is about to end."""

from fieldops.kernel.commands import Context
from fieldops.kernel.events import on
from fieldops.materials import commands
from fieldops.visits.events import VisitCompleting


@on(VisitCompleting)
async def refuse_unsigned_gifts(ctx: Context, event: VisitCompleting) -> None:
    """Refuse the completion while nobody has signed for the visit's gifts (CH-03)."""
    await commands.require_signatures(ctx, event.visit_id)
