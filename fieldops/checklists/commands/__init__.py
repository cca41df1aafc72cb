"""The verbs of checklists: draft, publish and retire templates; answering and kit have files."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.checklists import drafting, queries, rules, standard
from fieldops.checklists.commands.answering import answer, settle_task
from fieldops.checklists.commands.kit import check_kit
from fieldops.checklists.errors import (
    ChecklistIncomplete,
    DraftMoved,
    TemplateUsedOtherwise,
    TemplateUseTaken,
)
from fieldops.checklists.events import ListsCompleting
from fieldops.checklists.models import Checklist, Template, TemplateDraft, TemplateVersion
from fieldops.checklists.rules import Body, Key
from fieldops.kernel import clock
from fieldops.kernel.commands import Args, Context, Text, command, refuse_on
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission
from fieldops.visits.models import Visit

__all__ = ["answer", "check_kit", "settle_task"]

refuse_on("uq_checklists_template_use", TemplateUseTaken)
refuse_on("uq_checklists_template_draft_open", DraftMoved)

WorkKind = Literal[
    "install", "remove", "move", "change", "repair", "inspect", "patrol", "care", "kit_check"
]
"""Kinds of work, and the check before leaving: that one is given to no work order (VI-02)."""
Segment = Literal["household", "personal", "government", "enterprise"]


class PublishTemplate(Args):
    code: Key = Field(description="The template's code; a new one makes a new template.")
    kind: WorkKind = Field(description="The kind of work it is for.")
    service: Text | None = Field(
        None, min_length=1, max_length=40, description="The service; without it every service."
    )
    segment: Segment | None = Field(
        None, description="The customers' segment; without it every segment."
    )
    body: Body = Field(description="Titles and items of the new version.")


@command("checklist.publish_template", permission=Permission.CHECKLIST_PUBLISH)
async def publish_template(ctx: Context, args: PublishTemplate) -> TemplateVersion:
    """Publish a new version of a checklist template; visits keep the one they have (CH-01).

    Raises TemplateInvalid with every item and rule, TemplateUsedOtherwise, TemplateUseTaken.
    """
    rules.check_body(args.body)
    template = await queries.template(ctx.session, args.code, lock=True)
    use = (args.kind, args.service, args.segment)
    if template is None:
        template = Template(code=args.code, kind=use[0], service=use[1], segment=use[2])
        ctx.add(template)
        await ctx.session.flush()
    elif (template.kind, template.service, template.segment) != use:
        shown = "/".join((template.kind, template.service or "any", template.segment or "any"))
        raise TemplateUsedOtherwise(template_code=args.code, use=shown)
    _use_again(template)
    return await _publish(ctx.session, template, args.body, by=ctx.actor.id)


def _use_again(template: Template) -> None:
    """Take back a template's retirement: who publishes a version of it wants it given out."""
    template.retired_at = template.retired_by = template.retired_reason = None


class DraftTemplate(Args):
    code: Key = Field(description="The template's code, of a known or a new template.")
    kind: WorkKind = Field(description="The kind of work it is for.")
    service: Text | None = Field(
        None, min_length=1, max_length=40, description="The service; without it every service."
    )
    segment: Segment | None = Field(
        None, description="The customers' segment; without it every segment."
    )
    body: Annotated[dict[str, Any], AfterValidator(drafting.storable)] = Field(
        description="Titles and items so far; what is wrong with them keeps nothing from saving."
    )
    draft_version: int | None = Field(
        None,
        ge=1,
        le=2_000_000_000,
        description="The version of the open draft that this replaces; without it a new draft.",
    )


