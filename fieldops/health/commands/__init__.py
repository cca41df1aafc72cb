"""The verb of health records: record a reading."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from fieldops.health import places, queries, rules
from fieldops.health.errors import HealthRecordMissing, NotBroadband, ServiceElsewhere
from fieldops.health.models import HealthReading, HealthRecord
from fieldops.kernel.commands import Args, Context, Nature, Text, command
from fieldops.kernel.permissions import Permission
from fieldops.network.models import NetworkService
from fieldops.visits.commands.judging import visit_for_fact

Rate = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]
Short = Annotated[Text, Field(min_length=1, max_length=200)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

_ON_SITE = (
    "cabling_route",
    "cabling_material",
    "cabling_joints",
    "splitter_position",
    "terminal_model",
    "terminal_serial",
    "wireless_notes",
)
_VALUES = ("down_mbps", "up_mbps", "latency_ms", "attenuation_db", "optical_power_dbm")


class RecordReading(Args):
    id: UUID | None = Field(None, description="Id of the reading; without it the command's id.")
    visit_id: UUID = Field(description="The visit it was taken on.")
    service_id: UUID = Field(description="The broadband line.")
    down_mbps: Rate = Field(description="Download rate (Mbit/s).")
    up_mbps: Rate = Field(description="Upload rate (Mbit/s).")
    latency_ms: float | None = Field(
        None, ge=0, le=60_000, allow_inf_nan=False, description="Round trip (ms)."
    )
    attenuation_db: float | None = Field(
        None, ge=0, le=120, allow_inf_nan=False, description="Attenuation of a copper line (dB)."
    )
    optical_power_dbm: float | None = Field(
        None, ge=-60, le=15, allow_inf_nan=False, description="Optical power received (dBm)."
    )
    cabling_route: Annotated[Text, Field(min_length=1, max_length=1000)] | None = Field(
        None, description="How the cabling runs indoors."
    )
    cabling_material: rules.Material | None = Field(None, description="What it is made of.")
    cabling_joints: int | None = Field(None, ge=0, le=100, description="Number of joints in it.")
    splitter_position: Short | None = Field(None, description="Where the splitter is.")
    terminal_model: Short | None = Field(None, description="Model of the modem or ONT.")
    terminal_serial: Short | None = Field(None, description="Its serial number.")
    wireless_notes: Annotated[Text, Field(min_length=1, max_length=2000)] | None = Field(
        None, description="How the wireless network does in the rooms."
    )
    photos: list[Sha256] = Field(
        default_factory=list, max_length=20, description="Photos of the cabling, by sha256."
    )
    note: Annotated[Text, Field(max_length=2000)] | None = Field(None, description="A remark.")


@command(
    "health.record_reading",
    permission=Permission.HEALTH_WRITE,
    nature=Nature.FACT,
    offline=True,
    subject="visit_id",
)
async def record_reading(ctx: Context, args: RecordReading) -> tuple[HealthReading, HealthRecord]:
    """Record how a broadband line does; the first of an install or move is the baseline (HR-01).

    Later readings are flagged against it and against the sold rates, with the likely place and
    the rule and values that name it (HR-02). Raises NotFound,
    ServiceElsewhere, NotBroadband.
    """
    judged = await visit_for_fact(ctx, args.visit_id)
    service = await queries.service(ctx.session, ctx.region_id, args.service_id)
    if service.premises_id != judged.visit.premises_id:
        raise ServiceElsewhere
    if service.kind != rules.BROADBAND:
        raise NotBroadband(kind=service.kind)
    record = await queries.lock_record(ctx.session, service, judged.visit.centre_id)
    row = HealthReading(
        region_id=ctx.region_id,
        record_id=record.id,
        centre_id=record.centre_id,
        technician_id=ctx.actor.id if ctx.actor.is_technician else None,
        captured_at=ctx.captured_at,
        estimated_at=ctx.happened_at,
        by_other_technician=judged.by_other,
        **args.model_dump(exclude={"id", *_ON_SITE}),
    )
    row.id = args.id or ctx.envelope.id
    _describe(record, args)
    if await _begins(ctx, record, row):
        _set_baseline(record, row)
    await _judge(ctx, record, row, service)
    ctx.add(row)
    return row, record


def _describe(record: HealthRecord, args: RecordReading) -> None:
    """Take over what was seen on site; what was not looked at stays as it was known."""
    for name in _ON_SITE:
        value = getattr(args, name)
        if value is not None:
            setattr(record, name, value)


async def _begins(ctx: Context, record: HealthRecord, row: HealthReading) -> bool:
    """Return whether a reading is the baseline: the first of the install or move that was done.

    One of a visit that ended without it, or of somebody who had lost the visit, gives way.
    """
    former = None
    if record.baseline_reading_id is not None:
        former = await queries.passing_baseline(ctx.session, ctx.region_id, record.id)
        if former is None or row.by_other_technician:
            return False
    if not await queries.activates(ctx.session, ctx.region_id, row.visit_id, row.service_id):
        return False
    if former is not None:
        former.is_baseline = False
    return True


def _set_baseline(record: HealthRecord, row: HealthReading) -> None:
    row.is_baseline = True
    record.baseline_reading_id = row.id
    record.baseline_at = row.estimated_at
    for name in _VALUES:
        setattr(record, f"baseline_{name}", getattr(row, name))


async def _judge(
    ctx: Context, record: HealthRecord, row: HealthReading, service: NetworkService
) -> None:
    """Flag a reading; the record shows its newest one, which a late reading is not."""
    limits = await queries.limits(ctx.session, ctx.region_id)
    reading, baseline = values_of(row), baseline_of(record)
    sold = rules.Sold(service.sold_down_mbps, service.sold_up_mbps)
    flags = rules.flags_of(reading, baseline, sold, limits)
    row.flags = [flagged.flag.value for flagged in flags]
    if flags:
        rings = await queries.neighbours(ctx.session, service, row.estimated_at, limits)
        facts = places.facts(reading, baseline, flags, rings, joints=record.cabling_joints)
        rule = places.first_that_fits(facts, limits)
        row.likely_place = rule.place.value
        row.because = places.explanation(rule, facts, flags, rings, limits)
    if record.last_reading_at is None or record.last_reading_at <= row.estimated_at:
        record.last_reading_at = row.estimated_at
        record.flags, record.likely_place = row.flags, row.likely_place
        record.because = row.because


def values_of(row: HealthReading) -> rules.Reading:
    """Return a reading's values as the rules take them."""
    return rules.Reading(**{name: getattr(row, name) for name in _VALUES})


def baseline_of(record: HealthRecord) -> rules.Reading | None:
    """Return a record's baseline as the rules take it, None while there is none."""
    if record.baseline_reading_id is None:
        return None
    given: dict[str, Any] = {name: getattr(record, f"baseline_{name}") for name in _VALUES}
    return rules.Reading(**given)


async def require_readings(ctx: Context, visit_id: UUID, work_order_ids: Sequence[UUID]) -> None:
    """Raise HealthRecordMissing unless broadband work has its reading of this visit (VI-04)."""
    lacking = await queries.lines_without_reading(
        ctx.session, ctx.region_id, visit_id, work_order_ids
    )
    if lacking:
        raise HealthRecordMissing(
            services=", ".join(str(work.service_id or work.service) for work in lacking),
            work_orders=[str(work.id) for work in lacking],
            next_steps=("health.record_reading", "visit.fail"),
        )
