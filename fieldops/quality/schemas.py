"""Read shapes of quality."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from fieldops.checklists.schemas import AnswerOnDevice
from fieldops.complaints.schemas import VisitEvidenceRead
from fieldops.measurements.schemas import LineTestRead, SpeedTestRead
from fieldops.quality.drawing import Reason
from fieldops.quality.duty import Level
from fieldops.quality.forms import FormBody, InspectionKind
from fieldops.quality.rules import (
    CaseState,
    Check,
    FindingState,
    FlagState,
    InspectionState,
    LessonState,
    Measure,
    Severity,
    Verdict,
)


class EvidenceFlagRead(BaseModel):
    """A question about the evidence of a visit (QA-05)."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    visit_id: UUID
    centre_id: UUID
    technician_id: UUID | None = Field(description="Whose evidence it is, and who may answer.")
    kind: Check
    subject_type: str = Field(examples=["file_link"])
    subject_id: UUID = Field(description="The photo's link, test, arrival, technician or visit.")
    reason: dict[str, str] = Field(description="Why it was raised, a sentence per language.")
    found: dict[str, Any] = Field(description="The values that were found.")
    thresholds: dict[str, Any] = Field(description="The region's numbers they were held against.")
    state: FlagState
    found_at: datetime
    answer_until: datetime = Field(description="Before it, without an answer, it cannot hold.")
    answer: str | None
    answered_at: datetime | None
    decided_by: UUID | None
    decided_at: datetime | None
    decision_reason: str | None


class CheckRate(BaseModel):
    """How one check did: what it raised, and how much of what was decided was a false alarm."""

    kind: Check
    raised: int
    undecided: int
    holds: int
    false_alarms: int
    false_alarm_share: float | None = Field(description="Of the decided, 0 to 1; null: none yet.")


class CheckRates(BaseModel):
    """How the machine's checks did in a time, by when a flag was raised."""

    visits_looked_at: int | None = Field(description="Null for who does not see all of a centre's.")
    checks: list[CheckRate]


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int


class InspectionRead(_Read):
    """An inspection as it stands (QA-01 to QA-03)."""

    centre_id: UUID | None = Field(description="What is inspected; null: the whole region.")
    level: Level
    kind: InspectionKind
    form_id: UUID
    state: InspectionState
    planned_for: date
    inspector_id: UUID
    planned_by: UUID
    technician_id: UUID | None
    purpose: str | None
    done_on: date | None = Field(description="The day its sheet was given: the duty is fulfilled.")
    score: float | None = Field(description="The mean of its filled forms, 0 to 100.")
    summary: str | None
    round: int = Field(description="How often the sheet was given; 0: not yet.")
    answer_due_at: datetime | None = Field(description="By when the unit answers.")
    accepted_at: datetime | None
    end_reason: str | None


class DutyRead(BaseModel):
    """Whose duty it is to inspect what, and how it stands (QA-02)."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The same for the same level and unit.")
    level: Level
    centre_id: UUID | None = Field(description="Null: the whole region.")
    unit_name: str
    every_months: int = Field(description="Once in every whole period of so many months.")
    last_done_on: date | None
    due_by: date = Field(description="The last day for the next one.")
    planned_for: date | None
    overdue: bool


class SampledVisitRead(_Read):
    """A visit of the sample, and why it is in it (QA-04)."""

    inspection_id: UUID
    visit_id: UUID
    centre_id: UUID
    place: int = Field(description="Its place by lot, then in the order it was added.")
    reasons: list[Reason]


class DrawRead(_Read):
    """How a sample was drawn; with these anybody draws it again (QA-04)."""

    inspection_id: UUID
    ended_from: datetime
    ended_before: datetime
    seed: str
    share: float = Field(description="Percent of all visits.")
    risk_share: float = Field(description="Percent of the visits with a risk.")
    population: list[tuple[UUID, list[Reason]]] = Field(description="Each visit with its risks.")
    drawn_by: UUID
    drawn_at: datetime


class DrawRepeated(DrawRead):
    """A draw, and what drawing it again gives."""

    drawn_again: list[UUID] = Field(description="By lot.")
    same: bool = Field(description="Whether it gives the sample that stands, but for those added.")


class FormRead(_Read):
    """A version of a scored form (QA-03)."""

    code: str
    number: int
    kind: InspectionKind
    body: FormBody
    published_at: datetime
    published_by: UUID | None


class FilledFormRead(_Read):
    """A filled form with its score (QA-03)."""

    inspection_id: UUID
    visit_id: UUID | None
    centre_id: UUID | None
    technician_id: UUID | None = Field(description="Whose work it scores.")
    answers: dict[str, Any]
    score: float
    filled_by: UUID
    filled_at: datetime


class ShownFile(BaseModel):
    """A file that shows what was done."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    sha256: str
    mime: str
    arrived: bool


class FeedbackRoundRead(_Read):
    """One round of a feedback sheet (QA-03)."""

    inspection_id: UUID
    centre_id: UUID | None
    technician_id: UUID | None = Field(description="To whom it is addressed beside the unit.")
    number: int
    given_at: datetime
    due_at: datetime
    measures: str | None
    answered_by: UUID | None
    answered_at: datetime | None
    verdict: Verdict | None
    verdict_words: str | None
    judged_by: UUID | None
    judged_at: datetime | None
    addition: str | None = Field(description="What the person said after it was answered.")
    added_at: datetime | None
    files: list[ShownFile] = []


