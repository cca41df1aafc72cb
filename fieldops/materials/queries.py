"""Reads of materials: the catalogue, stocks, movements, and what is summed of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Double,
    Integer,
    Numeric,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    case,
    cast,
    func,
    or_,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.checklists.models import Answer
from fieldops.customers.models import Customer
from fieldops.kernel.direct import given, once
from fieldops.kernel.errors import NotFound
from fieldops.kernel.gathering import gathered, hanging_on, row_of
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import lock_one
from fieldops.kernel.rows import Reading, objects_with, reading, tuples
from fieldops.materials import policy, rules
from fieldops.materials.models import Material, MaterialMovement, MaterialStock
from fieldops.materials.rules import Movement
from fieldops.organisation.models import Technician
from fieldops.visits import policy as visible_visits
from fieldops.visits import queries as visits
from fieldops.visits.models import Visit

M = MaterialMovement


def materials(region_id: int, *, use: str | None = None, active: bool | None = None) -> Select[Any]:
    """Return the statement for a region's catalogue, by id."""
    found = select(Material).where(Material.region_id == region_id).order_by(Material.id)
    if use is not None:
        found = found.where(Material.use == use)
    return found if active is None else found.where(Material.active == active)


async def codes(session: AsyncSession, region_id: int) -> set[str]:
    """Return the codes of a region's catalogue, those out of use too."""
    found = await session.scalars(select(Material.code).where(Material.region_id == region_id))
    return set(found)


async def material(session: AsyncSession, region_id: int, material_id: UUID) -> Material:
    """Return a material of the region; raises NotFound."""
    found = await row_of(session, Material, region_id, material_id, argument="material_id")
    if found is None:
        raise NotFound(thing="material")
    return found


async def lock_material(session: AsyncSession, region_id: int, material_id: UUID) -> Material:
    """Return a material locked for a change; raises NotFound."""
    return await lock_one(
        session, materials(region_id).where(Material.id == material_id), "material"
    )


async def one_at_a_time(session: AsyncSession, region_id: int, technician_id: UUID) -> None:
    """Let one transaction after the other change a technician's stocks, the first one too."""
    known = gathered(session).facts
    if (one_at_a_time, technician_id) not in known:
        of = {"region_id": region_id, "technician_id": technician_id}
        known[one_at_a_time, technician_id] = await tuples(session, once(_turn), of)


def _turn() -> Select[UUID]:
    return (
        select(Technician.id)
        .where(
            Technician.region_id == given("region_id", Integer()),
            Technician.id == given("technician_id", Uuid()),
        )
        .with_for_update(key_share=True)
    )


class Standing(NamedTuple):
    """A stock, None before its first movement, and when the newest movement took place."""

    stock: MaterialStock | None
    newest: datetime | None


async def standing(
    session: AsyncSession, region_id: int, technician_id: UUID, material_id: UUID
) -> Standing:
    """Return how a technician's stock of a material stands, for those whose turn it is.

    It is read once, together with the other materials that the commands name.
    """
    known = gathered(session)
    key = (standing, technician_id)
    if (*key, material_id) not in known.facts:
        ids = known.together("material_id", material_id)
        ids = [id_ for id_ in ids if (*key, id_) not in known.facts]
        known.facts |= {(*key, id_): Standing(None, None) for id_ in ids}
        of = {"region_id": region_id, "technician_id": technician_id, "material_ids": ids}
        found = await tuples(session, _stocks().statement, of)
        for row, (newest,) in objects_with(session, _stocks(), found):
            known.facts[*key, row.material_id] = Standing(row, newest)
    stock, newest = known.facts[*key, material_id]
    mine = (technician_id, material_id)
    made = [
        [row for row in known.added[model] if (row.technician_id, row.material_id) == mine]
        for model in (MaterialStock, M)
    ]
    times = [row.estimated_at for row in made[1]] + [newest] * (newest is not None)
    return Standing(stock or next(iter(made[0]), None), max(times, default=None))


@lru_cache(maxsize=1)
def _stocks() -> Reading:
    region_id = given("region_id", Integer())
    newest = select(func.max(M.estimated_at)).where(
        M.region_id == region_id,
        M.technician_id == MaterialStock.technician_id,
        M.material_id == MaterialStock.material_id,
    )
    rows = select(MaterialStock).where(
        MaterialStock.region_id == region_id,
        MaterialStock.technician_id == given("technician_id", Uuid()),
        MaterialStock.material_id == any_(given("material_ids", ARRAY(Uuid()))),
    )
    return reading(MaterialStock, rows, newest.scalar_subquery(), anew=True)


def _rounded(summed: Any) -> ColumnElement[float]:
    return cast(func.round(cast(func.coalesce(summed, 0), Numeric), rules.DECIMALS), Double)


