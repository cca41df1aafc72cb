"""Which visit work goes on: planning, joining, splitting (WO-02)."""

from collections import defaultdict
from collections.abc import Collection
from uuid import UUID

from pydantic import Field

from fieldops.kernel.commands import Args, Context, Text, command
from fieldops.kernel.permissions import Permission
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.orders.rules import Department
from fieldops.visits import queries, rules
from fieldops.visits.commands import assigning, following, telling
from fieldops.visits.commands.judging import visit_for_decision
from fieldops.visits.errors import CannotJoin, NothingLeftOnVisit, WorkNotOnVisit
from fieldops.visits.events import VisitResized
from fieldops.visits.models import Visit, VisitWork
from fieldops.visits.rules import NoticeKind, State


async def plan(
    ctx: Context,
    order: ServiceOrder,
    work: Collection[WorkOrder],
    *,
    former: Visit | None = None,
) -> Visit | None:
    """Put open field work of an order on its coordinated visit, one at each premises (WO-02).

    It joins the order's visit there when that has not begun and its technicians hold the skills
    and have the time; otherwise a new visit is planned. `former`: the visit that the work had.
    Returns the last visit, None without need of one.
    """
    visit = None
    for premises_id, field in _by_premises(order, work).items():
        visit = await _plan_at(ctx, order, premises_id, field, former)
    return visit


def _by_premises(order: ServiceOrder, work: Collection[WorkOrder]) -> dict[UUID, list[WorkOrder]]:
    """Return open field work by where it is, as the order names it first."""
    found: dict[UUID, list[WorkOrder]] = defaultdict(list)
    for row in sorted(work, key=lambda row: row.number):
        premises_id = row.premises_id or order.premises_id
        if row.department == Department.FIELD and premises_id is not None:
            found[premises_id].append(row)
    return found


async def _plan_at(
    ctx: Context,
    order: ServiceOrder,
    premises_id: UUID,
    work: Collection[WorkOrder],
    former: Visit | None,
) -> Visit:
    for visit in await queries.lock_visits_of_order(ctx.session, ctx.region_id, order.id):
        there = visit.premises_id == premises_id and visit.split_reason is None
        if there and await assigning.can_take(ctx, visit, work):
            await join(ctx, visit, work)
            await telling.tell_present(ctx, visit, NoticeKind.WORK_CHANGED)
            await ctx.emit(VisitResized(visit.id))
            return visit
    return await plan_new(ctx, order, premises_id, work, former=former)


async def plan_new(
    ctx: Context,
    order: ServiceOrder,
    premises_id: UUID,
    work: Collection[WorkOrder],
    *,
    former: Visit | None = None,
    split_reason: str | None = None,
) -> Visit:
    """Plan a new visit for work of an order at one premises; it needs an appointment."""
    visit = Visit(
        region_id=ctx.region_id,
        order_id=order.id,
        premises_id=premises_id,
        customer_id=order.customer_id,
        centre_id=order.centre_id,
        former_visit_id=former.id if former is not None else None,
        state=State.PLANNED.value,
        duration_minutes=1,
        kit={},
        split_reason=split_reason,
    )
    ctx.add(visit)
    await ctx.session.flush()
    await join(ctx, visit, work)
    ctx.also.append(visit)
    return visit


async def join(ctx: Context, visit: Visit, work: Collection[WorkOrder]) -> None:
    """Add work to a visit; its planned time, kit list and the work's state follow.

    Work that was taken off this very visit comes back to it.
    """
    left = {
        entry.work_order_id: entry
        for entry, _ in await queries.visit_work(ctx.session, ctx.region_id, visit.id)
    }
    for row in work:
        entry = left.get(row.id)
        if entry is not None:
            entry.ended_at = entry.outcome = None
            continue
        ctx.add(
            VisitWork(
                region_id=ctx.region_id,
                visit_id=visit.id,
                work_order_id=row.id,
                centre_id=visit.centre_id,
            )
        )
    await ctx.session.flush()
    following.resize(visit, await queries.open_work(ctx.session, ctx.region_id, visit.id))
    await following.bring_work(ctx, visit)


class SplitVisit(Args):
    visit_id: UUID = Field(description="The coordinated visit.")
    work_order_ids: list[UUID] = Field(
        min_length=1, max_length=20, description="The work that goes on a visit of its own."
    )
    reason: Text = Field(
        min_length=3, max_length=500, description="Why one visit cannot do all of it."
    )


@command("visit.split", permission=Permission.VISIT_ASSIGN, subject="visit_id")
async def split(ctx: Context, args: SplitVisit) -> list[Visit]:
    """Take work out of a coordinated visit, onto one of its own, with a reason (WO-02).

    Raises NotFound, IllegalVisitChange, WorkNotOnVisit, NothingLeftOnVisit.
    """
    judged = await visit_for_decision(ctx, args.visit_id, "visit.split")
    visit = judged.visit
    on_visit = await queries.open_work(ctx.session, ctx.region_id, visit.id)
    going = [(entry, row) for entry, row in on_visit if row.id in set(args.work_order_ids)]
    if len(going) != len(set(args.work_order_ids)):
        raise WorkNotOnVisit
    if len(going) == len(on_visit):
        raise NothingLeftOnVisit(next_steps=rules.next_steps(visit.state))
    ctx.reason = args.reason
    for entry, _ in going:
        await ctx.session.delete(entry)
    await ctx.session.flush()
    following.resize(visit, await queries.open_work(ctx.session, ctx.region_id, visit.id))
    order = await queries.order_of(ctx.session, ctx.region_id, visit.order_id)
    rows = [row for _, row in going]
    other = await plan_new(ctx, order, visit.premises_id, rows, split_reason=args.reason)
    await telling.tell_present(ctx, visit, NoticeKind.WORK_CHANGED)
    await ctx.emit(VisitResized(visit.id))
    return [visit, other]


class JoinVisits(Args):
    visit_id: UUID = Field(description="The visit that takes the work.")
    from_visit_id: UUID = Field(description="The visit of the same order that gives it up.")
    reason: Text = Field(min_length=3, max_length=500, description="Why one visit can do it now.")


@command("visit.join", permission=Permission.VISIT_ASSIGN, subject="visit_id")
async def join_visits(ctx: Context, args: JoinVisits) -> list[Visit]:
    """Bring the work of another visit of the order onto this one, which undoes a split (WO-02).

    The other visit ends; a customer who was promised it is told. Raises NotFound,
    IllegalVisitChange, CannotJoin.
    """
    visit = (await visit_for_decision(ctx, args.visit_id, "visit.split")).visit
    other = (await visit_for_decision(ctx, args.from_visit_id, "visit.split")).visit
    if other.id == visit.id or other.order_id != visit.order_id:
        raise CannotJoin(why="it belongs to another order, or it is the same visit")
    if other.premises_id != visit.premises_id:
        raise CannotJoin(why="it goes to another address")
    moving = await queries.open_work(ctx.session, ctx.region_id, other.id)
    rows = [row for _, row in moving]
    if not await assigning.can_take(ctx, visit, rows):
        raise CannotJoin(
            next_steps=("visit.assign",), why="its technicians lack the skills or the time"
        )
    ctx.reason = args.reason
    for entry, _ in moving:
        entry.ended_at, entry.outcome = ctx.now, "joined"
    await following.close_if_empty(ctx, other, "joined")
    await join(ctx, visit, rows)
    visit.split_reason = None
    await telling.tell_present(ctx, visit, NoticeKind.WORK_CHANGED)
    await ctx.emit(VisitResized(visit.id))
    return [visit, other]
