"""Identifiers: UUIDv7, made by whoever makes the thing, the phone included."""

from uuid import UUID

from uuid_utils.compat import uuid7

NIL = UUID(int=0)


def new_id() -> UUID:
    """Return a new UUIDv7: ordered by the millisecond it was made in."""
    return uuid7()
