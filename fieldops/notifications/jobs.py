"""The worker's part: look every few seconds for messages that are due, and send them."""

import asyncio
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers import pii
from fieldops.customers.rules import digits_of
from fieldops.emergencies import queries as emergencies
from fieldops.emergencies.queries import ToTell
from fieldops.kernel import actor, clock, commands, configuration, jobs, points
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Coded
from fieldops.kernel.ids import new_id
from fieldops.kernel.limits import REGISTRY, Limit
from fieldops.kernel.settings import Settings
from fieldops.notifications import push, queries, rules
from fieldops.notifications.channels import (
    Arrived,
    Channel,
    DeliveryUnknown,
    NotSent,
    Outgoing,
    TextCame,
)
from fieldops.notifications.channels.mail import MailChannel
from fieldops.notifications.channels.outbox import OutboxChannel
from fieldops.notifications.channels.text import TextChannel
from fieldops.notifications.channels.voice import VoiceChannel
from fieldops.notifications.commands import browsers, delivery
from fieldops.notifications.commands.delivery import Claim
from fieldops.notifications.queries import limits
from fieldops.notifications.rules import AttemptOutcome
from fieldops.notifications.wording import render, render_warnings
from fieldops.organisation import queries as organisation

MOST_PER_RUN = 500
# Below the least lease, so that a live worker's message is never taken away, and below the
# statement timeout, so that who changes the visit meanwhile waits and does not fail.
SEND_WITHIN_SECONDS = 20
LISTEN_EVERY_SECONDS = 1

log = structlog.get_logger(__name__)

_channels: list[tuple[Settings, dict[str, Channel]]] = []


