"""Rules of dispatch: states and kinds, classes of priority, the numbers of planning. Pure."""

from enum import StrEnum

from fieldops.appointments.rules import needs_person
from fieldops.kernel.configuration import number
from fieldops.orders.rules import rank_of


class PlanState(StrEnum):
    """The life of a proposal."""

    COMPUTING = "computing"
    PROPOSED = "proposed"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"
    FAILED = "failed"


class PlanKind(StrEnum):
    """A plan of the whole day, or a replan after something happened."""

    DAY = "day"
    REPLAN = "replan"


class Cause(StrEnum):
    """Why a plan is asked for."""

    PLANNING = "planning"
    ABSENCE = "absence"
    DELAY = "delay"
    URGENT = "urgent"
    AREA_FAULT = "area_fault"


class LineKind(StrEnum):
    """What a line of a plan does to a visit.

    retimed: the same technicians at another moment of the same window; reassigned: other
    technicians in the same window; placed: a visit without a time gets one; moved: a promised
    window that cannot be kept, with the nearest start that can; left_out: no place was found.
    """

    RETIMED = "retimed"
    REASSIGNED = "reassigned"
    PLACED = "placed"
    MOVED = "moved"
    LEFT_OUT = "left_out"


class Class(StrEnum):
    """Classes of priority, the most urgent first (WO-06)."""

    COMPLAINT = "complaint"
    VIP = "vip"
    FAULT = "fault"
    INSTALL = "install"
    OTHER = "other"


CLASSES = tuple(Class)
ENTITLED = frozenset({Class.COMPLAINT, Class.VIP, Class.FAULT})
"""The classes that the reserve is kept for."""

RESCHEDULE_REASON = {
    Cause.ABSENCE: "technician_ill",
    Cause.DELAY: "running_late",
    Cause.URGENT: "capacity",
    Cause.AREA_FAULT: "capacity",
    Cause.PLANNING: "capacity",
}
"""The reason of the list that a broken window has, by what the plan was asked for (AP-06)."""


_CLASS_OF_RANK = {
    5: Class.COMPLAINT,
    4: Class.FAULT,
    3: Class.FAULT,
    2: Class.INSTALL,
    1: Class.OTHER,
}


def class_of(priority: int, tier: str) -> Class:
    """Return the class of a visit by the highest priority of its work (WO-06, EM-01).

    Important customers, after complaints, are the tiers a person always speaks to (AP-04).
    """
    found = _CLASS_OF_RANK[rank_of(priority)]
    return Class.VIP if needs_person(tier) and found is not Class.COMPLAINT else found


_MAJOR_FAULT, _REPAIR = 4, 3


def is_urgent(priority: int, tier: str) -> bool:
    """Return whether work cannot wait for the next free day, by its priority (WO-06, AP-04).

    Complaints, major faults, and repairs of customers who are always spoken to by a person.
    """
    return rank_of(priority) >= (_REPAIR if needs_person(tier) else _MAJOR_FAULT)


def more_urgent(a: str, b: str) -> bool:
    """Return whether a class goes before another (WO-06)."""
    return CLASSES.index(Class(a)) < CLASSES.index(Class(b))


PLAN_SECONDS = number(
    "dispatch_plan_seconds", "VI-01", "seconds", 30,
    "CPU seconds a search for a day plan may take when nobody says otherwise.",
    within=(0.1, 600),
)  # fmt: skip
REPLAN_SECONDS = number(
    "dispatch_replan_seconds", "AP-07", "seconds", 3,
    "CPU seconds a replan may take when nobody says otherwise.",
    within=(0.1, 30),
)  # fmt: skip
CHANGE_COST = number(
    "dispatch_change_cost", "AP-01", "minutes", 20,
    "Minutes of travel a day plan must save for each technician it changes on a visit.",
    within=(0, 1000),
)  # fmt: skip
REPLAN_COST = number(
    "dispatch_replan_cost", "AP-01", "minutes", 120,
    "The same for a replan, which is to change as little as it can.",
    within=(0, 1000),
)  # fmt: skip
RESERVE = number(
    "dispatch_reserve", "WO-06", "percent", 10,
    "Share of each technician's day that a day plan keeps for faults and important customers.",
    within=(0, 90),
)  # fmt: skip
FREEZE = number(
    "dispatch_freeze", "AP-05", "minutes", 30,
    "Visits that begin within this time are not planned anew.",
    within=(0, 480),
)  # fmt: skip
MARGIN = number(
    "dispatch_window_margin", "AP-01", "minutes", 10,
    "A planned arrival lies at least so long before the end of its window.",
    within=(0, 60),
)  # fmt: skip
OVERTIME = number(
    "dispatch_overtime", "ORG-07", "minutes", 0,
    "Minutes a plan may go past the end of a technician's day; publishing it needs a reason.",
    within=(0, 240),
)  # fmt: skip
GIVE_UP = number(
    "dispatch_give_up", "VI-01", "minutes", 15,
    "A proposal that nobody has computed after this time has failed.",
    within=(1, 240),
)  # fmt: skip

