"""Reads of messages: by scope, of a visit, due, left behind by a worker that died."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import rules as appointment_rules
from fieldops.appointments.models import Appointment
from fieldops.customers.models import Customer
from fieldops.kernel.errors import NotFound
from fieldops.kernel.gathering import hanging_on, row_of
from fieldops.kernel.permissions import Scope
from fieldops.notifications import policy
from fieldops.notifications.models import DeliveryAttempt, Message
from fieldops.organisation.models import Technician
from fieldops.visits import queries as visits
from fieldops.visits.models import Visit


def messages(scope: Scope) -> Select[Message]:
    """Return the statement for the messages in a scope, by id."""
    return select(Message).where(policy.visible(scope)).order_by(Message.id)


async def message(session: AsyncSession, scope: Scope, message_id: UUID) -> Message:
    """Return a message; raises NotFound outside the scope."""
    found: Message | None = await session.scalar(messages(scope).where(Message.id == message_id))
    if found is None:
        raise NotFound(thing="message")
    return found


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
    agreed yet.
    """

    visit: Visit
    appointment: Appointment | None
    contact: Technician | None
    declined: bool


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
    return Occasion(visit, promise, contact, declined=declined)


async def lock_known(
    session: AsyncSession, region_id: int, visit_id: UUID, keys: Collection[str]
) -> list[Message]:
    """Return a visit's planned messages and those with certain keys, locked by id."""
    return [
        row
        for row in await hanging_on(session, Message.visit_id, region_id, [visit_id], lock=True)
        if row.state == "planned" or row.dedupe_key in keys
    ]


async def lock_due(session: AsyncSession, region_id: int, now: datetime) -> Message | None:
    """Return the message that is due the longest, locked; rows of other workers are left out."""
    found: Message | None = await session.scalar(
        select(Message)
        .where(Message.region_id == region_id, Message.state == "planned", Message.due_at <= now)
        .order_by(Message.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return found


async def lock_abandoned(session: AsyncSession, region_id: int, before: datetime) -> list[Message]:
    """Return messages that were being sent since before a moment, locked."""
    found = await session.scalars(
        select(Message)
        .where(
            Message.region_id == region_id,
            Message.state == "sending",
            Message.claimed_at < before,
        )
        .order_by(Message.claimed_at)
        .limit(100)
        .with_for_update(skip_locked=True)
    )
    return list(found)


async def lock_message(session: AsyncSession, region_id: int, message_id: UUID) -> Message:
    """Return a message locked for the record of its sending."""
    found = await session.scalars(
        select(Message)
        .where(Message.region_id == region_id, Message.id == message_id)
        .with_for_update()
    )
    return found.one()


async def refused_channels(session: AsyncSession, region_id: int, message_id: UUID) -> set[str]:
    """Return the channels that refused a message for good."""
    return set(
        await session.scalars(
            select(DeliveryAttempt.channel).where(
                DeliveryAttempt.region_id == region_id,
                DeliveryAttempt.message_id == message_id,
                DeliveryAttempt.outcome == "refused",
            )
        )
    )


async def last_attempt(session: AsyncSession, region_id: int, message_id: UUID) -> DeliveryAttempt:
    """Return the newest try of a message."""
    found = await session.scalars(
        select(DeliveryAttempt)
        .where(DeliveryAttempt.region_id == region_id, DeliveryAttempt.message_id == message_id)
        .order_by(DeliveryAttempt.number.desc())
        .limit(1)
    )
    return found.one()


async def attempt_by_reference(
    session: AsyncSession, region_id: int, channel: str, reference: str
) -> DeliveryAttempt | None:
    """Return the newest try that the peer knows by a reference, None in another region."""
    found: DeliveryAttempt | None = await session.scalar(
        select(DeliveryAttempt)
        .where(
            DeliveryAttempt.region_id == region_id,
            DeliveryAttempt.channel == channel,
            DeliveryAttempt.reference == reference,
        )
        .order_by(DeliveryAttempt.id.desc())
        .limit(1)
    )
    return found


async def locale_of(session: AsyncSession, region_id: int, customer_id: UUID) -> str | None:
    """Return the language a customer is written to in."""
    found: str | None = await session.scalar(
        select(Customer.locale).where(Customer.region_id == region_id, Customer.id == customer_id)
    )
    return found
