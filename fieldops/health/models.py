"""Tables of health records: the record with its baseline, and the readings."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.health import decline, rules
from fieldops.health.errors import AlreadyLooking
from fieldops.kernel.base import Regional, catalogue_link, link, one_of
from fieldops.kernel.commands import refuse_on


class HealthRecord(Regional):
    """The health of one broadband service at one premises (HR-01).

    The baseline is the first reading of an install or move; until then its columns are None.
    Rates in Mbit/s, times in ms, attenuation in dB, optical power in dBm. `flags`,
    `likely_place` and `because` are those of the newest reading.
    """

    __tablename__ = "health_record"
    resource = "health_record"
    prose = frozenset({"cabling_route", "splitter_position", "wireless_notes"})
    belongs_to = "service_id"

    service_id: Mapped[UUID] = link("network_service", index=False)
    premises_id: Mapped[UUID] = link("customers_premises")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    baseline_reading_id: Mapped[UUID | None]
    baseline_at: Mapped[datetime | None]
    baseline_down_mbps: Mapped[float | None]
    baseline_up_mbps: Mapped[float | None]
    baseline_latency_ms: Mapped[float | None]
    baseline_attenuation_db: Mapped[float | None]
    baseline_optical_power_dbm: Mapped[float | None]
    cabling_route: Mapped[str | None]
    cabling_material: Mapped[str | None]
    cabling_joints: Mapped[int | None]
    splitter_position: Mapped[str | None]
    terminal_model: Mapped[str | None]
    terminal_serial: Mapped[str | None]
    wireless_notes: Mapped[str | None]
    last_reading_at: Mapped[datetime | None]
    flags: Mapped[list[str]] = mapped_column(default=list)
    likely_place: Mapped[str | None]
    because: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))

    __table_args__ = (
        UniqueConstraint("region_id", "service_id", "premises_id"),
        CheckConstraint(
            "(baseline_reading_id is null) = (baseline_at is null)", name="baseline_whole"
        ),
        CheckConstraint("cabling_joints between 0 and 100", name="joints_counted"),
        CheckConstraint(one_of("cabling_material", rules.Material), name="material_known"),
    )


class HealthReading(Regional):
    """One reading of a line on a visit, with what it was flagged for (HR-02).

    `because` keeps why the likely place was named as it was said then: the rule, its values, the
    neighbours and the sentence (places.py).
    """

    __tablename__ = "health_reading"
    resource = "health_reading"
    prose = frozenset({"note"})
    belongs_to = "visit_id"
    audited: ClassVar[bool] = False

    record_id: Mapped[UUID] = link("health_record", index=False)
    service_id: Mapped[UUID] = link("network_service")
    visit_id: Mapped[UUID] = link("visits_visit")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    technician_id: Mapped[UUID | None] = link("organisation_technician", nullable=True)
    is_baseline: Mapped[bool] = mapped_column(default=False)
    down_mbps: Mapped[float]
    up_mbps: Mapped[float]
    latency_ms: Mapped[float | None]
    attenuation_db: Mapped[float | None]
    optical_power_dbm: Mapped[float | None]
    photos: Mapped[list[str]] = mapped_column(default=list)
    note: Mapped[str | None]
    flags: Mapped[list[str]] = mapped_column(default=list)
    likely_place: Mapped[str | None]
    because: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    captured_at: Mapped[datetime | None]
    estimated_at: Mapped[datetime]
    by_other_technician: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        CheckConstraint("down_mbps >= 0 and up_mbps >= 0", name="rates_positive"),
        Index("ix_health_reading_record", "region_id", "record_id", "estimated_at"),
    )


class HealthDecline(Regional):
    """A line that is, or was, getting worse, under the finding of its cause (HR-04).

    `readings` are those that show it, oldest first, and `newest_at` the time of the last of them;
    `measures` what got worse in them. `at_risk` weighs the customers concerned by their tiers:
    the line's own, or all on the box when that is the cause. Without a finding the network
    record knows neither box nor drop of the line.
    """

    __tablename__ = "health_decline"
    resource = "health_decline"
    belongs_to = "service_id"
    counted: ClassVar[bool] = False

    record_id: Mapped[UUID] = link("health_record", index=False)
    service_id: Mapped[UUID] = link("network_service")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    box_id: Mapped[UUID | None] = link("network_feature", nullable=True)
    finding_id: Mapped[UUID | None] = link("network_finding", nullable=True)
    cause: Mapped[str]
    measures: Mapped[list[str]]
    readings: Mapped[list[Any]]
    tier: Mapped[str]
    lines_on_box: Mapped[int]
    at_risk: Mapped[int]
    noticed_at: Mapped[datetime]
    newest_at: Mapped[datetime]
    state: Mapped[str]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(one_of("cause", decline.Cause), name="cause_known"),
        CheckConstraint(one_of("state", decline.State), name="state_known"),
        CheckConstraint("(state = 'worsening') = (ended_at is null)", name="end_of_state"),
        CheckConstraint("cause <> 'box' or box_id is not null", name="box_named"),
        Index(
            "uq_health_decline_open",
            "region_id",
            "record_id",
            unique=True,
            postgresql_where=text("ended_at is null"),
        ),
        Index("ix_health_decline_record", "region_id", "record_id"),
    )


refuse_on("uq_health_decline_open", AlreadyLooking)
