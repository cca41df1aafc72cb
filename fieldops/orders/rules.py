"""What a work order may become, what it is worth, and by when it is due: pure (WO-01 to 06)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from fieldops.customers.rules import Segment
from fieldops.kernel.configuration import Number, number
from fieldops.kernel.limits import Stage
from fieldops.network.rules import ServiceLife


class Kind(StrEnum):
    """The kinds of work (WO-01)."""

    INSTALL = "install"
    REMOVE = "remove"
    MOVE = "move"
    CHANGE = "change"
    REPAIR = "repair"
    INSPECT = "inspect"
    PATROL = "patrol"
    CARE = "care"


SERVICE_AFTER = {
    Kind.INSTALL: ServiceLife.ACTIVE,
    Kind.MOVE: ServiceLife.ACTIVE,
    Kind.REMOVE: ServiceLife.CEASED,
}
"""What a service is once work of this kind on it is completed."""


class State(StrEnum):
    """The life of a work order, and the states beside it (WO-03)."""

    RECEIVED = "received"
    SCHEDULED = "scheduled"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CLOSED = "closed"
    SUSPENDED = "suspended"
    RETURNED = "returned"
    TRANSFERRED = "transferred"
    CANCELLED = "cancelled"


class Process(StrEnum):
    """What a reason of the list can be a reason for."""

    SUSPEND = "suspend"
    RETURN = "return"
    TRANSFER = "transfer"
    FAIL = "fail"
    RESCHEDULE = "reschedule"
    CANCEL = "cancel"
    REFUSE = "refuse"


class Cause(StrEnum):
    """Who made a change necessary."""

    OPERATOR = "operator"
    CUSTOMER = "customer"


class Matter(StrEnum):
    """What somebody wants to know or have done about an order (WO-05)."""

    URGE = "urge"
    QUESTION = "question"
    CHANGE = "change"


class MatterState(StrEnum):
    """Where a matter stands: it has an owner from the first contact until it is answered."""

    WAITING = "waiting"  # it came by a link or a machine; the first person to take it owns it
    OWNED = "owned"
    OFFERED = "offered"  # still the owner's, until the other accepts
    ANSWERED = "answered"


class Channel(StrEnum):
    """How somebody spoke to us, or we to them."""

    PHONE = "phone"
    WEB_LINK = "web_link"
    PARTNER = "partner_api"
    COUNTER = "counter"
    MESSAGE = "message"


class Department(StrEnum):
    """Who does the work: the field on visits, or the cable department on the plant."""

    FIELD = "field"
    CABLE = "cable"


_S = State
_ASIDE = frozenset({_S.SUSPENDED, _S.RETURNED, _S.TRANSFERRED, _S.CANCELLED})

LEGAL: dict[State, frozenset[State]] = {
    # A call-out goes to a technician without an appointment: received to dispatched.
    _S.RECEIVED: _ASIDE | {_S.SCHEDULED, _S.DISPATCHED},
    _S.SCHEDULED: _ASIDE | {_S.RECEIVED, _S.DISPATCHED},
    _S.DISPATCHED: _ASIDE | {_S.RECEIVED, _S.SCHEDULED, _S.ACCEPTED},
    _S.ACCEPTED: _ASIDE | {_S.RECEIVED, _S.SCHEDULED, _S.DISPATCHED, _S.IN_PROGRESS},
    # Work begun goes back when it is given to another technician or needs a new appointment.
    _S.IN_PROGRESS: _ASIDE | {_S.RECEIVED, _S.SCHEDULED, _S.DISPATCHED, _S.ACCEPTED, _S.COMPLETED},
    _S.COMPLETED: frozenset({_S.CLOSED}),
    _S.CLOSED: frozenset(),
    _S.SUSPENDED: frozenset({_S.RECEIVED, _S.RETURNED, _S.TRANSFERRED, _S.CANCELLED}),
    _S.RETURNED: frozenset({_S.RECEIVED, _S.CANCELLED}),
    _S.TRANSFERRED: frozenset({_S.RECEIVED, _S.RETURNED, _S.CANCELLED}),
    _S.CANCELLED: frozenset(),
}
"""What a work order may become (WO-03)."""

LEGAL_AT_DESK: dict[State, frozenset[State]] = {
    state: LEGAL[state] | {_S.DISPATCHED, _S.ACCEPTED, _S.IN_PROGRESS}
    for state in (
        _S.RECEIVED,
        _S.SCHEDULED,
        _S.DISPATCHED,
        _S.SUSPENDED,
        _S.RETURNED,
        _S.TRANSFERRED,
        _S.CANCELLED,
    )
}
"""What it may become besides when a dispatcher accepts work that was done meanwhile."""

LEGAL_ELSEWHERE: dict[State, frozenset[State]] = {
    state: LEGAL[state] | {_S.COMPLETED} for state in (_S.RECEIVED, _S.TRANSFERRED)
}
"""Another department's work is completed without a visit."""

