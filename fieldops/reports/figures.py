"""Any indicator, cut by whatever KP-02 names, with its records: one reading of the facts."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, Date, Select, String, and_, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.models import Customer
from fieldops.kernel.errors import NotFound
from fieldops.kernel.ids import NIL
from fieldops.kernel.paging import sorted_after
from fieldops.kernel.permissions import Scope
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Technician, Unit
from fieldops.reports import closing, facts, months, queries, rollups
from fieldops.reports.asked import local_date
from fieldops.reports.models import ClosedMonth
from fieldops.reports.months import Aims
from fieldops.reports.queries import Places
from fieldops.reports.registry import REGISTRY, Indicator, Sum, Weights, met
from fieldops.reports.registry import Unit as Measure
from fieldops.reports.rollups import Days
from fieldops.reports.rules import Period, Staff
from fieldops.reports.schemas import ClosedFigure, Figure, FigureRow, Figures

Key = tuple[str | None, date | None]  # group, first day of the period


class Group(StrEnum):
    """What the figures of an indicator are told apart by, beside the time."""

    NONE = "none"
    CENTRE = "centre"
    STAFF = "staff"
    FIRM = "firm"
    TECHNICIAN = "technician"
    SERVICE = "service"
    TIER = "tier"


@dataclass(frozen=True, slots=True)
class Question:
    """Which indicator over which local days, both included, and of whose and what work."""

    name: str
    first: date
    last: date
    centre_id: UUID | None = None
    technician_id: UUID | None = None
    firm_id: UUID | None = None
    staff: Staff | None = None
    service: str | None = None
    tier: str | None = None

    @property
    def indicator(self) -> Indicator:
        """Return what is asked about; raises NotFound for an unknown name."""
        found = REGISTRY.get(self.name)
        if found is None:
            raise NotFound(thing="indicator")
        return found


async def cut_of(
    session: AsyncSession, scope: Scope, question: Question
) -> tuple[Places, queries.Cut]:
    """Return a question's places and cut.

    Raises NotFound for an indicator, centre, firm or technician that is not there for the scope.
    """
    known = await queries.places(session, scope.region_id)
    cut = queries.cut_for(
        known,
        scope,
        question.first,
        question.last,
        centre_id=question.centre_id,
        firm_id=question.firm_id,
    )
    if question.technician_id is not None:
        await organisation.technician_in(session, scope, question.technician_id)
    return known, cut


async def facts_of(session: AsyncSession, scope: Scope, question: Question, now: datetime) -> Any:
    """Return a question's records as a table with firm, tier and local day."""
    name = question.indicator.name
    known, cut = await cut_of(session, scope, question)
    days = Days(question.first, question.last)
    of = await rollups.asked(session, scope.region_id, known, days, now, cut.centre_ids)
    fact = facts.STATEMENTS[name](of).subquery("fact")
    columns: dict[str, Any] = {column.name: column for column in fact.c}
    columns["centre_id"] = func.nullif(fact.c.centre_id, NIL).label("centre_id")
    statement = (
        select(
            *columns.values(),
            Technician.firm_id,
            Customer.tier,
            local_date(of, fact.c.at).label("day"),
        )
        .select_from(fact)
        .outerjoin(
            Technician,
            and_(Technician.region_id == scope.region_id, Technician.id == fact.c.technician_id),
        )
        .outerjoin(
            Customer, and_(Customer.region_id == scope.region_id, Customer.id == fact.c.customer_id)
        )
        .where(*_only(question, fact, Customer.tier, Technician.firm_id, cut.firm_id))
    )
    return statement.subquery("record")


def _only(
    question: Question, table: Any, tier: Any, firm: Any, firm_id: UUID | None
) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if question.technician_id is not None:
        wanted.append(table.c.technician_id == question.technician_id)
    if firm_id is not None:
        wanted.append(firm == firm_id)
    if question.staff is Staff.OWN:
        wanted += [table.c.technician_id.is_not(None), firm.is_(None)]
    if question.staff is Staff.CONTRACTOR:
        wanted.append(firm.is_not(None))
    if question.service is not None:
        wanted.append(table.c.service == question.service)
    if question.tier is not None:
        wanted.append(tier == question.tier)
    return wanted


def _group(table: Any, group: Group) -> Any:
    staff = case(
        (table.c.technician_id.is_(None), None),
        (table.c.firm_id.is_(None), Staff.OWN.value),
        else_=Staff.CONTRACTOR.value,
    )
    return {
        Group.NONE: cast(None, String),
        Group.CENTRE: cast(func.nullif(table.c.centre_id, NIL), String),
        Group.STAFF: staff,
        Group.FIRM: cast(table.c.firm_id, String),
        Group.TECHNICIAN: cast(table.c.technician_id, String),
        Group.SERVICE: table.c.service,
        Group.TIER: table.c.tier,
    }[group]


