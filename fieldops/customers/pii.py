"""Contact data, and the register of who read it: the only place that touches either (CU-04, 06).

`read_contact` is the one way for a person to see contact data; `contact_for_message` serves the
machine that sends a message to the customer (its delivery log is the record of that);
`device_contacts` builds what a technician's device may hold of their own visits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKeyConstraint,
    FromClause,
    Index,
    Integer,
    Select,
    column,
    delete,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.customers import policy, queries
from fieldops.customers.errors import NoContact, NothingToChange
from fieldops.customers.models import Customer, Export
from fieldops.customers.rules import IdentityMethod, digits_of
from fieldops.kernel import erasure
from fieldops.kernel.actor import Actor
from fieldops.kernel.base import Regional, catalogue_link, link
from fieldops.kernel.changes import touch
from fieldops.kernel.commands import Context
from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.records import lock_one
from fieldops.kernel.views import DeviceScope, document
from fieldops.kernel.visibility import shown


class Contact(Regional):
    """A customer's name, phone and e-mail address; `id` is the customer's id."""

    __tablename__ = "customers_contact"
    resource = "customer_contact"
    masked = frozenset({"name", "phone", "email", "phone_digits"})
    belongs_to = "id"

    centre_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    name: Mapped[str]
    phone: Mapped[str | None]
    email: Mapped[str | None]
    phone_digits: Mapped[str | None]  # as a short message centre names the sender of a reply

    __table_args__ = (
        ForeignKeyConstraint(
            ["region_id", "id"], ["customers_customer.region_id", "customers_customer.id"]
        ),
        Index("ix_customers_contact_phone_digits", "region_id", "phone_digits"),
    )


class FormerContact(Regional):
    """Contact data as it was before a change, with the identity check of the change (CU-06).

    The audit masks contact data, so its history is kept here, where an erasure finds it.
    """

    __tablename__ = "customers_former_contact"
    resource = "former_contact"
    belongs_to = "customer_id"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    customer_id: Mapped[UUID] = link("customers_customer")
    name: Mapped[str]
    phone: Mapped[str | None]
    email: Mapped[str | None]
    replaced_at: Mapped[datetime]
    replaced_by: Mapped[UUID]
    identity_method: Mapped[str]
    identity_checked_by: Mapped[UUID]
    reason: Mapped[str]


class Reading(StrEnum):
    """How contact data left: seen by one person, or exported."""

    EXPORT = "export"
    READING = "reading"


class ContactReading(Regional):
    """The register: who read whose contact data, when, from where, why (CU-04). Only added to."""

    __tablename__ = "customers_contact_reading"
    resource = "contact_reading"
    prose = frozenset({"reason"})
    belongs_to = "customer_id"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    customer_id: Mapped[UUID] = link("customers_customer")
    centre_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    reader_id: Mapped[UUID]
    at: Mapped[datetime]
    kind: Mapped[str]
    source: Mapped[str]
    reason: Mapped[str]

    __table_args__ = (
        CheckConstraint("kind in ('reading', 'export')", name="kind_known"),
        Index("ix_customers_contact_reading_reader", "region_id", "reader_id", "at"),
        Index("ix_customers_contact_reading_at", "region_id", "at"),
    )


class Stop(Regional):
    """Somebody who wants no more messages by machine: a customer, or whoever has a number.

    A reply STOP stops its number; a person stops a customer. It ends when `ended_at` is set.
    """

    __tablename__ = "customers_stop"
    resource = "stop"
    masked = frozenset({"number"})
    prose = frozenset({"reason"})
    belongs_to = "customer_id"
    counted: ClassVar[bool] = False

    customer_id: Mapped[UUID | None] = link("customers_customer", nullable=True)
    centre_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    number: Mapped[str | None]
    source: Mapped[str]
    reason: Mapped[str | None]
    since: Mapped[datetime]
    by_id: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("source in ('reply', 'person')", name="source_known"),
        CheckConstraint("customer_id is not null or number is not null", name="somebody_named"),
        Index("ix_customers_stop_number", "region_id", "number"),
    )


class IncomingText(Regional):
    """A text message that somebody sent us: its number, its words, and what was made of it.

    Long texts arrive in parts, each a row with `part` of `parts` until all are there.
    `state` says what came of it; `visit_id` names the visit it was taken for.
    """

    __tablename__ = "customers_incoming_text"
    resource = "incoming_text"
    prose = frozenset({"words"})
    belongs_to = "customer_id"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    customer_id: Mapped[UUID | None] = link("customers_customer", nullable=True)
    centre_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    number: Mapped[str]
    words: Mapped[str]
    joined_by: Mapped[int | None] = mapped_column(Integer)
    part: Mapped[int | None] = mapped_column(Integer)
    parts: Mapped[int | None] = mapped_column(Integer)
    received_at: Mapped[datetime]
    state: Mapped[str]
    meaning: Mapped[str | None]
    visit_id: Mapped[UUID | None]
    seen_at: Mapped[datetime | None]
    seen_by: Mapped[UUID | None]

    __table_args__ = (
        CheckConstraint(
            "state in ('part', 'answered', 'repeated', 'unclear', 'stopped', 'unknown')",
            name="state_known",
        ),
        CheckConstraint("(state = 'part') = (part is not null)", name="part_known"),
        Index("ix_customers_incoming_text_number", "region_id", "number", "received_at"),
        Index(
            "uq_customers_incoming_text_part",
            "region_id",
            "number",
            "joined_by",
            "parts",
            "part",
            unique=True,
            postgresql_where=column("state") == "part",
        ),
    )


async def read_contact(
    session: AsyncSession,
    actor: Actor,
    scope: Scope,
    customer_id: UUID,
    *,
    source: str,
    reason: str,
    now: datetime,
    kind: Reading = Reading.READING,
) -> Contact:
    """Return a customer's contact data and register the reading in the same transaction (CU-04).

    `source` says from where (address, device). A technician with a visit for that customer from
    the day before to the day after is not registered; an export always is. Raises NotFound
    outside the scope, NoContact.
    """
    customer = await queries.customer(session, scope, customer_id)
    contact = await contact_for_message(session, scope.region_id, customer_id)
    if contact is None:
        raise NoContact
    if kind is Reading.EXPORT or not await policy.exempt(session, actor, customer_id, now):
        session.add(
            ContactReading(
                region_id=scope.region_id,
                customer_id=customer_id,
                centre_id=customer.centre_id,
                reader_id=actor.id,
                at=now,
                kind=kind.value,
                source=source,
                reason=reason,
            )
        )
    return contact


async def contact_for_message(
    session: AsyncSession, region_id: int, customer_id: UUID
) -> Contact | None:
    """Return where a message to a customer goes; for machines only, a person uses read_contact."""
    found: Contact | None = await session.scalar(
        select(Contact).where(Contact.region_id == region_id, Contact.id == customer_id)
    )
    return found


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a customer may be written to; `stopped`: they want no messages by machine."""

    phone: str | None
    email: str | None
    stopped: bool


