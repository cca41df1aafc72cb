"""The verbs of customers, premises and standards (CU-01, CU-02, CU-03, CU-06)."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, field_validator, model_validator

from fieldops.customers import pii, queries, rules
from fieldops.customers.errors import CustomerErased, NoErasureLedger, NothingToChange
from fieldops.customers.events import StandardChanged, TierChanged
from fieldops.customers.models import Customer, Premises, ServiceStandard
from fieldops.kernel import erasure
from fieldops.kernel.base import Regional
from fieldops.kernel.commands import Args, Context, Text, command
from fieldops.kernel.geo import Point
from fieldops.kernel.permissions import Permission

Reference = Annotated[Text, Field(min_length=1, max_length=64)]
PLACE_PREFIX = "PLANT-"
Tier = Annotated[Text, Field(min_length=1, max_length=16, examples=["gold", "2A"])]
Name = Annotated[Text, Field(min_length=1, max_length=200)]
Phone = Annotated[
    Text,
    Field(
        pattern=r"^\+?[0-9][0-9 ()\-]{3,30}$",
        max_length=32,
        examples=["+999 0 000042"],
        description="Digits, spaces, brackets and hyphens, with the country code.",
    ),
]
Email = Annotated[
    Text,
    Field(
        pattern=r"^[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+$",
        max_length=254,
        examples=["aino@example.org"],
    ),
]
Short = Annotated[Text, Field(min_length=1, max_length=120)]
Reason = Annotated[Text, Field(min_length=3, max_length=500, description="Why it is changed.")]
Minutes = Annotated[int, Field(ge=1, le=129_600, description="Minutes, at most 90 days.")]


class ContactDetails(Args):
    """Contact data of a customer that is being registered."""

    name: Name
    phone: Phone | None = None
    email: Email | None = None


class RegisterCustomer(Args):
    """A customer with segment and tier (CU-01), with contact data if it is known."""

    id: UUID | None = Field(None, description="Made by the client; the command's id without it.")
    external_ref: Reference | None = Field(None, description="How another system knows it.")
    segment: rules.Segment
    tier: Tier
    locale: Annotated[Text, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$", max_length=6)] = Field(
        "en", description="Language of messages."
    )
    centre_id: UUID | None = Field(None, description="The centre that looks after the customer.")
    contact: ContactDetails | None = None


@command("customer.register", permission=Permission.CUSTOMER_WRITE)
async def register_customer(ctx: Context, args: RegisterCustomer) -> list[Regional]:
    """Register a customer with a tier of its segment (CU-01).

    Raises TierDoesNotFit, NotFound for a centre outside the scope, CustomerKnown.
    """
    rules.check_tier(args.segment, args.tier)
    scope = ctx.actor.scope(Permission.CUSTOMER_WRITE)
    if args.centre_id is not None:
        await queries.centre_in(ctx.session, scope, args.centre_id)
    customer = Customer(
        region_id=ctx.region_id,
        id=args.id or ctx.envelope.id,
        external_ref=args.external_ref,
        segment=args.segment.value,
        tier=args.tier,
        locale=args.locale,
        centre_id=args.centre_id,
    )
    ctx.add(customer)
    await ctx.session.flush()
    if args.contact is None:
        return [customer]
    details = args.contact
    contact = pii.first_contact(
        customer, name=details.name, phone=details.phone, email=details.email
    )
    ctx.add(contact)
    return [customer, contact]


class ChangeTier(Args):
    customer_id: UUID
    tier: Tier
    reason: Reason


@command("customer.change_tier", permission=Permission.CUSTOMER_WRITE, subject="customer_id")
async def change_tier(ctx: Context, args: ChangeTier) -> Customer:
    """Move a customer to another tier of its segment (CU-01).

    Raises NotFound, TierDoesNotFit, Conflict when somebody else changed the tier meanwhile.
    """
    scope = ctx.actor.scope(Permission.CUSTOMER_WRITE)
    customer = await queries.lock_customer(ctx.session, scope, args.customer_id)
    rules.check_tier(rules.Segment(customer.segment), args.tier)
    await ctx.merge(customer, {"tier"})
    ctx.reason = args.reason
    customer.tier = args.tier
    await ctx.session.flush()
    await ctx.emit(TierChanged(customer.id))
    return customer


class ChangeContact(Args):
    """The fields that change; an absent field stays, null empties phone or e-mail address."""

    customer_id: UUID
    name: Name | None = None
    phone: Phone | None = None
    email: Email | None = None
    identity_method: rules.IdentityMethod = Field(description="How the identity was checked.")
    identity_checked_by: UUID | None = Field(
        None, description="Who checked it; without it the one who sends this."
    )
    reason: Reason

    @model_validator(mode="after")
    def _name_stays(self) -> "ChangeContact":
        if "name" in self.model_fields_set and self.name is None:
            raise ValueError("a customer's name can be changed, not emptied")
        return self


@command("customer.change_contact", permission=Permission.CONTACT_WRITE, subject="customer_id")
async def change_contact(ctx: Context, args: ChangeContact) -> pii.Contact:
    """Change contact data after an identity check; the old values stay in its history (CU-06).

    Raises NotFound, NoContact, NothingToChange, Conflict.
    """
    scope = ctx.actor.scope(Permission.CONTACT_WRITE)
    customer = await queries.lock_customer(ctx.session, scope, args.customer_id)
    ctx.reason = args.reason
    given = {"name", "phone", "email"} & args.model_fields_set
    return await pii.replace_contact(
        ctx,
        customer,
        {field: getattr(args, field) for field in sorted(given)},
        identity_method=args.identity_method,
        identity_checked_by=args.identity_checked_by or ctx.actor.id,
        reason=args.reason,
    )


class EraseCustomer(Args):
    """Whom to erase and on which ground; there is no room for words."""

    customer_id: UUID
    ground: rules.ErasureGround


@command("customer.erase", permission=Permission.CUSTOMER_ERASE, subject="customer_id")
async def erase_customer(ctx: Context, args: EraseCustomer) -> list[Regional]:
    """Erase a customer: contact data and words go, the work history stays, pseudonymous (CU-07).

    The devices that had to do with it erase their copies at their next pull. Raises NotFound,
    CustomerErased, NoErasureLedger.
    """
    scope = ctx.actor.scope(Permission.CUSTOMER_ERASE)
    await erasure.alone(ctx.session, ctx.region_id)
    customer = await queries.lock_customer(ctx.session, scope, args.customer_id)
    known = await erasure.erasure_of(ctx.session, ctx.region_id, customer.id)
    if known is not None:
        raise CustomerErased(at=known.at.date().isoformat())
    ctx.reason = args.ground.value
    row = erasure.Erasure(
        region_id=ctx.region_id,
        id=ctx.envelope.id,
        subject_type=Customer.resource,
        subject_id=customer.id,
        ground=args.ground.value,
        at=ctx.now,
        asked_by=ctx.actor.id,
    )
    try:
        await erasure.erase(ctx.session, row)
    except OSError as exc:
        raise NoErasureLedger from exc
    await ctx.session.refresh(customer)
    return [customer, row]


class RegisterPremises(Args):
    """A home or office: address and point (CU-03)."""

    id: UUID | None = Field(None, description="Made by the client; the command's id without it.")
    external_ref: Reference | None = Field(None, description="How another system knows it.")
    centre_id: UUID
    street: Short
    house_number: Annotated[Text, Field(min_length=1, max_length=20)]
    unit: Annotated[Text, Field(min_length=1, max_length=40)] | None = None
    postcode: Annotated[Text, Field(min_length=1, max_length=12)]
    city: Short
    building: Short | None = None
    access_notes: Annotated[Text, Field(max_length=1000)] | None = None
    point: Point

    @field_validator("external_ref")
    @classmethod
    def _not_ours(cls, value: str | None) -> str | None:
        if value is not None and value.startswith(PLACE_PREFIX):
            raise ValueError(f"references that start with {PLACE_PREFIX} are made here")
        return value


async def place_of_plant(
    ctx: Context, *, feature_id: UUID, name: str, centre_id: UUID, point: str
) -> Premises:
    """Return where a visit to a piece of plant goes: its name and its point, without an address.

    There is one for each piece; it follows the record each time that somebody is sent there.
    `point` is WKT, SRID 4326.
    """
    ref = f"{PLACE_PREFIX}{feature_id}"
    place = await queries.premises_by_ref(ctx.session, ctx.region_id, ref)
    if place is None:
        place = Premises(
            region_id=ctx.region_id, external_ref=ref, house_number="", postcode="", city=""
        )
        ctx.add(place)
    place.centre_id, place.street, place.point = centre_id, name, point
    await ctx.session.flush()
    return place


@command("premises.register", permission=Permission.CUSTOMER_WRITE)
async def register_premises(ctx: Context, args: RegisterPremises) -> Premises:
    """Register premises with their address and point, SRID 4326 (CU-03).

    Raises NotFound for a centre outside the scope, PremisesKnown.
    """
    scope = ctx.actor.scope(Permission.CUSTOMER_WRITE)
    await queries.centre_in(ctx.session, scope, args.centre_id)
    premises = Premises(
        region_id=ctx.region_id,
        id=args.id or ctx.envelope.id,
        point=args.point.wkt(),
        **args.model_dump(exclude={"id", "point"}),
    )
    ctx.add(premises)
    return premises


class CorrectPremises(Args):
    """The fields that change; an absent field stays, null empties an optional one."""

    premises_id: UUID
    street: Short | None = None
    house_number: Annotated[Text, Field(min_length=1, max_length=20)] | None = None
    unit: Annotated[Text, Field(min_length=1, max_length=40)] | None = None
    postcode: Annotated[Text, Field(min_length=1, max_length=12)] | None = None
    city: Short | None = None
    building: Short | None = None
    access_notes: Annotated[Text, Field(max_length=1000)] | None = None
    point: Point | None = None
    reason: Reason

    @model_validator(mode="after")
    def _address_stays(self) -> "CorrectPremises":
        for field in ("street", "house_number", "postcode", "city", "point"):
            if field in self.model_fields_set and getattr(self, field) is None:
                raise ValueError(f"{field} can be corrected, not emptied")
        return self


@command("premises.correct", permission=Permission.CUSTOMER_WRITE, subject="premises_id")
async def correct_premises(ctx: Context, args: CorrectPremises) -> Premises:
    """Correct the address, point, building or access notes of premises (CU-03).

    Raises NotFound, NothingToChange, Conflict when somebody else changed the same field.
    """
    scope = ctx.actor.scope(Permission.CUSTOMER_WRITE)
    premises = await queries.lock_premises(ctx.session, scope, args.premises_id)
    changes = args.model_dump(
        include=args.model_fields_set, exclude={"premises_id", "reason", "point"}
    )
    if args.point is not None:
        changes["point"] = args.point.wkt()
    if not changes:
        raise NothingToChange
    await ctx.merge(premises, changes)
    ctx.reason = args.reason
    for field, value in changes.items():
        setattr(premises, field, value)
    return premises


class SetStandard(Args):
    """A region's own limit; a key left out stands for every value of it (CU-02)."""

    task: rules.Task
    segment: rules.Segment | None = None
    tier: Tier | None = None
    service: rules.Service | None = None
    minutes: Minutes
    upper_minutes: Minutes
    reason: Reason

    @model_validator(mode="after")
    def _in_order(self) -> "SetStandard":
        if self.upper_minutes < self.minutes:
            raise ValueError("upper_minutes must not be less than minutes")
        if self.tier is not None:
            known = {*rules.PRIVATE_TIERS, *rules.BUSINESS_TIERS}
            if self.tier not in (rules.tiers_of(self.segment) if self.segment else known):
                raise ValueError("no such tier in this segment")
        return self


