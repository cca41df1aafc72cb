"""Reads of upkeep: what is due, how fresh the record is, what spot checks found."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    Text,
    and_,
    cast,
    func,
    literal,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.checklists.models import Checklist, Template, TemplateVersion
from fieldops.kernel.audit import Audit
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one, lock_one
from fieldops.measurements.models import LineTest
from fieldops.network import policy as network
from fieldops.network.errors import TooManyFeatures
from fieldops.network.models import Finding, NetworkFeature, NetworkService, PathElement
from fieldops.network.rules import FeatureKind, FindingState, ServiceLife
from fieldops.orders.models import WorkOrder
from fieldops.orders.rules import OPEN, Department, Kind
from fieldops.upkeep import policy
from fieldops.upkeep.models import PatrolPlan, Round, SpotCheck, SpotCheckItem
from fieldops.upkeep.rules import Result
from fieldops.visits.models import VisitWork

MOST_POPULATION = 20_000
F = NetworkFeature


@dataclass(frozen=True, slots=True)
class Stop:
    """A point of a round with the findings of its visit and the cable work open at it."""

    position: int
    feature_id: UUID
    kind: str
    name: str
    finding_ids: list[UUID]
    work_order_ids: list[UUID]


class Due:
    """The columns of a due list: when last done, when due, whether it is overdue."""

    def __init__(self, last: Any, every: Any, zone: ZoneInfo, today: date) -> None:
        """Take the time it was last done, the days between, and the region's present day."""
        done_on = cast(func.timezone(zone.key, last), Date)
        every_days = cast(every, Integer)
        self.last, self.every = last, every_days
        self.due_on: ColumnElement[Any] = type_coerce(done_on.op("+")(every_days), Date)
        self.overdue = or_(last.is_(None), self.due_on < today)
        self._today = today

    @property
    def columns(self) -> list[Any]:
        return [
            self.every.label("every_days"),
            self.last.label("last_done_at"),
            self.due_on.label("due_on"),
            self.overdue.label("overdue"),
        ]

    def narrowed(
        self,
        statement: Select[Any],
        *,
        overdue: bool | None,
        within: int | None,
    ) -> Select[Any]:
        """Return a list of only what is overdue or not, or due within so many days."""
        if overdue is not None:
            statement = statement.where(self.overdue if overdue else ~self.overdue)
        if within is not None:
            soon = self.due_on <= self._today + timedelta(days=within)
            statement = statement.where(or_(self.last.is_(None), soon))
        return statement


def _last_done(scope: Scope, *about: ColumnElement[bool]) -> Any:
    return (
        select(func.max(Round.done_at))
        .where(Round.region_id == scope.region_id, *about)
        .scalar_subquery()
    )


def _open_work(scope: Scope, *about: ColumnElement[bool]) -> Any:
    return (
        select(Round.work_order_id)
        .where(Round.region_id == scope.region_id, Round.closed_at.is_(None), *about)
        .limit(1)
        .scalar_subquery()
        .label("open_work_order_id")
    )


def inspections(
    scope: Scope,
    every: float,
    zone: ZoneInfo,
    today: date,
    *,
    centre_id: UUID | None = None,
    overdue: bool | None = None,
    within: int | None = None,
) -> Select[Any]:
    """Return the statement for the cabling of buildings with its last inspection, by id (CH-04)."""
    about = Round.feature_id == F.id
    due = Due(_last_done(scope, about), int(every), zone, today)
    found = (
        select(F.id, F.centre_id, F.name, *due.columns, _open_work(scope, about))
        .where(network.visible_features(scope), F.kind == FeatureKind.BUILDING_CABLING.value)
        .order_by(F.id)
    )
    if centre_id is not None:
        found = found.where(F.centre_id == centre_id)
    return due.narrowed(found, overdue=overdue, within=within)


def plans(
    scope: Scope,
    zone: ZoneInfo,
    today: date,
    *,
    centre_id: UUID | None = None,
    active: bool = True,
    overdue: bool | None = None,
    within: int | None = None,
) -> Select[Any]:
    """Return the statement for patrol plans with their last patrol, by id (VI-06)."""
    about = Round.plan_id == PatrolPlan.id
    due = Due(_last_done(scope, about), PatrolPlan.every_days, zone, today)
    columns: list[Any] = [
        PatrolPlan.id,
        PatrolPlan.version,
        PatrolPlan.centre_id,
        PatrolPlan.name,
        PatrolPlan.feature_ids,
        PatrolPlan.active,
    ]
    found = (
        select(*columns, *due.columns, _open_work(scope, about))
        .where(policy.visible(scope, PatrolPlan), PatrolPlan.active == active)
        .order_by(PatrolPlan.id)
    )
    if centre_id is not None:
        found = found.where(PatrolPlan.centre_id == centre_id)
    return due.narrowed(found, overdue=overdue, within=within)


