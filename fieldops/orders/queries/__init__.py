"""Reads and locks of orders, work orders and reasons.

The order's row is the lock of all that belongs to it: whoever changes an order, its work orders
or its visits locks it first, so that no two of them wait for each other.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.models import Customer
from fieldops.kernel.errors import NotFound
from fieldops.kernel.gathering import gathered, hanging_on
from fieldops.kernel.limits import limit, towards
from fieldops.kernel.permissions import Role, Scope
from fieldops.kernel.records import find_one, lock_one
from fieldops.network.models import NetworkService
from fieldops.orders import policy, rules
from fieldops.orders.errors import UnknownReason
from fieldops.orders.models import LateWarning, Reason, ServiceOrder, WorkOrder


async def order(session: AsyncSession, scope: Scope, order_id: UUID) -> ServiceOrder:
    """Return an order of the scope; raises NotFound."""
    return await find_one(
        session,
        select(ServiceOrder).where(policy.visible_orders(scope), ServiceOrder.id == order_id),
        "order",
    )


async def lock_order(
    session: AsyncSession, scope: Scope, order_id: UUID, *, ever: bool = False
) -> ServiceOrder:
    """Return an order of the scope, locked; `ever` includes what was once a technician's own.

    Raises NotFound.
    """
    return await lock_one(
        session,
        select(ServiceOrder).where(
            policy.visible_orders(scope, ever=ever), ServiceOrder.id == order_id
        ),
        "order",
    )


async def lock_orders(session: AsyncSession, region_id: int, ids: Iterable[UUID]) -> None:
    """Lock orders in id order (the caller has judged the permission)."""
    await session.execute(
        select(ServiceOrder.id)
        .where(ServiceOrder.region_id == region_id, ServiceOrder.id.in_(sorted(set(ids))))
        .order_by(ServiceOrder.id)
        .with_for_update()
    )


async def order_by_ref(
    session: AsyncSession, region_id: int, external_ref: str
) -> ServiceOrder | None:
    """Return the order with a reference of the system it came from."""
    found: ServiceOrder | None = await session.scalar(
        select(ServiceOrder).where(
            ServiceOrder.region_id == region_id, ServiceOrder.external_ref == external_ref
        )
    )
    return found


def visible_orders(
    scope: Scope, *, states: Collection[str] = (), customer_id: UUID | None = None
) -> Select[ServiceOrder]:
    """Return the statement for the orders of a scope by id, of states or a customer if asked."""
    statement = select(ServiceOrder).where(policy.visible_orders(scope)).order_by(ServiceOrder.id)
    if states:
        statement = statement.where(ServiceOrder.state.in_(states))
    if customer_id is not None:
        statement = statement.where(ServiceOrder.customer_id == customer_id)
    return statement


def visible_work_orders(
    scope: Scope, *, states: Collection[str] = (), department: str | None = None
) -> Select[WorkOrder]:
    """Return the statement for the work orders of a scope by id."""
    statement = select(WorkOrder).where(policy.visible_work_orders(scope)).order_by(WorkOrder.id)
    if states:
        statement = statement.where(WorkOrder.state.in_(states))
    if department is not None:
        statement = statement.where(WorkOrder.department == department)
    return statement


def most_urgent_first() -> tuple[Any, ...]:
    """Return the order of every list of work: priority, then due time, then id (WO-06)."""
    return (WorkOrder.priority.desc(), WorkOrder.due_at, WorkOrder.id)


async def work_list(
    session: AsyncSession,
    scope: Scope,
    *,
    states: Collection[str] = (),
    department: str | None = None,
    centre_id: UUID | None = None,
    unanswered: bool = False,
    after: UUID | None = None,
    limit: int = 50,
) -> list[WorkOrder]:
    """Return the open work of a scope, most urgent first, at most `limit` + 1, after one of it.

    `unanswered`: only what was transferred and no department has accepted or refused (WO-03).
    Raises NotFound when the work order to go on after is not in the scope.
    """
    statement = (
        visible_work_orders(scope, states=states or sorted(rules.OPEN), department=department)
        .order_by(None)
        .order_by(*most_urgent_first())
        .limit(limit + 1)
    )
    if centre_id is not None:
        statement = statement.where(WorkOrder.centre_id == centre_id)
    if unanswered:
        waits = WorkOrder.transfer_accepted_at.is_(None)
        statement = statement.where(WorkOrder.state == rules.State.TRANSFERRED, waits)
    if after is not None:
        last = await session.scalar(visible_work_orders(scope).where(WorkOrder.id == after))
        if last is None:
            raise NotFound(thing="work order")
        later = tuple_(-WorkOrder.priority, WorkOrder.due_at, WorkOrder.id)
        statement = statement.where(later > tuple_(-last.priority, last.due_at, last.id))
    return list(await session.scalars(statement))


async def work_orders(
    session: AsyncSession, region_id: int, order_ids: Collection[UUID]
) -> list[WorkOrder]:
    """Return all work orders of some orders, by order and number."""
    found = await session.scalars(
        select(WorkOrder)
        .where(WorkOrder.region_id == region_id, WorkOrder.order_id.in_(order_ids))
        .order_by(WorkOrder.order_id, WorkOrder.number)
    )
    return list(found)


async def work_by_id(
    session: AsyncSession, region_id: int, ids: Collection[UUID]
) -> dict[UUID, WorkOrder]:
    """Return work orders by id, of locked orders from what was read under their lock."""
    known = {row.id: row for row in await work_of_held_orders(session, region_id)}
    missing = [id_ for id_ in ids if id_ not in known]
    if missing:
        found = await session.scalars(
            select(WorkOrder).where(WorkOrder.region_id == region_id, WorkOrder.id.in_(missing))
        )
        known |= {row.id: row for row in found}
    return {id_: known[id_] for id_ in ids}


async def work_of_held_orders(session: AsyncSession, region_id: int) -> list[WorkOrder]:
    """Return the work orders of the orders that this transaction has locked, by id."""
    held = [row.id for row in gathered(session).all_held(ServiceOrder)]
    return await hanging_on(session, WorkOrder.order_id, region_id, held) if held else []


async def lock_work_orders(
    session: AsyncSession, region_id: int, ids: Collection[UUID]
) -> list[WorkOrder]:
    """Return work orders by id, under the lock of their orders or locked in id order."""
    known = {row.id: row for row in await work_of_held_orders(session, region_id)}
    if known.keys() >= set(ids):
        return [known[id_] for id_ in sorted(set(ids))]
    found = await session.scalars(
        select(WorkOrder)
        .where(WorkOrder.region_id == region_id, WorkOrder.id.in_(sorted(ids)))
        .order_by(WorkOrder.id)
        .with_for_update()
    )
    return list(found)


async def lock_work_orders_anew(
    session: AsyncSession, region_id: int, ids: Collection[UUID]
) -> list[WorkOrder]:
    """Return work orders locked in id order, as they are now, whatever was read before."""
    found = await session.scalars(
        select(WorkOrder)
        .where(WorkOrder.region_id == region_id, WorkOrder.id.in_(sorted(ids)))
        .order_by(WorkOrder.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found)


class Ranked(NamedTuple):
    """What the priority of open work follows from, and what it is (WO-06)."""

    work_order_id: UUID
    order_id: UUID
    kind: str
    service: str
    priority: int
    urgency: str
    urges: int
    tier: str


async def open_by_centre(
    session: AsyncSession, region_id: int, centre_id: UUID | None
) -> dict[UUID, list[Ranked]]:
    """Return the open work of a centre, or of all centres of the region, by centre."""
    statement = (
        select(
            WorkOrder.centre_id,
            WorkOrder.id,
            WorkOrder.order_id,
            WorkOrder.kind,
            WorkOrder.service,
            WorkOrder.priority,
            ServiceOrder.urgency,
            ServiceOrder.urges,
            func.coalesce(Customer.tier, ""),
        )
        .join(
            ServiceOrder,
            and_(
                ServiceOrder.region_id == WorkOrder.region_id,
                ServiceOrder.id == WorkOrder.order_id,
            ),
        )
        .outerjoin(
            Customer,
            and_(Customer.region_id == region_id, Customer.id == ServiceOrder.customer_id),
        )
        .where(
            WorkOrder.region_id == region_id,
            ServiceOrder.region_id == region_id,
            WorkOrder.state.in_(sorted(rules.OPEN)),
        )
        .order_by(WorkOrder.id)
    )
    if centre_id is not None:
        statement = statement.where(WorkOrder.centre_id == centre_id)
    rows: dict[UUID, list[Ranked]] = defaultdict(list)
    for row in await session.execute(statement):
        rows[row[0]].append(Ranked(*row[1:]))
    return rows


async def open_work_at_feature(
    session: AsyncSession, region_id: int, feature_id: UUID
) -> WorkOrder | None:
    """Return the cable department's open work order for a feature, if there is one."""
    found: WorkOrder | None = await session.scalar(
        select(WorkOrder)
        .where(
            WorkOrder.region_id == region_id,
            WorkOrder.feature_id == feature_id,
            WorkOrder.department == rules.Department.CABLE,
            WorkOrder.state.in_(sorted(rules.OPEN)),
        )
        .limit(1)
    )
    return found


