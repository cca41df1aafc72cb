"""Who may see a record of any type: the one place that finds a type's rule by its table.

Each module says it of its own records, in its policy.py, by `shown`. What nobody has spoken for is
seen by nobody: whoever asks here for a record of any type must not meet a forgotten one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.actor import Actor
from fieldops.kernel.base import Regional
from fieldops.kernel.permissions import Permission, Scope

Visible = Callable[[Scope], ColumnElement[bool]]


class Access(StrEnum):
    """What somebody may learn of a record."""

    SHOWN = "shown"
    OUTSIDE_SCOPE = "outside_scope"  # it is there, and another centre's or role's
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class _Rule:
    model: type[Regional]
    permission: Permission
    visible: Visible


_RULES: dict[str, _Rule] = {}


def shown(model: type[Regional], permission: Permission, visible: Visible) -> None:
    """Say of a module's records: with which permission they are read, and which a scope holds."""
    if model.__tablename__ in _RULES:
        raise TypeError(f"{model.__tablename__} is spoken for twice")
    _RULES[model.__tablename__] = _Rule(model, permission, visible)


def is_spoken_for(model: type[Regional]) -> bool:
    """Return whether a module has said who may see these records."""
    return model.__tablename__ in _RULES


def of_table(name: str) -> type[Regional] | None:
    """Return the model of a table that a module has spoken for."""
    return _RULES[name].model if name in _RULES else None


async def access(
    session: AsyncSession,
    actor: Actor,
    model: type[Regional],
    row_id: UUID,
    *,
    under: Permission | None = None,
) -> Access:
    """Return what an actor may learn of a record of their region; one statement.

    `under` is another permission than that of the record's own reads, where one is asked for.
    """
    seen: ColumnElement[bool] = literal_column("false", Boolean)
    rule = _RULES.get(model.__tablename__)
    if rule is not None and actor.allows(under or rule.permission):
        seen = rule.visible(actor.scope(under or rule.permission))
    found = await session.scalar(
        select(seen).where(model.region_id == actor.region_id, model.id == row_id)
    )
    if found is None:
        return Access.NOT_FOUND
    return Access.SHOWN if found else Access.OUTSIDE_SCOPE