def rounds(
    scope: Scope,
    *,
    kind: str | None = None,
    plan_id: UUID | None = None,
    feature_id: UUID | None = None,
    done: bool | None = None,
) -> Select[Any]:
    """Return the statement for rounds with the number of findings on their visits, by id."""
    findings = (
        select(func.count(Finding.id))
        .join(
            VisitWork,
            and_(VisitWork.region_id == Finding.region_id, VisitWork.visit_id == Finding.visit_id),
        )
        .where(
            Finding.region_id == scope.region_id,
            VisitWork.region_id == scope.region_id,
            VisitWork.work_order_id == Round.work_order_id,
        )
        .scalar_subquery()
        .label("findings")
    )
    found = (
        select(*_columns(Round), findings).where(policy.visible(scope, Round)).order_by(Round.id)
    )
    for column, value in (
        (Round.kind, kind),
        (Round.plan_id, plan_id),
        (Round.feature_id, feature_id),
    ):
        if value is not None:
            found = found.where(column == value)
    if done is not None:
        found = found.where(Round.done_at.is_not(None) if done else Round.done_at.is_(None))
    return found


def _columns(model: Any, *without: str) -> list[Any]:
    left = {"region_id", "created_at", "updated_at", *without}
    return [column for column in model.__table__.c if column.name not in left]


async def lock_plan(session: AsyncSession, scope: Scope, plan_id: UUID) -> PatrolPlan:
    """Return a patrol plan of the scope locked for a change; raises NotFound."""
    return await lock_one(
        session,
        select(PatrolPlan).where(policy.visible(scope, PatrolPlan), PatrolPlan.id == plan_id),
        "patrol plan",
    )


