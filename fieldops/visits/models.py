"""Tables of visits: the visit, its work, its technicians, and the facts seen on site."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.kernel import geo
from fieldops.kernel.base import Regional, catalogue_link, link, one_of
from fieldops.visits import rules


class Visit(Regional):
    """One trip to one customer, for all open work of an order at one premises (WO-02).

    Without a customer it goes to plant, or to a building for its plant (VI-06, CH-04). The
    window is what was agreed with the customer; all technicians are due at
    `expected_arrival`. `kit` is the list to check before leaving, by group (VI-02). Times of
    day are estimates of when it happened; `cancelled_at` is the server's time.
    `report_wanted_at`: since when the customer wants the visit's report by link.
    """

    __tablename__ = "visits_visit"
    resource = "visit"
    prose = frozenset(
        {
            "split_reason",
            "override_reason",
            "end_note",
            "told_customer",
            "signature_refused_reason",
        }
    )
    belongs_to = "customer_id"

    order_id: Mapped[UUID] = link("orders_order")
    premises_id: Mapped[UUID] = link("customers_premises")
    customer_id: Mapped[UUID | None] = link("customers_customer", nullable=True)
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    former_visit_id: Mapped[UUID | None] = link("visits_visit", nullable=True)
    state: Mapped[str]
    window_start: Mapped[datetime | None]
    window_end: Mapped[datetime | None]
    expected_arrival: Mapped[datetime | None]
    duration_minutes: Mapped[int] = mapped_column(Integer)
    kit: Mapped[dict[str, Any]]
    split_reason: Mapped[str | None]
    override_reason: Mapped[str | None]
    kit_confirmed_at: Mapped[datetime | None]
    departed_at: Mapped[datetime | None]
    arrived_at: Mapped[datetime | None]
    identity_confirmed_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    end_cause: Mapped[str | None]
    end_note: Mapped[str | None]
    next_step: Mapped[str | None]
    told_customer: Mapped[str | None]
    signature_sha256: Mapped[str | None]
    signature_refused_reason: Mapped[str | None]
    report_wanted_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(one_of("state", rules.State), name="state_known"),
        CheckConstraint(
            f"next_step is null or {one_of('next_step', rules.NextStep)}", name="next_step_known"
        ),
        CheckConstraint(
            "(window_start is null) = (window_end is null) and "
            "(window_start is null) = (expected_arrival is null) and "
            "(window_start is null or window_start < window_end)",
            name="window_in_order",
        ),
        CheckConstraint(
            "state not in ('scheduled', 'dispatched', 'accepted', 'en_route', 'on_site', "
            "'in_progress') or window_start is not null",
            name="window_agreed",
        ),
        CheckConstraint(
            "(state in ('completed', 'failed', 'cancelled')) = (ended_at is not null)",
            name="end_known",
        ),
        CheckConstraint(
            "state not in ('failed', 'cancelled') or "
            "(next_step is not null and end_reason is not null)",
            name="next_step_given",
        ),
        CheckConstraint(
            "state <> 'failed' or customer_id is null or told_customer is not null",
            name="customer_told",
        ),
        CheckConstraint(
            "state <> 'completed' or customer_id is null or "
            "(signature_sha256 is null) <> (signature_refused_reason is null)",
            name="signed_or_refused",
        ),
        CheckConstraint("duration_minutes between 1 and 1440", name="duration_of_a_day"),
        Index("ix_visits_visit_window", "region_id", "centre_id", "window_start"),
        Index("ix_visits_visit_state", "region_id", "state", "window_start"),
        # Reports ask for what happened on some days, whichever centre's.
        Index(
            "ix_visits_visit_ended",
            "region_id",
            "ended_at",
            postgresql_where="ended_at is not null",
        ),
        Index(
            "ix_visits_visit_arrived",
            "region_id",
            "arrived_at",
            postgresql_where="arrived_at is not null",
        ),
    )


class VisitWork(Regional):
    """A work order on a visit; `outcome` says how it left the visit.

    A work order is open on one visit at most.
    """

    __tablename__ = "visits_visit_work"
    resource = "visit_work"
    belongs_to = "visit_id"

    visit_id: Mapped[UUID] = link("visits_visit", index=False)
    work_order_id: Mapped[UUID] = link("orders_work_order")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("region_id", "visit_id", "work_order_id"),
        CheckConstraint("(ended_at is null) = (outcome is null)", name="outcome_known"),
        Index(
            "uq_visits_visit_work_open",
            "region_id",
            "work_order_id",
            unique=True,
            postgresql_where="ended_at is null",
        ),
    )


class Assignment(Regional):
    """A technician on a visit (VI-01); `centre_id` is the technician's home centre.

    Exactly one of the present ones is the customer's contact; the name is kept with it, for
    colleagues' phones hold no staff. `latest_departure_at` follows
    from the travel time (VI-02), `travel_seconds`.
    """

    __tablename__ = "visits_assignment"
    resource = "assignment"
    prose = frozenset({"ended_reason"})
    belongs_to = "visit_id"

    visit_id: Mapped[UUID] = link("visits_visit")
    technician_id: Mapped[UUID] = link("organisation_technician")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    technician_name: Mapped[str | None]
    is_contact: Mapped[bool]
    state: Mapped[str]
    travel_seconds: Mapped[int | None] = mapped_column(Integer)
    latest_departure_at: Mapped[datetime | None]
    assigned_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    departed_at: Mapped[datetime | None]
    arrived_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(one_of("state", rules.Step), name="state_known"),
        CheckConstraint("(ended_at is null) = (ended_reason is null)", name="end_known"),
        Index(
            "uq_visits_assignment_present",
            "region_id",
            "visit_id",
            "technician_id",
            unique=True,
            postgresql_where="ended_at is null",
        ),
        Index(
            "uq_visits_assignment_contact",
            "region_id",
            "visit_id",
            unique=True,
            postgresql_where="is_contact and ended_at is null",
        ),
        # Own visits are looked up by when they are due: a technician's past grows for years.
        Index(
            "ix_visits_assignment_due",
            "region_id",
            "technician_id",
            text("coalesce(latest_departure_at, 'infinity'::timestamptz)"),
            postgresql_where="ended_at is null",
        ),
        Index(
            "ix_visits_assignment_arrived",
            "region_id",
            "arrived_at",
            postgresql_where="arrived_at is not null",
        ),
    )


class VisitFact(Regional):
    """Something seen or done on a visit, kept whatever happened meanwhile (SY-02).

    `captured_at` is the device's clock as sent, `estimated_at` the server's estimate, and
    `clock_far_off` marks a difference of more than ten minutes. `by_other_technician`: whoever
    recorded it did not have the visit any more; such a fact moves no state.
    """

    __tablename__ = "visits_visit_fact"
    resource = "visit_fact"
    prose = frozenset({"body"})
    belongs_to = "visit_id"
    audited: ClassVar[bool] = False

    visit_id: Mapped[UUID] = link("visits_visit")
    technician_id: Mapped[UUID | None] = link("organisation_technician", nullable=True)
    person_id: Mapped[UUID]
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    kind: Mapped[str]
    body: Mapped[dict[str, Any]]
    point: Mapped[Any | None] = mapped_column(geo.point_column())
    captured_at: Mapped[datetime | None]
    estimated_at: Mapped[datetime]
    received_at: Mapped[datetime]
    clock_far_off: Mapped[bool] = mapped_column(default=False)
    by_other_technician: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        CheckConstraint(one_of("kind", rules.FactKind), name="kind_known"),
        Index("ix_visits_visit_fact_point", "point", postgresql_using="gist"),
    )


class Notice(Regional):
    """What a technician is told about a visit that was gained, lost, moved or called off.

    `text` has a sentence per language; `window_*` is the visit's time as the technician knew
    it, `new_window_*` the one it has now when it was moved. A notice about the technician's own
    role has no visit. `centre_id` is the technician's home centre: its counter wakes the phone.
    """

    __tablename__ = "visits_notice"
    resource = "notice"
    prose = frozenset({"reason"})
    belongs_to = "visit_id"
    audited: ClassVar[bool] = False

    technician_id: Mapped[UUID] = link("organisation_technician", index=False)
    visit_id: Mapped[UUID | None] = link("visits_visit", nullable=True)
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    kind: Mapped[str]
    text: Mapped[dict[str, Any]]
    reason: Mapped[str | None]
    window_start: Mapped[datetime | None]
    window_end: Mapped[datetime | None]
    new_window_start: Mapped[datetime | None]
    new_window_end: Mapped[datetime | None]
    by_id: Mapped[UUID | None]
    at: Mapped[datetime]
    read_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(one_of("kind", rules.NoticeKind), name="kind_known"),
        Index("ix_visits_notice_technician", "region_id", "technician_id", "at"),
    )
