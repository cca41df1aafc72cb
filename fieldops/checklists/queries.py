"""Reads and locks of templates, checklists and answers."""

from collections.abc import Collection, Iterable
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Select, Uuid, and_, any_, func, not_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from fieldops.checklists import policy
from fieldops.checklists.models import (
    Answer,
    Checklist,
    KitCheck,
    Opened,
    Template,
    TemplateDraft,
    TemplateVersion,
)
from fieldops.checklists.rules import PLANT_WITHIN, Body, Given
from fieldops.customers.models import Customer, Premises
from fieldops.files.models import FileLink
from fieldops.kernel import configuration, geo
from fieldops.kernel.direct import given, once
from fieldops.kernel.errors import NotFound
from fieldops.kernel.gathering import gathered, hanging_on, row_of
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one, lock_one
from fieldops.kernel.rows import tuples
from fieldops.network import queries as network
from fieldops.network.models import NetworkFeature, NetworkService
from fieldops.network.queries import ground
from fieldops.network.rules import FeatureKind, ServiceLife
from fieldops.orders.models import WorkOrder
from fieldops.visits import queries as visits
from fieldops.visits.models import Visit

MOST_BODIES = 200
_bodies: dict[UUID, Body] = {}


async def template(session: AsyncSession, code: str, *, lock: bool = False) -> Template | None:
    """Return a template by its code, None when there is none."""
    statement = select(Template).where(Template.code == code)
    found: Template | None = await session.scalar(
        statement.with_for_update() if lock else statement
    )
    return found


async def template_in_use(
    session: AsyncSession, kind: str, service: str | None, segment: str | None
) -> Template | None:
    """Return the template that is given out for exactly this use, None when there is none."""
    found: Template | None = await session.scalar(
        select(Template).where(
            Template.kind == kind,
            Template.service.is_not_distinct_from(service),
            Template.segment.is_not_distinct_from(segment),
            Template.retired_at.is_(None),
        )
    )
    return found


async def open_draft(session: AsyncSession, code: str) -> TemplateDraft | None:
    """Return the open draft of a code, locked; None when there is none."""
    found: TemplateDraft | None = await session.scalar(
        select(TemplateDraft)
        .where(TemplateDraft.code == code, TemplateDraft.state == "open")
        .with_for_update()
    )
    return found


async def draft(session: AsyncSession, draft_id: UUID, *, lock: bool = False) -> TemplateDraft:
    """Return a draft, whatever became of it; raises NotFound."""
    found: TemplateDraft | None = await session.get(TemplateDraft, draft_id, with_for_update=lock)
    if found is None:
        raise NotFound(thing="draft")
    return found


def drafts(*, code: str | None, state: str | None) -> Select[TemplateDraft]:
    """Return the statement for drafts by id, of one template and in one state when asked."""
    statement = select(TemplateDraft).order_by(TemplateDraft.id)
    if code is not None:
        statement = statement.where(TemplateDraft.code == code)
    return statement if state is None else statement.where(TemplateDraft.state == state)


