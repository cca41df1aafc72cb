"""A centre's week on paper: figures against targets and the week before, and the worst records."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Text, and_, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import charts
from fieldops.kernel.charts import Level, Series
from fieldops.kernel.clock import local_day
from fieldops.kernel.permissions import Scope
from fieldops.kernel.typesetting import Language, typeset
from fieldops.orders.models import ServiceOrder
from fieldops.organisation.models import Technician
from fieldops.reports import figures, queries
from fieldops.reports.errors import WeekNotBegun
from fieldops.reports.figures import Group, Question
from fieldops.reports.registry import REGISTRY, Indicator, Unit
from fieldops.reports.rules import Period
from fieldops.reports.schemas import Figure, Figures

FOLDER = Path(__file__).parent
WEEK = timedelta(days=7)
WEEKS_DRAWN = 8
WORST = ("kept_appointments", "repair_on_time", "complaint_contact")
MOST_WORST = 8
DRAWN = ("kept_appointments", "repair_on_time", "satisfaction")


@dataclass(slots=True)
class Week:
    """A centre's week as its paper says it: rows of figures, worst records, pictures."""

    title: str
    language: Language
    data: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, bytes] = field(default_factory=dict)


def monday_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


@cache
def texts(language: Language) -> Mapping[str, str]:
    """Return the words of the paper."""
    said = json.loads((FOLDER / "weekly.json").read_text(encoding="utf-8"))
    found: dict[str, str] = said[language]
    return found


async def gather(
    session: AsyncSession,
    scope: Scope,
    centre_id: UUID,
    day: date,
    language: Language,
    now: datetime,
) -> Week:
    """Return the week of a day at a centre; raises NotFound outside the scope, WeekNotBegun."""
    monday, t = monday_of(day), texts(language)
    known = await queries.places(session, scope.region_id)
    name = queries.centre_named(known, scope, centre_id)
    if monday > local_day(now, known.zone):
        raise WeekNotBegun(monday=f"{monday:%Y-%m-%d}")
    week = Week(f"{t['title']} {name}", language)
    first, last = monday - WEEK * (WEEKS_DRAWN - 1), monday + WEEK - _DAY
    asked = Question(DRAWN[0], first, last, centre_id=centre_id)
    _known, counted = await figures.count(
        session, scope, asked, tuple(REGISTRY), now, period=Period.WEEK
    )
    rows = []
    for indicator in REGISTRY.values():
        found = figures.dressed(
            counted[indicator.name], asked, Group.NONE, Period.WEEK, names={}, kept={}
        )
        of = {part.first_day: part for part in found.parts}
        title = indicator.title_zh if language == "zh_CN" else indicator.title_en
        rows.append(_row(indicator, title, of.get(monday), of.get(monday - WEEK), found, t))
        if indicator.name in DRAWN:
            week.pictures[f"{indicator.name.replace('_', '-')}.svg"] = _drawn(
                title, found, t
            ).encode()
    week.data = {
        "t": dict(t),
        "week": f"{monday:%Y-%m-%d} – {last:%Y-%m-%d}",
        "made": f"{now.astimezone(known.zone):%Y-%m-%d %H:%M}",
        "rows": rows,
        "worst": await _worst(session, scope, centre_id, monday, language, now),
        "charts": sorted(week.pictures),
    }
    return week


_DAY = timedelta(days=1)


def _row(
    indicator: Indicator,
    title: str,
    this: Figure | None,
    before: Figure | None,
    found: Figures,
    t: Mapping[str, str],
) -> dict[str, Any]:
    value = None if this is None else this.value
    former = None if before is None else before.value
    change = "" if value is None or former is None else f"{value - former:+.1f}"
    target = this.target if this else found.total.target
    return {
        "title": title,
        "value": _said(value, indicator.unit, t),
        "of": "" if this is None else f"{this.numerator:g} / {this.denominator:g}",
        "target": _said(target, indicator.unit, t),
        "before": _said(former, indicator.unit, t),
        "change": change,
        "missed": bool(this and this.met is False),
    }


