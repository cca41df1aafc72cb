"""Refusals of retention."""

from fieldops.kernel.errors import Refusal


class RepairTaskClosed(Refusal):
    """This task was closed on {closed_on}."""

    code = "repair_task_closed"
    advice = "Refresh the list; a new sign opens a new task."


class NotYourRepairTask(Refusal):
    """This task belongs to {person}."""

    code = "not_your_repair_task"
    advice = "Take it over first when you have spoken to that person."


class NothingToRepair(Refusal):
    """This customer is green, or has a task already for everything that happened."""

    code = "nothing_to_repair"
    advice = "Refresh the three-colour list."


class InRegister(Refusal):
    """This customer is in the register of those who may leave already."""

    code = "in_churn_register"
    advice = "Open the customer's case; what you know goes into its next revisit."


class ChurnCaseWithdrawn(Refusal):
    """This entry of the register was withdrawn before."""

    code = "churn_case_withdrawn"
    advice = "Refresh the register; its history says by whom and why."


class ChurnCaseClosed(Refusal):
    """This case was closed on {closed_on}."""

    code = "churn_case_closed"
    advice = "Refresh the register; open another case if the customer may leave again."


class CentreUnknown(Refusal):
    """Nothing says which centre looks after this customer."""

    code = "centre_unknown"
    status = 422
    advice = "Name the centre."


class RevisitOver(Refusal):
    """This revisit is over: it has an outcome, or the customer was erased."""

    code = "revisit_over"
    advice = "Refresh the list; an undecided customer has another revisit."


class VisitAsked(Refusal):
    """The field was asked for this visit already, by the order {external_ref}."""

    code = "visit_asked"
    advice = "Look at that order for its appointment."


class NoVisitAsked(Refusal):
    """Nobody asked the field for a visit, or it was answered already."""

    code = "no_visit_asked"
    advice = "Refresh the revisit."
