"""Who sees which customers and premises, and whose reading of contact data is not registered.

Visits stand above this module, so they say here, at import, what is a technician's own:
`own_customers` and `own_premises` hold functions from a scope to a condition on Customer or
Premises; `exemptions` hold coroutines `(session, actor, customer_id, now) -> bool` that are true
when CU-04 frees the reader from the register (a technician's visit from the day before to the
day after).
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, literal, or_
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.models import Customer, Premises
from fieldops.kernel.actor import Actor
from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown

Own = Callable[[Scope], ColumnElement[bool]]
Exemption = Callable[[AsyncSession, Actor, UUID, datetime], Awaitable[bool]]

own_customers: list[Own] = []
own_premises: list[Own] = []
exemptions: list[Exemption] = []


def owned(hooks: list[Own], scope: Scope) -> ColumnElement[bool] | None:
    """Return the condition for a technician's own rows, None for anybody else."""
    if scope.technician_id is None:
        return None
    if not hooks:
        return literal(False)  # bound: a constant would fold the region out of the statement
    return or_(*(hook(scope) for hook in hooks))


def visible_customers(scope: Scope, model: Any = Customer) -> ColumnElement[bool]:
    """Return the condition for the customers in a scope; one without a centre is shared."""
    return scope.predicate(model, own=owned(own_customers, scope), shared=True)


def visible_premises(scope: Scope, model: Any = Premises) -> ColumnElement[bool]:
    """Return the condition for the premises in a scope."""
    return scope.predicate(model, own=owned(own_premises, scope))


async def exempt(session: AsyncSession, actor: Actor, customer_id: UUID, now: datetime) -> bool:
    """Return whether a reader of contact data needs no entry in the register (CU-04)."""
    for exemption in exemptions:
        if await exemption(session, actor, customer_id, now):
            return True
    return False


shown(Customer, Permission.CUSTOMER_READ, visible_customers)
shown(Premises, Permission.CUSTOMER_READ, visible_premises)
