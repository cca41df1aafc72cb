"""Device views of the network around own visits: access paths, and what lies near (SY-01)."""

from typing import Any

from sqlalchemy import Select, and_, or_, select

from fieldops.kernel import geo
from fieldops.kernel.views import BACKGROUND, DeviceScope, document, view
from fieldops.network.models import Finding, NetworkFeature, NetworkService, PathElement
from fieldops.network.rules import FindingState
from fieldops.visits.schemas import (
    FeatureOnDevice,
    FindingOnDevice,
    PathElementOnDevice,
    ServiceOnDevice,
)
from fieldops.visits.views import reach
from fieldops.visits.views.work import fields


@view("service", rank=15, schema=ServiceOnDevice)
def services(scope: DeviceScope) -> Select[Any]:
    """Return the services at the premises of own visits."""
    needed = reach.services(scope)
    return (
        document(NetworkService, fields(NetworkService, ServiceOnDevice), tier=needed.c.tier)
        .select_from(NetworkService)
        .join(needed, needed.c.key == NetworkService.id)
        .where(NetworkService.region_id == scope.region_id)
    )


@view("feature", rank=35, schema=FeatureOnDevice)
def features(scope: DeviceScope) -> Select[Any]:
    """Return the plant of the access paths and within 300 m of own visits."""
    reached = reach.features(scope)
    shape = geo.as_geojson(NetworkFeature.shape)
    return (
        document(
            NetworkFeature, fields(NetworkFeature, FeatureOnDevice, shape=shape), tier=BACKGROUND
        )
        .select_from(NetworkFeature)
        .join(reached, reached.c.key == NetworkFeature.id)
        .where(NetworkFeature.region_id == scope.region_id)
    )


@view("path_element", rank=40, schema=PathElementOnDevice)
def path_elements(scope: DeviceScope) -> Select[Any]:
    """Return the steps of the access paths of own visits' services."""
    needed = reach.services(scope)
    return (
        document(PathElement, fields(PathElement, PathElementOnDevice), tier=BACKGROUND)
        .select_from(PathElement)
        .join(needed, needed.c.key == PathElement.service_id)
        .where(PathElement.region_id == scope.region_id)
    )


@view("finding", rank=45, schema=FindingOnDevice)
def findings(scope: DeviceScope) -> Select[Any]:
    """Return the findings of own visits, and the open ones on the plant the device holds."""
    own, reached = reach.own_visits(scope), reach.features(scope)
    point = geo.as_geojson(Finding.point)
    return document(Finding, fields(Finding, FindingOnDevice, point=point), tier=BACKGROUND).where(
        Finding.region_id == scope.region_id,
        or_(
            Finding.visit_id.in_(select(own.c.visit_id)),
            and_(
                Finding.state == FindingState.OPEN,
                Finding.feature_id.in_(select(reached.c.key)),
            ),
        ),
    )
