"""Messages to customers and their delivery log, to read."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, sort_by, verb
from fieldops.kernel.permissions import Permission
from fieldops.notifications import queries
from fieldops.notifications.commands import incoming
from fieldops.notifications.models import Message
from fieldops.notifications.rules import State
from fieldops.notifications.schemas import AttemptRead, MessageDetail, MessageRead

router = APIRouter(prefix="/v1/messages", tags=["notifications"])

verb(router, "/{message_id}/voice-results", incoming.record_voice_result)


@router.get(
    "", operation_id="message_list", summary="List messages to customers.", responses=problems()
)
async def message_list(
    reading: Annotated[Reading, reads(Permission.NOTIFICATION_READ)],
    visit_id: Annotated[UUID | None, Query(description="Only about this visit.")] = None,
    state: Annotated[State | None, Query(description="Only in this state.")] = None,
    sort: sort_by("due_at", "kind", "state") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[MessageRead]:
    statement = queries.messages(reading.scope)
    if visit_id is not None:
        statement = statement.where(Message.visit_id == visit_id)
    if state is not None:
        statement = statement.where(Message.state == state)
    return await page(reading, statement, Message.id, after, limit, MessageRead, sort)


@router.get(
    "/{message_id}",
    operation_id="message_get",
    summary="Return a message with its delivery log.",
    responses=problems(404),
)
async def message_get(
    message_id: UUID, reading: Annotated[Reading, reads(Permission.NOTIFICATION_READ)]
) -> MessageDetail:
    found = await queries.message(reading.session, reading.scope, message_id)
    log = await queries.attempts(reading.session, reading.scope.region_id, message_id)
    return MessageDetail(
        **MessageRead.model_validate(found).model_dump(),
        log=[AttemptRead.model_validate(attempt) for attempt in log],
    )
