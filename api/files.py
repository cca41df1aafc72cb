"""What is promised as evidence, what of it has arrived, and the contents themselves (SYNC 7)."""

from typing import Annotated
from uuid import UUID

from anyio import to_thread
from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, sort_by, verb
from fieldops.files import commands, queries, rules
from fieldops.files.errors import FileNotStored
from fieldops.files.models import FileLink
from fieldops.files.queries import receipts
from fieldops.files.schemas import DeviceReceipt, FileLinkRead, Receipt
from fieldops.files.store import store_of
from fieldops.kernel import configuration
from fieldops.kernel.permissions import Permission

router = APIRouter(tags=["files"])

verb(router, "/v1/files/links", commands.link)
verb(router, "/v1/files/links/{link_id}/give-up", commands.give_up)


@router.get(
    "/v1/files/links",
    operation_id="file_link_list",
    summary="List what was promised as evidence, of one visit or subject.",
    responses=problems(),
)
async def list_links(
    reading: Annotated[Reading, reads(Permission.FILE_READ)],
    only: Annotated[
        Narrowing, narrow_by(FileLink, "technician_id", "purpose", "arrived", "captured_at")
    ],
    visit_id: Annotated[UUID | None, Query(description="Only of this visit.")] = None,
    subject_id: Annotated[UUID | None, Query(description="Only of this record.")] = None,
    sort: sort_by("captured_at", "bytes") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[FileLinkRead]:
    statement = queries.links(reading.scope, visit_id=visit_id, subject_id=subject_id)
    return await page(reading, only(statement), FileLink.id, after, limit, FileLinkRead, sort)


@router.get(
    "/v1/files/links/{link_id}",
    operation_id="file_link_get",
    summary="Read one promise of evidence.",
    responses=problems(404),
)
async def get_link(
    link_id: UUID, reading: Annotated[Reading, reads(Permission.FILE_READ)]
) -> FileLinkRead:
    return FileLinkRead.model_validate(await queries.link(reading.session, reading.scope, link_id))


@router.get(
    "/v1/files/receipts/{visit_id}",
    operation_id="file_receipt_get",
    summary="Read how much of a visit's promised evidence has arrived.",
    responses=problems(404),
)
async def get_receipt(
    visit_id: UUID, reading: Annotated[Reading, reads(Permission.FILE_READ)]
) -> Receipt:
    return await receipts.receipt(reading.session, reading.scope, visit_id)


@router.get(
    "/v1/files/receipts",
    operation_id="file_receipt_list",
    summary="List phones with what they promised and what has arrived, the oldest missing first.",
    responses=problems(),
)
async def list_receipts(
    reading: Annotated[Reading, reads(Permission.FILE_READ)],
    device_id: Annotated[UUID | None, Query(description="Only this phone.")] = None,
    limit: Limit = 50,
) -> list[DeviceReceipt]:
    return await receipts.device_receipts(reading.session, reading.scope, device_id, limit)


@router.get(
    "/v1/files/missing",
    operation_id="file_missing_list",
    summary="List promised photos that have not arrived, the oldest first.",
    responses=problems(),
)
async def list_missing(
    reading: Annotated[Reading, reads(Permission.FILE_READ)],
    only: Annotated[Narrowing, narrow_by(FileLink, "centre_id", "purpose", "captured_at")],
    *,
    overdue: Annotated[
        bool, Query(description="Only those missing longer than the rule file_missing_after.")
    ] = True,
    device_id: Annotated[UUID | None, Query(description="Only of this phone.")] = None,
    technician_id: Annotated[UUID | None, Query(description="Only of this technician.")] = None,
    sort: sort_by("captured_at", "created_at") = "captured_at",  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[FileLinkRead]:
    waited = await configuration.duration(
        reading.session, reading.scope.region_id, rules.MISSING_AFTER
    )
    statement = receipts.missing(
        reading.scope,
        promised_before=reading.now - waited if overdue else None,
        device_id=device_id,
        technician_id=technician_id,
    )
    return await page(reading, only(statement), FileLink.id, after, limit, FileLinkRead, sort)


@router.get(
    "/v1/files/contents/{sha256}",
    operation_id="file_get",
    summary="Download a photo, signature or paper that a link you may see names.",
    response_class=StreamingResponse,
    responses=problems(404) | {200: {"content": {mime: {} for mime in rules.TYPES}}},
)
async def get_content(
    sha256: Annotated[str, Path(pattern=rules.SHA256_HEX)],
    reading: Annotated[Reading, reads(Permission.FILE_READ)],
) -> StreamingResponse:
    file = await queries.stored_file(reading.session, reading.scope, sha256)
    if file.stored_at is None:
        raise FileNotStored
    store = store_of(reading.settings, file.region_id)
    return StreamingResponse(
        await to_thread.run_sync(store.read, sha256),
        media_type=file.mime,
        headers={
            "Content-Length": str(file.bytes),
            "ETag": f'"{sha256}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=31536000, immutable",
            "Content-Security-Policy": "sandbox",
        },
    )
