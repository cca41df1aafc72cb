"""Moving a service to another pair, fibre or port, and marking what is bad (RE-02, 03, 05)."""

from typing import Annotated, Any, NoReturn
from uuid import UUID

from pydantic import Field, model_validator

from fieldops.kernel.base import Regional
from fieldops.kernel.commands import Args, Context, Moment, Nature, Text, command
from fieldops.kernel.errors import Conflict
from fieldops.kernel.permissions import Permission
from fieldops.network import policy, queries, ranking, rules
from fieldops.network.errors import PairElsewhere, ResourceChanged, ResourceState, WrongKind
from fieldops.network.events import PairMarkedBad, PairSwapped, PortChanged
from fieldops.network.models import (
    NetworkConnection,
    NetworkFeature,
    NetworkService,
    PathElement,
)
from fieldops.network.queries import choosing
from fieldops.network.rules import CONDUCTORS, STATEFUL, USE, FeatureKind, ServiceLife, State

Reason = Annotated[Text, Field(min_length=3, max_length=500, description="Why (RE-05).")]
VisitId = Annotated[
    UUID | None, Field(description="The visit it happens on; a technician must name it.")
]
HOLDING = {"state", "service_id"}


class LineEvidence(Args):
    """The test that shows a pair, fibre or port to be bad, with its unit (RE-02)."""

    kind: Annotated[
        Text,
        Field(
            min_length=1,
            max_length=60,
            examples=["insulation_resistance"],
            description="What was measured.",
        ),
    ]
    value: float = Field(
        ge=-1e9, le=1e9, allow_inf_nan=False, examples=[0.2], description="The value, in `unit`."
    )
    unit: Annotated[
        Text,
        Field(min_length=1, max_length=20, examples=["MOhm"], description="The value's unit."),
    ]
    at: Moment | None = Field(None, description="When it was measured, if not at the capture.")


class Move(Args):
    """A service's move from one resource to another of the same kind."""

    visit_id: VisitId = None
    service_id: UUID = Field(description="The service that moves.")
    from_id: UUID = Field(description="The resource it leaves.")
    to_id: UUID = Field(description="The free resource it moves to.")
    reason: Reason
    mark_bad: bool = Field(True, description="Whether the one left is bad; otherwise it is free.")
    test: LineEvidence | None = Field(None, description="The test that shows it to be bad.")

    @model_validator(mode="after")
    def _two(self) -> "Move":
        if self.from_id == self.to_id:
            raise ValueError("from_id and to_id must differ")
        return self


class ChangePort(Move):
    """A service's move from one port to another."""

    mark_bad: bool = Field(False, description="Whether the port left is bad; otherwise it is free.")


@command(
    "network.swap_pair",
    permission=Permission.NETWORK_CHANGE,
    nature=Nature.DECISION,
    offline=True,
    subject="visit_id",
)
async def swap_pair(ctx: Context, args: Move) -> list[Regional]:
    """Move a service to another pair or fibre and mark the bad one at once (RE-03).

    Raises NotFound, WrongKind, PairElsewhere, VisitRequired; where the record has a newer state,
    holds ResourceChanged for a device and raises ResourceState or Conflict for an office (RE-05).
    """
    moved = await _move(ctx, args, CONDUCTORS)
    await ctx.emit(PairSwapped(**_facts(args, moved[0])))
    return await _left(ctx, args, *moved)


@command(
    "network.change_port",
    permission=Permission.NETWORK_CHANGE,
    nature=Nature.DECISION,
    offline=True,
    subject="visit_id",
)
async def change_port(ctx: Context, args: ChangePort) -> list[Regional]:
    """Move a service to another port of the same kind of shelf in the same place (RE-02).

    Raises and holds what network.swap_pair does.
    """
    moved = await _move(ctx, args, frozenset({FeatureKind.PORT}))
    await ctx.emit(PortChanged(**_facts(args, moved[0])))
    return await _left(ctx, args, *moved)


class MarkBad(Args):
    """A pair, fibre or port that was found bad."""

    visit_id: VisitId = None
    feature_id: UUID = Field(description="The pair, fibre or port.")
    reason: Reason
    test: LineEvidence | None = Field(None, description="The test that shows it to be bad.")


