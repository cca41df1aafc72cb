"""Tables of dispatch: proposals and their lines, locks on visits, what calls for a replan."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Float, Index, Integer, UniqueConstraint, column
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.dispatch import prediction, rules
from fieldops.dispatch.errors import PlanRunning, VisitLocked
from fieldops.kernel.base import Regional, catalogue_link, link, one_of
from fieldops.kernel.commands import refuse_on


class Plan(Regional):
    """A proposal for one day of a centre, from the asking to the publishing.

    `urgent_visit_ids` may displace promised visits of a lower class. `figures` and `hours` compare
    the day as it is with the day as proposed; `progress` is percent of the search. `failed_reason`
    is a sentence for the dispatcher.
    """

    __tablename__ = "dispatch_plan"
    resource = "day_plan"
    counted: ClassVar[bool] = False

    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    day: Mapped[date]
    kind: Mapped[str]
    cause: Mapped[str]
    urgent_visit_ids: Mapped[list[str]]
    seconds: Mapped[float] = mapped_column(Float)
    asked_by: Mapped[UUID]
    asked_at: Mapped[datetime]
    state: Mapped[str]
    progress: Mapped[int] = mapped_column(Integer, default=0)
    began_at: Mapped[datetime | None]
    ready_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]
    failed_reason: Mapped[str | None]
    figures: Mapped[dict[str, Any]]
    hours: Mapped[list[Any]]

    __table_args__ = (
        CheckConstraint(one_of("kind", rules.PlanKind), name="kind_known"),
        CheckConstraint(one_of("cause", rules.Cause), name="cause_known"),
        CheckConstraint(one_of("state", rules.PlanState), name="state_known"),
        CheckConstraint("(state = 'failed') = (failed_reason is not null)", name="failure_told"),
        CheckConstraint("progress between 0 and 100", name="progress_percent"),
        Index("ix_dispatch_plan_day", "region_id", "centre_id", "day"),
        Index(
            "uq_dispatch_plan_computing",
            "region_id",
            "centre_id",
            "day",
            unique=True,
            postgresql_where=column("state") == "computing",
        ),
    )


class PlanLine(Regional):
    """What a plan does to one visit, and what it was based on.

    `starts_at` and `ends_at` are the planned work; the window is the one that then holds.
    `requires` names the lines that must be published before or with this one; `base` the visit as
    the search saw it. `breaks_promise`: a customer's window is not kept by it.
    """

    __tablename__ = "dispatch_plan_line"
    resource = "plan_line"
    belongs_to = "visit_id"
    counted: ClassVar[bool] = False
    audited: ClassVar[bool] = False

    plan_id: Mapped[UUID] = link("dispatch_plan", index=False)
    visit_id: Mapped[UUID] = link("visits_visit")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    number: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str]
    priority_class: Mapped[str]
    technician_ids: Mapped[list[str]]
    former_technician_ids: Mapped[list[str]]
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    former_start: Mapped[datetime | None]
    window_start: Mapped[datetime | None]
    window_end: Mapped[datetime | None]
    breaks_promise: Mapped[bool]
    requires: Mapped[list[str]]
    gains: Mapped[dict[str, Any]]
    base: Mapped[dict[str, Any]]
    published_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("region_id", "plan_id", "visit_id"),
        CheckConstraint(one_of("kind", rules.LineKind), name="kind_known"),
        CheckConstraint(one_of("priority_class", rules.Class), name="class_known"),
        CheckConstraint("(starts_at is null) = (ends_at is null)", name="times_known"),
        CheckConstraint("kind = 'left_out' or starts_at is not null", name="start_planned"),
    )


class Lock(Regional):
    """A dispatcher's word that a visit stays with its technicians at its time, with the reason."""

    __tablename__ = "dispatch_lock"
    resource = "visit_lock"
    prose = frozenset({"reason"})
    belongs_to = "visit_id"
    counted: ClassVar[bool] = False

    visit_id: Mapped[UUID] = link("visits_visit")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    reason: Mapped[str]
    locked_by: Mapped[UUID]
    locked_at: Mapped[datetime]
    unlocked_by: Mapped[UUID | None]
    unlocked_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("(unlocked_at is null) = (unlocked_by is null)", name="unlocked_by_whom"),
        Index(
            "uq_dispatch_lock_open",
            "region_id",
            "visit_id",
            unique=True,
            postgresql_where=column("unlocked_at").is_(None),
        ),
    )


