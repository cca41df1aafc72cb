"""Refusals of emergency plans."""

from fieldops.kernel.errors import Refusal


class OwnerUnknown(Refusal):
    """Nobody with that id has an open account in this region."""

    code = "owner_unknown"
    status = 422
    advice = "Choose who is responsible for the plan from the people of the region."


class ReserveUnknown(Refusal):
    """Some of the reserve technicians are not active technicians of this region."""

    code = "reserve_unknown"
    status = 422
    advice = "Choose active technicians of other centres of the region."


class PlanRetired(Refusal):
    """The plan was retired and is not activated any more."""

    code = "plan_retired"
    advice = "Use the plan that took its place, or put it back to use first."


class PlanInForce(Refusal):
    """The plan is in force or proposed already."""

    code = "plan_in_force"
    advice = "Read its open activation; prolong or end that one."


class ActivationOver(Refusal):
    """The activation is {state}; the step is not possible any more."""

    code = "activation_over"
    advice = "Refresh the list of activations; propose or activate the plan anew if need be."


class UntilInvalid(Refusal):
    """A plan is in force until a time after {now} and within {days} days."""

    code = "until_invalid"
    status = 422
    advice = "Choose an end in that time; it can be prolonged while it is in force."