async def addresses_for_message(
    session: AsyncSession, region_id: int, customer_id: UUID
) -> Addresses:
    """Return where a message by machine may go, and whether it may; for machines only."""
    contact = await contact_for_message(session, region_id, customer_id)
    number = contact.phone_digits if contact else None
    named = Stop.customer_id == customer_id
    if number is not None:
        named = or_(named, Stop.number == number)
    stopped = await session.scalar(
        select(Stop.id).where(Stop.region_id == region_id, Stop.ended_at.is_(None), named).limit(1)
    )
    phone, email = (contact.phone, contact.email) if contact else (None, None)
    return Addresses(phone, email, stopped is not None)


async def customers_of_number(session: AsyncSession, region_id: int, number: str) -> list[UUID]:
    """Return the customers that have a phone number, as a short message centre names it."""
    found = await session.scalars(
        select(Contact.id)
        .where(Contact.region_id == region_id, Contact.phone_digits == number)
        .order_by(Contact.id)
        .limit(20)
    )
    return list(found)


async def stop_number(
    ctx: Context, number: str, customer_id: UUID | None, centre_id: UUID | None
) -> Stop:
    """Put a number on the stop list because its owner said so; once is enough."""
    known: Stop | None = await ctx.session.scalar(
        select(Stop)
        .where(Stop.region_id == ctx.region_id, Stop.number == number, Stop.ended_at.is_(None))
        .limit(1)
    )
    if known is not None:
        return known
    row = Stop(
        region_id=ctx.region_id,
        customer_id=customer_id,
        centre_id=centre_id,
        number=number,
        source="reply",
        since=ctx.now,
    )
    ctx.add(row)
    return row


async def stop_of(session: AsyncSession, region_id: int, customer_id: UUID) -> Stop | None:
    """Return the present entry of a customer that a person made, None without one."""
    found: Stop | None = await session.scalar(
        select(Stop).where(
            Stop.region_id == region_id,
            Stop.customer_id == customer_id,
            Stop.number.is_(None),
            Stop.ended_at.is_(None),
        )
    )
    return found


