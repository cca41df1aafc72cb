"""What upsets a day: noted once for each cause, offered for a replan, settled (AP-07, FA-02)."""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from fieldops.appointments import queries as appointments
from fieldops.dispatch import rules
from fieldops.dispatch.errors import DisturbanceSettled
from fieldops.dispatch.models import Disturbance
from fieldops.dispatch.queries import disturbances
from fieldops.dispatch.rules import Cause, Mended
from fieldops.kernel.actor import Kind
from fieldops.kernel.clock import local_day
from fieldops.kernel.commands import Args, Context, Moment, Outcome, Text, command
from fieldops.kernel.errors import Forbidden
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation

PLAN = Permission.DISPATCH_PLAN


async def note(
    ctx: Context,
    cause: Cause,
    subject_id: UUID,
    *,
    centre_id: UUID,
    day: date,
    visit_ids: Collection[UUID],
    starts_at: datetime,
    ends_at: datetime,
    technician_id: UUID | None = None,
) -> Disturbance | None:
    """Note what upsets a day; return it when a replan is offered, None when it is no news.

    One row for each cause of a day. What a person let be or mended is offered again only for
    visits that were not among it; what settled by itself comes back when it is true again.
    """
    row = await disturbances.lock_known(
        ctx.session, ctx.region_id, centre_id, day, cause, subject_id
    )
    if row is None:
        row = Disturbance(
            region_id=ctx.region_id,
            centre_id=centre_id,
            day=day,
            cause=cause.value,
            technician_id=technician_id,
            subject_id=subject_id,
            visit_ids=[],
            starts_at=starts_at,
            ends_at=ends_at,
            noticed_at=ctx.now,
        )
        ctx.add(row)
    elif not is_news(row, visit_ids):
        return None
    else:
        row.noticed_at, row.plan_id = ctx.now, None  # a replan asked for earlier knows less
        row.settled_at, row.outcome = None, None
    row.visit_ids = sorted({*row.visit_ids, *(str(id_) for id_ in visit_ids)})
    row.starts_at, row.ends_at = min(row.starts_at, starts_at), max(row.ends_at, ends_at)
    await ctx.session.flush()
    return row


def is_news(row: Disturbance, visit_ids: Collection[UUID]) -> bool:
    """Return whether a cause that is known is to be offered again, with these visits."""
    if row.outcome == Mended.OVER:
        return True
    return not {str(id_) for id_ in visit_ids} <= set(row.visit_ids)


class RecordDelay(Args):
    technician_id: UUID = Field(description="Who is late.")
    centre_id: UUID = Field(description="Whose day it upsets.")
    visit_ids: list[UUID] = Field(
        min_length=1, max_length=rules.MOST_VISITS, description="The visits that will be late."
    )
    until: Moment = Field(description="When the technician is at the last of them.")


@command("disturbance.record_delay", permission=PLAN)
async def record_delay(ctx: Context, args: RecordDelay) -> Outcome:
    """Offer a replan of today for a delay that single ways out do not mend (AP-07).

    The machine's own; raises Forbidden for people.
    """
    _only_the_machine(ctx)
    await appointments.lock_technicians(ctx.session, ctx.region_id, [args.technician_id])
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    row = await note(
        ctx,
        Cause.DELAY,
        args.technician_id,
        centre_id=args.centre_id,
        day=local_day(ctx.now, zone),
        visit_ids=args.visit_ids,
        starts_at=ctx.now,
        ends_at=args.until,
        technician_id=args.technician_id,
    )
    return [] if row is None else row


class SettleDisturbance(Args):
    disturbance_id: UUID = Field(description="What upsets its day no longer.")


@command("disturbance.settle", permission=PLAN, subject="disturbance_id")
async def settle(ctx: Context, args: SettleDisturbance) -> Outcome:
    """End what upsets a day no longer: the delay is made up, the urgent visit has a time (AP-07).

    The machine's own; raises Forbidden for people, NotFound.
    """
    _only_the_machine(ctx)
    row = await disturbances.lock_disturbance(
        ctx.session, ctx.actor.scope(PLAN), args.disturbance_id
    )
    if row.settled_at is None:
        row.settled_at, row.outcome = ctx.now, Mended.OVER.value
    return row


def _only_the_machine(ctx: Context) -> None:
    if ctx.actor.kind is not Kind.SYSTEM:
        raise Forbidden(permission="dispatch:predict")


class LetBe(Args):
    disturbance_id: UUID = Field(description="What upsets the day.")
    reason: Text = Field(min_length=3, max_length=500, description="Why the day is not replanned.")


@command("disturbance.let_be", permission=PLAN, subject="disturbance_id")
async def let_be(ctx: Context, args: LetBe) -> Disturbance:
    """Decide that a day stays as it is; its replan is not offered again for this (AP-07, FA-02).

    Raises NotFound, DisturbanceSettled.
    """
    row = await disturbances.lock_disturbance(
        ctx.session, ctx.actor.scope(PLAN), args.disturbance_id
    )
    if row.settled_at is not None:
        raise DisturbanceSettled(outcome=(row.outcome or "").replace("_", " "))
    ctx.reason = args.reason
    row.settled_at, row.outcome = ctx.now, Mended.LET_BE.value
    return row
