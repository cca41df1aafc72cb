"""Tables of faults: reports, where they lie, area faults, and the work they hold."""

from datetime import datetime
from typing import Any, ClassVar, get_args
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, Text, UniqueConstraint, column
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.faults import rules
from fieldops.faults.errors import AreaFaultKnown
from fieldops.kernel.base import Regional, catalogue_link, link, one_of
from fieldops.kernel.commands import refuse_on


class AreaFault(Regional):
    """A fault that many services of one box or cable have in common (FA-02).

    `cause` and `expected_repair_at` are what the hotline says; `work_order_id` is the cable
    department's work. One is open for a box or cable at most.
    """

    __tablename__ = "faults_area_fault"
    resource = "area_fault"
    prose = frozenset({"cause", "end_reason"})
    counted: ClassVar[bool] = False

    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    feature_id: Mapped[UUID] = link("network_feature")
    state: Mapped[str]
    proposed_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[UUID | None]
    cause: Mapped[str | None]
    expected_repair_at: Mapped[datetime | None]
    cable_work_id: Mapped[UUID | None] = link("orders_work_order", nullable=True)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None]
    end_reason: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(one_of("state", rules.State), name="state_known"),
        CheckConstraint(
            "state <> 'confirmed' or (cause is not null and expected_repair_at is not null)",
            name="hotline_told",
        ),
        CheckConstraint(
            "(state in ('dismissed', 'over')) = (ended_at is not null)", name="end_known"
        ),
        Index(
            "uq_faults_area_fault_open",
            "region_id",
            "feature_id",
            unique=True,
            postgresql_where=column("state").in_(["proposed", "confirmed"]),
        ),
        Index("ix_faults_area_fault_state", "region_id", "state", "centre_id"),
    )


class FaultReport(Regional):
    """A fault somebody reported: of a service, or of a piece of plant (FA-01).

    A customer's report has a repair order; `joined` says that the repair was open already, and
    `repeat_of_id` names the report whose repair did not hold. `service_works` is what the customer
    said when the area fault was over, None before.
    """

    __tablename__ = "faults_report"
    resource = "fault_report"
    prose = frozenset({"symptom", "settled_note"})
    belongs_to = "customer_id"
    counted: ClassVar[bool] = False

    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    premises_id: Mapped[UUID | None] = link("customers_premises", nullable=True)
    customer_id: Mapped[UUID | None] = link("customers_customer", nullable=True)
    service_id: Mapped[UUID | None] = link("network_service", nullable=True)
    feature_id: Mapped[UUID | None] = link("network_feature", nullable=True)
    order_id: Mapped[UUID | None] = link("orders_order", nullable=True)
    area_fault_id: Mapped[UUID | None] = link("faults_area_fault", nullable=True)
    repeat_of_id: Mapped[UUID | None] = link("faults_report", nullable=True)
    joined: Mapped[bool] = mapped_column(default=False)
    channel: Mapped[str]
    symptom: Mapped[str | None]
    reporter_id: Mapped[UUID | None]
    reported_at: Mapped[datetime]
    service_works: Mapped[bool | None]
    settled_at: Mapped[datetime | None]
    settled_note: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(one_of("channel", get_args(rules.Channel)), name="channel_known"),
        CheckConstraint(
            "(service_works is null) = (settled_at is null)", name="settled_with_answer"
        ),
    )


class ReportPlace(Regional):
    """A box or cable that a reported service hangs on; `of` is the premises, or the report itself.

    Several reports of one `of` count as one when an area fault is looked for.
    """

    __tablename__ = "faults_report_place"
    resource = "fault_report_place"
    belongs_to = "report_id"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    report_id: Mapped[UUID] = link("faults_report", index=False)
    feature_id: Mapped[UUID] = link("network_feature", index=False)
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    of: Mapped[UUID]
    position: Mapped[int] = mapped_column(Integer)
    reported_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("region_id", "report_id", "feature_id"),
        Index("ix_faults_report_place_feature", "region_id", "feature_id", "reported_at"),
    )


class HeldWork(Regional):
    """A customer's repair that waits for an area fault: what was promised, and what became of it.

    `visit_id` is the visit that was called off, `new_visit_id` the one planned when it was over.
    """

    __tablename__ = "faults_held_work"
    resource = "held_work"
    prose = frozenset({"back_reason"})
    belongs_to = "customer_id"
    counted: ClassVar[bool] = False

    area_fault_id: Mapped[UUID] = link("faults_area_fault")
    order_id: Mapped[UUID] = link("orders_order")
    work_order_id: Mapped[UUID] = link("orders_work_order")
    customer_id: Mapped[UUID] = link("customers_customer")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    visit_id: Mapped[UUID] = link("visits_visit")
    new_visit_id: Mapped[UUID | None] = link("visits_visit", nullable=True)
    window_start: Mapped[datetime | None]
    window_end: Mapped[datetime | None]
    held_at: Mapped[datetime]
    back_at: Mapped[datetime | None]
    back_reason: Mapped[str | None]

    __table_args__ = (
        Index(
            "uq_faults_held_work_open",
            "region_id",
            "work_order_id",
            unique=True,
            postgresql_where=column("back_at").is_(None),
        ),
    )


class FaultAnalysis(Regional):
    """The analysis report of a serious fault: why, when what, what is learnt (FA-03).

    Of an area fault, or of a key customer's report. `reasons` say why it is needed; `timeline` is a
    list of `at` and `what`.
    """

    __tablename__ = "faults_analysis"
    resource = "fault_analysis"
    prose = frozenset({"cause", "lesson", "prevention", "review_note", "timeline"})
    belongs_to = "report_id"
    counted: ClassVar[bool] = False

    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    area_fault_id: Mapped[UUID | None] = link("faults_area_fault", nullable=True, index=False)
    report_id: Mapped[UUID | None] = link("faults_report", nullable=True, index=False)
    reasons: Mapped[list[str]] = mapped_column(ARRAY(Text))
    state: Mapped[str]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    owner_id: Mapped[UUID | None]
    cause: Mapped[str | None]
    timeline: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    lesson: Mapped[str | None]
    prevention: Mapped[str | None]
    handed_in_at: Mapped[datetime | None]
    reviewed_at: Mapped[datetime | None]
    reviewed_by: Mapped[UUID | None]
    review_note: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(one_of("state", rules.AnalysisState), name="state_known"),
        CheckConstraint("num_nonnulls(area_fault_id, report_id) = 1", name="of_one_fault"),
        CheckConstraint(
            "state = 'open' or (cause is not null and lesson is not null and "
            "prevention is not null and timeline is not null and owner_id is not null)",
            name="handed_in_whole",
        ),
        UniqueConstraint("region_id", "area_fault_id"),
        UniqueConstraint("region_id", "report_id"),
        Index("ix_faults_analysis_due", "region_id", "state", "due_at"),
    )


refuse_on("uq_faults_area_fault_open", AreaFaultKnown)