def stops(scope: Scope, *, customer_id: UUID | None = None) -> Select[Stop]:
    """Return the statement for the stop list in a scope, by id; ended ones are left out."""
    found = select(Stop).where(_visible_stops(scope), Stop.ended_at.is_(None)).order_by(Stop.id)
    return found if customer_id is None else found.where(Stop.customer_id == customer_id)


async def lock_stop(session: AsyncSession, scope: Scope, stop_id: UUID) -> Stop:
    """Return an entry of the stop list locked for a change; raises NotFound."""
    return await lock_one(session, stops(scope).where(Stop.id == stop_id), "stop")


def incoming(scope: Scope) -> Select[IncomingText]:
    """Return the statement for the whole texts that came in, in a scope, by id."""
    return (
        select(IncomingText)
        .where(_visible_texts(scope), IncomingText.state != "part")
        .order_by(IncomingText.id)
    )


async def lock_incoming(session: AsyncSession, scope: Scope, text_id: UUID) -> IncomingText:
    """Return a text that came in, locked for a change; raises NotFound."""
    return await lock_one(
        session, incoming(scope).where(IncomingText.id == text_id), "incoming text"
    )


async def last_incoming(session: AsyncSession, region_id: int, number: str) -> IncomingText | None:
    """Return the newest whole text of a number."""
    found: IncomingText | None = await session.scalar(
        select(IncomingText)
        .where(
            IncomingText.region_id == region_id,
            IncomingText.number == number,
            IncomingText.state != "part",
        )
        .order_by(IncomingText.received_at.desc(), IncomingText.id.desc())
        .limit(1)
    )
    return found


async def parts_of(
    session: AsyncSession, region_id: int, number: str, joined_by: int, parts: int
) -> list[IncomingText]:
    """Return the parts of a long text that are there, in order, locked."""
    found = await session.scalars(
        select(IncomingText)
        .where(
            IncomingText.region_id == region_id,
            IncomingText.number == number,
            IncomingText.state == "part",
            IncomingText.joined_by == joined_by,
            IncomingText.parts == parts,
        )
        .order_by(IncomingText.part)
        .with_for_update()
    )
    return list(found)


async def former_contacts(
    session: AsyncSession, region_id: int, customer_id: UUID
) -> list[FormerContact]:
    """Return a customer's former contact data, newest first (a reading: register it)."""
    found = await session.scalars(
        select(FormerContact)
        .where(FormerContact.region_id == region_id, FormerContact.customer_id == customer_id)
        .order_by(FormerContact.replaced_at.desc(), FormerContact.id.desc())
        .limit(100)
    )
    return list(found)


def device_contacts(scope: DeviceScope, reach: FromClause) -> Select[Any]:
    """Return the device view of contact data (CU-05), for a view of the visits module.

    `reach` has one row per customer of the technician's visits: customer_id, tier,
    contact_until (the moment the contact data leaves the device).
    """
    return (
        document(
            Contact,
            {
                "customer_id": Contact.id,
                "name": Contact.name,
                "phone": Contact.phone,
                "email": Contact.email,
            },
            tier=reach.c.tier,
            until=reach.c.contact_until,
        )
        .select_from(Contact)
        .join(reach, reach.c.customer_id == Contact.id)
        .where(Contact.region_id == scope.region_id)
    )


def readings(
    scope: Scope,
    *,
    customer_id: UUID | None = None,
    reader_id: UUID | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
) -> Select[ContactReading]:
    """Return the statement that searches the register in a scope, by id (CU-04)."""
    found = (
        select(ContactReading)
        .where(scope.predicate(ContactReading, shared=True))
        .order_by(ContactReading.id)
    )
    if customer_id is not None:
        found = found.where(ContactReading.customer_id == customer_id)
    if reader_id is not None:
        found = found.where(ContactReading.reader_id == reader_id)
    if since is not None:
        found = found.where(ContactReading.at >= since)
    if before is not None:
        found = found.where(ContactReading.at < before)
    return found


def first_contact(
    customer: Customer, *, name: str, phone: str | None, email: str | None
) -> Contact:
    """Return the first contact data of a customer that is being registered."""
    return Contact(
        region_id=customer.region_id,
        id=customer.id,
        centre_id=customer.centre_id,
        name=name,
        phone=phone,
        email=email,
        phone_digits=digits_of(phone),
    )