def channels_of(settings: Settings) -> dict[str, Channel]:
    """Return this process's channels, made once: the SMSC connection stays open."""
    if not _channels or _channels[0][0] is not settings:
        ways: tuple[Channel, ...] = (
            TextChannel(settings),
            MailChannel(settings),
            VoiceChannel(settings),
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
            await delivery.miss_receipts(session, region_id, clock.now())
        await _send_region(machine.database, machine.settings, channels, region_id)


@jobs.every("* * * * *", "notifications.tell_owners")
async def tell_owners() -> None:
    """Tell owners that their emergency plan is proposed, once and again while undecided (EM-01).

    A mail wakes nobody and goes at once; what rings, and the second time, waits for the day.
    """
    machine = jobs.machine()
    channels = channels_of(machine.settings)
    ways = [way for way in machine.settings.message_channels if way in rules.TO_AN_ACCOUNT]
    way = channels[ways[0]] if ways else None
    async with machine.database.transaction() as session:
        regions = await organisation.region_numbers(session)
    for region_id in regions:
        async with machine.database.transaction() as session:
            night = await browsers.office_night(session, region_id)
            by_day = not night.covers(clock.now())
            after = await configuration.duration(session, region_id, rules.OWNER_REMINDED_AFTER)
            since = clock.now() - after if by_day else None
            due = await emergencies.to_tell(session, region_id, since)
        for one in due:
            written = way is not None and await _write(way, one, night.zone)
            await _ring(machine.database, region_id, one, written=written, by_day=by_day)


async def _write(way: Channel, one: ToTell, zone: ZoneInfo) -> bool:
    """Write to the owner of a proposal; False when it has to be tried again.

    The id is the same however often: a mail program shows once what a dying worker sent twice.
    """
    kind = _told_as(one)
    values = {"plan": " ".join(one.plan_name.split()), "reason": one.reason}
    text = render(kind, one.locale, {**values, "start": one.proposed_at}, zone)
    id_ = uuid5(one.id, f"{one.owner_id}:{kind}")
    outcome, _, why = await _hand_over(
        way, Outgoing(id_, one.email, text.subject, text.text, text.locale)
    )
    if outcome != "sent":
        log.warning("owner not surely told", activation_id=str(one.id), outcome=outcome, why=why)
    return outcome != "not_sent"


def _told_as(one: ToTell) -> str:
    return "emergency_undecided" if one.again else "emergency_proposed"


async def _ring(
    database: Database, region_id: int, one: ToTell, *, written: bool, by_day: bool
) -> None:
    """Wake the owner's browsers by day, and note that the owner is told, by the one or the other.

    Who is reached by neither is tried again the next minute.
    """
    args = {"activation_id": str(one.id), "owner_id": str(one.owner_id)}
    try:
        async with database.transaction() as session:
            woken = 0
            if by_day:
                woken = await browsers.wake(
                    session, region_id, [one.owner_id], _told_as(one), "emergencies"
                )
            if written or woken:
                envelope = Envelope(new_id(), "emergency.note_told", args)
                await commands.run(session, actor.system(region_id), envelope, clock.now())
    except Coded as refusal:  # somebody has decided meanwhile
        log.info("decided meanwhile", activation_id=str(one.id), code=refusal.code)


@jobs.every("* * * * *", "notifications.warn_of_limits")
async def warn_of_limits() -> None:
    """Warn of everything that nears or passed its limit, and tell whom it is for, by day.

    A limit at a time, so that one that cannot be read keeps no other waiting.
    """
    machine = jobs.machine()
    async with machine.database.transaction() as session:
        regions = await organisation.region_numbers(session)
    for region_id in regions:
        for limit in REGISTRY.values():
            try:
                async with machine.database.transaction() as session:
                    await _warn_of(session, region_id, limit)
            except SQLAlchemyError:
                log.exception("limit not looked at", limit=limit.name, region_id=region_id)
        async with machine.database.transaction() as session:
            night = await browsers.office_night(session, region_id)
            gathered = await configuration.duration(session, region_id, rules.WARNED_AGAIN_AFTER)
            people = []
            if not night.covers(clock.now()):
                people = await limits.to_tell(session, region_id, clock.now() - gathered)
        for person in people:
            await _tell_of_limits(machine, region_id, person, night.zone)


async def _warn_of(session: AsyncSession, region_id: int, limit: Limit) -> None:
    now = clock.now()
    percents = {
        stage: await configuration.value(session, region_id, number)
        for stage, number in limit.shares.items()
    }
    running = await limit.running(session, region_id, now)
    if running is not None:
        await limits.warn(session, limit, running, region_id, now, percents)
    await limits.end(session, limit, running, region_id, now)


async def _tell_of_limits(
    machine: jobs.Machine, region_id: int, person: limits.Account, zone: ZoneInfo
) -> None:
    """Write to somebody what is new of their warnings and wake their browsers, in one go.

    The rows are held meanwhile: of two runners one tells. A runner that dies after writing leaves
    them untold, and the next writes under the same id, by the first of them: a mail program shows
    that once. What certainly did not go out is tried again the next minute.
    """
    channels = channels_of(machine.settings)
    ways = [way for way in machine.settings.message_channels if way in rules.TO_AN_ACCOUNT]
    async with machine.database.transaction() as session:
        rows = await limits.lock_untold(session, region_id, person.id)
        if not rows:
            return
        if ways:
            lines = [(row.about, row.stage, row.due_at) for row in rows]
            text = render_warnings(lines, person.locale, clock.now(), zone)
            outgoing = Outgoing(
                uuid5(rows[0].id, "warnings"), person.email, text.subject, text.text, text.locale
            )
            outcome, _, why = await _hand_over(channels[ways[0]], outgoing)
            await points.reach(points.WARNINGS_SENT)
            if outcome != "sent":
                log.warning("warnings not surely told", outcome=outcome, why=why)
            if outcome == "not_sent":
                return
        await browsers.wake(session, region_id, [person.id], "limit_near_or_past", "warnings")
        for row in rows:
            row.told_at = clock.now()


async def _send_region(
    database: Database, settings: Settings, channels: dict[str, Channel], region_id: int
) -> None:
    for _ in range(MOST_PER_RUN):
        async with database.transaction() as session:
            taken = await delivery.claim(session, settings, region_id, clock.now())
        if taken is None:
            return
        if isinstance(taken, Claim):
            await _send(database, settings, channels[taken.channel], region_id, taken)


async def _send(
    database: Database, settings: Settings, channel: Channel, region_id: int, claim: Claim
) -> None:
    """Send one claimed message while its visit is held, and record it in the same transaction."""
    await points.reach(points.MESSAGE_CLAIMED)
    async with database.transaction() as session:
        outgoing = await delivery.hold(session, settings, region_id, claim, clock.now())
        if outgoing is None:
            return
        await points.reach(points.MESSAGE_HELD)
        outcome, references, reason = await _hand_over(channel, outgoing)
        await points.reach(points.MESSAGE_SENT)
        await delivery.record(
            session,
            region_id,
            claim.message_id,
            outcome,
            clock.now(),
            references=references,
            reason=reason,
        )


async def _hand_over(
    channel: Channel, outgoing: Outgoing
) -> tuple[AttemptOutcome, tuple[str, ...], str | None]:
    try:
        async with asyncio.timeout(SEND_WITHIN_SECONDS):
            return "sent", await channel.send(outgoing), None
    except NotSent as exc:
        return ("refused" if exc.final else "not_sent"), (), str(exc)
    except (DeliveryUnknown, TimeoutError) as exc:
        return "unknown", (), str(exc) or "no answer in time"


class Receiver:
    """Keeps what peers send us, each in a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def take(self, channel: str, arrived: Arrived) -> bool:
        """Keep a receipt or a reply; False for a receipt of nothing we know (yet)."""
        async with self.database.transaction() as session:
            regions = await organisation.region_numbers(session)
        if isinstance(arrived, TextCame):
            return await self._take_text(arrived, regions)
        for region_id in regions:
            async with self.database.transaction() as session:
                if await delivery.note_receipt(
                    session, region_id, channel, arrived.reference, arrived.state, clock.now()
                ):
                    return True
        return False

    async def _take_text(self, arrived: TextCame, regions: list[int]) -> bool:
        """Take a text in the region that asked its sender, else in that which knows them."""
        now = clock.now()
        known: list[tuple[bool, int]] = []
        for region_id in regions:
            async with self.database.transaction() as session:
                number = digits_of(arrived.number) or arrived.number
                customers = await pii.customers_of_number(session, region_id, number)
                asked = await queries.open_questions(session, region_id, customers, now)
                hows = await queries.open_follow_ups(session, region_id, customers, now)
            if customers:
                known.append((not asked and not hows, region_id))
        region_id = min(known)[1] if known else min(regions)
        args = {name: getattr(arrived, name) for name in arrived.__slots__}
        envelope = Envelope(new_id(), "reply.take", args)
        async with self.database.transaction() as session:
            await commands.run(session, actor.system(region_id), envelope, now)
        return True


async def listen(database: Database, settings: Settings) -> None:
    """Hear once what peers have for us by the channels this installation has."""
    receiver = Receiver(database)
    for name, channel in channels_of(settings).items():
        if name in settings.message_channels:
            await channel.listen(receiver)


async def listen_on(database: Database, settings: Settings) -> None:
    """Hear what peers have for us until cancelled; every worker does, being bound to them."""
    while True:
        try:
            await listen(database, settings)
        except Exception:  # a peer or the database is away; both come back
            log.exception("listening failed")
        await asyncio.sleep(LISTEN_EVERY_SECONDS)


class PushServiceAway(Exception):  # noqa: N818 - it says what happened; the job is tried again
    """A push service did not take a message now."""


@jobs.job(browsers.WAKE)
async def wake_browser(
    region_id: int, browser_id: str, kind: str, about: push.About = "visits"
) -> None:
    """Wake one browser; one that is gone is forgotten, a service that is away is tried again."""
    machine = jobs.machine()
    async with machine.database.transaction() as session:
        row = await queries.browser(session, region_id, UUID(browser_id))
    if row is None or push.public_key(machine.settings) is None:
        return
    said: push.Outcome = "refused"
    if push.allowed(machine.settings, row.endpoint):
        said = await push.wake(machine.settings, row, kind, about)
    async with machine.database.transaction() as session:
        row = await queries.browser(session, region_id, UUID(browser_id))
        if row is not None and said == "gone":
            await session.delete(row)
        elif row is not None and said == "sent":
            row.sent_at = clock.now()
    if said == "again":
        raise PushServiceAway
