"""Who sees and changes which part of the network record.

Visits stand above this module, so they say here, at import, what is a technician's own:
`own_features` and `own_services` hold functions from a scope to a condition on NetworkFeature or
NetworkService (the access paths of own visits and what lies within 300 m, SY-01).
"""

from uuid import UUID

from sqlalchemy import ColumnElement

from fieldops.customers.policy import Own, owned
from fieldops.kernel.actor import Actor
from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown
from fieldops.network.errors import VisitRequired
from fieldops.network.models import Finding, NetworkFeature, NetworkService

own_features: list[Own] = []
own_services: list[Own] = []


def visible_features(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the features in a scope."""
    return scope.predicate(NetworkFeature, own=owned(own_features, scope))


def visible_services(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the services in a scope."""
    return scope.predicate(NetworkService, own=owned(own_services, scope))


def visible_findings(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the findings in a scope; a technician sees the own ones."""
    return scope.predicate(Finding, own=Finding.reporter_id == scope.technician_id)


def working_scope(actor: Actor, permission: Permission, visit_id: UUID | None) -> Scope:
    """Return what an actor may change: an office its centres, a technician the region on a visit.

    Whether the visit is the technician's and whether the resource belongs to its premises is
    judged by the visits, which listen to the event of the change. Raises VisitRequired, Forbidden.
    """
    scope = actor.scope(permission)
    if scope.office:
        return scope
    if visit_id is None:
        raise VisitRequired
    return Scope(scope.region_id, whole_region=True)


def whole_region(region_id: int) -> Scope:
    """Return the scope of what the system itself looks up for an actor it has judged."""
    return Scope(region_id, whole_region=True)


shown(NetworkFeature, Permission.NETWORK_READ, visible_features)
shown(NetworkService, Permission.NETWORK_READ, visible_services)
shown(Finding, Permission.NETWORK_READ, visible_findings)