@command(
    "network.mark_pair_bad",
    permission=Permission.NETWORK_CHANGE,
    nature=Nature.FACT,
    offline=True,
    subject="visit_id",
)
async def mark_pair_bad(ctx: Context, args: MarkBad) -> NetworkFeature:
    """Mark a pair, fibre or port bad, with reason, test and since when (RE-02).

    A service on it stays on it until it is moved. Raises NotFound, WrongKind, VisitRequired,
    IllegalState for an office; holds ResourceChanged for a device (RE-05).
    """
    scope = policy.working_scope(ctx.actor, Permission.NETWORK_CHANGE, args.visit_id)
    found = await queries.lock_features(ctx.session, scope, [args.feature_id])
    bad = found[args.feature_id]
    check_kind(bad, STATEFUL)
    await _judge(ctx, bad, State.BAD, args.visit_id)
    if not ctx.accepted:
        present = rules.Condition(_state_of(bad), bad.service_id is not None)
        if ctx.from_device and present.state in {State.BAD, State.RETIRED}:
            await _meets_newer(ctx, bad, "free, reserved or occupied", State.BAD)
        rules.check_state(bad.name, present, State.BAD)
    unused = bad.claim_until is not None  # held for a service that never led over it
    service = None if unused else await queries.service_of(ctx.session, bad)
    ctx.reason = args.reason
    _set_bad(ctx, bad, args)
    await ctx.emit(_marked(args.visit_id, bad, service, args.reason))
    return bad


def _state_of(feature: NetworkFeature) -> State:
    return State(str(feature.state))


def check_kind(feature: NetworkFeature, kinds: frozenset[FeatureKind]) -> None:
    if feature.kind not in kinds:
        expected = " or ".join(sorted(kinds))
        raise WrongKind(name=feature.name, kind=feature.kind, expected=expected)


async def _move(
    ctx: Context, args: Move, kinds: frozenset[FeatureKind]
) -> tuple[NetworkService, NetworkFeature, NetworkFeature, PathElement]:
    """Update both occupancies, the path element and the ties (rows locked by type and id)."""
    scope = policy.working_scope(ctx.actor, Permission.NETWORK_CHANGE, args.visit_id)
    session, both = ctx.session, [args.from_id, args.to_id]
    ties = await queries.lock_ties(session, ctx.region_id, both)
    found = await queries.lock_features(session, scope, both)
    old, new = found[args.from_id], found[args.to_id]
    path = await queries.lock_path(session, ctx.region_id, args.service_id)
    service = await queries.service(session, scope, args.service_id)
    await check_fit(ctx, old, new, kinds)
    await _judge(ctx, old, State.BAD if args.mark_bad else State.FREE, args.visit_id)
    await _judge(ctx, new, State.OCCUPIED, args.visit_id, service.id)
    step = await _check_holding(ctx, service, path, old, new)
    ctx.reason = args.reason
    use = _state_of(old)
    if use is State.BAD:
        use = USE[ServiceLife(service.state)]
    old.service_id = None
    if args.mark_bad:
        _set_bad(ctx, old, args)
    else:
        _set_state(ctx, old, State.FREE, args)
    new.service_id = service.id
    _set_state(ctx, new, use, args)
    step.feature_id = new.id
    await _rewire(ctx, ties, old.id, new.id)
    await session.flush()
    return service, old, new, step


async def check_fit(
    ctx: Context, old: NetworkFeature, new: NetworkFeature, kinds: frozenset[FeatureKind]
) -> None:
    check_kind(old, kinds)
    check_kind(new, frozenset({FeatureKind(old.kind)}))
    if old.kind == FeatureKind.PORT:
        shelves = await queries.parents(ctx.session, ctx.region_id, [old, new])
        first, second = (shelves[p.parent_id] for p in (old, new) if p.parent_id is not None)
        fits = (first.kind, first.parent_id) == (second.kind, second.parent_id)
    else:
        fits = await choosing.end_together(ctx.session, ctx.region_id, old, new)
    if not fits:
        raise PairElsewhere(name=new.name, other=old.name)


async def _check_holding(
    ctx: Context,
    service: NetworkService,
    path: list[PathElement],
    old: NetworkFeature,
    new: NetworkFeature,
) -> PathElement:
    """Return the step that moves; a record that says otherwise is newer than the change (RE-05)."""
    steps = {step.feature_id: step for step in path}
    if old.service_id != service.id or old.id not in steps:
        await _meets_newer(ctx, old, "used by this service", State.FREE)
    mine = new.service_id == service.id and new.state == State.RESERVED and new.id not in steps
    spoken_for = new.service_id is not None and not mine and not rules.lapsed(new, ctx.now)
    usable = {State.FREE, State.RESERVED} | ({State.BAD} if ctx.accepted else set())
    if spoken_for or new.state not in usable:
        await _meets_newer(ctx, new, "free", State.OCCUPIED, service.id)
    return steps[old.id]


