"""Refusals of appointments."""

from fieldops.kernel.errors import Refusal


class SlotTaken(Refusal):
    """This time was given to another customer meanwhile."""

    code = "slot_taken"
    advice = "Ask for the free windows again and offer the customer another one."


class WindowInvalid(Refusal):
    """The window cannot be booked: {reason}."""

    code = "window_invalid"
    status = 422
    advice = "Choose a window that ends after it starts, lies ahead and is at most 12 hours long."


class WindowOutOfReach(Refusal):
    """These technicians do not work then, or cannot be there before the window ends."""

    code = "window_out_of_reach"
    advice = "Choose a free window as it is listed, or book with a reason for the override."


class LinkedVisits(Refusal):
    """Other visits of the order are promised, too ({count}); they move together or not at all."""

    code = "linked_visits"
    advice = "Move them together, or give a reason why this one moves alone; a customer calls us."


class NotLinked(Refusal):
    """These appointments belong to several orders."""

    code = "not_linked"
    status = 422
    advice = "Move together only what belongs to one order."


class NotDisplaceable(Refusal):
    """A visit that should give way is confirmed, as urgent, under way, or not there any more."""

    code = "not_displaceable"
    advice = "Ask for the free windows again: they name the visits that may be put off."


class AlreadyBooked(Refusal):
    """The visit has an appointment already."""

    code = "already_booked"
    advice = "Move it with a reschedule, which keeps cause and history."


class NoAppointment(Refusal):
    """The visit has no open appointment."""

    code = "no_appointment"
    advice = "Book one first; a closed appointment is not changed any more."


class AppointmentClosed(Refusal):
    """The appointment is {state}; it is not changed any more."""

    code = "appointment_closed"
    advice = "Look at the visit; if the customer wants another visit, book a new appointment."


class ContactFirst(Refusal):
    """Tell the customer before the window opens, and say when that was."""

    code = "customer_contact_missing"
    status = 422
    advice = "Call the customer, then reschedule with the time of the call."


class CustomerNotAsked(Refusal):
    """A window is agreed with the customer: say what they said."""

    code = "customer_not_asked"
    status = 422
    advice = "Speak with the customer, and give customer_said."


class CauseDiffers(Refusal):
    """The reason {reason} has {cause} cause in the list."""

    code = "cause_differs"
    status = 422
    advice = "Choose a reason of the list for this cause."


class TaskDone(Refusal):
    """This call task is done already."""

    code = "call_task_done"
    advice = "Refresh the list; somebody else has made the call."


class LinkInvalid(Refusal):
    """This link is not valid, or no longer valid."""

    code = "link_invalid"
    status = 404
    advice = "Use the newest message you got, or call us."


class LinkExpired(Refusal):
    """This link was good until some time after the visit; that time is over."""

    code = "link_expired"
    status = 410
    advice = "Use the newest message you got, or call us."


class WindowMoved(Refusal):
    """The appointment has another time than the one this link was sent for."""

    code = "appointment_moved"
    advice = "Look at the new time first; nothing was changed."


class TooLateByLink(Refusal):
    """It is too late to do this by the link: {situation}."""

    code = "too_late_by_link"
    advice = "Call us, or tell the technician at the door."


class LadderInvalid(Refusal):
    """The ladder breaks a rule: {reason}."""

    code = "ladder_invalid"
    status = 422
    advice = "Change the step that is named; the shipped ladder shows a whole one."


class TaskTaken(Refusal):
    """Somebody else makes this call already."""

    code = "call_task_taken"
    advice = "Leave it to them, or ask them to hand it over."


class NotYourTask(Refusal):
    """This call is made by somebody else."""

    code = "call_task_not_yours"
    advice = "Take it over first when they cannot make it."


class NobodyToCall(Refusal):
    """This person cannot make calls for this centre."""

    code = "call_task_wrong_person"
    status = 422
    advice = "Choose somebody who dispatches or is an agent for the centre."
