"""Uploads by tus 1.0.0 (SYNC section 7): creation, pieces, checksums, the end."""

import base64
import binascii
from collections.abc import Callable, Coroutine
from contextlib import suppress
from email.utils import format_datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from api.narrowing import Narrowing, narrow_by
from api.problems import answer, problems
from api.routing import (
    Acting,
    After,
    Limit,
    Open,
    Page,
    Reading,
    acts,
    page,
    public,
    reads,
    sort_by,
)
from fieldops.files import queries, rules
from fieldops.files.errors import (
    TusVersionWrong,
    UploadHeaderInvalid,
    UploadStoodStill,
)
from fieldops.files.models import Upload
from fieldops.files.schemas import UploadRead
from fieldops.files.uploading import Announced, Checksum, Key, Uploading
from fieldops.kernel.errors import Coded, UnsupportedMedia
from fieldops.kernel.permissions import Permission

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,termination,checksum,expiration"
ALGORITHMS = ("sha1", "sha256")
OFFSET_STREAM = "application/offset+octet-stream"
_GREATEST = 2**53  # no announced number may be larger

_tus_problems: dict[int | str, dict[str, Any]] = {
    status: {"description": text}
    for status, text in {
        404: "No such upload, or the key in its address is wrong.",
        408: "The body stood still; what arrived is kept.",
        409: "The offset is not where the upload stands.",
        410: "The upload ran out of time.",
        412: "Another tus version is asked for.",
        413: "More bytes than allowed or announced.",
        415: "Not an allowed content, or not application/offset+octet-stream.",
        423: "Another request is writing to this upload.",
        429: "Too many unfinished uploads.",
        460: "The bytes do not have the promised checksum.",
    }.items()
}


def _header(name: str, description: str, *, required: bool = True) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": {"type": "string"},
    }


_RESUMABLE = _header("Tus-Resumable", "1.0.0")
_CHECKSUM = _header(
    "Upload-Checksum", "sha1 or sha256, a space, the body's digest in base64.", required=False
)
_BYTES = {"content": {OFFSET_STREAM: {"schema": {"type": "string", "format": "binary"}}}}


