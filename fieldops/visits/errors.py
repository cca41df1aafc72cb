"""Refusals and holds of visits; the holds carry out the table of SYNC section 2."""

from fieldops.kernel.errors import Caution, Hold, Refusal


class IllegalVisitChange(Refusal):
    """The visit is {state}; {wanted} is not possible now."""

    code = "illegal_visit_change"
    advice = "Refresh the visit and take one of the steps it offers; your facts are kept."


class VisitCancelled(Refusal):
    """The visit was cancelled on {cancelled_on}, before this was captured."""

    code = "visit_cancelled"
    advice = "Do not go on; what you noted is kept. Ask the dispatcher if you are at the door."


class CancelledAfterWork(Hold):
    """The visit was cancelled on {cancelled_on}, after this was captured."""

    code = "cancelled_after_work"
    advice = "Nothing to do; your work is kept and the dispatcher will most likely accept it."


class Reassigned(Hold):
    """The visit was given to {technicians} and is not started yet."""

    code = "reassigned"
    advice = "Nothing to do; your work is kept. The dispatcher gives the visit back or decides."


class NotYourVisit(Refusal):
    """The visit is no longer yours; it was given to {technicians}."""

    code = "visit_not_yours"
    advice = "Refresh your list; ask the dispatcher if you are already at the door."


class Superseded(Refusal):
    """Another technician has started this visit: {technicians}; it is {state}."""

    code = "superseded"
    advice = "Leave the visit to the technician named; your facts are kept as yours."


class ContactOnly(Refusal):
    """Only the technician who is the customer's contact ends the visit: {contact}."""

    code = "contact_only"
    advice = "Ask the contact technician of this visit, or the dispatcher to change the contact."


class NotArrived(Refusal):
    """The visit cannot be started before the arrival is recorded."""

    code = "not_arrived"
    advice = "Record your arrival first; the app does so from your position."


class IdentityMissing(Refusal):
    """The introduction and the customer's identity are not confirmed yet."""

    code = "identity_missing"
    advice = "Show your certificate, confirm who you are talking to, and record it."


class BadInUse(Refusal):
    """{names} was marked bad on this visit and still carries the line."""

    code = "bad_in_use"
    advice = (
        "Move the line to another pair or port; where none helps, transfer the work to the cable "
        "department."
    )


class SignatureMissing(Refusal):
    """The customer's signature, or the reason it was refused, is missing."""

    code = "signature_missing"
    advice = "Let the customer sign, or record why they did not want to."


class NotQualified(Refusal):
    """{technicians} hold no qualification for {skills} valid on {day}."""

    code = "not_qualified"
    advice = "Choose a technician who holds the skill on that day."


class OutsideCalendar(Refusal):
    """The visit lies outside the working calendar of {technicians}."""

    code = "outside_calendar"
    advice = "Choose another time or technician, or override it with a reason."


class NoWindow(Refusal):
    """The visit has no time window yet."""

    code = "no_window"
    advice = "Book an appointment, or give the window of the call-out."


class WindowFixed(Refusal):
    """The visit has a window that was agreed with the customer."""

    code = "window_fixed"
    advice = "Move it by rescheduling the appointment, which records who wanted it and why."


class UnknownTechnicians(Refusal):
    """Some of the technicians are not known in this region."""

    code = "unknown_technicians"
    status = 422
    advice = "Refresh the list of technicians and choose again."


class WorkNotOnVisit(Refusal):
    """Some of the work orders named are not open on this visit."""

    code = "work_not_on_visit"
    status = 422
    advice = "Refresh the visit and name its own work orders."


class CannotJoin(Refusal):
    """The work cannot join this visit: {why}."""

    code = "cannot_join"
    advice = "Give the visit technicians with the skills and the time, then join the work."


class NotOnVisit(Refusal):
    """The technician named is not on this visit."""

    code = "not_on_visit"
    status = 422
    advice = "Choose one of its technicians, or assign the visit anew with the contact you want."


class NothingLeftOnVisit(Refusal):
    """Splitting would leave the visit without work."""

    code = "nothing_left_on_visit"
    advice = "Leave one work order on the visit, or cancel the visit."


class NoticeIncomplete(Refusal):
    """A written notice needs its photo; another way of telling needs a description."""

    code = "notice_incomplete"
    status = 422
    advice = "Take a photo of the notice, or write how the customer was told."


class InvalidWindow(Refusal):
    """The time window is not possible: {rule}."""

    code = "invalid_window"
    status = 422
    advice = "Choose a window within the next year that ends after it starts."


class CustomerNotTold(Refusal):
    """This ends the visit; what the customer was told is missing."""

    code = "customer_not_told"
    advice = "Tell the customer what happens next and record it, or end the visit with a reason."


class OfAnotherCentre(Refusal):
    """{technicians} work for another centre, and no emergency plan in force lends them."""

    code = "of_another_centre"
    status = 422
    advice = "Choose technicians of the visit's centre, or put the plan in force that lends them."


class NextStepIncomplete(Refusal):
    """The next step {next_step} needs {missing}."""

    code = "next_step_incomplete"
    status = 422
    advice = "Add what is named; no visit ends without its next step."


class ResourceElsewhere(Refusal):
    """The service is not at the premises of this visit."""

    code = "resource_elsewhere"
    advice = "Change only what serves this customer; report what you saw elsewhere as a finding."


class VisitsDuringAbsence(Caution):
    """{technician} has {count} visits in this time; they stay booked until somebody moves them."""

    code = "visits_during_absence"
    advice = "Give the visits named to somebody else, or agree on other times with the customers."


class VisitsOffCalendar(Caution):
    """{count} visits are booked outside the working times now; they stay until somebody decides."""

    code = "visits_off_calendar"
    advice = "Give the visits named to somebody else, move them, or override with a reason."


class VisitsWithoutTechnician(Caution):
    """{technician} still has {count} visits but can no longer make them."""

    code = "visits_without_technician"
    advice = "Give the visits named to somebody else."
