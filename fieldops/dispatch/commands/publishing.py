"""Publish a plan, whole or in parts: all of what was chosen becomes the day, or nothing."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.dialects.postgresql import Range

from fieldops.appointments import queries as appointments
from fieldops.appointments.commands.reserving import release
from fieldops.appointments.commands.tasks import open_task
from fieldops.appointments.rules import Channel
from fieldops.dispatch import rules
from fieldops.dispatch.errors import (
    LinesBelongTogether,
    LinesOutdated,
    LinesRefused,
    NotOnThisPlan,
    PlanNotReady,
    PromisesBroken,
    UnknownLines,
)
from fieldops.dispatch.events import PlanPublished
from fieldops.dispatch.models import Plan, PlanLine
from fieldops.dispatch.proposal import closure
from fieldops.dispatch.queries import locks, plans
from fieldops.dispatch.rules import LineKind, PlanState
from fieldops.kernel import commands
from fieldops.kernel.commands import Args, Context, Envelope, Moment, Text, command
from fieldops.kernel.errors import Refusal
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission
from fieldops.visits.commands import set_window
from fieldops.visits.models import Visit
from fieldops.visits.rules import ENDED, UNDER_WAY, State

DAY_PLAN = "day_plan"
"""What a call about a placed visit is about."""


class Agreed(BaseModel):
    """What a customer said to the new time of a line whose promised window cannot be kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    line_id: UUID = Field(description="A line of the kind moved.")
    customer_contacted_at: Moment = Field(description="When the customer was told (AP-06).")
    channel: Channel = Field(description="How the customer was spoken to.")
    customer_said: Text = Field(min_length=1, max_length=500, description="The customer's say.")


class PublishPlan(Args):
    day_plan_id: UUID = Field(description="The proposal.")
    line_ids: list[UUID] | None = Field(
        None, min_length=1, max_length=rules.MOST_LINES, description="Its lines; empty: all."
    )
    take_on_broken_promises: bool = Field(
        False,
        description="Carry out lines that break a promised window too: their technicians go where "
        "the plan says, and a person calls each customer before the window (AP-06).",
    )
    agreed: list[Agreed] = Field(
        [],
        max_length=200,
        description="Moved windows that the customers have agreed to already.",
    )
    override: Text | None = Field(
        None,
        min_length=3,
        max_length=500,
        description="The reason for work past the end of a shift (ORG-07).",
    )
    reason: Text = Field(
        "The day was planned anew", min_length=3, max_length=500,
        description="What technicians who lose or gain a visit are told.",
    )  # fmt: skip


@command("plan.publish", permission=Permission.DISPATCH_PLAN, subject="day_plan_id")
async def publish(ctx: Context, args: PublishPlan) -> list[Plan | Visit]:
    """Let chosen lines of a plan become the day, all or nothing (VI-01, AP-06, ORG-03, ORG-07).

    Raises NotFound, PlanNotReady, UnknownLines, LinesBelongTogether, LinesOutdated,
    PromisesBroken, NotOnThisPlan, LinesRefused.
    """
    scope = ctx.actor.scope(Permission.DISPATCH_PLAN)
    plan = await plans.plan(ctx.session, scope, args.day_plan_id, lock=True)
    if PlanState(plan.state) not in {PlanState.PROPOSED, PlanState.PUBLISHED}:
        raise PlanNotReady(state=plan.state)
    every = await plans.lines(ctx.session, ctx.region_id, plan.id)
    chosen = _chosen(every, args)
    _whole(every, chosen)
    _kept(chosen, args)
    visits = await plans.lock_visits(ctx.session, ctx.region_id, [line.visit_id for line in chosen])
    await _unchanged(ctx, chosen, visits)
    await _carry_out(ctx, plan, chosen, visits, args)
    for line in chosen:
        line.published_at = ctx.now
    plan.state, plan.published_at = PlanState.PUBLISHED.value, ctx.now
    for rival in await plans.rivals(ctx.session, plan):
        rival.state = PlanState.SUPERSEDED.value
    for row in await plans.disturbances_of(
        ctx.session, ctx.region_id, centre_id=plan.centre_id, day=plan.day
    ):
        if row.plan_id == plan.id and all(line.published_at for line in every if _does(line)):
            row.settled_at, row.outcome = ctx.now, rules.Mended.MENDED.value
    changed = tuple(line.visit_id for line in chosen)
    await ctx.emit(PlanPublished(plan.id, plan.centre_id, plan.day, changed))
    return [plan, *(visits[id_] for id_ in changed)]


