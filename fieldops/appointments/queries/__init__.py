"""Reads of appointments, a file per subject: promises, calls, reserved time, free windows."""

from fieldops.appointments.queries.appointments import (
    answers,
    appointment,
    appointments,
    by_link,
    history,
    latest,
    linked_visits,
    lock_appointment,
    lock_open,
    quiet_hours,
)
from fieldops.appointments.queries.calendars import calendars_of, key_of
from fieldops.appointments.queries.calls import (
    call_task,
    call_tasks,
    due_calls,
    lock_call_task,
    open_tasks,
)
from fieldops.appointments.queries.displacing import Displaced, displaceable
from fieldops.appointments.queries.ladders import (
    AHEAD,
    newest,
    promised_visits,
    shipped,
    steps,
    steps_for,
    versions,
    visits_ahead,
)
from fieldops.appointments.queries.linked import (
    MOST_SEARCHED,
    Choice,
    Linked,
    last_word,
    linked,
    other_windows,
)
from fieldops.appointments.queries.offering import Offering, Work, offering, work_of
from fieldops.appointments.queries.reservations import (
    expired_holds,
    lock_technicians,
    present_technicians,
    promised_elsewhere,
    reservations_of,
)
from fieldops.appointments.queries.windows import Offer, arrival_in, free_windows

__all__ = [
    "AHEAD",
    "MOST_SEARCHED",
    "Choice",
    "Displaced",
    "Linked",
    "Offer",
    "Offering",
    "Work",
    "answers",
    "appointment",
    "appointments",
    "arrival_in",
    "by_link",
    "calendars_of",
    "call_task",
    "call_tasks",
    "displaceable",
    "due_calls",
    "expired_holds",
    "free_windows",
    "history",
    "key_of",
    "last_word",
    "latest",
    "linked",
    "linked_visits",
    "lock_appointment",
    "lock_call_task",
    "lock_open",
    "lock_technicians",
    "newest",
    "offering",
    "open_tasks",
    "other_windows",
    "present_technicians",
    "promised_elsewhere",
    "promised_visits",
    "quiet_hours",
    "reservations_of",
    "shipped",
    "steps",
    "steps_for",
    "versions",
    "visits_ahead",
    "work_of",
]
