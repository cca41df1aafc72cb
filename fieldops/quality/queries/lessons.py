"""Reads of the case library (QA-07)."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.files import policy as files
from fieldops.files.models import File, FileLink
from fieldops.files.rules import HANDWRITING
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one, lock_one
from fieldops.orders.models import WorkOrder
from fieldops.quality import policy
from fieldops.quality.models import Lesson
from fieldops.visits.models import VisitWork


def lessons(
    scope: Scope,
    *,
    states: Collection[str] = (),
    kind: str | None = None,
    service: str | None = None,
    visit_id: UUID | None = None,
) -> Select[Lesson]:
    """Return the statement for the lessons that are visible, by id.

    `kind` and `service` keep those for them or for all; `visit_id` those for the work of a visit.
    """
    found = select(Lesson).where(policy.visible_lessons(scope)).order_by(Lesson.id)
    if states:
        found = found.where(Lesson.state.in_(states))
    if kind is not None:
        found = found.where(or_(Lesson.kinds == [], func.jsonb_exists(Lesson.kinds, kind)))
    if service is not None:
        found = found.where(or_(Lesson.services == [], func.jsonb_exists(Lesson.services, service)))
    if visit_id is not None:
        work = (
            select(WorkOrder.id)
            .join(
                VisitWork,
                and_(
                    VisitWork.region_id == WorkOrder.region_id,
                    VisitWork.work_order_id == WorkOrder.id,
                ),
            )
            .where(
                WorkOrder.region_id == scope.region_id,
                VisitWork.region_id == scope.region_id,
                VisitWork.visit_id == visit_id,
                policy.fits_work(Lesson, WorkOrder.kind, WorkOrder.service),
            )
        )
        found = found.where(work.exists())
    return found


async def lesson(session: AsyncSession, scope: Scope, lesson_id: UUID) -> Lesson:
    """Return a lesson; raises NotFound where it is not visible."""
    return await find_one(session, lessons(scope).where(Lesson.id == lesson_id), "lesson")


async def lock_lesson(session: AsyncSession, scope: Scope, lesson_id: UUID) -> Lesson:
    """Return a lesson locked, as it is now; raises NotFound where it is not visible."""
    return await lock_one(session, lessons(scope).where(Lesson.id == lesson_id), "lesson")


async def photos_seen(session: AsyncSession, scope: Scope, sha256s: Collection[str]) -> set[str]:
    """Return those contents that a scope sees as photos; papers of customers are none."""
    found = await session.scalars(
        select(FileLink.sha256).where(
            files.visible(scope),
            FileLink.sha256.in_(sorted(sha256s)),
            FileLink.mime.startswith("image/", autoescape=True),
            FileLink.purpose.not_in(sorted(HANDWRITING)),
        )
    )
    return set(found)


async def photo(session: AsyncSession, scope: Scope, lesson_id: UUID, sha256: str) -> File:
    """Return the stored photo of a lesson that is visible; raises NotFound."""
    return await find_one(
        session,
        select(File)
        .join(
            Lesson,
            and_(Lesson.region_id == File.region_id, func.jsonb_exists(Lesson.photos, File.sha256)),
        )
        .where(
            policy.visible_lessons(scope),
            Lesson.region_id == scope.region_id,
            File.region_id == scope.region_id,
            Lesson.id == lesson_id,
            File.sha256 == sha256,
            File.stored_at.is_not(None),
        ),
        "photo of the lesson",
    )
