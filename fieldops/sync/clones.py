"""Noticing that two phones work under one registration: a restored or copied image.

Two installations with one device id and key would take each other's numbers: of every pair of
commands with one seq the second would be refused. So after a few signs the device is locked, both
phones are told to register anew, and nothing of theirs is used up (SYNC section 6).

A sign is a number under two ids: a phone gives each number once, and whatever it sends of it has
the same id, however late and in whatever order it arrives. Nothing else counts. Boots and cursors
that come back tell nothing: a request that was under way while its phone restarted looks the same
(decision 0020). A number that was lost and given up with `queue.void` may have two ids, for what
was lost may have been under way.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.sync import queries, rules
from fieldops.sync.envelopes import Sent
from fieldops.sync.models import Device


async def signs(
    session: AsyncSession, device: Device, sent: Sequence[Sent], known: Collection[UUID]
) -> int:
    """Return how many signs of a clone a push brings; no statement when it brings none."""
    numbers = {
        command.seq
        for command in sent
        if command.seq <= device.last_seq
        and command.envelope.id not in known
        and command.other_id not in known
    }
    if not numbers:
        return 0
    return len(numbers - await queries.voided(session, device.region_id, device.id, numbers))


def is_cloned(device: Device, new_signs: int) -> bool:
    """Return whether a device has shown enough signs to be locked."""
    return (
        device.state == rules.DeviceState.ACTIVE.value
        and new_signs > 0
        and (device.anomalies or 0) + new_signs >= rules.CLONE_SIGNS
    )


def noted(device: Device, new_signs: int) -> Mapping[str, Any]:
    """Return the device's columns after a push: its signs, and that it is still in use."""
    values: dict[str, Any] = {"replaced_by": None, "replaced_at": None}
    if device.state_reason == rules.CLONED and device.state == rules.DeviceState.LOCKED.value:
        values |= {"state": device.state, "state_reason": device.state_reason}
    if new_signs:
        values["anomalies"] = (device.anomalies or 0) + new_signs
    return values