def _does(line: PlanLine) -> bool:
    """Return whether a line does anything: a visit without a time that found none does not."""
    return line.kind != LineKind.LEFT_OUT or line.breaks_promise


def _chosen(every: Sequence[PlanLine], args: PublishPlan) -> list[PlanLine]:
    left = {line.id: line for line in every if line.published_at is None and _does(line)}
    ids = list(left) if args.line_ids is None else list(dict.fromkeys(args.line_ids))
    unknown = [id_ for id_ in ids if id_ not in left]
    if unknown or not ids:
        raise UnknownLines(lines=[str(id_) for id_ in unknown])
    return [left[id_] for id_ in ids]


def _whole(every: Sequence[PlanLine], chosen: Sequence[PlanLine]) -> None:
    """Refuse lines without those they need: both sides of a swap go together."""
    left = {line.id: line for line in every if line.published_at is None}
    requires = {id_: [UUID(r) for r in line.requires] for id_, line in left.items()}
    picked = {line.id for line in chosen}
    alone = []
    for line in chosen:
        needs = sorted((closure([line.id], requires) & left.keys()) - picked)
        if needs:
            alone.append({"line_id": str(line.id), "needs": [str(id_) for id_ in needs]})
    if alone:
        raise LinesBelongTogether(count=len(alone), lines=alone)


def _kept(chosen: Sequence[PlanLine], args: PublishPlan) -> None:
    """Refuse to break what was promised unless it is taken on or agreed with the customer."""
    moved = {line.id for line in chosen if line.kind == LineKind.MOVED}
    told = {agreed.line_id for agreed in args.agreed}
    if told - moved:
        raise NotOnThisPlan
    broken = [line for line in chosen if line.breaks_promise and line.id not in told]
    if broken and not args.take_on_broken_promises:
        raise PromisesBroken(count=len(broken), lines=[_named(line) for line in broken])


def _named(line: PlanLine) -> dict[str, Any]:
    return {"line_id": str(line.id), "visit_id": str(line.visit_id), "kind": line.kind}


async def _unchanged(
    ctx: Context, chosen: Sequence[PlanLine], visits: Mapping[UUID, Visit]
) -> None:
    """Refuse lines whose visit or whose technicians' time is not what the plan was based on."""
    crews = await plans.crews(ctx.session, ctx.region_id, visits.keys())
    locked = await locks.locked(ctx.session, ctx.region_id, visits.keys())
    coming = {UUID(id_) for line in chosen for id_ in line.technician_ids}
    leaving = {UUID(id_) for line in chosen for id_ in line.former_technician_ids}
    await appointments.lock_technicians(ctx.session, ctx.region_id, sorted(coming | leaving))
    taken = await _taken(ctx, chosen, coming)
    outdated = []
    for line in chosen:
        visit = visits[line.visit_id]
        changed = changes(line.base, visit, crews[visit.id], locked=visit.id in locked)
        starts, ends = line.starts_at, line.ends_at
        if starts is not None and ends is not None:
            others = [span for id_ in line.technician_ids for span in taken[UUID(id_)]]
            if any(a < ends and starts < b for a, b in others):
                changed.append("technicians_time")
            if ends <= ctx.now:
                changed.append("time_passed")
        if changed:
            outdated.append({**_named(line), "changed": changed})
    if outdated:
        raise LinesOutdated(count=len(outdated), lines=outdated)


async def _taken(
    ctx: Context, chosen: Sequence[PlanLine], coming: Collection[UUID]
) -> dict[UUID, list[tuple[datetime, datetime]]]:
    """Return when those who come are promised to other visits while the lines last."""
    known: dict[UUID, list[tuple[datetime, datetime]]] = {id_: [] for id_ in coming}
    starts = [line.starts_at for line in chosen if line.starts_at is not None]
    ends = [line.ends_at for line in chosen if line.ends_at is not None]
    if not starts or not ends:
        return known
    during, own = Range(min(starts), max(ends)), {line.visit_id for line in chosen}
    for id_, time in await appointments.given_away(
        ctx.session, ctx.region_id, during, ctx.now, coming, of_ended=True
    ):
        if time.visit_id not in own:
            known[id_].append((time.start, time.end))
    return known


def promised(line: PlanLine) -> tuple[datetime, datetime] | None:
    """Return the window that a line's visit had when the plan was made."""
    start, end = line.base["window"]
    return None if start is None else (datetime.fromisoformat(start), datetime.fromisoformat(end))


