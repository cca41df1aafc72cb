"""Run one command as an actor, as REST or as a device would, and return its result."""

from typing import Any
from uuid import UUID

from fieldops.kernel import clock, ledger
from fieldops.kernel.actor import Actor
from fieldops.kernel.commands import Captured, Envelope, Ref
from fieldops.kernel.db import Database
from fieldops.kernel.ids import new_id


async def run(
    database: Database,
    actor: Actor,
    name: str,
    /,
    *,
    device: UUID | None = None,
    base: tuple[Ref, ...] = (),
    captured: Captured | None = None,
    command_id: UUID | None = None,
    **args: Any,
) -> dict[str, Any]:
    """Run a command in a transaction of its own; raises what the command refuses or holds."""
    envelope = Envelope(
        command_id or new_id(), name, args, device_id=device, base=base, captured=captured
    )
    async with database.transaction() as session:
        return await ledger.once(session, actor, envelope, clock.now())


def first_id(result: dict[str, Any], resource: str | None = None) -> UUID:
    """Return the id of the first record (of a type) that a result names."""
    return next(
        UUID(ref["id"]) for ref in result["refs"] if resource is None or ref["type"] == resource
    )
