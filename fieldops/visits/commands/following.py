"""How a visit follows its technicians, and how it comes back when late work is accepted."""

from collections.abc import Collection, Iterable
from uuid import UUID

from fieldops.kernel.commands import Context
from fieldops.network.commands import give_back as give_back_claims
from fieldops.orders import commands as orders
from fieldops.orders.models import WorkOrder
from fieldops.orders.rules import State as Work
from fieldops.organisation import queries as organisation
from fieldops.visits import queries, rules
from fieldops.visits.commands import departures, telling
from fieldops.visits.errors import Superseded
from fieldops.visits.events import VisitAssigned, VisitCancelled, VisitResized, VisitRevived
from fieldops.visits.models import Assignment, Visit
from fieldops.visits.rules import FactKind, NextStep, NoticeKind, State, Step


async def follow(ctx: Context, visit: Visit) -> None:
    """Let a visit that has not ended follow its technicians' steps, and its work follow it."""
    present = await queries.present(ctx.session, ctx.region_id, [visit.id])
    state = rules.state_of_visit(
        (row.state for row in present), has_window=visit.window_start is not None
    )
    visit.state = state.value
    forget_who_left(visit, present)
    await bring_work(ctx, visit)


def forget_who_left(visit: Visit, present: Collection[Assignment]) -> None:
    """Take back what only technicians who lost the visit had done on it; their facts stay.

    A visit whose next technician has not come yet has no arrival, and nobody introduced.
    """
    if not any(row.departed_at for row in present):
        visit.departed_at = None
    if not any(row.started_at for row in present):
        visit.started_at = None
    if visit.arrived_at is not None and not any(row.arrived_at for row in present):
        visit.arrived_at = visit.identity_confirmed_at = None


async def bring_work(ctx: Context, visit: Visit) -> None:
    """Bring the open work of a visit into the state that goes with the visit's own."""
    wanted = rules.WORK_STATE[State(visit.state)]
    work = await queries.open_work(ctx.session, ctx.region_id, visit.id)
    behind = [row.id for _, row in work if row.state in {Work.RECEIVED, Work.SCHEDULED}]
    if wanted in {Work.ACCEPTED, Work.IN_PROGRESS} and behind:
        # Work that joins a visit under way takes the steps it missed, each with its history.
        await orders.advance(ctx, behind, Work.DISPATCHED)
    if wanted is Work.IN_PROGRESS:
        await orders.advance(
            ctx, [row.id for _, row in work if row.state == Work.DISPATCHED], Work.ACCEPTED
        )
    await orders.advance(ctx, [row.id for _, row in work], wanted)


def resize(visit: Visit, work: Iterable[tuple[object, WorkOrder]]) -> None:
    """Set a visit's planned time on site and its kit list from its open work (VI-02)."""
    rows = [row for _, row in work]
    if rows:
        visit.duration_minutes = time_on_site(rows)
        kit = rules.kit_for((row.kind, row.skill) for row in rows)
        if kit != visit.kit and visit.departed_at is None:
            visit.kit_confirmed_at = None  # another list: the check was of the one before (VI-02)
        visit.kit = kit


def time_on_site(rows: Iterable[WorkOrder]) -> int:
    """Return how long work takes on one visit, in minutes; a day at most."""
    return min(1440, sum(row.duration_minutes for row in rows))


async def end_assignments(
    ctx: Context, rows: Collection[Assignment], reason: str, *, some_stay: bool = False
) -> tuple[UUID, ...]:
    """Take technicians off their visit; they keep what they captured.

    When none of them stays, what they claimed of the plant is free for others again (RE-02).
    """
    if rows and not some_stay:
        await give_back_claims(ctx, next(iter(rows)).visit_id)
    for row in rows:
        row.ended_at = ctx.now
        row.ended_reason = reason
    # The index that lets only one technician be the contact looks at every single row.
    await ctx.session.flush()
    return tuple(row.technician_id for row in rows)


async def give_back(ctx: Context, visit: Visit, technician_id: UUID) -> None:
    """Give a visit back to the technician whose late work a dispatcher accepted (SYNC 2)."""
    present = await queries.present(ctx.session, ctx.region_id, [visit.id])
    removed = await end_assignments(ctx, present, "given_back")
    technician = await organisation.technician(ctx.session, ctx.region_id, technician_id)
    row = Assignment(
        region_id=ctx.region_id,
        visit_id=visit.id,
        technician_id=technician_id,
        centre_id=technician.centre_id,
        technician_name=technician.name,
        is_contact=True,
        state=Step.OFFERED.value,
        assigned_at=ctx.now,
    )
    ctx.add(row)
    await telling.tell(ctx, visit, present, NoticeKind.GIVEN_BACK, technicians=technician.name)
    await telling.tell(ctx, visit, [row], NoticeKind.GAINED)
    forget_who_left(visit, ())
    await _catch_up(ctx, visit, [row])
    await follow(ctx, visit)
    ctx.also.append(row)
    await ctx.emit(VisitAssigned(visit.id, (technician_id,), removed, technician_id))


