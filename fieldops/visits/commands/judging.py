"""How what a phone captured is judged when the visit was changed meanwhile.

Carries out the table of SYNC section 2 for every command about a visit, also for those of other
modules: reassigned, cancelled before or after the capture, or only moved in time.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fieldops.kernel.commands import Context
from fieldops.organisation import queries as organisation
from fieldops.visits import queries, rules
from fieldops.visits.commands import following
from fieldops.visits.errors import (
    CancelledAfterWork,
    IllegalVisitChange,
    NotYourVisit,
    Reassigned,
    Superseded,
    VisitCancelled,
)
from fieldops.visits.models import Assignment, Visit
from fieldops.visits.rules import State, Step


@dataclass(frozen=True, slots=True)
class JudgedVisit:
    """A locked visit and the actor's part in it.

    `assignment` is the actor's present assignment (None for the office and for a technician who
    has lost the visit); `mine` says whether the actor is one of its technicians now; `by_other`
    whether a technician acts who is not.
    """

    visit: Visit
    assignment: Assignment | None
    mine: bool
    by_other: bool

    @property
    def moves(self) -> bool:
        """Whether a fact moves the visit's state: it is the actor's and has not ended."""
        return self.mine and State(self.visit.state) not in rules.ENDED


async def visit_for_fact(ctx: Context, visit_id: UUID) -> JudgedVisit:
    """Lock a visit for a fact, which is stored whatever happened meanwhile (SY-02).

    Raises NotFound when the actor never had anything to do with the visit.
    """
    scope = ctx.actor.scope(ctx.spec.permission)
    visit = await queries.lock_visit(ctx.session, scope, visit_id, ever=True)
    return _judged(ctx, visit, await queries.present(ctx.session, ctx.region_id, [visit.id]))


async def visit_for_decision(
    ctx: Context, visit_id: UUID, command: str | None = None
) -> JudgedVisit:
    """Lock a visit for a decision and judge it against the present state (SYNC section 2).

    With `command` the visit must be in a state in which that command is legal. A decision that
    a dispatcher has accepted gives the visit back, or lets a cancelled one take place.
    Raises NotFound, VisitCancelled, NotYourVisit, Superseded, IllegalVisitChange; holds
    CancelledAfterWork and Reassigned.
    """
    scope = ctx.actor.scope(ctx.spec.permission)
    visit = await queries.lock_visit(ctx.session, scope, visit_id, ever=True)
    if visit.state == State.CANCELLED:
        await _judge_cancelled(ctx, visit)
    present = await queries.present(ctx.session, ctx.region_id, [visit.id])
    judged = _judged(ctx, visit, present)
    if judged.by_other:
        await _judge_reassigned(ctx, visit, present)
        present = await queries.present(ctx.session, ctx.region_id, [visit.id])
        judged = _judged(ctx, visit, present)
    if command is not None and not rules.legal(command, visit.state):
        raise IllegalVisitChange(
            next_steps=rules.next_steps(visit.state), state=visit.state, wanted=command
        )
    return judged


def _judged(ctx: Context, visit: Visit, present: Collection[Assignment]) -> JudgedVisit:
    own = next((row for row in present if row.technician_id == ctx.actor.id), None)
    scope = ctx.actor.scope(ctx.spec.permission)
    office = scope.whole_region or visit.centre_id in scope.centre_ids
    return JudgedVisit(visit, own, mine=own is not None, by_other=own is None and not office)


async def _judge_cancelled(ctx: Context, visit: Visit) -> None:
    """Refuse what was captured after the cancellation, hold what was captured before it."""
    assert visit.cancelled_at is not None  # noqa: S101 - a cancelled visit says when
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    when: dict[str, Any] = {
        "cancelled_at": visit.cancelled_at.isoformat(),
        "cancelled_on": f"{visit.cancelled_at.astimezone(zone):%Y-%m-%d at %H:%M}",
    }
    if not ctx.from_device or visit.cancelled_at <= ctx.happened_at:
        raise VisitCancelled(next_steps=("note.add",), **when)
    if not ctx.accepted:
        raise CancelledAfterWork(**when)
    await following.revive(ctx, visit)


async def _judge_reassigned(ctx: Context, visit: Visit, present: Collection[Assignment]) -> None:
    """Reject when another technician has started, hold or give back when nobody has."""
    names = await _names(ctx, present)
    others_started = any(row.state in {Step.WORKING, Step.DONE} for row in present)
    if others_started or visit.state in rules.ENDED:
        raise Superseded(next_steps=("note.add",), technicians=names, state=visit.state)
    if not ctx.from_device:
        raise NotYourVisit(next_steps=("note.add",), technicians=names)
    if not ctx.accepted:
        raise Reassigned(technicians=names)
    await following.give_back(ctx, visit, ctx.actor.id)


async def _names(ctx: Context, present: Collection[Assignment]) -> str:
    known = await organisation.technicians(
        ctx.session, ctx.region_id, [row.technician_id for row in present]
    )
    return ", ".join(known[row.technician_id].name for row in present) or "nobody"
