"""Reads of the organisation: actors, technicians, qualifications; calendars.py has the times."""

import json
from collections.abc import Collection
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    cast,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from fieldops.kernel import jobs
from fieldops.kernel.actor import Actor, Grant, Kind
from fieldops.kernel.direct import given, once
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Role, Scope
from fieldops.kernel.records import find_one
from fieldops.kernel.rows import tuples
from fieldops.organisation import policy
from fieldops.organisation.models import (
    LoginAttempt,
    Person,
    Qualification,
    RoleGrant,
    SignIn,
    Technician,
    Unit,
)
from fieldops.organisation.queries.calendars import Interval, without, working_intervals

__all__ = ["Interval", "without", "working_intervals"]


def actor_text() -> ColumnElement[str | None]:
    """Return the SQL of who a person is in a region, as text for `read_actor`.

    Null when the account is closed or unknown. Its placeholders are `actor_person_id` and
    `actor_region_id`. A grant covers the region when it stands at the region, above it, or at
    one of its centres or firms (ORG-02).
    """
    person_id = bindparam("actor_person_id", None, Uuid())
    region_id = bindparam("actor_region_id", None, Integer())
    covers = RoleGrant.unit_id.in_(_and_above(_is_region(region_id)))
    one = func.json_build_array(RoleGrant.role, Unit.kind, Unit.id, covers)
    zone = aliased(Unit)
    return (
        select(
            cast(
                func.json_build_array(
                    Person.kind,
                    select(zone.zone)
                    .where(zone.kind == "region", zone.region_number == region_id)
                    .scalar_subquery(),
                    func.json_agg(aggregate_order_by(one, RoleGrant.role, Unit.id)).filter(
                        Unit.id.is_not(None)
                    ),
                ),
                Text,
            )
        )
        .select_from(Person)
        .outerjoin(RoleGrant, RoleGrant.person_id == Person.id)
        .outerjoin(
            Unit,
            and_(Unit.id == RoleGrant.unit_id, or_(covers, Unit.region_number == region_id)),
        )
        .where(Person.id == person_id, Person.active)
        .group_by(Person.id)
        .scalar_subquery()
    )


@lru_cache(maxsize=4096)
def read_actor(text: str) -> tuple[Kind, ZoneInfo, tuple[Grant, ...]]:
    """Return what `actor_text` says: kind of account, the region's time zone, grants."""
    kind, zone, grants = json.loads(text)
    return (
        Kind(kind),
        ZoneInfo(zone or "UTC"),
        tuple(
            _grant(Role(role), unit_kind, UUID(unit_id), whole=bool(whole))
            for role, unit_kind, unit_id, whole in grants or ()
        ),
    )


@lru_cache(maxsize=1)
def _actor_statement() -> Select[str | None]:
    return select(actor_text())


async def load_actor(
    session: AsyncSession, person_id: UUID, region_id: int, device_id: UUID | None = None
) -> Actor | None:
    """Return the actor a person is in a region, None when the account is closed or unknown."""
    asked = {"actor_person_id": person_id, "actor_region_id": region_id}
    text = await session.scalar(_actor_statement(), asked)
    if text is None:
        return None
    kind, _zone, grants = read_actor(text)
    return Actor(person_id, region_id, kind, grants, device_id)


def _is_region(number: Any) -> ColumnElement[bool]:
    return and_(Unit.kind == "region", Unit.region_number == number)


def _and_above(found: ColumnElement[bool]) -> Select[UUID]:
    """Return the ids of a unit and of all units above it (ORG-01)."""
    above = select(Unit.id, Unit.parent_id).where(found).cte("above", recursive=True)
    above = above.union_all(select(Unit.id, Unit.parent_id).where(Unit.id == above.c.parent_id))
    return select(above.c.id)


def _grant(role: Role, unit_kind: str, unit_id: UUID, *, whole: bool) -> Grant:
    if unit_kind == "firm":
        return Grant(role, firm_id=unit_id)
    if whole:
        return Grant(role, whole_region=True)
    return Grant(role, centre_ids=frozenset({unit_id}))


async def person_by_email(session: AsyncSession, email: str) -> Person | None:
    """Return the active account of an e-mail address (any case)."""
    found: Person | None = await session.scalar(
        select(Person).where(Person.email == email.lower(), Person.active)
    )
    return found


async def lock_sign_in(session: AsyncSession, region_id: int, sign_in_id: UUID) -> SignIn | None:
    """Return a sign-in, locked for its rotation."""
    found: SignIn | None = await session.scalar(
        select(SignIn)
        .where(SignIn.region_id == region_id, SignIn.id == sign_in_id)
        .with_for_update()
    )
    return found


