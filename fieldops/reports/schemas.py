"""Read shapes of the reports."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from fieldops.dispatch.prediction import LateRisk
from fieldops.emergencies.rules import Kind as EmergencyKind
from fieldops.faults.rules import State as FaultState
from fieldops.reports.registry import Direction, Record, Unit
from fieldops.reports.rules import Miss, Standing, Unsynced

Percent = Annotated[float, Field(ge=0, le=100)]


class DeviceSync(BaseModel):
    """Whether a technician's devices are in step with a visit."""

    last_seen_at: datetime | None = Field(description="When the device last spoke to the server.")
    queued: int = Field(description="Commands the devices said they still had to hand in.")
    unsynced: list[Unsynced] = Field(description="What is not in step; empty: all is.")


class BoardTechnician(BaseModel):
    """A technician of a visit, and how far they have come."""

    technician_id: UUID
    name: str
    firm_id: UUID | None = Field(description="The contractor firm; null: the operator's own.")
    is_contact: bool
    state: str = Field(examples=["accepted"])
    latest_departure_at: datetime | None
    departed_at: datetime | None
    arrived_at: datetime | None
    expected_arrival: datetime | None = Field(
        description="Predicted from the day's state; the arrival itself once there."
    )
    device: DeviceSync


class BoardAppointment(BaseModel):
    """The promise behind a visit, as far as it still needs the customer's word."""

    appointment_id: UUID
    state: str = Field(examples=["booked"])
    needs_person: bool
    hours_to_window: float = Field(description="Negative once the window has opened.")


class BoardRow(BaseModel):
    """One visit of the day."""

    visit_id: UUID
    order_id: UUID
    order_ref: str
    premises_id: UUID
    customer_id: UUID | None = Field(description="Null: a visit to plant.")
    state: str = Field(examples=["dispatched"])
    window_start: datetime
    window_end: datetime
    expected_arrival: datetime = Field(description="When the last of its technicians is there.")
    late_risks: list[LateRisk] = Field(description="Why it is likely to be late; empty: it is not.")
    unconfirmed: BoardAppointment | None = Field(
        description="The appointment while the customer has not confirmed it."
    )
    technicians: list[BoardTechnician]


class BoardWarning(BaseModel):
    """A work order near or past its limit (WO-04)."""

    model_config = ConfigDict(from_attributes=True)

    work_order_id: UUID
    order_id: UUID
    audience: str = Field(examples=["dispatcher"])
    percent: int = Field(description="Share of the time limit that was used at the warning.")
    due_at: datetime
    warned_at: datetime


class BoardEmergency(BaseModel):
    """An emergency plan in force (EM-01)."""

    model_config = ConfigDict(from_attributes=True)

    activation_id: UUID
    plan_id: UUID
    kind: EmergencyKind
    name: str = Field(examples=["Storm damage"])
    centre_id: UUID | None = Field(description="The plan's centre; null: the whole region's.")
    since: datetime
    until: datetime | None = Field(description="When it ends by itself; null: when somebody says.")
    text_en: str = Field(description="What customers are told.")
    text_zh: str


class BoardAreaFault(BaseModel):
    """An area fault that is not over (FA-02)."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    state: FaultState = Field(description="proposed: a person has yet to confirm or dismiss it.")
    feature_kind: str = Field(examples=["distribution_box"])
    feature_name: str = Field(examples=["Box N04-2"])
    cause: str | None = Field(description="What the hotline says; null while it is proposed.")
    since: datetime = Field(description="Confirmed; while it is proposed, proposed.")
    expected_repair_at: datetime | None


class BoardCounts(BaseModel):
    """What the rows add up to."""

    visits: int
    by_state: dict[str, int] = Field(examples=[{"dispatched": 12, "completed": 4}])
    late_risk: int
    unconfirmed: int
    unsynced: int


class Board(BaseModel):
    """A centre's day: what goes as planned and what does not."""

    centre_id: UUID
    centre_name: str
    day: date
    zone: str = Field(examples=["Europe/Helsinki"])
    at: datetime = Field(description="The moment the board shows.")
    counts: BoardCounts
    open_cases: int | None = Field(
        description="Open cases at the late-work desk; null for a contractor manager."
    )
    missing_files: int | None = Field(
        description="Photos promised long ago that never arrived (`GET /v1/files/missing`); null "
        "for a contractor manager."
    )
    warnings: list[BoardWarning] = Field(
        description="Open work near or past its limit, most urgent first, at most 100."
    )
    emergencies: list[BoardEmergency] = Field(
        description="Emergency plans in force now, the one that counts first (EM-01); empty for a "
        "contractor manager."
    )
    area_faults: list[BoardAreaFault] = Field(
        description="Area faults that are not over, confirmed ones first, at most 50 (FA-02); "
        "empty for a contractor manager."
    )
    rows: list[BoardRow] = Field(description="The visits in the order of their windows.")
    cut: bool = Field(description="Whether there are more visits than the 2,000 shown.")