async def revive(ctx: Context, visit: Visit) -> None:
    """Let a cancelled visit take place after all: its work was done (SYNC section 2).

    Its work is taken back from the visit that was planned instead. Raises Superseded when
    somebody has gone on with the work there, IllegalChange when it was ended otherwise.
    """
    work = await queries.visit_work(ctx.session, ctx.region_id, visit.id)
    elsewhere = await queries.visits_of_work(
        ctx.session, ctx.region_id, [row.id for entry, row in work]
    )
    open_visits = {
        row.id: row
        for row in await queries.lock_visits_of_order(ctx.session, ctx.region_id, visit.order_id)
    }
    for entry in elsewhere:
        other = open_visits[entry.visit_id]
        if State(other.state) in rules.UNDER_WAY:
            raise Superseded(technicians="the visit planned instead", state=other.state)
        entry.ended_at, entry.outcome = ctx.now, "taken_back"
    await ctx.session.flush()
    for entry, _ in work:
        if entry.ended_at == visit.cancelled_at:  # what left the visit with its end comes back
            entry.ended_at = entry.outcome = None
    present = await queries.present(ctx.session, ctx.region_id, [visit.id])
    visit.state = rules.state_of_visit(
        (row.state for row in present), has_window=visit.window_start is not None
    ).value
    visit.ended_at = visit.cancelled_at = visit.next_step = None
    visit.end_reason = visit.end_cause = visit.end_note = None
    await telling.tell(ctx, visit, present, NoticeKind.REVIVED)
    await _catch_up(ctx, visit, present)
    await follow(ctx, visit)
    for other_id in sorted({entry.visit_id for entry in elsewhere}):
        await close_if_empty(ctx, open_visits[other_id], rules.WORK_DONE_ELSEWHERE)
    await ctx.emit(VisitRevived(visit.id))


async def close_if_empty(
    ctx: Context,
    visit: Visit,
    reason: str,
    *,
    next_step: NextStep = NextStep.WORK_ENDED,
    cause: str = "operator",
) -> bool:
    """Cancel a visit whose last work has gone elsewhere, else fit it to what is left."""
    await ctx.session.flush()
    left = await queries.open_work(ctx.session, ctx.region_id, visit.id)
    if left:
        resize(visit, left)
        await telling.tell_present(ctx, visit, NoticeKind.WORK_CHANGED)
        await ctx.emit(VisitResized(visit.id))
        return False
    await give_back_claims(ctx, visit.id)
    visit.state = State.CANCELLED.value
    visit.ended_at = visit.cancelled_at = ctx.now
    visit.end_reason, visit.end_cause = reason, cause
    visit.next_step = next_step.value
    ctx.also.append(visit)
    await telling.tell_present(ctx, visit, NoticeKind.CANCELLED)
    await free_the_way(ctx, visit)
    await ctx.emit(VisitCancelled(visit.id, reason, None))
    return True


async def free_the_way(ctx: Context, visit: Visit) -> None:
    """Let the next visits of a cancelled visit's technicians start from where they are then."""
    if visit.expected_arrival is not None:
        present = await queries.present(ctx.session, ctx.region_id, [visit.id])
        ids = [row.technician_id for row in present]
        await departures.set_next(ctx, visit.expected_arrival, ids)


async def _catch_up(ctx: Context, visit: Visit, rows: Iterable[Assignment]) -> None:
    """Bring technicians to where their kept facts say they are, and own all their facts again."""
    kept = await queries.facts(ctx.session, ctx.region_id, visit.id)
    for row in rows:
        for fact in kept:
            if fact.technician_id != row.technician_id:
                continue
            fact.by_other_technician = False
            if fact.kind == FactKind.DEPARTURE:
                step_on(row, Step.EN_ROUTE)
                row.departed_at = row.departed_at or fact.estimated_at
                visit.departed_at = visit.departed_at or fact.estimated_at
            elif fact.kind == FactKind.ARRIVAL:
                step_on(row, Step.ON_SITE)
                row.arrived_at = row.arrived_at or fact.estimated_at
                visit.arrived_at = visit.arrived_at or fact.estimated_at
    for fact in kept:
        identity = fact.kind == FactKind.IDENTITY and fact.body.get("complete")
        if identity and visit.identity_confirmed_at is None:
            visit.identity_confirmed_at = fact.estimated_at


def step_on(row: Assignment, step: Step) -> None:
    """Let a technician step forward; a late fact never takes anybody back."""
    if rules.STEPS.index(step) > rules.STEPS.index(Step(row.state)):
        row.state = step.value
