"""Publish forms, fill them, give the sheet with the score (QA-03)."""

from collections import Counter
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.checklists.rules import Given, Key
from fieldops.kernel import clock
from fieldops.kernel.clock import local_day
from fieldops.kernel.commands import Args, Context, Json, Text, command, refuse_on
from fieldops.kernel.errors import StaleVersion
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation
from fieldops.quality import forms, rules
from fieldops.quality.commands.planning import own_inspection
from fieldops.quality.errors import FormNotWhole, FormUsedOtherwise, NotInSample
from fieldops.quality.forms import FormBody, InspectionKind
from fieldops.quality.models import FilledForm, Form, Inspection
from fieldops.quality.queries import inspections as queries
from fieldops.quality.rules import InspectionState

DECIDE = Permission.QUALITY_DECIDE
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

refuse_on("uq_quality_form_code_number", StaleVersion)


class PublishForm(Args):
    code: Key = Field(description="The form; a known code gets a new version.")
    kind: InspectionKind = Field(description="For which kind of inspection it is.")
    body: FormBody = Field(description="Titles and items with their points.")


class FormAnswer(Args):
    item_key: Key = Field(description="The item.")
    value: Json = Field(description="The answer; its shape follows from the item's type.")
    note: Text | None = Field(None, max_length=2000, description="A remark.")
    photos: list[Sha256] = Field(
        default_factory=list, max_length=10, description="Photos that show it, by sha256."
    )


class FillForm(Args):
    inspection_id: UUID = Field(description="The inspection.")
    visit_id: UUID | None = Field(
        None, description="Of the sample; null: about the unit as a whole."
    )
    answers: list[FormAnswer] = Field(
        min_length=1, max_length=forms.MOST_ITEMS, description="The whole form at once."
    )


@command("inspection_form.publish", permission=DECIDE)
async def publish(ctx: Context, args: PublishForm) -> Form:
    """Publish a form, or a new version of one; inspections keep theirs (QA-03).

    Raises FormInvalid, FormUsedOtherwise.
    """
    forms.check_form(args.body)
    former = await queries.newest_form(ctx.session, code=args.code)
    if former is not None and former.kind != args.kind:
        raise FormUsedOtherwise(code=args.code, kind=former.kind)
    row = Form(
        code=args.code,
        number=1 if former is None else former.number + 1,
        kind=args.kind.value,
        body=args.body.model_dump(mode="json"),
        published_at=ctx.now,
        published_by=ctx.actor.id,
    )
    ctx.add(row)
    return row


async def ensure_standard_forms(session: AsyncSession) -> None:
    """Publish the shipped forms that are not there yet; again does nothing (QA-03)."""
    for one in forms.shipped():
        if await queries.newest_form(session, code=one.code) is None:
            session.add(
                Form(
                    code=one.code,
                    number=1,
                    kind=one.kind.value,
                    body=one.body.model_dump(mode="json"),
                    published_at=clock.now(),
                    published_by=None,
                )
            )
    await session.flush()


@command("inspection.fill", permission=DECIDE, subject="inspection_id")
async def fill(ctx: Context, args: FillForm) -> list[Inspection | FilledForm]:
    """Fill the form for a visit of the sample, or for the unit, and count its score (QA-03).

    Filled again, it is replaced, and the history keeps both. Raises NotFound, NotYourInspection,
    InspectionEnded, NotInSample, FormNotWhole.
    """
    row = await own_inspection(ctx, args.inspection_id)
    rules.check_state(row.state, InspectionState.PLANNED)
    sample = await queries.sampled(ctx.session, ctx.region_id, row.id)
    if args.visit_id is not None and args.visit_id not in sample:
        raise NotInSample
    body = FormBody.model_validate((await queries.form(ctx.session, row.form_id)).body)
    given = {one.item_key: Given(one.value, one.note, tuple(one.photos)) for one in args.answers}
    if len(given) < len(args.answers):
        often = Counter(one.item_key for one in args.answers)
        raise FormNotWhole(items=", ".join(key for key in given if often[key] > 1))
    forms.check_answers(body, given)
    known = {
        one.visit_id: one for one in await queries.forms_of(ctx.session, ctx.region_id, row.id)
    }
    made = known.get(args.visit_id)
    if made is None:
        made = FilledForm(
            region_id=ctx.region_id,
            inspection_id=row.id,
            visit_id=args.visit_id,
            centre_id=sample[args.visit_id].centre_id if args.visit_id else row.centre_id,
            technician_id=await _whose(ctx, row, args.visit_id),
        )
        ctx.add(made)
    made.answers = {one.item_key: _kept(one) for one in args.answers}
    made.score = forms.score(body, given)
    made.filled_by, made.filled_at = ctx.actor.id, ctx.now
    return [row, made]


def _kept(one: FormAnswer) -> dict[str, Any]:
    return one.model_dump(mode="json", exclude={"item_key"})


async def _whose(ctx: Context, row: Inspection, visit_id: UUID | None) -> UUID | None:
    """Return whose work a form scores: nobody's for a form about the unit as a whole."""
    if visit_id is None or row.technician_id is not None:
        return row.technician_id
    return await queries.contact_of(ctx.session, ctx.region_id, visit_id)


async def today(ctx: Context) -> Any:
    """Return the region's day."""
    return local_day(ctx.now, await organisation.zone_of(ctx.session, ctx.region_id))
