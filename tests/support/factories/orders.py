"""Orders of the tests, taken in by the module's own command."""

from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

from fieldops.customers.models import Customer, Premises
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.orders.commands.catalogue import lay_out_reasons
from tests.support.factories.customers import make_customer, make_premises
from tests.support.run import first_id, run

_numbers = count(1)

BROADBAND = {"kind": "install", "service": "broadband", "technology": "copper"}
FIXED_LINE = {"kind": "install", "service": "fixed_line"}
REPAIR = {"kind": "repair", "service": "broadband", "technology": "copper"}


@dataclass(frozen=True)
class MadeOrder:
    """An order with its work orders in the order of its items, its visit, and whose it is."""

    id: UUID
    work: tuple[UUID, ...]
    visit_id: UUID
    customer: Customer
    premises: Premises


async def make_order(
    database: Database,
    actor: Actor,
    *items: dict[str, Any],
    customer: Customer | None = None,
    premises: Premises | None = None,
    **args: Any,
) -> MadeOrder:
    """Receive an order (a broadband install without items) with the list of reasons laid out."""
    async with database.transaction() as session:
        await lay_out_reasons(session)
        premises = premises or await make_premises(session)
        customer = customer or await make_customer(session, centre_id=premises.centre_id)
    result = await run(
        database,
        actor,
        "order.receive",
        external_ref=f"SO-{next(_numbers):05d}",
        customer={"id": str(customer.id)},
        premises={"id": str(premises.id)},
        items=list(items or (BROADBAND,)),
        **args,
    )
    work = tuple(UUID(ref["id"]) for ref in result["refs"] if ref["type"] == "work_order")
    return MadeOrder(first_id(result, "order"), work, first_id(result, "visit"), customer, premises)