async def states_of_order(session: AsyncSession, region_id: int, order_id: UUID) -> list[str]:
    """Return the states of an order's work orders."""
    rows = await hanging_on(session, WorkOrder.order_id, region_id, [order_id])
    return [row.state for row in rows]


async def service_at(
    session: AsyncSession,
    region_id: int,
    premises_id: UUID | None,
    service_id: UUID | None,
    account: str | None,
) -> NetworkService | None:
    """Return the service at a premises with an id or an account number."""
    key = (
        NetworkService.id == service_id
        if service_id is not None
        else NetworkService.account == account
    )
    found: NetworkService | None = await session.scalar(
        select(NetworkService).where(
            NetworkService.region_id == region_id, NetworkService.premises_id == premises_id, key
        )
    )
    return found


async def reason(session: AsyncSession, process: str, code: str) -> Reason:
    """Return an active reason of a process's list; raises UnknownReason (WO-03)."""
    found: Reason | None = await session.scalar(
        select(Reason).where(Reason.process == process, Reason.code == code, Reason.active)
    )
    if found is None:
        raise UnknownReason(reason=code, process=process)
    return found


async def reasons(session: AsyncSession) -> list[Reason]:
    """Return the whole list of reasons, by process and code."""
    return list(await session.scalars(select(Reason).order_by(Reason.process, Reason.code)))


