"""Reads of emergency plans: by scope, what is in force, what is overdue."""

from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from fieldops.emergencies import policy, rules
from fieldops.emergencies.models import Activation, EmergencyPlan, ReserveTechnician
from fieldops.emergencies.rules import ActivePlan, Kind, PlanInForce, State
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one, lock_one
from fieldops.organisation.models import Person


def plans(scope: Scope, *, retired: bool = False) -> Select[EmergencyPlan]:
    """Return the statement for the plans in a scope, by id; those in use unless asked for all."""
    found = select(EmergencyPlan).where(policy.visible_plans(scope)).order_by(EmergencyPlan.id)
    return found if retired else found.where(~EmergencyPlan.retired)


async def plan(session: AsyncSession, scope: Scope, plan_id: UUID) -> EmergencyPlan:
    """Return a plan; raises NotFound outside the scope."""
    return await find_one(
        session, plans(scope, retired=True).where(EmergencyPlan.id == plan_id), "emergency plan"
    )


async def lock_plan(session: AsyncSession, scope: Scope, plan_id: UUID) -> EmergencyPlan:
    """Return a plan locked for a change; raises NotFound for one that is not the scope's own."""
    return await lock_one(
        session,
        select(EmergencyPlan).where(policy.own_plans(scope), EmergencyPlan.id == plan_id),
        "emergency plan",
    )


async def reserve_of(
    session: AsyncSession, region_id: int, plan_id: UUID
) -> list[ReserveTechnician]:
    """Return the reserve technicians of a plan."""
    found = await session.scalars(
        select(ReserveTechnician)
        .where(ReserveTechnician.region_id == region_id, ReserveTechnician.plan_id == plan_id)
        .order_by(ReserveTechnician.technician_id)
    )
    return list(found)


def activations(
    scope: Scope, *, state: State | None = None, owner_id: UUID | None = None
) -> Select[Activation]:
    """Return the statement for the activations in a scope, by id."""
    found = select(Activation).where(policy.visible_activations(scope)).order_by(Activation.id)
    if state is not None:
        found = found.where(Activation.state == state)
    return found if owner_id is None else found.where(Activation.owner_id == owner_id)


async def activation(session: AsyncSession, scope: Scope, activation_id: UUID) -> Activation:
    """Return an activation; raises NotFound outside the scope."""
    return await find_one(
        session, activations(scope).where(Activation.id == activation_id), "activation"
    )


async def lock_activation(session: AsyncSession, scope: Scope, activation_id: UUID) -> Activation:
    """Return an activation locked; raises NotFound for one that is not the scope's own."""
    return await lock_one(
        session,
        select(Activation).where(policy.own_activations(scope), Activation.id == activation_id),
        "activation",
    )