OPEN = frozenset(
    {
        _S.RECEIVED,
        _S.SCHEDULED,
        _S.DISPATCHED,
        _S.ACCEPTED,
        _S.IN_PROGRESS,
        _S.SUSPENDED,
        _S.TRANSFERRED,
    }
)
"""Work that still has to be done by somebody."""

FOR_A_VISIT = frozenset({_S.RECEIVED, _S.SCHEDULED, _S.DISPATCHED, _S.ACCEPTED, _S.IN_PROGRESS})
"""Open work that belongs on a visit (WO-02)."""

_ORDER_FOLLOWS = (
    _S.IN_PROGRESS,
    _S.ACCEPTED,
    _S.DISPATCHED,
    _S.SCHEDULED,
    _S.RECEIVED,
    _S.SUSPENDED,
    _S.TRANSFERRED,
    _S.RETURNED,
    _S.COMPLETED,
    _S.CLOSED,
    _S.CANCELLED,
)


def legal_from(state: State, *, desk: bool = False, elsewhere: bool = False) -> frozenset[State]:
    """Return what a work order may become (WO-03).

    `desk`: a dispatcher accepts work that was done meanwhile; `elsewhere`: another department
    has the work and completes it without a visit.
    """
    legal = LEGAL[state]
    if desk:
        legal |= LEGAL_AT_DESK.get(state, frozenset())
    if elsewhere:
        legal |= LEGAL_ELSEWHERE.get(state, frozenset())
    return legal


def state_of_order(states: Iterable[str]) -> State:
    """Return the state of an order from its work orders' states.

    The most active open part decides; an order is completed when nothing of it is open.
    """
    present = set(states)
    return next(state for state in _ORDER_FOLLOWS if state in present)


def is_open(state: State) -> bool:
    """Return whether an order in this state still waits for somebody."""
    return state in OPEN


NEXT_STEPS: dict[State, tuple[str, ...]] = {
    _S.RECEIVED: ("order.suspend", "order.return", "order.transfer", "order.cancel"),
    _S.SCHEDULED: ("order.suspend", "order.return", "order.transfer", "order.cancel"),
    _S.DISPATCHED: ("order.suspend", "order.return", "order.transfer", "order.cancel"),
    _S.ACCEPTED: ("order.suspend", "order.return", "order.transfer", "order.cancel"),
    _S.IN_PROGRESS: ("visit.complete", "visit.fail", "order.suspend", "order.transfer"),
    _S.COMPLETED: ("order.close",),
    _S.CLOSED: (),
    _S.SUSPENDED: (
        "order.resume",
        "order.postpone",
        "order.return",
        "order.transfer",
        "order.cancel",
    ),
    _S.RETURNED: ("order.resume", "order.cancel"),
    _S.TRANSFERRED: (
        "order.accept_transfer",
        "order.refuse_transfer",
        "order.complete",
        "order.resume",
        "order.return",
        "order.cancel",
    ),
    _S.CANCELLED: (),
}
"""The commands that lead on from a state."""

