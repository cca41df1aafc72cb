"""What belongs to a technician's own visits, as SQL: the ground of all views (SY-01).

Higher modules limit their views with `own_visits`.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from typing import Any

from geoalchemy2 import Geography
from sqlalchemy import (
    CTE,
    FromClause,
    Select,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    union,
)

from fieldops.customers.models import Premises
from fieldops.kernel import geo
from fieldops.kernel.views import BACKGROUND, LATER, TODAY, DeviceScope
from fieldops.network.models import NetworkFeature, NetworkService, PathElement
from fieldops.visits import policy, rules
from fieldops.visits.models import Assignment, Visit

STILL_UNDER_WAY = timedelta(days=30)  # longer than any visit is left under way
FURTHER: list[Callable[[DeviceScope], Select[Any]]] = []
"""What else of the plant a device holds: statements of one column, `key`, a feature's id."""
# The expression of the index ix_visits_assignment_due.
_due = func.coalesce(Assignment.latest_departure_at, literal_column("'infinity'::timestamptz"))


@lru_cache(maxsize=128)
def own_visits(scope: DeviceScope) -> CTE:
    """Return a technician's own visits from 2 days back to 14 ahead (SY-01).

    The same object for the same scope: all views of a pull share one common table expression,
    which the database looks up once and joins by index from its few rows.

    Columns: visit_id, order_id, premises_id, customer_id, tier (today's visits and those under
    way first, the past last), contact_until (when contact data leaves the device, CU-05; null
    while the visit has not ended).
    """
    starts, ends = scope.window
    today, tomorrow = scope.today
    under_way = Visit.state.in_(sorted(rules.UNDER_WAY))
    tier = case(
        (or_(under_way, and_(Visit.window_start >= today, Visit.window_start < tomorrow)), TODAY),
        (Visit.window_start >= tomorrow, LATER),
        else_=BACKGROUND,
    )
    return (
        select(
            Visit.id.label("visit_id"),
            Visit.order_id.label("order_id"),
            Visit.premises_id.label("premises_id"),
            Visit.customer_id.label("customer_id"),
            tier.label("tier"),
            policy.contact_until(scope.region_id, Visit).label("contact_until"),
        )
        .join(
            Assignment,
            and_(Assignment.region_id == Visit.region_id, Assignment.visit_id == Visit.id),
        )
        .where(
            Visit.region_id == scope.region_id,
            Assignment.region_id == scope.region_id,
            Assignment.technician_id == scope.person_id,
            Assignment.ended_at.is_(None),
            _due >= starts - STILL_UNDER_WAY,
            or_(under_way, and_(Visit.window_start >= starts, Visit.window_start < ends)),
        )
        .cte("own")
        .prefix_with("MATERIALIZED")
    )


def first_tier(own: FromClause, key: Any) -> Subquery:
    """Return a key of the own visits once, with the earliest tier it is needed in."""
    return (
        select(key.label("key"), func.min(own.c.tier).label("tier"))
        .group_by(key)
        .subquery("needed")
    )


def with_contact(scope: DeviceScope, key: str) -> Subquery:
    """Return a key of the visits whose contact data the device may still hold (CU-05).

    Columns: the key by its name, tier, contact_until. Several visits of one customer: the data
    stays until it leaves with the last of them, and without end while one has not ended.
    """
    own = own_visits(scope)
    column = own.c[key]
    open_ended = func.bool_or(own.c.contact_until.is_(None))
    return (
        select(
            column.label(key),
            func.min(own.c.tier).label("tier"),
            case((open_ended, None), else_=func.max(own.c.contact_until)).label("contact_until"),
        )
        .where(or_(own.c.contact_until.is_(None), own.c.contact_until > scope.now))
        .group_by(column)
        .subquery("reach")
    )


def services(scope: DeviceScope) -> Subquery:
    """Return the ids and tiers of the services at the premises of own visits."""
    needed = first_tier(own := own_visits(scope), own.c.premises_id)
    return (
        select(NetworkService.id.label("key"), needed.c.tier.label("tier"))
        .join(needed, needed.c.key == NetworkService.premises_id)
        .where(NetworkService.region_id == scope.region_id)
        .subquery("of_premises")
    )


def features(scope: DeviceScope) -> Subquery:
    """Return the ids of the features of own visits: access paths and within 300 m (SY-01).

    With a pair, fibre or port of a path come those beside it, of which one may be swapped in.
    Modules above add what their own work is about (`FURTHER`).
    """
    parts = (_of_paths(scope), _beside_paths(scope), _nearby(scope))
    return union(*parts, *(further(scope) for further in FURTHER)).subquery("reached")


def _path_features(scope: DeviceScope) -> Select[Any]:
    at_premises = services(scope)
    return (
        select(PathElement.feature_id)
        .join(at_premises, at_premises.c.key == PathElement.service_id)
        .where(PathElement.region_id == scope.region_id)
    )


def _of_paths(scope: DeviceScope) -> Select[Any]:
    path = _path_features(scope).subquery("of_path")
    return select(path.c.feature_id.label("key"))


def _beside_paths(scope: DeviceScope) -> Select[Any]:
    used, beside = NetworkFeature.__table__.alias("used"), NetworkFeature.__table__.alias("beside")
    path = _path_features(scope).subquery("of_path")
    return (
        select(beside.c.id.label("key"))
        .join(
            used,
            and_(used.c.region_id == beside.c.region_id, used.c.parent_id == beside.c.parent_id),
        )
        .join(path, path.c.feature_id == used.c.id)
        .where(
            used.c.region_id == scope.region_id,
            beside.c.region_id == scope.region_id,
            used.c.state.is_not(None),
            beside.c.kind == used.c.kind,
            beside.c.state.in_(("free", "reserved", "bad")),
        )
    )


def _nearby(scope: DeviceScope) -> Select[Any]:
    """Return the features within 300 m of own premises, measured on the ground."""
    own = own_visits(scope)
    places = select(own.c.premises_id.label("key")).distinct().subquery("places")
    ground = Geography(srid=geo.SRID, spatial_index=False)
    return (
        select(NetworkFeature.id.label("key"))
        .join(
            Premises,
            and_(
                Premises.region_id == NetworkFeature.region_id,
                func.ST_DWithin(
                    cast(NetworkFeature.shape, ground),
                    cast(Premises.point, ground),
                    rules.NEARBY_M,
                ),
            ),
        )
        .join(places, places.c.key == Premises.id)
        .where(
            NetworkFeature.region_id == scope.region_id,
            NetworkFeature.shape.is_not(None),
            Premises.region_id == scope.region_id,
        )
    )
