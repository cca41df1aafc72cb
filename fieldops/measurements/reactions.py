"""What measurements do when visits end and more is known of an instrument."""

from fieldops.kernel.commands import Context
from fieldops.kernel.events import on
from fieldops.measurements import commands
from fieldops.organisation.events import ToolJudgedAnew
from fieldops.visits.events import VisitCompleting


@on(VisitCompleting)
async def refuse_untested(ctx: Context, event: VisitCompleting) -> None:
    """Refuse the completion while a needed test is missing (VI-04)."""
    await commands.require_tests(ctx, event.visit_id, event.work_order_ids)


@on(ToolJudgedAnew)
async def judge_its_tests_anew(ctx: Context, event: ToolJudgedAnew) -> None:
    """Judge the tests of an instrument anew when a calibration comes to be known late (ORG-05)."""
    await commands.judge_anew(ctx, event.serial)
