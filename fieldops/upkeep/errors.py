"""Refusals of upkeep."""

from fieldops.kernel.errors import Refusal


class NothingToInspect(Refusal):
    """{name} is a {kind}; inspected once a year is the cabling of buildings."""

    code = "nothing_to_inspect"
    status = 422
    advice = "Choose the building's cabling; for other plant make a patrol plan."


class NoPlaceKnown(Refusal):
    """None of this plant has a place in the record, so nobody can be sent there."""

    code = "no_place_known"
    status = 422
    advice = "Name the premises where the visit goes."


class RoundOpen(Refusal):
    """It has been opened already and is not done yet."""

    code = "round_open"
    advice = "Use the work order that is open, or cancel it first."


class PatrolKnown(Refusal):
    """The centre has a patrol plan of this name already."""

    code = "patrol_known"
    advice = "Change the present one, or choose another name."


class PlanInactive(Refusal):
    """This patrol plan is not walked any more."""

    code = "plan_inactive"
    advice = "Choose another plan, or put it into use again."


class NothingToDraw(Refusal):
    """There is no plant of these kinds in the centre."""

    code = "nothing_to_draw"
    status = 422
    advice = "Name other kinds, or another centre."
