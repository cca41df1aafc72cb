"""Ways through the plant: from a place up to the exchange, and down to all that it carries (RE-01).

Recursive statements inside one region. A walk follows what a piece is part of and the directed
ties; it ends at MOST_STEPS pieces in a row and at MOST_ROWS found ones, and says so when it was
cut. What a service was recorded to lead over (its access path) is believed before any walk.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, Select, and_, func, literal, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from fieldops.customers.models import Customer
from fieldops.kernel.permissions import Scope
from fieldops.network import policy, rules
from fieldops.network.models import (
    NetworkConnection,
    NetworkFeature,
    NetworkService,
    PathElement,
)
from fieldops.network.rules import CONDUCTORS, FeatureKind, ServiceLife, Tie

MOST_STEPS = 32
MOST_ROWS = 50_000
MOST_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Step:
    """A piece of plant on a walk, `depth` pieces away from where it began."""

    depth: int
    feature: NetworkFeature


@dataclass(frozen=True, slots=True)
class Way:
    """What lies above a place, nearest first; `cut` when there is more than is shown."""

    steps: list[Step]
    cut: bool

    @property
    def reaches_exchange(self) -> bool:
        return any(step.feature.kind == FeatureKind.EXCHANGE for step in self.steps)


@dataclass(frozen=True, slots=True)
class Impact:
    """How many a failure of some plant would touch; at least so many when `cut`."""

    services: int
    customers: int
    premises: int
    tiers: dict[str, int]
    kinds: dict[str, int]
    cut: bool


async def above(session: AsyncSession, region_id: int, ids: Collection[UUID]) -> Way:
    """Return what some features hang on, up to the exchange, at most 500 pieces."""
    walk = _walk(region_id, ids, _upwards)
    reached = (
        select(walk.c.id, func.min(walk.c.depth).label("depth")).group_by(walk.c.id).subquery()
    )
    found = await session.execute(
        select(reached.c.depth, NetworkFeature)
        .join(NetworkFeature, NetworkFeature.id == reached.c.id)
        .where(NetworkFeature.region_id == region_id)
        .order_by(reached.c.depth, NetworkFeature.kind, NetworkFeature.id)
        .limit(MOST_SHOWN + 1)
    )
    steps = [Step(int(depth), feature) for depth, feature in found]
    deep = any(step.depth >= MOST_STEPS for step in steps)
    return Way(steps[:MOST_SHOWN], cut=deep or len(steps) > MOST_SHOWN)


async def path_of(
    session: AsyncSession, region_id: int, service_ids: Collection[UUID]
) -> dict[UUID, set[UUID]]:
    """Return what services use by the record: their access paths, and what they hold beside."""
    on_path = select(PathElement.service_id, PathElement.feature_id).where(
        PathElement.region_id == region_id, PathElement.service_id.in_(service_ids)
    )
    holding = select(NetworkFeature.service_id, NetworkFeature.id).where(
        NetworkFeature.region_id == region_id, NetworkFeature.service_id.in_(service_ids)
    )
    used: dict[UUID, set[UUID]] = {id_: set() for id_ in service_ids}
    rows: Any = await session.execute(union_all(on_path, holding))
    for service_id, feature_id in rows:
        used[service_id].add(feature_id)
    return used


def carried(scope: Scope, feature_id: UUID) -> Select[Any]:
    """Return the statement for the services in use that hang on a feature, in the scope, by id.

    With each the customer's segment and tier. The caller has read the feature in the scope.
    """
    region_id = scope.region_id
    shown: list[Any] = [
        NetworkService.id,
        NetworkService.version,
        NetworkService.kind,
        NetworkService.technology,
        NetworkService.state,
        NetworkService.account,
        NetworkService.centre_id,
        NetworkService.premises_id,
        NetworkService.customer_id,
        Customer.segment,
        Customer.tier,
    ]
    return (
        select(*shown)
        .join(Customer, Customer.id == NetworkService.customer_id)
        .where(
            Customer.region_id == region_id,
            NetworkService.region_id == region_id,
            policy.visible_services(scope),
            _hangs_on(region_id, [feature_id]),
        )
        .order_by(NetworkService.id)
    )


def services_below(region_id: int, ids: Collection[UUID]) -> Select[UUID]:
    """Return the statement for the services in use that hang on some features (FA-02)."""
    return select(NetworkService.id).where(
        NetworkService.region_id == region_id, _hangs_on(region_id, ids)
    )


async def above_services(
    session: AsyncSession, region_id: int, service_ids: Collection[UUID]
) -> set[UUID]:
    """Return all plant that some services hang on: what they use, and what that hangs on."""
    used = await path_of(session, region_id, service_ids)
    ids = set().union(*used.values())
    way = await above(session, region_id, ids)
    return ids | {step.feature.id for step in way.steps}


async def impact(session: AsyncSession, region_id: int, ids: Collection[UUID]) -> Impact:
    """Count the services in use, premises and customers that some features carry, by tier (FA-02).

    Whole region, whatever the centre: a failure does not end at a border of centres.
    """
    found = await session.execute(
        select(
            Customer.tier,
            NetworkService.kind,
            NetworkService.customer_id,
            NetworkService.premises_id,
        )
        .join(Customer, Customer.id == NetworkService.customer_id)
        .where(
            Customer.region_id == region_id,
            NetworkService.region_id == region_id,
            _hangs_on(region_id, ids),
        )
        .order_by(NetworkService.id)
    )
    rows = found.all()
    tiers: dict[str, set[UUID]] = {}
    kinds: dict[str, int] = {}
    for tier, kind, customer_id, _premises_id in rows:
        tiers.setdefault(tier, set()).add(customer_id)
        kinds[kind] = kinds.get(kind, 0) + 1
    return Impact(
        services=len(rows),
        customers=len({row.customer_id for row in rows}),
        premises=len({row.premises_id for row in rows}),
        tiers={tier: len(ids_) for tier, ids_ in sorted(tiers.items())},
        kinds=dict(sorted(kinds.items())),
        cut=await _is_cut(session, region_id, ids),
    )


async def _is_cut(session: AsyncSession, region_id: int, ids: Collection[UUID]) -> bool:
    walk = _walk(region_id, ids, _downwards)
    some = select(walk.c.depth).limit(MOST_ROWS).subquery()
    count, deepest = (await session.execute(select(func.count(), func.max(some.c.depth)))).one()
    return bool(count >= MOST_ROWS or (deepest or 0) >= MOST_STEPS)


def _hangs_on(region_id: int, ids: Collection[UUID]) -> ColumnElement[bool]:
    """Return the condition for services in use that lead over what lies below some features."""
    walk = _walk(region_id, ids, _downwards)
    below = select(walk.c.id).limit(MOST_ROWS).scalar_subquery()
    on_path = select(PathElement.service_id).where(
        PathElement.region_id == region_id, PathElement.feature_id.in_(below)
    )
    holding = select(NetworkFeature.service_id).where(
        NetworkFeature.region_id == region_id,
        NetworkFeature.id.in_(below),
        NetworkFeature.service_id.is_not(None),
    )
    return and_(
        NetworkService.state != ServiceLife.CEASED,
        or_(NetworkService.id.in_(on_path), NetworkService.id.in_(holding)),
    )


def _walk(region_id: int, ids: Collection[UUID], edges: Any) -> CTE:
    """Return the recursive table (id, depth) of what is reached from some features.

    Rows are kept once for each depth, so a ring costs MOST_STEPS rounds and never more.
    """
    start = select(NetworkFeature.id.label("id"), literal(0).label("depth")).where(
        NetworkFeature.region_id == region_id, NetworkFeature.id.in_(ids)
    )
    walk = start.cte("walk", recursive=True)
    ways = edges(region_id)
    return walk.union(
        select(ways.c.end, walk.c.depth + 1)
        .select_from(walk)
        .join(ways, ways.c.start == walk.c.id)
        .where(walk.c.depth < MOST_STEPS)
    )


def _upwards(region_id: int) -> Any:
    """Return the edges towards the exchange: the whole of a part, and where a tie comes from.

    From a drop the walk goes to its box and not into the pairs spliced to it: they may be those
    of a neighbour, and what a service uses says its own record.
    """
    part, start, end = (aliased(NetworkFeature) for _ in range(3))
    tie = NetworkConnection
    return union_all(
        select(part.id.label("start"), part.parent_id.label("end")).where(
            part.region_id == region_id, part.parent_id.is_not(None)
        ),
        select(tie.to_id, tie.from_id)
        .join(start, start.id == tie.from_id)
        .join(end, end.id == tie.to_id)
        .where(
            tie.region_id == region_id,
            start.region_id == region_id,
            end.region_id == region_id,
            ~_into_drop(start, end),
            tie.kind.in_([Tie.FEEDS, Tie.JUMPERED, Tie.SPLICED]),
        ),
    ).subquery("ways")


def _into_drop(start: Any, end: Any) -> ColumnElement[bool]:
    return and_(start.kind.in_(sorted(rules.STATEFUL)), end.kind == FeatureKind.DROP)


def _downwards(region_id: int) -> Any:
    """Return the edges away from the exchange, as far as they say who is carried.

    A cable whose pairs or fibres are recorded carries what hangs on these, not all that the box
    at its end serves. A pair is not followed into a drop: another pair may lead over the same
    drop, and who is on the pair says its own record. A duct carries the cables in it.
    """
    part, start, end = (aliased(NetworkFeature) for _ in range(3))
    conductor = aliased(NetworkFeature)
    tie, inside = aliased(NetworkConnection), aliased(NetworkConnection)
    with_conductors = (
        select(conductor.id)
        .where(
            conductor.region_id == region_id,
            conductor.parent_id == start.id,
            conductor.kind.in_(sorted(CONDUCTORS)),
        )
        .exists()
    )
    return union_all(
        select(part.parent_id.label("start"), part.id.label("end")).where(
            part.region_id == region_id, part.parent_id.is_not(None)
        ),
        select(tie.from_id, tie.to_id)
        .join(start, start.id == tie.from_id)
        .join(end, end.id == tie.to_id)
        .where(
            tie.region_id == region_id,
            start.region_id == region_id,
            end.region_id == region_id,
            ~_into_drop(start, end),
            or_(
                tie.kind.in_([Tie.JUMPERED, Tie.CARRIES]),
                and_(tie.kind.in_([Tie.FEEDS, Tie.SPLICED]), ~with_conductors),
            ),
        ),
        select(inside.to_id, inside.from_id).where(
            inside.region_id == region_id, inside.kind == Tie.RUNS_IN
        ),
    ).subquery("ways")


async def traces(
    session: AsyncSession, region_id: int, rows: Iterable[NetworkService]
) -> dict[UUID, Way]:
    """Return the way of each service up to the exchange: its recorded path and all above it."""
    used = await path_of(session, region_id, [row.id for row in rows])
    return {
        id_: await above(session, region_id, ids) if ids else Way([], cut=False)
        for id_, ids in used.items()
    }
