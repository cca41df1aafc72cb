"""Tables of measurements; the unit of a value is the end of its column's name."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.kernel.base import Regional, catalogue_link, link, one_of
from fieldops.measurements import rules


class LineTest(Regional):
    """Electrical or optical values of a line, measured with an instrument at one place.

    Loop resistance in ohm, insulation in megohm, capacitance in nanofarad, foreign voltage in
    volt, attenuation and noise margin in decibel, optical power in dBm. A value is None when
    it was not measured; at least one was. `check_id`: it was planned before the visit (RE-04).
    """

    __tablename__ = "measurements_line_test"
    resource = "line_test"
    prose = frozenset({"note"})
    belongs_to = "visit_id"
    audited: ClassVar[bool] = False

    visit_id: Mapped[UUID] = link("visits_visit")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    service_id: Mapped[UUID | None] = link("network_service", nullable=True, index=False)
    feature_id: Mapped[UUID | None] = link("network_feature", nullable=True)
    check_id: Mapped[UUID | None] = link("measurements_line_check", nullable=True)
    technician_id: Mapped[UUID | None] = link("organisation_technician", nullable=True)
    measured_at_place: Mapped[str]
    attenuation_db: Mapped[float | None]
    noise_margin_db: Mapped[float | None]
    loop_resistance_ohm: Mapped[float | None]
    insulation_mohm: Mapped[float | None]
    capacitance_nf: Mapped[float | None]
    foreign_voltage_v: Mapped[float | None]
    optical_power_dbm: Mapped[float | None]
    instrument_serial: Mapped[str | None]
    instrument_state: Mapped[str | None]
    note: Mapped[str | None]
    captured_at: Mapped[datetime | None]
    estimated_at: Mapped[datetime]
    by_other_technician: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        CheckConstraint(f"num_nonnulls({', '.join(rules.LINE_VALUES)}) > 0", name="some_value"),
        CheckConstraint(one_of("measured_at_place", rules.Place), name="place_known"),
        Index("ix_measurements_line_test_service", "region_id", "service_id", "estimated_at"),
        Index("ix_measurements_line_test_instrument", "region_id", "instrument_serial"),
    )


class LineCheck(Regional):
    """A line test planned before a visit in an area of poor lines (RE-04).

    `why` says which box or cable is poor, by how many of its lines; `best` is the free pair that
    was best when the check was last looked at, with its measured values; `rework_id` the cable
    department's work that came of a poor result.
    """

    __tablename__ = "measurements_line_check"
    resource = "line_check"
    belongs_to = "visit_id"

    visit_id: Mapped[UUID] = link("visits_visit")
    service_id: Mapped[UUID] = link("network_service")
    place_id: Mapped[UUID] = link("network_feature")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    why: Mapped[dict[str, Any]] = mapped_column(JSONB)
    best_id: Mapped[UUID | None] = link("network_feature", nullable=True)
    best: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    due_at: Mapped[datetime]
    state: Mapped[str]
    result: Mapped[str | None]
    done_at: Mapped[datetime | None]
    done_by: Mapped[UUID | None]
    rework_id: Mapped[UUID | None] = link("orders_work_order", nullable=True)

    __table_args__ = (
        UniqueConstraint("region_id", "visit_id", "service_id"),
        CheckConstraint(one_of("state", rules.CheckState), name="state_known"),
        CheckConstraint(one_of("result", rules.Result), name="result_known"),
        CheckConstraint("(state = 'done') = (done_at is not null)", name="done_known"),
        Index("ix_measurements_line_check_due", "region_id", "state", "due_at"),
    )


class SpeedTest(Regional):
    """A speed test of a broadband service: rates in Mbit/s, times in ms, loss in percent."""

    __tablename__ = "measurements_speed_test"
    resource = "speed_test"
    prose = frozenset({"note"})
    belongs_to = "visit_id"
    audited: ClassVar[bool] = False

    visit_id: Mapped[UUID] = link("visits_visit")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    service_id: Mapped[UUID] = link("network_service", index=False)
    technician_id: Mapped[UUID | None] = link("organisation_technician", nullable=True)
    down_mbps: Mapped[float]
    up_mbps: Mapped[float]
    latency_ms: Mapped[float | None]
    jitter_ms: Mapped[float | None]
    loss_percent: Mapped[float | None]
    method: Mapped[str]
    server: Mapped[str | None]
    instrument_serial: Mapped[str | None]
    instrument_state: Mapped[str | None]
    note: Mapped[str | None]
    captured_at: Mapped[datetime | None]
    estimated_at: Mapped[datetime]
    by_other_technician: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        CheckConstraint("down_mbps >= 0 and up_mbps >= 0", name="rates_positive"),
        CheckConstraint(one_of("method", rules.Method), name="method_known"),
        Index("ix_measurements_speed_test_service", "region_id", "service_id", "estimated_at"),
        Index("ix_measurements_speed_test_instrument", "region_id", "instrument_serial"),
    )