def _with_firm(table: Any, region_id: int) -> Any:
    """Return sums with the firm to which their technician belongs today."""
    return (
        select(*table.c, Technician.firm_id)
        .select_from(table)
        .outerjoin(
            Technician,
            and_(Technician.region_id == region_id, Technician.id == table.c.technician_id),
        )
        .subquery("firmed")
    )


def _sums(
    table: Any, wanted: Sequence[ColumnElement[bool]], group: Group, period: Period
) -> Select[Any]:
    """Add sums up by group, period, month and what they are weighed by."""
    start: Any = cast(None, Date)
    if period is Period.DAY:
        start = table.c.day
    elif period is not Period.NONE:
        start = cast(func.date_trunc(period.value, table.c.day), Date)
    shaped = (
        select(
            table.c.indicator,
            _group(table, group).label("group"),
            start.label("start"),
            cast(func.date_trunc("month", table.c.day), Date).label("month"),
            table.c.service,
            table.c.tier,
            *(table.c[value] for value in rollups.VALUES),
        )
        .where(*wanted)
        .subquery("shaped")
    )
    by = ("indicator", "group", "start", "month", "service", "tier")
    keys = [shaped.c[name] for name in by]
    sums = [func.sum(shaped.c[value]).label(value) for value in rollups.VALUES]
    return select(*keys, *sums).group_by(*keys)


@dataclass(slots=True)
class Counted:
    """What an indicator comes to, in total and by part, with what is aimed at."""

    indicator: Indicator
    aims: Aims
    as_of: datetime
    total: Sum = field(default_factory=Sum)
    parts: dict[Key, Sum] = field(default_factory=lambda: defaultdict(Sum))


async def count(
    session: AsyncSession,
    scope: Scope,
    question: Question,
    names: Collection[str],
    now: datetime,
    *,
    group: Group = Group.NONE,
    period: Period = Period.NONE,
) -> tuple[Places, dict[str, Counted]]:
    """Return what some indicators come to by a question that stands for all of them.

    Nine statements at most, however many indicators. Raises NotFound as `cut_for` does.
    """
    region_id = scope.region_id
    known, cut = await cut_of(session, scope, question)
    days = Days(question.first, question.last)
    source = await rollups.source(session, region_id, known, names, days, now, cut.centre_ids)
    aims = await months.aims(session, region_id, names)
    found = {name: Counted(REGISTRY[name], aims[name], source.as_of[name]) for name in names}
    table = _with_firm(source.table, region_id)
    wanted = _only(question, table, table.c.tier, table.c.firm_id, cut.firm_id)
    for row in await session.execute(_sums(table, wanted, group, period)):
        one = found[row.indicator]
        weight = one.aims.weight(row.month).of(row.service, row.tier)
        for into in (one.total, one.parts[row.group, row.start]):
            into.add(row.numerator, row.denominator, row.records, weight)
    return known, found


async def figures(
    session: AsyncSession,
    scope: Scope,
    question: Question,
    now: datetime,
    *,
    group: Group = Group.NONE,
    period: Period = Period.NONE,
) -> Figures:
    """Return an indicator in total and cut by a group and a period (KP-02), weighed (KP-03)."""
    name = question.indicator.name
    known, found = await count(session, scope, question, [name], now, group=group, period=period)
    one = found[name]
    kept: dict[Key, ClosedFigure] = {}
    if period is Period.MONTH:
        kept = await _kept(session, scope, question, group, one.parts)
    keys = {key for key, _ in one.parts if key} if group is not Group.NONE else set()
    names = await named(session, scope, known, group, keys)
    return dressed(one, question, group, period, names, kept)


def dressed(
    one: Counted,
    question: Question,
    group: Group,
    period: Period,
    names: Mapping[str, str],
    kept: Mapping[Key, ClosedFigure],
) -> Figures:
    """Return what an indicator comes to as people read it."""
    indicator, aims = one.indicator, one.aims
    parted = group is not Group.NONE or period is not Period.NONE
    return Figures(
        indicator=indicator.name,
        rule=indicator.rule,
        title_en=indicator.title_en,
        title_zh=indicator.title_zh,
        unit=indicator.unit,
        direction=indicator.direction,
        from_day=question.first,
        to_day=question.last,
        as_of=one.as_of,
        total=_figure(indicator, aims, one.total, question.last),
        parts=[
            _figure(
                indicator, aims, part, start or question.last, key, names.get(key or ""), start
            ).model_copy(update={"closed": kept.get((key, start))})
            for (key, start), part in sorted(one.parts.items(), key=partial(_order, names))
        ]
        if parted
        else [],
    )


async def parts(
    session: AsyncSession, scope: Scope, question: Question, now: datetime
) -> dict[str, int]:
    """Return how many records of an indicator have each part that is kept of them, by its name."""
    known, cut = await cut_of(session, scope, question)
    days = Days(question.first, question.last)
    source = await rollups.parts(
        session, scope.region_id, known, question.name, days, now, cut.centre_ids
    )
    table = _with_firm(source, scope.region_id)
    found = await session.execute(
        select(table.c.part, func.sum(table.c.records))
        .where(*_only(question, table, None, table.c.firm_id, cut.firm_id))
        .group_by(table.c.part)
        .order_by(table.c.part)
    )
    return {part: int(number) for part, number in found}


