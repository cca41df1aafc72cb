"""The verb that looks for lines getting worse: one finding for each cause (HR-04)."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from fieldops.health import decline, queries, rules, wording
from fieldops.health.decline import Cause, Line, State, Steps, Verdict
from fieldops.health.models import HealthDecline, HealthRecord
from fieldops.health.queries import declines
from fieldops.kernel import commands, configuration
from fieldops.kernel.actor import system
from fieldops.kernel.commands import Args, Context, Envelope, command
from fieldops.kernel.errors import Forbidden
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission
from fieldops.network.rules import FeatureKind, Severity
from fieldops.orders.rules import weight_of_tier


class LookForDecline(Args):
    """Nothing to say: all lines of the own centres are looked at."""


@dataclass(frozen=True, slots=True)
class _Around:
    """What is known around the lines that were read: boxes and drops by service."""

    boxes: dict[UUID, UUID]
    drops: dict[UUID, UUID]


@command("health.look_for_decline", permission=Permission.NETWORK_EDIT)
async def look_for_decline(ctx: Context, args: LookForDecline) -> list[HealthDecline]:  # noqa: ARG001 - it has no arguments
    """Find the lines that get worse and raise one finding for each cause (HR-04).

    A line whose last three readings decay is one cause, lines of a box that decay together are
    one. What recovered is ended, and its finding closed when no line is left under it. A line
    that was closed by a person comes back only with a newer reading. The job does it each night.
    Raises Forbidden outside the offices.
    """
    scope = ctx.actor.scope(Permission.NETWORK_EDIT)
    if not scope.office:
        raise Forbidden(permission=Permission.NETWORK_EDIT.value)
    own = await configuration.values(ctx.session, ctx.region_id)
    limits = await queries.limits(ctx.session, ctx.region_id)
    steps = Steps(own[decline.STEP_SHARE.name], own[decline.STEP_DB.name])
    since = ctx.now - timedelta(days=own[decline.LOOKED_BACK.name])
    open_ = await declines.lock_open(ctx.session, scope)
    records = {row.id: row for row in await declines.records_read(ctx.session, scope, since)}
    readings = await declines.last_readings(ctx.session, scope, since)
    heard = await declines.heard_until(ctx.session, scope)
    around = _Around(
        await declines.outside(ctx.session, scope, since, FeatureKind.DISTRIBUTION_BOX),
        await declines.outside(ctx.session, scope, since, FeatureKind.DROP),
    )
    lines = [
        Line(
            record.id,
            around.boxes.get(record.service_id),
            readings[record.id],
            heard=record.id in heard and heard[record.id] >= readings[record.id][-1].at,
        )
        for record in records.values()
        if record.id in readings
    ]
    touched = _end_recovered(ctx, open_, lines, steps)
    lately = ctx.now - timedelta(days=limits.neighbour_days)
    verdicts = decline.judge(lines, steps, limits, lately)
    for row in touched:  # what has just recovered is not worse by the same readings
        verdicts.pop(row.record_id, None)
        open_.pop(row.record_id)
    left = {row.finding_id for row in touched}
    changed = await _take(ctx, verdicts, open_, records, around, left)
    await _close_empty(ctx, {finding_id for finding_id in left if finding_id is not None})
    return [*touched, *changed]


def _end_recovered(
    ctx: Context, open_: dict[UUID, HealthDecline], lines: Iterable[Line], steps: Steps
) -> list[HealthDecline]:
    """End what is again as it was before it got worse, by a reading newer than those judged."""
    ended = []
    for line in lines:
        row = open_.get(line.record_id)
        if row is None or line.readings[-1].at <= row.newest_at:
            continue
        first = rules.Reading(**{name: row.readings[0][name] for name in _VALUES})
        if decline.recovered(row.measures, first, line.readings[-1].values, steps):
            row.state, row.ended_at = State.RECOVERED.value, ctx.now
            row.newest_at = line.readings[-1].at
            ended.append(row)
    return ended


_VALUES = ("down_mbps", "up_mbps", "latency_ms", "attenuation_db", "optical_power_dbm")


async def _take(
    ctx: Context,
    verdicts: dict[UUID, Verdict],
    open_: dict[UUID, HealthDecline],
    records: dict[UUID, HealthRecord],
    around: _Around,
    left: set[UUID | None],
) -> list[HealthDecline]:
    """Write each verdict down under its cause's finding; `left` gains findings that lost a line."""
    of_cause = {_cause_of(row): row.finding_id for row in open_.values()}
    services = {records[id_].service_id for id_ in verdicts}
    tiers = await declines.tiers_of(ctx.session, ctx.region_id, services)
    boxes = {around.boxes[id_] for id_ in services if id_ in around.boxes}
    on_box = await declines.tiers_on(ctx.session, ctx.region_id, boxes)
    changed = []
    for record_id, verdict in sorted(verdicts.items()):
        record = records[record_id]
        box_id = around.boxes.get(record.service_id)
        row = open_.get(record_id)
        cause = verdict.cause
        if cause is Cause.LINE and ("box", box_id) in of_cause:
            cause = Cause.BOX  # once with its box, a line stays with it
        key = (cause.value, box_id if cause is Cause.BOX else record_id)
        if key not in of_cause:
            peers = [id_ for id_ in verdicts if verdicts[id_].cause is Cause.BOX
                     and around.boxes.get(records[id_].service_id) == box_id]  # fmt: skip
            of_cause[key] = await _finding(
                ctx, cause, verdict, box_id, around.drops.get(record.service_id), len(peers)
            )
        if row is None:
            row = HealthDecline(
                region_id=ctx.region_id, record_id=record_id, service_id=record.service_id,
                centre_id=record.centre_id, noticed_at=ctx.now, state=State.WORSENING.value,
                finding_id=None, cause=cause.value, ended_at=None,
            )  # fmt: skip
            ctx.add(row)
        elif row.newest_at == verdict.readings[-1].at and row.cause == cause:
            continue
        if row.finding_id != of_cause[key]:
            left.add(row.finding_id)
        row.cause, row.box_id, row.finding_id = cause.value, box_id, of_cause[key]
        row.newest_at, row.measures = verdict.readings[-1].at, list(verdict.measures)
        row.readings = [
            {"at": one.at.isoformat(), **asdict(one.values)} for one in verdict.readings
        ]
        row.tier = tiers[record.service_id]
        lines = on_box.get(box_id, []) if box_id is not None else []
        row.lines_on_box = len(lines)
        row.at_risk = sum(map(weight_of_tier, lines if cause is Cause.BOX else [row.tier]))
        changed.append(row)
    return changed