# Priority (WO-06): the class decides, then urges (WO-05), the service, the tier; ties by due time.
_URGENCY = {"complaint": 5, "major_fault": 4}
_TOP_CLASS = max(_URGENCY.values())
_CLASS = {Kind.REPAIR: 3, Kind.MOVE: 2, Kind.INSTALL: 2}
_SERVICE = {"broadband": 2, "fixed_line": 1}
_TIER = {
    "diamond": 9,
    "gold": 7,
    "silver": 4,
    "basic": 1,
    **{f"{n}A": 11 - n for n in range(1, 6)},
    **{f"{n}B": 6 - n for n in range(1, 6)},
}
_OF_CLASS, _OF_URGE, _OF_SERVICE = 1000, 220, 100
MOST_URGES = 3

URGES_RAISING = number(
    "urges_raising_priority", "WO-05", "urges", 2,
    "How many urges of an order raise its work within its class; 0: they are only counted.",
    within=(0, MOST_URGES),
)  # fmt: skip
URGES_APART = number(
    "urges_apart", "WO-05", "minutes", 30,
    "An urge sooner than this after the one before is kept, but neither counted nor raising.",
    within=(0, 1440),
)  # fmt: skip


def priority(
    kind: str,
    service: str,
    tier: str,
    urgency: str = "normal",
    urges: float = 0,
    *,
    raised_classes: int = 0,
) -> int:
    """Return a work order's priority, greater is more urgent (WO-06).

    Complaint, major fault, repair, move or install, others; within a class what was urged more
    (WO-05; `urges` of them raise, at most 3), then broadband before fixed line, then the
    customer's tier. No number of urges lifts work into the class above. Equal priorities go by
    due time; `rank_of` gives the class. `raised_classes`: what an emergency plan lifts this
    kind of work by, never past a complaint (EM-01).
    """
    own = _URGENCY.get(urgency) or _CLASS.get(Kind(kind), 1)
    rank = min(_TOP_CLASS, own + raised_classes)
    raised = max(0, min(int(urges), MOST_URGES))
    within = _OF_URGE * raised + _OF_SERVICE * _SERVICE.get(service, 0) + _TIER.get(tier, 0)
    return _OF_CLASS * rank + within


def weight_of_tier(tier: str) -> int:
    """Return how much a customer of a tier counts against others, 1 to 10 (WO-06)."""
    return _TIER.get(tier, 0)


def rank_of(value: int) -> int:
    """Return the class of a priority: 5 complaint, 4 major fault, 3 repair, 2 move or install, 1.

    What an emergency plan raises is in the class it is raised to (EM-01).
    """
    return value // _OF_CLASS


TASK_OF_KIND = {Kind.REPAIR: "repair"}
"""Which time limit of CU-02 a kind of work has; all others have the one of activation."""


def due_at(received_at: datetime, limit_seconds: int, suspended_seconds: int = 0) -> datetime:
    """Return the due time: the limit after the receipt, moved by the stopped clock (WO-04)."""
    return received_at + timedelta(seconds=limit_seconds + suspended_seconds)


WARN_DISPATCHER = number(
    "warn_dispatcher_at", "WO-04", "percent", 80,
    "Share of a time limit, of work or another matter, after which who is responsible is warned.",
    within=(10, 100),
)  # fmt: skip
WARN_SUPERVISOR = number(
    "warn_supervisor_at", "WO-04", "percent", 100,
    "Share of a time limit, of work or another matter, after which the supervisor is warned.",
    within=(50, 300),
)  # fmt: skip
WARN_UNIT_ABOVE = number(
    "warn_unit_above_at", "WO-04", "percent", 200,
    "Share of a time limit, of work or another matter, after which the unit above is warned.",
    within=(100, 1000),
)  # fmt: skip
WARNINGS: tuple[tuple[str, Number], ...] = (
    ("dispatcher", WARN_DISPATCHER),
    ("supervisor", WARN_SUPERVISOR),
    ("unit_above", WARN_UNIT_ABOVE),
)
"""Who is warned at which share of the limit, each once (WO-04)."""

