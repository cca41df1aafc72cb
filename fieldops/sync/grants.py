"""The grants a device has seen: as JSON on its row, and back as an actor."""

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

from fieldops.kernel.actor import Actor, Grant
from fieldops.kernel.ledger import canonical
from fieldops.kernel.permissions import Role
from fieldops.sync.models import Device


def written(grants: Iterable[Grant]) -> list[dict[str, Any]]:
    """Return grants as JSON values in a fixed order."""
    values = [
        {
            "role": grant.role.value,
            "whole_region": grant.whole_region,
            "centre_ids": sorted(str(id_) for id_ in grant.centre_ids),
            "firm_id": str(grant.firm_id) if grant.firm_id else None,
        }
        for grant in grants
    ]
    return sorted(values, key=canonical)


@lru_cache(maxsize=4096)
def digest(grants: tuple[Grant, ...]) -> str:
    """Return a short hash of grants: permissions are part of the fast path's key."""
    return hashlib.sha256(canonical(written(grants))).hexdigest()[:16]


def read(values: Iterable[Mapping[str, Any]]) -> tuple[Grant, ...]:
    """Return the grants written on a device's row."""
    return tuple(
        Grant(
            Role(value["role"]),
            value["whole_region"],
            frozenset(UUID(id_) for id_ in value["centre_ids"]),
            UUID(value["firm_id"]) if value["firm_id"] else None,
        )
        for value in values
    )


def actor_as_seen(device: Device, *, former: bool = False) -> Actor:
    """Return a device's user with the grants the device had seen last (or those before)."""
    values = device.grants_former if former else device.grants_seen
    return Actor(device.person_id, device.region_id, grants=read(values), device_id=device.id)