async def replace_contact(
    ctx: Context,
    customer: Customer,
    changes: Mapping[str, Any],
    *,
    identity_method: IdentityMethod,
    identity_checked_by: UUID,
    reason: str,
) -> Contact:
    """Change a locked customer's contact data and keep the old values (CU-06).

    `changes` holds some of name, phone, email. Raises NoContact, NothingToChange, Conflict.
    """
    contact = await contact_for_message(ctx.session, customer.region_id, customer.id)
    if contact is None:
        raise NoContact
    changed = {k: v for k, v in changes.items() if getattr(contact, k) != v}
    if not changed:
        raise NothingToChange
    await ctx.merge(contact, changed)
    ctx.add(
        FormerContact(
            region_id=customer.region_id,
            customer_id=customer.id,
            name=contact.name,
            phone=contact.phone,
            email=contact.email,
            replaced_at=ctx.now,
            replaced_by=ctx.actor.id,
            identity_method=identity_method.value,
            identity_checked_by=identity_checked_by,
            reason=reason,
        )
    )
    for field, value in changed.items():
        setattr(contact, field, value)
    contact.phone_digits = digits_of(contact.phone)
    return contact


def _visible_stops(scope: Scope) -> ColumnElement[bool]:
    return scope.predicate(Stop, shared=True)


def _visible_texts(scope: Scope) -> ColumnElement[bool]:
    return scope.predicate(IncomingText, shared=True)


shown(Stop, Permission.CONTACT_READ, _visible_stops)
shown(IncomingText, Permission.CONTACT_READ, _visible_texts)


@erasure.on_erasure
async def erase_contact(session: AsyncSession, reach: erasure.Reach) -> None:
    """Delete an erased customer's contact data, old values too, and the tie to other systems.

    The row of contact data goes, so that nothing is left that could be filled in again: whoever
    comes back is registered as somebody new (CU-07). What came from their numbers goes with it.
    """
    await _remember_names(session, reach)
    await _reach_numbers(session, reach)
    for model in (IncomingText, Stop, FormerContact, Contact):
        await session.execute(
            delete(model)
            .where(model.region_id == reach.region_id, model.id.in_(reach.of(model)))
            .execution_options(synchronize_session=False)
        )
    customers = await session.execute(
        update(Customer)
        .where(
            Customer.region_id == reach.region_id,
            Customer.id.in_(reach.of(Customer)),
            Customer.external_ref.is_not(None),
        )
        .values(external_ref=null(), version=Customer.version + 1, updated_at=reach.now)
        .returning(Customer.centre_id)
        .execution_options(synchronize_session=False)
    )
    for (centre_id,) in customers:
        touch(session, reach.region_id, centre_id, Customer)


@erasure.on_erasure
async def reach_exports(session: AsyncSession, reach: erasure.Reach) -> None:
    """Reach the exports in whose files the customer's records were (CU-07)."""
    found = await session.scalars(
        select(Export.id).where(
            Export.region_id == reach.region_id,
            Export.customer_ids.overlap(reach.of(Customer)),
        )
    )
    reach.add(Export, found)


async def _remember_names(session: AsyncSession, reach: erasure.Reach) -> None:
    """Let the erasure know what the customer was called by, before it is deleted.

    Names in whole and in parts, numbers as digits and as they were written, e-mail.
    """
    for model in (Contact, FormerContact):
        rows = await session.execute(
            select(model.name, model.phone, model.email).where(
                model.region_id == reach.region_id, model.id.in_(reach.of(model))
            )
        )
        for name, phone, email in rows:
            reach.called |= {one for one in (name, phone, digits_of(phone), email) if one}
            reach.parts |= {part for part in name.split() if len(part) > 1}


async def _reach_numbers(session: AsyncSession, reach: erasure.Reach) -> None:
    """Let texts and stops that name an erased customer's number only be reached too."""
    present = await session.scalars(
        select(Contact.phone_digits).where(
            Contact.region_id == reach.region_id, Contact.id.in_(reach.of(Contact))
        )
    )
    former = await session.scalars(
        select(FormerContact.phone).where(
            FormerContact.region_id == reach.region_id,
            FormerContact.id.in_(reach.of(FormerContact)),
        )
    )
    numbers = {number for number in (*present, *map(digits_of, former)) if number is not None}
    for model in (IncomingText, Stop):
        found = await session.scalars(
            select(model.id).where(
                model.region_id == reach.region_id,
                model.customer_id.is_(None),
                model.number.in_(numbers),
            )
        )
        reach.add(model, found)
