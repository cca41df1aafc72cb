"""Reads and locks of templates, checklists and answers."""

from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from fieldops.checklists import policy
from fieldops.checklists.models import Answer, Checklist, Template, TemplateVersion
from fieldops.checklists.rules import Body, Given
from fieldops.customers.models import Customer
from fieldops.files.models import FileLink
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Scope
from fieldops.orders.models import WorkOrder
from fieldops.visits.models import Visit, VisitWork


async def template(session: AsyncSession, code: str, *, lock: bool = False) -> Template | None:
    """Return a template by its code, None when there is none."""
    statement = select(Template).where(Template.code == code)
    found: Template | None = await session.scalar(
        statement.with_for_update() if lock else statement
    )
    return found


async def newest_number(session: AsyncSession, template_id: UUID) -> int:
    """Return the number of a template's newest version, 0 when it has none."""
    found = await session.scalar(
        select(func.max(TemplateVersion.number)).where(TemplateVersion.template_id == template_id)
    )
    return found or 0


async def template_codes(session: AsyncSession) -> set[str]:
    """Return the codes of all templates."""
    return set(await session.scalars(select(Template.code)))


def published() -> Select[TemplateVersion, Template]:
    """Return the statement for all published versions with their templates, by id."""
    return (
        select(TemplateVersion, Template)
        .join(Template, Template.id == TemplateVersion.template_id)
        .order_by(TemplateVersion.id)
    )


async def versions(
    session: AsyncSession, *, code: str | None, after: UUID | None, limit: int
) -> list[tuple[TemplateVersion, Template]]:
    """Return published versions by id, of one template when asked."""
    statement = published().limit(limit)
    if code is not None:
        statement = statement.where(Template.code == code)
    if after is not None:
        statement = statement.where(TemplateVersion.id > after)
    return [(version, of) for version, of in await session.execute(statement)]


async def version(session: AsyncSession, version_id: UUID) -> tuple[TemplateVersion, Template]:
    """Return a published version with its template; raises NotFound."""
    found = (await session.execute(published().where(TemplateVersion.id == version_id))).first()
    if found is None:
        raise NotFound(thing="template")
    return found[0], found[1]


async def versions_for_visit(
    session: AsyncSession, region_id: int, visit_id: UUID
) -> dict[UUID, UUID]:
    """Return the newest version that fits each open work order of a visit (CH-01).

    A template that names the service wins over one that does not, then one that names the
    segment. Work without a template is left out.
    """
    newest = aliased(TemplateVersion)
    found = await session.execute(
        select(WorkOrder.id, TemplateVersion.id)
        .select_from(VisitWork)
        .join(
            WorkOrder,
            and_(
                WorkOrder.region_id == VisitWork.region_id, WorkOrder.id == VisitWork.work_order_id
            ),
        )
        .join(Visit, and_(Visit.region_id == VisitWork.region_id, Visit.id == VisitWork.visit_id))
        .join(
            Customer, and_(Customer.region_id == Visit.region_id, Customer.id == Visit.customer_id)
        )
        .join(
            Template,
            and_(
                Template.kind == WorkOrder.kind,
                or_(Template.service.is_(None), Template.service == WorkOrder.service),
                or_(Template.segment.is_(None), Template.segment == Customer.segment),
            ),
        )
        .join(TemplateVersion, TemplateVersion.template_id == Template.id)
        .where(
            VisitWork.region_id == region_id,
            WorkOrder.region_id == region_id,
            Visit.region_id == region_id,
            Customer.region_id == region_id,
            VisitWork.visit_id == visit_id,
            VisitWork.ended_at.is_(None),
            TemplateVersion.number
            == select(func.max(newest.number))
            .where(newest.template_id == Template.id)
            .scalar_subquery(),
        )
        # Ascending: the last one of a work order is the one that names most.
        .order_by(WorkOrder.id, Template.service.is_not(None), Template.segment.is_not(None))
    )
    return {work_order_id: version_id for work_order_id, version_id in found}  # noqa: C416 - rows


