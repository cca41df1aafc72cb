"""Refusals of follow-ups and care tasks."""

from fieldops.kernel.errors import Refusal


class AlreadyAsked(Refusal):
    """This customer has been asked about this matter already."""

    code = "already_asked"
    advice = "Nobody is asked twice (FO-04). Refresh the list."


class NotYetByPerson(Refusal):
    """This customer is being asked by message; a person asks when that brings no answer."""

    code = "not_yet_by_person"
    advice = "Take one that waits for a call."


class TakenByOther(Refusal):
    """Somebody else has taken this."""

    code = "follow_up_taken"
    advice = "Choose another one, or take it over with `instead`."


class ReasonMissing(Refusal):
    """A dissatisfied answer needs its concrete reason."""

    code = "dissatisfied_reason_missing"
    status = 422
    advice = "Ask what was wrong and choose the reason from the list (FO-03)."


class ReasonUnknown(Refusal):
    """{reason} is not in the list of reasons."""

    code = "dissatisfied_reason_unknown"
    status = 422
    advice = "Choose one of /v1/follow-ups/reasons."


class CareTaskClosed(Refusal):
    """This task was closed with the customer already."""

    code = "care_task_closed"
    advice = "Refresh the list."


class RangeTooLong(Refusal):
    """Statistics are read over {days} days at most."""

    code = "follow_up_range"
    status = 422
    advice = "Choose a shorter range that does not end before it begins."
