"""Line tests before the visit where lines are poor: planned, taken, made rework of (RE-04)."""

from collections.abc import Collection
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, model_validator

from fieldops.kernel import configuration
from fieldops.kernel.base import Regional
from fieldops.kernel.commands import Args, Context, Text, command
from fieldops.kernel.errors import Forbidden
from fieldops.kernel.permissions import Permission
from fieldops.measurements import quality, rules
from fieldops.measurements.errors import CheckOver
from fieldops.measurements.models import LineCheck, LineTest
from fieldops.measurements.queries import checks, instrument_at
from fieldops.measurements.rules import LINE_VALUES, CheckState, Place, Result
from fieldops.network import queries as network
from fieldops.network import ranking
from fieldops.network.models import NetworkFeature
from fieldops.network.policy import whole_region
from fieldops.network.queries import choosing
from fieldops.network.rules import CONDUCTORS
from fieldops.orders.commands.plant import open_cable_work
from fieldops.orders.queries import cable
from fieldops.organisation.rules import InstrumentState

TEST = Permission.CABLE_TEST


class PlanChecks(Args):
    """Nothing to say: the visits ahead of the own centres are looked at."""


@command("measurement.plan_line_checks", permission=TEST)
async def plan_line_checks(ctx: Context, args: PlanChecks) -> list[LineCheck]:  # noqa: ARG001 - it has no arguments
    """Plan a line test before each visit whose line leads over a poor box or cable (RE-04).

    It is due before the window, follows it when it moves, and is dropped when the visit has begun
    or ended. The best free pair is proposed. The job does it every quarter of an hour. Raises
    Forbidden outside the offices.
    """
    scope = ctx.actor.scope(TEST)
    if not scope.office:
        raise Forbidden(permission=TEST.value)
    session, region_id = ctx.session, ctx.region_id
    own = await configuration.values(session, region_id)
    before = await configuration.duration(session, region_id, rules.CHECK_BEFORE)
    dropped = await checks.lock_outdated(session, scope, ctx.now)
    for row in dropped:
        row.state = CheckState.DROPPED.value
    await session.flush()
    for row, opens in await checks.moved(session, scope):
        row.due_at = opens - before
    until = ctx.now + await configuration.duration(session, region_id, rules.CHECK_AHEAD)
    ahead = await checks.ahead(session, scope, ctx.now, until)
    areas = await checks.areas_of(session, region_id, {one.service_id for one in ahead})
    poor = await _poor(ctx, {a.id: a for found in areas.values() for a in found}, own)
    made = []
    for one in ahead:
        place = next((area for area in areas[one.service_id] if area.id in poor), None)
        if place is None:
            continue
        check = LineCheck(
            region_id=region_id,
            visit_id=one.visit_id,
            service_id=one.service_id,
            place_id=place.id,
            centre_id=one.centre_id,
            why=poor[place.id],
            due_at=one.window_start - before,
            state=CheckState.PLANNED.value,
        )
        await _propose(ctx, check, await _conductor(ctx, one.service_id))
        made.append(check)
    ctx.add(*made)
    return [*dropped, *made]


async def _poor(
    ctx: Context, areas: dict[UUID, NetworkFeature], own: dict[str, float]
) -> dict[UUID, dict[str, Any]]:
    """Return which boxes and cables are poor, each with the figures that say so."""
    since = ctx.now - timedelta(days=own[rules.POOR_DAYS.name])
    tests = await checks.tests_in(ctx.session, ctx.region_id, list(areas), since)
    poor = {}
    for area_id, taken in tests.items():
        judged = [one for test in taken if (one := quality.judged(test, own)) is not None]
        bad = sum(bool(one.poor) for one in judged)
        enough = len(judged) >= own[rules.POOR_LEAST.name]
        if enough and 100 * bad >= own[rules.POOR_SHARE.name] * len(judged):
            poor[area_id] = {
                "kind": areas[area_id].kind,
                "name": areas[area_id].name,
                "measured": len(judged),
                "poor": bad,
                "share_percent": round(100 * bad / len(judged), 1),
                "limit_percent": own[rules.POOR_SHARE.name],
            }
    return poor


async def _conductor(ctx: Context, service_id: UUID) -> NetworkFeature | None:
    """Return the pair or fibre of a line that ends nearest to the premises."""
    used = await choosing.used_by(ctx.session, ctx.region_id, service_id)
    return next((row for row in used if row.kind in CONDUCTORS), None)


