"""Refusals of complaints."""

from fieldops.kernel.errors import Refusal


class CentreNotNamed(Refusal):
    """Neither the customer nor the order says which centre this complaint is about."""

    code = "centre_not_named"
    status = 422
    advice = "Name the centre."


class ArrivalNotPast(Refusal):
    """A complaint arrives before it is entered, and at most {days} days before."""

    code = "arrival_not_past"
    status = 422
    advice = "Give the time at which the letter, message or call came in."


class ComplaintOver(Refusal):
    """The complaint is {state}; the step is not possible any more."""

    code = "complaint_over"
    advice = "Refresh the complaint. A customer who complains again gets a new one."


class NotYourComplaint(Refusal):
    """This complaint is with {person} of {department}."""

    code = "not_your_complaint"
    advice = "Ask that person, or have it transferred to your department."


class ComplaintTakenByOther(Refusal):
    """{person} took this complaint and stays its owner until the customer has the answer."""

    code = "complaint_taken_by_other"
    advice = "Tell the customer who answers; only a supervisor gives it to somebody else."


class ComplaintNotOffered(Refusal):
    """This complaint waits for no department to accept it."""

    code = "complaint_not_offered"
    advice = "Refresh the complaint; the transfer was answered already."


class OwnTransfer(Refusal):
    """A transfer is answered by the other department, not by whoever asked for it."""

    code = "own_transfer"
    advice = "Wait for the answer, or refresh the complaint."


class SameDepartment(Refusal):
    """The complaint is with the department {department} already."""

    code = "same_department"
    status = 422
    advice = "Choose the department that can answer it."


class AnswerMissing(Refusal):
    """The department {department} has not answered yet."""

    code = "answer_missing"
    advice = "Wait for its answer; the complaint comes back with it."


class ReportMissing(Refusal):
    """The customer asked for a report, and none is with the answer."""

    code = "report_missing"
    status = 422
    advice = "Write the report into the answer or the reply."


class ReportNotWritten(Refusal):
    """This complaint has no report to attach: {why}."""

    code = "report_not_written"
    advice = "Write it into the answer or the reply; where nobody asked, the reply is enough."


class ResponsibleNotNamed(Refusal):
    """A justified complaint has somebody responsible, an unjustified one nobody."""

    code = "responsible_not_named"
    status = 422
    advice = "Name the person, the firm or the department; one of them, and only when justified."


class NotOnItsVisits(Refusal):
    """This technician was on none of the visits that the complaint is about."""

    code = "not_on_its_visits"
    status = 422
    advice = "Look at the complaint's evidence for who was there, or add the visit."