SHARES: dict[Stage, Number] = {
    Stage.RESPONSIBLE: WARN_DISPATCHER,
    Stage.SUPERVISOR: WARN_SUPERVISOR,
    Stage.UNIT_ABOVE: WARN_UNIT_ABOVE,
}
"""The same shares for every matter of the modules above that has a limit."""
ABOVE = {stage: SHARES[stage] for stage in (Stage.SUPERVISOR, Stage.UNIT_ABOVE)}

WARN_CABLE = number(
    "warn_cable_at", "RE-03", "percent", 80,
    "Share of the time for a transfer to the cable department after which that department is "
    "warned.",
    within=(10, 100),
)  # fmt: skip
WARN_CABLE_SUPERVISOR = number(
    "warn_cable_supervisor_at", "RE-03", "percent", 100,
    "Share of the time for a transfer to the cable department after which the supervisor is "
    "warned.",
    within=(50, 300),
)  # fmt: skip
CABLE_WARNINGS: tuple[tuple[str, Number], ...] = (
    ("cable_department", WARN_CABLE),
    ("cable_supervisor", WARN_CABLE_SUPERVISOR),
)
"""Who is warned of repairs that are to be with the cable department and are not yet (RE-03)."""

CABLE_SHARES = {Stage.RESPONSIBLE: WARN_CABLE, Stage.SUPERVISOR: WARN_CABLE_SUPERVISOR}
AUDIENCES = tuple(name for name, _number in (*WARNINGS, *CABLE_WARNINGS))

CABLE_LIMIT = number(
    "cable_work_within", "RE-03", "hours", 72,
    "Time limit of a cable work order for a pair that was marked bad.",
    within=(1, 2160),
)  # fmt: skip

TRANSFER_LIMIT = number(
    "transfer_to_cable_within", "RE-03", "hours", 4,
    "Within this time of its arrival a repair that no swap helps is to be at the cable department.",
    within=(1, 720),
)  # fmt: skip


def transfer_due(received_at: datetime, limit: timedelta, suspended_seconds: int) -> datetime:
    """Return until when a repair is to be transferred; waiting for the customer does not count."""
    return received_at + limit + timedelta(seconds=suspended_seconds)


_MINUTES = {
    Kind.INSTALL: 60,
    Kind.REMOVE: 20,
    Kind.MOVE: 60,
    Kind.CHANGE: 30,
    Kind.REPAIR: 45,
    Kind.INSPECT: 45,
    Kind.PATROL: 60,
    Kind.CARE: 30,
}
WORK_MINUTES: dict[Kind, Number] = {
    kind: number(
        f"work_minutes_{kind}", "WO-01", "minutes", minutes,
        f"Planned time on site for one work order of the kind {kind}.",
        within=(5, 480),
    )
    for kind, minutes in _MINUTES.items()
}  # fmt: skip
"""Planned time on site by kind of work."""

_SHARES = {
    Segment.HOUSEHOLD: 100,
    Segment.PERSONAL: 100,
    Segment.GOVERNMENT: 125,
    Segment.ENTERPRISE: 125,
}
TIME_SHARES: dict[Segment, Number] = {
    segment: number(
        f"work_time_{segment}", "WO-01", "percent", share,
        f"Planned time on site for customers of the segment {segment}, of what the kind takes.",
        within=(50, 300),
    )
    for segment, share in _SHARES.items()
}  # fmt: skip
"""How much of a kind's time on site work for a segment is planned with: reporting in, being let
into rooms and coming to terms with those who run the network there take longer at a business."""


def planned_minutes(usual: float, share: float) -> int:
    """Return the time on site of one work order in minutes; `share` in percent of the usual."""
    return max(1, round(usual * share / 100))


def skill_for(service: str, technology: str | None, kind: str = Kind.INSTALL) -> str:
    """Return the skill that a work order needs (ORG-03)."""
    if kind == Kind.INSPECT:
        return "indoor_network"
    if service == "fixed_line":
        return "fixed_line"
    if service == "broadband":
        return "fibre" if technology == "fibre" else "copper_broadband"
    return "indoor_network"


