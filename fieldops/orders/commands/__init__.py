"""The verbs of orders, and the functions by which upper modules move work along."""

from fieldops.orders.commands import (
    catalogue,
    handling,
    limits,
    matters,
    plant,
    ranking,
    receiving,
    states,
)
from fieldops.orders.commands.states import (
    Why,
    advance,
    cancel_work,
    resume_work,
    suspend_work,
    transfer_work,
)

__all__ = [
    "Why",
    "advance",
    "cancel_work",
    "catalogue",
    "handling",
    "limits",
    "matters",
    "plant",
    "ranking",
    "receiving",
    "resume_work",
    "states",
    "suspend_work",
    "transfer_work",
]