class TusRoute(APIRoute):
    """A route that speaks tus: the version on every answer, refusals included."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                if request.method != "OPTIONS":
                    _same_version(request)
                response = await inner(request)
            except Coded as refusal:
                response = answer(refusal, request)
                if isinstance(refusal, TusVersionWrong):
                    response.headers["Tus-Version"] = VERSION
            except ClientDisconnect:
                response = Response(status_code=204)  # nobody hears it any more
            response.headers["Tus-Resumable"] = VERSION
            response.headers["Cache-Control"] = "no-store"
            return response

        return handle


UPLOADS = "/v1/uploads"
tus = APIRouter(prefix=UPLOADS, tags=["files"], route_class=TusRoute)
router = APIRouter(tags=["files"])

_by_key = public("the address holds a secret that is good for this upload only")
UploadKey = Annotated[
    str,
    Path(
        max_length=200,
        description="The key from the Location header of the creation; it holds the upload's "
        "own secret, which outlives the access token.",
    ),
]


@tus.options(
    "",
    operation_id="upload_options",
    summary="Tell what of tus this server speaks.",
    status_code=204,
)
@tus.options("/{key}", include_in_schema=False, status_code=204)
async def options(
    at: Annotated[Open, public("tus clients ask for abilities before they sign in")],
) -> Response:
    return Response(
        status_code=204,
        headers={
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(at.settings.upload_max_bytes),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        },
    )


@tus.post(
    "",
    operation_id="upload_create",
    summary="Begin an upload; the Location answered is its address from then on.",
    description="Upload-Length and Upload-Metadata (sha256, filename, mime; values in base64) are "
    "needed. With Content-Type application/offset+octet-stream the body is its first bytes.",
    status_code=201,
    response_class=Response,
    responses=_tus_problems | problems(),
    openapi_extra={
        "parameters": [
            _RESUMABLE,
            _header("Upload-Length", "Length of the whole (bytes)."),
            _header("Upload-Metadata", "sha256, filename, mime: names with values in base64."),
            _CHECKSUM,
        ],
        "requestBody": {"required": False, **_BYTES},
    },
)
async def create(
    request: Request, acting: Annotated[Acting, acts(Permission.FILE_WRITE)]
) -> Response:
    uploading = Uploading(acting.database, acting.settings)
    with_bytes = _media_type(request) == OFFSET_STREAM
    checksum = _checksum(request) if with_bytes else None
    key, row = await uploading.create(acting.actor, _announced(request))
    response = Response(status_code=201)
    response.headers["Location"] = f"{request.scope.get('root_path', '')}{UPLOADS}/{key}"
    if with_bytes:
        try:
            row = await _append(request, uploading, key, 0, checksum)
        except Exception:
            # Nobody was told its address, so nobody can go on with it.
            with suppress(Coded):
                await uploading.terminate(key)
            raise
        response.headers["Upload-Offset"] = str(row.position)
    response.headers["Upload-Expires"] = _expires(row)
    return response


@tus.head(
    "/{key}",
    operation_id="upload_state",
    summary="Tell where an upload stands; never answers 401.",
    status_code=200,
    response_class=Response,
    responses=_tus_problems,
    openapi_extra={"parameters": [_RESUMABLE]},
)
async def state(key: UploadKey, at: Annotated[Open, _by_key]) -> Response:
    row = await Uploading(at.database, at.settings).state(Key.parse(key))
    headers = {
        "Upload-Offset": str(row.position),
        "Upload-Length": str(row.length),
        "Upload-Expires": _expires(row),
        "Upload-Metadata": row.sent_metadata or "",
    }
    return Response(status_code=200, headers=headers)


@tus.patch(
    "/{key}",
    operation_id="upload_append",
    summary="Add bytes at the offset where the upload stands.",
    status_code=204,
    response_class=Response,
    responses=_tus_problems,
    openapi_extra={
        "parameters": [_RESUMABLE, _header("Upload-Offset", "Where it stands."), _CHECKSUM],
        "requestBody": {"required": True, **_BYTES},
    },
)
async def append(request: Request, key: UploadKey, at: Annotated[Open, _by_key]) -> Response:
    if _media_type(request) != OFFSET_STREAM:
        raise UnsupportedMedia(allowed=OFFSET_STREAM)
    offset = _number(request, "Upload-Offset")
    uploading = Uploading(at.database, at.settings)
    row = await _append(request, uploading, Key.parse(key), offset, _checksum(request))
    headers = {"Upload-Offset": str(row.position), "Upload-Expires": _expires(row)}
    return Response(status_code=204, headers=headers)


@tus.delete(
    "/{key}",
    operation_id="upload_terminate",
    summary="Drop an upload; a content that was stored already stays.",
    status_code=204,
    response_class=Response,
    responses=_tus_problems,
    openapi_extra={"parameters": [_RESUMABLE]},
)
async def terminate(key: UploadKey, at: Annotated[Open, _by_key]) -> Response:
    await Uploading(at.database, at.settings).terminate(Key.parse(key))
    return Response(status_code=204)


@tus.post("/{key}", include_in_schema=False, response_class=Response)
async def overridden(request: Request, key: UploadKey, at: Annotated[Open, _by_key]) -> Response:
    """Take PATCH, DELETE and HEAD from clients behind proxies that let only POST through."""
    method = request.headers.get("X-HTTP-Method-Override", "").upper()
    if method == "PATCH":
        return await append(request, key, at)
    if method == "DELETE":
        return await terminate(key, at)
    if method == "HEAD":
        return await state(key, at)
    raise UploadHeaderInvalid(header="X-HTTP-Method-Override", rule="PATCH, DELETE or HEAD")


async def _append(
    request: Request, uploading: Uploading, key: Key, offset: int, checksum: Checksum | None
) -> Upload:
    announced = _number(request, "Content-Length") if "Content-Length" in request.headers else None
    try:
        return await uploading.append(
            key, offset, request.stream(), announced_bytes=announced, checksum=checksum
        )
    except TimeoutError:
        raise UploadStoodStill(seconds=rules.IDLE_SECONDS) from None


def _same_version(request: Request) -> None:
    if request.method != "GET" and request.headers.get("Tus-Resumable") != VERSION:
        raise TusVersionWrong(version=VERSION)


def _media_type(request: Request) -> str:
    return request.headers.get("Content-Type", "").split(";", maxsplit=1)[0].strip().lower()


def _number(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(_GREATEST))):
        raise UploadHeaderInvalid(header=header, rule="a whole number of bytes, 0 or more")
    return int(text)


def _checksum(request: Request) -> Checksum | None:
    text = request.headers.get("Upload-Checksum")
    if text is None:
        return None
    algorithm, _, encoded = text.partition(" ")
    if algorithm not in ALGORITHMS:
        raise UploadHeaderInvalid(
            header="Upload-Checksum", rule=f"one of {', '.join(ALGORITHMS)}, then the digest"
        )
    return Checksum(algorithm, _decoded("Upload-Checksum", encoded))


def _decoded(header: str, encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise UploadHeaderInvalid(header=header, rule="values in base64") from None


def _announced(request: Request) -> Announced:
    length = _number(request, "Upload-Length")
    if length < 1:
        raise UploadHeaderInvalid(header="Upload-Length", rule="1 byte or more")
    sent = request.headers.get("Upload-Metadata", "")
    if len(sent) > rules.LONGEST_METADATA or not sent.isascii():
        raise UploadHeaderInvalid(
            header="Upload-Metadata", rule=f"at most {rules.LONGEST_METADATA} ASCII characters"
        )
    given = _metadata(sent)
    sha256 = given.get("sha256", "").lower()
    if not rules.is_sha256(sha256):
        raise UploadHeaderInvalid(header="Upload-Metadata", rule="sha256 as 64 hex digits")
    return Announced(
        length,
        sha256,
        filename=given.get("filename", "")[:200] or None,
        # tus-js-client's examples and Uppy say filetype or type where we say mime.
        mime=(given.get("mime") or given.get("filetype") or given.get("type") or "")[:100] or None,
        sent_metadata=sent,
    )


def _metadata(text: str) -> dict[str, str]:
    found = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, _, encoded = pair.partition(" ")
        value = _decoded("Upload-Metadata", encoded.strip())
        try:
            found[name] = value.decode()
        except UnicodeDecodeError:
            raise UploadHeaderInvalid(header="Upload-Metadata", rule="texts in UTF-8") from None
        if "\x00" in found[name]:
            raise UploadHeaderInvalid(header="Upload-Metadata", rule="no NUL character")
    return found


def _expires(row: Upload) -> str:
    return format_datetime(row.expires_at, usegmt=True)


@router.get(
    UPLOADS,
    operation_id="upload_list",
    summary="List one's own uploads and where they stand.",
    responses=problems(),
)
async def list_uploads(
    reading: Annotated[Reading, reads(Permission.FILE_WRITE)],
    only: Annotated[Narrowing, narrow_by(Upload, "sha256", "completed_at")],
    sort: sort_by("expires_at", "completed_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[UploadRead]:
    statement = queries.own_uploads(reading.scope, reading.actor.id)
    return await page(reading, only(statement), Upload.id, after, limit, UploadRead, sort)


router.include_router(tus)
