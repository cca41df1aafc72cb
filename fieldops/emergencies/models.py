"""Tables of emergency plans: the plan, who helps out, and when it was in force."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, UniqueConstraint, column
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from fieldops.emergencies import rules
from fieldops.emergencies.errors import PlanInForce
from fieldops.kernel.base import Regional, catalogue_link, link, one_of
from fieldops.kernel.commands import refuse_on


class EmergencyPlan(Regional):
    """What changes at once in an emergency (EM-01); without a centre it is the whole region's.

    `open_work_percent` (open work in percent of capacity) and `area_faults` (how many are open)
    trigger it; `automatic`: a trigger activates it, otherwise it proposes it to the owner.
    """

    __tablename__ = "emergencies_plan"
    resource = "emergency_plan"
    counted: ClassVar[bool] = False

    centre_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    name: Mapped[str]
    kind: Mapped[str]
    owner_id: Mapped[UUID] = catalogue_link("organisation_person")
    open_work_percent: Mapped[int | None] = mapped_column(Integer)
    area_faults: Mapped[int | None] = mapped_column(Integer)
    automatic: Mapped[bool] = mapped_column(default=False)
    put_off_kinds: Mapped[list[str]] = mapped_column(ARRAY(Text))
    put_off_days: Mapped[int] = mapped_column(Integer)
    window_minutes: Mapped[int | None] = mapped_column(Integer)
    offer_days: Mapped[int | None] = mapped_column(Integer)
    limit_percent: Mapped[int] = mapped_column(Integer)
    raised_kinds: Mapped[list[str]] = mapped_column(ARRAY(Text))
    raised_classes: Mapped[int] = mapped_column(Integer)
    reserve_percent: Mapped[int | None] = mapped_column(Integer)
    text_en: Mapped[str]
    text_zh: Mapped[str]
    retired: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        CheckConstraint(one_of("kind", rules.Kind), name="kind_known"),
        CheckConstraint("open_work_percent > 0 and area_faults > 0", name="triggers_positive"),
        CheckConstraint(
            "not automatic or open_work_percent is not null or area_faults is not null",
            name="automatic_triggered",
        ),
        CheckConstraint("put_off_days >= 0 and raised_classes >= 0", name="changes_forward"),
        CheckConstraint("limit_percent >= 100", name="limits_stretched"),
    )


class ReserveTechnician(Regional):
    """A technician of another centre who helps out while a plan is in force (EM-01).

    `centre_id` is the technician's home centre.
    """

    __tablename__ = "emergencies_reserve"
    resource = "reserve_technician"
    counted: ClassVar[bool] = False

    plan_id: Mapped[UUID] = link("emergencies_plan", index=False)
    technician_id: Mapped[UUID] = link("organisation_technician")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")

    __table_args__ = (UniqueConstraint("region_id", "plan_id", "technician_id"),)


class Activation(Regional):
    """A time in which a plan is, or was, in force: who, why, since, until, ended by (EM-01).

    The load is what was measured when it was proposed. One is open for a plan at most.
    """

    __tablename__ = "emergencies_activation"
    resource = "emergency_activation"
    prose = frozenset({"reason", "end_reason"})
    counted: ClassVar[bool] = False

    plan_id: Mapped[UUID] = link("emergencies_plan")
    centre_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    owner_id: Mapped[UUID] = catalogue_link("organisation_person")
    state: Mapped[str]
    reason: Mapped[str]
    open_work_percent: Mapped[int | None] = mapped_column(Integer)
    area_faults: Mapped[int | None] = mapped_column(Integer)
    proposed_by: Mapped[UUID | None]
    proposed_at: Mapped[datetime | None]
    activated_by: Mapped[UUID | None]
    since: Mapped[datetime | None]
    until: Mapped[datetime | None]
    ended_by: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    owner_told_at: Mapped[datetime | None]
    owner_reminded_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(one_of("state", rules.State), name="state_known"),
        CheckConstraint("state <> 'active' or since is not null", name="since_known"),
        CheckConstraint(
            "(state in ('ended', 'dismissed')) = (ended_at is not null and end_reason is not null)",
            name="end_known",
        ),
        Index(
            "uq_emergencies_activation_open",
            "region_id",
            "plan_id",
            unique=True,
            postgresql_where=column("state").in_(["proposed", "active"]),
        ),
    )


refuse_on("uq_emergencies_activation_open", PlanInForce)
