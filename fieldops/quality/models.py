"""Tables of quality: evidence with its flags, inspections with forms, feedback and cases."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Float, Index, Integer, UniqueConstraint, column
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.kernel.base import Catalogue, Regional, catalogue_link, link, one_of
from fieldops.quality import duty, forms, rules


class PhotoPrint(Regional):
    """The print of a stored content in four bands of 16 bits; none when it is not usable."""

    __tablename__ = "quality_photo_print"
    resource = "photo_print"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    sha256: Mapped[str]
    state: Mapped[str]
    band_a: Mapped[int | None] = mapped_column(Integer)
    band_b: Mapped[int | None] = mapped_column(Integer)
    band_c: Mapped[int | None] = mapped_column(Integer)
    band_d: Mapped[int | None] = mapped_column(Integer)
    made_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("region_id", "sha256"),
        CheckConstraint(one_of("state", rules.PrintState), name="state_known"),
        CheckConstraint(
            "num_nonnulls(band_a, band_b, band_c, band_d) = "
            "case when state = 'usable' then 4 else 0 end",
            name="bands_whole",
        ),
        Index("ix_quality_photo_print_band_a", "region_id", "band_a"),
        Index("ix_quality_photo_print_band_b", "region_id", "band_b"),
        Index("ix_quality_photo_print_band_c", "region_id", "band_c"),
        Index("ix_quality_photo_print_band_d", "region_id", "band_d"),
    )


class EvidenceLook(Regional):
    """That the machine has looked at the evidence of a visit, and when last."""

    __tablename__ = "quality_evidence_look"
    resource = "evidence_look"
    belongs_to = "visit_id"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    visit_id: Mapped[UUID] = link("visits_visit", index=False)
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    looked_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("region_id", "visit_id"),
        Index("ix_quality_evidence_look_at", "region_id", "looked_at"),
    )


class EvidenceFlag(Regional):
    """Something unlikely in the evidence of a visit: asked, answered, decided (QA-05).

    `subject_id` is the photo's link, the test, the arrival, the technician (for the clock) or the
    visit itself. `reason` has a sentence per language; `found` and `thresholds` are the values.
    `technician_id` is whose evidence it is, who alone answers.
    """

    __tablename__ = "quality_evidence_flag"
    resource = "evidence_flag"
    prose = frozenset({"answer", "decision_reason"})
    belongs_to = "visit_id"

    visit_id: Mapped[UUID] = link("visits_visit", index=False)
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    technician_id: Mapped[UUID | None] = link("organisation_technician", nullable=True)
    kind: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[UUID]
    reason: Mapped[dict[str, Any]]
    found: Mapped[dict[str, Any]]
    thresholds: Mapped[dict[str, Any]]
    state: Mapped[str]
    found_at: Mapped[datetime]
    answer_until: Mapped[datetime]
    answer: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("region_id", "visit_id", "kind", "subject_id"),
        CheckConstraint(one_of("kind", rules.Check), name="kind_known"),
        CheckConstraint(one_of("state", rules.FlagState), name="state_known"),
        CheckConstraint("(answer is null) = (answered_at is null)", name="answer_whole"),
        CheckConstraint(
            "(state in ('holds', 'false_alarm')) = (decided_at is not null) and "
            "(decided_at is null) = (decision_reason is null)",
            name="decision_whole",
        ),
        Index("ix_quality_evidence_flag_state", "region_id", "state", "centre_id"),
        Index("ix_quality_evidence_flag_found", "region_id", "found_at"),
    )


class Form(Catalogue):
    """A published version of a scored form; it never changes afterwards (QA-03).

    `body` is a `forms.FormBody` as JSON. The newest version of a code is the one in use.
    """

    __tablename__ = "quality_form"
    resource = "inspection_form"

    code: Mapped[str]
    number: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str]
    body: Mapped[dict[str, Any]]
    published_at: Mapped[datetime]
    published_by: Mapped[UUID | None] = catalogue_link("organisation_person", nullable=True)

    __table_args__ = (
        UniqueConstraint("code", "number"),
        CheckConstraint(one_of("kind", forms.InspectionKind), name="kind_known"),
    )


class Inspection(Regional):
    """An inspection from its plan to the accepted answer (QA-01 to QA-03).

    `centre_id` is the centre that is inspected, None for the whole region. `form_id` is the
    version it was planned with. `score` is the mean of its filled forms. `answer_due_at`: by when
    the unit answers the sheet that was given last, `round` which one that is.
    """

    __tablename__ = "quality_inspection"
    resource = "inspection"
    prose = frozenset({"purpose", "summary", "end_reason"})

    centre_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    level: Mapped[str]
    kind: Mapped[str]
    form_id: Mapped[UUID] = catalogue_link("quality_form")
    state: Mapped[str]
    planned_for: Mapped[date] = mapped_column(Date)
    inspector_id: Mapped[UUID]
    planned_by: Mapped[UUID]
    technician_id: Mapped[UUID | None] = link("organisation_technician", nullable=True)
    purpose: Mapped[str | None]
    done_on: Mapped[date | None] = mapped_column(Date)
    score: Mapped[float | None] = mapped_column(Float)
    summary: Mapped[str | None]
    round: Mapped[int] = mapped_column(Integer, default=0)
    answer_due_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(one_of("level", duty.Level), name="level_known"),
        CheckConstraint(one_of("kind", forms.InspectionKind), name="kind_known"),
        CheckConstraint(one_of("state", rules.InspectionState), name="state_known"),
        CheckConstraint("(level = 'province') = (centre_id is null)", name="inspected_known"),
        CheckConstraint(
            "(state in ('planned', 'cancelled')) = (done_on is null) and "
            "(done_on is null) = (score is null)",
            name="done_known",
        ),
        CheckConstraint("(kind = 'ride_along') <= (technician_id is not null)", name="with_whom"),
        CheckConstraint("(state = 'accepted') = (accepted_at is not null)", name="accepted_known"),
        Index("ix_quality_inspection_done", "region_id", "level", "done_on"),
        Index("ix_quality_inspection_inspector", "region_id", "inspector_id", "state"),
    )


class Draw(Regional):
    """How the sample of an inspection was drawn: with these, anybody draws it again (QA-04).

    `population` has the visits it was drawn from, [visit, [risks]], shares are percents.
    """

    __tablename__ = "quality_draw"
    resource = "draw"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    inspection_id: Mapped[UUID] = link("quality_inspection", index=False)
    centre_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    ended_from: Mapped[datetime]
    ended_before: Mapped[datetime]
    seed: Mapped[str]
    share: Mapped[float] = mapped_column(Float)
    risk_share: Mapped[float] = mapped_column(Float)
    population: Mapped[list[Any]]
    drawn_by: Mapped[UUID]
    drawn_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("region_id", "inspection_id"),)


class SampledVisit(Regional):
    """A visit in the sample of an inspection, with the reasons; `place` is that of its lot."""

    __tablename__ = "quality_sampled_visit"
    resource = "sampled_visit"
    belongs_to = "visit_id"
    counted: ClassVar[bool] = False

    inspection_id: Mapped[UUID] = link("quality_inspection", index=False)
    visit_id: Mapped[UUID] = link("visits_visit")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    place: Mapped[int] = mapped_column(Integer)
    reasons: Mapped[list[str]]

    __table_args__ = (UniqueConstraint("region_id", "inspection_id", "visit_id"),)


class FilledForm(Regional):
    """A filled form of an inspection: about one visit of the sample, or about the unit (QA-03).

    `answers` is {item: {value, note, photos}}; `technician_id` is whose work it scores, at the
    time of the visit. Filled again, the audit keeps what stood there.
    """

    __tablename__ = "quality_filled_form"
    resource = "filled_form"
    prose = frozenset({"answers"})
    belongs_to = "visit_id"
    counted: ClassVar[bool] = False

    inspection_id: Mapped[UUID] = link("quality_inspection", index=False)
    visit_id: Mapped[UUID | None] = link("visits_visit", nullable=True)
    centre_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    technician_id: Mapped[UUID | None] = link("organisation_technician", nullable=True)
    answers: Mapped[dict[str, Any]]
    score: Mapped[float] = mapped_column(Float)
    filled_by: Mapped[UUID]
    filled_at: Mapped[datetime]

    __table_args__ = (
        Index(
            "uq_quality_filled_form_once",
            "region_id",
            "inspection_id",
            "visit_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("score between 0 and 100", name="score_known"),
        Index("ix_quality_filled_form_at", "region_id", "filled_at"),
    )


class FeedbackRound(Regional):
    """One round of a feedback sheet: given, answered by the unit, judged by the inspector (QA-03).

    `technician_id` is to whom it is addressed beside the unit: the one whose work alone was
    inspected. `addition` is what they say when the sheet has its answer already. The files that
    show the measures are links of files to this record.
    """

    __tablename__ = "quality_feedback_round"
    resource = "feedback_round"
    prose = frozenset({"measures", "verdict_words", "addition"})

    inspection_id: Mapped[UUID] = link("quality_inspection", index=False)
    centre_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    technician_id: Mapped[UUID | None] = link("organisation_technician", nullable=True)
    number: Mapped[int] = mapped_column(Integer)
    given_at: Mapped[datetime]
    due_at: Mapped[datetime]
    measures: Mapped[str | None]
    answered_by: Mapped[UUID | None]
    answered_at: Mapped[datetime | None]
    verdict: Mapped[str | None]
    verdict_words: Mapped[str | None]
    judged_by: Mapped[UUID | None]
    judged_at: Mapped[datetime | None]
    addition: Mapped[str | None]
    added_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("region_id", "inspection_id", "number"),
        CheckConstraint("(addition is null) = (added_at is null)", name="addition_whole"),
        CheckConstraint(f"verdict is null or {one_of('verdict', rules.Verdict)}", name="verdict"),
        CheckConstraint(
            "(measures is null) = (answered_at is null) and "
            "(answered_at is null) = (answered_by is null)",
            name="answer_whole",
        ),
        CheckConstraint(
            "(verdict is null) = (judged_at is null) and (verdict is null or measures is not null)",
            name="verdict_whole",
        ),
    )


class InspectionFinding(Regional):
    """What an inspection found, how grave it is and who is responsible (QA-06).

    One of `technician_id` and `unit_id` (a centre or a firm) is responsible.
    """

    __tablename__ = "quality_finding"
    resource = "inspection_finding"
    prose = frozenset({"words", "answer"})
    belongs_to = "visit_id"

    inspection_id: Mapped[UUID] = link("quality_inspection")
    visit_id: Mapped[UUID | None] = link("visits_visit", nullable=True)
    centre_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    severity: Mapped[str]
    item_key: Mapped[str | None]
    words: Mapped[str]
    technician_id: Mapped[UUID | None] = link("organisation_technician", nullable=True)
    unit_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    state: Mapped[str]
    found_by: Mapped[UUID]
    found_at: Mapped[datetime]
    given_at: Mapped[datetime | None]
    answer: Mapped[str | None]
    answered_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(one_of("severity", rules.Severity), name="severity_known"),
        CheckConstraint(one_of("state", rules.FindingState), name="state_known"),
        CheckConstraint("num_nonnulls(technician_id, unit_id) = 1", name="one_responsible"),
        CheckConstraint("(answer is null) = (answered_at is null)", name="answer_whole"),
        CheckConstraint(
            "(state in ('given', 'settled')) = (given_at is not null)", name="given_known"
        ),
    )


class AccountabilityCase(Regional):
    """A case about who answers for a serious finding, or a grave complaint (QA-06).

    One of `technician_id` and `unit_id` is concerned. The statement is their own words. A case
    whose complaint was decided otherwise later is dropped.
    """

    __tablename__ = "quality_case"
    resource = "accountability_case"
    prose = frozenset({"statement", "decision_reason", "closing_words"})
    belongs_to = "visit_id"

    centre_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    inspection_finding_id: Mapped[UUID | None] = link("quality_finding", nullable=True, index=False)
    complaint_id: Mapped[UUID | None] = link("complaints_complaint", nullable=True)
    visit_id: Mapped[UUID | None] = link("visits_visit", nullable=True)
    technician_id: Mapped[UUID | None] = link("organisation_technician", nullable=True)
    unit_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    state: Mapped[str]
    opened_at: Mapped[datetime]
    statement_until: Mapped[datetime]
    statement: Mapped[str | None]
    stated_by: Mapped[UUID | None]
    stated_at: Mapped[datetime | None]
    measure: Mapped[str | None]
    decision_reason: Mapped[str | None]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    closing_words: Mapped[str | None]
    closed_by: Mapped[UUID | None]
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("region_id", "inspection_finding_id"),
        Index(
            "uq_quality_case_complaint_id",
            "region_id",
            "complaint_id",
            unique=True,
            postgresql_where=column("state") != "dropped",
        ),
        CheckConstraint(
            "num_nonnulls(inspection_finding_id, complaint_id) = 1", name="source_known"
        ),
        CheckConstraint("num_nonnulls(technician_id, unit_id) = 1", name="one_concerned"),
        CheckConstraint(one_of("state", rules.CaseState), name="state_known"),
        CheckConstraint(f"measure is null or {one_of('measure', rules.Measure)}", name="measure"),
        CheckConstraint("(statement is null) = (stated_at is null)", name="statement_whole"),
        CheckConstraint(
            "(state in ('decided', 'closed')) = (decided_at is not null) and "
            "(decided_at is null) = (measure is null) and "
            "(decided_at is null) = (decision_reason is null)",
            name="decision_whole",
        ),
        CheckConstraint("(state = 'closed') = (closed_at is not null)", name="closed_known"),
        CheckConstraint("decided_by <> technician_id", name="not_own_case"),
    )


class Lesson(Regional):
    """A lesson of the case library: problem, cause, remedy, in both languages (QA-07).

    It is the whole region's and holds nothing about customers, which publishing checks; an
    erasure takes the words of one that names the customer all the same. `kinds` and `services`
    say for which work; empty: for all.
    """

    __tablename__ = "quality_lesson"
    resource = "lesson"
    prose = frozenset({"text_en", "text_zh", "retired_reason"})

    text_en: Mapped[dict[str, Any]]
    text_zh: Mapped[dict[str, Any]]
    kinds: Mapped[list[str]]
    services: Mapped[list[str]]
    photos: Mapped[list[str]]
    state: Mapped[str]
    drafted_by: Mapped[UUID]
    drafted_at: Mapped[datetime]
    published_by: Mapped[UUID | None]
    published_at: Mapped[datetime | None]
    retired_by: Mapped[UUID | None]
    retired_at: Mapped[datetime | None]
    retired_reason: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(one_of("state", rules.LessonState), name="state_known"),
        CheckConstraint("(state = 'drafted') = (published_at is null)", name="published_known"),
        CheckConstraint("(state = 'retired') = (retired_at is not null)", name="retired_known"),
        Index("ix_quality_lesson_state", "region_id", "state", "published_at"),
    )