@command("checklist.draft_template", permission=Permission.CHECKLIST_PUBLISH)
async def draft_template(ctx: Context, args: DraftTemplate) -> TemplateDraft:
    """Save the draft of a template's next version; it may be incomplete and wrong (CH-01).

    Raises DraftMoved when the open draft of the code is not the one that was read.
    """
    given = args.model_dump(exclude={"draft_version"})
    draft = await queries.open_draft(ctx.session, args.code)
    if (draft.version if draft else None) != args.draft_version:
        raise DraftMoved
    if draft is None:
        draft = TemplateDraft(**given, edited_by=ctx.actor.id)
        ctx.add(draft)
        return draft
    for name, value in given.items():
        setattr(draft, name, value)
    draft.edited_by = ctx.actor.id
    return draft


class PublishDraft(Args):
    draft_id: UUID = Field(description="The draft that becomes the newest version.")
    draft_version: int = Field(ge=1, le=2_000_000_000, description="The version that was read.")


@command("checklist.publish_draft", permission=Permission.CHECKLIST_PUBLISH)
async def publish_draft(ctx: Context, args: PublishDraft) -> list[TemplateVersion | TemplateDraft]:
    """Publish a draft as its template's newest version; visits keep the one they have (CH-01).

    Raises NotFound, DraftMoved, TemplateInvalid with everything that is wrong at once.
    """
    draft = await _draft(ctx, args)
    rules.refuse_findings(await draft_findings(ctx.session, draft))
    use = {"kind": draft.kind, "service": draft.service, "segment": draft.segment}
    template = await queries.template(ctx.session, draft.code, lock=True)
    if template is None:
        template = Template(code=draft.code, **use)
        ctx.add(template)
        await ctx.session.flush()
    _use_again(template)
    draft.state = "published"
    body = Body.model_validate(draft.body)
    return [await _publish(ctx.session, template, body, by=ctx.actor.id), draft]


class DiscardDraft(PublishDraft):
    draft_id: UUID = Field(description="The draft that is not wanted any more.")


@command("checklist.discard_draft", permission=Permission.CHECKLIST_PUBLISH)
async def discard_draft(ctx: Context, args: DiscardDraft) -> TemplateDraft:
    """Put an open draft away; what is published stays as it is. Raises NotFound, DraftMoved."""
    draft = await _draft(ctx, args)
    draft.state = "discarded"
    return draft


async def _draft(ctx: Context, args: PublishDraft) -> TemplateDraft:
    draft = await queries.draft(ctx.session, args.draft_id, lock=True)
    if draft.state != "open" or draft.version != args.draft_version:
        raise DraftMoved
    return draft


async def draft_findings(session: AsyncSession, draft: TemplateDraft) -> list[dict[str, str]]:
    """Return everything that keeps a draft from being published, its use included."""
    errors = drafting.findings(draft.body)
    use = (draft.kind, draft.service, draft.segment)
    template = await queries.template(session, draft.code)
    if template is not None and (template.kind, template.service, template.segment) != use:
        message = f"{draft.code} is for another kind of work, service or segment"
        errors.append({"field": "code", "rule": "used_otherwise", "message": message})
    other = await queries.template_in_use(session, *use)
    if other is not None and other.code != draft.code:
        message = f"{other.code} is for this kind of work, service and segment already"
        errors.append({"field": "kind", "rule": "use_taken", "message": message})
    return errors


class RetireTemplate(Args):
    code: Key = Field(description="The template that is no longer to be given out.")
    reason: Text = Field(min_length=1, max_length=500, description="Why.")


@command("checklist.retire_template", permission=Permission.CHECKLIST_PUBLISH)
async def retire_template(ctx: Context, args: RetireTemplate) -> Template:
    """Give a template to no further work; lists that were given out stay (CH-01).

    One that is retired already stays as it is. Raises NotFound.
    """
    template = await queries.template(ctx.session, args.code, lock=True)
    if template is None:
        raise NotFound(thing="template")
    if template.retired_at is None:
        template.retired_at = ctx.now
        template.retired_by = ctx.actor.id
        template.retired_reason = args.reason
    return template