async def one_at_a_time(session: AsyncSession, person_id: UUID) -> None:
    """Let the transactions that ask this about a person come after each other.

    For what is counted and then added to; rows that refer to the person may be added meanwhile.
    """
    await session.execute(
        select(Person.id).where(Person.id == person_id).with_for_update(key_share=True)
    )


async def one_at_a_time_in(session: AsyncSession, region_id: int) -> None:
    """Let the transactions that ask this about a region come after each other.

    As `one_at_a_time` of a person: for what a region does once, such as closing a month.
    """
    await session.execute(
        select(Unit.id).where(_is_region(region_id)).with_for_update(key_share=True)
    )


async def lock_sign_ins(session: AsyncSession, region_id: int, person_id: UUID) -> list[SignIn]:
    """Return a person's sign-ins that are still good, locked, by id."""
    found = await session.scalars(
        select(SignIn)
        .where(
            SignIn.region_id == region_id,
            SignIn.person_id == person_id,
            SignIn.revoked_at.is_(None),
        )
        .order_by(SignIn.id)
        .with_for_update()
    )
    return list(found)


async def zone_of(session: AsyncSession, region_id: int) -> ZoneInfo:
    """Return the time zone of a region; UTC when it names none."""
    known: dict[int, ZoneInfo] = session.info.setdefault("zones", {})
    if region_id not in known:
        # Nothing is flushed before: a region's zone is not changed after its first day.
        rows = await tuples(session, once(_zone), {"region_id": region_id})
        known[region_id] = ZoneInfo((rows and rows[0][0]) or "UTC")
    return known[region_id]


def _zone() -> Select[str | None]:
    return select(Unit.zone).where(_is_region(given("region_id", Integer())))


@jobs.regions_by
async def region_numbers(session: AsyncSession) -> list[int]:
    """Return the numbers of the active regions, ascending (jobs walk over them)."""
    found = await session.scalars(
        select(Unit.region_number)
        .where(Unit.kind == "region", Unit.active)
        .order_by(Unit.region_number)
    )
    return [number for number in found if number is not None]


async def regions_of(session: AsyncSession, person_id: UUID) -> list[int]:
    """Return the numbers of the regions in which a person has a role, ascending (ORG-02)."""
    mine = select(RoleGrant.unit_id).where(RoleGrant.person_id == person_id)
    covered = select(Unit.id, Unit.region_number).where(Unit.id.in_(mine))
    below = covered.cte("below", recursive=True)
    below = below.union_all(select(Unit.id, Unit.region_number).where(Unit.parent_id == below.c.id))
    found = await session.scalars(
        select(below.c.region_number)
        .where(below.c.region_number.is_not(None))
        .distinct()
        .order_by(below.c.region_number)
    )
    return list(found)


async def technician(session: AsyncSession, region_id: int, technician_id: UUID) -> Technician:
    """Return a technician of the region; raises NotFound."""
    found: Technician | None = await session.get(Technician, (region_id, technician_id))
    if found is None:
        raise NotFound(thing="technician")
    return found


async def technicians(
    session: AsyncSession, region_id: int, ids: Collection[UUID]
) -> dict[UUID, Technician]:
    """Return technicians of the region by id; unknown ids are left out."""
    found = await session.scalars(
        select(Technician).where(Technician.region_id == region_id, Technician.id.in_(ids))
    )
    return {t.id: t for t in found}


