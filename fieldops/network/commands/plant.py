"""What lies where: features, their parts and their ties (RE-01)."""

from uuid import UUID

from pydantic import Field

from fieldops.customers.queries import centre_in
from fieldops.kernel.commands import Args, Context, command
from fieldops.kernel.errors import InvalidArguments
from fieldops.kernel.geo import Shape
from fieldops.kernel.permissions import Permission
from fieldops.network import queries, rules
from fieldops.network.commands.swapping import Reason
from fieldops.network.importing import Attributes, Given, Name
from fieldops.network.linking import GivenTie
from fieldops.network.models import NetworkConnection, NetworkFeature
from fieldops.network.rules import FeatureKind, State


class AddFeature(Args):
    """A piece of plant; pairs, fibres and ports begin free and have no geometry."""

    id: UUID | None = Field(None, description="Made by the client; the command's id without it.")
    centre_id: UUID
    kind: FeatureKind
    name: Name
    parent_id: UUID | None = Field(None, description="What it is part of.")
    shape: Shape | None = Field(None, description="GeoJSON point or line, SRID 4326.")
    attributes: Attributes = Field(default_factory=dict)


@command("network.add_feature", permission=Permission.NETWORK_EDIT)
async def add_feature(ctx: Context, args: AddFeature) -> NetworkFeature:
    """Add a feature to the record; its name is unique within its parent (RE-01).

    Raises NestingRefused, ShapeRefused, NameTaken, NotFound for a parent or centre outside the
    scope.
    """
    scope = ctx.actor.scope(Permission.NETWORK_EDIT)
    await centre_in(ctx.session, scope, args.centre_id)
    parent = None
    if args.parent_id is not None:
        parent = await queries.feature(ctx.session, scope, args.parent_id)
    rules.check_nesting(args.kind, FeatureKind(parent.kind) if parent else None)
    rules.check_shape(args.kind, args.shape.type if args.shape else None)
    feature = new_feature(ctx, args, args.id or ctx.envelope.id)
    ctx.add(feature)
    return feature


def new_feature(ctx: Context, args: AddFeature | Given, id_: UUID) -> NetworkFeature:
    """Return a new piece that was checked; a pair, fibre or port begins free."""
    stateful = args.kind in rules.STATEFUL
    return NetworkFeature(
        region_id=ctx.region_id,
        id=id_,
        centre_id=args.centre_id,
        kind=args.kind.value,
        name=args.name,
        parent_id=args.parent_id,
        shape=args.shape.wkt() if args.shape else None,
        state=State.FREE.value if stateful else None,
        state_since=ctx.now if stateful else None,
        attributes=args.attributes or {},
    )


class ChangeFeature(Args):
    """The fields that change; an absent field stays."""

    feature_id: UUID
    name: Name | None = None
    shape: Shape | None = None
    attributes: Attributes | None = Field(None, description="Takes the place of all before.")
    state: State | None = Field(None, description="For pairs, fibres and ports (RE-02).")
    reason: Reason


@command("network.change_feature", permission=Permission.NETWORK_EDIT, subject="feature_id")
async def change_feature(ctx: Context, args: ChangeFeature) -> NetworkFeature:
    """Change a feature's name, geometry, attributes or state (RE-01, RE-02, RE-05).

    Raises NotFound, ShapeRefused, NameTaken, IllegalState with the legal next states, Conflict.
    """
    scope = ctx.actor.scope(Permission.NETWORK_EDIT)
    feature = (await queries.lock_features(ctx.session, scope, [args.feature_id]))[args.feature_id]
    changes = args.model_dump(
        include={"name", "attributes"} & args.model_fields_set, exclude_none=True
    )
    if args.shape is not None:
        rules.check_shape(FeatureKind(feature.kind), args.shape.type)
        changes["shape"] = args.shape.wkt()
    if args.state is not None:
        changes |= _state_changes(ctx, feature, args.state, args.reason)
    if not changes:
        raise InvalidArguments(
            errors=[
                {"field": "", "rule": "nothing_to_change", "message": "name a field that changes"}
            ]
        )
    await ctx.merge(feature, changes)
    ctx.reason = args.reason
    for field, value in changes.items():
        setattr(feature, field, value)
    return feature


def _state_changes(
    ctx: Context, feature: NetworkFeature, wanted: State, reason: str
) -> dict[str, object]:
    if feature.state is None:
        message = f"a {feature.kind} has no state"
        raise InvalidArguments(
            errors=[{"field": "state", "rule": "state_of_kind", "message": message}]
        )
    present = rules.Condition(State(feature.state), feature.service_id is not None)
    rules.check_state(feature.name, present, wanted)
    unused = {"service_id": None} if feature.claim_until and wanted is State.BAD else {}
    return unused | {
        "state": wanted.value,
        "state_reason": reason,
        "state_test": None,
        "state_since": ctx.now,
        "state_visit_id": None,
        "claim_until": None,
        "claim_visit_id": None,
    }


class Connect(Args):
    """A tie, seen from the exchange outwards."""

    id: UUID | None = Field(None, description="Made by the client; the command's id without it.")
    from_id: UUID
    to_id: UUID
    kind: rules.Tie


@command("network.connect", permission=Permission.NETWORK_EDIT)
async def connect(ctx: Context, args: Connect) -> NetworkConnection:
    """Tie two features together (RE-01).

    Raises NotFound, ConnectionRefused for kinds that cannot be tied so, ConnectionKnown.
    """
    scope = ctx.actor.scope(Permission.NETWORK_EDIT)
    start = await queries.feature(ctx.session, scope, args.from_id)
    end = await queries.feature(ctx.session, scope, args.to_id)
    if start.id == end.id:
        message = "a feature is not tied to itself"
        raise InvalidArguments(errors=[{"field": "to_id", "rule": "differ", "message": message}])
    rules.check_tie(args.kind, FeatureKind(start.kind), FeatureKind(end.kind))
    return new_tie(ctx, args, args.id or ctx.envelope.id, start.centre_id)


def new_tie(
    ctx: Context, given: Connect | GivenTie, id_: UUID, centre_id: UUID
) -> NetworkConnection:
    """Return a new tie that was checked, added; it belongs to the centre of its start."""
    tie = NetworkConnection(
        region_id=ctx.region_id,
        id=id_,
        from_id=given.from_id,
        to_id=given.to_id,
        kind=given.kind.value,
        centre_id=centre_id,
    )
    ctx.add(tie)
    return tie
