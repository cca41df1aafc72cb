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
    asks: bool = False


@dataclass(frozen=True, slots=True)
class ReceiptCame:
    """What a peer says of something that went out: its own name for it, and the state."""

    reference: str
    state: str


@dataclass(frozen=True, slots=True)
class TextCame:
    """A text message that somebody sent us, or one part of a long one."""

    number: str
    words: str
    joined_by: int | None = None
    part: int | None = None
    parts: int | None = None


Arrived = ReceiptCame | TextCame


class Inbox(Protocol):
    """Who takes what peers send us."""

    async def take(self, channel: str, arrived: Arrived) -> bool:
        """Keep it, committed; False when it speaks of something that is not known (yet)."""
        ...


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

    async def send(self, message: Outgoing) -> tuple[str, ...]:
        """Hand the message over and return the peer's references for it, one for each part."""
        ...

    async def listen(self, inbox: Inbox) -> None:
        """Hand over what came since the last call; the peer has its answer after the commit."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
