"""Refusals of service orders and work orders."""

from fieldops.kernel.errors import Caution, Refusal


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


class PremisesOfAnotherCentre(Refusal):
    """An order belongs to one centre; these premises belong to another one."""

    code = "premises_of_another_centre"
    status = 422
    advice = "Send what is at these premises as an order of its own."


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


class OrderNotOpen(Refusal):
    """The order is {state}; nothing of it is open any more."""

    code = "order_not_open"
    advice = "Tell the customer what became of it, or send a new order for new work."


class MatterOpen(Refusal):
    """This order has an open matter already; it is with {owner} since {since}."""

    code = "matter_open"
    advice = "Give what you were told to the owner named; whoever took it first answers it."


class MatterTaken(Refusal):
    """This matter is with {owner} since {since}."""

    code = "matter_taken"
    advice = "Leave it to the owner named, or ask them to hand it over."


class NotYourMatter(Refusal):
    """This matter is with {owner}; only they can do that."""

    code = "not_your_matter"
    advice = "Ask the owner named to answer it or to hand it over to you."


class NotOfferedToYou(Refusal):
    """This matter was not offered to you; it is with {owner}."""

    code = "not_offered_to_you"
    advice = "Refresh your matters; the offer may have been taken back or answered meanwhile."


class MatterAnswered(Refusal):
    """This matter was answered on {answered_on}."""

    code = "matter_answered"
    advice = "Open a new matter when the customer asks again."


class CannotOwnMatters(Refusal):
    """{person} takes no matters of this centre."""

    code = "cannot_own_matters"
    status = 422
    advice = "Choose a dispatcher, an agent or a supervisor whose role covers the order's centre."


class AnothersMatter(Caution):
    """{owner} has had this matter since {since} and stays its owner."""

    code = "anothers_matter"
    advice = "Tell the customer who answers; what you were told is with the matter."


class UrgeNotCounted(Caution):
    """The order was urged less than {minutes} minutes ago; this is kept but not counted again."""

    code = "urge_not_counted"
    advice = "Nothing to do; look at the matter for what the customer was told."


class TransferAnswered(Refusal):
    """The department {department} has accepted this work already."""

    code = "transfer_answered"
    advice = "Complete the work, return it, or take it up again to have it visited."


class NotSuspended(Refusal):
    """Only suspended work has a resume date to move; this is {state}."""

    code = "not_suspended"
    advice = "Suspend the work with a reason and a date, or refresh the order."


class FindingSettled(Refusal):
    """The finding is {state}: there is nothing left to do about it."""

    code = "finding_settled"
    advice = "Refresh the list of findings; report it anew if it is there again."


class FindingWithoutPlant(Refusal):
    """The finding names a point and no piece of plant that work could be opened at."""

    code = "finding_without_plant"
    status = 422
    advice = "Report it at the piece of plant it concerns, then open the work."
