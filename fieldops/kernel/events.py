"""Facts in the past tense that travel upwards: `@on(Event)` registers a reaction.

A reaction runs in the emitter's transaction, in the order of the modules; it may refuse (by
raising a Refusal or Hold), may write its own module, never the emitter's.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

if TYPE_CHECKING:
    from fieldops.kernel.commands import Context


@dataclass(frozen=True, slots=True)
class Event:
    """The root of all events."""


@dataclass(frozen=True, slots=True)
class Taken(Event):
    """A record that people may be working on offline was taken from them, moved or called off.

    It stands here, for sync knows the kernel only: it warns when their devices may hold work
    that was not handed in yet (SYNC section 2).
    """

    resource: str
    row_id: UUID
    person_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class DeviceEnded(Event):
    """A person's device was revoked: its sign-ins end with it (SYNC section 6)."""

    device_id: UUID
    person_id: UUID


E = TypeVar("E", bound=Event)
Reaction = Callable[["Context", Any], Awaitable[None]]

_reactions: dict[type[Event], list[Reaction]] = defaultdict(list)


def on(
    *events: type[E],
) -> Callable[
    [Callable[["Context", E], Awaitable[None]]], Callable[["Context", E], Awaitable[None]]
]:
    """Register a coroutine as reaction to one or more events of lower modules."""

    def register(
        reaction: Callable[["Context", E], Awaitable[None]],
    ) -> Callable[["Context", E], Awaitable[None]]:
        for event in events:
            _reactions[event].append(reaction)
        return reaction

    return register


def reactions_to(event: type[Event]) -> list[Reaction]:
    """Return the reactions registered for an event, lowest module first."""
    return _reactions[event]