@command("standard.set", permission=Permission.RULE_EDIT)
async def set_standard(ctx: Context, args: SetStandard) -> ServiceStandard:
    """Set a region's own service standard, which stands above the common rows (CU-02).

    Raises StandardNotMonotone when broadband or a higher tier would wait longer.
    """
    keys = {
        "segment": args.segment.value if args.segment else None,
        "tier": args.tier,
        "service": args.service.value if args.service else None,
    }
    task = args.task.value
    ctx.reason = args.reason
    row = await queries.own_standard(ctx.session, ctx.region_id, task=task, **keys)
    if row is None:
        row = ServiceStandard(
            id=ctx.envelope.id,
            region_number=ctx.region_id,
            task=task,
            minutes=args.minutes,
            upper_minutes=args.upper_minutes,
            **keys,
        )
        ctx.add(row)
    row.minutes, row.upper_minutes = args.minutes, args.upper_minutes
    await ctx.session.flush()
    standards = await queries.standards_of(ctx.session, ctx.region_id, args.task)
    rules.check_order(standards, args.task)
    await ctx.emit(StandardChanged(task))
    return row


class StopMessages(Args):
    customer_id: UUID = Field(description="Who wants no more messages by machine.")
    reason: Text | None = Field(None, max_length=500, description="What the customer said.")