async def checklist(session: AsyncSession, scope: Scope, checklist_id: UUID) -> Checklist:
    """Return a checklist of the scope; raises NotFound."""
    found: Checklist | None = await session.scalar(
        select(Checklist).where(policy.visible(scope), Checklist.id == checklist_id)
    )
    if found is None:
        raise NotFound(thing="checklist")
    return found


def checklists(scope: Scope, *, visit_id: UUID | None = None) -> Select[Checklist]:
    """Return the statement for the checklists in a scope by id, of one visit if asked."""
    statement = select(Checklist).where(policy.visible(scope)).order_by(Checklist.id)
    return statement if visit_id is None else statement.where(Checklist.visit_id == visit_id)


async def lock_checklist(
    session: AsyncSession, region_id: int, visit_id: UUID, checklist_id: UUID
) -> Checklist:
    """Return a checklist of a visit that was judged already, locked; raises NotFound."""
    found: Checklist | None = await session.scalar(
        select(Checklist)
        .where(
            Checklist.region_id == region_id,
            Checklist.visit_id == visit_id,
            Checklist.id == checklist_id,
        )
        .with_for_update()
    )
    if found is None:
        raise NotFound(thing="checklist")
    return found


async def lists_of_visit(session: AsyncSession, region_id: int, visit_id: UUID) -> list[Checklist]:
    """Return all checklists of a visit by id (for the module's own rules)."""
    found = await session.scalars(
        select(Checklist)
        .where(Checklist.region_id == region_id, Checklist.visit_id == visit_id)
        .order_by(Checklist.id)
    )
    return list(found)


async def bodies(session: AsyncSession, version_ids: Iterable[UUID]) -> dict[UUID, Body]:
    """Return the parsed bodies of template versions by id."""
    found = await session.execute(
        select(TemplateVersion.id, TemplateVersion.body).where(
            TemplateVersion.id.in_(set(version_ids))
        )
    )
    return {version_id: Body.model_validate(body) for version_id, body in found}


async def standing(
    session: AsyncSession, region_id: int, checklist_ids: Collection[UUID]
) -> list[Answer]:
    """Return the standing answers of some checklists, by checklist and item."""
    found = await session.scalars(
        select(Answer)
        .where(
            Answer.region_id == region_id,
            Answer.checklist_id.in_(checklist_ids),
            Answer.superseded.is_(False),
        )
        .order_by(Answer.checklist_id, Answer.item_key)
    )
    return list(found)


def history(row: Checklist) -> Select[Answer]:
    """Return the statement for every answer ever given in a checklist, by id."""
    return (
        select(Answer)
        .where(Answer.region_id == row.region_id, Answer.checklist_id == row.id)
        .order_by(Answer.id)
    )


async def photographed(
    session: AsyncSession, region_id: int, checklist_ids: Collection[UUID]
) -> dict[UUID, set[str]]:
    """Return the keys of items that photos of the list's visit were linked to, per checklist."""
    found = await session.execute(
        select(FileLink.subject_id, FileLink.item_key)
        .join(
            Checklist,
            and_(Checklist.region_id == FileLink.region_id, Checklist.id == FileLink.subject_id),
        )
        .where(
            FileLink.region_id == region_id,
            Checklist.region_id == region_id,
            FileLink.visit_id == Checklist.visit_id,
            FileLink.subject_type == "checklist",
            FileLink.subject_id.in_(checklist_ids),
            FileLink.item_key.is_not(None),
        )
        .distinct()
    )
    keys: dict[UUID, set[str]] = {id_: set() for id_ in checklist_ids}
    for checklist_id, key in found:
        keys[checklist_id].add(str(key))
    return keys


def as_given(answers: Iterable[Answer]) -> dict[UUID, dict[str, Given]]:
    """Return standing answers as the rules take them, per checklist and item."""
    by_list: dict[UUID, dict[str, Given]] = {}
    for answer in answers:
        given = Given(answer.value, answer.note, tuple(answer.photos))
        by_list.setdefault(answer.checklist_id, {})[answer.item_key] = given
    return by_list
