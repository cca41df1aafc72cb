"""States of visits and assignments and what follows from them: pure (VI-01 to VI-06)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from fieldops.kernel.configuration import number
from fieldops.orders.rules import Kind
from fieldops.orders.rules import State as Work


class State(StrEnum):
    """The life of a visit."""

    PLANNED = "planned"
    SCHEDULED = "scheduled"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    EN_ROUTE = "en_route"
    ON_SITE = "on_site"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Step(StrEnum):
    """How far one technician has come on a visit."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    EN_ROUTE = "en_route"
    ON_SITE = "on_site"
    WORKING = "working"
    DONE = "done"


class NextStep(StrEnum):
    """What happens to the work of a visit that was not completed (VI-05)."""

    SUSPEND = "suspend"
    TRANSFER = "transfer"
    NEW_APPOINTMENT = "new_appointment"
    WORK_ENDED = "work_ended"  # its work was withdrawn, returned or is done elsewhere


class FactKind(StrEnum):
    """The facts a visit keeps (SY-02)."""

    ACCEPTANCE = "acceptance"
    KIT = "kit"
    DEPARTURE = "departure"
    ARRIVAL = "arrival"
    IDENTITY = "identity"
    START = "start"
    COMPLETION = "completion"
    FAILURE = "failure"
    NOTICE = "notice"
    NOTE = "note"


class NoticeKind(StrEnum):
    """What a technician is told about a visit (SYNC section 1: nothing is taken silently)."""

    GAINED = "gained"
    REASSIGNED = "reassigned"
    GIVEN_BACK = "given_back"
    UNSCHEDULED = "unscheduled"
    MOVED = "moved"
    CANCELLED = "cancelled"
    REVIVED = "revived"
    WORK_CHANGED = "work_changed"
    ROLE_LOST = "role_lost"
    LINKED_MOVED = "linked_moved"
    EVIDENCE_ASKED = "evidence_asked"
    COMPLAINT = "complaint"
    COMPLAINT_DECIDED = "complaint_decided"
    FINDING_GIVEN = "finding_given"
    CASE_OPENED = "case_opened"
    CASE_DECIDED = "case_decided"


TAKING = frozenset(
    {
        NoticeKind.REASSIGNED,
        NoticeKind.GIVEN_BACK,
        NoticeKind.UNSCHEDULED,
        NoticeKind.MOVED,
        NoticeKind.CANCELLED,
    }
)
"""The notices after which work captured before them may meet a changed visit."""

FURTHEST_AHEAD = timedelta(days=366)
"""How far ahead a visit may be planned."""

MOST_WARNED = 50
"""How many visits a warning names."""

NOTICES_KEPT = timedelta(days=14)
"""How long a phone holds a notice that nobody has read."""

WORK_DONE_ELSEWHERE = "work_done_elsewhere"
"""Why a visit ends whose work was done on the visit it had been planned instead of."""

ENDED = frozenset({State.COMPLETED, State.FAILED, State.CANCELLED})
UNDER_WAY = frozenset({State.EN_ROUTE, State.ON_SITE, State.IN_PROGRESS})

STEPS = tuple(Step)

WORK_STATE: dict[State, Work] = {
    State.PLANNED: Work.RECEIVED,
    State.SCHEDULED: Work.SCHEDULED,
    State.DISPATCHED: Work.DISPATCHED,
    State.ACCEPTED: Work.ACCEPTED,
    State.EN_ROUTE: Work.ACCEPTED,
    State.ON_SITE: Work.ACCEPTED,
    State.IN_PROGRESS: Work.IN_PROGRESS,
    State.COMPLETED: Work.COMPLETED,
}
"""The state that a visit's work orders follow it into."""

_FURTHEST: dict[Step, State] = {
    Step.WORKING: State.IN_PROGRESS,
    Step.ON_SITE: State.ON_SITE,
    Step.EN_ROUTE: State.EN_ROUTE,
}


def state_of_visit(steps: Iterable[str], *, has_window: bool) -> State:
    """Return the state of a visit that has not ended, from its technicians' steps.

    The technician who has come furthest decides; it is accepted when all have accepted.
    """
    present = {Step(step) for step in steps}
    if not present:
        return State.SCHEDULED if has_window else State.PLANNED
    for step, state in _FURTHEST.items():
        if step in present:
            return state
    return State.ACCEPTED if present == {Step.ACCEPTED} else State.DISPATCHED


