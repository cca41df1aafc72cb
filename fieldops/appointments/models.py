"""Tables of appointments: the promise, the reserved time, the answers, the calls to make."""

from datetime import datetime
from typing import Any, ClassVar, get_args
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, UniqueConstraint, column
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.appointments import rules
from fieldops.appointments.errors import AlreadyBooked, SlotTaken
from fieldops.kernel.base import Regional, catalogue_link, link, one_of
from fieldops.kernel.commands import refuse_on


class Appointment(Regional):
    """A window promised to a customer for a visit; its history is the audit's (AP-02).

    A visit to plant is promised to nobody: its window is fixed at once, without a ladder.
    `moved_*` and `customer_contacted_at` speak of the last reschedule; `contacted_in_time` says
    whether the customer was told before the old window opened (AP-06). `reconfirm_at` and
    `call_at` are the steps of the ladder, None when quiet hours leave no moment for them.
    `endangered_*`: the office said that this window cannot be kept, and the customer is told.
    """

    __tablename__ = "appointments_appointment"
    resource = "appointment"
    prose = frozenset({"customer_said", "moved_reason"})
    belongs_to = "visit_id"

    visit_id: Mapped[UUID] = link("visits_visit")
    customer_id: Mapped[UUID | None] = link("customers_customer", nullable=True)
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    state: Mapped[str]
    window_start: Mapped[datetime]
    window_end: Mapped[datetime]
    channel: Mapped[str]
    customer_said: Mapped[str | None]
    night_visit_wanted: Mapped[bool] = mapped_column(default=False)
    needs_person: Mapped[bool]
    booked_at: Mapped[datetime]
    reconfirm_at: Mapped[datetime | None]
    call_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    operator_reschedules: Mapped[int] = mapped_column(default=0)
    customer_reschedules: Mapped[int] = mapped_column(default=0)
    moved_cause: Mapped[str | None]
    moved_reason: Mapped[str | None]
    customer_contacted_at: Mapped[datetime | None]
    contacted_in_time: Mapped[bool | None]
    endangered_at: Mapped[datetime | None]
    endangered_reason: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(one_of("state", get_args(rules.State)), name="state_known"),
        CheckConstraint(one_of("channel", get_args(rules.Channel)), name="channel_known"),
        CheckConstraint("customer_id is null or customer_said is not null", name="customer_asked"),
        CheckConstraint("window_end > window_start", name="window_in_order"),
        CheckConstraint("(moved_cause is null) = (moved_reason is null)", name="move_explained"),
        CheckConstraint("state <> 'confirmed' or confirmed_at is not null", name="confirmed_when"),
        CheckConstraint(
            "(endangered_at is null) = (endangered_reason is null)", name="danger_explained"
        ),
        Index(
            "uq_appointments_appointment_open",
            "region_id",
            "visit_id",
            unique=True,
            postgresql_where=column("state").in_(rules.OPEN_STATES),
        ),
        Index("ix_appointments_appointment_window", "region_id", "centre_id", "window_start"),
        Index(
            "ix_appointments_appointment_ladder",
            "region_id",
            "window_start",
            postgresql_where=column("state").in_(rules.UNANSWERED_STATES),
        ),
    )


class Reservation(Regional):
    """A technician's time given to a visit; two visits never get the same (AP-01).

    `held_until` is set while a customer still chooses: such time is free again afterwards.
    """

    __tablename__ = "appointments_reservation"
    resource = "reservation"
    belongs_to = "visit_id"
    audited: ClassVar[bool] = False  # it follows the visit, whose changes are audited
    counted: ClassVar[bool] = False

    technician_id: Mapped[UUID] = link("organisation_technician")
    visit_id: Mapped[UUID] = link("visits_visit")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    held_until: Mapped[datetime | None]

    __table_args__ = (
        ExcludeConstraint(
            (column("region_id"), "="),
            (column("technician_id"), "="),
            (column("during"), "&&"),
            name="ex_appointments_reservation_time",
            using="gist",
        ),
        CheckConstraint("not isempty(during)", name="time_given"),
    )


