"""Plan an inspection, by whom and how; call one off (QA-01, QA-02)."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from fieldops.kernel.actor import Actor
from fieldops.kernel.base import Regional
from fieldops.kernel.clock import local_day
from fieldops.kernel.commands import Args, Context, Text, command
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission, Scope
from fieldops.organisation import queries as organisation
from fieldops.quality import rules
from fieldops.quality.duty import Level
from fieldops.quality.errors import (
    FormUsedOtherwise,
    InspectionNotOfCentre,
    InspectorNotFit,
    LevelTooHigh,
    NotYourInspection,
    PlannedInThePast,
    TechnicianNotNamed,
)
from fieldops.quality.forms import InspectionKind
from fieldops.quality.models import Form, Inspection
from fieldops.quality.queries import inspections as queries
from fieldops.quality.rules import InspectionState

DECIDE = Permission.QUALITY_DECIDE


class OfInspection(Args):
    inspection_id: UUID = Field(description="The inspection.")


class PlanInspection(Args):
    level: Level = Field(description="Whose duty it serves: the province's, region's or centre's.")
    kind: InspectionKind = Field(description="How it is done.")
    centre_id: UUID | None = Field(
        None, description="The centre that is inspected; null: the whole region, by the province."
    )
    planned_for: date = Field(description="By which day it is to be done.")
    inspector_id: UUID | None = Field(None, description="Who does it; yourself without one.")
    technician_id: UUID | None = Field(
        None, description="With whom to ride along, or whose visits alone are looked at."
    )
    form_code: Text | None = Field(
        None, max_length=60, description="Which form; without it the newest one of the kind."
    )
    purpose: Annotated[Text, Field(max_length=1000)] | None = Field(
        None, description="What it is to look at, in words."
    )


class CancelInspection(OfInspection):
    reason: Text = Field(min_length=3, max_length=500, description="Why it is not done.")


@command("inspection.plan", permission=DECIDE)
async def plan(ctx: Context, args: PlanInspection) -> Inspection:
    """Plan an inspection of a centre, or by the province of a whole region (QA-01, QA-02).

    A mutual one is done by another unit's people, a self inspection by the unit's own. Raises
    NotFound, LevelTooHigh, InspectionNotOfCentre, InspectorNotFit, TechnicianNotNamed,
    FormUsedOtherwise, PlannedInThePast.
    """
    scope = ctx.actor.scope(DECIDE)
    if args.level is not Level.CENTRE and not scope.whole_region:
        raise LevelTooHigh(level=args.level.value)
    await _check_place(ctx, scope, args)
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    if args.planned_for < local_day(ctx.now, zone):
        raise PlannedInThePast
    inspector_id = args.inspector_id or ctx.actor.id
    await _check_inspector(ctx, args, inspector_id)
    form = await _form(ctx, args)
    row = Inspection(
        region_id=ctx.region_id,
        centre_id=args.centre_id,
        level=args.level.value,
        kind=args.kind.value,
        form_id=form.id,
        state=InspectionState.PLANNED.value,
        planned_for=args.planned_for,
        inspector_id=inspector_id,
        planned_by=ctx.actor.id,
        technician_id=args.technician_id,
        purpose=args.purpose,
        round=0,
    )
    ctx.add(row)
    return row


async def _check_place(ctx: Context, scope: Scope, args: PlanInspection) -> None:
    """Refuse a centre that is not one's own, and a technician who is not of the centre."""
    if (args.level is Level.PROVINCE) != (args.centre_id is None):
        raise InspectionNotOfCentre
    if args.centre_id is not None:
        known = scope.whole_region or args.centre_id in scope.centre_ids
        if not known or not await queries.is_centre(ctx.session, ctx.region_id, args.centre_id):
            raise NotFound(thing="centre")
    if args.technician_id is None:
        if args.kind is InspectionKind.RIDE_ALONG:
            raise TechnicianNotNamed
        return
    technician = await organisation.technician(ctx.session, ctx.region_id, args.technician_id)
    if technician.centre_id != args.centre_id:
        raise TechnicianNotNamed


async def _check_inspector(ctx: Context, args: PlanInspection, inspector_id: UUID) -> None:
    """Refuse who may not inspect, or not this unit at this level in this way (QA-01)."""
    found = await organisation.load_actor(ctx.session, inspector_id, ctx.region_id)
    known = await organisation.names(ctx.session, [inspector_id])
    reason = "no supervisor here" if found is None or not found.allows(DECIDE) else None
    if found is not None and reason is None:
        reason = _unfit(found, args)
    if reason is None and args.level is Level.PROVINCE:
        above = await queries.inspects_from_above(ctx.session, inspector_id)
        reason = None if above else "not of the province"
    if reason is not None:
        raise InspectorNotFit(name=known.get(inspector_id, "This person"), reason=reason)


def _unfit(inspector: Actor, args: PlanInspection) -> str | None:
    scope = inspector.scope(DECIDE)
    own = args.centre_id in scope.centre_ids
    if args.kind is InspectionKind.MUTUAL:
        if args.centre_id is None:
            return "a mutual inspection is of one centre"
        return "of the inspected unit, or above it" if own or scope.whole_region else None
    if args.kind is InspectionKind.SELF and args.centre_id is not None:
        return None if own else "not of the inspected unit"
    if not own and not scope.whole_region:
        return "not for this centre"
    if args.level is Level.REGION and not scope.whole_region:
        return "not of the region"
    return None


async def _form(ctx: Context, args: PlanInspection) -> Form:
    found = await queries.newest_form(ctx.session, code=args.form_code, kind=args.kind.value)
    if found is None:
        raise NotFound(thing="inspection form")
    if found.kind != args.kind:
        raise FormUsedOtherwise(code=found.code, kind=found.kind)
    return found


@command("inspection.cancel", permission=DECIDE, subject="inspection_id")
async def cancel(ctx: Context, args: CancelInspection) -> Regional:
    """Call off an inspection that is not done; it fulfils no duty (QA-02).

    Raises NotFound, InspectionEnded.
    """
    ctx.reason = args.reason
    row = await queries.lock_inspection(
        ctx.session, ctx.actor.scope(DECIDE), ctx.actor.id, args.inspection_id
    )
    rules.check_state(row.state, InspectionState.PLANNED)
    row.state, row.end_reason = InspectionState.CANCELLED.value, args.reason
    return row


async def own_inspection(ctx: Context, inspection_id: UUID) -> Inspection:
    """Return an inspection of the actor's own, locked; raises NotFound, NotYourInspection."""
    row = await queries.lock_inspection(
        ctx.session, ctx.actor.scope(DECIDE), ctx.actor.id, inspection_id
    )
    if row.inspector_id != ctx.actor.id:
        known = await organisation.names(ctx.session, [row.inspector_id])
        raise NotYourInspection(name=known.get(row.inspector_id, "somebody else"))
    return row
