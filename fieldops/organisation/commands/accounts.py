"""Units, accounts and the roles granted to them (ORG-01, ORG-02)."""

from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import anyio.to_thread
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pydantic import AfterValidator, Field, TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.commands import Args, Context, Text, command, refuse_on
from fieldops.kernel.errors import Forbidden, NotFound
from fieldops.kernel.permissions import Permission, Role
from fieldops.organisation import queries, rules
from fieldops.organisation.errors import EmailTaken, RoleMisplaced, UnitMisplaced
from fieldops.organisation.events import RightsLost
from fieldops.organisation.models import Person, RoleGrant, Technician, Unit
from fieldops.organisation.queries import map_tokens

passwords = PasswordHash((Argon2Hasher(),))

Name = Annotated[Text, Field(min_length=1, max_length=120)]
Email = Annotated[
    Text, Field(min_length=3, max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+\.[^@\s\x00]+$")
]
Password = Annotated[Text, Field(min_length=12, max_length=200)]

refuse_on("uq_organisation_person_email", EmailTaken)


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("is not an IANA time zone")
    return str(ZoneInfo(name))


class CreateUnit(Args):
    kind: Literal["group", "province", "region", "centre", "firm"]
    name: Name
    code: Annotated[Text, Field(min_length=1, max_length=40, pattern=r"^[a-z0-9-]+$")]
    parent_id: UUID | None = Field(None, description="The unit above; only a group has none.")
    region_number: int | None = Field(None, ge=1, le=2_000_000_000)
    zone: Annotated[Text, AfterValidator(_known_zone)] | None = Field(
        None, description="IANA time zone of a region."
    )


@command("unit.create", permission=Permission.UNIT_EDIT)
async def create_unit(ctx: Context, args: CreateUnit) -> Unit:
    """Add a unit to the tree (ORG-01).

    Raises UnitMisplaced when its kind does not fit below the parent, NotFound for a parent
    the actor does not administer.
    """
    parent = await ctx.session.get(Unit, args.parent_id) if args.parent_id else None
    if not rules.parent_fits(args.kind, parent.kind if parent else None):
        raise UnitMisplaced(kind=args.kind, parent=parent.kind if parent else "nothing")
    if parent is None or not await queries.administers(ctx.session, ctx.actor.id, parent.id):
        raise NotFound(thing="unit")
    number = args.region_number if args.kind == "region" else parent.region_number
    unit = Unit(
        id=ctx.envelope.id,
        kind=args.kind,
        name=args.name,
        code=args.code,
        parent_id=args.parent_id,
        region_number=number,
        zone=args.zone,
    )
    ctx.add(unit)
    return unit


class CreatePerson(Args):
    email: Email
    name: Name
    password: Password
    locale: Literal["en", "zh_CN"] = "en"
    kind: Literal["person", "machine"] = "person"


@command("person.create", permission=Permission.STAFF_EDIT)
async def create_person(ctx: Context, args: CreatePerson) -> Person:
    """Open a local account; roles are granted to it afterwards.

    Raises EmailTaken.
    """
    digest = await anyio.to_thread.run_sync(passwords.hash, args.password)
    person = Person(
        id=ctx.envelope.id,
        email=args.email.lower(),
        name=args.name,
        locale=args.locale,
        kind=args.kind,
        home_region=ctx.region_id,
        password_hash=digest,
    )
    ctx.add(person)
    return person


class ClosePerson(Args):
    person_id: UUID
    reason: Annotated[Text, Field(min_length=3, max_length=500)]


@command("person.close", permission=Permission.STAFF_EDIT, subject="person_id")
async def close_person(ctx: Context, args: ClosePerson) -> Person:
    """Close an account: no sign-in, no renewal, no command from now on.

    Warns of visits that are still booked. Raises NotFound outside the actor's region.
    """
    person = await _person(ctx, args.person_id)
    ctx.reason = args.reason
    person.active = False
    person.grants_version += 1
    await _make_active(ctx, person.id, active=False)
    await ctx.emit(RightsLost(person.id))
    return person


async def _make_active(ctx: Context, person_id: UUID, *, active: bool) -> None:
    """Let a person's working side follow the role: nobody is booked who may not work."""
    technician = await ctx.session.get(Technician, (ctx.region_id, person_id))
    if technician is not None:
        technician.active = active


class EndSignIns(Args):
    person_id: UUID
    reason: Annotated[Text, Field(min_length=3, max_length=500, description="Why; it is kept.")]


@command("person.end_sign_ins", permission=Permission.DEVICE_MANAGE, subject="person_id")
async def end_sign_ins(ctx: Context, args: EndSignIns) -> Person:
    """End every sign-in of a person, for instance when a password became known (SYNC 6).

    Refresh tokens and map tokens are worth nothing at once, access tokens when they run out.
    Raises NotFound.
    """
    scope = ctx.actor.scope(Permission.DEVICE_MANAGE)
    if not scope.whole_region:  # a dispatcher: technicians of the own centres
        await queries.technician_in(ctx.session, scope, args.person_id)
    person = await _person(ctx, args.person_id)
    ctx.reason = args.reason
    for row in await queries.lock_sign_ins(ctx.session, ctx.region_id, person.id):
        row.revoked_at = ctx.now
    good = map_tokens.lock_good_map_tokens(ctx.session, ctx.region_id, person.id, ctx.now)
    for token in await good:
        token.revoked_at = ctx.now
    return person


class GrantRole(Args):
    person_id: UUID
    unit_id: UUID
    role: Role


@command("grant.give", permission=Permission.STAFF_EDIT, subject="person_id")
async def give_grant(ctx: Context, args: GrantRole) -> list[Person | RoleGrant]:
    """Grant a role at a unit; it covers the units below (ORG-02).

    Raises RoleMisplaced, NotFound for a unit the actor does not administer.
    """
    unit = await ctx.session.get(Unit, args.unit_id)
    if unit is None or not await queries.administers(ctx.session, ctx.actor.id, unit.id):
        raise NotFound(thing="unit")
    if not rules.role_fits(args.role, unit.kind):
        raise RoleMisplaced(role=args.role.value, kind=unit.kind)
    person = await _person(ctx, args.person_id)
    grant = await queries.grant(ctx.session, person.id, unit.id, args.role)
    if grant is None:
        grant = RoleGrant(
            id=ctx.envelope.id, person_id=person.id, unit_id=unit.id, role=args.role.value
        )
        ctx.add(grant)
        person.grants_version += 1
    if args.role is Role.TECHNICIAN and person.active:
        await _make_active(ctx, person.id, active=True)
    return [grant, person]


@command("grant.take", permission=Permission.STAFF_EDIT, subject="person_id")
async def take_grant(ctx: Context, args: GrantRole) -> Person:
    """Take a role at a unit away; it ends at once, on the person's devices too (ORG-02).

    Warns of visits that are still booked with the person. Raises NotFound when the person does
    not hold it or the actor does not administer the unit.
    """
    person = await _person(ctx, args.person_id)
    grant = await queries.grant(ctx.session, person.id, args.unit_id, args.role)
    if grant is None or not await queries.administers(ctx.session, ctx.actor.id, args.unit_id):
        raise NotFound(thing="grant")
    await ctx.session.delete(grant)
    person.grants_version += 1
    if args.role is Role.TECHNICIAN:
        left = await queries.grants_of(ctx.session, [person.id])
        others = any(row.role == args.role.value and row.id != grant.id for row in left)
        await _make_active(ctx, person.id, active=others)
        await ctx.emit(RightsLost(person.id))
    return person


async def _person(ctx: Context, person_id: UUID) -> Person:
    person = await ctx.session.get(Person, person_id, with_for_update=True)
    if person is None or person.home_region != ctx.region_id:
        raise NotFound(thing="person")
    if not ctx.actor.scope(ctx.spec.permission).whole_region and person.id == ctx.actor.id:
        raise Forbidden(permission="to change your own account")
    return person


async def begin(
    session: AsyncSession, *, number: int, name: str, zone: str, email: str, password: str
) -> Person:
    """Begin an installation: group, province, the region, and its first administrator.

    Nobody is there yet to run a command, so this is for the command line. Raises EmailTaken
    when the address has an account, UnitMisplaced when the region's number is in use.
    """
    if await queries.region(session, number) is not None:
        raise UnitMisplaced(kind="region", parent=f"number {number} a second time")
    if await queries.person_by_email(session, email) is not None:
        raise EmailTaken
    above: UUID | None = None
    for kind in ("group", "province"):
        unit = await queries.unit_by_code(session, kind)
        if unit is None:
            unit = Unit(kind=kind, name=kind.title(), code=kind, parent_id=above)
            session.add(unit)
            await session.flush()
        above = unit.id
    region = Unit(
        kind="region",
        name=name,
        code=f"region-{number}",
        parent_id=above,
        region_number=number,
        zone=_known_zone(zone),
    )
    person = Person(
        email=email.lower(),
        name="Administrator",
        home_region=number,
        password_hash=passwords.hash(password),
    )
    session.add_all([region, person])
    await session.flush()
    session.add(RoleGrant(person_id=person.id, unit_id=region.id, role=Role.ADMINISTRATOR.value))
    return person


def check_account(email: str, password: str, zone: str) -> None:
    """Check what a first account is begun with; raises ValueError with the rule."""
    TypeAdapter(Email).validate_python(email)
    TypeAdapter(Password).validate_python(password)
    _known_zone(zone)
