"""RFC 9457 problem documents: one table from refusals and framework errors to answers."""

from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException

from fieldops.kernel import errors
from fieldops.kernel.commands import field_errors
from fieldops.kernel.db import to_text
from fieldops.kernel.errors import Coded

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    field: str = Field(examples=["window.ends_at"])
    rule: str = Field(examples=["greater_than"])
    message: str


class Problem(BaseModel):
    """What is wrong, by a stable code, and what to do next (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["/problems/slot_taken"])
    title: str
    status: int
    detail: str
    code: str = Field(examples=["slot_taken"])
    advice: str = ""
    next_steps: list[str] = []
    errors: list[FieldError] = []
    correlation_id: str | None = None


_DESCRIPTIONS = {
    400: "The request is not well formed.",
    401: "Not signed in.",
    403: "The role does not allow it.",
    404: "No such record in your scope.",
    408: "The body took too long to arrive; nothing was taken.",
    409: "Refused by a rule or held for a decision; the code says which.",
    410: "It was here; its time is over.",
    413: "Larger than the limits.",
    422: "A field breaks a rule; the errors name it.",
    429: "Too many requests.",
    500: "A mutation is missing before the first one sent; nothing was taken.",
    503: "Not able to answer now.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route: the problem document for each status."""
    wanted = sorted({400, 401, 403, 422, *statuses})
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": _DESCRIPTIONS[status],
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in wanted
    }


def answer(refusal: Coded, request: Request | None = None) -> Response:
    """Turn a refusal or hold into its problem document."""
    details = {k: v for k, v in refusal.details.items() if k not in Problem.model_fields}
    body: dict[str, Any] = {
        "type": f"/problems/{refusal.code}",
        "title": refusal.code.replace("_", " ").capitalize(),
        "status": refusal.status,
        "detail": refusal.message,
        "code": refusal.code,
        "advice": refusal.advice,
        "next_steps": list(refusal.next_steps),
        "errors": refusal.details.get("errors", []),
        "correlation_id": getattr(request.state, "correlation_id", None) if request else None,
        **details,
    }
    headers = {}
    if "retry_after" in refusal.details:
        headers["Retry-After"] = str(refusal.details["retry_after"])
    if isinstance(refusal, errors.Unauthenticated):
        headers["WWW-Authenticate"] = refusal.challenge
    if isinstance(refusal, errors.BodyTooSlow):
        headers["Connection"] = "close"  # nobody waits for the rest
    if isinstance(refusal, errors.MethodNotAllowed):
        headers["Allow"] = str(refusal.details.get("allow", ""))
    return Response(to_text(body), refusal.status, headers, MEDIA_TYPE)


async def _coded(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, Coded)  # noqa: S101 - registered for this class
    return answer(exc, request)


async def _validation(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)  # noqa: S101 - registered for this class
    return answer(errors.InvalidArguments(errors=field_errors(exc.errors())), request)


async def _http(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)  # noqa: S101 - registered for this class
    refusal: Coded
    if isinstance(exc.__cause__, Coded):  # raised while FastAPI read the body
        return answer(exc.__cause__, request)
    if exc.status_code == errors.NotFound.status:
        refusal = errors.NotFound(thing="address")
    elif exc.status_code == errors.MethodNotAllowed.status:
        refusal = errors.MethodNotAllowed(allow=(exc.headers or {}).get("Allow", ""))
    elif exc.status_code == errors.TooLarge.status:
        refusal = errors.TooLarge(limit="the limits of this address")
    else:
        refusal = errors.InvalidRequest(reason=str(exc.detail))
    return answer(refusal, request)


async def _database(request: Request, exc: Exception) -> Response:
    """Answer what the database refused outside a command: bad values 422, rules 409, else 503."""
    if isinstance(exc, StaleDataError):
        return answer(errors.StaleVersion(), request)
    if isinstance(exc, IntegrityError):
        name = getattr(getattr(exc.orig, "diag", None), "constraint_name", None)
        return answer(errors.Constraint(rule=name or "unnamed"), request)
    if isinstance(exc, DataError):
        problem = {"field": "", "rule": "database", "message": "a value is out of range"}
        return answer(errors.InvalidArguments(errors=[problem]), request)
    if isinstance(exc, OperationalError) or (
        isinstance(exc, DBAPIError) and exc.connection_invalidated
    ):
        log.warning("database unavailable", error=str(exc.orig))
        return answer(errors.Unavailable(retry_after=5), request)
    return await _fault(request, exc)


async def _direct(request: Request, exc: Exception) -> Response:
    """Answer what the database refused to a direct statement: away 503, else a fault of ours."""
    if isinstance(exc, psycopg.OperationalError | psycopg.InterfaceError):
        log.warning("database unavailable", error=str(exc))
        return answer(errors.Unavailable(retry_after=5), request)
    return await _fault(request, exc)


async def _fault(request: Request, exc: Exception) -> Response:
    # The route's pattern, not the path: a path may hold a customer's token.
    log.error("fault", exc_info=exc, route=getattr(request.scope.get("route"), "path", "none"))
    return answer(errors.InternalFault(), request)


_TABLE: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    Coded: _coded,
    RequestValidationError: _validation,
    HTTPException: _http,
    DBAPIError: _database,
    StaleDataError: _database,
    psycopg.Error: _direct,
    Exception: _fault,
}


async def respond(request: Request, exc: Exception) -> Response:
    """Answer an exception by the table, where no framework does it."""
    found = next(handler for kind, handler in _TABLE.items() if isinstance(exc, kind))
    return await found(request, exc)


def install(app: FastAPI) -> None:
    """Register the table on an application."""
    for kind, handler in _TABLE.items():
        app.add_exception_handler(kind, handler)