async def _publish(
    session: AsyncSession, template: Template, body: Body, *, by: UUID | None
) -> TemplateVersion:
    version = TemplateVersion(
        template_id=template.id,
        number=await queries.newest_number(session, template.id) + 1,
        body=body.model_dump(mode="json", exclude_defaults=True),
        published_at=clock.now(),
        published_by=by,
    )
    session.add(version)
    await session.flush()
    return version


async def ensure_standard_templates(session: AsyncSession) -> None:
    """Publish the shipped templates that are not there yet (CH-03, CH-04); again does nothing.

    Where the operator has a template of its own for the same use, that one stays in use.
    """
    known = await queries.template_codes(session)
    for shipped in standard.templates():
        use = (shipped.kind, shipped.service, shipped.segment)
        if shipped.code in known or await queries.template_in_use(session, *use) is not None:
            continue
        template = Template(
            code=shipped.code,
            kind=shipped.kind,
            service=shipped.service,
            segment=shipped.segment,
        )
        session.add(template)
        await session.flush()
        await _publish(session, template, shipped.body, by=None)


async def bind(ctx: Context, visit: Visit) -> None:
    """Give each open work order of a visit its checklist, of the newest version (CH-01).

    A list that is there keeps the version it has.
    """
    existing = await queries.lists_of_visit(ctx.session, ctx.region_id, visit.id)
    bound = {checklist.work_order_id for checklist in existing}
    versions = await queries.versions_for_visit(ctx.session, ctx.region_id, visit, bound)
    ctx.add(
        *(
            Checklist(
                region_id=ctx.region_id,
                visit_id=visit.id,
                work_order_id=work_order_id,
                template_version_id=version_id,
                centre_id=visit.centre_id,
            )
            for work_order_id, version_id in sorted(versions.items())
        )
    )


async def missing_of(
    session: AsyncSession, region_id: int, lists: Sequence[Checklist]
) -> dict[UUID, list[rules.Missing]]:
    """Return what each of some checklists still lacks."""
    photos = await queries.photographed(session, region_id, [row.id for row in lists])
    filled = await _filled(session, region_id, lists)
    return {id_: rules.missing(body, given, photos[id_]) for id_, body, given in filled}


async def _filled(
    session: AsyncSession, region_id: int, lists: Sequence[Checklist]
) -> list[tuple[UUID, rules.Body, dict[str, rules.Given]]]:
    """Return lists with their version's body and their standing answers."""
    bodies = await queries.bodies(session, {row.template_version_id for row in lists})
    rows = await queries.standing(session, region_id, [row.id for row in lists])
    answers = queries.as_given(rows)
    return [(row.id, bodies[row.template_version_id], answers.get(row.id, {})) for row in lists]


async def complete(ctx: Context, visit_id: UUID, work_order_ids: Sequence[UUID]) -> None:
    """Close the lists of the work that is completed; raises ChecklistIncomplete (VI-04)."""
    lists = [
        checklist
        for checklist in await queries.lists_of_visit(ctx.session, ctx.region_id, visit_id)
        if checklist.work_order_id in set(work_order_ids)
    ]
    photos = await queries.photographed(ctx.session, ctx.region_id, [row.id for row in lists])
    filled = await _filled(ctx.session, ctx.region_id, lists)
    lacking = [
        {"checklist_id": str(id_), "item_key": item.item_key, "lacks": item.lacks}
        for id_, body, given in filled
        for item in rules.missing(body, given, photos[id_])
    ]
    if lacking:
        keys = ", ".join(f"{item['item_key']} ({item['lacks']})" for item in lacking)
        raise ChecklistIncomplete(
            items=keys, missing=lacking, next_steps=("checklist.answer", "visit.fail")
        )
    bound = [item for _, body, given in filled for item in rules.bound(body, given)]
    if bound:
        await ctx.emit(ListsCompleting(visit_id, tuple(bound)))
    for checklist in lists:
        checklist.state = "complete"
