"""The ways out to a customer, and what each can promise about a message sent twice.

A channel either delivers and returns the peer's reference, or raises NotSent (the customer has
certainly not got it) or DeliveryUnknown (nobody can tell). docs/messages.md says which side of
at-most-once each is on.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message as a channel takes it; `id` is the same however often it is tried."""

    id: UUID
    address: str
    subject: str
    text: str
    locale: str


class NotSent(Exception):  # noqa: N818 - it says what happened to the message
    """The peer certainly did not take the message; `final` when another try cannot help."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


class DeliveryUnknown(Exception):  # noqa: N818 - it says what happened to the message
    """The message went out, but no answer came back: it may or may not have arrived."""


class Channel(Protocol):
    """A way out to a customer."""

    name: ClassVar[str]

    async def send(self, message: Outgoing) -> str:
        """Hand the message over and return the peer's reference for it."""
        ...

    async def receipts(self) -> list[tuple[str, str]]:
        """Return delivery receipts since the last call: (reference, state at the peer)."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
