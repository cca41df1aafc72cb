"""What of quality a phone holds: lessons, and what is said about the own work (QA-07)."""

from typing import Any

from sqlalchemy import Select, func, select

from fieldops.kernel.views import BACKGROUND, DeviceScope, document, view
from fieldops.quality import rules
from fieldops.quality.models import EvidenceFlag, InspectionFinding, Lesson
from fieldops.quality.rules import FlagState, LessonState
from fieldops.quality.schemas import (
    EvidenceFlagOnDevice,
    InspectionFindingOnDevice,
    LessonOnDevice,
)
from fieldops.visits.views.work import fields


@view("lesson", rank=5, schema=LessonOnDevice)
def lessons(scope: DeviceScope) -> Select[Any]:
    """Return the newest published lessons of the region (QA-07, SY-01).

    Each says for which work it is, and the app offers it on visits of that kind. A phone holds
    them before such a visit is given to it.
    """
    ranked = (
        select(
            Lesson.id.label("key"),
            func.row_number()
            .over(order_by=(Lesson.published_at.desc(), Lesson.id.desc()))
            .label("place"),
        )
        .where(Lesson.region_id == scope.region_id, Lesson.state == LessonState.PUBLISHED)
        .subquery("ranked")
    )
    return (
        document(Lesson, fields(Lesson, LessonOnDevice), tier=BACKGROUND)
        .select_from(Lesson)
        .join(ranked, ranked.c.key == Lesson.id)
        .where(Lesson.region_id == scope.region_id, ranked.c.place <= rules.MOST_HELD_LESSONS)
    )


@view("evidence_flag", rank=40, schema=EvidenceFlagOnDevice)
def flags(scope: DeviceScope) -> Select[Any]:
    """Return the questions about own evidence that are not decided yet (QA-05).

    They stay when the visit they are about leaves the phone, and so only name it.
    """
    columns = fields(EvidenceFlag, EvidenceFlagOnDevice, about_visit_id=EvidenceFlag.visit_id)
    return document(EvidenceFlag, columns, tier=BACKGROUND).where(
        EvidenceFlag.region_id == scope.region_id,
        EvidenceFlag.technician_id == scope.person_id,
        EvidenceFlag.state.in_([FlagState.OPEN, FlagState.ANSWERED]),
    )


@view("inspection_finding", rank=40, schema=InspectionFindingOnDevice)
def findings(scope: DeviceScope) -> Select[Any]:
    """Return what inspections said about own work lately (QA-06)."""
    about = InspectionFinding.visit_id
    columns = fields(InspectionFinding, InspectionFindingOnDevice, about_visit_id=about)
    until = InspectionFinding.given_at + rules.FINDINGS_HELD
    return document(InspectionFinding, columns, tier=BACKGROUND, until=until).where(
        InspectionFinding.region_id == scope.region_id,
        InspectionFinding.technician_id == scope.person_id,
        InspectionFinding.given_at > scope.now - rules.FINDINGS_HELD,
    )
