"""Device views of tests: those of own visits, and the last five of each line (HR-03)."""

from typing import Any

from sqlalchemy import Select, Subquery, Uuid, cast, func, null, select, union_all
from sqlalchemy.dialects.postgresql import aggregate_order_by

from fieldops.kernel.views import DeviceScope, document, view
from fieldops.measurements.models import LineCheck, LineTest, SpeedTest
from fieldops.measurements.rules import CheckState
from fieldops.measurements.schemas import LineCheckOnDevice, LineTestOnDevice, SpeedTestOnDevice
from fieldops.visits.views import own_visits, reach
from fieldops.visits.views.work import fields

LAST = 5


def _newest(model: Any, scope: DeviceScope, services: Subquery) -> Subquery:
    """Return the newest tests of each line at the premises of own visits, with their tier."""
    ranked = (
        select(
            model.id.label("key"),
            services.c.tier.label("tier"),
            func.row_number()
            .over(
                partition_by=model.service_id, order_by=(model.estimated_at.desc(), model.id.desc())
            )
            .label("place"),
        )
        .join(services, services.c.key == model.service_id)
        .where(model.region_id == scope.region_id)
        .subquery("ranked")
    )
    return select(ranked.c.key, ranked.c.tier).where(ranked.c.place <= LAST).subquery("newest")


def _tests(model: Any, schema: Any, scope: DeviceScope) -> Select[Any]:
    own = own_visits(scope)
    newest = _newest(model, scope, reach.services(scope))
    # A union of two short lists: asked as an OR, the database reads every test there is.
    of_visits = (
        select(model.id.label("key"), own.c.tier.label("tier"), own.c.visit_id.label("visit_id"))
        .join(own, own.c.visit_id == model.visit_id)
        .where(model.region_id == scope.region_id)
    )
    of_lines = select(newest.c.key, newest.c.tier, cast(null(), Uuid()).label("visit_id"))
    either = union_all(of_visits, of_lines).subquery("either")
    # The visit is named only where the device holds it: no child without its parent.
    wanted = (
        select(
            either.c.key,
            func.min(either.c.tier).label("tier"),
            func.array_agg(aggregate_order_by(either.c.visit_id, either.c.visit_id.nulls_last()))[
                1
            ].label("visit_id"),
        )
        .group_by(either.c.key)
        .subquery("wanted")
    )
    return (
        document(model, fields(model, schema, visit_id=wanted.c.visit_id), tier=wanted.c.tier)
        .select_from(model)
        .join(wanted, wanted.c.key == model.id)
        .where(model.region_id == scope.region_id)
    )


@view("line_test", rank=40, schema=LineTestOnDevice)
def line_tests(scope: DeviceScope) -> Select[Any]:
    """Return the line tests of own visits and the last five of each line there (HR-03)."""
    return _tests(LineTest, LineTestOnDevice, scope)


@view("line_check", rank=40, schema=LineCheckOnDevice)
def line_checks(scope: DeviceScope) -> Select[Any]:
    """Return the line tests planned before own visits, with the proposed pair (RE-04)."""
    own = own_visits(scope)
    return (
        document(LineCheck, fields(LineCheck, LineCheckOnDevice), tier=own.c.tier)
        .select_from(LineCheck)
        .join(own, own.c.visit_id == LineCheck.visit_id)
        .where(LineCheck.region_id == scope.region_id, LineCheck.state != CheckState.DROPPED)
    )


@view("speed_test", rank=40, schema=SpeedTestOnDevice)
def speed_tests(scope: DeviceScope) -> Select[Any]:
    """Return the speed tests of own visits and the last five of each line there (HR-03)."""
    return _tests(SpeedTest, SpeedTestOnDevice, scope)
