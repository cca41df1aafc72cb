"""Noticing that two phones work under one registration: a restored or copied image.

Two installations with one device id and key would take each other's numbers: of every pair of
commands with one seq the second would be refused. So after a few signs the device is locked, both
phones are told to register anew, and nothing of theirs is used up (SYNC section 6).

A sign is a command under a number that another one has taken, or a boot that comes back after
another boot, with a clock that has gone on: a phone never returns to an earlier boot. A cursor
that goes back is none: a request that arrives late looks the same.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from fieldops.sync import rules
from fieldops.sync.envelopes import Sent
from fieldops.sync.models import Device
from fieldops.sync.schemas import ClockReading


def signs(
    device: Device, reading: ClockReading, sent: Sequence[Sent], known: Collection[UUID]
) -> int:
    """Return how many signs of a clone a push brings."""
    reused = sum(
        command.seq <= device.last_seq
        and command.envelope.id not in known
        and command.other_id not in known
        for command in sent
    )
    return reused + came_back(device, reading)


def came_back(device: Device, reading: ClockReading) -> bool:
    """Return whether a boot goes on after another boot was heard of."""
    return (
        device.former_boot_id == reading.boot_id != device.clock_boot_id
        and device.former_mono_ms is not None
        and reading.mono_ms > device.former_mono_ms
    )


def is_cloned(device: Device, new_signs: int) -> bool:
    """Return whether a device has shown enough signs to be locked."""
    return (
        device.state == rules.DeviceState.ACTIVE.value
        and new_signs > 0
        and (device.anomalies or 0) + new_signs >= rules.CLONE_SIGNS
    )


def noted(device: Device, reading: ClockReading, new_signs: int) -> Mapping[str, Any]:
    """Return the device's columns after a push: its signs, and the boot before this one."""
    values: dict[str, Any] = {"replaced_by": None, "replaced_at": None}  # it is still in use
    if device.state_reason == rules.CLONED and device.state == rules.DeviceState.LOCKED.value:
        values |= {"state": device.state, "state_reason": device.state_reason}
    if new_signs:
        values["anomalies"] = (device.anomalies or 0) + new_signs
    if device.clock_boot_id not in {None, reading.boot_id}:
        values |= {"former_boot_id": device.clock_boot_id, "former_mono_ms": device.clock_mono_ms}
    return values
