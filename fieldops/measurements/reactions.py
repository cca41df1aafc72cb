"""A visit is not completed without the tests of its kinds of work."""

from fieldops.kernel.commands import Context
from fieldops.kernel.events import on
from fieldops.measurements import commands
from fieldops.visits.events import VisitCompleting


@on(VisitCompleting)
async def refuse_untested(ctx: Context, event: VisitCompleting) -> None:
    """Refuse the completion while a needed test is missing (VI-04)."""
    await commands.require_tests(ctx, event.visit_id, event.work_order_ids)
