"""Reads of messages: by scope, of a visit, due, left behind by a worker that died."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import queries as appointments
from fieldops.appointments import rules as appointment_rules
from fieldops.appointments.ladders import Step
from fieldops.appointments.models import Appointment
from fieldops.customers.models import Customer
from fieldops.followups.models import FollowUp
from fieldops.kernel.errors import NotFound
from fieldops.kernel.gathering import hanging_on, row_of
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one
from fieldops.notifications import policy, rules
from fieldops.notifications.models import DeliveryAttempt, Message, PushSubscription, Receipt
from fieldops.organisation.models import Technician
from fieldops.visits import queries as visits
from fieldops.visits.models import Visit


def messages(scope: Scope) -> Select[Message]:
    """Return the statement for the messages in a scope, by id."""
    return select(Message).where(policy.visible(scope)).order_by(Message.id)


async def message(session: AsyncSession, scope: Scope, message_id: UUID) -> Message:
    """Return a message; raises NotFound outside the scope."""
    return await find_one(session, messages(scope).where(Message.id == message_id), "message")


async def attempts(
    session: AsyncSession, region_id: int, message_id: UUID
) -> list[DeliveryAttempt]:
    """Return the delivery log of a message, first try first."""
    found = await session.scalars(
        select(DeliveryAttempt)
        .where(DeliveryAttempt.region_id == region_id, DeliveryAttempt.message_id == message_id)
        .order_by(DeliveryAttempt.number)
    )
    return list(found)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What messages about a visit are planned from.

    `declined`: the customer took the promise of the present window back, and nothing else is
    agreed yet. `steps` are the customer's, with the name by which nobody gets one twice; none
    are left once a technician is at the door.
    """

    visit: Visit
    appointment: Appointment | None
    contact: Technician | None
    declined: bool
    steps: list[tuple[str, Step]]


async def occasion(session: AsyncSession, region_id: int, visit_id: UUID) -> Occasion:
    """Return a visit with its open appointment and the customer's contact technician."""
    visit = await row_of(session, Visit, region_id, visit_id, argument="visit_id")
    if visit is None:
        raise NotFound(thing="visit")
    promises = await hanging_on(session, Appointment.visit_id, region_id, [visit_id])
    promise = next((p for p in promises if p.state in appointment_rules.OPEN_STATES), None)
    contacts = [
        row for row in await visits.present(session, region_id, [visit_id]) if row.is_contact
    ]
    contact = None
    if contacts:
        contact = await row_of(session, Technician, region_id, contacts[0].technician_id)
    declined = promise is None and any(
        p.state == "cancelled" and p.window_start == visit.window_start for p in promises
    )
    steps: list[tuple[str, Step]] = []
    if visit.state in appointments.AHEAD:
        steps = await appointments.steps_for(session, region_id, visit.customer_id)
    return Occasion(visit, promise, contact, declined=declined, steps=steps)


async def lock_known(
    session: AsyncSession, region_id: int, visit_id: UUID, keys: Collection[str]
) -> list[Message]:
    """Return a visit's planned messages and those with certain keys, locked by id."""
    return [
        row
        for row in await hanging_on(session, Message.visit_id, region_id, [visit_id], lock=True)
        if row.state == "planned" or row.dedupe_key in keys
    ]


async def lock_reports(session: AsyncSession, region_id: int, visit_id: UUID) -> list[Message]:
    """Return all messages with the link to a visit's report, locked by id; none was cancelled."""
    return [
        row
        for row in await hanging_on(session, Message.visit_id, region_id, [visit_id], lock=True)
        if row.kind == "visit_report" and row.state != "cancelled"
    ]


async def newest_report(session: AsyncSession, region_id: int, visit_id: UUID) -> datetime | None:
    """Return from when the newest link to a visit's report that went out is good."""
    found: datetime | None = await session.scalar(
        select(func.max(Message.window_end)).where(
            Message.region_id == region_id,
            Message.visit_id == visit_id,
            Message.kind == "visit_report",
            Message.state.in_(["sent", "uncertain"]),
        )
    )
    return found


async def due(
    session: AsyncSession, region_id: int, now: datetime, limit: int
) -> list[tuple[UUID, UUID]]:
    """Return the messages that are due, longest first, each with its visit; nothing is locked."""
    found = await session.execute(
        select(Message.id, Message.visit_id)
        .where(Message.region_id == region_id, Message.state == "planned", Message.due_at <= now)
        .order_by(Message.due_at, Message.id)
        .limit(limit)
    )
    return [(row.id, row.visit_id) for row in found]


