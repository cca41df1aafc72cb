"""Reads of follow-ups, a file per subject: the records, what a caller knows, the figures."""

from fieldops.followups.queries.calling import Known, known
from fieldops.followups.queries.clock import (
    forgotten,
    forgotten_complaints,
    lock_overdue,
    lock_unanswered,
)
from fieldops.followups.queries.figures import Counted, counted, reasons
from fieldops.followups.queries.matters import (
    about_complaint,
    about_order,
    asked_complaint,
    asked_order,
    last_visit,
    lock_open_of_order,
    orders_of,
)
from fieldops.followups.queries.records import (
    DONE,
    Cut,
    Linked,
    Wanted,
    care_tasks,
    follow_up,
    follow_ups,
    linked,
    lock_follow_up,
    lock_for_answer,
    lock_of_customer,
    lock_open_tasks,
    lock_task,
    lock_waiting,
)

__all__ = [
    "DONE",
    "Counted",
    "Cut",
    "Known",
    "Linked",
    "Wanted",
    "about_complaint",
    "about_order",
    "asked_complaint",
    "asked_order",
    "care_tasks",
    "counted",
    "follow_up",
    "follow_ups",
    "forgotten",
    "forgotten_complaints",
    "known",
    "last_visit",
    "linked",
    "lock_follow_up",
    "lock_for_answer",
    "lock_of_customer",
    "lock_open_of_order",
    "lock_open_tasks",
    "lock_overdue",
    "lock_task",
    "lock_unanswered",
    "lock_waiting",
    "orders_of",
    "reasons",
]