async def newest_version(session: AsyncSession, code: str) -> TemplateVersion | None:
    """Return a template's newest version, None when nothing is published under the code."""
    found: TemplateVersion | None = await session.scalar(
        select(TemplateVersion)
        .join(Template, Template.id == TemplateVersion.template_id)
        .where(Template.code == code)
        .order_by(TemplateVersion.number.desc())
        .limit(1)
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


def versions(*, code: str | None) -> Select[TemplateVersion]:
    """Return the statement for the published versions by id, of one template when asked."""
    statement = (
        select(TemplateVersion)
        .join(Template, Template.id == TemplateVersion.template_id)
        .order_by(TemplateVersion.id)
    )
    return statement if code is None else statement.where(Template.code == code)


async def templates_of(
    session: AsyncSession, versions: Iterable[TemplateVersion]
) -> dict[UUID, Template]:
    """Return the templates of some versions by id."""
    wanted = {version.template_id for version in versions}
    found = await session.scalars(select(Template).where(Template.id.in_(wanted)))
    return {template.id: template for template in found}


async def version(session: AsyncSession, version_id: UUID) -> tuple[TemplateVersion, Template]:
    """Return a published version with its template; raises NotFound."""
    found = (await session.execute(published().where(TemplateVersion.id == version_id))).first()
    if found is None:
        raise NotFound(thing="template")
    return found[0], found[1]


async def versions_for_visit(
    session: AsyncSession, region_id: int, visit: Visit, bound: Collection[UUID]
) -> dict[UUID, UUID]:
    """Return the newest version that fits each open work order of a visit (CH-01).

    A template that names the service wins over one that does not, then one that names the
    segment. Work without a template, and work in `bound`, is left out.
    """
    work = [
        row
        for _, row in await visits.open_work(session, region_id, visit.id)
        if row.id not in bound
    ]
    templates = await _newest_versions(session) if work else []
    segment = await _segment(session, region_id, visit) if templates else None
    found: dict[UUID, UUID] = {}
    for row in work:
        fitting = [
            (template.service is not None, template.segment is not None, template.version_id)
            for template in templates
            if template.kind == row.kind
            and template.service in {None, row.service}
            and template.segment in {None, segment}
        ]
        if fitting:
            found[row.id] = max(fitting)[2]
    return found


class _Newest(NamedTuple):
    version_id: UUID
    kind: str
    service: str | None
    segment: str | None


async def _newest_versions(session: AsyncSession) -> list[_Newest]:
    """Return the newest version of every template in use, read once for a push."""
    known = gathered(session).facts
    if _newest_versions not in known:
        # Nothing is flushed before: no command that binds lists publishes templates.
        rows = await tuples(session, once(_newest), {})
        known[_newest_versions] = [_Newest(*row) for row in rows]
    found: list[_Newest] = known[_newest_versions]
    return found


def _newest() -> Select[UUID, str, str | None, str | None]:
    newest = aliased(TemplateVersion)
    of_template = select(func.max(newest.number)).where(newest.template_id == Template.id)
    return (
        select(TemplateVersion.id, Template.kind, Template.service, Template.segment)
        .join(Template, TemplateVersion.template_id == Template.id)
        .where(
            Template.retired_at.is_(None),
            TemplateVersion.number == of_template.scalar_subquery(),
        )
    )


async def _segment(session: AsyncSession, region_id: int, visit: Visit) -> str | None:
    """Return the segment of a visit's customer, read together with those of the locked visits."""
    if visit.customer_id is None:
        return None
    known = gathered(session)
    segments = known.facts.setdefault(_segment, {})
    if visit.customer_id not in segments:
        here = (row.customer_id for row in known.all_held(Visit))
        ids = {visit.customer_id, *(id_ for id_ in here if id_ is not None)}
        # Nothing is flushed before: no command that binds lists changes customers.
        of = {"region_id": region_id, "ids": list(ids)}
        segments.update(await tuples(session, once(_segments), of))
    found: str | None = segments.get(visit.customer_id)
    return found


def _segments() -> Select[UUID, str]:
    return select(Customer.id, Customer.segment).where(
        Customer.region_id == given("region_id", Integer()),
        Customer.id == any_(given("ids", ARRAY(Uuid()))),
    )


async def checklist(session: AsyncSession, scope: Scope, checklist_id: UUID) -> Checklist:
    """Return a checklist of the scope; raises NotFound."""
    return await find_one(
        session,
        select(Checklist).where(policy.visible(scope), Checklist.id == checklist_id),
        "checklist",
    )


def checklists(scope: Scope, *, visit_id: UUID | None = None) -> Select[Checklist]:
    """Return the statement for the checklists in a scope by id, of one visit if asked."""
    statement = select(Checklist).where(policy.visible(scope)).order_by(Checklist.id)
    return statement if visit_id is None else statement.where(Checklist.visit_id == visit_id)


async def lock_checklist(
    session: AsyncSession, region_id: int, visit_id: UUID, checklist_id: UUID
) -> Checklist:
    """Return a checklist of a visit that was judged already, locked; raises NotFound."""
    found = await row_of(
        session, Checklist, region_id, checklist_id, argument="checklist_id", lock=True
    )
    if found is None or found.visit_id != visit_id:
        raise NotFound(thing="checklist")
    return found


async def lists_of_visit(session: AsyncSession, region_id: int, visit_id: UUID) -> list[Checklist]:
    """Return all checklists of a visit by id (for the module's own rules)."""
    return await hanging_on(session, Checklist.visit_id, region_id, [visit_id])


async def bodies(session: AsyncSession, version_ids: Iterable[UUID]) -> dict[UUID, Body]:
    """Return the parsed bodies of template versions by id; a published one never changes."""
    wanted = set(version_ids)
    missing = wanted - _bodies.keys()
    if missing:
        with session.no_autoflush:
            rows = await session.execute(
                select(TemplateVersion.id, TemplateVersion.body).where(
                    TemplateVersion.id.in_(missing)
                )
            )
        if len(_bodies) > MOST_BODIES:
            _bodies.clear()
        _bodies.update({id_: Body.model_validate(body) for id_, body in rows})
    return {id_: _bodies[id_] for id_ in wanted if id_ in _bodies}


async def standing(
    session: AsyncSession, region_id: int, checklist_ids: Collection[UUID]
) -> list[Answer]:
    """Return the standing answers of some checklists, by checklist and item."""
    rows = await hanging_on(session, Answer.checklist_id, region_id, checklist_ids)
    found = [row for row in rows if not row.superseded]
    return sorted(found, key=lambda row: (row.checklist_id, row.item_key))


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
        given = Given(answer.value, answer.note, tuple(answer.photos), answer.test_id)
        by_list.setdefault(answer.checklist_id, {})[answer.item_key] = given
    return by_list


async def opened_of(
    session: AsyncSession, region_id: int, checklist_id: UUID
) -> dict[tuple[str, str], Opened]:
    """Return what a locked list's answers have opened, by item and kind of thing, locked."""
    rows = await hanging_on(session, Opened.checklist_id, region_id, [checklist_id], lock=True)
    return {(row.item_key, row.opens): row for row in rows}


async def also_called_for(session: AsyncSession, region_id: int, row: Opened) -> bool:
    """Return whether another answer that stands opened the same thing."""
    other = await session.scalar(
        select(Opened.id)
        .where(
            Opened.region_id == region_id,
            Opened.subject_id == row.subject_id,
            Opened.id != row.id,
            Opened.corrected_by.is_(None),
        )
        .limit(1)
    )
    return other is not None


def opened(
    scope: Scope,
    *,
    visit_id: UUID | None = None,
    opens: str | None = None,
    settled: bool | None = None,
    corrected: bool | None = None,
    withdrawn: bool | None = None,
) -> Select[Opened]:
    """Return the statement for what answers opened in a scope, by id."""
    found = select(Opened).where(policy.visible_opened(scope)).order_by(Opened.id)
    if visit_id is not None:
        found = found.where(Opened.visit_id == visit_id)
    if opens is not None:
        found = found.where(Opened.opens == opens)
    if settled is not None:
        waits = and_(Opened.settled_at.is_(None), Opened.withdrawn_at.is_(None))
        found = found.where(not_(waits) if settled else waits)
    if corrected is not None:
        noted = Opened.corrected_by
        found = found.where(noted.is_not(None) if corrected else noted.is_(None))
    if withdrawn is not None:
        gone = Opened.withdrawn_at
        found = found.where(gone.is_not(None) if withdrawn else gone.is_(None))
    return found


async def corrected_work(
    session: AsyncSession, region_id: int, work_order_ids: Collection[UUID]
) -> set[UUID]:
    """Return which work was opened by answers that were corrected, all of them."""
    found = await session.execute(
        select(Opened.subject_id)
        .where(Opened.region_id == region_id, Opened.subject_id.in_(work_order_ids))
        .group_by(Opened.subject_id)
        .having(func.bool_and(Opened.corrected_by.is_not(None)))
    )
    return {row[0] for row in found}


async def lock_opened(session: AsyncSession, scope: Scope, opened_id: UUID) -> Opened:
    """Return what an answer opened, locked; raises NotFound outside the scope."""
    return await lock_one(session, opened(scope).where(Opened.id == opened_id), "task")


async def service_of(session: AsyncSession, region_id: int, work_order_id: UUID) -> UUID | None:
    """Return the line that a work order is about, None when it is about none."""
    found = await row_of(session, WorkOrder, region_id, work_order_id)
    return found.service_id if found is not None else None


async def plant_of(
    session: AsyncSession,
    region_id: int,
    premises_id: UUID,
    lines: Collection[UUID],
    kind: FeatureKind,
) -> NetworkFeature | None:
    """Return the plant of a kind that a visit is about; None when the record has none there.

    The one nearest to the customer on the way of the visit's line, then of the premises' lines,
    then the nearest on the ground within the number `checklist_plant_within`.
    """
    of_home = select(NetworkService.id).where(
        NetworkService.region_id == region_id,
        NetworkService.premises_id == premises_id,
        NetworkService.state != ServiceLife.CEASED,
    )
    for ids in (lines, list(await session.scalars(of_home))):
        ways = await network.way_of(session, region_id, ids, [kind.value]) if ids else {}
        if ways:
            nearest = max(ways, key=lambda id_: (ways[id_], id_))
            return await session.get(NetworkFeature, (region_id, nearest))
    home = await session.get(Premises, (region_id, premises_id))
    if home is None:
        return None
    metres = await configuration.value(session, region_id, PLANT_WITHIN)
    door = geo.Point(coordinates=geo.position_of(home.point))
    found = await session.scalars(
        ground.near(Scope(region_id, whole_region=True), door, metres, [kind]).limit(1)
    )
    nearby: NetworkFeature | None = found.first()
    return nearby


def kit_checks(scope: Scope, *, standing: bool = False) -> Select[KitCheck]:
    """Return the statement for kit checks in a scope by id; `standing`: the last one of each day.

    The last is the one that was done last, not the one that arrived last.
    """
    found = select(KitCheck).where(policy.visible_kit_checks(scope)).order_by(KitCheck.id)
    if not standing:
        return found
    later = aliased(KitCheck)
    return found.where(
        ~select(later.id)
        .where(
            later.region_id == KitCheck.region_id,
            later.region_id == scope.region_id,
            later.technician_id == KitCheck.technician_id,
            later.day == KitCheck.day,
            tuple_(later.estimated_at, later.id) > tuple_(KitCheck.estimated_at, KitCheck.id),
        )
        .exists()
    )
