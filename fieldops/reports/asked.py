"""What the facts of the indicators are asked for, and the one shape in which they answer.

Every statement gives `id`, `visit_id`, `order_id`, `centre_id`, `customer_id`, `technician_id`,
`service`, `at` (the moment whose local day the record belongs to), `numerator` and `denominator`,
and is bounded by the cut's moments and centres. What is asked beyond is cut from them in one place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Date, DateTime, Float, and_, case, cast, extract, func, literal, select

from fieldops.orders.models import WorkOrder
from fieldops.quality.duty import Level
from fieldops.reports.queries import Cut
from fieldops.reports.rules import Limits
from fieldops.visits.models import VisitWork

SECONDS_A_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose facts of which days are wanted, by which numbers, at which moment."""

    region_id: int
    zone: ZoneInfo
    cut: Cut
    limits: Limits
    repeat_within: timedelta
    recorded_within: timedelta
    duties: Mapping[Level, int]
    now: datetime

    def on(self, day: Any) -> Any:
        """Return the first moment of a local day, for records that belong to a day alone."""
        return func.timezone(self.zone.key, cast(day, DateTime(timezone=False)))


def local_date(asked: Asked, moment: Any) -> Any:
    """Return the local day of a moment."""
    return cast(func.timezone(asked.zone.key, moment), Date)


def row(**columns: Any) -> list[Any]:
    """Return the columns of a record by their names; it counts as one where nothing is said."""
    columns.setdefault("denominator", literal(1.0, Float))
    columns["numerator"] = cast(columns["numerator"], Float)
    return [column.label(name) for name, column in columns.items()]


def whether(condition: Any) -> Any:
    """Return what a record adds to a numerator: one or nothing."""
    return case((condition, 1.0), else_=0.0)


def minutes(later: Any, earlier: Any) -> Any:
    """Return the minutes from one moment to another."""
    return extract("epoch", later - earlier) / SECONDS_A_MINUTE


def within(asked: Asked, moment: Any) -> Any:
    """Limit records to those whose moment lies in the days that are asked for."""
    return and_(moment >= asked.cut.start, moment < asked.cut.end)


def service_of_visit(region_id: int, visit_id: Any) -> Any:
    """Return the service of a visit: broadband (first by name) where it had both."""
    work = WorkOrder.__table__.alias("served")
    on = VisitWork.__table__.alias("served_on")
    return (
        select(func.min(work.c.service))
        .select_from(on)
        .join(work, and_(work.c.region_id == region_id, work.c.id == on.c.work_order_id))
        .where(on.c.region_id == region_id, on.c.visit_id == visit_id)
        .scalar_subquery()
    )
