"""Refusals of fault reports and area faults."""

from fieldops.kernel.errors import Caution, Refusal


class NotBoxOrCable(Refusal):
    """An area fault is one of a box or a cable; this is a {kind}."""

    code = "not_box_or_cable"
    status = 422
    advice = "Name the distribution box or the cable that the services have in common."


class ServiceNotNamed(Refusal):
    """A service is named by its id or by its account number."""

    code = "service_not_named"
    status = 422
    advice = "Give the one or the other."


class AreaFaultKnown(Refusal):
    """An area fault of this box or cable is open already."""

    code = "area_fault_known"
    advice = "Refresh the list of area faults; confirm or change the one that is open."


class AreaFaultOver(Refusal):
    """The area fault is {state}; the step is not possible any more."""

    code = "area_fault_over"
    advice = "Refresh the list of area faults."


class AreaFaultOpen(Refusal):
    """This work is held by an area fault that is not repaired yet."""

    code = "area_fault_open"
    advice = "Wait until the area fault is over, or release the work from it with a reason."


class RepairTimePast(Refusal):
    """The expected repair time lies after {now} and within {days} days."""

    code = "repair_time_past"
    status = 422
    advice = "Give the time at which the repair is expected from now on; it can be changed later."


class NotHeld(Refusal):
    """This work is not held by the area fault."""

    code = "not_held"
    advice = "Refresh the area fault; its work may have come back or ended meanwhile."


class ServiceNotKnown(Refusal):
    """There is no service in use with that id or account number."""

    code = "service_not_known"
    status = 422
    advice = "Look the service up by its account number or its premises."


class ReportWithoutOrder(Refusal):
    """This report is about the plant and has no repair work of a customer."""

    code = "report_without_order"
    advice = "Nothing to settle; the area fault or the cable department's work answers it."


class RepairUnderWay(Refusal):
    """A technician is at the customer's for this repair."""

    code = "repair_under_way"
    advice = "Let the technician complete the visit; nothing has to be settled then."


class FaultJoined(Caution):
    """A repair of this service is open: the report joined it and no second one was made."""

    code = "fault_joined"
    advice = "Tell the customer what is promised; do not book a second visit (FA-01)."


class FaultRepeated(Caution):
    """This fault was repaired less than {days} days ago and is back."""

    code = "fault_repeated"
    advice = "Read what was done then, and send somebody with that record (FA-01)."


class FaultOfArea(Caution):
    """A fault of the area is known; it is expected to be repaired by {expected}."""

    code = "fault_of_area"
    advice = "Tell the customer the time; no visit is booked unless the fault is another (FA-02)."


class AnalysisDone(Refusal):
    """This analysis report is {state}; it is not to be written now."""

    code = "fault_analysis_done"
    advice = "Refresh the list."


class AnalysisTakenByOther(Refusal):
    """Somebody else writes this analysis report."""

    code = "fault_analysis_taken"
    advice = "Take it over with `instead`, or leave it to them."


class FaultLasts(Refusal):
    """The fault is not over yet: its report would have no end."""

    code = "fault_analysis_fault_lasts"
    advice = "End the area fault first; the report's time runs from its end."


class NotHandedIn(Refusal):
    """This analysis report is not handed in."""

    code = "fault_analysis_not_handed_in"
    advice = "Wait until it is, or refresh the list."


class OwnAnalysis(Refusal):
    """Nobody reviews a report they wrote."""

    code = "fault_analysis_own"
    advice = "Another supervisor reviews it."
