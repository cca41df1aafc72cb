"""Device views of visits with their orders, customers and premises (SY-01, CU-05)."""

from typing import Any

from sqlalchemy import ColumnElement, Select, select

from fieldops.customers import pii
from fieldops.customers.models import Customer, Premises
from fieldops.customers.schemas import ContactOnDevice
from fieldops.kernel import geo
from fieldops.kernel.views import TODAY, DeviceScope, document, view
from fieldops.orders.models import Reason, ServiceOrder, WorkOrder
from fieldops.orders.schemas import ReasonRead
from fieldops.visits.models import Assignment, Visit, VisitFact, VisitWork
from fieldops.visits.schemas import (
    AssignmentOnDevice,
    CustomerOnDevice,
    FactOnDevice,
    OrderOnDevice,
    PremisesOnDevice,
    VisitOnDevice,
    VisitWorkOnDevice,
    WorkOrderOnDevice,
)
from fieldops.visits.views.reach import first_tier, own_visits, with_contact


def fields(model: Any, schema: Any, **instead: Any) -> dict[str, Any]:
    """Return a model's columns by the names of a schema's fields; `instead` gives others."""
    names = [name for name in schema.model_fields if name not in {"id", "version"}]
    return {name: instead[name] if name in instead else getattr(model, name) for name in names}


def of_own_visits(
    model: Any, schema: Any, scope: DeviceScope, *conditions: ColumnElement[bool]
) -> Select[Any]:
    """Return the rows of a model that hang on own visits by its visit_id, in the visit's tier."""
    own = own_visits(scope)
    return (
        document(model, fields(model, schema), tier=own.c.tier)
        .select_from(model)
        .join(own, own.c.visit_id == model.visit_id)
        .where(model.region_id == scope.region_id, *conditions)
    )


@view("reason", rank=5, schema=ReasonRead)
def reasons(scope: DeviceScope) -> Select[Any]:  # noqa: ARG001 - a catalogue has no scope
    """Return the list of reasons: the same for every technician."""
    return document(Reason, fields(Reason, ReasonRead), tier=TODAY)


@view("order", rank=10, schema=OrderOnDevice)
def orders(scope: DeviceScope) -> Select[Any]:
    """Return the orders of own visits."""
    own = own_visits(scope)
    needed = first_tier(own, own.c.order_id)
    return (
        document(ServiceOrder, fields(ServiceOrder, OrderOnDevice), tier=needed.c.tier)
        .select_from(ServiceOrder)
        .join(needed, needed.c.key == ServiceOrder.id)
        .where(ServiceOrder.region_id == scope.region_id)
    )


@view("customer", rank=10, schema=CustomerOnDevice)
def customers(scope: DeviceScope) -> Select[Any]:
    """Return the customers of own visits, without contact data."""
    own = own_visits(scope)
    needed = first_tier(own, own.c.customer_id)
    return (
        document(Customer, fields(Customer, CustomerOnDevice), tier=needed.c.tier)
        .select_from(Customer)
        .join(needed, needed.c.key == Customer.id)
        .where(Customer.region_id == scope.region_id)
    )


@view("premises", rank=10, schema=PremisesOnDevice)
def premises(scope: DeviceScope) -> Select[Any]:
    """Return where own visits go, until 48 h after the last has ended (CU-05)."""
    needed = with_contact(scope, "premises_id")
    point = geo.as_geojson(Premises.point)
    return (
        document(
            Premises,
            fields(Premises, PremisesOnDevice, point=point),
            tier=needed.c.tier,
            until=needed.c.contact_until,
        )
        .select_from(Premises)
        .join(needed, needed.c.premises_id == Premises.id)
        .where(Premises.region_id == scope.region_id)
    )


@view("customer_contact", rank=15, schema=ContactOnDevice)
def contacts(scope: DeviceScope) -> Select[Any]:
    """Return the contact data of own visits, until 48 h after the last has ended (CU-05)."""
    return pii.device_contacts(scope, with_contact(scope, "customer_id"))


@view("work_order", rank=20, schema=WorkOrderOnDevice)
def work_orders(scope: DeviceScope) -> Select[Any]:
    """Return the work orders of own visits."""
    own = own_visits(scope)
    work = (
        select(VisitWork.work_order_id.label("work_order_id"), own.c.tier.label("tier"))
        .join(own, own.c.visit_id == VisitWork.visit_id)
        .where(VisitWork.region_id == scope.region_id)
        .subquery("work")
    )
    needed = first_tier(work, work.c.work_order_id)
    return (
        document(WorkOrder, fields(WorkOrder, WorkOrderOnDevice), tier=needed.c.tier)
        .select_from(WorkOrder)
        .join(needed, needed.c.key == WorkOrder.id)
        .where(WorkOrder.region_id == scope.region_id)
    )


@view("visit", rank=20, schema=VisitOnDevice)
def visits(scope: DeviceScope) -> Select[Any]:
    """Return own visits from 2 days back to 14 ahead (SY-01)."""
    own = own_visits(scope)
    return (
        document(Visit, fields(Visit, VisitOnDevice), tier=own.c.tier)
        .select_from(Visit)
        .join(own, own.c.visit_id == Visit.id)
        .where(Visit.region_id == scope.region_id)
    )


@view("assignment", rank=25, schema=AssignmentOnDevice)
def assignments(scope: DeviceScope) -> Select[Any]:
    """Return who is on own visits now, colleagues included."""
    return of_own_visits(Assignment, AssignmentOnDevice, scope, Assignment.ended_at.is_(None))


@view("visit_work", rank=25, schema=VisitWorkOnDevice)
def visit_work(scope: DeviceScope) -> Select[Any]:
    """Return which work is on which own visit."""
    return of_own_visits(VisitWork, VisitWorkOnDevice, scope)


@view("visit_fact", rank=30, schema=FactOnDevice)
def visit_facts(scope: DeviceScope) -> Select[Any]:
    """Return what was seen and done on own visits."""
    return of_own_visits(VisitFact, FactOnDevice, scope)
