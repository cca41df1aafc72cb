"""The stream of pokes: server-sent events that tell a phone to pull (SYNC section 8)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from api import tokens
from api.problems import problems
from api.routing import Authorization
from api.sync import Caller, caller_of
from fieldops.kernel import clock
from fieldops.kernel.errors import Forbidden, NotFound
from fieldops.kernel.permissions import Permission
from fieldops.sync import cases, queries
from fieldops.sync.pokes import Pokes
from fieldops.sync.rules import DeviceState

router = APIRouter(prefix="/v1/sync", tags=["sync"])


@router.get(
    "/events",
    operation_id="sync_events",
    summary="Be told when a pull may bring news (server-sent events)",
    response_class=StreamingResponse,
    responses={
        **problems(404, 503),
        200: {
            "description": "`event: poke` without content; a comment every 20 seconds.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
    },
)
async def sync_events(
    request: Request,
    caller: Annotated[Caller, Depends(caller_of)],
    device_id: Annotated[UUID, Query(description="The registered device.")],
    authorization: Authorization = None,
) -> StreamingResponse:
    """Open a stream; it ends with the access token, with the device, or for a newer stream."""
    phone, region_id = caller.phone, caller.actor.region_id
    async with phone.database.transaction() as session:
        found = await queries.registered(session, region_id, device_id)
    if found is None or found.person_id != caller.actor.id:
        raise NotFound(thing="device")
    cases.check_key(found.key_hash, phone.key_hash)
    if found.state != DeviceState.ACTIVE.value:
        raise Forbidden(permission=Permission.SYNC_USE.value)
    until = tokens.expiry(phone.settings, authorization)
    pokes: Pokes = request.app.state.pokes
    stream = pokes.connect(
        region_id,
        device_id,
        {*found.view_centres, *caller.actor.centre_ids},
        (until - clock.now()).total_seconds(),
    )
    return StreamingResponse(
        pokes.events(stream),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
