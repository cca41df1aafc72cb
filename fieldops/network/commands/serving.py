"""Services with their access paths, and what they reserve and occupy (RE-02)."""

from collections.abc import Sequence
from uuid import UUID

from pydantic import Field

from fieldops.customers import queries as customers
from fieldops.kernel.base import Regional
from fieldops.kernel.commands import Args, Context, command
from fieldops.kernel.permissions import Permission, Scope
from fieldops.network import queries, rules
from fieldops.network.commands.swapping import Reason
from fieldops.network.errors import ResourceState, WrongKind
from fieldops.network.linking import ServiceFields
from fieldops.network.models import NetworkFeature, NetworkService, PathElement
from fieldops.network.rules import STATEFUL, USE, ServiceLife, State


class RegisterService(ServiceFields, Args):
    """A service at premises; the path leads from the exchange to the premises."""

    id: UUID | None = Field(None, description="Made by the client; the command's id without it.")


@command("network.register_service", permission=Permission.NETWORK_EDIT)
async def register_service(ctx: Context, args: RegisterService) -> list[Regional]:
    """Register a service with its access path; what only one may use becomes its own (RE-02).

    A planned service reserves, an active one occupies. Raises NotFound, ServiceKnown,
    ResourceState when a pair, fibre or port of the path is not free.
    """
    scope = ctx.actor.scope(Permission.NETWORK_EDIT)
    premises = await customers.premises(ctx.session, scope, args.premises_id)
    await customers.customer(ctx.session, scope, args.customer_id)
    found = await queries.lock_features(ctx.session, scope, args.path) if args.path else {}
    service = new_service(ctx, args, args.id or ctx.envelope.id, premises.centre_id)
    await ctx.session.flush()
    lead(ctx, service, [found[id_] for id_ in args.path])
    return [service]


def new_service(ctx: Context, given: ServiceFields, id_: UUID, centre_id: UUID) -> NetworkService:
    """Return a new service that was checked, added and not yet on its way."""
    service = NetworkService(
        region_id=ctx.region_id,
        id=id_,
        premises_id=given.premises_id,
        customer_id=given.customer_id,
        centre_id=centre_id,
        kind=given.kind.value,
        technology=given.technology.value,
        sold_down_mbps=given.sold_down_mbps,
        sold_up_mbps=given.sold_up_mbps,
        account=given.account,
        state=given.state.value,
    )
    ctx.add(service)
    return service


def lead(ctx: Context, service: NetworkService, way: Sequence[NetworkFeature]) -> None:
    """Lead a new service over locked features, exchange first; raises ResourceState."""
    for position, feature in enumerate(way, start=1):
        if feature.kind in STATEFUL:
            _take(ctx, feature, service, "taken into the path of a new service")
        ctx.add(
            PathElement(
                region_id=ctx.region_id,
                service_id=service.id,
                position=position,
                feature_id=feature.id,
                centre_id=service.centre_id,
            )
        )


def _take(ctx: Context, feature: NetworkFeature, service: NetworkService, reason: str) -> None:
    """Give a free pair, fibre or port to a service; raises ResourceState when it is not free."""
    if feature.state != State.FREE:
        raise ResourceState(
            name=feature.name, present_state=feature.state, expected=State.FREE.value
        )
    feature.service_id = service.id
    _mark(ctx, feature, USE[ServiceLife(service.state)], reason)


def _mark(ctx: Context, feature: NetworkFeature, state: State, reason: str) -> None:
    feature.state = state.value
    feature.state_reason = reason
    feature.state_test = None
    feature.state_since = ctx.now
    feature.state_visit_id = None
    feature.claim_until = feature.claim_visit_id = None


class ChangeService(Args):
    service_id: UUID
    state: ServiceLife
    reason: Reason


@command("network.change_service", permission=Permission.NETWORK_EDIT, subject="service_id")
async def change_service(ctx: Context, args: ChangeService) -> list[Regional]:
    """Activate or cease a service: what it reserved is occupied, or all it held is free (RE-02).

    Raises NotFound, ServiceState with the legal next states.
    """
    ctx.reason = args.reason
    scope = ctx.actor.scope(Permission.NETWORK_EDIT)
    return await set_life(ctx, scope, args.service_id, args.state, args.reason)


async def set_life(
    ctx: Context, scope: Scope, service_id: UUID, wanted: ServiceLife, reason: str
) -> list[Regional]:
    """Bring a service to another state with everything it holds, for this and higher modules.

    Raises NotFound, ServiceState.
    """
    held = await queries.lock_used(ctx.session, ctx.region_id, service_id)
    path = await queries.lock_path(ctx.session, ctx.region_id, service_id)
    service = await queries.lock_service(ctx.session, scope, service_id)
    rules.check_life(ServiceLife(service.state), wanted)
    service.state = wanted.value
    for feature in held:
        if wanted is ServiceLife.CEASED:
            feature.service_id = None
            if feature.state != State.BAD:
                _mark(ctx, feature, State.FREE, reason)
        elif feature.state == State.RESERVED and feature.claim_until is None:
            _mark(ctx, feature, USE[wanted], reason)
    if wanted is ServiceLife.CEASED:
        for step in path:
            await ctx.session.delete(step)
    return [service, *held]


class Reserve(Args):
    service_id: UUID
    feature_id: UUID
    reason: Reason


@command("network.reserve", permission=Permission.NETWORK_EDIT, subject="feature_id")
async def reserve(ctx: Context, args: Reserve) -> NetworkFeature:
    """Reserve a free pair, fibre or port for a service, for instance for a swap (RE-02).

    Raises NotFound, WrongKind, ResourceState when it is not free.
    """
    scope = ctx.actor.scope(Permission.NETWORK_EDIT)
    feature = (await queries.lock_features(ctx.session, scope, [args.feature_id]))[args.feature_id]
    service = await queries.service(ctx.session, scope, args.service_id)
    if feature.kind not in STATEFUL:
        raise WrongKind(name=feature.name, kind=feature.kind, expected="pair, fibre or port")
    ctx.reason = args.reason
    _take(ctx, feature, service, args.reason)
    feature.state = State.RESERVED.value
    return feature


class Release(Args):
    feature_id: UUID
    reason: Reason


@command("network.release", permission=Permission.NETWORK_EDIT, subject="feature_id")
async def release(ctx: Context, args: Release) -> NetworkFeature:
    """Give up a reservation that is not part of a service's path (RE-02).

    Raises NotFound, ResourceState when it is not reserved or stands in the path.
    """
    scope = ctx.actor.scope(Permission.NETWORK_EDIT)
    feature = (await queries.lock_features(ctx.session, scope, [args.feature_id]))[args.feature_id]
    if feature.state != State.RESERVED or feature.service_id is None:
        raise ResourceState(name=feature.name, present_state=feature.state, expected="reserved")
    path = await queries.lock_path(ctx.session, ctx.region_id, feature.service_id)
    if feature.id in {step.feature_id for step in path}:
        raise ResourceState(
            name=feature.name, present_state="part of the path", expected="reserved beside it"
        )
    ctx.reason = args.reason
    feature.service_id = None
    _mark(ctx, feature, State.FREE, args.reason)
    return feature