def _said(value: float | None, unit: Unit, t: Mapping[str, str]) -> str:
    return "–" if value is None else f"{value:.1f} {t[unit.value]}"


def _drawn(title: str, found: Figures, t: Mapping[str, str]) -> str:
    points = [
        (datetime.combine(part.first_day, time(), UTC), part.value)
        for part in found.parts
        if part.first_day is not None
    ]
    target = found.total.target
    levels = [] if target is None else [Level(target, t["target"])]
    return charts.lines(title, [Series(title, points)], unit=t[found.unit.value], levels=levels)


async def _worst(
    session: AsyncSession,
    scope: Scope,
    centre_id: UUID,
    monday: date,
    language: Language,
    now: datetime,
) -> list[dict[str, Any]]:
    """Return by indicator the first records of a week that were not counted, by their orders."""
    missed = []
    for name in WORST:
        question = Question(name, monday, monday + WEEK - _DAY, centre_id=centre_id)
        table = await figures.facts_of(session, scope, question, now)
        first = select(literal(name, Text).label("indicator"), *table.c).where(
            table.c.numerator == 0
        )
        missed.append(first.order_by(table.c.at, table.c.id).limit(MOST_WORST + 1).subquery())
    found = union_all(*(select(one) for one in missed)).subquery("missed")
    region_id = scope.region_id
    rows: dict[str, list[Any]] = {name: [] for name in WORST}
    for row in await session.execute(
        select(found.c.indicator, found.c.day, ServiceOrder.external_ref, Technician.name)
        .outerjoin(
            ServiceOrder,
            and_(ServiceOrder.region_id == region_id, ServiceOrder.id == found.c.order_id),
        )
        .outerjoin(
            Technician,
            and_(Technician.region_id == region_id, Technician.id == found.c.technician_id),
        )
        .order_by(found.c.at, found.c.id)
    ):
        rows[row.indicator].append(
            [f"{row.day:%Y-%m-%d}", row.external_ref or "–", row.name or "–"]
        )
    return [
        {
            "title": REGISTRY[name].title_zh if language == "zh_CN" else REGISTRY[name].title_en,
            "rows": rows[name][:MOST_WORST],
            "more": len(rows[name]) > MOST_WORST,
        }
        for name in WORST
    ]


async def paper(week: Week, at: datetime) -> bytes:
    """Return a week as PDF; raises what typesetting raises."""
    return await typeset(
        (FOLDER / "weekly.typ").read_text(encoding="utf-8"),
        week.data,
        title=week.title,
        language=week.language,
        at=at,
        pictures=week.pictures,
    )


def chart(found: Figures, language: Language, group: Group, period: Period) -> str:
    """Return an indicator's figures as a picture: over time as lines, by group as bars."""
    t = texts(language)
    title = found.title_zh if language == "zh_CN" else found.title_en
    target = found.total.target
    levels = [] if target is None else [Level(target, t["target"])]
    unit = t[found.unit.value]
    if period is Period.NONE:
        values = [
            (part.group_name or part.group or t["rest"], part.value) for part in found.parts
        ] or [(t["all"], found.total.value)]
        return charts.bars(title, values[:MOST_DRAWN], unit=unit, levels=levels)
    of: dict[str, list[tuple[datetime, float | None]]] = {}
    for part in found.parts:
        whole = title if group is Group.NONE else t["rest"]
        name = part.group_name or part.group or whole
        if part.first_day is not None:
            of.setdefault(name, []).append(
                (datetime.combine(part.first_day, time(), UTC), part.value)
            )
    series = [Series(name, points) for name, points in of.items()][:MOST_LINES]
    return charts.lines(title, series, unit=unit, levels=levels)


MOST_DRAWN = 24
MOST_LINES = 6