class InspectedVisit(BaseModel):
    """All the evidence of a visit in one answer, for a remote inspection (QA-01)."""

    inspection_id: UUID
    reasons: list[Reason] = Field(description="Why the visit is in the sample.")
    longitude: float = Field(description="Of the premises (SRID 4326).")
    latitude: float
    evidence: VisitEvidenceRead
    answers: list[AnswerOnDevice] = Field(description="The standing answers of its checklists.")
    line_tests: list[LineTestRead]
    speed_tests: list[SpeedTestRead]
    flags: list[EvidenceFlagRead] = Field(description="What machines asked about it (QA-05).")


class InspectionFindingRead(_Read):
    """What an inspection found (QA-06)."""

    inspection_id: UUID
    visit_id: UUID | None
    centre_id: UUID | None
    severity: Severity
    item_key: str | None
    words: str
    technician_id: UUID | None = Field(description="The person responsible, or null.")
    unit_id: UUID | None = Field(description="The centre or firm responsible, or null.")
    state: FindingState
    found_by: UUID
    found_at: datetime
    given_at: datetime | None
    answer: str | None = Field(description="What the person says.")
    answered_at: datetime | None


class EvidenceFlagOnDevice(_Read):
    """A question about own evidence, on the phone that answers it (QA-05)."""

    about_visit_id: UUID | None = Field(description="The visit; the phone may not hold it.")
    kind: Check
    reason: dict[str, str] = Field(description="Why it was raised, a sentence per language.")
    state: FlagState
    found_at: datetime
    answer_until: datetime
    answer: str | None


class InspectionFindingOnDevice(_Read):
    """What an inspection said about own work (QA-06)."""

    about_visit_id: UUID | None = Field(description="The visit; the phone may not hold it.")
    severity: Severity
    words: str
    state: FindingState
    given_at: datetime
    answer: str | None


class FeedbackSheetOnDevice(_Read):
    """The feedback sheet of an inspection of one's own work (QA-03)."""

    inspection_id: UUID
    number: int = Field(description="Which round; a reopened sheet is given again.")
    kind: InspectionKind
    score: float = Field(description="Of the inspection, 0 to 100.")
    summary: str | None
    given_at: datetime
    due_at: datetime = Field(description="By when it is to be answered.")
    measures: str | None = Field(description="The answer, by whoever gave it first.")
    answered_by: UUID | None
    verdict: Verdict | None
    verdict_words: str | None
    addition: str | None = Field(description="What you said after the sheet was answered.")


class AccountabilityCaseOnDevice(_Read):
    """A case about one's own work (QA-06)."""

    about_visit_id: UUID | None = Field(description="The visit; the phone may not hold it.")
    inspection_finding_id: UUID | None
    complaint_id: UUID | None
    state: CaseState
    opened_at: datetime
    statement_until: datetime = Field(description="Before it, unheard, it is not decided.")
    statement: str | None
    measure: Measure | None
    decision_reason: str | None


class LessonOnDevice(_Read):
    """A published lesson, offered on visits of its kinds (QA-07)."""

    text_en: dict[str, str] = Field(description="title, problem, cause, remedy")
    text_zh: dict[str, str]
    kinds: list[str] = Field(description="Kinds of work it is for; empty: all.")
    services: list[str]
    photos: list[str] = Field(description="By sha256, read online under /v1/lessons.")
    published_at: datetime


class LessonRead(LessonOnDevice):
    """A lesson of the case library (QA-07)."""

    state: LessonState
    drafted_by: UUID
    drafted_at: datetime
    published_by: UUID | None
    published_at: datetime | None  # type: ignore[assignment]
    retired_by: UUID | None
    retired_at: datetime | None
    retired_reason: str | None


class Ranked(BaseModel):
    """How a centre, firm or person did by inspections, against a time before (QA-06)."""

    id: UUID
    name: str
    place: int | None = Field(description="Null with too few forms for a place.")
    enough: bool = Field(description="Whether there are forms enough for a place.")
    forms: int
    score: float | None = Field(
        description="The mean of the forms' scores, 0 to 100, each at the weight of its visit's "
        "service and tier in its month (KP-03)."
    )
    mean: float | None = Field(description="The plain mean of the same.")
    minor: int
    major: int
    serious: int
    before_forms: int
    before_score: float | None
    before_findings: int
    change: float | None = Field(description="The score against the one before.")


class AccountabilityCaseRead(_Read):
    """Who answers for what, heard and decided (QA-06)."""

    centre_id: UUID | None
    inspection_finding_id: UUID | None
    complaint_id: UUID | None
    visit_id: UUID | None
    technician_id: UUID | None
    unit_id: UUID | None
    state: CaseState
    opened_at: datetime
    statement_until: datetime = Field(description="Before it, unheard, it is not decided.")
    statement: str | None
    stated_by: UUID | None
    stated_at: datetime | None
    measure: Measure | None
    decision_reason: str | None
    decided_by: UUID | None
    decided_at: datetime | None
    closing_words: str | None
    closed_by: UUID | None
    closed_at: datetime | None
