"""Refusals of the reports."""

from fieldops.kernel.errors import Refusal


class MonthIsOver(Refusal):
    """{month} is over; its targets and weights stay as they were (KP-03)."""

    code = "month_is_over"
    status = 422
    advice = "Set it from the present month on."


class TargetOutOfBounds(Refusal):
    """A target of {indicator} lies between 0 and {most}."""

    code = "target_out_of_bounds"
    status = 422
    advice = "Choose a value in the indicator's own unit."


class WeightsOutOfOrder(Refusal):
    """{higher} has to weigh at least as much as {lower} (KP-03)."""

    code = "weights_out_of_order"
    status = 422
    advice = "Broadband weighs no less than fixed line, a higher tier no less than a lower one."


class WeightUnknown(Refusal):
    """The weights have to name every service and every tier once; {name} does not fit."""

    code = "weight_unknown"
    status = 422
    advice = "Read the present weights and change their numbers only."


class MonthNotOver(Refusal):
    """{month} is not over; only a month that is over can be closed."""

    code = "month_not_over"
    status = 422
    advice = "Close it once its last day is four days past, when the phones have handed in."


class WeekNotBegun(Refusal):
    """The week of {monday} has not begun."""

    code = "week_not_begun"
    status = 422
    advice = "Ask for this week, or for one that is over."


class MonthIsClosed(Refusal):
    """{month} was closed before; its figures stay as they were kept."""

    code = "month_is_closed"
    status = 409
    advice = "What was corrected since then is shown as a difference beside them."


class MonthNotCounted(Refusal):
    """Late changes of {month} are still being counted."""

    code = "month_not_counted"
    status = 409
    advice = "Try again in a minute."
