"""Tables of orders: orders, work orders, warnings of late work, urges and matters, reasons."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.kernel.base import Catalogue, Regional, catalogue_link, link, one_of
from fieldops.orders import rules


class Reason(Catalogue):
    """A reason of the list for one process, with whose cause it is (WO-03)."""

    __tablename__ = "orders_reason"
    resource = "reason"

    code: Mapped[str]
    process: Mapped[str]
    cause: Mapped[str]
    text_en: Mapped[str]
    text_zh: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)

    __table_args__ = (
        CheckConstraint(one_of("process", rules.Process), name="process_known"),
        CheckConstraint(one_of("cause", rules.Cause), name="cause_known"),
        UniqueConstraint("process", "code"),
    )


class ServiceOrder(Regional):
    """What a customer ordered (WO-01), or, without a customer, work the plant needs.

    `state` follows from the work orders; `content_hash` says whether the same reference came
    again with the same content.
    """

    __tablename__ = "orders_order"
    resource = "order"
    prose = frozenset({"wish"})
    belongs_to = "customer_id"

    external_ref: Mapped[str]
    customer_id: Mapped[UUID | None] = link("customers_customer", nullable=True)
    premises_id: Mapped[UUID | None] = link("customers_premises", nullable=True)
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    state: Mapped[str]
    urgency: Mapped[str] = mapped_column(default="normal")
    wish: Mapped[str | None]
    received_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    urges: Mapped[int] = mapped_column(default=0)
    content_hash: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("region_id", "external_ref"),
        CheckConstraint(one_of("state", rules.State), name="state_known"),
        CheckConstraint("urgency in ('normal', 'major_fault', 'complaint')", name="urgency_known"),
        CheckConstraint("customer_id is null or premises_id is not null", name="premises_known"),
        CheckConstraint("urges >= 0", name="urges_counted"),
        Index("ix_orders_order_received", "region_id", "centre_id", "received_at"),
    )


class WorkOrder(Regional):
    """One task of an order (WO-01), its state (WO-03), due time (WO-04), priority (WO-06).

    `premises_id` is where it is: the order's premises, or those its item named.
    `limit_seconds` is the time limit of CU-02; `suspended_seconds` the time its clock stood
    still by customer cause; `due_at` follows from both. `duration_minutes` is the planned time
    on site.
    """

    __tablename__ = "orders_work_order"
    resource = "work_order"
    prose = frozenset({"symptom", "state_note"})
    belongs_to = "order_id"

    order_id: Mapped[UUID] = link("orders_order")
    premises_id: Mapped[UUID | None] = link("customers_premises", nullable=True)
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    number: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str]
    service: Mapped[str]
    technology: Mapped[str | None]
    product: Mapped[str | None]
    symptom: Mapped[str | None]
    service_id: Mapped[UUID | None] = link("network_service", nullable=True)
    feature_id: Mapped[UUID | None] = link("network_feature", nullable=True)
    skill: Mapped[str]
    department: Mapped[str] = mapped_column(default="field")
    state: Mapped[str]
    state_since: Mapped[datetime]
    state_reason: Mapped[str | None]
    state_note: Mapped[str | None]
    resume_on: Mapped[date | None]
    transferred_to: Mapped[str | None]
    transfer_accepted_at: Mapped[datetime | None]
    transfer_accepted_by: Mapped[UUID | None]
    received_at: Mapped[datetime]
    limit_seconds: Mapped[int] = mapped_column(Integer)
    due_at: Mapped[datetime]
    clock_stopped_at: Mapped[datetime | None]
    suspended_seconds: Mapped[int] = mapped_column(Integer, default=0)
    duration_minutes: Mapped[int] = mapped_column(Integer)
    priority: Mapped[int] = mapped_column(Integer)

    __table_args__ = (
        UniqueConstraint("region_id", "order_id", "number"),
        CheckConstraint(one_of("kind", rules.Kind), name="kind_known"),
        CheckConstraint(one_of("state", rules.State), name="state_known"),
        CheckConstraint("department in ('field', 'cable')", name="department_known"),
        CheckConstraint("suspended_seconds >= 0 and limit_seconds > 0", name="times_positive"),
        CheckConstraint("duration_minutes between 1 and 1440", name="duration_of_a_day"),
        CheckConstraint(
            "state <> 'suspended' or (resume_on is not null and state_reason is not null)",
            name="suspended_until",
        ),
        CheckConstraint(
            "state <> 'returned' or state_reason is not null", name="returned_with_reason"
        ),
        CheckConstraint(
            "state <> 'transferred' or transferred_to is not null", name="transferred_to_known"
        ),
        CheckConstraint(
            "(transfer_accepted_at is null) = (transfer_accepted_by is null)",
            name="transfer_accepted",
        ),
        Index("ix_orders_work_order_due", "region_id", "state", "due_at"),
        Index("ix_orders_work_order_resume", "region_id", "state", "resume_on"),
        Index("ix_orders_work_order_due_time", "region_id", "due_at"),
        Index(
            "ix_orders_work_order_done",
            "region_id",
            "state_since",
            postgresql_where="state in ('completed', 'closed')",
        ),
    )


class LateWarning(Regional):
    """A warning that work nears or passed a limit, once for each audience (WO-04, RE-03).

    For `cable_department` and `cable_supervisor` the limit is that of the transfer to the cable
    department, for the others that of the whole work.
    """

    __tablename__ = "orders_warning"
    resource = "work_order_warning"
    belongs_to = "work_order_id"
    audited: ClassVar[bool] = False

    work_order_id: Mapped[UUID] = link("orders_work_order", index=False)
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    audience: Mapped[str]
    percent: Mapped[int] = mapped_column(Integer)
    due_at: Mapped[datetime]
    warned_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("region_id", "work_order_id", "audience"),
        CheckConstraint(one_of("audience", rules.AUDIENCES), name="audience_known"),
        Index("ix_orders_warning_warned", "region_id", "centre_id", "warned_at"),
    )


class Matter(Regional):
    """What a customer wants to know or have done about an order, and who answers it (WO-05).

    From the first contact until it is answered it belongs to one person, `owner_id`; one that
    came without a person (by a link, from a partner's system) waits until somebody takes it. An
    offer to somebody else leaves it with its owner until the other accepts. An order has one
    open matter at a time: whoever calls again reaches the same owner.
    """

    __tablename__ = "orders_matter"
    resource = "matter"
    prose = frozenset({"words", "offer_note", "answer"})
    belongs_to = "order_id"

    order_id: Mapped[UUID] = link("orders_order")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    kind: Mapped[str]
    words: Mapped[str | None]
    channel: Mapped[str]
    state: Mapped[str]
    owner_id: Mapped[UUID | None]
    owned_since: Mapped[datetime | None]
    offered_to: Mapped[UUID | None]
    offered_at: Mapped[datetime | None]
    offer_note: Mapped[str | None]
    came_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    answer: Mapped[str | None]
    answer_channel: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(one_of("kind", rules.Matter), name="kind_known"),
        CheckConstraint(one_of("state", rules.MatterState), name="state_known"),
        CheckConstraint("(state = 'waiting') = (owner_id is null)", name="owned"),
        CheckConstraint("(state = 'offered') = (offered_to is not null)", name="offered"),
        CheckConstraint(
            "(state = 'answered') = (answered_at is not null) and "
            "(answered_at is null) = (answer_channel is null)",
            name="answered",
        ),
        Index(
            "uq_orders_matter_open",
            "region_id",
            "order_id",
            unique=True,
            postgresql_where="state <> 'answered'",
        ),
        Index("ix_orders_matter_owner", "region_id", "owner_id", "state"),
    )


class Urge(Regional):
    """One time that somebody pressed for an order (WO-05); kept, whether it counted or not."""

    __tablename__ = "orders_urge"
    resource = "urge"
    prose = frozenset({"words"})
    belongs_to = "order_id"
    audited: ClassVar[bool] = False
    counted: ClassVar[bool] = False

    order_id: Mapped[UUID] = link("orders_order")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    matter_id: Mapped[UUID] = link("orders_matter")
    side: Mapped[str]
    channel: Mapped[str]
    words: Mapped[str | None]
    taken_by: Mapped[UUID]
    at: Mapped[datetime]
    raises: Mapped[bool]

    __table_args__ = (CheckConstraint("side in ('customer', 'agent')", name="side_known"),)
