"""Warnings of limits, each to one person: read as a list, marked as seen."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import After, Limit, Page, Reading, part, reads, sort_by, verb
from fieldops.kernel.limits import REGISTRY, Stage
from fieldops.kernel.permissions import Permission
from fieldops.kernel.typesetting import Language
from fieldops.notifications.commands import limits as commands
from fieldops.notifications.models import LimitWarning
from fieldops.notifications.queries import limits
from fieldops.notifications.schemas import LimitWarningRead
from fieldops.notifications.wording import limit_names

router = APIRouter(prefix="/v1/warnings", tags=["notifications"])

verb(router, "/see", commands.see)


@router.get(
    "",
    operation_id="warning_list",
    summary="Warnings for you of what nears or passed its limit, the ones still true if not asked.",
    responses=problems(),
)
async def warning_list(
    reading: Annotated[Reading, reads(Permission.WARNING_READ)],
    only: Annotated[
        Narrowing,
        narrow_by(
            LimitWarning, "about", "centre_id", "record_id", "due_at", "warned_at", stage=Stage
        ),
    ],
    seen: Annotated[bool | None, Query(description="Marked as seen, or not.")] = None,
    overdue: Annotated[bool | None, Query(description="Past the limit, or only near.")] = None,
    over: Annotated[bool, Query(description="Those that are no longer true too.")] = False,  # noqa: FBT002 - a query
    language: Annotated[Language, Query(description="Of the titles.")] = "en",
    sort: sort_by("due_at", "warned_at", "percent") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[LimitWarningRead]:
    statement = only(limits.warnings(reading.scope.region_id, reading.actor.id))
    if not over:
        statement = statement.where(LimitWarning.over_at.is_(None))
    if seen is not None:
        is_seen = LimitWarning.seen_at.is_not(None)
        statement = statement.where(is_seen if seen else ~is_seen)
    if overdue is not None:
        late = LimitWarning.due_at <= reading.now
        statement = statement.where(late if overdue else ~late)
    rows, following = await part(reading, statement, LimitWarning.id, after, limit, sort)
    return Page(items=[_shown(row, language) for row in rows], next=following)


def _shown(row: LimitWarning, language: Language) -> LimitWarningRead:
    declared = REGISTRY[row.about]
    return LimitWarningRead(
        id=row.id,
        version=row.version,
        about=row.about,
        rule=declared.rule,
        title=limit_names(language)["limits"][row.about],
        record_type=declared.record,
        record_id=row.record_id,
        centre_id=row.centre_id,
        stage=Stage(row.stage),
        percent=row.percent,
        due_at=row.due_at,
        warned_at=row.warned_at,
        told_at=row.told_at,
        seen_at=row.seen_at,
        over_at=row.over_at,
    )
