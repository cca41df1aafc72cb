"""The ladder of steps, the calls of people, and the word that a window cannot be kept."""

from typing import Annotated

from fastapi import APIRouter

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, sort_by, verb
from fieldops.appointments import queries
from fieldops.appointments.commands import calls, danger, steps
from fieldops.appointments.models import Ladder
from fieldops.appointments.schemas import LadderRead, LadderVersion
from fieldops.kernel.permissions import Permission

router = APIRouter(prefix="/v1", tags=["appointments"])

verb(router, "/ladder", steps.publish)
verb(router, "/appointments/{appointment_id}/cannot-keep", danger.cannot_keep)
verb(router, "/call-tasks/{call_task_id}/take", calls.take_call_task)
verb(router, "/call-tasks/{call_task_id}/hand-over", calls.hand_over_call_task)
verb(router, "/call-tasks/{call_task_id}/put-off", calls.put_off_call_task)


@router.get(
    "/ladder",
    operation_id="ladder_get",
    summary="Return the ladder that counts in the region (AP-03 to AP-09).",
    responses=problems(),
)
async def ladder_get(reading: Annotated[Reading, reads(Permission.RULE_READ)]) -> LadderRead:
    region_id = reading.scope.region_id
    own = await queries.newest(reading.session, region_id)
    return LadderRead(
        number=own.number if own else None,
        published_at=own.published_at if own else None,
        published_by=own.published_by if own else None,
        reason=own.reason if own else None,
        steps=list(await queries.steps(reading.session, region_id)),
    )


@router.get(
    "/ladder/versions",
    operation_id="ladder_version_list",
    summary="List the ladders that were published, oldest first.",
    responses=problems(),
)
async def ladder_version_list(
    reading: Annotated[Reading, reads(Permission.RULE_READ)],
    only: Annotated[Narrowing, narrow_by(Ladder, "published_by", "published_at")],
    sort: sort_by("number", "published_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[LadderVersion]:
    return await page(
        reading, only(queries.versions(reading.scope)), Ladder.id, after, limit, LadderVersion, sort
    )
