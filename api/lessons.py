"""The case library: what was learnt, offered where the same work is done (QA-07)."""

from typing import Annotated
from uuid import UUID

from anyio import to_thread
from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse

from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, sort_by, verb
from fieldops.files import rules as file_rules
from fieldops.files.store import store_of
from fieldops.kernel.permissions import Permission
from fieldops.orders.rules import Kind
from fieldops.quality.commands import learning
from fieldops.quality.models import Lesson
from fieldops.quality.queries import lessons as queries
from fieldops.quality.rules import LessonState
from fieldops.quality.schemas import LessonRead

router = APIRouter(prefix="/v1", tags=["quality"])

READ = Permission.QUALITY_READ

verb(router, "/lessons", learning.draft)
verb(router, "/lessons/{lesson_id}/change", learning.change)
verb(router, "/lessons/{lesson_id}/publish", learning.publish)
verb(router, "/lessons/{lesson_id}/retire", learning.retire)


@router.get(
    "/lessons",
    operation_id="lesson_list",
    summary="The case library; technicians see what is published.",
    responses=problems(),
)
async def lesson_list(
    reading: Annotated[Reading, reads(READ)],
    state: Annotated[list[LessonState], Query(max_length=3, description="Only these.")] = [],  # noqa: B006 - FastAPI copies it
    kind: Annotated[Kind | None, Query(description="For this kind of work.")] = None,
    service: Annotated[str | None, Query(max_length=40, description="For this service.")] = None,
    visit_id: Annotated[UUID | None, Query(description="For the work of this visit.")] = None,
    sort: sort_by("drafted_at", "published_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[LessonRead]:
    statement = queries.lessons(
        reading.scope, states=state, kind=kind, service=service, visit_id=visit_id
    )
    return await page(reading, statement, Lesson.id, after, limit, LessonRead, sort)


@router.get(
    "/lessons/{lesson_id}",
    operation_id="lesson_get",
    summary="One lesson.",
    responses=problems(404),
)
async def lesson_get(lesson_id: UUID, reading: Annotated[Reading, reads(READ)]) -> LessonRead:
    return LessonRead.model_validate(
        await queries.lesson(reading.session, reading.scope, lesson_id)
    )


@router.get(
    "/lessons/{lesson_id}/photos/{sha256}",
    operation_id="lesson_photo_get",
    summary="Download a photo of a lesson.",
    response_class=StreamingResponse,
    responses=problems(404) | {200: {"content": {mime: {} for mime in file_rules.TYPES}}},
)
async def lesson_photo(
    lesson_id: UUID,
    sha256: Annotated[str, Path(pattern=file_rules.SHA256_HEX)],
    reading: Annotated[Reading, reads(READ)],
) -> StreamingResponse:
    file = await queries.photo(reading.session, reading.scope, lesson_id, sha256)
    store = store_of(reading.settings, file.region_id)
    return StreamingResponse(
        await to_thread.run_sync(store.read, sha256),
        media_type=file.mime,
        headers={
            "Content-Length": str(file.bytes),
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=86400",
            "Content-Security-Policy": "sandbox",
        },
    )
