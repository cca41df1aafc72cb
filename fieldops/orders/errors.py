"""Refusals of service orders and work orders."""

from fieldops.kernel.errors import Refusal


class IllegalChange(Refusal):
    """A work order that is {state} cannot become {wanted}; it can become {legal}."""

    code = "illegal_change"
    advice = "Refresh the visit and choose one of the steps named; what you noted is kept."


class UnknownReason(Refusal):
    """{reason} is not a reason of the list for {process}."""

    code = "unknown_reason"
    status = 422
    advice = "Choose a reason from the list; refresh the app if yours is missing from it."


class OrderDiffers(Refusal):
    """The order {external_ref} was received before with other content."""

    code = "order_differs"
    advice = "Send a change of the order, or give the new order a number of its own."


class UnknownReference(Refusal):
    """There is no {thing} with the reference {external_ref}."""

    code = "unknown_reference"
    status = 422
    advice = "Register it first, or send its details along with the order."


class NothingOpen(Refusal):
    """No work order of this order is open for that step."""

    code = "nothing_open"
    advice = "Refresh the order; its work may have ended meanwhile."


class WorkOrdersElsewhere(Refusal):
    """Some of the work orders named do not belong to this order."""

    code = "work_orders_elsewhere"
    status = 422
    advice = "Refresh the order and name its own work orders."


class ResumeDateMissing(Refusal):
    """A suspended work order needs a resume date after {today} and within a year."""

    code = "resume_date_missing"
    status = 422
    advice = "Ask the customer from which day on the work can go on, and enter that day."


class NotCableWork(Refusal):
    """Only work of another department is completed without a visit."""

    code = "not_cable_work"
    advice = "Complete field work on its visit."


class ReceivedAtUnlikely(Refusal):
    """An order was received before {now} and within the last year."""

    code = "received_at_unlikely"
    status = 422
    advice = "Check the time and its zone, or leave it out."
