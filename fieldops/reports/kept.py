"""The kept-appointment indicator (KP-01) and the records behind it."""

from collections import Counter, defaultdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments.models import Appointment
from fieldops.kernel.clock import local_day
from fieldops.kernel.permissions import Scope
from fieldops.organisation import queries as organisation
from fieldops.reports import months, queries, rules
from fieldops.reports.queries import Places
from fieldops.reports.rules import Limits, Period, Staff, Standing, Tally, Verdict
from fieldops.reports.schemas import KeptAppointments, KeptPeriod, KeptRecord


class Question:
    """What is asked about kept appointments: local days, both included, and whose work.

    `staff` and `firm_id` split own and contractors' work (ORG-06); the technician of an
    appointment is the customer's contact on its visit, with the firm they belong to today.
    """

    def __init__(
        self,
        first: date,
        last: date,
        *,
        centre_id: UUID | None = None,
        technician_id: UUID | None = None,
        firm_id: UUID | None = None,
        staff: Staff | None = None,
    ) -> None:
        self.first = first
        self.last = last
        self.centre_id = centre_id
        self.technician_id = technician_id
        self.firm_id = firm_id
        self.staff = staff

    async def statement(
        self, session: AsyncSession, scope: Scope
    ) -> tuple[Select[Any], Places, Limits]:
        """Return the statement for its appointments, the zone's places and the limits.

        Raises NotFound for a centre, firm or technician outside the scope.
        """
        known = await queries.places(session, scope.region_id)
        cut = queries.cut_for(
            known,
            scope,
            self.first,
            self.last,
            centre_id=self.centre_id,
            technician_id=self.technician_id,
            firm_id=self.firm_id,
            staff=self.staff,
        )
        if self.technician_id is not None:
            await organisation.technician_in(session, scope, self.technician_id)
        limits = await queries.limits(session, scope.region_id)
        return queries.promises(scope.region_id, cut), known, limits


async def kept_appointments(
    session: AsyncSession, scope: Scope, question: Question, period: Period, now: datetime
) -> KeptAppointments:
    """Return KP-01 for a question, in total and cut by a period; at most six statements."""
    statement, known, limits = await question.statement(session, scope)
    total = Tally()
    tallies: dict[date, Tally] = defaultdict(Tally)
    misses: Counter[str] = Counter()
    for row in await session.execute(statement):
        verdict = rules.judge(queries.promise(row), now=now, zone=known.zone, limits=limits)
        total.count(verdict)
        misses.update(miss.value for miss in verdict.misses)
        start = rules.period_start(local_day(row.window_start, known.zone), period)
        if start is not None:
            tallies[start].count(verdict)
    aims = (await months.aims(session, scope.region_id, ["kept_appointments"]))["kept_appointments"]
    return KeptAppointments(
        from_day=question.first,
        to_day=question.last,
        target_percent=aims.target(question.last),
        total=_period(None, total),
        misses=dict(sorted(misses.items())),
        periods=[_period(day, tallies[day]) for day in sorted(tallies)],
    )


async def records(
    session: AsyncSession,
    scope: Scope,
    question: Question,
    now: datetime,
    *,
    standing: Standing | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> list[KeptRecord]:
    """Return the appointments behind a question by id, at most `limit` + 1, after one of them.

    `standing` keeps only those that count so; all of the range is then judged.
    """
    statement, known, limits = await question.statement(session, scope)
    statement = statement.order_by(Appointment.id)
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


def _period(day: date | None, tally: Tally) -> KeptPeriod:
    return KeptPeriod(
        first_day=day,
        due=tally.due,
        kept=tally.kept,
        share_percent=tally.share_percent,
        open=tally.open,
        provisional=tally.provisional,
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
