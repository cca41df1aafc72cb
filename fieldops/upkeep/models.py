"""Tables of upkeep: patrol plans, rounds, spot checks."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.kernel.base import Regional, catalogue_link, link, one_of
from fieldops.kernel.commands import refuse_on
from fieldops.upkeep import rules
from fieldops.upkeep.errors import PatrolKnown, RoundOpen


class PatrolPlan(Regional):
    """A route of plant walked in a period (VI-06); `feature_ids` in the order of the way."""

    __tablename__ = "upkeep_patrol_plan"
    resource = "patrol_plan"

    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    name: Mapped[str]
    every_days: Mapped[int] = mapped_column(Integer)
    feature_ids: Mapped[list[Any]] = mapped_column(JSONB)
    active: Mapped[bool] = mapped_column(default=True)

    __table_args__ = (
        UniqueConstraint("region_id", "centre_id", "name"),
        CheckConstraint("every_days > 0", name="period_positive"),
    )


class Round(Regional):
    """A work order opened for a patrol plan or for a building's cabling, and when it was done.

    `feature_ids` is what was to be looked at. It is closed when its work has ended, done or not.
    """

    __tablename__ = "upkeep_round"
    resource = "round"
    belongs_to = "work_order_id"

    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    kind: Mapped[str]
    plan_id: Mapped[UUID | None] = link("upkeep_patrol_plan", nullable=True)
    feature_id: Mapped[UUID | None] = link("network_feature", nullable=True)
    feature_ids: Mapped[list[Any]] = mapped_column(JSONB)
    work_order_id: Mapped[UUID] = link("orders_work_order")
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    visit_id: Mapped[UUID | None] = link("visits_visit", nullable=True)

    __table_args__ = (
        CheckConstraint(one_of("kind", rules.RoundKind), name="kind_known"),
        CheckConstraint(
            "(kind = 'patrol') = (plan_id is not null) and "
            "(kind = 'inspection') = (feature_id is not null)",
            name="about_one",
        ),
        CheckConstraint("done_at is null or closed_at is not null", name="done_is_closed"),
        Index(
            "uq_upkeep_round_open_plan",
            "region_id",
            "plan_id",
            unique=True,
            postgresql_where="closed_at is null and plan_id is not null",
        ),
        Index(
            "uq_upkeep_round_open_feature",
            "region_id",
            "feature_id",
            unique=True,
            postgresql_where="closed_at is null and feature_id is not null",
        ),
    )


class SpotCheck(Regional):
    """A draw of plant whose record is compared with what is there (RE-06), repeatable.

    `population` lists the ids the draw was made from; with seed and share it gives the same again.
    """

    __tablename__ = "upkeep_spot_check"
    resource = "spot_check"

    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    kinds: Mapped[list[str]]
    seed: Mapped[str]
    share: Mapped[float]
    population: Mapped[list[Any]] = mapped_column(JSONB)
    drawn_at: Mapped[datetime]
    drawn_by: Mapped[UUID]


class SpotCheckItem(Regional):
    """One drawn piece of plant; `record` is how the record stood, `result` what a person found."""

    __tablename__ = "upkeep_spot_check_item"
    resource = "spot_check_item"

    check_id: Mapped[UUID] = link("upkeep_spot_check", index=False)
    feature_id: Mapped[UUID] = link("network_feature")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    technician_id: Mapped[UUID | None] = link("organisation_technician", nullable=True)
    record: Mapped[dict[str, Any]]
    result: Mapped[str | None]
    found: Mapped[str | None]
    person_id: Mapped[UUID | None]
    captured_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("region_id", "check_id", "feature_id"),
        CheckConstraint(one_of("result", rules.Result), name="result_known"),
        CheckConstraint(
            "(result is null) = (seen_at is null) and (result is null) = (person_id is null)",
            name="result_whole",
        ),
    )


refuse_on("uq_upkeep_patrol_plan_centre_id_name", PatrolKnown)
refuse_on("uq_upkeep_round_open_plan", RoundOpen)
refuse_on("uq_upkeep_round_open_feature", RoundOpen)