async def names(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names of people by id; unknown ids are left out."""
    found = await session.execute(select(Person.id, Person.name).where(Person.id.in_(ids)))
    return {id_: name for id_, name in found}  # noqa: C416 - rows, not pairs


def visible_technicians(scope: Scope) -> Select[Technician]:
    """Return the statement for the technicians a scope may see, by id."""
    return select(Technician).where(policy.visible(scope)).order_by(Technician.id)


async def qualified(
    session: AsyncSession,
    region_id: int,
    skills: Collection[str],
    day: date,
    technician_ids: Collection[UUID] | None = None,
) -> set[UUID]:
    """Return the active technicians that hold every skill, valid on the day (ORG-03)."""
    wanted = set(skills)
    statement = (
        select(Qualification.technician_id)
        .join(
            Technician,
            and_(
                Technician.region_id == Qualification.region_id,
                Technician.id == Qualification.technician_id,
            ),
        )
        .where(
            Qualification.region_id == region_id,
            Technician.region_id == region_id,
            Technician.active,
            Qualification.skill.in_(wanted),
            Qualification.valid_from <= day,
            Qualification.valid_until >= day,
        )
        .group_by(Qualification.technician_id)
        .having(func.count(Qualification.skill.distinct()) == len(wanted))
    )
    if technician_ids is not None:
        statement = statement.where(Qualification.technician_id.in_(technician_ids))
    return set(await session.scalars(statement))


async def skills_on(
    session: AsyncSession, region_id: int, technician_ids: Collection[UUID], day: date
) -> dict[UUID, set[str]]:
    """Return the skills each technician may use on a day."""
    found = await session.execute(
        select(Qualification.technician_id, Qualification.skill).where(
            Qualification.region_id == region_id,
            Qualification.technician_id.in_(technician_ids),
            Qualification.valid_from <= day,
            Qualification.valid_until >= day,
        )
    )
    skills: dict[UUID, set[str]] = {id_: set() for id_ in technician_ids}
    for id_, skill in found:
        skills[id_].add(skill)
    return skills


def ending_qualifications(scope: Scope, today: date, days: int) -> Select[Qualification]:
    """Return the statement for qualifications ending within some days (ORG-03)."""
    return (
        select(Qualification)
        .where(
            policy.own_rows(Qualification, scope),
            Qualification.valid_until >= today,
            Qualification.valid_until <= today + timedelta(days=days),
        )
        .order_by(Qualification.id)
    )


async def administers(session: AsyncSession, person_id: UUID, unit_id: UUID) -> bool:
    """Return whether a person is administrator at a unit or above it."""
    found = await session.scalar(
        select(RoleGrant.id)
        .where(
            RoleGrant.person_id == person_id,
            RoleGrant.role == Role.ADMINISTRATOR.value,
            RoleGrant.unit_id.in_(_and_above(Unit.id == unit_id)),
        )
        .limit(1)
    )
    return found is not None


async def grant(
    session: AsyncSession, person_id: UUID, unit_id: UUID, role: Role
) -> RoleGrant | None:
    """Return a person's grant of a role at a unit."""
    found: RoleGrant | None = await session.scalar(
        select(RoleGrant).where(
            RoleGrant.person_id == person_id,
            RoleGrant.unit_id == unit_id,
            RoleGrant.role == role.value,
        )
    )
    return found


async def failed_attempts(
    session: AsyncSession, region_id: int, email: str, since: datetime
) -> int:
    """Count an address's failed sign-ins since a moment."""
    count = await session.scalar(
        select(func.count())
        .select_from(LoginAttempt)
        .where(
            LoginAttempt.region_id == region_id,
            LoginAttempt.email == email,
            LoginAttempt.at >= since,
        )
    )
    return int(count or 0)


async def technician_in(session: AsyncSession, scope: Scope, technician_id: UUID) -> Technician:
    """Return a technician inside a scope; raises NotFound."""
    return await find_one(
        session,
        select(Technician).where(policy.visible(scope), Technician.id == technician_id),
        "technician",
    )


async def qualifications_of(
    session: AsyncSession, region_id: int, technician_id: UUID
) -> list[Qualification]:
    """Return a technician's qualifications by skill."""
    found = await session.scalars(
        select(Qualification)
        .where(Qualification.region_id == region_id, Qualification.technician_id == technician_id)
        .order_by(Qualification.skill, Qualification.valid_from)
    )
    return list(found)


async def lock_qualification_before(
    session: AsyncSession,
    region_id: int,
    technician_id: UUID,
    skill: str,
    certificate: str,
    first: date,
) -> Qualification | None:
    """Return the locked qualification of a certificate that a first day goes on from, if any."""
    found: Qualification | None = await session.scalar(
        select(Qualification)
        .where(
            Qualification.region_id == region_id,
            Qualification.technician_id == technician_id,
            Qualification.skill == skill,
            Qualification.certificate_number == certificate,
            Qualification.valid_from <= first,
            Qualification.valid_until >= first - timedelta(days=1),
        )
        .order_by(Qualification.valid_until.desc(), Qualification.id)
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


def units_of(region_id: int) -> Select[Unit]:
    """Return the statement for the units a region's people may know: its own and those above."""
    above = _and_above(_is_region(region_id))
    return (
        select(Unit)
        .where(or_(Unit.region_number == region_id, Unit.id.in_(above)))
        .order_by(Unit.id)
    )


def people_of(region_id: int) -> Select[Person]:
    """Return the statement for the accounts at home in a region, by id."""
    return select(Person).where(Person.home_region == region_id).order_by(Person.id)


async def grants_of(session: AsyncSession, person_ids: Collection[UUID]) -> list[RoleGrant]:
    """Return the grants of people."""
    found = await session.scalars(
        select(RoleGrant).where(RoleGrant.person_id.in_(person_ids)).order_by(RoleGrant.id)
    )
    return list(found)


async def region(session: AsyncSession, number: int) -> Unit | None:
    """Return the unit of a region by its number."""
    found: Unit | None = await session.scalar(select(Unit).where(_is_region(number)))
    return found


async def unit_by_code(session: AsyncSession, code: str) -> Unit | None:
    """Return a unit by its code."""
    found: Unit | None = await session.scalar(select(Unit).where(Unit.code == code))
    return found