class Disturbance(Regional):
    """Something that upsets a day: who is away or late, or what broke; offered for a replan.

    `subject_id` is the cause, which is noted once for each day: the late technician, the urgent
    visit, the area fault; null for absences. `visit_ids` are the visits it touches. `plan_id` is
    the replan that was asked for it; `settled_at` when nothing is left to do, `outcome` why.
    """

    __tablename__ = "dispatch_disturbance"
    resource = "disturbance"
    counted: ClassVar[bool] = False

    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    day: Mapped[date]
    cause: Mapped[str]
    technician_id: Mapped[UUID | None] = link("organisation_technician", nullable=True)
    subject_id: Mapped[UUID | None]
    visit_ids: Mapped[list[str]]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    noticed_at: Mapped[datetime]
    plan_id: Mapped[UUID | None] = link("dispatch_plan", nullable=True)
    settled_at: Mapped[datetime | None]
    outcome: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(one_of("cause", rules.Cause), name="cause_known"),
        CheckConstraint(
            f"outcome is null or {one_of('outcome', rules.Mended)}", name="outcome_known"
        ),
        CheckConstraint("(settled_at is null) = (outcome is null)", name="settled_how"),
        CheckConstraint("ends_at > starts_at", name="times_in_order"),
        Index(
            "ix_dispatch_disturbance_open",
            "region_id",
            "centre_id",
            "day",
            postgresql_where=column("settled_at").is_(None),
        ),
        Index(
            "uq_dispatch_disturbance_subject",
            "region_id",
            "centre_id",
            "day",
            "cause",
            "subject_id",
            unique=True,
            postgresql_where=column("subject_id").is_not(None),
        ),
    )


class LateWarning(Regional):
    """A visit that will miss its window by the state of the day, and what may be done (AP-07).

    `technician_id` is who comes last; `ways` are the offered ways out, `taken` the one a dispatcher
    decided for with who and when. Open once for each visit; it settles by itself when it is no
    longer true. Its history is the audit's.
    """

    __tablename__ = "dispatch_late_warning"
    resource = "late_warning"
    belongs_to = "visit_id"
    counted: ClassVar[bool] = False

    visit_id: Mapped[UUID] = link("visits_visit")
    technician_id: Mapped[UUID] = link("organisation_technician")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    window_start: Mapped[datetime]
    window_end: Mapped[datetime]
    cause: Mapped[str]
    predicted_arrival: Mapped[datetime]
    raised_at: Mapped[datetime]
    ways: Mapped[list[Any]]
    taken: Mapped[dict[str, Any] | None]
    settled_at: Mapped[datetime | None]
    outcome: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(one_of("cause", prediction.Cause), name="cause_known"),
        CheckConstraint(
            f"outcome is null or {one_of('outcome', rules.Settled)}", name="outcome_known"
        ),
        CheckConstraint("(settled_at is null) = (outcome is null)", name="settled_how"),
        Index(
            "uq_dispatch_late_warning_open",
            "region_id",
            "visit_id",
            unique=True,
            postgresql_where=column("settled_at").is_(None),
        ),
        Index("ix_dispatch_late_warning_centre", "region_id", "centre_id", "raised_at"),
    )


refuse_on("uq_dispatch_lock_open", VisitLocked)
refuse_on("uq_dispatch_plan_computing", PlanRunning)