KNOWS_HOME = number(
    "ranking_knows_home", "VI-01", "minutes", 15,
    "Minutes of way that having been at the address before is worth.",
    within=(0, 240),
)  # fmt: skip
KNOWS_BUILDING = number(
    "ranking_knows_building", "VI-01", "minutes", 8,
    "Minutes of way that knowing the building is worth.",
    within=(0, 240),
)  # fmt: skip
PRACTICE = number(
    "ranking_practice", "CU-01", "minutes", 20,
    "Minutes of way that long practice is worth to important customers, and an enterprise"
    " certificate to firms and authorities.",
    within=(0, 240),
)  # fmt: skip
PRACTICE_DAYS = number(
    "ranking_practice_days", "CU-01", "days", 730,
    "After how long with a skill's certificate a technician counts as experienced.",
    within=(0, 10_000),
)  # fmt: skip
LOAD_PERCENT = number(
    "ranking_load", "ORG-07", "percent", 5,
    "Share of the minutes a technician works that day already that counts as extra way.",
    within=(0, 100),
)  # fmt: skip
RARE_SKILL = number(
    "ranking_rare_skill", "ORG-03", "minutes", 3,
    "Minutes of way that sparing a technician is worth, for each skill the job does not need.",
    within=(0, 120),
)  # fmt: skip

OVERRUN = number(
    "late_overrun", "AP-07", "minutes", 10,
    "How long work that has run past its planned time still takes at least.",
    within=(0, 240),
)  # fmt: skip
CALM = number(
    "late_calm", "AP-07", "minutes", 5,
    "So long before the window's end a predicted arrival must lie for a warning to settle by"
    " itself; a prediction that moves by less is no news.",
    within=(0, 60),
)  # fmt: skip

LATE_REPLAN = number(
    "late_replan", "AP-07", "visits", 2,
    "A technician's delay that makes more visits late than this is offered a replan of the day.",
    within=(0, 100),
)  # fmt: skip


class Mended(StrEnum):
    """How something that upset a day ended."""

    MENDED = "mended"  # by a replan that was published
    LET_BE = "let_be"
    OVER = "over"  # by itself, or with its day


class Settled(StrEnum):
    """How a warning of a late visit ended."""

    IN_TIME_AGAIN = "in_time_again"
    ARRIVED = "arrived"
    ARRIVED_LATE = "arrived_late"
    REASSIGNED = "reassigned"
    EXCHANGED = "exchanged"
    RESCHEDULED = "rescheduled"
    ENDANGERED = "endangered"  # the customer is told, and called with a new time (AP-06)
    LET_BE = "let_be"
    ENDED = "ended"


DECIDED = frozenset({Settled.ENDANGERED, Settled.LET_BE})
"""What a dispatcher decided for a window, which is not warned of again."""


class WayOutKind(StrEnum):
    """What may be done about a visit that will be late."""

    REASSIGN = "reassign"
    EXCHANGE = "exchange"
    NEW_TIME = "new_time"


KEEPING = frozenset({WayOutKind.REASSIGN, WayOutKind.EXCHANGE})
"""The ways out that keep the window."""


MOST_VISITS = 2_000
"""Visits of one day plan; the least urgent ones without a time are left for another day."""
MOST_LINES = 2_000
"""Lines named in one publication."""
LONGEST_SEARCH = 600
"""CPU seconds anybody may ask for."""
MOST_DAYS_AHEAD = 366
"""How far ahead a day may be planned: as far as a window may be promised."""
MOST_URGENT = 50
"""Urgent visits named in one replan."""
