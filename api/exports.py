"""Every list as a file for an office: read to its end by its own route, and registered (CU-04)."""

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any
from uuid import UUID

import anyio
import httpx
from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel, ConfigDict, Field

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import (
    Acting,
    After,
    Limit,
    Page,
    Reading,
    acts,
    page,
    reads,
    sort_by,
    source_of,
)
from fieldops.customers import queries
from fieldops.customers.errors import ExportTooLarge
from fieldops.customers.models import Export
from fieldops.customers.rules import TakenAs
from fieldops.customers.schemas import ExportRead
from fieldops.kernel import clock, sheets
from fieldops.kernel.commands import Text
from fieldops.kernel.errors import InvalidRequest, NotFound
from fieldops.kernel.permissions import Permission
from fieldops.kernel.sheets import Format
from fieldops.organisation import queries as organisation

router = APIRouter(prefix="/v1", tags=["exports"])

MOST_ROWS = 20_000
A_PAGE = 200
PLAIN_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)

Value = Text | int | bool
Name = Annotated[Text, Field(max_length=64)]


class ExportList(BaseModel):
    """Which list, how filtered and sorted, as which file, and what for (it is registered)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "operation": "work_order_list",
                    "query": {"state": ["received", "scheduled"]},
                    "format": "xlsx",
                    "reason": "Weekly meeting of the centre",
                }
            ]
        },
    )
    operation: Name = Field(description="The operation id of the list's own GET.")
    query: dict[Name, Value | list[Value]] = Field(
        default={},
        max_length=30,
        description="Its filters and its sort, and the ids in its path; no `after`, no `limit`.",
    )
    format: Format
    reason: Text = Field(min_length=3, max_length=500)


@cache
def lists(app: FastAPI) -> dict[str, str]:
    """Return the path of every list that has pages, by its operation id."""
    found = {}
    for route in iter_route_contexts(app.routes):
        original = route.original_route
        if not isinstance(original, APIRoute) or "GET" not in (original.methods or ()):
            continue
        model = original.response_model
        paged = isinstance(model, type) and issubclass(model, Page)
        if paged and original.operation_id and route.path:
            found[original.operation_id] = route.path
    return found


@router.post(
    "/exports",
    operation_id="list_export",
    summary="A whole list as CSV or Excel, as its reader sees it; the export is registered (CU-04)",
    response_class=Response,
    responses=problems(404)
    | {200: {"content": {kind: {} for kind in sheets.MEDIA_TYPES.values()}, "description": "File"}},
)
async def export(
    body: ExportList, request: Request, acting: Annotated[Acting, acts(Permission.LIST_EXPORT)]
) -> Response:
    """Read all pages of a list with the rights of whoever asks and answer them as one file.

    The pages are read one after the other: what changes meanwhile may be in it or not. A refusal
    of the list is the answer. Raises NotFound for no such list, ExportTooLarge.
    """
    path = (await anyio.to_thread.run_sync(lists, request.app)).get(body.operation)
    if path is None:
        raise NotFound(thing="list")
    items = await _all(request, path, body.query)
    if isinstance(items, Response):
        return items
    rows = [sheets.flat(item) for item in items]
    now = clock.now()
    async with acting.database.transaction() as session:
        zone = await organisation.zone_of(session, acting.actor.region_id)
    about = [
        ("list", body.operation),
        *((name, str(value)) for name, value in body.query.items()),
        ("rows", str(len(rows))),
        ("at", now.astimezone(zone).isoformat(timespec="seconds")),
        ("reason", body.reason),
    ]
    columns = sheets.columns_of(rows)
    if body.format == Format.XLSX:
        content = await anyio.to_thread.run_sync(sheets.to_xlsx, columns, rows, about, zone)
    else:
        content = await anyio.to_thread.run_sync(sheets.to_csv, columns, rows)
    centres = acting.actor.scope(Permission.LIST_EXPORT).centre_ids
    await register(
        acting,
        request,
        content,
        at=now,
        centre_id=next(iter(centres)) if len(centres) == 1 else None,
        operation=body.operation,
        query=dict(body.query),
        format=body.format.value,
        rows=len(rows),
        customer_ids=sorted(_customers(body.operation, rows)),
        reason=body.reason,
    )
    name = f"{body.operation}-{now.astimezone(zone):%Y-%m-%d}.{body.format.value}"
    return Response(
        content,
        media_type=sheets.MEDIA_TYPES[body.format],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def register(acting: Acting, request: Request, content: bytes, **entry: Any) -> None:
    """Write down that a file leaves: what of whom, to whom, from where; the rest is `entry`."""
    async with acting.database.transaction() as session:
        session.add(
            Export(
                region_id=acting.actor.region_id,
                reader_id=acting.actor.id,
                source=source_of(request, acting.actor),
                sha256=hashlib.sha256(content).hexdigest(),
                **entry,
            )
        )


async def _all(
    request: Request, path: str, query: Mapping[str, Any]
) -> list[dict[str, Any]] | Response:
    """Return all items of a list, or the answer of the list when it is a refusal."""
    asked: dict[str, Any] = {}
    for name, value in query.items():
        if name in ("after", "limit"):
            raise InvalidRequest(reason=f"'{name}' is not for an export: it takes the whole list")
        if (place := f"{{{name}}}") in path:
            path = path.replace(place, _in_path(name, value))
        else:
            asked[name] = value
    if "{" in path:
        raise InvalidRequest(reason="an id of the list's path is missing in 'query'")
    passed = {
        name: request.headers[name]
        for name in ("authorization", "fieldops-region")
        if name in request.headers
    }
    client = request.client
    transport = httpx.ASGITransport(
        request.app, client=(client.host, client.port) if client else ("unknown", 0)
    )
    items: list[dict[str, Any]] = []
    after: str | None = None
    async with httpx.AsyncClient(transport=transport, base_url="http://list") as http:
        while True:
            part = asked | {"limit": A_PAGE} | ({} if after is None else {"after": after})
            answer = await http.get(path, params=part, headers=passed)
            if answer.status_code != httpx.codes.OK:
                kind = answer.headers.get("content-type")
                return Response(answer.content, answer.status_code, media_type=kind)
            found = answer.json()
            items += found["items"]
            if len(items) > MOST_ROWS:
                raise ExportTooLarge(most=MOST_ROWS)
            after = found["next"]
            if after is None:
                return items


def _in_path(name: str, value: Any) -> str:
    """Return what may stand in a list's path: an id, or a plain name such as an indicator's."""
    if isinstance(value, str) and PLAIN_NAME.fullmatch(value):
        return value
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise InvalidRequest(reason=f"'{name}' is not an id") from None


def _customers(operation: str, rows: list[dict[str, Any]]) -> set[UUID]:
    """Return the customers whose records are among the rows."""
    found = {
        value
        for row in rows
        for name, value in row.items()
        if value and name.rpartition(".")[2] == "customer_id"
    }
    if operation == "customer_list":
        found |= {row["id"] for row in rows}
    return {UUID(value) for value in found}


@router.get(
    "/exports",
    operation_id="export_list",
    summary="Search the register of exports (CU-04)",
    responses=problems(),
)
async def exports(
    reading: Annotated[Reading, reads(Permission.REGISTER_READ)],
    only: Annotated[Narrowing, narrow_by(Export, "centre_id", "operation", "at", format=TakenAs)],
    customer_id: Annotated[UUID | None, Query(description="Whose records were in it.")] = None,
    reader_id: Annotated[UUID | None, Query(description="Who took it out.")] = None,
    sort: sort_by("at", "rows") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[ExportRead]:
    statement = queries.exports(reading.scope, customer_id=customer_id, reader_id=reader_id)
    return await page(reading, only(statement), Export.id, after, limit, ExportRead, sort)
