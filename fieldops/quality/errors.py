"""Refusals about evidence flags."""

from fieldops.kernel.errors import Refusal


class FlagDecided(Refusal):
    """A supervisor has decided about this already: {state}."""

    code = "flag_decided"
    advice = "Refresh the flag; talk to the supervisor when the decision is wrong."


class AnswerAwaited(Refusal):
    """The technician has not answered and may do so until {until}."""

    code = "answer_awaited"
    advice = "Decide after the answer or that time; a false alarm can be said at once."
