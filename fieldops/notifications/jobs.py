"""The worker's part: look every few seconds for messages that are due, and send them."""

import asyncio

from fieldops.kernel import clock, jobs, points
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.notifications.channels import Channel, DeliveryUnknown, NotSent
from fieldops.notifications.channels.mail import MailChannel
from fieldops.notifications.channels.outbox import OutboxChannel
from fieldops.notifications.channels.text import TextChannel
from fieldops.notifications.commands import delivery
from fieldops.notifications.commands.delivery import Claim
from fieldops.notifications.rules import AttemptOutcome
from fieldops.organisation import queries as organisation

MOST_PER_RUN = 500
SEND_WITHIN_SECONDS = 45  # below the least lease: a live worker's message is never taken away

_channels: list[tuple[Settings, dict[str, Channel]]] = []


def channels_of(settings: Settings) -> dict[str, Channel]:
    """Return this process's channels, made once: the SMSC connection stays open."""
    if not _channels or _channels[0][0] is not settings:
        ways: tuple[Channel, ...] = (
            TextChannel(settings),
            MailChannel(settings),
            OutboxChannel(settings.outbox_path),
        )
        _channels[:] = [(settings, {way.name: way for way in ways})]
    return _channels[0][1]


async def close_channels() -> None:
    """Take leave of the peers at the worker's end."""
    for _, channels in _channels:
        for channel in channels.values():
            await channel.close()
    _channels.clear()


@jobs.every("* * * * * */5", "notifications.send_due")
async def send_due() -> None:
    """Send every message that is due, and look after those a dead worker left behind."""
    machine = jobs.machine()
    channels = channels_of(machine.settings)
    async with machine.database.transaction() as session:
        regions = await organisation.region_numbers(session)
    for region_id in regions:
        async with machine.database.transaction() as session:
            await delivery.recover(session, region_id, clock.now())
        await _send_region(machine.database, machine.settings, channels, region_id)
    await _note_receipts(machine.database, channels, regions)


async def _send_region(
    database: Database, settings: Settings, channels: dict[str, Channel], region_id: int
) -> None:
    for _ in range(MOST_PER_RUN):
        async with database.transaction() as session:
            taken = await delivery.claim(session, settings, region_id, clock.now())
        if taken is None:
            return
        if isinstance(taken, Claim):
            await _send(database, channels[taken.channel], region_id, taken)


async def _send(database: Database, channel: Channel, region_id: int, claim: Claim) -> None:
    await points.reach(points.MESSAGE_CLAIMED)
    reference: str | None = None
    reason: str | None = None
    outcome: AttemptOutcome = "sent"
    try:
        async with asyncio.timeout(SEND_WITHIN_SECONDS):
            reference = await channel.send(claim.outgoing)
    except NotSent as exc:
        outcome, reason = ("refused" if exc.final else "not_sent"), str(exc)
    except (DeliveryUnknown, TimeoutError) as exc:
        outcome, reason = "unknown", str(exc) or "no answer in time"
    await points.reach(points.MESSAGE_SENT)
    async with database.transaction() as session:
        await delivery.record(
            session,
            region_id,
            claim.outgoing.id,
            outcome,
            clock.now(),
            reference=reference,
            reason=reason,
        )


async def _note_receipts(
    database: Database, channels: dict[str, Channel], regions: list[int]
) -> None:
    for channel in channels.values():
        for reference, state in await channel.receipts():
            for region_id in regions:
                async with database.transaction() as session:
                    if await delivery.note_receipt(
                        session, region_id, channel.name, reference, state
                    ):
                        break
