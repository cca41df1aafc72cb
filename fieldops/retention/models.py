"""Tables of retention: repair tasks, the register of who may leave, revisits."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped

from fieldops.kernel.base import Regional, catalogue_link, link, one_of
from fieldops.kernel.commands import refuse_on
from fieldops.retention import rules
from fieldops.retention.errors import InRegister, NothingToRepair


class RepairTask(Regional):
    """Somebody's task to put things right with a red or yellow customer (CU-08).

    `sign` and `sign_at` are the last thing that happened when it was opened; nobody owns it only
    while no agent or supervisor works for the centre. One is open for a customer at most.
    """

    __tablename__ = "retention_repair_task"
    resource = "repair_task"
    prose = frozenset({"customer_said"})
    belongs_to = "customer_id"
    counted: ClassVar[bool] = False

    customer_id: Mapped[UUID] = link("customers_customer")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    colour: Mapped[str]
    sign: Mapped[str]
    sign_at: Mapped[datetime]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    owner_id: Mapped[UUID | None]
    closed_at: Mapped[datetime | None]
    customer_said: Mapped[str | None]
    settled: Mapped[bool | None]

    __table_args__ = (
        CheckConstraint("colour in ('red', 'yellow')", name="colour_known"),
        CheckConstraint(one_of("sign", rules.Sign), name="sign_known"),
        CheckConstraint(
            "(closed_at is null) = (customer_said is null) and "
            "(closed_at is null) = (settled is null)",
            name="closed_with_say",
        ),
        Index(
            "uq_retention_repair_task_open",
            "region_id",
            "customer_id",
            unique=True,
            postgresql_where="closed_at is null",
        ),
        Index("ix_retention_repair_task_due", "region_id", "centre_id", "due_at"),
    )


class ChurnCase(Regional):
    """A customer who may leave, from the entry in the register to the outcome (CU-09).

    `outcome` is empty in a closed case only when the customer was erased or the entry was wrong:
    `withdrawn_at`, counted nowhere, with its revisits. One is open for a customer at most.
    """

    __tablename__ = "retention_churn_case"
    resource = "churn_case"
    prose = frozenset({"words"})
    belongs_to = "customer_id"
    counted: ClassVar[bool] = False

    customer_id: Mapped[UUID] = link("customers_customer")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    reason: Mapped[str]
    words: Mapped[str | None]
    owner_id: Mapped[UUID | None]
    opened_at: Mapped[datetime]
    opened_by: Mapped[UUID]
    outcome: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("withdrawn_at is null or closed_at is not null", name="withdrawn_closed"),
        CheckConstraint(one_of("reason", rules.Reason), name="reason_known"),
        CheckConstraint("outcome is null or outcome in ('stays', 'goes')", name="outcome_known"),
        CheckConstraint("outcome is null or closed_at is not null", name="closed_with_outcome"),
        Index(
            "uq_retention_churn_case_open",
            "region_id",
            "customer_id",
            unique=True,
            postgresql_where="closed_at is null",
        ),
        Index("ix_retention_churn_case_opened", "region_id", "opened_at"),
        Index("ix_retention_churn_case_closed", "region_id", "closed_at"),
    )


class Revisit(Regional):
    """A targeted revisit due to a customer who may leave, or a retention visit asked for (CU-09).

    `order_id` is the care order that the field was asked to carry out, to be answered until
    `answer_due_at`. `done_at` is when the customer was spoken to, `outcome` what came of it.
    """

    __tablename__ = "retention_revisit"
    resource = "revisit"
    prose = frozenset({"answer", "words"})
    belongs_to = "customer_id"
    counted: ClassVar[bool] = False

    customer_id: Mapped[UUID] = link("customers_customer")
    churn_case_id: Mapped[UUID | None] = link("retention_churn_case", nullable=True)
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    purpose: Mapped[str]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    order_id: Mapped[UUID | None] = link("orders_order", nullable=True)
    asked_at: Mapped[datetime | None]
    answer_due_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    answer: Mapped[str | None]
    done_at: Mapped[datetime | None]
    done_by: Mapped[UUID | None]
    way: Mapped[str | None]
    outcome: Mapped[str | None]
    words: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(one_of("purpose", rules.Purpose), name="purpose_known"),
        CheckConstraint(f"way is null or {one_of('way', rules.Way)}", name="way_known"),
        CheckConstraint(
            f"outcome is null or {one_of('outcome', rules.Said)}", name="outcome_known"
        ),
        CheckConstraint(
            "(purpose = 'churn') = (churn_case_id is not null)", name="of_the_register"
        ),
        CheckConstraint(
            "(order_id is null) = (asked_at is null) and "
            "(order_id is null) = (answer_due_at is null) and "
            "(answered_at is null or order_id is not null)",
            name="asked_whole",
        ),
        CheckConstraint(
            "(done_at is null) = (way is null) and (outcome is null or done_at is not null)",
            name="done_whole",
        ),
        Index("ix_retention_revisit_due", "region_id", "due_at"),
    )


refuse_on("uq_retention_repair_task_open", NothingToRepair)
refuse_on("uq_retention_churn_case_open", InRegister)
