"""Statements about orders that are done: how many trips each took (WO-02)."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, select

from fieldops.orders.models import ServiceOrder
from fieldops.orders.rules import OPEN
from fieldops.reports.queries import Cut
from fieldops.visits.models import Visit
from fieldops.visits.rules import State

MADE = (State.COMPLETED.value, State.FAILED.value)
"""A trip was made when the visit was completed or failed at the door; a cancelled one was not."""

TRIPS: ColumnElement[int] = func.count(Visit.id) - func.count(Visit.premises_id.distinct()) + 1
"""Trips of an order, where one to each of its premises is one: a move cannot be done with less."""


def orders_done(region_id: int, cut: Cut) -> Select[Any]:
    """Return the statement for the orders done in a cut, each with its trips and its last day.

    An order is done when nothing of it is open and a visit completed work of it; it belongs to
    the day on which its last visit was completed.
    """
    completed = Visit.state == State.COMPLETED.value
    ended = Visit.__table__.alias("ended")
    done_at = func.max(Visit.ended_at).filter(completed)
    columns: list[Any] = [
        ServiceOrder.id.label("order_id"),
        ServiceOrder.centre_id,
        ServiceOrder.customer_id,
        TRIPS.label("trips"),
        done_at.label("done_at"),
    ]
    return (
        select(*columns)
        .join(Visit, and_(Visit.region_id == region_id, Visit.order_id == ServiceOrder.id))
        .where(
            ServiceOrder.region_id == region_id,
            ServiceOrder.centre_id.in_(cut.centre_ids),
            ServiceOrder.state.not_in(sorted(OPEN)),
            # What was done within the days had a visit that ended in them: there is an index.
            ServiceOrder.id.in_(
                select(ended.c.order_id).where(
                    ended.c.region_id == region_id,
                    ended.c.state == State.COMPLETED.value,
                    ended.c.ended_at >= cut.start,
                    ended.c.ended_at < cut.end,
                )
            ),
            Visit.state.in_(MADE),
        )
        .group_by(ServiceOrder.region_id, ServiceOrder.id)
        .having(done_at >= cut.start, done_at < cut.end)
    )


def trips(region_id: int, order_ids: Collection[UUID]) -> Select[Any]:
    """Return the statement for the trips made for some orders, first to last, each with why."""
    columns: list[Any] = [
        Visit.id,
        Visit.order_id,
        Visit.premises_id,
        Visit.state,
        Visit.arrived_at,
        Visit.ended_at,
        Visit.split_reason,
        Visit.end_reason,
        Visit.end_cause,
        Visit.next_step,
    ]
    return (
        select(*columns)
        .where(
            Visit.region_id == region_id,
            Visit.order_id.in_(order_ids),
            Visit.state.in_(MADE),
        )
        .order_by(Visit.order_id, Visit.ended_at, Visit.id)
    )
