"""Tables of reports: aims and weights by month (KP-03), and the rollups by day (KP-02)."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Float, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.kernel.base import Base, Regional

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


class Counts:
    """What records come to, and what they are told apart by.

    NIL stands for records of the region as a whole and for those without a technician, an empty
    text for those without a service or a tier. Keys keep their order: they are the index.
    """

    centre_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=1)
    technician_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=2)
    service: Mapped[str] = mapped_column(primary_key=True, sort_order=4)
    tier: Mapped[str] = mapped_column(primary_key=True, sort_order=5)
    numerator: Mapped[float] = mapped_column(Float, sort_order=6)
    denominator: Mapped[float] = mapped_column(Float, sort_order=7)
    records: Mapped[int] = mapped_column(sort_order=8)


class Rollup(Counts, Base):
    """What an indicator's records of one day come to, for each way to cut them.

    Derived from the records and made again from them; nothing else writes it.
    """

    __tablename__ = "reports_rollup"

    region_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    indicator: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)


class Breakdown(Base):
    """How many of an indicator's records of one day have a part: a reason, a number of trips.

    Made together with the rollup of the day (`facts.BREAKDOWNS`); NIL as there.
    """

    __tablename__ = "reports_breakdown"

    region_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    indicator: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    centre_id: Mapped[UUID] = mapped_column(primary_key=True)
    technician_id: Mapped[UUID] = mapped_column(primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    records: Mapped[int]


class ClosedMonth(Regional):
    """A month whose figures are kept as they were: when, by whom, with its targets and weights.

    Nobody is named for one that the timetable closed.
    """

    __tablename__ = "reports_closed_month"
    resource = "closed_month"
    counted: ClassVar[bool] = False

    month: Mapped[date]
    closed_at: Mapped[datetime]
    closed_by: Mapped[UUID | None]
    targets: Mapped[dict[str, Any]]
    services: Mapped[dict[str, Any]]
    tiers: Mapped[dict[str, Any]]

    __table_args__ = (
        UniqueConstraint("region_id", "month"),
        CheckConstraint(FIRST_OF_MONTH, name="first_of_month"),
    )


class MonthFigure(Counts, Base):
    """What an indicator of a closed month came to, by every way to cut it; never changed.

    The firm is the technician's on the day of closing, NIL for none.
    """

    __tablename__ = "reports_month_figure"

    region_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    month: Mapped[date] = mapped_column(primary_key=True)
    indicator: Mapped[str] = mapped_column(primary_key=True)
    firm_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=3)


class RolledDay(Base):
    """That an indicator's records of a day are rolled up, when, and whether some changed since.

    `stale_since`: what changed up to then is in the rollup, something after it is not.
    """

    __tablename__ = "reports_rolled_day"

    region_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    indicator: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    counted_at: Mapped[datetime]
    stale_since: Mapped[datetime | None]


class LogPlace(Base):
    """Up to which change of a centre the rollups have followed (kernel/changes.py)."""

    __tablename__ = "reports_log_place"

    region_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    centre_id: Mapped[UUID] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger)
    read_at: Mapped[datetime]
