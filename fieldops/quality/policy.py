"""Who sees what was noticed: technicians about their own work, supervisors, a firm about its own.

What is said about somebody's work is nobody else's business: dispatchers, agents and colleagues
do not see it.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true

from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown
from fieldops.organisation.models import Technician
from fieldops.quality.models import (
    AccountabilityCase,
    Draw,
    EvidenceFlag,
    EvidenceLook,
    FeedbackRound,
    FilledForm,
    Inspection,
    InspectionFinding,
    Lesson,
    PhotoPrint,
    SampledVisit,
)
from fieldops.quality.rules import LessonState


def visible_flags(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the flags in a scope."""
    return scope.predicate(
        EvidenceFlag,
        own=EvidenceFlag.technician_id == scope.technician_id,
        firm=EvidenceFlag.technician_id.in_(_of_firm(scope)),
    )


def _of_firm(scope: Scope) -> Select[UUID]:
    return select(Technician.id).where(
        Technician.region_id == scope.region_id, Technician.firm_id == scope.firm_id
    )


def visible_looks(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the looks at the visits of a scope's centres."""
    return scope.predicate(EvidenceLook)


def visible_prints(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the prints: the whole region's supervisors only."""
    return PhotoPrint.region_id == (scope.region_id if scope.whole_region else -1)


def visible_inspections(scope: Scope, person_id: UUID | None = None) -> ColumnElement[bool]:
    """Return the condition for the inspections of a scope's centres, and for those one does.

    An inspection of the whole region is its supervisors' only. Whoever inspects another unit
    (QA-01) sees that inspection without seeing the unit.
    """
    covered = scope.predicate(Inspection)
    if person_id is None:
        return covered
    mine = Inspection.inspector_id == person_id
    return and_(Inspection.region_id == scope.region_id, or_(covered, mine))


def visible_parts(model: Any, scope: Scope, person_id: UUID | None = None) -> ColumnElement[bool]:
    """Return the condition for what hangs from the inspections that are visible."""
    seen = select(Inspection.id).where(visible_inspections(scope, person_id))
    return and_(model.region_id == scope.region_id, model.inspection_id.in_(seen))


def visible_draws(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for draws."""
    return visible_parts(Draw, scope)


def visible_samples(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for sampled visits."""
    return visible_parts(SampledVisit, scope)


def visible_forms(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for filled forms."""
    return visible_parts(FilledForm, scope)


def visible_rounds(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for feedback sheets: of one's centres, on one's own work, the firm's."""
    return scope.predicate(
        FeedbackRound,
        own=FeedbackRound.technician_id == scope.technician_id,
        firm=FeedbackRound.technician_id.in_(_of_firm(scope)),
    )


def visible_findings(scope: Scope, person_id: UUID | None = None) -> ColumnElement[bool]:
    """Return the condition for findings: of visible inspections, and given ones on own work."""
    given = InspectionFinding.given_at.is_not(None)
    covered = scope.predicate(
        InspectionFinding,
        own=and_(given, InspectionFinding.technician_id == scope.technician_id),
        firm=and_(
            given,
            or_(
                InspectionFinding.unit_id == scope.firm_id,
                InspectionFinding.technician_id.in_(_of_firm(scope)),
            ),
        ),
    )
    if person_id is None:
        return covered
    of_mine = select(Inspection.id).where(
        Inspection.region_id == scope.region_id, Inspection.inspector_id == person_id
    )
    return and_(
        InspectionFinding.region_id == scope.region_id,
        or_(covered, InspectionFinding.inspection_id.in_(of_mine)),
    )


def visible_cases(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for cases: of one's centres, the own firm's, one's own."""
    return scope.predicate(
        AccountabilityCase,
        own=AccountabilityCase.technician_id == scope.technician_id,
        firm=or_(
            AccountabilityCase.unit_id == scope.firm_id,
            AccountabilityCase.technician_id.in_(_of_firm(scope)),
        ),
    )


def visible_lessons(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for lessons: the published ones, for the offices all of the region."""
    published: ColumnElement[bool] = Lesson.state == LessonState.PUBLISHED
    seen = published if not scope.office else true()
    return and_(Lesson.region_id == scope.region_id, seen)


def fits_work(lesson: Any, kind: Any, service: Any) -> ColumnElement[bool]:
    """Return the condition that a lesson is for a kind of work and a service; empty: for all."""
    return and_(
        or_(lesson.kinds == [], func.jsonb_exists(lesson.kinds, kind)),
        or_(lesson.services == [], func.jsonb_exists(lesson.services, service)),
    )


shown(EvidenceFlag, Permission.QUALITY_READ, visible_flags)
shown(EvidenceLook, Permission.QUALITY_READ, visible_looks)
shown(PhotoPrint, Permission.QUALITY_DECIDE, visible_prints)
shown(Inspection, Permission.INSPECTION_READ, visible_inspections)
shown(Draw, Permission.INSPECTION_READ, visible_draws)
shown(SampledVisit, Permission.INSPECTION_READ, visible_samples)
shown(FilledForm, Permission.INSPECTION_READ, visible_forms)
shown(FeedbackRound, Permission.QUALITY_READ, visible_rounds)
shown(InspectionFinding, Permission.QUALITY_READ, visible_findings)
shown(AccountabilityCase, Permission.QUALITY_READ, visible_cases)
shown(Lesson, Permission.QUALITY_READ, visible_lessons)
