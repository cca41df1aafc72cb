"""Tables of follow-ups: the question asked once a matter, and the care of the dissatisfied."""

from datetime import datetime
from typing import ClassVar, get_args
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, UniqueConstraint, column
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.followups import rules
from fieldops.followups.errors import AlreadyAsked
from fieldops.kernel.base import Regional, catalogue_link, link, one_of
from fieldops.kernel.commands import refuse_on


class FollowUp(Regional):
    """A customer to be asked how it went, once for each matter (FO-01, FO-04).

    `ask_at` is when the message goes or the call may be made, `due_at` the end of that day,
    `latest_at` the last moment; `channel` is how the first try is made. `technician_id` and
    `firm_id` are of the customer's contact on the visit (ORG-06). `call_at` is when a person may
    call (again), `tries` counts calls that reached nobody. `words` are the customer's own.
    """

    __tablename__ = "followups_follow_up"
    resource = "follow_up"
    prose = frozenset({"words"})
    belongs_to = "customer_id"
    counted: ClassVar[bool] = False

    customer_id: Mapped[UUID] = link("customers_customer")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    order_id: Mapped[UUID | None] = link("orders_order", nullable=True)
    visit_id: Mapped[UUID | None] = link("visits_visit", nullable=True)
    technician_id: Mapped[UUID | None] = link("organisation_technician", nullable=True)
    firm_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    matter: Mapped[str]
    channel: Mapped[str]
    state: Mapped[str]
    finished_at: Mapped[datetime]
    ask_at: Mapped[datetime]
    due_at: Mapped[datetime]
    latest_at: Mapped[datetime]
    taken_by: Mapped[UUID | None]
    taken_at: Mapped[datetime | None]
    call_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(Integer, default=0)
    tried_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    satisfaction: Mapped[str | None]
    reason: Mapped[str | None]
    words: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[UUID | None]
    answer_channel: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(one_of("matter", get_args(rules.Matter)), name="matter_known"),
        CheckConstraint(one_of("channel", get_args(rules.Channel)), name="channel_known"),
        CheckConstraint(one_of("state", rules.State), name="state_known"),
        CheckConstraint(
            f"satisfaction is null or {one_of('satisfaction', rules.Satisfaction)}",
            name="satisfaction_known",
        ),
        CheckConstraint(
            "answer_channel is null or " + one_of("answer_channel", get_args(rules.AnswerChannel)),
            name="answer_channel_known",
        ),
        CheckConstraint(
            "(state = 'answered') = (satisfaction is not null) and "
            "(satisfaction is null) = (answered_at is null) and "
            "(satisfaction is null) = (answer_channel is null)",
            name="answered_whole",
        ),
        CheckConstraint("(taken_by is null) = (taken_at is null)", name="taken_by_somebody"),
        CheckConstraint("matter = 'complaint' or order_id is not null", name="about_something"),
        Index(
            "ix_followups_follow_up_open",
            "region_id",
            "state",
            "call_at",
            postgresql_where=column("state").in_(["waiting", "to_call"]),
        ),
        Index("ix_followups_follow_up_finished", "region_id", "centre_id", "finished_at"),
    )


class AskedMatter(Regional):
    """What a follow-up asks about: an order or a complaint, each in one follow-up only (FO-04)."""

    __tablename__ = "followups_asked_matter"
    resource = "asked_matter"
    belongs_to = "follow_up_id"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    follow_up_id: Mapped[UUID] = link("followups_follow_up")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    order_id: Mapped[UUID | None] = link("orders_order", nullable=True, index=False)
    complaint_id: Mapped[UUID | None] = link("complaints_complaint", nullable=True, index=False)

    __table_args__ = (
        CheckConstraint("num_nonnulls(order_id, complaint_id) = 1", name="one_matter"),
        UniqueConstraint("region_id", "order_id"),
        UniqueConstraint("region_id", "complaint_id"),
    )


class CareTask(Regional):
    """A dissatisfied customer's task: somebody owns it and closes it with the customer (FO-03).

    `outcome` is what was done, `said` what the customer said of it, and `spoken_by` how they were
    spoken to. The erasure of the customer closes it without any of them: nobody is left to ask.
    """

    __tablename__ = "followups_care_task"
    resource = "care_task"
    prose = frozenset({"outcome", "said"})
    belongs_to = "customer_id"
    counted: ClassVar[bool] = False

    follow_up_id: Mapped[UUID] = link("followups_follow_up")
    customer_id: Mapped[UUID] = link("customers_customer")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    taken_by: Mapped[UUID | None]
    taken_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[UUID | None]
    outcome: Mapped[str | None]
    spoken_by: Mapped[str | None]
    said: Mapped[str | None]
    customer_agreed: Mapped[bool | None]

    __table_args__ = (
        CheckConstraint("(taken_by is null) = (taken_at is null)", name="taken_by_somebody"),
        CheckConstraint(
            "(closed_by is null or closed_at is not null) and "
            "(closed_by is null) = (outcome is null) and "
            "(closed_by is null) = (spoken_by is null) and "
            "(closed_by is null) = (said is null) and "
            "(closed_by is null) = (customer_agreed is null)",
            name="closed_with_customer",
        ),
        CheckConstraint(
            "spoken_by is null or " + one_of("spoken_by", get_args(rules.SpokenBy)),
            name="spoken_by_known",
        ),
        Index(
            "ix_followups_care_task_due",
            "region_id",
            "centre_id",
            "due_at",
            postgresql_where=column("closed_at").is_(None),
        ),
    )


refuse_on("uq_followups_asked_matter_order_id", AlreadyAsked)
refuse_on("uq_followups_asked_matter_complaint_id", AlreadyAsked)
