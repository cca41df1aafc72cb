"""Visits as a layer of a map (fieldops/kernel/maps.py): where somebody is due, and when.

Nothing of the customer is in it. A home's place is shown to whoever may see the premises too.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import Select, and_, select

from fieldops.customers import policy as customers
from fieldops.customers.models import Premises
from fieldops.kernel import maps
from fieldops.kernel.actor import Actor
from fieldops.kernel.maps import Asked
from fieldops.kernel.permissions import Permission
from fieldops.visits import policy
from fieldops.visits.models import Visit
from fieldops.visits.rules import State

DAYS_BACK = 7
DAYS_AHEAD = 14
VISITS_FROM = 9


def visits(actor: Actor, asked: Asked) -> Select[*tuple[Any, ...]]:
    """Return the visits with a window, not cancelled, as a layer; raises Forbidden.

    Those from 7 days back to 14 days ahead; `start` and `end` narrow it to windows that touch
    the interval.
    """
    found = (
        select(
            Visit.id,
            Premises.point.label("shape"),
            Visit.state,
            Visit.window_start,
            Visit.window_end,
            Visit.centre_id,
            Visit.version,
        )
        .join(
            Premises,
            and_(Premises.region_id == Visit.region_id, Premises.id == Visit.premises_id),
        )
        .where(
            policy.visible(actor.scope(Permission.VISIT_READ)),
            customers.visible_premises(actor.scope(Permission.CUSTOMER_READ)),
            Visit.state != State.CANCELLED,
            Visit.window_start >= asked.today - timedelta(days=DAYS_BACK),
            Visit.window_start < asked.today + timedelta(days=DAYS_AHEAD + 1),
        )
    )
    if asked.boxes:
        found = found.where(maps.touching(Premises.point, asked.boxes))
    if asked.start is not None:
        found = found.where(Visit.window_end >= asked.start)
    if asked.end is not None:
        found = found.where(Visit.window_start <= asked.end)
    return found
