"""What measurements do when visits end, work is transferred, and more is known of a tool."""

from fieldops.checklists.events import ListsCompleting
from fieldops.kernel.commands import Context
from fieldops.kernel.events import on
from fieldops.measurements import commands, quality
from fieldops.network import ranking
from fieldops.orders.events import WorkTransferring
from fieldops.orders.rules import Department
from fieldops.organisation.events import ToolJudgedAnew
from fieldops.visits.events import VisitCompleting

ranking.readers.append(quality.of_features)  # RE-04: what was measured decides what is best


@on(VisitCompleting)
async def refuse_untested(ctx: Context, event: VisitCompleting) -> None:
    """Refuse the completion while a needed test is missing (VI-04)."""
    await commands.require_tests(ctx, event.visit_id, event.work_order_ids)


@on(ListsCompleting)
async def refuse_unbound(ctx: Context, event: ListsCompleting) -> None:
    """Refuse the completion while the test of a mandatory item is not recorded (CH-02)."""
    await commands.require_bound(ctx, event.visit_id, event.bound)


@on(ToolJudgedAnew)
async def judge_its_tests_anew(ctx: Context, event: ToolJudgedAnew) -> None:
    """Judge the tests of an instrument anew when a calibration comes to be known late (ORG-05)."""
    await commands.judge_anew(ctx, event.serial)


@on(WorkTransferring)
async def refuse_untested_transfer(ctx: Context, event: WorkTransferring) -> None:
    """Refuse a repair that goes to the cable department without a test (RE-03).

    An office may say why nothing was measured; so may who accepts late work at the desk.
    """
    office = not ctx.from_device and ctx.actor.scope(ctx.spec.permission).office
    excused = ctx.accepted or (office and event.untested is not None)
    if event.department == Department.CABLE and not excused:
        await commands.require_line_tests(ctx, event.work_order_ids)
