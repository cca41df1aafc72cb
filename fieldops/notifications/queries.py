"""Reads of messages: by scope, of a visit, due, left behind by a worker that died."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from fieldops.appointments import rules as appointment_rules
from fieldops.appointments.models import Appointment
from fieldops.customers.models import Customer
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Scope
from fieldops.notifications import policy
from fieldops.notifications.models import DeliveryAttempt, Message
from fieldops.organisation.models import Technician
from fieldops.visits.models import Assignment, Visit


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
    former = aliased(Appointment)
    declined = select(former.id).where(
        former.region_id == region_id,
        former.visit_id == Visit.id,
        former.state == "cancelled",
        former.window_start == Visit.window_start,
    )
    found = await session.execute(
        select(Visit, Appointment, Technician, declined.exists())
        .outerjoin(
            Appointment,
            and_(
                Appointment.region_id == Visit.region_id,
                Appointment.visit_id == Visit.id,
                Appointment.state.in_(appointment_rules.OPEN_STATES),
            ),
        )
        .outerjoin(
            Assignment,
            and_(
                Assignment.region_id == Visit.region_id,
                Assignment.visit_id == Visit.id,
                Assignment.is_contact,
                Assignment.ended_at.is_(None),
            ),
        )
        .outerjoin(
            Technician,
            and_(
                Technician.region_id == Visit.region_id, Technician.id == Assignment.technician_id
            ),
        )
        .where(Visit.region_id == region_id, Visit.id == visit_id)
    )
    row = found.one()
    return Occasion(row[0], row[1], row[2], declined=row[3] and row[1] is None)


async def lock_known(
    session: AsyncSession, region_id: int, visit_id: UUID, keys: Collection[str]
) -> list[Message]:
    """Return a visit's planned messages and those with certain keys, locked."""
    found = await session.scalars(
        select(Message)
        .where(
            Message.region_id == region_id,
            Message.visit_id == visit_id,
            or_(Message.state == "planned", Message.dedupe_key.in_(keys)),
        )
        .order_by(Message.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found)


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
