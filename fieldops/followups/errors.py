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


class NotTaken(Refusal):
    """Take the call first: then nobody else calls this customer."""

    code = "follow_up_not_taken"
    advice = "POST .../take, then write down what was said."


class OwnWork(Refusal):
    """Who did the work, or works for a contractor, does not ask how it went."""

    code = "follow_up_own_work"
    advice = "The operator's own people follow up (ORG-06). Leave it to a colleague."


class CallAgainPast(Refusal):
    """The next call lies in the past, or after {latest}."""

    code = "follow_up_call_again"
    status = 422
    advice = "Choose a time from now on, before the follow-up has to be done."


class WordsMissing(Refusal):
    """The reason "something else" needs the customer's words."""

    code = "dissatisfied_words_missing"
    status = 422
    advice = "Write down what exactly was wrong (FO-03)."


class CustomerNotContent(Refusal):
    """The customer does not call it settled: the task stays open."""

    code = "care_task_not_settled"
    advice = "Go on with the customer, or have a supervisor close it with what the customer said."


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