LEGAL: dict[str, frozenset[State]] = {
    "visit.accept": frozenset({State.DISPATCHED, *UNDER_WAY}),
    "visit.start": frozenset({State.DISPATCHED, State.ACCEPTED, *UNDER_WAY}),
    "visit.complete": frozenset({State.IN_PROGRESS}),
    "visit.fail": frozenset({State.DISPATCHED, State.ACCEPTED, *UNDER_WAY}),
    "visit.assign": frozenset(
        {State.PLANNED, State.SCHEDULED, State.DISPATCHED, State.ACCEPTED, *UNDER_WAY}
    ),
    "visit.cancel": frozenset(
        {State.PLANNED, State.SCHEDULED, State.DISPATCHED, State.ACCEPTED, *UNDER_WAY}
    ),
    "visit.split": frozenset({State.PLANNED, State.SCHEDULED, State.DISPATCHED, State.ACCEPTED}),
    "visit.move": frozenset(
        {State.PLANNED, State.SCHEDULED, State.DISPATCHED, State.ACCEPTED, State.EN_ROUTE}
    ),
}
"""In which states a decision about a visit is possible."""

_STEPS_ON: dict[State, tuple[str, ...]] = {
    State.PLANNED: ("appointment.book", "visit.cancel"),
    State.SCHEDULED: ("visit.assign", "visit.cancel"),
    State.DISPATCHED: ("visit.accept", "visit.depart", "visit.arrive", "visit.fail"),
    State.ACCEPTED: ("visit.confirm_kit", "visit.depart", "visit.arrive", "visit.fail"),
    State.EN_ROUTE: ("visit.arrive", "visit.fail"),
    State.ON_SITE: ("visit.confirm_identity", "visit.start", "visit.leave_notice", "visit.fail"),
    State.IN_PROGRESS: ("visit.complete", "visit.fail"),
}


def next_steps(state: str) -> tuple[str, ...]:
    """Return the commands that lead on from a state; notes and files are always possible."""
    return _STEPS_ON.get(State(state), ("note.add",))


def legal(command: str, state: str) -> bool:
    """Return whether a decision about a visit is possible in this state."""
    return State(state) in LEGAL[command]


_KIT: dict[str, dict[str, tuple[str, ...]]] = {
    "any": {
        "tools": ("hand tools", "torch", "ladder", "shoe covers and floor mat"),
        "materials": ("cable ties and clips", "labels"),
        "spares": ("patch cords",),
        "papers": ("certificate", "visit notice pad"),
    },
    "fixed_line": {
        "tools": ("test telephone", "pair tester"),
        "materials": ("drop wire", "line sockets"),
        "spares": ("surge protector",),
        "papers": (),
    },
    "copper_broadband": {
        "tools": ("line tester", "laptop"),
        "materials": ("indoor cable", "splitters"),
        "spares": ("modem",),
        "papers": ("account and password letter",),
    },
    "fibre": {
        "tools": ("optical power meter", "fusion splicer", "fibre cleaner"),
        "materials": ("drop fibre", "connectors"),
        "spares": ("optical terminal",),
        "papers": ("account and password letter",),
    },
}
KIT_GROUPS = ("tools", "materials", "spares", "papers")


def kit_for(work: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the kit list by group for the (kind, skill) pairs of a visit's work (VI-02).

    Removing and inspecting need no materials or spares for installing.
    """
    kit: dict[str, list[str]] = {group: [] for group in KIT_GROUPS}
    wanted: list[tuple[str, tuple[str, ...]]] = [("any", KIT_GROUPS)]
    for kind, skill in sorted(set(work)):
        brief = kind in {Kind.REMOVE, Kind.INSPECT, Kind.PATROL, Kind.CARE}
        wanted.append((skill, ("tools", "papers") if brief else KIT_GROUPS))
    for skill, groups in wanted:
        for group in groups:
            items = _KIT.get(skill, {}).get(group, ())
            kit[group] += [item for item in items if item not in kit[group]]
    return kit


ARRIVE_BEFORE = number(
    "arrive_before_window", "VI-02", "minutes", 5,
    "How long before the window the technician should be at the door.",
    within=(0, 60),
)  # fmt: skip


def latest_departure(
    window_start: datetime, expected: datetime, travel_s: float, before: timedelta
) -> datetime:
    """Return when to leave at the latest so that arrival is before the window (VI-02).

    Who is expected later in the window, after another visit in the same one, is at the door at
    that moment. `travel_s` is the travel time in seconds; whole seconds are rounded up.
    """
    due = expected if expected > window_start else window_start - before
    return due - timedelta(seconds=-(-travel_s // 1))


CONTACT_KEPT = number(
    "contact_data_kept", "CU-05", "hours", 48,
    "How long a device keeps addresses and phone numbers after the visit has ended.",
    within=(0, 48),
)  # fmt: skip

NEARBY_M = 300
"""Resources within this distance of the premises go to the device, metres (SY-01)."""
