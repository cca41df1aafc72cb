"""What sync does when a person is erased, and when work is taken from people with phones."""

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import erasure
from fieldops.kernel.commands import Context
from fieldops.kernel.events import Taken, on
from fieldops.sync import erasures, field
from fieldops.sync.errors import WorkMayBeUnsent


@erasure.on_erasure
async def forget_and_tell(session: AsyncSession, reach: erasure.Reach) -> None:
    """Overwrite words at the desk; tell devices once, at the erasure itself (I12)."""
    await erasures.forget_words_at_desk(session, reach)
    if not reach.again:
        await erasures.tell_devices(session, reach)


@on(Taken)
async def warn_of_unsent_work(ctx: Context, event: Taken) -> None:
    """Warn the office when a phone holds what was just taken from its user (SYNC section 2)."""
    if ctx.from_device and not ctx.accepted:
        return
    found = await field.states(
        ctx.session, ctx.region_id, event.resource, event.row_id, event.person_ids, ctx.now
    )
    holding = [state for state in found if state.holds and state.unsent]
    if holding:
        ctx.warn(
            WorkMayBeUnsent(
                phones=", ".join(state.name for state in holding),
                devices=[state.model_dump(mode="json") for state in holding],
            )
        )
