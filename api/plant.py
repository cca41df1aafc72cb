"""The plant as a file: taken out, registered as every export is, and taken in with a report."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

import anyio
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.exports import register
from api.problems import problems
from api.routing import Acting, IdempotencyKey, acts
from fieldops.customers.errors import ExportTooLarge
from fieldops.kernel import clock, ledger
from fieldops.kernel.commands import Envelope, Text
from fieldops.kernel.errors import TooLarge
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission
from fieldops.network import plant_files
from fieldops.network.commands import importing
from fieldops.network.plant_files import MEDIA_TYPES, MOST_LINKS, MOST_PIECES, PlantFormat
from fieldops.network.queries import plant_files as queries
from fieldops.network.rules import FeatureKind

router = APIRouter(prefix="/v1/network/plant", tags=["network"])

MOST_BYTES = 16 * 1024 * 1024


class ExportPlant(BaseModel):
    """Which plant, as which file, and what for (it is registered)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"format": "gpkg", "reason": "Survey of the northern ducts"}]
        },
    )
    format: PlantFormat
    centre_id: UUID | None = Field(None, description="Only of this centre.")
    kinds: list[FeatureKind] = Field([], max_length=len(FeatureKind), description="Only these.")
    services: bool = Field(
        False, description="With services and access paths; the register then names the customers."
    )
    reason: Text = Field(min_length=3, max_length=500)


class RefusedPiece(BaseModel):
    """A piece of a file that does not go in."""

    where: str = Field(examples=["plant_points fid 7"], description="Its place in the file.")
    id: str | None
    code: str = Field(examples=["nesting_refused"])
    reason: str


class ImportReport(BaseModel):
    """What a file did, or would do, to the record."""

    dry_run: bool
    added: int
    changed: int
    unchanged: int
    ties_added: int
    ties_unchanged: int
    services_added: int
    services_unchanged: int
    refused_number: int
    refused: list[RefusedPiece] = Field(description="At most 200 of them.")
    ignored_tables: list[str] = Field(description="Tables of a GeoPackage that are no plant.")


@router.post(
    "/export",
    operation_id="plant_export",
    summary="The plant as GeoPackage or GeoJSON; the export is registered (CU-04)",
    response_class=Response,
    responses=problems()
    | {200: {"content": {kind: {} for kind in MEDIA_TYPES.values()}, "description": "File"}},
)
async def export(
    body: ExportPlant, request: Request, acting: Annotated[Acting, acts(Permission.NETWORK_EDIT)]
) -> Response:
    """Answer all plant in the scope of whoever may edit it, at most 20,000 pieces."""
    now = clock.now()
    scope = acting.actor.scope(Permission.NETWORK_EDIT)
    async with acting.database.transaction() as session:
        rows = await queries.exported(
            session, scope, MOST_PIECES + 1, centre_id=body.centre_id, kinds=body.kinds
        )
        if len(rows) > MOST_PIECES:
            raise ExportTooLarge(most=MOST_PIECES)
        ids = [row["id"] for row in rows]
        ties = await queries.exported_ties(session, scope, MOST_LINKS + 1, ids)
        services = None
        if body.services:
            services = await queries.exported_services(
                session, scope, MOST_LINKS + 1, centre_id=body.centre_id
            )
    if max(len(ties), len(services or ())) > MOST_LINKS:
        raise ExportTooLarge(most=MOST_LINKS)
    content = await anyio.to_thread.run_sync(
        plant_files.written, rows, ties, services, body.format, now
    )
    await register(
        acting,
        request,
        content,
        at=now,
        centre_id=body.centre_id,
        operation="plant_export",
        query=body.model_dump(mode="json", include={"centre_id", "kinds", "services"}),
        format=body.format.value,
        rows=len(rows),
        customer_ids=sorted({row["customer_id"] for row in services or ()}),
        reason=body.reason,
    )
    return Response(
        content,
        media_type=MEDIA_TYPES[body.format],
        headers={"Content-Disposition": f'attachment; filename="plant.{body.format.value}"'},
    )


@router.post(
    "/import",
    operation_id="plant_import",
    summary="Take plant in from a GeoPackage or GeoJSON: all of the file or nothing (RE-01)",
    responses=problems(409, 413),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                kind: {"schema": {"type": "string", "format": "binary"}}
                for kind in MEDIA_TYPES.values()
            },
        }
    },
)
async def import_plant(
    request: Request,
    acting: Annotated[Acting, acts(Permission.NETWORK_EDIT)],
    reason: Annotated[Text, Query(min_length=3, max_length=500, description="Why (RE-05).")],
    *,
    dry_run: Annotated[bool, Query(description="Only report what would be done.")] = False,
    idempotency_key: IdempotencyKey = None,
) -> ImportReport:
    """Read the file, judge every piece, and take all in or, when one is refused, none.

    A dry run answers the whole report whatever it says.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise TooLarge(limit=f"{MOST_BYTES} bytes")
    found = await anyio.to_thread.run_sync(plant_files.read, bytes(body))
    if dry_run:
        scope = acting.actor.scope(Permission.NETWORK_EDIT)
        async with acting.database.trial() as session:
            made = await importing.planned(session, scope, found.pieces, found.ties, found.services)
        report = importing.reported(made)
    else:
        lists = {"pieces": found.pieces, "ties": found.ties, "services": found.services}
        rows = {name: [asdict(one) for one in given] for name, given in lists.items()}
        args = {**rows, "reason": reason}
        envelope = Envelope(idempotency_key or new_id(), "network.import_plant", args)
        async with acting.database.transaction() as session:
            result = await ledger.once(session, acting.actor, envelope, clock.now())
        (report,) = result["results"]
    return ImportReport(dry_run=dry_run, ignored_tables=found.ignored, **report)