@limit("work_order", "WO-04", "work_order", shares=rules.SHARES, takers={Role.DISPATCHER})
async def to_be_done(_session: AsyncSession, region_id: int, _now: datetime) -> Select[Any]:
    """Return the open work whose clock runs."""
    stood_still = func.make_interval(0, 0, 0, 0, 0, 0, WorkOrder.suspended_seconds)
    since = WorkOrder.received_at + stood_still
    return towards(WorkOrder.id, WorkOrder.centre_id, since, WorkOrder.due_at).where(
        WorkOrder.region_id == region_id,
        WorkOrder.state.in_(sorted(rules.OPEN)),
        WorkOrder.clock_stopped_at.is_(None),
    )


async def late_work(
    session: AsyncSession, region_id: int, audience: str, share: float, now: datetime
) -> list[WorkOrder]:
    """Return open work past a share of its limit that this audience was not warned of (WO-04).

    Work whose clock is stopped is left out: its limit does not run.
    """
    warned = (
        select(LateWarning.id)
        .where(
            LateWarning.region_id == region_id,
            LateWarning.region_id == WorkOrder.region_id,
            LateWarning.work_order_id == WorkOrder.id,
            LateWarning.audience == audience,
        )
        .exists()
    )
    allowed = WorkOrder.limit_seconds * share + WorkOrder.suspended_seconds
    threshold = WorkOrder.received_at + func.make_interval(0, 0, 0, 0, 0, 0, allowed)
    found = await session.scalars(
        select(WorkOrder)
        .where(
            WorkOrder.region_id == region_id,
            WorkOrder.state.in_(sorted(rules.OPEN)),
            WorkOrder.clock_stopped_at.is_(None),
            # A share is at least a tenth of the limit, so what came in just now is not looked at.
            WorkOrder.received_at <= now - timedelta(minutes=1),
            threshold <= now,
            ~warned,
        )
        .order_by(WorkOrder.due_at, WorkOrder.id)
        .limit(1000)
    )
    return list(found)


def warnings(scope: Scope, *, audiences: Collection[str] | None = None) -> Select[LateWarning]:
    """Return the statement for the warnings in a scope by id, whose work is still open."""
    statement = (
        select(LateWarning)
        .join(
            WorkOrder,
            and_(
                WorkOrder.region_id == LateWarning.region_id,
                WorkOrder.id == LateWarning.work_order_id,
            ),
        )
        .where(
            policy.visible_warnings(scope),
            WorkOrder.region_id == scope.region_id,
            WorkOrder.state.in_(sorted(rules.OPEN)),
            or_(
                LateWarning.audience.in_([name for name, _number in rules.WARNINGS]),
                WorkOrder.transfer_accepted_at.is_(None),
            ),
        )
        .order_by(LateWarning.id)
    )
    if audiences is not None:
        statement = statement.where(LateWarning.audience.in_(sorted(audiences)))
    return statement


async def warnings_of(
    session: AsyncSession, region_id: int, work_order_id: UUID
) -> list[LateWarning]:
    """Return the warnings of a work order whose order the caller has locked."""
    found = await session.scalars(
        select(LateWarning).where(
            LateWarning.region_id == region_id, LateWarning.work_order_id == work_order_id
        )
    )
    return list(found)


async def open_orders(
    session: AsyncSession,
    region_id: int,
    *,
    customer_id: UUID | None = None,
    after: UUID | None = None,
    limit: int = 1000,
) -> list[UUID]:
    """Return the ids of open orders of customers, or of one customer, after one of them."""
    statement = (
        select(ServiceOrder.id)
        .where(
            ServiceOrder.region_id == region_id,
            ServiceOrder.customer_id.is_not(None),
            ServiceOrder.state.in_(sorted(rules.OPEN)),
        )
        .order_by(ServiceOrder.id)
        .limit(limit)
    )
    if customer_id is not None:
        statement = statement.where(ServiceOrder.customer_id == customer_id)
    if after is not None:
        statement = statement.where(ServiceOrder.id > after)
    return list(await session.scalars(statement))


async def due_to_resume(session: AsyncSession, region_id: int, today: date) -> list[WorkOrder]:
    """Return suspended work whose resume date has come, by order."""
    found = await session.scalars(
        select(WorkOrder)
        .where(
            WorkOrder.region_id == region_id,
            WorkOrder.state == rules.State.SUSPENDED,
            or_(WorkOrder.resume_on.is_(None), WorkOrder.resume_on <= today),
        )
        .order_by(WorkOrder.order_id, WorkOrder.id)
        .limit(1000)
    )
    return list(found)
