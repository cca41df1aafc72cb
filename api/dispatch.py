"""Dispatch: locks, proposals for a day, their publishing."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, verb
from fieldops.dispatch.commands import locking
from fieldops.dispatch.models import Lock
from fieldops.dispatch.queries import locks
from fieldops.dispatch.schemas import LockRead
from fieldops.kernel.permissions import Permission

router = APIRouter(prefix="/v1", tags=["dispatch"])

READ = Permission.DISPATCH_READ

verb(router, "/visits/{visit_id}/lock", locking.lock)
verb(router, "/visits/{visit_id}/unlock", locking.unlock)


@router.get(
    "/dispatch/locks",
    operation_id="visit_lock_list",
    summary="List the visits that stay as they are, with the reasons.",
    responses=problems(),
)
async def lock_list(
    reading: Annotated[Reading, reads(READ)],
    visit_id: Annotated[UUID | None, Query(description="Only of this visit.")] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[LockRead]:
    statement = locks.locks(reading.scope, visit_id=visit_id)
    return await page(reading, statement, Lock.id, after, limit, LockRead)