class KeptPeriod(BaseModel):
    """KP-01 of one day, week or month, or of the whole range."""

    first_day: date | None = Field(description="First local day of the period; null: the range.")
    due: int = Field(description="Denominator: appointments due and decided.")
    kept: int = Field(description="Numerator: appointments kept.")
    share_percent: Percent | None = Field(description="Kept of due; null when nothing was due.")
    open: int = Field(description="Appointments whose day is not over yet; not in `due`.")
    provisional: int = Field(
        description="Of the kept: installs that a fault in the days after can still undo."
    )


class KeptAppointments(BaseModel):
    """The kept-appointment indicator (KP-01) over a range of local days."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "indicator": "KP-01",
                    "from_day": "2026-11-01",
                    "to_day": "2026-11-30",
                    "as_of": "2026-12-16T06:00:00Z",
                    "target_percent": 93.0,
                    "total": {
                        "first_day": None,
                        "due": 412,
                        "kept": 389,
                        "share_percent": 94.42,
                        "open": 0,
                        "provisional": 61,
                    },
                    "misses": {"arrived_after_window": 14, "rescheduled_again": 9},
                    "periods": [],
                }
            ]
        }
    )
    indicator: str = "KP-01"
    from_day: date
    to_day: date
    as_of: datetime = Field(description="Changes of days long past are counted up to then.")
    target_percent: Percent
    total: KeptPeriod
    misses: dict[str, int] = Field(
        description="How often each reason occurred; one appointment may have several."
    )
    periods: list[KeptPeriod] = Field(description="The cut asked for, in time order.")


class KeptRecord(BaseModel):
    """One appointment behind the indicator."""

    id: UUID = Field(description="The appointment.")
    visit_id: UUID
    order_id: UUID
    centre_id: UUID
    technician_id: UUID | None = Field(description="The customer's contact on the visit.")
    firm_id: UUID | None
    window_start: datetime
    window_end: datetime
    arrived_at: datetime | None
    completed_at: datetime | None
    operator_reschedules: int
    first_fault_at: datetime | None
    standing: Standing
    kept: bool
    provisional: bool
    misses: list[Miss] = Field(description="Every reason why it was not kept.")


class OneVisitPeriod(BaseModel):
    """Orders done in one day, week or month, or in the whole range, and how many in one visit."""

    first_day: date | None = Field(description="First local day of the period; null: the range.")
    orders: int = Field(description="Denominator: orders done.")
    in_one_visit: int = Field(description="Numerator: those that took one trip to each premises.")
    share_percent: Percent | None = Field(description="Null when no order was done.")


class OneVisitShare(BaseModel):
    """The share of orders served in one visit (WO-02) over a range of local days."""

    indicator: str = "WO-02"
    from_day: date
    to_day: date
    as_of: datetime = Field(description="Changes of days long past are counted up to then.")
    target_percent: Percent
    total: OneVisitPeriod
    by_trips: dict[str, int] = Field(
        description="Orders by the number of trips they took; the first to each premises is one."
    )
    periods: list[OneVisitPeriod] = Field(description="The cut asked for, in time order.")


class TripRead(BaseModel):
    """A visit that was made for an order, and why it was not the only one."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The visit.")
    premises_id: UUID = Field(description="Where it went: one trip to each premises is no extra.")
    state: str = Field(description="completed or failed.")
    arrived_at: datetime | None
    ended_at: datetime
    split_reason: str | None = Field(description="Why a dispatcher took its work out of another.")
    end_reason: str | None = Field(description="Why it failed: a reason of the list.")
    end_cause: str | None = Field(description="operator or customer.")
    next_step: str | None