async def balance(
    session: AsyncSession,
    region_id: int,
    technician_id: UUID,
    material_id: UUID,
    until: datetime | None = None,
) -> tuple[float, datetime | None]:
    """Return what a technician should have, and when it was last counted.

    It is the last count with all that happened after it, by when it happened and not by when it
    arrived: a use captured before a count and sent after it is in the count already. `until`:
    as it was at a moment.
    """
    of_stock = [
        M.region_id == region_id,
        M.technician_id == technician_id,
        M.material_id == material_id,
    ]
    if until is not None:
        of_stock.append(M.estimated_at <= until)
    counted = (
        await session.execute(
            select(M.id, M.estimated_at, M.quantity)
            .where(*of_stock, M.kind == Movement.COUNT.value)
            .order_by(M.estimated_at.desc(), M.id.desc())
            .limit(1)
        )
    ).first()
    since = [] if counted is None else [tuple_(M.estimated_at, M.id) > (counted[1], counted[0])]
    signed = case(
        *((M.kind == kind.value, sign * M.quantity) for kind, sign in rules.SIGN.items()), else_=0
    )
    moved = await session.scalar(select(_rounded(func.sum(signed))).where(*of_stock, *since))
    begun = 0.0 if counted is None else float(counted[2])
    return round(begun + float(moved or 0), rules.DECIMALS), None if counted is None else counted[1]


async def used_on(
    session: AsyncSession, region_id: int, visit_id: UUID, material_id: UUID
) -> float:
    """Return how many of a material a visit has used by all its technicians, corrected."""
    rows = await hanging_on(session, M.visit_id, region_id, [visit_id])
    used = {Movement.USE.value, Movement.CORRECTION.value}
    found = (row.quantity for row in rows if row.material_id == material_id and row.kind in used)
    return round(float(sum(found)), rules.DECIMALS)


async def setting(session: AsyncSession, visit: Visit) -> tuple[frozenset[str], str]:
    """Return the kinds of work of a visit and its customer's tier, on which limits depend."""
    work = await visits.visit_work(session, visit.region_id, visit.id)
    customer = None
    if visit.customer_id is not None:
        customer = await row_of(session, Customer, visit.region_id, visit.customer_id)
    return frozenset(row.kind for _, row in work), customer.tier if customer else ""


async def lock_unsigned(
    session: AsyncSession, region_id: int, visit_id: UUID
) -> Sequence[tuple[MaterialMovement, Material]]:
    """Return a visit's uses of gifts that nobody signed for or refused to, locked, by id."""
    found = await session.execute(
        select(M, Material)
        .join(Material, and_(Material.region_id == M.region_id, Material.id == M.material_id))
        .where(
            M.region_id == region_id,
            Material.region_id == region_id,
            M.visit_id == visit_id,
            M.kind == Movement.USE.value,
            Material.use == rules.Use.GIFT.value,
            M.signature_sha256.is_(None),
            M.signature_refused_reason.is_(None),
        )
        .order_by(M.id)
        .with_for_update(of=M)
        .execution_options(populate_existing=True)
    )
    return [(row[0], row[1]) for row in found]


