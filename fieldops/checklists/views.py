"""Device views of checklists: the lists of own visits, their versions, answers and evidence.

Files stands below visits and cannot say whose a promise of evidence is; it is told here.
"""

from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from fieldops.checklists.models import Answer, Checklist, KitCheck, Template, TemplateVersion
from fieldops.checklists.rules import KIT_CHECK
from fieldops.checklists.schemas import (
    AnswerOnDevice,
    ChecklistOnDevice,
    KitCheckOnDevice,
    TemplateOnDevice,
)
from fieldops.files.models import FileLink
from fieldops.files.schemas import FileLinkOnDevice
from fieldops.kernel.views import BACKGROUND, TODAY, DeviceScope, document, view
from fieldops.visits.views import own_visits
from fieldops.visits.views.work import fields, of_own_visits

KIT_CHECK_DAYS = 2


@view("template", rank=5, schema=TemplateOnDevice)
def templates(scope: DeviceScope) -> Select[Any]:
    """Return the versions that the lists of own visits are bound to, and the kit check's (CH-01).

    The newest of each template for the check before leaving, which is bound to no visit (VI-02).
    """
    own = own_visits(scope)
    needed = (
        select(Checklist.template_version_id.label("key"), func.min(own.c.tier).label("tier"))
        .join(own, own.c.visit_id == Checklist.visit_id)
        .where(Checklist.region_id == scope.region_id)
        .group_by(Checklist.template_version_id)
        .subquery("needed")
    )
    newer = aliased(TemplateVersion)
    superseded = (
        select(newer.id)
        .where(
            newer.template_id == TemplateVersion.template_id,
            newer.number > TemplateVersion.number,
        )
        .exists()
    )
    of_kit = and_(Template.kind == KIT_CHECK, Template.retired_at.is_(None), ~superseded)
    columns = fields(
        TemplateVersion,
        TemplateOnDevice,
        code=Template.code,
        kind=Template.kind,
        service=Template.service,
        segment=Template.segment,
    )
    return (
        document(TemplateVersion, columns, tier=func.coalesce(needed.c.tier, TODAY))
        .select_from(TemplateVersion)
        .join(Template, Template.id == TemplateVersion.template_id)
        .outerjoin(needed, needed.c.key == TemplateVersion.id)
        .where(or_(needed.c.key.is_not(None), of_kit))
    )


@view("kit_check", rank=10, schema=KitCheckOnDevice)
def kit_checks(scope: DeviceScope) -> Select[Any]:
    """Return the technician's own checks before leaving, for two days (VI-02)."""
    until = KitCheck.estimated_at + func.make_interval(0, 0, 0, KIT_CHECK_DAYS)
    return (
        document(KitCheck, fields(KitCheck, KitCheckOnDevice), tier=BACKGROUND, until=until)
        .select_from(KitCheck)
        .where(
            KitCheck.region_id == scope.region_id,
            KitCheck.technician_id == scope.person_id,
            until > scope.now,
        )
    )


@view("checklist", rank=30, schema=ChecklistOnDevice)
def checklists(scope: DeviceScope) -> Select[Any]:
    """Return the checklists of own visits."""
    return of_own_visits(Checklist, ChecklistOnDevice, scope)


@view("answer", rank=40, schema=AnswerOnDevice)
def answers(scope: DeviceScope) -> Select[Any]:
    """Return the standing answers of own visits' lists, the other technicians' too (CH-05)."""
    return of_own_visits(Answer, AnswerOnDevice, scope, Answer.superseded.is_(False))


@view("file_link", rank=40, schema=FileLinkOnDevice)
def file_links(scope: DeviceScope) -> Select[Any]:
    """Return what was promised as evidence of own visits, and what of it has arrived (SYNC 7)."""
    return of_own_visits(FileLink, FileLinkOnDevice, scope)