class OneVisitRecord(BaseModel):
    """An order behind the share, with the trips it took, first to last."""

    id: UUID = Field(description="The order.")
    centre_id: UUID
    external_ref: str
    done_at: datetime = Field(description="When its last visit was completed.")
    one_visit: bool
    trips: list[TripRead]


class IndicatorRead(BaseModel):
    """An indicator as the registry has it, with what the region aims at in a month (KP-03)."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["install_on_time"])
    rule: str = Field(examples=["KP-02"])
    title_en: str
    title_zh: str
    numerator: str
    denominator: str
    day: str = Field(description="To which local day a record belongs.")
    record: Record
    unit: Unit
    direction: Direction
    target: float | None = Field(description="In the unit; null: nothing is aimed at.")


class IndicatorList(BaseModel):
    """All indicators, with targets and weights of one month."""

    month: date
    indicators: list[IndicatorRead]
    service_weights: dict[str, float]
    tier_weights: dict[str, float]


class ClosedFigure(BaseModel):
    """What a month's figure was when the month was closed, and what was corrected since."""

    closed_at: datetime
    numerator: float
    denominator: float
    records: int
    value: float | None
    score: float | None
    difference: float | None = Field(description="The present value less the kept one.")


class ClosedMonthRead(BaseModel):
    """A month whose figures are kept (KP-02), with the targets and weights it had."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    month: date = Field(description="Its first day.")
    closed_at: datetime
    closed_by: UUID | None = Field(description="Who closed it; null: the timetable.")
    targets: dict[str, float | None] = Field(description="By indicator, in its unit.")
    services: dict[str, float]
    tiers: dict[str, float]


class Figure(BaseModel):
    """An indicator of one group and period, or of all that was asked for."""

    group: str | None = Field(description="Id or code of the group; null: the rest, or all.")
    group_name: str | None = Field(description="What people call it, where it is an id.")
    first_day: date | None = Field(description="First local day of the period; null: the range.")
    numerator: float
    denominator: float
    records: int = Field(description="How many records are behind it.")
    value: float | None = Field(description="In the indicator's unit; null: nothing was counted.")
    score: float | None = Field(
        description="The same with each record at the weight of its service and tier (KP-03)."
    )
    target: float | None = Field(description="Of the month in which the period begins.")
    met: bool | None = Field(description="Whether the value reaches the target.")
    closed: ClosedFigure | None = Field(
        None,
        description="By month: the figure as kept when the month was closed; null: it is open.",
    )


class FigureRow(Figure):
    """A part of an indicator's figures as a row of a list."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="Of this part of this question; the same whenever it is asked.")
    indicator: str
    title_en: str
    title_zh: str
    unit: Unit


class RankedFigure(BaseModel):
    """How a unit, firm or technician did in an indicator, against a time before (KP-03)."""

    id: UUID
    name: str
    place: int | None = Field(description="By the score; null with too few records for a place.")
    enough: bool = Field(description="Whether there are records enough for a place.")
    records: int
    numerator: float
    denominator: float
    value: float | None = Field(description="In the indicator's unit.")
    score: float | None = Field(description="The same with each record at its weight.")
    target: float | None = Field(
        description="Of the last day's month; null above a region, for targets are a region's own."
    )
    met: bool | None
    before_records: int
    before_value: float | None
    before_score: float | None
    change: float | None = Field(description="The score less the one before.")


class Figures(BaseModel):
    """An indicator over a range of local days, in total and in parts (KP-02)."""

    indicator: str = Field(examples=["install_on_time"])
    rule: str = Field(examples=["KP-02"])
    title_en: str
    title_zh: str
    unit: Unit
    direction: Direction
    from_day: date
    to_day: date
    as_of: datetime = Field(
        description="Changes up to then are counted; later ones of days long past may be missing."
    )
    total: Figure
    parts: list[Figure] = Field(description="The cut asked for, by time and then by group.")


class FactRead(BaseModel):
    """A record behind an indicator, with what it adds to numerator and denominator."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The record; of which kind the registry says.")
    visit_id: UUID | None
    order_id: UUID | None
    centre_id: UUID | None = Field(description="Null: of the region as a whole.")
    technician_id: UUID | None
    firm_id: UUID | None
    customer_id: UUID | None
    service: str | None
    tier: str | None
    at: datetime
    day: date = Field(description="The local day it belongs to.")
    numerator: float
    denominator: float
