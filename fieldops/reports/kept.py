"""The kept-appointment indicator (KP-01) and the records behind it."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments.models import Appointment
from fieldops.kernel.clock import local_day
from fieldops.kernel.permissions import Scope
from fieldops.reports import figures, promised, queries, rollups, rules
from fieldops.reports.figures import Question
from fieldops.reports.queries import Cut, Places
from fieldops.reports.registry import Sum, Unit
from fieldops.reports.rollups import ONE, UNSETTLED, Days
from fieldops.reports.rules import Period, Standing, Verdict
from fieldops.reports.schemas import KeptAppointments, KeptPeriod, KeptRecord

NAME = "kept_appointments"


def question(first: date, last: date, **whose: Any) -> Question:
    """Return the question for kept appointments of some days; `whose` as of any indicator."""
    return Question(NAME, first, last, **whose)


async def kept_appointments(
    session: AsyncSession, scope: Scope, of: Question, period: Period, now: datetime
) -> KeptAppointments:
    """Return KP-01 for a question, in total and cut by a period, from rollups.

    What is open, and what a fault can still undo, is counted from the records: both are of the
    last days alone. Twelve statements at most.
    """
    _known, counted = await figures.count(session, scope, of, [NAME], now, period=period)
    one = counted[NAME]
    misses = await figures.parts(session, scope, of, now)
    waiting: dict[date | None, Counter[str]] = defaultdict(Counter)
    for row in await _waiting(session, scope, of, now):
        for key in {None, rules.period_start(row.day, period)}:
            waiting[key].update(open=row.open, provisional=row.provisional)
    sums = {start: part for (_group, start), part in one.parts.items() if start is not None}
    days = set(sums) | {day for day in waiting if day is not None}
    return KeptAppointments(
        from_day=of.first,
        to_day=of.last,
        as_of=one.as_of,
        target_percent=one.aims.target(of.last),
        total=_period(None, one.total, waiting[None]),
        misses=misses,
        periods=[_period(day, sums.get(day, Sum()), waiting[day]) for day in sorted(days)],
    )


async def _waiting(session: AsyncSession, scope: Scope, of: Question, now: datetime) -> list[Any]:
    """Return by day how many appointments are open, and how many a fault can still undo."""
    known, cut = await _cut(session, scope, of)
    limits = await queries.limits(session, scope.region_id)
    since = local_day(now - max(limits.fault_within, UNSETTLED), known.zone) - ONE
    days = Days(of.first, of.last).part(since, of.last)
    if days is None:
        return []
    asked = await rollups.asked(session, scope.region_id, known, days, now)
    whose = replace(cut, start=asked.cut.start, end=asked.cut.end)
    return list(await session.execute(promised.waiting(replace(asked, cut=whose))))


async def records(
    session: AsyncSession,
    scope: Scope,
    of: Question,
    now: datetime,
    *,
    standing: Standing | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> list[KeptRecord]:
    """Return the appointments behind a question by id, at most `limit` + 1, after one of them.

    `standing` keeps only those that count so; all of the range is then judged.
    """
    known, cut = await _cut(session, scope, of)
    limits = await queries.limits(session, scope.region_id)
    statement = queries.promises(scope.region_id, cut).order_by(Appointment.id)
    if after is not None:
        statement = statement.where(Appointment.id > after)
    if standing is None:
        statement = statement.limit(limit + 1)
    found: list[KeptRecord] = []
    for row in await session.execute(statement):
        verdict = rules.judge(queries.promise(row), now=now, zone=known.zone, limits=limits)
        if standing in (None, verdict.standing):
            found.append(_record(row, verdict))
        if len(found) > limit:
            break
    return found


async def _cut(session: AsyncSession, scope: Scope, of: Question) -> tuple[Places, Cut]:
    known, cut = await figures.cut_of(session, scope, of)
    return known, replace(cut, technician_id=of.technician_id, staff=of.staff)


def _period(day: date | None, of: Sum, waiting: Counter[str]) -> KeptPeriod:
    return KeptPeriod(
        first_day=day,
        due=round(of.denominator),
        kept=round(of.numerator),
        share_percent=of.value(Unit.PERCENT),
        open=waiting["open"],
        provisional=waiting["provisional"],
    )


def _record(row: Row[Any], verdict: Verdict) -> KeptRecord:
    return KeptRecord(
        id=row.id,
        visit_id=row.visit_id,
        order_id=row.order_id,
        centre_id=row.centre_id,
        technician_id=row.technician_id,
        firm_id=row.firm_id,
        window_start=row.window_start,
        window_end=row.window_end,
        arrived_at=row.arrived_at,
        completed_at=row.completed_at,
        operator_reschedules=row.operator_reschedules,
        first_fault_at=row.first_fault_at,
        standing=verdict.standing,
        kept=verdict.standing is Standing.KEPT,
        provisional=verdict.provisional,
        misses=list(verdict.misses),
    )
