"""Reads of customers, premises and standards; contact data is read in pii.py alone."""

from typing import TypeVar
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers import policy, rules, standards
from fieldops.customers.models import Customer, Export, Premises, ServiceStandard
from fieldops.customers.rules import Limit, Segment, Service, Standard, Task
from fieldops.kernel.erasure import Erasure
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one, lock_one, locked
from fieldops.organisation.models import Unit

T = TypeVar("T")


def customers(scope: Scope) -> Select[Customer]:
    """Return the statement for the customers in a scope, by id."""
    return select(Customer).where(policy.visible_customers(scope)).order_by(Customer.id)


def all_premises(
    scope: Scope,
    *,
    street: str | None = None,
    house_number: str | None = None,
) -> Select[Premises]:
    """Return the statement for the premises in a scope, by id; at an address if asked."""
    statement = select(Premises).where(policy.visible_premises(scope)).order_by(Premises.id)
    if street is not None:
        statement = statement.where(Premises.street == street)
    if house_number is not None:
        statement = statement.where(Premises.house_number == house_number)
    return statement


def erasures(scope: Scope) -> Select[Erasure]:
    """Return the statement for the erasures of a scope's customers, by id.

    Those of a whole region also when a restored database does not hold the customer.
    """
    statement = select(Erasure).where(Erasure.region_id == scope.region_id).order_by(Erasure.id)
    if scope.whole_region:
        return statement
    of_scope = select(Customer.id).where(
        policy.visible_customers(scope), Customer.id == Erasure.subject_id
    )
    return statement.where(of_scope.exists())


async def customer(session: AsyncSession, scope: Scope, customer_id: UUID) -> Customer:
    """Return a customer; raises NotFound outside the scope."""
    return await find_one(session, customers(scope).where(Customer.id == customer_id), "customer")


async def lock_customer(session: AsyncSession, scope: Scope, customer_id: UUID) -> Customer:
    """Return a customer locked for a change; raises NotFound outside the scope."""
    wanted = customers(scope).where(Customer.id == customer_id)
    return await lock_one(session, wanted, "customer")


async def premises(session: AsyncSession, scope: Scope, premises_id: UUID) -> Premises:
    """Return premises; raises NotFound outside the scope."""
    return await find_one(
        session, all_premises(scope).where(Premises.id == premises_id), "premises"
    )


async def lock_premises(session: AsyncSession, scope: Scope, premises_id: UUID) -> Premises:
    """Return premises locked for a change; raises NotFound outside the scope."""
    wanted = all_premises(scope).where(Premises.id == premises_id)
    return await lock_one(session, wanted, "premises")


async def customer_by_ref(session: AsyncSession, region_id: int, ref: str) -> Customer | None:
    """Return the customer that another system knows by this reference, None when there is none."""
    found: Customer | None = await session.scalar(
        select(Customer).where(Customer.region_id == region_id, Customer.external_ref == ref)
    )
    return found


async def premises_by_ref(session: AsyncSession, region_id: int, ref: str) -> Premises | None:
    """Return the premises that another system knows by this reference, None without any."""
    found: Premises | None = await session.scalar(
        select(Premises).where(Premises.region_id == region_id, Premises.external_ref == ref)
    )
    return found


async def centre_in(session: AsyncSession, scope: Scope, centre_id: UUID) -> UUID:
    """Return a centre's id; raises NotFound outside the region or the scope."""
    known = await session.scalar(
        select(Unit.id).where(
            Unit.id == centre_id,
            Unit.kind == "centre",
            Unit.region_number == scope.region_id,
            Unit.active,
        )
    )
    if known is None or not (scope.whole_region or centre_id in scope.centre_ids):
        raise NotFound(thing="centre")
    return centre_id


def standard_rows(region_id: int) -> Select[ServiceStandard]:
    """Return the statement for the common rows and the region's own."""
    number = ServiceStandard.region_number
    return (
        select(ServiceStandard)
        .where(or_(number.is_(None), number == region_id))
        .order_by(ServiceStandard.id)
    )


async def standards_of(session: AsyncSession, region_id: int, task: Task) -> list[Standard]:
    """Return the rows of a task that hold in a region, or the shipped ones without any."""
    found = await session.scalars(standard_rows(region_id).where(ServiceStandard.task == task))
    rows = [_standard(row) for row in found]
    common = [row for row in rows if row.region_number is None]
    return rows if common else [*rows, *(s for s in standards.DEFAULTS if s.task == task)]


def _standard(row: ServiceStandard) -> Standard:
    return Standard(
        Task(row.task),
        row.minutes,
        row.upper_minutes,
        segment=Segment(row.segment) if row.segment else None,
        tier=row.tier,
        service=Service(row.service) if row.service else None,
        region_number=row.region_number,
    )


async def standard(
    session: AsyncSession,
    segment: str,
    tier: str,
    service: str | None,
    task: str,
    *,
    region_id: int,
) -> Limit:
    """Return the limit in minutes that holds for a task: the most specific row wins (CU-02).

    A service that the standards do not name is held to the rows for every service.
    """
    named = Service(service) if service in set(Service) else None
    rows = await standards_of(session, region_id, Task(task))
    limit = rules.limit_for(rows, Segment(segment), tier, named, Task(task))
    if limit is None:
        raise NotFound(thing="service standard")
    return limit


async def own_standard(
    session: AsyncSession,
    region_id: int,
    *,
    segment: str | None,
    tier: str | None,
    service: str | None,
    task: str,
) -> ServiceStandard | None:
    """Return a region's own row for exactly these keys, locked, None when it has none."""
    found: ServiceStandard | None = await session.scalar(
        locked(
            select(ServiceStandard).where(
                ServiceStandard.region_number == region_id,
                ServiceStandard.segment.is_not_distinct_from(segment),
                ServiceStandard.tier.is_not_distinct_from(tier),
                ServiceStandard.service.is_not_distinct_from(service),
                ServiceStandard.task == task,
            )
        )
    )
    return found


def exports(
    scope: Scope, *, customer_id: UUID | None = None, reader_id: UUID | None = None
) -> Select[Export]:
    """Return the statement that searches the register of exports in a scope, by id (CU-04)."""
    found = select(Export).where(scope.predicate(Export, shared=True)).order_by(Export.id)
    if customer_id is not None:
        found = found.where(Export.customer_ids.contains([customer_id]))
    if reader_id is not None:
        found = found.where(Export.reader_id == reader_id)
    return found