async def lock_visit(
    session: AsyncSession, region_id: int, visit_id: UUID, *, wait: bool = True
) -> bool:
    """Lock a visit before its messages, as every command does; False when another has it.

    Whoever changes the visit waits until its message is sent and recorded, or finds it unsent.
    """
    found = await session.scalar(
        select(Visit.id)
        .where(Visit.region_id == region_id, Visit.id == visit_id)
        .with_for_update(skip_locked=not wait)
    )
    return found is not None


async def abandoned(
    session: AsyncSession, region_id: int, before: datetime
) -> list[tuple[UUID, UUID]]:
    """Return messages that were being sent since before a moment, each with its visit."""
    found = await session.execute(
        select(Message.id, Message.visit_id)
        .where(
            Message.region_id == region_id,
            Message.state == "sending",
            Message.claimed_at < before,
        )
        .order_by(Message.claimed_at)
        .limit(100)
    )
    return [(row.id, row.visit_id) for row in found]


async def overdue_receipts(
    session: AsyncSession, region_id: int, now: datetime
) -> list[tuple[UUID, UUID]]:
    """Return sent messages whose receipt should have come, each with its visit."""
    found = await session.execute(
        select(Message.id, Message.visit_id)
        .where(Message.region_id == region_id, Message.receipt_due_at <= now)
        .order_by(Message.receipt_due_at)
        .limit(100)
    )
    return [(row.id, row.visit_id) for row in found]