def rows(found: Figures) -> list[FigureRow]:
    """Return the parts of figures as rows, or the total where nothing was cut."""
    return [
        FigureRow(
            **part.model_dump(),
            id=uuid5(NIL, f"{found.indicator} {part.group} {part.first_day}"),
            indicator=found.indicator,
            title_en=found.title_en,
            title_zh=found.title_zh,
            unit=found.unit,
        )
        for part in found.parts or [found.total]
    ]


async def _kept(
    session: AsyncSession,
    scope: Scope,
    question: Question,
    group: Group,
    parts: dict[Key, Sum],
) -> dict[Key, ClosedFigure]:
    """Return the figures of closed months as they were kept, by part; missing parts are added."""
    unit, region_id = question.indicator.unit, scope.region_id
    closed = await closing.in_days(session, region_id, Days(question.first, question.last))
    if not closed:
        return {}
    _known, cut = await cut_of(session, scope, question)
    table = closing.kept(region_id, [question.name], closed, cut.centre_ids).subquery("kept")
    wanted = _only(question, table, table.c.tier, table.c.firm_id, cut.firm_id)
    sums: dict[Key, Sum] = defaultdict(Sum)
    for row in await session.execute(_sums(table, wanted, group, Period.MONTH)):
        month = closed[row.month]
        weight = Weights(month.services, month.tiers).of(row.service, row.tier)
        sums[row.group, row.start].add(row.numerator, row.denominator, row.records, weight)
    for key in [key for key in parts if key[1] in closed and key not in sums]:
        sums[key] = Sum()
    return {
        key: _closed_figure(closed[key[1] or question.first], unit, one, parts[key])
        for key, one in sums.items()
    }


def _closed_figure(month: ClosedMonth, unit: Measure, of: Sum, present: Sum) -> ClosedFigure:
    kept, now = of.value(unit), present.value(unit)
    return ClosedFigure(
        closed_at=month.closed_at,
        numerator=round(of.numerator, 2),
        denominator=round(of.denominator, 2),
        records=of.records,
        value=kept,
        score=of.score(unit),
        difference=None if kept is None or now is None else round(now - kept, 2),
    )


def _order(names: Mapping[str, str], item: tuple[Key, Sum]) -> tuple[date, bool, str]:
    (key, start), _sum = item
    return start or date.min, key is None, names.get(key or "", key or "")


def _figure(
    indicator: Indicator,
    aims: Aims,
    of: Sum,
    day: date,
    key: str | None = None,
    name: str | None = None,
    start: date | None = None,
) -> Figure:
    target, value = aims.target(day), of.value(indicator.unit)
    return Figure(
        group=key,
        group_name=name,
        first_day=start,
        numerator=round(of.numerator, 2),
        denominator=round(of.denominator, 2),
        records=of.records,
        value=value,
        score=of.score(indicator.unit),
        target=target,
        met=met(value, target, indicator.direction),
    )


async def named(
    session: AsyncSession, scope: Scope, known: Places, group: Group, keys: Collection[str]
) -> dict[str, str]:
    """Return what people call the groups that are ids."""
    if group is Group.CENTRE:
        return {str(unit): name for unit, name in known.centres.items()}
    ids = [UUID(key) for key in keys] if group in (Group.FIRM, Group.TECHNICIAN) else []
    if group is Group.FIRM:
        statement = select(Unit.id, Unit.name).where(Unit.id.in_(ids))
    elif group is Group.TECHNICIAN:
        statement = select(Technician.id, Technician.name).where(
            Technician.region_id == scope.region_id, Technician.id.in_(ids)
        )
    else:
        return {}
    return {str(row.id): row.name for row in await session.execute(statement)}


async def records(
    session: AsyncSession,
    scope: Scope,
    question: Question,
    now: datetime,
    *,
    counted: bool | None = None,
    after: UUID | None = None,
    limit: int = 50,
    sort: str | None = None,
) -> Sequence[Any]:
    """Return the records behind an indicator, at most `limit` + 1, by id or as sorted.

    `counted` keeps those in the numerator, or only the others.
    """
    table = await facts_of(session, scope, question, now)
    statement = select(table).order_by(table.c.id).limit(limit + 1)
    if counted is not None:
        statement = statement.where(table.c.numerator > 0 if counted else table.c.numerator == 0)
    if sort is not None:
        column, falling = table.c[sort.removeprefix("-")], sort.startswith("-")
        statement = await sorted_after(
            session, statement, table.c.id, column, after, falling=falling
        )
    elif after is not None:
        statement = statement.where(table.c.id > after)
    return (await session.execute(statement)).all()