async def lock_movement(session: AsyncSession, scope: Scope, movement_id: UUID) -> MaterialMovement:
    """Return a movement of the scope locked for a change; raises NotFound."""
    return await lock_one(
        session, select(M).where(policy.visible(scope, M), M.id == movement_id), "movement"
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list of stocks or movements is narrowed to; None: not narrowed."""

    technician_id: UUID | None = None
    centre_id: UUID | None = None
    firm_id: UUID | None = None
    material_id: UUID | None = None
    use: str | None = None


def _listed(model: Any, scope: Scope, asked: Asked, *columns: Any) -> Select[Any]:
    wanted: list[Any] = [*columns, Technician.name.label("technician_name"), Technician.firm_id]
    wanted += [Material.code, Material.name_zh, Material.name_en, Material.unit]
    found = (
        select(*wanted)
        .select_from(model)
        .join(
            Technician,
            and_(Technician.region_id == model.region_id, Technician.id == model.technician_id),
        )
        .join(
            Material, and_(Material.region_id == model.region_id, Material.id == model.material_id)
        )
        .where(
            policy.visible(scope, model),
            Technician.region_id == scope.region_id,
            Material.region_id == scope.region_id,
        )
        .order_by(model.id)
    )
    for column, value in (
        (model.technician_id, asked.technician_id),
        (model.centre_id, asked.centre_id),
        (Technician.firm_id, asked.firm_id),
        (model.material_id, asked.material_id),
        (Material.use, asked.use),
    ):
        if value is not None:
            found = found.where(column == value)
    return found


def stocks(scope: Scope, asked: Asked, *, negative: bool | None = None) -> Select[Any]:
    """Return the statement for what technicians should have, one row each, by id."""
    stock = MaterialStock
    found = _listed(
        stock,
        scope,
        asked,
        stock.id,
        stock.technician_id,
        stock.centre_id,
        stock.material_id,
        stock.balance,
        stock.counted_at,
    )
    if negative is None:
        return found
    return found.where(stock.balance < 0 if negative else stock.balance >= 0)


def movements(
    scope: Scope,
    asked: Asked,
    *,
    visit_id: UUID | None = None,
    kind: str | None = None,
    beyond: bool | None = None,
    undecided: bool | None = None,
    unsigned: bool | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Select[Any]:
    """Return the statement for movements, one row each, by id; `until` is the first moment after.

    `beyond`: uses beyond a limit; `undecided`: those nobody has decided about; `unsigned`: gifts
    without the customer's signature.
    """
    columns = [c for c in M.__table__.c if c.name not in {"region_id", "created_at", "updated_at"}]
    found = _listed(M, scope, asked, *columns, Material.use)
    conditions: list[ColumnElement[bool]] = []
    if visit_id is not None:
        conditions.append(M.visit_id == visit_id)
    if kind is not None:
        conditions.append(M.kind == kind)
    if beyond is not None:
        conditions.append(M.allowed.is_not(None) if beyond else M.allowed.is_(None))
    if undecided is not None:
        is_open = and_(M.allowed.is_not(None), M.accepted.is_(None))
        conditions.append(
            is_open if undecided else or_(M.allowed.is_(None), M.accepted.is_not(None))
        )
    if unsigned:
        gift = and_(Material.use == rules.Use.GIFT.value, M.kind == Movement.USE.value)
        conditions += [gift, M.signature_sha256.is_(None)]
    if since is not None:
        conditions.append(M.estimated_at >= since)
    if until is not None:
        conditions.append(M.estimated_at < until)
    return found.where(*conditions)


def differences(scope: Scope, since: datetime, until: datetime | None = None) -> Select[Any]:
    """Return the statement for ended visits whose lists say other free materials than the record.

    `said`: how many the lists name (the number asked for after `free_materials`), `recorded`: how
    many gifts were used there, corrections included; `said_beyond` and `recorded_beyond`: whether
    it was more than the rules allow. Visits whose lists do not ask for free materials have none.
    """
    of_visit = and_(
        Answer.region_id == Visit.region_id,
        Answer.region_id == scope.region_id,
        Answer.visit_id == Visit.id,
        Answer.superseded.is_(False),
    )
    number = case(
        (func.jsonb_typeof(Answer.value) == "number", cast(cast(Answer.value, Text), Double)),
        else_=0.0,
    )
    asked = select(Answer.id).where(of_visit, Answer.item_key == rules.FREE_MATERIALS)
    gifts = (
        select(_rounded(func.sum(M.quantity)))
        .join(Material, and_(Material.region_id == M.region_id, Material.id == M.material_id))
        .where(
            M.region_id == Visit.region_id,
            M.region_id == scope.region_id,
            Material.region_id == scope.region_id,
            Material.use == rules.Use.GIFT.value,
            M.visit_id == Visit.id,
            M.kind.in_([Movement.USE.value, Movement.CORRECTION.value]),
        )
        .correlate(Visit)
    )
    above = asked.where(cast(Answer.value, Text) == f'"{rules.ABOVE_RULES}"')
    none = asked.where(cast(Answer.value, Text) == f'"{rules.NO_MATERIALS}"')
    counted = select(_rounded(func.sum(number))).where(
        of_visit, Answer.item_key == rules.FREE_MATERIALS_NUMBER
    )
    said = case((none.exists(), 0.0), else_=counted.scalar_subquery())
    recorded = gifts.scalar_subquery()
    passed = gifts.with_only_columns(M.id).where(M.allowed.is_not(None))
    differ = or_(said != recorded, above.exists() != passed.exists())
    found = (
        select(
            Visit.id.label("id"),
            Visit.id.label("visit_id"),
            Visit.centre_id.label("centre_id"),
            Visit.ended_at.label("ended_at"),
            said.label("said"),
            recorded.label("recorded"),
            above.exists().label("said_beyond"),
            passed.exists().label("recorded_beyond"),
        )
        .where(
            visible_visits.visible(scope),
            Visit.region_id == scope.region_id,
            Visit.ended_at >= since,
            asked.exists(),
            differ,
        )
        .order_by(Visit.id)
    )
    return found if until is None else found.where(Visit.ended_at < until)
