"""The verbs of orders, and the functions by which upper modules move work along."""

from fieldops.orders.commands import catalogue, handling, plant, receiving, states
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
    "plant",
    "receiving",
    "resume_work",
    "states",
    "suspend_work",
    "transfer_work",
]
