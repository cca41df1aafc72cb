"""What happened to orders and their work, for the modules above."""

from dataclasses import dataclass
from uuid import UUID

from fieldops.kernel.events import Event


@dataclass(frozen=True, slots=True)
class OrderReceived(Event):
    """An order came in with its work orders (WO-01)."""

    order_id: UUID
    work_order_ids: tuple[UUID, ...]
    premises_id: UUID
    customer_id: UUID
    centre_id: UUID


@dataclass(frozen=True, slots=True)
class WorkOrderAdded(Event):
    """A work order was opened for the plant, without a customer's order (RE-03)."""

    work_order_id: UUID
    order_id: UUID
    centre_id: UUID
    department: str
    feature_id: UUID | None


@dataclass(frozen=True, slots=True)
class WorkOrdersHandling(Event):
    """Somebody is about to suspend or transfer work orders; the visits may refuse."""

    order_id: UUID
    work_order_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class _WorkOrderAside(Event):
    work_order_id: UUID
    order_id: UUID
    reason: str
    cause: str
    told_customer: str | None


@dataclass(frozen=True, slots=True)
class WorkOrderSuspended(_WorkOrderAside):
    """Work waits for its resume date (WO-03)."""


@dataclass(frozen=True, slots=True)
class WorkOrderTransferred(_WorkOrderAside):
    """Work went to another department (WO-03)."""


@dataclass(frozen=True, slots=True)
class WorkOrderReturned(_WorkOrderAside):
    """Work went back to where the order came from (WO-03)."""


@dataclass(frozen=True, slots=True)
class WorkOrderCancelled(_WorkOrderAside):
    """Work will not be done (WO-03)."""


@dataclass(frozen=True, slots=True)
class WorkOrdersResumed(Event):
    """Work is open again and needs a visit (WO-02)."""

    order_id: UUID
    work_order_ids: tuple[UUID, ...]