class Reconfirmation(Regional):
    """An answer of the customer about one window (AP-04); `by_id` None: by the signed link."""

    __tablename__ = "appointments_reconfirmation"
    resource = "reconfirmation"
    prose = frozenset({"note"})
    belongs_to = "visit_id"
    audited: ClassVar[bool] = False

    appointment_id: Mapped[UUID] = link("appointments_appointment")
    visit_id: Mapped[UUID] = link("visits_visit")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    window_start: Mapped[datetime]
    answer: Mapped[str]
    channel: Mapped[str]
    note: Mapped[str | None]
    by_id: Mapped[UUID | None]
    answered_at: Mapped[datetime]
    received_at: Mapped[datetime]
    counted_in: Mapped[bool]
    """False: the window had moved or the promise had ended meanwhile, or it was too late."""

    __table_args__ = (
        CheckConstraint(one_of("answer", get_args(rules.Answer)), name="answer_known"),
        CheckConstraint(one_of("channel", get_args(rules.AnswerChannel)), name="channel_known"),
    )


class CallTask(Regional):
    """A call a person has to make to a customer, and what came of it.

    Open once for each visit and kind; `due_at` keeps to the quiet hours (AP-09). `taken_by` is
    who makes it; `tries` counts calls that came to nothing yet, and `promise` is what the customer
    promised at the last one.
    """

    __tablename__ = "appointments_call_task"
    resource = "call_task"
    prose = frozenset({"subject", "note"})
    belongs_to = "visit_id"

    visit_id: Mapped[UUID] = link("visits_visit")
    appointment_id: Mapped[UUID | None] = link("appointments_appointment", nullable=True)
    customer_id: Mapped[UUID] = link("customers_customer")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    kind: Mapped[str]
    due_at: Mapped[datetime]
    window_start: Mapped[datetime | None]
    subject: Mapped[str | None]  # what it is about, for instance the reason wished for
    taken_by: Mapped[UUID | None]
    taken_at: Mapped[datetime | None]
    tries: Mapped[int | None] = mapped_column(Integer)
    tried_at: Mapped[datetime | None]
    promise: Mapped[str | None]
    outcome: Mapped[str | None]
    note: Mapped[str | None]
    done_at: Mapped[datetime | None]
    done_by: Mapped[UUID | None]

    __table_args__ = (
        CheckConstraint(one_of("kind", get_args(rules.TaskKind)), name="kind_known"),
        CheckConstraint(
            f"outcome is null or {one_of('outcome', get_args(rules.Outcome))}"
            " or outcome = 'withdrawn'",
            name="outcome_known",
        ),
        CheckConstraint("(done_at is null) = (outcome is null)", name="done_with_outcome"),
        CheckConstraint("(taken_at is null) = (taken_by is null)", name="taken_by_somebody"),
        CheckConstraint(
            f"promise is null or {one_of('promise', get_args(rules.Promise))}",
            name="promise_known",
        ),
        Index(
            "uq_appointments_call_task_open",
            "region_id",
            "visit_id",
            "kind",
            unique=True,
            postgresql_where=column("done_at").is_(None),
        ),
        Index(
            "ix_appointments_call_task_due",
            "region_id",
            "centre_id",
            "due_at",
            postgresql_where=column("done_at").is_(None),
        ),
    )


class Ladder(Regional):
    """A region's own ladder of steps before and after a visit, in its versions (AP-03 to AP-09).

    The newest version counts; a region without one follows the shipped default. `steps` is as
    `ladders.Step` reads it.
    """

    __tablename__ = "appointments_ladder"
    resource = "ladder"
    counted: ClassVar[bool] = False

    number: Mapped[int] = mapped_column(Integer)
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    reason: Mapped[str]
    published_at: Mapped[datetime]
    published_by: Mapped[UUID]

    __table_args__ = (UniqueConstraint("region_id", "number"),)


refuse_on("ex_appointments_reservation_time", SlotTaken)
refuse_on("uq_appointments_appointment_open", AlreadyBooked)