async def lock_message(session: AsyncSession, region_id: int, message_id: UUID) -> Message:
    """Return a message locked as it is now; its visit is locked before."""
    found = await session.scalars(
        select(Message)
        .where(Message.region_id == region_id, Message.id == message_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.one()


async def visit_of(session: AsyncSession, region_id: int, message_id: UUID) -> UUID | None:
    """Return the visit a message is about, None without such a message."""
    found: UUID | None = await session.scalar(
        select(Message.visit_id).where(Message.region_id == region_id, Message.id == message_id)
    )
    return found


async def failed_channels(
    session: AsyncSession, region_id: int, message_id: UUID, most: int
) -> set[str]:
    """Return the channels by which a message has certainly not reached the customer.

    They refused it, did not deliver it, or were away `most` times.
    """
    tries = list(await attempts(session, region_id, message_id))
    away = Counter(a.channel for a in tries if a.outcome == "not_sent")
    failed = {
        a.channel for a in tries if a.outcome == "refused" or a.receipt in rules.NOT_DELIVERED
    }
    return failed | {channel for channel, times in away.items() if times >= most}


async def last_attempt(session: AsyncSession, region_id: int, message_id: UUID) -> DeliveryAttempt:
    """Return the newest try of a message."""
    found = await session.scalars(
        select(DeliveryAttempt)
        .where(DeliveryAttempt.region_id == region_id, DeliveryAttempt.message_id == message_id)
        .order_by(DeliveryAttempt.number.desc())
        .limit(1)
    )
    return found.one()


async def receipt_by_reference(
    session: AsyncSession, region_id: int, channel: str, reference: str
) -> tuple[Receipt, UUID, UUID] | None:
    """Return the newest part that the peer knows by a reference, with its message and visit.

    None in another region.
    """
    found = await session.execute(
        select(Receipt, Message.id, Message.visit_id)
        .join(
            DeliveryAttempt,
            and_(
                DeliveryAttempt.region_id == Receipt.region_id,
                DeliveryAttempt.id == Receipt.attempt_id,
            ),
        )
        .join(
            Message,
            and_(
                Message.region_id == DeliveryAttempt.region_id,
                Message.id == DeliveryAttempt.message_id,
            ),
        )
        .where(
            Receipt.region_id == region_id,
            DeliveryAttempt.region_id == region_id,
            Message.region_id == region_id,
            Receipt.channel == channel,
            Receipt.reference == reference,
        )
        .order_by(Receipt.id.desc())
        .limit(1)
    )
    row = found.first()
    return None if row is None else (row[0], row[1], row[2])


async def receipts_of(session: AsyncSession, region_id: int, attempt_id: UUID) -> list[Receipt]:
    """Return what the peer said of each part of a try, in the parts' order."""
    found = await session.scalars(
        select(Receipt)
        .where(Receipt.region_id == region_id, Receipt.attempt_id == attempt_id)
        .order_by(Receipt.id)
        .execution_options(populate_existing=True)
    )
    return list(found)


async def locale_of(session: AsyncSession, region_id: int, customer_id: UUID) -> str | None:
    """Return the language a customer is written to in."""
    found: str | None = await session.scalar(
        select(Customer.locale).where(Customer.region_id == region_id, Customer.id == customer_id)
    )
    return found


async def open_questions(
    session: AsyncSession, region_id: int, customers: Collection[UUID], now: datetime
) -> list[UUID]:
    """Return the visits that customers were asked about and may still answer, nearest first.

    The question went out, or may have, and its window is the promised one and lies ahead.
    """
    if not customers:
        return []
    found = await session.scalars(
        select(Appointment.visit_id)
        .join(
            Message,
            and_(
                Message.region_id == Appointment.region_id,
                Message.visit_id == Appointment.visit_id,
                Message.window_start == Appointment.window_start,
            ),
        )
        .where(
            Appointment.region_id == region_id,
            Message.region_id == region_id,
            Appointment.customer_id.in_(customers),
            Appointment.state.in_(appointment_rules.OPEN_STATES),
            Appointment.window_start > now,
            Message.kind == "reconfirmation",
            Message.state.in_(rules.GONE_OUT),
        )
        .group_by(Appointment.visit_id, Appointment.window_start)
        .order_by(Appointment.window_start, Appointment.visit_id)
    )
    return list(found)


@dataclass(frozen=True, slots=True)
class AskedHow:
    """A follow-up that a customer was asked about by message."""

    id: UUID
    visit_id: UUID
    satisfaction: str | None


async def open_follow_ups(
    session: AsyncSession, region_id: int, customers: Collection[UUID], now: datetime
) -> list[AskedHow]:
    """Return the follow-ups that customers were asked about by message, the newest first.

    The question went out, or may have, and the latest time for an answer lies ahead; the answered
    ones are there too, for an answer that comes twice.
    """
    if not customers:
        return []
    found = await session.execute(
        select(FollowUp.id, Message.visit_id, FollowUp.satisfaction)
        .join(
            Message,
            and_(Message.region_id == FollowUp.region_id, Message.follow_up_id == FollowUp.id),
        )
        .where(
            FollowUp.region_id == region_id,
            Message.region_id == region_id,
            FollowUp.customer_id.in_(customers),
            FollowUp.latest_at > now,
            Message.state.in_(rules.GONE_OUT),
        )
        .order_by(Message.due_at.desc(), FollowUp.id)
    )
    return [AskedHow(row.id, row.visit_id, row.satisfaction) for row in found]


async def latest_visit(
    session: AsyncSession, region_id: int, customers: Collection[UUID]
) -> UUID | None:
    """Return the visit of customers that was planned last, None without any."""
    if not customers:
        return None
    found: UUID | None = await session.scalar(
        select(Visit.id)
        .where(Visit.region_id == region_id, Visit.customer_id.in_(customers))
        .order_by(Visit.ended_at.is_(None).desc(), Visit.id.desc())
        .limit(1)
    )
    return found


async def visit_row(session: AsyncSession, region_id: int, visit_id: UUID) -> Visit:
    """Return the visit of a message, which is there."""
    found = await row_of(session, Visit, region_id, visit_id, argument="visit_id")
    if found is None:
        raise NotFound(thing="visit")
    return found


def browsers(scope: Scope, person_id: UUID) -> Select[PushSubscription]:
    """Return the statement for a person's own browsers, by id."""
    return (
        select(PushSubscription)
        .where(
            PushSubscription.region_id == scope.region_id,
            PushSubscription.person_id == person_id,
        )
        .order_by(PushSubscription.id)
    )


async def browsers_of(
    session: AsyncSession, region_id: int, person_ids: Collection[UUID]
) -> list[PushSubscription]:
    """Return people's browsers, those registered first in front."""
    found = await session.scalars(
        select(PushSubscription)
        .where(PushSubscription.region_id == region_id, PushSubscription.person_id.in_(person_ids))
        .order_by(PushSubscription.id)
    )
    return list(found)


async def own_browser(
    session: AsyncSession, region_id: int, person_id: UUID, browser_id: UUID
) -> PushSubscription:
    """Return a browser of a person's own, locked; raises NotFound for another's."""
    found = await browser(session, region_id, browser_id)
    if found is None or found.person_id != person_id:
        raise NotFound(thing="browser")
    return found


async def browser(
    session: AsyncSession, region_id: int, browser_id: UUID
) -> PushSubscription | None:
    """Return a browser locked, None when it was taken off."""
    found: PushSubscription | None = await session.scalar(
        select(PushSubscription)
        .where(PushSubscription.region_id == region_id, PushSubscription.id == browser_id)
        .with_for_update()
    )
    return found


async def browser_by_endpoint(
    session: AsyncSession, region_id: int, endpoint: str
) -> PushSubscription | None:
    """Return the browser that a push service knows by an address, locked."""
    found: PushSubscription | None = await session.scalar(
        select(PushSubscription)
        .where(PushSubscription.region_id == region_id, PushSubscription.endpoint == endpoint)
        .with_for_update()
    )
    return found
