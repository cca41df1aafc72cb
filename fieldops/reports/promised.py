"""KP-01 as a statement: which appointments were kept, and each reason why one was not.

`rules.judge` says the same of one appointment; a test holds the two together.
"""

from typing import Any

from sqlalchemy import Select, Text, and_, case, cast, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, array

from fieldops.kernel.clock import local_day
from fieldops.reports import queries
from fieldops.reports.asked import Asked, local_date, row, service_of_visit, whether
from fieldops.reports.rules import Miss


def kept_appointments(asked: Asked) -> Select[Any]:
    """KP-01, as `rules.judge` decides it: the records without the open and those not due."""
    return _judged(asked)[0]


def reasons(asked: Asked) -> Select[Any]:
    """Return the same records, one for each reason why an appointment was not kept."""
    statement, misses = _judged(asked)
    names = array([case((missed, miss.value)) for miss, missed in misses.items()])
    said = func.array_remove(cast(names, ARRAY(Text)), cast(None, Text))
    return statement.add_columns(func.unnest(said).label("part"))


def waiting(asked: Asked) -> Select[Any]:
    """Count by day the open appointments, and the kept ones that a fault can still undo."""
    p = queries.promises(asked.region_id, asked.cut).subquery("promise")
    missed = or_(*_misses(asked, p).values())
    young = and_(p.c.installed, p.c.completed_at >= asked.now - asked.limits.fault_within)
    day = local_date(asked, p.c.window_start)
    return (
        select(
            day.label("day"),
            func.count().filter(p.c.completed_at.is_(None)).label("open"),
            func.count().filter(p.c.completed_at.is_not(None)).label("provisional"),
        )
        .where(~missed, or_(p.c.completed_at.is_(None), young))
        .group_by(day)
    )


def _judged(asked: Asked) -> tuple[Select[Any], dict[Miss, Any]]:
    p = queries.promises(asked.region_id, asked.cut).subquery("promise")
    misses = _misses(asked, p)
    missed = or_(*misses.values())
    statement = select(
        *row(
            id=p.c.id,
            visit_id=p.c.visit_id,
            order_id=p.c.order_id,
            centre_id=p.c.centre_id,
            customer_id=p.c.customer_id,
            technician_id=p.c.technician_id,
            service=service_of_visit(asked.region_id, p.c.visit_id),
            at=p.c.window_start,
            numerator=whether(~missed),
        )
    ).where(
        ~and_(p.c.cancelled, func.coalesce(p.c.by_customer, False)),
        or_(missed, p.c.completed_at.is_not(None)),
    )
    return statement, misses


def _misses(asked: Asked, p: Any) -> dict[Miss, Any]:
    """Return by reason whether it holds of an appointment."""
    limits = asked.limits
    last = local_date(asked, p.c.window_end)
    done_on = local_date(asked, p.c.completed_at)
    decided = or_(p.c.ended_at.is_not(None), last < local_day(asked.now, asked.zone))
    elsewhere = or_(done_on < local_date(asked, p.c.window_start), done_on > last)
    faulted = and_(p.c.installed, p.c.first_fault_at <= p.c.completed_at + limits.fault_within)
    early = p.c.arrived_at < p.c.window_start - limits.early_arrival
    alive = {
        Miss.NOT_COMPLETED: and_(p.c.completed_at.is_(None), decided),
        Miss.COMPLETED_ON_ANOTHER_DAY: and_(p.c.completed_at.is_not(None), elsewhere),
        Miss.RESCHEDULED_AGAIN: p.c.operator_reschedules > limits.reschedules_tolerated,
        Miss.ARRIVED_BEFORE_WINDOW: early,
        Miss.ARRIVED_AFTER_WINDOW: p.c.arrived_at > p.c.window_end,
        Miss.ARRIVAL_NOT_RECORDED: and_(p.c.arrived_at.is_(None), decided),
        Miss.FAULT_AFTER_INSTALL: faulted,
    }
    found = {
        miss: and_(~p.c.cancelled, func.coalesce(holds, False)) for miss, holds in alive.items()
    }
    return {Miss.CANCELLED_BY_OPERATOR: p.c.cancelled} | found
