"""What happened to orders and their work, for the modules above."""

from dataclasses import dataclass
from uuid import UUID

from fieldops.kernel.events import Event


@dataclass(frozen=True, slots=True)
class WorkOpened(Event):
    """Work of an order is open and may need a visit (WO-02)."""

    order_id: UUID
    work_order_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class OrderReceived(WorkOpened):
    """An order came in with its work orders (WO-01); without a customer: work of the plant."""

    customer_id: UUID | None
    centre_id: UUID


@dataclass(frozen=True, slots=True)
class WorkAdded(WorkOpened):
    """More items were ordered on an order that is under way (WO-01, WO-02)."""


@dataclass(frozen=True, slots=True)
class WorkOrdersHandling(Event):
    """Somebody is about to suspend or transfer work orders; the visits may refuse."""

    order_id: UUID
    work_order_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class WorkTransferring(Event):
    """Work is about to go to a department; who misses something for it refuses here (RE-03).

    `untested`: why nothing was measured, as an office says it.
    """

    work_order_ids: tuple[UUID, ...]
    department: str
    untested: str | None


@dataclass(frozen=True, slots=True)
class WorkOrderAside(Event):
    """Work was set aside, with a reason of the list and its cause."""

    work_order_id: UUID
    order_id: UUID
    reason: str
    cause: str
    told_customer: str | None


@dataclass(frozen=True, slots=True)
class WorkOrderSuspended(WorkOrderAside):
    """Work waits for its resume date (WO-03)."""


@dataclass(frozen=True, slots=True)
class WorkOrderTransferred(WorkOrderAside):
    """Work went to another department (WO-03)."""


@dataclass(frozen=True, slots=True)
class WorkOrderReturned(WorkOrderAside):
    """Work went back to where the order came from (WO-03)."""


@dataclass(frozen=True, slots=True)
class WorkOrderCancelled(WorkOrderAside):
    """Work will not be done (WO-03)."""


@dataclass(frozen=True, slots=True)
class WorkOrdersResumed(WorkOpened):
    """Work that was set aside is open again."""


@dataclass(frozen=True, slots=True)
class OrderUrged(Event):
    """Somebody pressed for an order; its work may have risen within its class (WO-05)."""

    order_id: UUID
    urges: int
    matter_id: UUID
    owner_id: UUID | None


@dataclass(frozen=True, slots=True)
class MatterOffered(Event):
    """An owner wants to hand a matter over to somebody, who has to accept it (WO-05)."""

    matter_id: UUID
    order_id: UUID
    owner_id: UUID
    offered_to: UUID
