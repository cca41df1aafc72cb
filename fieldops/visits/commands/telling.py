"""Telling technicians what became of their visits: no visit is taken from a phone silently."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from pydantic import Field

from fieldops.kernel.actor import Kind
from fieldops.kernel.commands import Args, Context, Nature, command
from fieldops.kernel.events import Taken
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Technician
from fieldops.visits import queries, rules, wording
from fieldops.visits.events import TechniciansTold
from fieldops.visits.models import Assignment, Notice, Visit
from fieldops.visits.rules import NoticeKind

Window = tuple[datetime | None, datetime | None]


async def tell(
    ctx: Context,
    visit: Visit,
    rows: Collection[Assignment],
    kind: NoticeKind,
    *,
    known_as: Window | None = None,
    technicians: str = "",
) -> None:
    """Write a notice to each technician of `rows`, but not to who did it.

    `known_as` is the visit's window as they knew it, when it has another one now. Notices that
    take something away are announced as `Taken`, so that the office is warned of what their
    phones may still hold (SYNC section 2).
    """
    by = ctx.decided_by or (ctx.actor.id if ctx.actor.kind is Kind.PERSON else None)
    told = [row for row in rows if row.technician_id != by]
    present = (visit.window_start, visit.window_end)
    start, end = known_as or present
    changed = (start, end) != present
    ctx.add(
        *(
            Notice(
                region_id=ctx.region_id,
                technician_id=row.technician_id,
                visit_id=visit.id,
                centre_id=row.centre_id,
                kind=kind.value,
                text=wording.notice(kind, technicians),
                reason=ctx.reason or visit.end_reason,
                window_start=start,
                window_end=end,
                new_window_start=visit.window_start if changed else None,
                new_window_end=visit.window_end if changed else None,
                by_id=by,
                at=ctx.now,
            )
            for row in told
        )
    )
    ids = tuple(row.technician_id for row in told)
    if kind in rules.TAKING and told:
        await ctx.emit(Taken(Visit.resource, visit.id, ids))
    if told:
        await ctx.emit(TechniciansTold(ids, kind.value))


async def tell_present(ctx: Context, visit: Visit, kind: NoticeKind) -> None:
    """Write a notice to all technicians a visit has now."""
    await tell(ctx, visit, await queries.present(ctx.session, ctx.region_id, [visit.id]), kind)


def tell_role_lost(ctx: Context, technician: Technician) -> None:
    """Tell a technician that the role ended, and with it what the phone held."""
    ctx.add(
        Notice(
            region_id=ctx.region_id,
            technician_id=technician.id,
            centre_id=technician.centre_id,
            kind=NoticeKind.ROLE_LOST.value,
            text=wording.notice(NoticeKind.ROLE_LOST),
            reason=ctx.reason,
            by_id=ctx.actor.id,
            at=ctx.now,
        )
    )


async def tell_technician(
    ctx: Context, technician_id: UUID, kind: NoticeKind, visit_id: UUID | None = None
) -> None:
    """Write a notice to one technician that is not about the course of a visit.

    `visit_id` only says which work it is about. Raises NotFound for an unknown technician.
    """
    technician = await organisation.technician(ctx.session, ctx.region_id, technician_id)
    ctx.add(
        Notice(
            region_id=ctx.region_id,
            technician_id=technician.id,
            visit_id=visit_id,
            centre_id=technician.centre_id,
            kind=kind.value,
            text=wording.notice(kind),
            reason=ctx.reason,
            by_id=ctx.actor.id if ctx.actor.kind is Kind.PERSON else None,
            at=ctx.now,
        )
    )
    await ctx.emit(TechniciansTold((technician.id,), kind.value))


class ReadNotice(Args):
    notice_id: UUID = Field(description="The notice that was read.")


@command(
    "notice.read",
    permission=Permission.VISIT_WORK,
    nature=Nature.FACT,
    offline=True,
    subject="notice_id",
)
async def read(ctx: Context, args: ReadNotice) -> Notice:
    """Note that a technician has read a notice; it then leaves the phone (SYNC section 1).

    Raises NotFound for somebody else's.
    """
    notice = await queries.lock_notice(ctx.session, ctx.region_id, ctx.actor.id, args.notice_id)
    if notice.read_at is None:
        notice.read_at = ctx.happened_at
    return notice
