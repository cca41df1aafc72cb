"""Refusals of relationship repair."""

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
