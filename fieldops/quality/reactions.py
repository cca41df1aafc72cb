"""Quality follows complaints: their visits are looked at, grave ones open a case."""

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.complaints.events import ComplaintDecided, ComplaintTaken
from fieldops.kernel.commands import Context
from fieldops.kernel.erasure import Reach, on_erasure, reach_naming
from fieldops.kernel.events import on
from fieldops.quality.commands import cases, sampling
from fieldops.quality.models import (
    AccountabilityCase,
    FeedbackRound,
    FilledForm,
    Inspection,
    InspectionFinding,
    Lesson,
)
from fieldops.quality.queries import inspections

WORDS = (AccountabilityCase, FeedbackRound, FilledForm, Inspection, InspectionFinding, Lesson)


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


@on_erasure
async def reach_what_names_the_customer(session: AsyncSession, reach: Reach) -> None:
    """Reach inspections, sheets, cases and lessons whose words name an erased customer (CU-07).

    They are about units and many visits, so those that name others keep their words.
    """
    tied = await inspections.of_reached(session, reach)
    await reach_naming(session, reach, Inspection, Inspection.id.in_(tied))
    for sheet in (FeedbackRound, FilledForm, InspectionFinding):
        await reach_naming(session, reach, sheet, sheet.inspection_id.in_(tied))
    for model in WORDS:
        await reach_naming(session, reach, model)