async def _propose(ctx: Context, check: LineCheck, used: NetworkFeature | None) -> None:
    if used is None:
        return
    best = await ranking.best_free(ctx.session, used, ctx.now, most=1)
    check.best_id = best[0].feature.id if best else None
    check.best = best[0].shown() if best else None


def _measured(column: str) -> Any:
    least, most = LINE_VALUES[column]
    return Field(None, ge=least, le=most, allow_inf_nan=False)


class RecordCheck(Args):
    """A test of the line of a planned check, or of a free pair beside it."""

    check_id: UUID = Field(description="The planned line test.")
    feature_id: UUID | None = Field(
        None, description="A free pair or fibre that was tested; without it the line itself."
    )
    measured_at_place: Place = Field(Place.EXCHANGE, description="Where the instrument was.")
    attenuation_db: float | None = _measured("attenuation_db")
    noise_margin_db: float | None = _measured("noise_margin_db")
    loop_resistance_ohm: float | None = _measured("loop_resistance_ohm")
    insulation_mohm: float | None = _measured("insulation_mohm")
    capacitance_nf: float | None = _measured("capacitance_nf")
    foreign_voltage_v: float | None = _measured("foreign_voltage_v")
    optical_power_dbm: float | None = _measured("optical_power_dbm")
    instrument_serial: Annotated[Text, Field(min_length=1, max_length=80)] | None = None
    note: Annotated[Text, Field(max_length=2000)] | None = None

    @model_validator(mode="after")
    def _something(self) -> "RecordCheck":
        if all(getattr(self, name) is None for name in LINE_VALUES):
            raise ValueError("name at least one measured value")
        return self


@command("measurement.record_line_check", permission=TEST, subject="check_id")
async def record_line_check(ctx: Context, args: RecordCheck) -> list[Regional]:
    """Record what a planned line test measured; a poor result is rework of the cable department.

    The technician has the test and the proposed pair before arrival (RE-04, HR-03); for the
    completion the visit takes its own. Raises NotFound, CheckOver.
    """
    scope = await cable.scope_of_department(ctx.session, ctx.actor.scope(TEST))
    check = await checks.lock(ctx.session, scope, args.check_id)
    if check.state == CheckState.DROPPED:
        raise CheckOver
    used = await _conductor(ctx, check.service_id)
    about = used
    if args.feature_id is not None:
        region = whole_region(ctx.region_id)
        about = await network.feature(ctx.session, region, args.feature_id)
    test = await _test(ctx, check, args, about)
    ctx.add(test)
    await ctx.session.flush()
    own = await configuration.values(ctx.session, ctx.region_id)
    judged = quality.judged(test, own)
    poor = judged.poor if judged is not None else ()
    if args.feature_id is None or about is used:
        check.state = CheckState.DONE.value
        check.result = (Result.POOR if poor else Result.GOOD).value
        check.done_at, check.done_by = ctx.now, ctx.actor.id
    if poor:
        await _rework(ctx, check, about, _said(test, poor))
    await _propose(ctx, check, used)
    return [check, test]


def _said(test: LineTest, poor: Collection[str]) -> str:
    values = ", ".join(f"{name} {getattr(test, name):g}" for name in poor)
    return f"Line test before a visit: {values}"


async def _test(
    ctx: Context, check: LineCheck, args: RecordCheck, about: NetworkFeature | None
) -> LineTest:
    serial = args.instrument_serial
    state = InstrumentState.UNKNOWN
    if serial is not None:
        state = await instrument_at(ctx.session, ctx.region_id, serial, ctx.happened_at)
    return LineTest(
        region_id=ctx.region_id,
        id=ctx.envelope.id,
        visit_id=check.visit_id,
        centre_id=check.centre_id,
        service_id=check.service_id if args.feature_id is None else None,
        feature_id=about.id if about is not None else None,
        check_id=check.id,
        technician_id=ctx.actor.id if ctx.actor.is_technician else None,
        captured_at=ctx.captured_at,
        estimated_at=ctx.happened_at,
        instrument_state=state.value,
        **args.model_dump(exclude={"check_id", "feature_id"}),
    )


async def _rework(
    ctx: Context, check: LineCheck, about: NetworkFeature | None, reason: str
) -> None:
    """Give what measured badly to the cable department of its centre, once while it is open."""
    feature_id = about.id if about is not None else check.place_id
    centre_id = about.centre_id if about is not None else check.centre_id
    work = await open_cable_work(
        ctx, feature_id=feature_id, centre_id=centre_id, premises_id=None, reason=reason
    )
    check.rework_id = work.id
