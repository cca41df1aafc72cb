"""The table of retention: tasks that repair the relationship with a customer."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped

from fieldops.kernel.base import Regional, catalogue_link, link, one_of
from fieldops.kernel.commands import refuse_on
from fieldops.retention import rules
from fieldops.retention.errors import NothingToRepair


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


refuse_on("uq_retention_repair_task_open", NothingToRepair)