def _cause_of(row: HealthDecline) -> tuple[str, UUID | None]:
    return row.cause, row.box_id if row.cause == Cause.BOX else row.record_id


async def _finding(
    ctx: Context,
    cause: Cause,
    verdict: Verdict,
    box_id: UUID | None,
    drop_id: UUID | None,
    peers: int,
) -> UUID | None:
    """Raise the finding of a cause; None where the network record does not know the line's way."""
    drop = drop_id is not None and cause is Cause.LINE
    feature_id = drop_id if drop else box_id
    if feature_id is None:
        return None
    args: dict[str, Any] = {
        "feature_id": str(feature_id),
        "kind": (FeatureKind.DROP if drop else FeatureKind.DISTRIBUTION_BOX).value,
        "severity": (Severity.MEDIUM if cause is Cause.BOX else Severity.LOW).value,
        "text": wording.finding(cause, verdict, peers),
    }
    envelope = Envelope(new_id(), "network.report_finding", args)
    await commands.run(ctx.session, system(ctx.region_id), envelope, ctx.now)
    return envelope.id


async def _close_empty(ctx: Context, finding_ids: set[UUID]) -> None:
    """Close the findings under which no line is getting worse any more."""
    await ctx.session.flush()
    left = await declines.still_open(ctx.session, ctx.region_id, finding_ids)
    for finding_id in sorted(finding_ids - left):
        args = {"finding_id": str(finding_id), "reason": wording.RECOVERED}
        envelope = Envelope(new_id(), "network.close_finding", args)
        await commands.run(ctx.session, system(ctx.region_id), envelope, ctx.now)


async def end_closed(ctx: Context, finding_id: UUID) -> None:
    """End what is open under a finding that a person closed."""
    for row in await declines.lock_of_finding(ctx.session, ctx.region_id, finding_id):
        row.state, row.ended_at = State.CLOSED.value, ctx.now
