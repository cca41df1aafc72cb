"""People's browsers: registered, taken off, and forgotten when they are gone."""

from collections.abc import Collection
from uuid import UUID

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments.rules import QuietHours
from fieldops.kernel import configuration, jobs
from fieldops.kernel.commands import Args, Context, Text, command
from fieldops.kernel.permissions import Permission
from fieldops.notifications import push, queries, rules
from fieldops.notifications.errors import BrowserRefused
from fieldops.notifications.models import PushSubscription
from fieldops.organisation import queries as organisation

WAKE = "notifications.wake_browser"
OWN = Permission.PUSH_SUBSCRIBE
MOST_BROWSERS = 10  # of one person; the one that was registered first makes room


async def wake(
    session: AsyncSession,
    region_id: int,
    person_ids: Collection[UUID],
    kind: str,
    about: push.About = "visits",
) -> int:
    """Have the worker wake people's browsers after the commit; returns how many."""
    found = await queries.browsers_of(session, region_id, person_ids)
    for row in found:
        await jobs.enqueue(
            session,
            jobs.app.tasks[WAKE],
            region_id=region_id,
            browser_id=str(row.id),
            kind=kind,
            about=about,
        )
    return len(found)


async def office_night(session: AsyncSession, region_id: int) -> QuietHours:
    """Return the hours in which nobody of an office is woken."""
    return QuietHours.of(
        await configuration.value(session, region_id, rules.OFFICE_QUIET_FROM),
        await configuration.value(session, region_id, rules.OFFICE_QUIET_UNTIL),
        await organisation.zone_of(session, region_id),
    )


async def wake_office(
    ctx: Context, person_ids: Collection[UUID], kind: str, about: push.About
) -> int:
    """Wake people of an office, by day and not who did it; by night their lists show it."""
    if (await office_night(ctx.session, ctx.region_id)).covers(ctx.now):
        return 0
    others = set(person_ids) - {ctx.actor.id}
    return await wake(ctx.session, ctx.region_id, sorted(others), kind, about)


class SubscribeBrowser(Args):
    endpoint: Text = Field(
        min_length=10, max_length=1000, description="The push service's address."
    )
    p256dh: Text = Field(min_length=80, max_length=100, description="The browser's public key.")
    auth: Text = Field(min_length=16, max_length=40, description="The browser's secret.")
    label: Text | None = Field(None, max_length=80, description="What the person calls it.")


@command("push.subscribe", permission=OWN)
async def subscribe(ctx: Context, args: SubscribeBrowser) -> PushSubscription:
    """Let a browser of one's own be woken: visits change (SY-01), a plan is proposed (EM-01).

    The same browser again gets its present keys, and belongs to who registers it last. The
    entrance has checked the address. Raises BrowserRefused for keys that are none.
    """
    try:
        push.encrypt(args.p256dh, args.auth, args.endpoint, b"{}")
    except ValueError as exc:
        raise BrowserRefused(reason=str(exc)) from exc
    row = await queries.browser_by_endpoint(ctx.session, ctx.region_id, args.endpoint)
    if row is None:
        row = PushSubscription(region_id=ctx.region_id, id=ctx.envelope.id, endpoint=args.endpoint)
        ctx.add(row)
    row.person_id, row.p256dh, row.auth = ctx.actor.id, args.p256dh, args.auth
    row.label = args.label
    await ctx.session.flush()
    mine = await queries.browsers_of(ctx.session, ctx.region_id, [ctx.actor.id])
    for old in mine[:-MOST_BROWSERS]:
        await ctx.session.delete(old)
    return row


class UnsubscribeBrowser(Args):
    subscription_id: UUID = Field(description="The browser that is not woken any more.")


@command("push.unsubscribe", permission=OWN)
async def unsubscribe(ctx: Context, args: UnsubscribeBrowser) -> None:
    """Wake a browser of one's own no longer. Raises NotFound for somebody else's."""
    row = await queries.own_browser(ctx.session, ctx.region_id, ctx.actor.id, args.subscription_id)
    await ctx.session.delete(row)
