"""Quality follows complaints: their visits are looked at, grave ones open a case."""

from fieldops.complaints.events import ComplaintDecided, ComplaintTaken
from fieldops.kernel.commands import Context
from fieldops.kernel.events import on
from fieldops.quality.commands import cases, sampling


@on(ComplaintTaken)
async def look_at_its_visits(ctx: Context, event: ComplaintTaken) -> None:
    """Let a complaint's visits into the samples that are looked at now (QA-04).

    What ended, that is; with no sample open the next draw finds them.
    """
    if event.visit_ids:
        await sampling.add_complained(ctx, {event.centre_id}, set(event.visit_ids))


@on(ComplaintDecided)
async def keep_its_case(ctx: Context, event: ComplaintDecided) -> None:
    """Open an accountability case for a justified complaint that is grave, or drop it (QA-06)."""
    await cases.follow_complaint(ctx, event.complaint_id, list(event.visit_ids))
