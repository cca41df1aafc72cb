"""The figures of FO-05, counted by day and part."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, Text, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.followups import policy, rules
from fieldops.followups.models import FollowUp
from fieldops.followups.queries.records import Cut
from fieldops.kernel.permissions import Scope


@dataclass(frozen=True, slots=True)
class Counted:
    """How many follow-ups of one day and part got one answer, and how many of them in time."""

    day: date
    part: str | None
    satisfaction: str | None
    number: int
    in_time: int


async def counted(
    session: AsyncSession,
    scope: Scope,
    start: datetime,
    end: datetime,
    zone: ZoneInfo,
    by: rules.By,
    cut: Cut,
) -> list[Counted]:
    """Return the follow-ups of matters that ended from `start` to `end`, counted."""
    day = cast(func.timezone(zone.key, FollowUp.finished_at), Date)
    parts = _parts(by)
    in_time = FollowUp.answered_at <= FollowUp.latest_at
    columns: list[Any] = [
        day.label("day"),
        FollowUp.satisfaction,
        func.count().label("number"),
        func.count().filter(in_time).label("in_time"),
        *(part.label("part") for part in parts),
    ]
    found = await session.execute(
        select(*columns)
        .where(policy.visible(scope), *_within(start, end), *cut.conditions())
        .group_by(day, FollowUp.satisfaction, *parts)
    )
    rows = found.all()
    named = [str(row.part) if parts and row.part is not None else None for row in rows]
    return [
        Counted(row.day, part, row.satisfaction, row.number, row.in_time)
        for row, part in zip(rows, named, strict=True)
    ]


def _within(start: datetime, end: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        FollowUp.finished_at >= start,
        FollowUp.finished_at < end,
        FollowUp.state != rules.State.WITHDRAWN,
    )


def _parts(by: rules.By) -> list[ColumnElement[Any]]:
    columns: dict[rules.By, ColumnElement[Any]] = {
        rules.By.CENTRE: cast(FollowUp.centre_id, Text),
        rules.By.FIRM: cast(FollowUp.firm_id, Text),
        rules.By.TECHNICIAN: cast(FollowUp.technician_id, Text),
        rules.By.MATTER: cast(FollowUp.matter, Text),
        rules.By.PARTY: case((FollowUp.firm_id.is_(None), "own"), else_="contractor"),
    }
    return [columns[by]] if by in columns else []


async def reasons(
    session: AsyncSession, scope: Scope, start: datetime, end: datetime, cut: Cut
) -> dict[str | None, int]:
    """Return how often each reason was given for matters that ended in a time (FO-05)."""
    statement = (
        select(FollowUp.reason, func.count())
        .where(
            policy.visible(scope),
            *_within(start, end),
            *cut.conditions(),
            FollowUp.satisfaction == rules.Satisfaction.DISSATISFIED,
        )
        .group_by(FollowUp.reason)
    )
    return {reason: int(number) for reason, number in await session.execute(statement)}
