"""The verbs of measurements: record a line test, record a speed test."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from fieldops.checklists.rules import Bound
from fieldops.kernel.clock import local_day
from fieldops.kernel.commands import Args, Context, Nature, Text, command
from fieldops.kernel.permissions import Permission, Scope
from fieldops.measurements import queries, rules
from fieldops.measurements.errors import (
    NoSpeedOfThat,
    NothingMeasured,
    NothingTested,
    TestsMissing,
    TransferUntested,
)
from fieldops.measurements.models import LineTest, SpeedTest
from fieldops.measurements.rules import LINE_VALUES, Method, Needed, Place
from fieldops.orders.rules import Kind
from fieldops.organisation import queries as organisation
from fieldops.organisation.rules import InstrumentState
from fieldops.visits.commands.judging import JudgedVisit, visit_for_fact

Serial = Annotated[Text, Field(min_length=1, max_length=80)]
Note = Annotated[Text, Field(max_length=2000)]
Rate = Annotated[float, Field(ge=0, le=rules.MOST_MBPS, allow_inf_nan=False)]
Milliseconds = Annotated[float, Field(ge=0, le=rules.MOST_MS, allow_inf_nan=False)]


def _measured(column: str, description: str) -> Any:
    least, most = LINE_VALUES[column]
    return Field(None, ge=least, le=most, allow_inf_nan=False, description=description)


class RecordLineTest(Args):
    id: UUID | None = Field(None, description="Id of the test; without it the command's id.")
    visit_id: UUID = Field(description="The visit it was taken on.")
    service_id: UUID | None = Field(None, description="The line that was tested.")
    feature_id: UUID | None = Field(None, description="The pair, fibre or port that was tested.")
    measured_at_place: Place = Field(description="Where the instrument was.")
    attenuation_db: float | None = _measured("attenuation_db", "Attenuation (dB).")
    noise_margin_db: float | None = _measured("noise_margin_db", "Noise margin (dB).")
    loop_resistance_ohm: float | None = _measured("loop_resistance_ohm", "Loop resistance (ohm).")
    insulation_mohm: float | None = _measured("insulation_mohm", "Insulation (megohm).")
    capacitance_nf: float | None = _measured("capacitance_nf", "Capacitance (nF).")
    foreign_voltage_v: float | None = _measured("foreign_voltage_v", "Foreign voltage (V).")
    optical_power_dbm: float | None = _measured("optical_power_dbm", "Optical power (dBm).")
    instrument_serial: Serial | None = Field(None, description="Serial number of the instrument.")
    note: Note | None = Field(None, description="A remark.")


@command(
    "measurement.record_line_test",
    permission=Permission.MEASUREMENT_WRITE,
    nature=Nature.FACT,
    offline=True,
    subject="visit_id",
)
async def record_line_test(ctx: Context, args: RecordLineTest) -> LineTest:
    """Record the values of a line, with their units in their names (VI-04).

    It is marked when its instrument was past its calibration on that day, or unknown (ORG-05).

    Raises NotFound for the visit, a service elsewhere or an unknown feature, NothingTested,
    NothingMeasured.
    """
    if args.service_id is None and args.feature_id is None:
        raise NothingTested
    if all(getattr(args, name) is None for name in LINE_VALUES):
        raise NothingMeasured
    judged = await visit_for_fact(ctx, args.visit_id)
    if args.service_id is not None:
        await queries.service_at(
            ctx.session, ctx.region_id, args.service_id, judged.visit.premises_id
        )
    if args.feature_id is not None:
        await queries.require_feature(ctx.session, ctx.region_id, args.feature_id)
    row = LineTest(**_common(ctx, judged), **args.model_dump(exclude={"id"}))
    row.instrument_state = InstrumentState.UNKNOWN.value
    if row.instrument_serial is not None:
        row.instrument_state = await _instrument(ctx, row)
    row.id = args.id or ctx.envelope.id
    ctx.add(row)
    return row


class RecordSpeedTest(Args):
    id: UUID | None = Field(None, description="Id of the test; without it the command's id.")
    visit_id: UUID = Field(description="The visit it was taken on.")
    service_id: UUID = Field(description="The broadband line that was tested.")
    down_mbps: Rate = Field(description="Download rate (Mbit/s).")
    up_mbps: Rate = Field(description="Upload rate (Mbit/s).")
    latency_ms: Milliseconds | None = Field(None, description="Round trip (ms).")
    jitter_ms: Milliseconds | None = Field(None, description="Variation of the round trip (ms).")
    loss_percent: float | None = Field(
        None, ge=0, le=100, allow_inf_nan=False, description="Packets lost (percent)."
    )
    method: Method = Field(description="wired, wireless, or by the terminal itself.")
    server: Annotated[Text, Field(min_length=1, max_length=200)] | None = Field(
        None, description="The server it was tested against."
    )
    instrument_serial: Serial | None = Field(None, description="Serial number of the instrument.")
    note: Note | None = Field(None, description="A remark.")


@command(
    "measurement.record_speed_test",
    permission=Permission.MEASUREMENT_WRITE,
    nature=Nature.FACT,
    offline=True,
    subject="visit_id",
)
async def record_speed_test(ctx: Context, args: RecordSpeedTest) -> SpeedTest:
    """Record a speed test of a broadband line: rates in Mbit/s, times in ms (VI-04).

    Raises NotFound for the visit or a service elsewhere, NoSpeedOfThat.
    """
    judged = await visit_for_fact(ctx, args.visit_id)
    service = await queries.service_at(
        ctx.session, ctx.region_id, args.service_id, judged.visit.premises_id
    )
    if service.kind != "broadband":
        raise NoSpeedOfThat(kind=service.kind)
    row = SpeedTest(**_common(ctx, judged), **args.model_dump(exclude={"id"}))
    if row.instrument_serial is not None:  # without one it was taken by phone or terminal
        row.instrument_state = await _instrument(ctx, row)
    row.id = args.id or ctx.envelope.id
    ctx.add(row)
    return row


async def _instrument(ctx: Context, row: LineTest | SpeedTest) -> str:
    serial = row.instrument_serial or ""
    state = await queries.instrument_at(ctx.session, ctx.region_id, serial, row.estimated_at)
    return state.value


async def judge_anew(ctx: Context, serial: str) -> None:
    """Mark the tests of an instrument by what is known of it now (ORG-05)."""
    known: dict[date, str] = {}
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    taken: list[LineTest | SpeedTest] = [
        *await queries.lock_taken_with(ctx.session, ctx.region_id, LineTest, serial),
        *await queries.lock_taken_with(ctx.session, ctx.region_id, SpeedTest, serial),
    ]
    for row in taken:
        day = local_day(row.estimated_at, zone)
        if day not in known:
            known[day] = await _instrument(ctx, row)
        row.instrument_state = known[day]


def _common(ctx: Context, judged: JudgedVisit) -> dict[str, Any]:
    """Return the columns that every test has: where it belongs, who took it, when."""
    return {
        "region_id": ctx.region_id,
        "centre_id": judged.visit.centre_id,
        "technician_id": ctx.actor.id if ctx.actor.is_technician else None,
        "captured_at": ctx.captured_at,
        "estimated_at": ctx.happened_at,
        "by_other_technician": judged.by_other,
    }


async def require_tests(ctx: Context, visit_id: UUID, work_order_ids: Sequence[UUID]) -> None:
    """Raise TestsMissing unless the work has the tests of its kind (VI-04).

    Work that names its service needs them of that service; other work of any.
    """
    taken = await queries.taken(ctx.session, ctx.region_id, visit_id)
    kinds = {kind for kind, _service in taken}
    missing = [
        {"work_order_id": str(work.id), "service": work.service, "test": test.value}
        for work in await queries.work(ctx.session, ctx.region_id, work_order_ids)
        for test in rules.needed(work.service, work.kind, work.technology)
        if ((test, work.service_id) not in taken if work.service_id else test not in kinds)
    ]
    if missing:
        names = ", ".join(f"{item['test']} ({item['service']})" for item in missing)
        steps = sorted({f"measurement.record_{item['test']}" for item in missing})
        raise TestsMissing(missing=names, tests=missing, next_steps=(*steps, "visit.fail"))


async def require_bound(ctx: Context, visit_id: UUID, items: Sequence[Bound]) -> None:
    """Raise TestsMissing unless the visit has the test of each item, with its value (CH-02).

    The test that the answer names; without a name any of the visit, for not every phone names it.
    """
    having = await queries.having(ctx.session, ctx.region_id, visit_id, {one.test for one in items})
    missing = [
        {
            "item_key": one.item_key,
            "test": Needed[one.test.kind.name].value,
            "value": one.test.value,
        }
        for one in items
        if not having[one.test] or (one.test_id and one.test_id not in having[one.test])
    ]
    if missing:
        names = ", ".join(f"{item['test']} ({item['item_key']})" for item in missing)
        steps = sorted({f"measurement.record_{item['test']}" for item in missing})
        raise TestsMissing(missing=names, tests=missing, next_steps=(*steps, "visit.fail"))


async def require_line_tests(ctx: Context, work_order_ids: Sequence[UUID]) -> None:
    """Raise TransferUntested unless each repair has a line test that speaks for it (RE-03).

    One of its visits, of its line since it came in, or the one a bad pair of its line was marked
    with.
    """
    repairs = {
        row.id: row
        for row in await queries.work(ctx.session, ctx.region_id, work_order_ids)
        if row.kind == Kind.REPAIR
    }
    everywhere = Scope(ctx.region_id, whole_region=True)
    tests = await queries.evidence_of(ctx.session, everywhere, list(repairs))
    shown = await queries.shown_bad(ctx.session, ctx.region_id, list(repairs))
    missing = [row for id_, row in repairs.items() if not tests[id_] and id_ not in shown]
    if missing:
        raise TransferUntested(
            missing=", ".join(sorted({row.service for row in missing})),
            work_order_ids=[str(row.id) for row in missing],
            next_steps=("measurement.record_line_test", ctx.spec.name),
        )