@command("customer.stop_messages", permission=Permission.CONTACT_WRITE, subject="customer_id")
async def stop_messages(ctx: Context, args: StopMessages) -> pii.Stop:
    """Put a customer on the stop list: what they must learn reaches them by a person (AP-10).

    Once is enough. Raises NotFound.
    """
    scope = ctx.actor.scope(Permission.CONTACT_WRITE)
    customer = await queries.lock_customer(ctx.session, scope, args.customer_id)
    known = await pii.stop_of(ctx.session, ctx.region_id, customer.id)
    if known is not None:
        return known
    row = pii.Stop(
        region_id=ctx.region_id,
        id=ctx.envelope.id,
        customer_id=customer.id,
        centre_id=customer.centre_id,
        source="person",
        reason=args.reason,
        since=ctx.now,
        by_id=ctx.actor.id,
    )
    ctx.add(row)
    return row


class EndStop(Args):
    stop_id: UUID = Field(description="The entry of the stop list.")
    reason: Reason


@command("stop.end", permission=Permission.CONTACT_WRITE)
async def end_stop(ctx: Context, args: EndStop) -> pii.Stop:
    """Take somebody off the stop list because they want messages again (AP-10).

    Raises NotFound for an entry outside the scope or ended before.
    """
    scope = ctx.actor.scope(Permission.CONTACT_WRITE)
    row = await pii.lock_stop(ctx.session, scope, args.stop_id)
    ctx.reason = args.reason
    row.ended_at = ctx.now
    return row


class SeeText(Args):
    text_id: UUID = Field(description="The text message that came in.")


@command("incoming_text.see", permission=Permission.CONTACT_WRITE)
async def see_text(ctx: Context, args: SeeText) -> pii.IncomingText:
    """Mark a text message of an unknown number as dealt with (AP-04).

    Raises NotFound outside the scope.
    """
    scope = ctx.actor.scope(Permission.CONTACT_WRITE)
    row = await pii.lock_incoming(ctx.session, scope, args.text_id)
    if row.seen_at is None:
        row.seen_at, row.seen_by = ctx.now, ctx.actor.id
    return row
