"""Device views of checklists: the lists of own visits, their versions, answers and evidence.

Files stands below visits and cannot say whose a promise of evidence is; it is told here.
"""

from typing import Any

from sqlalchemy import Select, func, select

from fieldops.checklists.models import Answer, Checklist, Template, TemplateVersion
from fieldops.checklists.schemas import AnswerOnDevice, ChecklistOnDevice, TemplateOnDevice
from fieldops.files.models import FileLink
from fieldops.files.schemas import FileLinkOnDevice
from fieldops.kernel.views import DeviceScope, document, view
from fieldops.visits.views import own_visits
from fieldops.visits.views.work import fields, of_own_visits


@view("template", rank=5, schema=TemplateOnDevice)
def templates(scope: DeviceScope) -> Select[Any]:
    """Return the template versions that the lists of own visits are bound to (CH-01)."""
    own = own_visits(scope)
    needed = (
        select(Checklist.template_version_id.label("key"), func.min(own.c.tier).label("tier"))
        .join(own, own.c.visit_id == Checklist.visit_id)
        .where(Checklist.region_id == scope.region_id)
        .group_by(Checklist.template_version_id)
        .subquery("needed")
    )
    columns = fields(
        TemplateVersion,
        TemplateOnDevice,
        code=Template.code,
        kind=Template.kind,
        service=Template.service,
        segment=Template.segment,
    )
    return (
        document(TemplateVersion, columns, tier=needed.c.tier)
        .select_from(TemplateVersion)
        .join(Template, Template.id == TemplateVersion.template_id)
        .join(needed, needed.c.key == TemplateVersion.id)
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