REASONS: tuple[tuple[str, Process, Cause, str, str], ...] = (
    ("customer_asked_later", Process.SUSPEND, Cause.CUSTOMER, "Wanted later", "客户要求延后"),
    ("premises_not_ready", Process.SUSPEND, Cause.CUSTOMER, "Premises not ready", "现场不具备条件"),
    ("no_access", Process.SUSPEND, Cause.CUSTOMER, "No access to the premises", "无法进入现场"),
    ("waiting_material", Process.SUSPEND, Cause.OPERATOR, "Waiting for material", "等待材料"),
    ("no_free_resource", Process.SUSPEND, Cause.OPERATOR, "No free pair or port", "无空闲资源"),
    ("area_fault", Process.SUSPEND, Cause.OPERATOR, "Held by an area fault", "区域故障"),
    ("no_resources", Process.RETURN, Cause.OPERATOR, "No network resources", "无网络资源"),
    ("customer_withdrew", Process.RETURN, Cause.CUSTOMER, "Customer withdrew", "客户撤单"),
    ("wrong_data", Process.RETURN, Cause.OPERATOR, "Wrong data in the order", "工单资料错误"),
    ("not_reachable", Process.RETURN, Cause.CUSTOMER, "Customer not reachable", "联系不上客户"),
    ("address_not_found", Process.RETURN, Cause.OPERATOR, "Address not found", "地址不存在"),
    ("cable_fault", Process.TRANSFER, Cause.OPERATOR, "Fault in the cable", "线缆故障"),
    ("exchange_fault", Process.TRANSFER, Cause.OPERATOR, "Fault in the exchange", "局端故障"),
    ("civil_works", Process.TRANSFER, Cause.OPERATOR, "Needs civil works", "需要土建施工"),
    ("not_ours", Process.REFUSE, Cause.OPERATOR, "Not this department's work", "不属于本部门"),
    ("tests_missing", Process.REFUSE, Cause.OPERATOR, "Tests are missing", "缺少测试记录"),
    ("no_fault_found", Process.REFUSE, Cause.OPERATOR, "No fault found", "未发现故障"),
    ("nobody_home", Process.FAIL, Cause.CUSTOMER, "Nobody at home", "客户不在家"),
    ("customer_refused", Process.FAIL, Cause.CUSTOMER, "Customer refused the work", "客户拒绝施工"),
    ("site_not_ready", Process.FAIL, Cause.CUSTOMER, "Site not ready", "现场不具备施工条件"),
    ("plant_fault", Process.FAIL, Cause.OPERATOR, "Fault in the plant", "外线故障"),
    ("material_missing", Process.FAIL, Cause.OPERATOR, "Material missing", "缺少材料"),
    ("ran_out_of_time", Process.FAIL, Cause.OPERATOR, "Ran out of time", "时间不足"),
    ("unsafe", Process.FAIL, Cause.OPERATOR, "Not safe to work", "不具备安全条件"),
    ("customer_asked", Process.RESCHEDULE, Cause.CUSTOMER, "Customer asked for it", "客户要求改期"),
    ("technician_ill", Process.RESCHEDULE, Cause.OPERATOR, "Technician ill", "装维人员生病"),
    ("running_late", Process.RESCHEDULE, Cause.OPERATOR, "Running late", "前一工单延误"),
    ("capacity", Process.RESCHEDULE, Cause.OPERATOR, "No capacity", "人手不足"),
    ("withdrawn", Process.CANCEL, Cause.CUSTOMER, "Withdrawn by the customer", "客户取消"),
    ("entered_twice", Process.CANCEL, Cause.OPERATOR, "Entered twice", "重复录入"),
    ("reported_in_error", Process.CANCEL, Cause.OPERATOR, "Reported in error", "误报"),
    ("planning", Process.CANCEL, Cause.OPERATOR, "Changed by planning", "调度调整"),
    ("solved_remotely", Process.CANCEL, Cause.OPERATOR, "Solved without a visit", "远程解决"),
)  # fmt: skip
"""The reasons a new installation starts with: code, process, cause, English, Chinese."""
