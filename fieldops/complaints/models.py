"""Tables of complaints: the complaint, its visits, what was done about it."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from fieldops.complaints import rules
from fieldops.kernel.base import Regional, catalogue_link, link, one_of


class Complaint(Regional):
    """What a customer complains of, from its arrival to the reply (CO-01 to CO-04).

    `owner_id` of `department` took it and replies to the customer; `handler_id` of
    `handling_department` has it now. `contact_due_at` and `due_at` follow from the arrival and
    stop for nothing. `responsible_*`: whom the supervisor holds responsible, one of them, when
    it is justified.
    """

    __tablename__ = "complaints_complaint"
    resource = "complaint"
    prose = frozenset({"words", "answer", "report", "reply", "decision_note"})
    belongs_to = "customer_id"
    counted: ClassVar[bool] = False

    customer_id: Mapped[UUID] = link("customers_customer")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    order_id: Mapped[UUID | None] = link("orders_order", nullable=True)
    repeat_of_id: Mapped[UUID | None] = link("complaints_complaint", nullable=True)
    channel: Mapped[str]
    grade: Mapped[str]
    topic: Mapped[str]
    words: Mapped[str]
    wants_report: Mapped[bool]
    state: Mapped[str]
    arrived_at: Mapped[datetime]
    contact_due_at: Mapped[datetime]
    contacted_at: Mapped[datetime | None]
    due_at: Mapped[datetime]
    department: Mapped[str]
    owner_id: Mapped[UUID | None]
    handling_department: Mapped[str]
    handler_id: Mapped[UUID | None]
    offered_to: Mapped[str | None]
    offered_by: Mapped[UUID | None]
    answer: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    report: Mapped[str | None]
    reply: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    justified: Mapped[bool | None]
    serious: Mapped[bool | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    decision_note: Mapped[str | None]
    responsible_technician_id: Mapped[UUID | None] = link("organisation_technician", nullable=True)
    responsible_firm_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    responsible_department: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(one_of("channel", rules.Channel), name="channel_known"),
        CheckConstraint(one_of("grade", rules.Grade), name="grade_known"),
        CheckConstraint(one_of("topic", rules.Topic), name="topic_known"),
        CheckConstraint(one_of("state", rules.State), name="state_known"),
        CheckConstraint(one_of("department", rules.Department), name="department_known"),
        CheckConstraint("(state = 'waiting') = (owner_id is null)", name="owned"),
        CheckConstraint("(state = 'offered') = (offered_to is not null)", name="offered"),
        CheckConstraint("(offered_to is null) = (offered_by is null)", name="offered_by_somebody"),
        CheckConstraint(
            "(state = 'closed') = (closed_at is not null) and "
            "(closed_at is null) = (reply is null) and "
            "(closed_at is null or contacted_at is not null)",
            name="closed_with_reply",
        ),
        CheckConstraint(
            "(decided_at is null) = (justified is null) and "
            "(decided_at is null) = (serious is null) and "
            "(decided_at is null) = (decided_by is null)",
            name="decided",
        ),
        CheckConstraint(
            "num_nonnulls(responsible_technician_id, responsible_firm_id, "
            "responsible_department) = case when justified then 1 else 0 end",
            name="responsible_known",
        ),
        Index("ix_complaints_complaint_due", "region_id", "state", "due_at"),
        Index("ix_complaints_complaint_contact", "region_id", "contact_due_at"),
        Index("ix_complaints_complaint_matter", "region_id", "customer_id", "topic", "arrived_at"),
    )


class ComplaintVisit(Regional):
    """A visit that a complaint is about."""

    __tablename__ = "complaints_visit"
    resource = "complaint_visit"
    belongs_to = "complaint_id"
    counted: ClassVar[bool] = False

    complaint_id: Mapped[UUID] = link("complaints_complaint", index=False)
    visit_id: Mapped[UUID] = link("visits_visit")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")

    __table_args__ = (UniqueConstraint("region_id", "complaint_id", "visit_id"),)


class ComplaintEntry(Regional):
    """One thing that was done about a complaint: who, when, in whose name, and what was said."""

    __tablename__ = "complaints_entry"
    resource = "complaint_entry"
    prose = frozenset({"words"})
    belongs_to = "complaint_id"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    complaint_id: Mapped[UUID] = link("complaints_complaint")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    kind: Mapped[str]
    by_id: Mapped[UUID]
    department: Mapped[str | None]
    channel: Mapped[str | None]
    reached: Mapped[bool | None]
    words: Mapped[str | None]
    at: Mapped[datetime]

    __table_args__ = (CheckConstraint(one_of("kind", rules.EntryKind), name="kind_known"),)
