"""Checklist templates, a visit's lists, their answers."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, part, reads, sort_by, verb
from fieldops.checklists import commands, drafting, queries, rules
from fieldops.checklists.models import (
    Answer,
    Checklist,
    KitCheck,
    Opened,
    Template,
    TemplateDraft,
    TemplateVersion,
)
from fieldops.checklists.rules import Body
from fieldops.checklists.schemas import (
    AnswerOnDevice,
    AnswerRead,
    ChecklistRead,
    DraftCheck,
    KitCheckRead,
    MissingItem,
    OpenedRead,
    TemplateChanges,
    TemplateDraftRead,
    TemplateFieldChange,
    TemplateFinding,
    TemplateItemChange,
    TemplateVersionRead,
)
from fieldops.kernel.errors import InvalidRequest, NotFound
from fieldops.kernel.permissions import Permission

router = APIRouter(tags=["checklists"])

verb(router, "/v1/checklist-templates", commands.publish_template)
verb(router, "/v1/checklist-templates/retire", commands.retire_template)
verb(router, "/v1/checklist-drafts", commands.draft_template)
verb(router, "/v1/checklist-drafts/{draft_id}/publish", commands.publish_draft)
verb(router, "/v1/checklist-drafts/{draft_id}/discard", commands.discard_draft)
verb(router, "/v1/checklists/opened/{opened_id}/settle", commands.settle_task)
verb(router, "/v1/kit-checks", commands.check_kit)
verb(router, "/v1/visits/{visit_id}/checklists/{checklist_id}/answers", commands.answer)


def _version(version: TemplateVersion, template: Template) -> TemplateVersionRead:
    return TemplateVersionRead.model_validate(
        {
            "id": version.id,
            "version": version.version,
            "code": template.code,
            "number": version.number,
            "kind": template.kind,
            "service": template.service,
            "segment": template.segment,
            "body": version.body,
            "published_at": version.published_at,
            "published_by": version.published_by,
            "retired_at": template.retired_at,
            "retired_reason": template.retired_reason,
        }
    )


@router.get(
    "/v1/checklist-templates",
    operation_id="checklist_template_list",
    summary="List the published versions of checklist templates.",
    responses=problems(),
)
async def list_templates(
    reading: Annotated[Reading, reads(Permission.CHECKLIST_READ)],
    only: Annotated[Narrowing, narrow_by(Template, "kind", "service", "segment")],
    code: Annotated[
        str | None, Query(max_length=60, pattern="^[a-z0-9_]*$", description="Only this template.")
    ] = None,
    sort: sort_by("published_at", "number") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[TemplateVersionRead]:
    statement = only(queries.versions(code=code))
    rows, following = await part(reading, statement, TemplateVersion.id, after, limit, sort)
    of = await queries.templates_of(reading.session, rows)
    return Page(items=[_version(row, of[row.template_id]) for row in rows], next=following)


@router.get(
    "/v1/checklist-templates/{version_id}",
    operation_id="checklist_template_get",
    summary="Read one published version of a template.",
    responses=problems(404),
)
async def get_template(
    version_id: UUID, reading: Annotated[Reading, reads(Permission.CHECKLIST_READ)]
) -> TemplateVersionRead:
    return _version(*await queries.version(reading.session, version_id))


def _changes(before: Body, after: Body) -> TemplateChanges:
    found = drafting.changes(before, after)

    def shown(fields: list[drafting.FieldChange]) -> list[TemplateFieldChange]:
        return [TemplateFieldChange.model_validate(field) for field in fields]

    return TemplateChanges(
        titles=shown(found.titles),
        added=found.added,
        removed=found.removed,
        changed=[
            TemplateItemChange(item_key=key, fields=shown(fields))
            for key, fields in found.changed.items()
        ],
        moved=found.moved,
    )


@router.get(
    "/v1/checklist-templates/{version_id}/changes",
    operation_id="checklist_template_changes",
    summary="Show what a version changed against another one of the same template (CH-01).",
    responses=problems(404),
)
async def template_changes(
    version_id: UUID,
    since: Annotated[UUID, Query(description="The version to compare with.")],
    reading: Annotated[Reading, reads(Permission.CHECKLIST_READ)],
) -> TemplateChanges:
    after, template = await queries.version(reading.session, version_id)
    before, of = await queries.version(reading.session, since)
    if of.id != template.id:
        raise InvalidRequest(reason="the two versions are of different templates")
    return _changes(Body.model_validate(before.body), Body.model_validate(after.body))


@router.get(
    "/v1/checklist-drafts",
    operation_id="checklist_draft_list",
    summary="List the drafts of checklist templates.",
    responses=problems(),
)
async def list_drafts(
    reading: Annotated[Reading, reads(Permission.CHECKLIST_PUBLISH)],
    only: Annotated[Narrowing, narrow_by(TemplateDraft, "kind", "service", "updated_at")],
    code: Annotated[
        str | None, Query(max_length=60, pattern="^[a-z0-9_]*$", description="Only this template.")
    ] = None,
    state: Annotated[
        Literal["open", "published", "discarded"] | None, Query(description="Only in this state.")
    ] = None,
    sort: sort_by("code", "kind", "updated_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[TemplateDraftRead]:
    statement = queries.drafts(code=code, state=state)
    return await page(
        reading, only(statement), TemplateDraft.id, after, limit, TemplateDraftRead, sort
    )


@router.get(
    "/v1/checklist-drafts/{draft_id}",
    operation_id="checklist_draft_get",
    summary="Read a draft of a checklist template.",
    responses=problems(404),
)
async def get_draft(
    draft_id: UUID, reading: Annotated[Reading, reads(Permission.CHECKLIST_PUBLISH)]
) -> TemplateDraftRead:
    return TemplateDraftRead.model_validate(await queries.draft(reading.session, draft_id))


@router.get(
    "/v1/checklist-drafts/{draft_id}/check",
    operation_id="checklist_draft_check",
    summary="Say all that keeps a draft from being published, texts without translation included.",
    responses=problems(404),
)
async def check_draft(
    draft_id: UUID, reading: Annotated[Reading, reads(Permission.CHECKLIST_PUBLISH)]
) -> DraftCheck:
    draft = await queries.draft(reading.session, draft_id)
    errors = await commands.draft_findings(reading.session, draft)
    whole = not drafting.findings(draft.body)
    return DraftCheck(
        ready=not errors and draft.state == "open",
        errors=[TemplateFinding.model_validate(error) for error in errors],
        untranslated=drafting.untranslated(Body.model_validate(draft.body)) if whole else [],
    )


@router.get(
    "/v1/checklist-drafts/{draft_id}/changes",
    operation_id="checklist_draft_changes",
    summary="Show what a draft would change against the newest version of its template.",
    responses=problems(404, 422),
)
async def draft_changes(
    draft_id: UUID, reading: Annotated[Reading, reads(Permission.CHECKLIST_PUBLISH)]
) -> TemplateChanges:
    draft = await queries.draft(reading.session, draft_id)
    rules.refuse_findings(drafting.findings(draft.body))
    newest = await queries.newest_version(reading.session, draft.code)
    if newest is None:
        raise NotFound(thing="published version")
    return _changes(Body.model_validate(newest.body), Body.model_validate(draft.body))


async def _read(reading: Reading, rows: Sequence[Checklist]) -> list[ChecklistRead]:
    region_id = reading.scope.region_id
    missing = await commands.missing_of(reading.session, region_id, rows)
    standing = await queries.standing(reading.session, region_id, [row.id for row in rows])

    def whole(row: Checklist) -> dict[str, Any]:
        return {
            **{
                name: getattr(row, name)
                for name in ChecklistRead.model_fields
                if hasattr(row, name)
            },
            "answers": [
                AnswerOnDevice.model_validate(a) for a in standing if a.checklist_id == row.id
            ],
            "missing": [MissingItem.model_validate(item) for item in missing[row.id]],
        }

    return [ChecklistRead.model_validate(whole(row)) for row in rows]


@router.get(
    "/v1/checklists",
    operation_id="checklist_list",
    summary="List checklists with their standing answers and what they lack.",
    responses=problems(),
)
async def list_checklists(
    reading: Annotated[Reading, reads(Permission.CHECKLIST_READ)],
    only: Annotated[
        Narrowing,
        narrow_by(Checklist, "centre_id", "work_order_id", "template_version_id", "state"),
    ],
    visit_id: Annotated[UUID | None, Query(description="Only of this visit.")] = None,
    sort: sort_by("created_at", "updated_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[ChecklistRead]:
    statement = only(queries.checklists(reading.scope, visit_id=visit_id))
    rows, following = await part(reading, statement, Checklist.id, after, limit, sort)
    return Page(items=await _read(reading, rows), next=following)


@router.get(
    "/v1/checklists/opened",
    operation_id="checklist_opened_list",
    summary="List what failed items opened: findings, cable work, tasks of the desk.",
    responses=problems(),
)
async def list_opened(
    reading: Annotated[Reading, reads(Permission.CHECKLIST_READ)],
    visit_id: Annotated[UUID | None, Query(description="Only of this visit.")] = None,
    opens: Annotated[rules.Opens | None, Query(description="Only this kind of thing.")] = None,
    settled: Annotated[
        bool | None, Query(description="Only settled tasks, or only what is not.")
    ] = None,
    corrected: Annotated[
        bool | None, Query(description="Only what a later answer corrects, or only the rest.")
    ] = None,
    withdrawn: Annotated[
        bool | None, Query(description="Only what a correction took back, or only what stands.")
    ] = None,
    sort: sort_by("opened_at", "item_key") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[OpenedRead]:
    statement = queries.opened(
        reading.scope,
        visit_id=visit_id,
        opens=opens,
        settled=settled,
        corrected=corrected,
        withdrawn=withdrawn,
    )
    return await page(reading, statement, Opened.id, after, limit, OpenedRead, sort)


@router.get(
    "/v1/checklists/{checklist_id}",
    operation_id="checklist_get",
    summary="Read a checklist with its standing answers and what it lacks.",
    responses=problems(404),
)
async def get_checklist(
    checklist_id: UUID, reading: Annotated[Reading, reads(Permission.CHECKLIST_READ)]
) -> ChecklistRead:
    row = await queries.checklist(reading.session, reading.scope, checklist_id)
    return (await _read(reading, [row]))[0]


@router.get(
    "/v1/checklists/{checklist_id}/answers",
    operation_id="checklist_answer_list",
    summary="List every answer ever given in a checklist, superseded ones included.",
    responses=problems(404),
)
async def list_answers(
    checklist_id: UUID,
    reading: Annotated[Reading, reads(Permission.CHECKLIST_READ)],
    only: Annotated[
        Narrowing, narrow_by(Answer, "item_key", "technician_id", "superseded", "estimated_at")
    ],
    sort: sort_by("item_key", "estimated_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[AnswerRead]:
    row = await queries.checklist(reading.session, reading.scope, checklist_id)
    return await page(
        reading, only(queries.history(row)), Answer.id, after, limit, AnswerRead, sort
    )


@router.get(
    "/v1/kit-checks",
    operation_id="kit_check_list",
    summary="List the checks before leaving: who had what, and what was absent (VI-02).",
    responses=problems(),
)
async def list_kit_checks(
    reading: Annotated[Reading, reads(Permission.CHECKLIST_READ)],
    only: Annotated[
        Narrowing, narrow_by(KitCheck, "technician_id", "centre_id", "day", "complete")
    ],
    *,
    standing: Annotated[
        bool, Query(description="Only the last check of each technician's day.")
    ] = False,
    sort: sort_by("day", "estimated_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[KitCheckRead]:
    statement = only(queries.kit_checks(reading.scope, standing=standing))
    return await page(reading, statement, KitCheck.id, after, limit, KitCheckRead, sort)