def base_of(visit: Visit, crew: Collection[UUID], *, locked: bool) -> dict[str, Any]:
    """Return what a line is based on: what may not have changed when it is published."""
    window = (visit.window_start, visit.window_end)
    return {
        "version": visit.version,
        "window": [None if at is None else at.isoformat() for at in window],
        "expected": None if visit.expected_arrival is None else visit.expected_arrival.isoformat(),
        "minutes": visit.duration_minutes,
        "technicians": sorted(str(id_) for id_ in crew),
        "locked": locked,
    }


def changes(
    base: Mapping[str, Any], visit: Visit, crew: Collection[UUID], *, locked: bool
) -> list[str]:
    """Return what of a visit is not as a line knew it; its version alone is no change."""
    now = base_of(visit, crew, locked=locked)
    found = [name for name in now if name != "version" and now[name] != base.get(name)]
    if State(visit.state) in ENDED | UNDER_WAY:
        found.append("state")
    return found


async def _carry_out(
    ctx: Context,
    plan: Plan,
    chosen: Sequence[PlanLine],
    visits: Mapping[UUID, Visit],
    args: PublishPlan,
) -> None:
    """Free all the time first, so that visits can change places, then give it anew."""
    ctx.reason = args.reason
    told = {agreed.line_id: agreed for agreed in args.agreed}
    for line in chosen:
        await release(ctx, line.visit_id)
    for line in sorted(chosen, key=lambda one: (not one.breaks_promise, one.starts_at or ctx.now)):
        visit = visits[line.visit_id]
        try:
            if line.id in told:
                continue
            if line.breaks_promise:
                await _give_up(ctx, plan, visit)
            else:
                await _place(ctx, line, visit, args.override)
        except Refusal as refused:
            raise _refused(line, refused) from refused
    for line in chosen:  # after all others have their place
        if line.id in told:
            try:
                await _move(ctx, plan, line, visits[line.visit_id], told[line.id], args)
            except Refusal as refused:
                raise _refused(line, refused) from refused


def _refused(line: PlanLine, refused: Refusal) -> LinesRefused:
    said = {**_named(line), "code": refused.code, "message": refused.message}
    return LinesRefused(count=1, lines=[said])


async def _place(ctx: Context, line: PlanLine, visit: Visit, override: str | None) -> None:
    """Give a visit its technicians and moment; for one without a time a person calls (AP-02)."""
    hands = [UUID(id_) for id_ in line.technician_ids]
    await set_window(
        ctx,
        visit,
        line.window_start,
        line.window_end,
        hands,
        hands[0],
        expected_arrival=line.starts_at,
        override=override or visit.override_reason,
    )
    if line.kind == LineKind.PLACED:
        await open_task(ctx, visit, "new_appointment", ctx.now, subject=DAY_PLAN)


async def _give_up(ctx: Context, plan: Plan, visit: Visit) -> None:
    """Take the technicians off a visit that is not kept; the promise stands until a person has
    called the customer and agreed on another time (AP-06).
    """
    await set_window(
        ctx,
        visit,
        visit.window_start,
        visit.window_end,
        (),
        expected_arrival=visit.expected_arrival,
    )
    open_one = await appointments.lock_open(ctx.session, ctx.region_id, visit.id)
    await open_task(ctx, visit, "reschedule", ctx.now, appointment=open_one, subject=_reason(plan))


def _reason(plan: Plan) -> str:
    return rules.RESCHEDULE_REASON[rules.Cause(plan.cause)]


async def _move(
    ctx: Context, plan: Plan, line: PlanLine, visit: Visit, agreed: Agreed, args: PublishPlan
) -> None:
    """Move a promise the way every promise moves, with what the customer said (AP-06)."""
    open_one = await appointments.lock_open(ctx.session, ctx.region_id, visit.id)
    if open_one is None:
        await _place(ctx, line, visit, args.override)
        return
    assert line.window_start is not None  # noqa: S101 - a moved line has its new window
    assert line.window_end is not None  # noqa: S101 - see above
    moved = {
        "appointment_id": str(open_one.id),
        "window_start": line.window_start.isoformat(),
        "window_end": line.window_end.isoformat(),
        "technician_ids": line.technician_ids,
        "cause": "operator",
        "reason": _reason(plan),
        "channel": agreed.channel,
        "customer_said": agreed.customer_said,
        "customer_contacted_at": agreed.customer_contacted_at.isoformat(),
    }
    envelope = Envelope(new_id(), "appointment.reschedule", moved)
    await commands.run(ctx.session, ctx.actor, envelope, ctx.now)
