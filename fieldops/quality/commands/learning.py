"""The case library: lessons drafted, published, retired by supervisors (QA-07)."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from fieldops.kernel.commands import Args, Context, Text, command
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission
from fieldops.orders.rules import Kind
from fieldops.quality import rules
from fieldops.quality.commands.filling import Sha256
from fieldops.quality.errors import LessonNamesPeople, LessonStateWrong, MayNamePeople
from fieldops.quality.models import Lesson
from fieldops.quality.queries import lessons as queries
from fieldops.quality.rules import LessonState

DECIDE = Permission.QUALITY_DECIDE
Said = Annotated[Text, Field(min_length=3, max_length=2000)]
Services = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$")]


class LessonText(BaseModel):
    """A lesson in one language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Annotated[Text, Field(min_length=3, max_length=200)]
    problem: Said
    cause: Said
    remedy: Said


class DraftLesson(Args):
    text_en: LessonText = Field(description="What technicians read, in English.")
    text_zh: LessonText = Field(description="The same in Chinese.")
    kinds: list[Kind] = Field(
        default_factory=list, max_length=8, description="For these kinds of work; empty: all."
    )
    services: list[Services] = Field(
        default_factory=list, max_length=10, description="For these services; empty: all."
    )
    photos: list[Sha256] = Field(
        default_factory=list, max_length=10,
        description="Photos of the work you may see, by sha256; no person and no paper on them.",
    )  # fmt: skip


class OfLesson(Args):
    lesson_id: UUID = Field(description="The lesson.")


class ChangeLesson(DraftLesson, OfLesson):
    pass


class RetireLesson(OfLesson):
    reason: Text = Field(min_length=3, max_length=500, description="Why it is taken out.")


@command("lesson.draft", permission=DECIDE)
async def draft(ctx: Context, args: DraftLesson) -> Lesson:
    """Write a lesson: problem, cause, remedy and photos; nobody else reads it yet (QA-07).

    What looks like a customer's data is warned of. Raises NotFound for photos one may not see.
    """
    row = Lesson(
        region_id=ctx.region_id,
        state=LessonState.DRAFTED.value,
        drafted_by=ctx.actor.id,
        drafted_at=ctx.now,
    )
    await _write(ctx, row, args)
    ctx.add(row)
    return row


@command("lesson.change", permission=DECIDE, subject="lesson_id")
async def change(ctx: Context, args: ChangeLesson) -> Lesson:
    """Write a drafted lesson anew; what is published stays as it is (QA-07).

    Raises NotFound, LessonStateWrong.
    """
    row = await _in(ctx, args.lesson_id, LessonState.DRAFTED)
    await _write(ctx, row, args)
    return row


async def _write(ctx: Context, row: Lesson, args: DraftLesson) -> None:
    seen = await files_seen(ctx, args.photos)
    if len(seen) < len(set(args.photos)):
        raise NotFound(thing="photo")
    row.text_en, row.text_zh = args.text_en.model_dump(), args.text_zh.model_dump()
    row.kinds = sorted({kind.value for kind in args.kinds})
    row.services = sorted(set(args.services))
    row.photos = list(dict.fromkeys(args.photos))
    found = rules.names_people(_texts(row))
    if found is not None:
        ctx.warn(MayNamePeople(found=found))


async def files_seen(ctx: Context, photos: list[str]) -> set[str]:
    """Return those photos that the actor sees on visits, and that are no papers of customers."""
    scope = ctx.actor.scope(Permission.FILE_READ)
    return await queries.photos_seen(ctx.session, scope, photos)


def _texts(row: Lesson) -> list[str]:
    return [*row.text_en.values(), *row.text_zh.values()]


async def _in(ctx: Context, lesson_id: UUID, wanted: LessonState) -> Lesson:
    row = await queries.lock_lesson(ctx.session, ctx.actor.scope(DECIDE), lesson_id)
    if row.state != wanted:
        raise LessonStateWrong(state=row.state)
    return row


@command("lesson.publish", permission=DECIDE, subject="lesson_id")
async def publish(ctx: Context, args: OfLesson) -> Lesson:
    """Offer a lesson to the technicians of visits of its kinds, phones included (QA-07).

    Raises NotFound, LessonStateWrong, LessonNamesPeople.
    """
    row = await _in(ctx, args.lesson_id, LessonState.DRAFTED)
    found = rules.names_people(_texts(row))
    if found is not None:
        raise LessonNamesPeople(found=found)
    row.state = LessonState.PUBLISHED.value
    row.published_by, row.published_at = ctx.actor.id, ctx.now
    return row


@command("lesson.retire", permission=DECIDE, subject="lesson_id")
async def retire(ctx: Context, args: RetireLesson) -> Lesson:
    """Take a published lesson out; phones give it up with their next pull (QA-07).

    Raises NotFound, LessonStateWrong.
    """
    ctx.reason = args.reason
    row = await _in(ctx, args.lesson_id, LessonState.PUBLISHED)
    row.state = LessonState.RETIRED.value
    row.retired_by, row.retired_at, row.retired_reason = ctx.actor.id, ctx.now, args.reason
    return row
