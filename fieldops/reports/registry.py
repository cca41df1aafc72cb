"""The indicators as data (KP-01 to KP-03): what each counts, by what, and what is aimed at."""

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What an indicator's value is: a share is 100 x numerator / denominator."""

    PERCENT = "percent"
    MINUTES = "minutes"
    PER_DAY = "per_day"


class Direction(StrEnum):
    """Which way is better."""

    HIGHER = "higher"
    LOWER = "lower"


class Record(StrEnum):
    """What an indicator's records are."""

    APPOINTMENT = "appointment"
    VISIT = "visit"
    ASSIGNMENT = "assignment"
    WORK_ORDER = "work_order"
    ORDER = "order"
    FOLLOW_UP = "follow_up"
    COMPLAINT = "complaint"
    PLANT_CHANGE = "plant_change"
    INSPECTION = "inspection"


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator: its value is the numerator's sum over the denominator's, in the unit.

    `day` says to which local day a record belongs. `target` is what a region without an own one
    aims at; None: nothing is aimed at until it says so.
    """

    name: str
    rule: str
    title_en: str
    title_zh: str
    numerator: str
    denominator: str
    day: str
    record: Record
    unit: Unit = Unit.PERCENT
    direction: Direction = Direction.HIGHER
    target: float | None = None


_ALL = (
    Indicator(
        "kept_appointments", "KP-01", "Kept appointments", "履约率",
        numerator="Appointments whose visit was completed on the day of the last agreed window, "
        "with the arrival inside it, not moved a second time by operator cause; an install "
        "without a fault within the days after it.",
        denominator="Appointments due and decided: not those the customer cancelled.",
        day="The day the window opens.",
        record=Record.APPOINTMENT, target=93,
    ),
    Indicator(
        "install_on_time", "KP-02", "Installs on time", "装机及时率",
        numerator="Installs completed by their due time.",
        denominator="Installs completed, and those open past their due time; not those "
        "cancelled, returned, or whose clock stands still.",
        day="The day of completion or of the due time, whichever came first.",
        record=Record.WORK_ORDER, target=95,
    ),
    Indicator(
        "repair_on_time", "KP-02", "Repairs on time", "修障及时率",
        numerator="Customers' repairs completed by their due time.",
        denominator="Customers' repairs completed, and those open past their due time; not "
        "those cancelled, returned, or whose clock stands still.",
        day="The day of completion or of the due time, whichever came first.",
        record=Record.WORK_ORDER, target=95,
    ),
    Indicator(
        "repeat_faults", "KP-02", "Repeat faults", "重复故障率",
        numerator="Of those, the ones after which the same service at the same premises was "
        "reported faulty again within the days of a repeat.",
        denominator="Customers' repairs completed.",
        day="The day of completion.",
        record=Record.WORK_ORDER, direction=Direction.LOWER, target=5,
    ),
    Indicator(
        "first_time_fix", "KP-02", "First-time fix", "一次修复率",
        numerator="Of those, the ones completed on the first trip made for them.",
        denominator="Customers' repairs completed.",
        day="The day of completion.",
        record=Record.WORK_ORDER, target=85,
    ),
    Indicator(
        "one_visit", "WO-02", "Orders served in one visit", "一次上门率",
        numerator="Of those, the orders that took one trip to each of their premises.",
        denominator="Orders done by visits.",
        day="The day their last visit was completed.",
        record=Record.ORDER, target=100,
    ),
    Indicator(
        "reconfirmed", "AP-03", "Reconfirmed appointments", "二次预约率",
        numerator="Of those, the ones the customer confirmed, for the last agreed window and "
        "before it opened.",
        denominator="Appointments whose window has opened; not the cancelled ones.",
        day="The day the window opens.",
        record=Record.APPOINTMENT, target=95,
    ),
    Indicator(
        "half_hour_notice", "AP-05", "Half-hour notices", "上门前半小时通知率",
        numerator="Of those, the ones before which the notice had gone out to the customer.",
        denominator="Visits on which somebody came to the door.",
        day="The day of arrival.",
        record=Record.VISIT, target=95,
    ),
    Indicator(
        "follow_up_share", "FO-01", "Follow-ups made", "回访率",
        numerator="Of those, the ones whose customer answered, or was tried as often as the rule "
        "says and not reached.",
        denominator="Follow-ups of installs, moves, repairs and complaints finished; one stands "
        "for all matters that a customer is asked about at once.",
        day="The day the matter was finished.",
        record=Record.FOLLOW_UP, target=100,
    ),
    Indicator(
        "follow_up_in_time", "FO-01", "Follow-ups in time", "回访及时率",
        numerator="Of those, the ones whose customer answered by the last moment.",
        denominator="Follow-ups of installs, moves, repairs and complaints finished; one stands "
        "for all matters that a customer is asked about at once.",
        day="The day the matter was finished.",
        record=Record.FOLLOW_UP, target=95,
    ),
    Indicator(
        "satisfaction", "FO-05", "Satisfaction", "客户满意率",
        numerator="Of those, the very satisfied and the satisfied.",
        denominator="Customers who answered a follow-up.",
        day="The day the matter was finished.",
        record=Record.FOLLOW_UP, target=95,
    ),
    Indicator(
        "complaint_contact", "CO-01", "Complaints contacted in time", "投诉及时联系率",
        numerator="Complaints whose customer was contacted by the limit.",
        denominator="Complaints whose customer was contacted, and those past the limit.",
        day="The day of the contact or of the limit, whichever came first.",
        record=Record.COMPLAINT, target=98,
    ),
    Indicator(
        "resource_timeliness", "RE-06", "Plant records in time", "资源更新及时率",
        numerator="Of those, the ones recorded within the hours after they were captured.",
        denominator="Changes of plant records that technicians captured in the field.",
        day="The day the change was captured.",
        record=Record.PLANT_CHANGE, target=95,
    ),
    Indicator(
        "inspection_duty", "QA-02", "Inspections done in time", "检查任务完成率",
        numerator="Of those, the ones in whose period an inspection was done.",
        denominator="Duties to inspect whose period is over or that were done: one for each unit, "
        "level and period.",
        day="The day of the first inspection of the period or its last day, whichever came first.",
        record=Record.INSPECTION, target=100,
    ),
    Indicator(
        "mean_travel", "KP-02", "Mean travel time", "平均路途时长",
        numerator="Minutes from departure to arrival, together.",
        denominator="Trips of technicians with both recorded.",
        day="The day of arrival.",
        record=Record.ASSIGNMENT, unit=Unit.MINUTES, direction=Direction.LOWER,
    ),
    Indicator(
        "mean_on_site", "KP-02", "Mean time on site", "平均现场时长",
        numerator="Minutes from arrival to the end of the visit, together.",
        denominator="Visits completed with an arrival recorded.",
        day="The day of completion.",
        record=Record.VISIT, unit=Unit.MINUTES, direction=Direction.LOWER,
    ),
    Indicator(
        "jobs_per_day", "KP-02", "Jobs per technician and day", "人均日工单量",
        numerator="Visits completed, one for each technician on them.",
        denominator="Days on which technicians completed visits; where a cut takes a part of a "
        "day's visits, that part of the day.",
        day="The day of completion.",
        record=Record.ASSIGNMENT, unit=Unit.PER_DAY,
    ),
)  # fmt: skip

REGISTRY: dict[str, Indicator] = {one.name: one for one in _ALL}
"""All indicators by name, in the order in which people read them."""

SERVICE_WEIGHTS = {"broadband": 1.5, "fixed_line": 1.0}
TIER_WEIGHTS = {
    "diamond": 2.0, "gold": 1.5, "silver": 1.2, "basic": 1.0,
    "1A": 2.0, "2A": 1.8, "3A": 1.6, "4A": 1.4, "5A": 1.2,
    "1B": 2.0, "2B": 1.8, "3B": 1.6, "4B": 1.4, "5B": 1.2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Weights:
    """What a record of a service and a tier weighs in a score (KP-03); unknown ones weigh 1."""

    services: dict[str, float]
    tiers: dict[str, float]

    def of(self, service: str | None, tier: str | None) -> float:
        """Return the weight of a record."""
        return self.services.get(service or "", 1.0) * self.tiers.get(tier or "", 1.0)


DEFAULT_WEIGHTS = Weights(SERVICE_WEIGHTS, TIER_WEIGHTS)


@dataclass(slots=True)
class Sum:
    """Numerator, denominator, both weighted, and records, added up."""

    numerator: float = 0.0
    denominator: float = 0.0
    weighted_numerator: float = 0.0
    weighted_denominator: float = 0.0
    records: int = 0

    def add(self, numerator: float, denominator: float, records: int, weight: float) -> None:
        """Add what some records of one weight come to."""
        self.numerator += numerator
        self.denominator += denominator
        self.weighted_numerator += numerator * weight
        self.weighted_denominator += denominator * weight
        self.records += records

    def include(self, other: "Sum") -> None:
        """Add another sum, which was weighed by weights of its own."""
        self.numerator += other.numerator
        self.denominator += other.denominator
        self.weighted_numerator += other.weighted_numerator
        self.weighted_denominator += other.weighted_denominator
        self.records += other.records

    def value(self, unit: Unit | None = None) -> float | None:
        """Return the indicator's value with two decimals; None when nothing was counted.

        Without a unit it is the mean of what was added.
        """
        return _ratio(self.numerator, self.denominator, unit)

    def score(self, unit: Unit | None = None) -> float | None:
        """Return the same with each record at its weight (KP-03)."""
        return _ratio(self.weighted_numerator, self.weighted_denominator, unit)


def _ratio(above: float, below: float, unit: Unit | None) -> float | None:
    if below <= 0:
        return None
    return round(above / below * (100 if unit is Unit.PERCENT else 1), 2)


def met(value: float | None, target: float | None, direction: Direction) -> bool | None:
    """Return whether a value reaches its target; None when one of them is not known."""
    if value is None or target is None:
        return None
    return value >= target if direction is Direction.HIGHER else value <= target
