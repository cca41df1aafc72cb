"""Replicache's push and pull (SYNC section 9): its requests, nothing else."""

import hashlib
from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from api.lean import read_json
from api.problems import problems
from api.sync import PEOPLE, Caller, caller_of, key_of_device
from fieldops.kernel.errors import InvalidRequest
from fieldops.sync.admission import Admission
from fieldops.sync.replicache import pulling, pushing
from fieldops.sync.replicache.groups import Group
from fieldops.sync.replicache.shapes import (
    AnyPull,
    AnyPush,
    OtherVersion,
    ReplicachePull,
    ReplicachePullAnswer,
    ReplicachePush,
    ReplicachePushAnswer,
)


class WholeQueueRequest(Request):
    """A request whose body is read as it came: Replicache cannot send its queue in parts.

    The cap is the one of every request (docs/limits.md).
    """

    async def json(self) -> Any:
        return read_json(await self.body())


class WholeQueueRoute(APIRoute):
    """A route whose requests carry a whole queue, and wait for their turn when it has arrived.

    Which client group asks stands in the body, and several of a user share a sign-in: a twin is
    not told from another group here, and waits for its lock instead.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            admission: Admission = request.app.state.admission
            admission.look(None)
            whole = WholeQueueRequest(request.scope, request.receive)
            try:
                await whole.body()  # it is kept there for the framework
            except ClientDisconnect:
                raise InvalidRequest(reason="the request ended early") from None
            async with admission.admitted(None):
                return await handler(whole)

        return handle


router = APIRouter(prefix="/v1/sync/replicache", tags=["sync"], route_class=WholeQueueRoute)


def _group(caller: Caller, body: ReplicachePush | ReplicachePull | OtherVersion) -> Group:
    """Return the client group of a request; its device's key is never shown, only derived."""
    settings = caller.phone.settings

    def key_hash(device_id: UUID) -> bytes:
        return hashlib.sha256(key_of_device(settings, caller.actor.id, device_id).encode()).digest()

    return Group(
        caller.phone.database,
        settings.secret.get_secret_value().encode(),
        PEOPLE,
        caller.actor,
        key_hash,
        "" if isinstance(body, OtherVersion) else body.group,
    )


@router.post(
    "/push",
    operation_id="replicache_push",
    summary="Hand in a Replicache client group's mutations",
    response_model=ReplicachePushAnswer,
    responses=problems(404, 408, 413, 500, 503),
)
async def replicache_push(
    body: Annotated[AnyPush, Body()], caller: Annotated[Caller, Depends(caller_of)]
) -> Response:
    """Take mutations in their order; a refused one advances its id and comes back as a case."""
    answer = await pushing.push(_group(caller, body), body)
    return Response(answer, media_type="application/json")


@router.post(
    "/pull",
    operation_id="replicache_pull",
    summary="Get a Replicache client group's patch",
    response_model=ReplicachePullAnswer,
    responses=problems(404, 408, 409, 413, 503),
)
async def replicache_pull(
    body: Annotated[AnyPull, Body()], caller: Annotated[Caller, Depends(caller_of)]
) -> Response:
    """Send the whole difference and the mutations it contains, out of one snapshot."""
    answer = await pulling.pull(_group(caller, body), body)
    return Response(answer, media_type="application/json")
