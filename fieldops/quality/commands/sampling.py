"""Draw the visits an inspection looks at, repeatably, and add to them (QA-04)."""

import secrets
from datetime import timedelta
from uuid import UUID

from pydantic import Field

from fieldops.kernel import configuration
from fieldops.kernel.commands import Args, Context, Moment, Text, command
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission
from fieldops.quality import drawing, rules
from fieldops.quality.commands.planning import own_inspection
from fieldops.quality.drawing import Reason
from fieldops.quality.errors import (
    AlreadyDrawn,
    NothingToDraw,
    PopulationTooLarge,
    TimeOutOfOrder,
)
from fieldops.quality.models import Draw, Inspection, SampledVisit
from fieldops.quality.queries import inspections as queries
from fieldops.quality.rules import InspectionState

DECIDE = Permission.QUALITY_DECIDE


class DrawSample(Args):
    inspection_id: UUID = Field(description="The inspection.")
    ended_from: Moment = Field(description="Of visits that ended from then on.")
    ended_before: Moment = Field(description="And before then; at the latest now.")
    share: float | None = Field(
        None, ge=0, le=100, allow_inf_nan=False,
        description="Percent of all visits; the region's number without it.",
    )  # fmt: skip
    risk_share: float | None = Field(
        None, ge=0, le=100, allow_inf_nan=False,
        description="Percent of the visits with a risk; the region's number without it.",
    )  # fmt: skip
    seed: Text | None = Field(
        None, min_length=4, max_length=64, description="The seed, to repeat a draw; made without."
    )


class AddVisits(Args):
    inspection_id: UUID = Field(description="The inspection.")
    visit_ids: list[UUID] = Field(
        min_length=1, max_length=rules.MOST_ADDED, description="Visits that ended."
    )


@command("inspection.draw", permission=DECIDE, subject="inspection_id")
async def draw(ctx: Context, args: DrawSample) -> list[Inspection | Draw]:
    """Draw the sample by share and by risk; seed and population are kept with it (QA-04).

    A visit that somebody complained of in that time is always in it. It is drawn once. Raises
    NotFound, NotYourInspection, InspectionEnded, AlreadyDrawn, TimeOutOfOrder, NothingToDraw,
    PopulationTooLarge.
    """
    row = await own_inspection(ctx, args.inspection_id)
    rules.check_state(row.state, InspectionState.PLANNED)
    if await queries.draw_of(ctx.session, ctx.region_id, row.id) is not None:
        raise AlreadyDrawn
    if not args.ended_from < args.ended_before <= ctx.now + timedelta(seconds=1):
        raise TimeOutOfOrder
    of = queries.Drawing(
        ctx.region_id, row.centre_id, row.technician_id, args.ended_from, args.ended_before
    )
    new_for = await configuration.duration(ctx.session, ctx.region_id, rules.NEW_TECHNICIAN)
    population = await queries.population(ctx.session, of, new_for, ctx.now)
    if not population:
        raise NothingToDraw
    if len(population) > rules.MOST_POPULATION:
        raise PopulationTooLarge(most=rules.MOST_POPULATION)
    made = Draw(
        region_id=ctx.region_id,
        inspection_id=row.id,
        centre_id=row.centre_id,
        ended_from=args.ended_from,
        ended_before=args.ended_before,
        seed=args.seed or secrets.token_hex(8),
        share=await _share(ctx, args.share, rules.SHARE),
        risk_share=await _share(ctx, args.risk_share, rules.RISK_SHARE),
        population=drawing.as_kept(population),
        drawn_by=ctx.actor.id,
        drawn_at=ctx.now,
    )
    drawn = drawing.draw(population, made.seed, made.share, made.risk_share)
    if len(drawn) > rules.MOST_SAMPLE:
        raise PopulationTooLarge(most=rules.MOST_SAMPLE)
    ctx.add(made)
    await _keep(ctx, row, {one.visit_id: one.reasons for one in drawn})
    return [row, made]


async def _share(ctx: Context, given: float | None, number: configuration.Number) -> float:
    if given is not None:
        return given
    return await configuration.value(ctx.session, ctx.region_id, number)


async def _keep(
    ctx: Context, row: Inspection, reasons: dict[UUID, tuple[Reason, ...]]
) -> list[SampledVisit]:
    """Add visits to a sample, with their reasons; those in it already gain the reasons."""
    known = await queries.sampled(ctx.session, ctx.region_id, row.id)
    visits = await queries.ended_visits(ctx.session, ctx.region_id, row.centre_id, reasons)
    rows: list[SampledVisit] = []
    for visit_id, why in reasons.items():
        there = known.get(visit_id)
        if there is not None:
            more = [reason.value for reason in why if reason.value not in there.reasons]
            if more:
                there.reasons = [*there.reasons, *more]
        elif visit_id in visits:
            new = SampledVisit(
                region_id=ctx.region_id,
                inspection_id=row.id,
                visit_id=visit_id,
                centre_id=visits[visit_id].centre_id,
                place=len(known) + len(rows) + 1,
                reasons=[reason.value for reason in why],
            )
            rows.append(new)
    ctx.add(*rows)
    return rows


@command("inspection.add_visits", permission=DECIDE, subject="inspection_id")
async def add_visits(ctx: Context, args: AddVisits) -> Inspection:
    """Add visits to what an inspection looks at; they stand in the sample as chosen (QA-04).

    Raises NotFound, NotYourInspection, InspectionEnded.
    """
    row = await own_inspection(ctx, args.inspection_id)
    rules.check_state(row.state, InspectionState.PLANNED)
    known = await queries.ended_visits(ctx.session, ctx.region_id, row.centre_id, args.visit_ids)
    if set(args.visit_ids) - known.keys():
        raise NotFound(thing="visit that ended")
    await _keep(ctx, row, dict.fromkeys(args.visit_ids, (Reason.CHOSEN,)))
    return row


async def add_complained(ctx: Context, centre_ids: set[UUID], visit_ids: set[UUID]) -> None:
    """Let the visits of a complaint into the samples that are looked at now (QA-04)."""
    for row in await queries.open_samples(ctx.session, ctx.region_id, centre_ids):
        await _keep(ctx, row, dict.fromkeys(sorted(visit_ids), (Reason.COMPLAINT,)))