async def _judge(
    ctx: Context,
    feature: NetworkFeature,
    wanted: State,
    visit_id: UUID | None,
    service_id: UUID | None = None,
) -> None:
    """Hold a device's change when others changed who holds the resource after its base.

    What the visit itself claimed, by another of its technicians, is no newer state (RE-02).
    """
    if ctx.accepted or rules.claimed_by(feature, visit_id):
        return
    try:
        await ctx.merge(feature, HOLDING)
    except Conflict:
        if not ctx.from_device:
            raise
        await _meets_newer(ctx, feature, "unchanged since you saw it", wanted, service_id)


async def _meets_newer(
    ctx: Context,
    feature: NetworkFeature,
    expected: str,
    wanted: State,
    service_id: UUID | None = None,
) -> NoReturn:
    """Keep a device's change for the resource steward with both states; refuse an office's.

    What a service was to use and cannot have brings the best free one in its place.
    """
    present = {
        "state": feature.state,
        "service_id": str(feature.service_id) if feature.service_id else None,
        "reason": feature.state_reason,
        "since": feature.state_since.isoformat() if feature.state_since else None,
        "version": feature.version,
    }
    details: dict[str, Any] = {
        "name": feature.name,
        "feature_id": str(feature.id),
        "present_state": feature.state,
        "expected": expected,
        "present": present,
        "wanted": {
            "state": wanted.value,
            "service_id": str(service_id) if service_id else None,
        },
    }
    if service_id is not None:
        best = await ranking.best_free(ctx.session, feature, ctx.now, most=1)
        details["second_choice"] = best[0].shown() if best else None
    if ctx.from_device and not ctx.accepted:
        raise ResourceChanged(**details)
    raise ResourceState(**details)


def _set_state(ctx: Context, feature: NetworkFeature, state: State, args: Move | MarkBad) -> None:
    feature.state = state.value
    feature.state_reason = args.reason
    feature.state_test = None
    feature.state_since = ctx.happened_at
    feature.state_visit_id = args.visit_id
    feature.claim_until = feature.claim_visit_id = None


def _set_bad(ctx: Context, feature: NetworkFeature, args: Move | MarkBad) -> None:
    if feature.claim_until is not None:
        feature.service_id = None
    _set_state(ctx, feature, State.BAD, args)
    if args.test is not None:
        measured = args.test.at or ctx.happened_at
        feature.state_test = {**args.test.model_dump(exclude={"at"}), "at": measured.isoformat()}


async def _rewire(ctx: Context, ties: list[NetworkConnection], old_id: UUID, new_id: UUID) -> None:
    """Lead the jumpers and splices of the old one to the new one; the record follows the plant."""
    known = {(tie.from_id, tie.to_id, tie.kind) for tie in ties}
    for tie in ties:
        ends = tuple(new_id if end == old_id else end for end in (tie.from_id, tie.to_id))
        if ends == (tie.from_id, tie.to_id):
            continue
        if ends[0] == ends[1] or (*ends, tie.kind) in known:
            await ctx.session.delete(tie)
        else:
            tie.from_id, tie.to_id = ends


def _facts(args: Move, service: NetworkService) -> dict[str, Any]:
    return {
        "visit_id": args.visit_id,
        "service_id": service.id,
        "premises_id": service.premises_id,
        "customer_id": service.customer_id,
        "centre_id": service.centre_id,
        "from_id": args.from_id,
        "to_id": args.to_id,
        "reason": args.reason,
    }


def _marked(
    visit_id: UUID | None, bad: NetworkFeature, service: NetworkService | None, reason: str
) -> PairMarkedBad:
    return PairMarkedBad(
        visit_id=visit_id,
        feature_id=bad.id,
        centre_id=bad.centre_id,
        premises_id=service.premises_id if service else None,
        customer_id=service.customer_id if service else None,
        reason=reason,
    )


async def _left(
    ctx: Context,
    args: Move,
    service: NetworkService,
    old: NetworkFeature,
    new: NetworkFeature,
    step: PathElement,
) -> list[Regional]:
    if args.mark_bad:
        await ctx.emit(_marked(args.visit_id, old, service, args.reason))
    return [old, new, step]
