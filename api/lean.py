"""A short way for requests that come by the hundred in a second: those of phones (sync).

Routes of `LeanRoute` are declared like all others, so that the document and the tests of access
know them; they are answered here, by `answer`, without the framework's machinery. `Lean` sends
them there before any routing. Errors leave by the one table of api/problems.py.
"""

import email.message
import json
import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from api import problems
from fieldops.kernel.commands import field_errors
from fieldops.kernel.errors import InvalidArguments, InvalidRequest, TooLarge
from fieldops.sync import inflate, rules


class Caller(Protocol):
    """Who asks, read from the headers; `check` makes sure that they may."""

    async def check(self) -> None:
        """Raise Unauthenticated or Forbidden for somebody who may not ask at all."""


@dataclass(frozen=True, slots=True)
class LeanPath:
    """One address: the shape of its body, who asks, what it does."""

    path: str
    body: type[BaseModel]
    caller: Callable[[Request], Any]
    act: Callable[[Any, Any], Awaitable[Response]]


class Lean:
    """Answer lean paths at once and hand everything else on."""

    def __init__(self, app: ASGIApp, paths: Mapping[str, LeanPath]) -> None:
        self.app = app
        self.paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        to = self.path_of(scope)
        if to is None:
            await self.app(scope, receive, send)
            return
        scope["route"] = to  # what the line of the log names
        request = Request(scope, receive)
        try:
            response = await answer(to, request)
        except Exception as exc:  # noqa: BLE001 - the table has an answer to every one
            response = await problems.respond(request, exc)
        await response(scope, receive, send)

    def path_of(self, scope: Scope) -> LeanPath | None:
        """Return the lean path a request is for, None for all others."""
        if scope["type"] == "http" and scope["method"] == "POST":
            return self.paths.get(scope["path"])
        return None


class LeanRoute(APIRoute):
    """A route that is answered by `answer` also when the framework has found it."""

    paths: Mapping[str, LeanPath] = {}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""

        async def handle(request: Request) -> Response:
            return await answer(self.paths[self.path], request)

        return handle


async def answer(to: LeanPath, request: Request) -> Response:
    """Read a request and answer it; raises what the table of problems knows.

    In the order of the framework: a body that is no JSON, who asks, a body of the wrong shape. The
    bytes come in before a place is taken, for a slow phone's would keep the others out; what costs
    more than waiting, to inflate and to read them, is done in the place.
    """
    state = request.app.state
    await state.timeline.enter()
    key = request.headers.get("device-key")
    who = None if key is None else (to.path, key)
    state.admission.look(who)
    body = await _body(request)
    async with state.admission.admitted(who):
        return await _admitted(to, request, body)


async def _admitted(to: LeanPath, request: Request, sent: bytes) -> Response:
    content = _content(request, sent)
    caller = to.caller(request)
    try:
        body = to.body.model_validate(content)
    except ValidationError as exc:
        await caller.check()
        found = exc.errors(include_url=False, include_input=False, include_context=False)
        missing = content is None
        raise InvalidArguments(
            errors=[{"field": "body", "rule": "missing", "message": "Field required"}]
            if missing
            else field_errors([{**e, "loc": ("body", *e["loc"])} for e in found])
        ) from None
    response: Response = await to.act(body, caller)
    return response


def header(request: Request, name: str, shape: TypeAdapter[Any]) -> Any:
    """Return a header's value in its shape; raises InvalidArguments."""
    given = request.headers.get(name)
    if given is None:
        return None
    try:
        return shape.validate_python(given)
    except ValidationError as exc:
        found = [{**e, "loc": ("header", name)} for e in exc.errors(include_url=False)]
        raise InvalidArguments(errors=field_errors(found)) from None


async def _body(request: Request) -> bytes:
    """Return the bytes as they came; raises TooLarge, BodyTooSlow, InvalidRequest."""
    taken = bytearray()
    try:
        async for chunk in request.stream():
            taken += chunk
            if len(taken) > rules.MOST_BYTES:
                raise TooLarge(limit=inflate.LIMIT)
    except ClientDisconnect:
        raise InvalidRequest(reason="the request ended early") from None
    return bytes(taken)


def _content(request: Request, sent: bytes) -> Any:
    """Return the JSON of a body that may be gzip or zstd; None for an empty one."""
    body = inflate.inflate(sent, request.headers.get("content-encoding", ""))
    if not body:
        return None
    return read_json(body) if _is_json(request.headers.get("content-type")) else body


def _is_json(content_type: str | None) -> bool:
    if content_type == "application/json":
        return True
    message = email.message.Message()
    message["content-type"] = content_type or "application/octet-stream"
    subtype = message.get_content_subtype()
    is_application = message.get_content_maintype() == "application"
    return is_application and (subtype == "json" or subtype.endswith("+json"))


def read_json(body: bytes) -> Any:
    """Return what a JSON body says; raises InvalidArguments for what is none.

    Half a surrogate pair becomes U+FFFD; numbers must be finite.
    """
    try:
        value = json.loads(body, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as exc:
        place = exc.pos if isinstance(exc, json.JSONDecodeError) else 0
        problem = {
            "field": f"body.{place}",
            "rule": "json_invalid",
            "message": "JSON decode error",
        }
        raise InvalidArguments(errors=[problem]) from None
    return _whole_texts(value) if b"\\ud" in body.lower() else value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _whole_texts(value: Any) -> Any:
    """Put U+FFFD for half a surrogate pair, so that a cut emoji does not block a phone's queue."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole_texts(item) for item in value]
    if isinstance(value, dict):
        return {_whole_texts(key): _whole_texts(item) for key, item in value.items()}
    return value
