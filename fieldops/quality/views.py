"""What of quality a phone holds: lessons, and what is said about the own work (QA-07)."""

from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy import case as when

from fieldops.kernel.views import BACKGROUND, DeviceScope, document, view
from fieldops.quality import rules
from fieldops.quality.models import (
    AccountabilityCase,
    EvidenceFlag,
    FeedbackRound,
    Inspection,
    InspectionFinding,
    Lesson,
)
from fieldops.quality.rules import CaseState, FlagState, LessonState
from fieldops.quality.schemas import (
    AccountabilityCaseOnDevice,
    EvidenceFlagOnDevice,
    FeedbackSheetOnDevice,
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
    until = InspectionFinding.given_at + rules.SAID_HELD
    return document(InspectionFinding, columns, tier=BACKGROUND, until=until).where(
        InspectionFinding.region_id == scope.region_id,
        InspectionFinding.technician_id == scope.person_id,
        InspectionFinding.given_at > scope.now - rules.SAID_HELD,
    )


@view("feedback_round", rank=40, schema=FeedbackSheetOnDevice)
def sheets(scope: DeviceScope) -> Select[Any]:
    """Return the feedback sheets on own work lately, with what became of the answer (QA-03)."""
    taken = {name: getattr(Inspection, name) for name in ("kind", "score", "summary")}
    columns = fields(FeedbackRound, FeedbackSheetOnDevice, **taken)
    until = FeedbackRound.given_at + rules.SAID_HELD
    return (
        document(FeedbackRound, columns, tier=BACKGROUND, until=until)
        .select_from(FeedbackRound)
        .join(
            Inspection,
            and_(
                Inspection.region_id == FeedbackRound.region_id,
                Inspection.id == FeedbackRound.inspection_id,
            ),
        )
        .where(
            FeedbackRound.region_id == scope.region_id,
            Inspection.region_id == scope.region_id,
            FeedbackRound.technician_id == scope.person_id,
            FeedbackRound.given_at > scope.now - rules.SAID_HELD,
        )
    )


@view("accountability_case", rank=40, schema=AccountabilityCaseOnDevice)
def cases(scope: DeviceScope) -> Select[Any]:
    """Return the own cases: those that are not over, and what became of the others (QA-06)."""
    case = AccountabilityCase
    columns = fields(case, AccountabilityCaseOnDevice, about_visit_id=case.visit_id)
    over = case.state.in_([CaseState.CLOSED, CaseState.DROPPED])
    until = when((over, case.updated_at + rules.SAID_HELD))
    return document(case, columns, tier=BACKGROUND, until=until).where(
        case.region_id == scope.region_id,
        case.technician_id == scope.person_id,
        or_(~over, case.updated_at > scope.now - rules.SAID_HELD),
    )