async def open_rounds_of(
    session: AsyncSession, region_id: int, work_order_ids: Sequence[UUID]
) -> list[Round]:
    """Return the rounds of work orders that are open, locked, by id."""
    found = await session.scalars(
        select(Round)
        .where(
            Round.region_id == region_id,
            Round.work_order_id.in_(work_order_ids),
            Round.closed_at.is_(None),
        )
        .order_by(Round.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found)


async def done_on(session: AsyncSession, region_id: int, visit_id: UUID) -> list[UUID]:
    """Return the work orders that a visit completed."""
    found = await session.scalars(
        select(VisitWork.work_order_id).where(
            VisitWork.region_id == region_id,
            VisitWork.visit_id == visit_id,
            VisitWork.outcome == "completed",
        )
    )
    return list(found)


async def inspected(
    session: AsyncSession, region_id: int, visit_id: UUID, work_order_id: UUID
) -> bool:
    """Return whether work on a visit had a checklist for inspecting (CH-04)."""
    found = await session.scalar(
        select(Checklist.id)
        .join(TemplateVersion, TemplateVersion.id == Checklist.template_version_id)
        .join(Template, Template.id == TemplateVersion.template_id)
        .where(
            Checklist.region_id == region_id,
            Checklist.visit_id == visit_id,
            Checklist.work_order_id == work_order_id,
            Template.kind == Kind.INSPECT.value,
        )
    )
    return found is not None


async def population(
    session: AsyncSession, scope: Scope, centre_id: UUID, kinds: Sequence[str]
) -> list[NetworkFeature]:
    """Return a centre's plant of some kinds by id, at most 20,000; raises TooManyFeatures."""
    found = await session.scalars(
        select(F)
        .where(network.visible_features(scope), F.centre_id == centre_id, F.kind.in_(sorted(kinds)))
        .order_by(F.id)
        .limit(MOST_POPULATION + 1)
    )
    rows = list(found)
    if len(rows) > MOST_POPULATION:
        raise TooManyFeatures(limit=MOST_POPULATION)
    return rows


def checks(scope: Scope, centre_id: UUID | None = None) -> Select[Any]:
    """Return the statement for spot checks with their results, by id (RE-06)."""

    def counted(*conditions: ColumnElement[bool]) -> Any:
        return (
            select(func.count(SpotCheckItem.id))
            .where(
                SpotCheckItem.region_id == scope.region_id,
                SpotCheckItem.check_id == SpotCheck.id,
                *conditions,
            )
            .scalar_subquery()
        )

    seen = counted(SpotCheckItem.result.is_not(None))
    matching = counted(SpotCheckItem.result == Result.MATCHES.value)
    found = (
        select(
            *_columns(SpotCheck, "population", "version"),
            func.jsonb_array_length(SpotCheck.population).label("population"),
            counted().label("drawn"),
            seen.label("seen"),
            matching.label("matching"),
            (100.0 * matching / func.nullif(seen, 0)).label("accuracy"),
        )
        .where(policy.visible(scope, SpotCheck))
        .order_by(SpotCheck.id)
    )
    return found if centre_id is None else found.where(SpotCheck.centre_id == centre_id)


def items(
    scope: Scope,
    *,
    check_id: UUID | None = None,
    technician_id: UUID | None = None,
    feature_id: UUID | None = None,
    result: str | None = None,
    seen: bool | None = None,
) -> Select[SpotCheckItem]:
    """Return the statement for drawn plant with what was found, by id (RE-06)."""
    found = select(SpotCheckItem).where(policy.visible_items(scope)).order_by(SpotCheckItem.id)
    for column, value in (
        (SpotCheckItem.check_id, check_id),
        (SpotCheckItem.technician_id, technician_id),
        (SpotCheckItem.feature_id, feature_id),
        (SpotCheckItem.result, result),
    ):
        if value is not None:
            found = found.where(column == value)
    if seen is None:
        return found
    looked = SpotCheckItem.result.is_not(None)
    return found.where(looked if seen else ~looked)


async def lock_items(
    session: AsyncSession, scope: Scope, check_id: UUID, ids: Sequence[UUID] | None
) -> list[SpotCheckItem]:
    """Return drawn plant of a check that nobody has looked at yet, locked; all of it without ids.

    Raises NotFound for a check outside the scope.
    """
    known = await session.scalar(
        select(SpotCheck.id).where(policy.visible(scope, SpotCheck), SpotCheck.id == check_id)
    )
    if known is None:
        raise NotFound(thing="spot check")
    statement = items(scope, check_id=check_id, seen=False)
    if ids is not None:
        statement = statement.where(SpotCheckItem.id.in_(ids))
    found = await session.scalars(
        statement.with_for_update().execution_options(populate_existing=True)
    )
    return list(found)


async def lock_item(session: AsyncSession, region_id: int, item_id: UUID) -> SpotCheckItem:
    """Return drawn plant of the region locked for a result; raises NotFound."""
    return await lock_one(
        session,
        select(SpotCheckItem).where(
            SpotCheckItem.region_id == region_id, SpotCheckItem.id == item_id
        ),
        "piece of plant to check",
    )


def _seen(scope: Scope) -> Any:
    """Return when a person last saw a feature on site: whatever of it was captured or found."""
    region = scope.region_id

    def newest(column: Any, *conditions: ColumnElement[bool]) -> Any:
        return select(func.max(column)).where(*conditions).scalar_subquery()

    return func.greatest(
        newest(
            Audit.captured_at,
            Audit.region_id == region,
            Audit.entity == NetworkFeature.__tablename__,
            Audit.entity_id == F.id,
        ),
        newest(Finding.captured_at, Finding.region_id == region, Finding.feature_id == F.id),
        newest(LineTest.estimated_at, LineTest.region_id == region, LineTest.feature_id == F.id),
        newest(
            SpotCheckItem.seen_at,
            SpotCheckItem.region_id == region,
            SpotCheckItem.feature_id == F.id,
        ),
        newest(
            Round.done_at,
            Round.region_id == region,
            Round.done_at.is_not(None),
            Round.feature_ids.op("?")(cast(F.id, Text)),
        ),
    )


def freshness(
    scope: Scope,
    *,
    centre_id: UUID | None = None,
    kind: str | None = None,
    not_since: datetime | None = None,
    mismatched: bool | None = None,
) -> Select[Any]:
    """Return the statement for plant with when it was last seen, by id (RE-06).

    It reads a subquery, so that it can be sorted by what is worked out. `not_since`: only what
    nobody has seen since that moment.
    """
    region = scope.region_id
    seen = _seen(scope)
    wrong = (
        select(func.count(SpotCheckItem.id))
        .where(
            SpotCheckItem.region_id == region,
            SpotCheckItem.feature_id == F.id,
            SpotCheckItem.result.in_([Result.DIFFERS.value, Result.NOT_THERE.value]),
        )
        .scalar_subquery()
    )
    open_findings = (
        select(func.count(Finding.id))
        .where(
            Finding.region_id == region,
            Finding.feature_id == F.id,
            Finding.state == FindingState.OPEN.value,
        )
        .scalar_subquery()
    )
    plant = select(
        F.id,
        F.centre_id,
        F.kind,
        F.name,
        seen.label("last_seen_at"),
        wrong.label("mismatches"),
        open_findings.label("open_findings"),
    ).where(network.visible_features(scope))
    if centre_id is not None:
        plant = plant.where(F.centre_id == centre_id)
    if kind is not None:
        plant = plant.where(F.kind == kind)
    listed = plant.subquery("plant")
    found = select(listed).order_by(listed.c.id)
    if not_since is not None:
        last = listed.c.last_seen_at
        found = found.where(or_(last.is_(None), last < not_since))
    if mismatched is not None:
        wrongs = listed.c.mismatches
        found = found.where(wrongs > 0 if mismatched else wrongs == 0)
    return found


async def stops(session: AsyncSession, scope: Scope, round_id: UUID) -> list[Stop]:
    """Return the points of a round in the order of the way, with what was found there (VI-06).

    Raises NotFound outside the scope.
    """
    mine = select(Round).where(policy.visible(scope, Round), Round.id == round_id)
    row = await find_one(session, mine, "round")
    ids = [UUID(one) for one in row.feature_ids]
    region = scope.region_id
    plant = {
        feature.id: feature
        for feature in await session.scalars(select(F).where(F.region_id == region, F.id.in_(ids)))
    }
    found: dict[UUID | None, list[UUID]] = defaultdict(list)
    for id_, feature_id in await session.execute(
        select(Finding.id, Finding.feature_id)
        .join(
            VisitWork,
            and_(VisitWork.region_id == Finding.region_id, VisitWork.visit_id == Finding.visit_id),
        )
        .where(
            Finding.region_id == region,
            VisitWork.region_id == region,
            VisitWork.work_order_id == row.work_order_id,
            Finding.feature_id.in_(ids),
        )
        .order_by(Finding.id)
    ):
        found[feature_id].append(id_)
    work: dict[UUID | None, list[UUID]] = defaultdict(list)
    for id_, feature_id in await session.execute(
        select(WorkOrder.id, WorkOrder.feature_id)
        .where(
            WorkOrder.region_id == region,
            WorkOrder.feature_id.in_(ids),
            WorkOrder.department == Department.CABLE.value,
            WorkOrder.state.in_(OPEN),
        )
        .order_by(WorkOrder.id)
    ):
        work[feature_id].append(id_)
    return [
        Stop(
            number,
            id_,
            plant[id_].kind,
            plant[id_].name,
            finding_ids=found[id_],
            work_order_ids=work[id_],
        )
        for number, id_ in enumerate(ids, start=1)
        if id_ in plant
    ]


async def summary(
    session: AsyncSession, scope: Scope, since: datetime, centre_id: UUID | None, kind: str | None
) -> tuple[int, int, int, int, int, int]:
    """Return counts: features, fresh; checked, matching; services in use, with their way."""
    of_centre = [] if centre_id is None else [F.centre_id == centre_id]
    of_kind = [] if kind is None else [F.kind == kind]
    plant = select(F.id, _seen(scope).label("seen")).where(
        network.visible_features(scope), *of_centre, *of_kind
    )
    listed = plant.subquery("plant")
    features = (
        await session.execute(
            select(func.count(), func.count().filter(listed.c.seen >= since)).select_from(listed)
        )
    ).one()
    matching = SpotCheckItem.result == Result.MATCHES.value
    checked = (
        await session.execute(
            select(func.count(), func.count().filter(matching))
            .select_from(SpotCheckItem)
            .join(F, and_(F.region_id == scope.region_id, F.id == SpotCheckItem.feature_id))
            .where(
                SpotCheckItem.region_id == scope.region_id,
                network.visible_features(scope),
                SpotCheckItem.result.is_not(None),
                *of_centre,
                *of_kind,
            )
        )
    ).one()
    service = NetworkService
    way = (
        select(literal(1))
        .where(PathElement.region_id == scope.region_id, PathElement.service_id == service.id)
        .exists()
    )
    lines = select(func.count(), func.count().filter(way)).where(
        network.visible_services(scope), service.state != ServiceLife.CEASED.value
    )
    if centre_id is not None:
        lines = lines.where(service.centre_id == centre_id)
    services = (await session.execute(lines.select_from(service))).one()
    return (*map(int, features), *map(int, checked), *map(int, services))  # type: ignore[return-value]
