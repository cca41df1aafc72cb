"""Tables of reports: what a region aims at and how it weighs, from a month on (KP-03)."""

from datetime import date
from typing import Any

from sqlalchemy import CheckConstraint, Float, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.kernel.base import Regional

FIRST_OF_MONTH = "extract(day from month) = 1"


class Target(Regional):
    """What a region aims at in an indicator from a month on, until a later row says otherwise."""

    __tablename__ = "reports_target"
    resource = "indicator_target"

    indicator: Mapped[str]
    month: Mapped[date]
    value: Mapped[float] = mapped_column(Float)

    __table_args__ = (
        UniqueConstraint("region_id", "indicator", "month"),
        CheckConstraint(FIRST_OF_MONTH, name="first_of_month"),
    )


class WeightTable(Regional):
    """What services and tiers weigh in scores from a month on, each by name."""

    __tablename__ = "reports_weights"
    resource = "indicator_weights"

    month: Mapped[date]
    services: Mapped[dict[str, Any]]
    tiers: Mapped[dict[str, Any]]

    __table_args__ = (
        UniqueConstraint("region_id", "month"),
        CheckConstraint(FIRST_OF_MONTH, name="first_of_month"),
    )