async def lock_open(session: AsyncSession, region_id: int, plan_id: UUID) -> Activation | None:
    """Return the open activation of a plan, locked, None without one."""
    found: Activation | None = await session.scalar(
        select(Activation)
        .where(
            Activation.region_id == region_id,
            Activation.plan_id == plan_id,
            Activation.state.in_(rules.OPEN),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


async def is_person(session: AsyncSession, region_id: int, person_id: UUID) -> bool:
    """Return whether somebody has an open account at home in a region."""
    found = await session.scalar(
        select(Person.id).where(
            Person.id == person_id,
            Person.home_region == region_id,
            Person.active,
            Person.kind == "person",
        )
    )
    return found is not None


def _helpers(region_id: int) -> ColumnElement[list[UUID]]:
    wanted = aggregate_order_by(ReserveTechnician.technician_id, ReserveTechnician.technician_id)
    found: ColumnElement[list[UUID]] = (
        select(func.coalesce(func.array_agg(wanted, type_=ARRAY(Uuid())), []))
        .where(
            ReserveTechnician.region_id == region_id,
            ReserveTechnician.plan_id == EmergencyPlan.id,
        )
        .scalar_subquery()
    )
    return found


async def active(
    session: AsyncSession, region_id: int, centre_id: UUID, at: datetime
) -> ActivePlan | None:
    """Return what is in force for a centre at a moment, None without any plan (EM-01).

    All its plans and the region's taken together: one statement.
    """
    found = await session.execute(
        select(Activation, EmergencyPlan, _helpers(region_id))
        .join(
            EmergencyPlan,
            and_(
                EmergencyPlan.region_id == Activation.region_id,
                EmergencyPlan.id == Activation.plan_id,
            ),
        )
        .where(
            policy.in_force(region_id, at),
            EmergencyPlan.region_id == region_id,
            or_(Activation.centre_id == centre_id, Activation.centre_id.is_(None)),
        )
    )
    plans = [_as_active(*row) for row in found]
    return reduce(ActivePlan.with_another, plans) if plans else None


def _as_active(activation: Activation, plan: EmergencyPlan, helpers: list[UUID]) -> ActivePlan:
    said = PlanInForce(
        activation_id=activation.id,
        plan_id=plan.id,
        kind=Kind(plan.kind),
        name=plan.name,
        centre_id=plan.centre_id,
        since=activation.since or activation.created_at,
        until=activation.until,
        text_en=plan.text_en,
        text_zh=plan.text_zh,
    )
    return ActivePlan(
        plans=(said,),
        put_off=dict.fromkeys(plan.put_off_kinds, plan.put_off_days),
        window_minutes=plan.window_minutes,
        offer_days=plan.offer_days,
        limit_percent=plan.limit_percent,
        raised=dict.fromkeys(plan.raised_kinds, plan.raised_classes),
        reserve_percent=plan.reserve_percent,
        reserve=frozenset(helpers),
    )


async def overdue(session: AsyncSession, region_id: int, now: datetime) -> list[UUID]:
    """Return the activations whose time is over and which nobody has ended."""
    found = await session.scalars(
        select(Activation.id)
        .where(
            Activation.region_id == region_id,
            Activation.state == State.ACTIVE,
            Activation.until <= now,
        )
        .order_by(Activation.id)
    )
    return list(found)


@dataclass(frozen=True, slots=True)
class ToTell:
    """A proposal that its owner is to be told of, and the owner's account; `again`: undecided."""

    id: UUID
    plan_name: str
    reason: str
    proposed_at: datetime
    again: bool
    owner_id: UUID
    email: str
    locale: str


async def to_tell(
    session: AsyncSession, region_id: int, undecided_since: datetime | None
) -> list[ToTell]:
    """Return the proposals whose owners have to be told, or reminded (EM-01).

    Reminded is, once, who was told before `undecided_since`; without it nobody. Left out are
    owners whose account is closed.
    """
    due: ColumnElement[bool] = Activation.owner_told_at.is_(None)
    if undecided_since is not None:
        undecided = Activation.owner_told_at <= undecided_since
        due = or_(due, and_(undecided, Activation.owner_reminded_at.is_(None)))
    found = await session.execute(
        select(
            Activation.id,
            EmergencyPlan.name,
            Activation.reason,
            func.coalesce(Activation.proposed_at, Activation.created_at),
            Activation.owner_told_at.is_not(None),
            Person.id,
            Person.email,
            Person.locale,
        )
        .join(
            EmergencyPlan,
            and_(
                EmergencyPlan.region_id == Activation.region_id,
                EmergencyPlan.id == Activation.plan_id,
            ),
        )
        .join(Person, Person.id == Activation.owner_id)
        .where(
            Activation.region_id == region_id,
            EmergencyPlan.region_id == region_id,
            Activation.state == State.PROPOSED,
            Person.active,
            due,
        )
        .order_by(Activation.id)
    )
    return [ToTell(*row) for row in found]


async def with_triggers(
    session: AsyncSession, region_id: int, quiet_since: datetime
) -> list[EmergencyPlan]:
    """Return the plans with a trigger that are neither open nor were decided about lately."""
    lately = (
        select(Activation.id)
        .where(
            Activation.region_id == region_id,
            Activation.region_id == EmergencyPlan.region_id,
            Activation.plan_id == EmergencyPlan.id,
            or_(Activation.state.in_(rules.OPEN), Activation.ended_at > quiet_since),
        )
        .exists()
    )
    found = await session.scalars(
        select(EmergencyPlan)
        .where(
            EmergencyPlan.region_id == region_id,
            ~EmergencyPlan.retired,
            or_(
                EmergencyPlan.open_work_percent.is_not(None), EmergencyPlan.area_faults.is_not(None)
            ),
            ~lately,
        )
        .order_by(EmergencyPlan.id)
    )
    return list(found)
