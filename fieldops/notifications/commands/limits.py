"""People see the warnings of limits that are theirs, and mark them as seen."""

from uuid import UUID

from pydantic import Field

from fieldops.kernel.commands import Args, Context, Outcome, command, shown
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission
from fieldops.notifications.queries import limits


class SeeWarnings(Args):
    model_config = shown(warning_ids=["01938f5e-0000-7000-8000-000000000001"])
    warning_ids: list[UUID] = Field(
        min_length=1, max_length=200, description="The warnings, one's own."
    )


@command("warning.see", permission=Permission.WARNING_READ)
async def see(ctx: Context, args: SeeWarnings) -> Outcome:
    """Mark warnings of one's own as seen; nobody is told of them any more. Raises NotFound."""
    wanted = set(args.warning_ids)
    rows = await limits.lock_own(ctx.session, ctx.region_id, ctx.actor.id, wanted)
    if len(rows) < len(wanted):
        raise NotFound(thing="warning")
    for row in rows:
        row.seen_at = row.seen_at or ctx.now
    return list(rows)
