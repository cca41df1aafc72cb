"""Claims: a pair, fibre or port that a visit holds for a service for a while (RE-02, RE-04).

Who comes to the server first has it. A later claim, captured offline perhaps before it, gets the
second choice: the best one that is free.
"""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from fieldops.kernel import configuration
from fieldops.kernel.commands import Args, Context, Nature, command
from fieldops.kernel.permissions import Permission
from fieldops.network import policy, queries, ranking, rules
from fieldops.network.commands.swapping import VisitId, check_fit, check_kind
from fieldops.network.errors import ClaimLost, NoneFree, PairElsewhere, ServiceState
from fieldops.network.events import ResourceClaimed
from fieldops.network.models import NetworkFeature, NetworkService
from fieldops.network.queries import choosing
from fieldops.network.rules import STATEFUL, ServiceLife, State

CLAIMED = "claimed for a visit"
LAPSED = "the claim was not used in time"
GIVEN_BACK = "the visit that claimed it ended, or went to others"


class Claim(Args):
    """A pair, fibre or port that is wanted for a service."""

    visit_id: VisitId = None
    service_id: UUID = Field(description="The service it is for.")
    feature_id: UUID = Field(description="The one that is wanted.")


@command(
    "network.claim",
    permission=Permission.NETWORK_CHANGE,
    nature=Nature.DECISION,
    offline=True,
    subject="visit_id",
)
async def claim(ctx: Context, args: Claim) -> NetworkFeature:
    """Hold a free pair, fibre or port for a service while the visit lasts (RE-02, RE-04).

    Where another has it already, the best free one near is held instead, and the answer warns
    (ClaimLost). Raises NotFound, WrongKind, VisitRequired, PairElsewhere, ServiceState, NoneFree.
    """
    scope = policy.working_scope(ctx.actor, Permission.NETWORK_CHANGE, args.visit_id)
    found = await queries.lock_features(ctx.session, scope, [args.feature_id])
    wanted = found[args.feature_id]
    check_kind(wanted, STATEFUL)
    service = await queries.service(ctx.session, scope, args.service_id)
    await _check_use(ctx, service, wanted)
    within = await configuration.duration(ctx.session, ctx.region_id, rules.CLAIM_LASTS)
    held = wanted if _can_have(wanted, service, ctx.now) else await _second(ctx, wanted)
    ctx.reason = CLAIMED
    _hold(ctx, held, service, args.visit_id, ctx.now + within)
    await ctx.emit(
        ResourceClaimed(
            visit_id=args.visit_id,
            service_id=service.id,
            premises_id=service.premises_id,
            customer_id=service.customer_id,
            centre_id=service.centre_id,
            feature_id=held.id,
        )
    )
    return held


async def _check_use(ctx: Context, service: NetworkService, wanted: NetworkFeature) -> None:
    """Raise unless the service is in use and what is wanted ends where it uses one of the kind."""
    if service.state == ServiceLife.CEASED:
        raise ServiceState(
            present_state=service.state, wanted_state="using it", legal=rules.listed(frozenset())
        )
    used = await choosing.used_by(ctx.session, ctx.region_id, service.id)
    alike = [row for row in used if row.kind == wanted.kind and row.id != wanted.id]
    for row in alike:
        try:
            await check_fit(ctx, row, wanted, frozenset({rules.FeatureKind(row.kind)}))
        except PairElsewhere:
            continue
        return
    if alike:
        raise PairElsewhere(name=wanted.name, other=alike[0].name)


def _can_have(row: NetworkFeature, service: NetworkService, now: datetime) -> bool:
    mine = row.state == State.RESERVED and row.service_id == service.id
    return row.state == State.FREE or mine or rules.lapsed(row, now)


async def _second(ctx: Context, wanted: NetworkFeature) -> NetworkFeature:
    """Return the best free one, locked, with a warning that names it; raises NoneFree."""
    region = policy.whole_region(ctx.region_id)
    for choice in await ranking.best_free(ctx.session, wanted, ctx.now):
        rows = await queries.lock_features(ctx.session, region, [choice.feature.id])
        row = rows[choice.feature.id]
        if row.state == State.FREE or rules.lapsed(row, ctx.now):  # still, under the lock
            ctx.warn(
                ClaimLost(
                    name=wanted.name,
                    present_state=wanted.state,
                    feature_id=str(wanted.id),
                    second=row.name,
                    second_choice=choice.shown(),
                )
            )
            return row
    raise NoneFree(
        name=wanted.name,
        present_state=wanted.state,
        next_steps=("order.transfer", "network.report_finding"),
    )


def _hold(
    ctx: Context,
    row: NetworkFeature,
    service: NetworkService,
    visit_id: UUID | None,
    until: datetime,
) -> None:
    row.service_id, row.state = service.id, State.RESERVED.value
    row.state_reason, row.state_test = CLAIMED, None
    row.state_since, row.state_visit_id = ctx.happened_at, visit_id
    row.claim_until, row.claim_visit_id = until, visit_id


class LetLapse(Args):
    """Nothing to say: all claims whose time is over."""


@command("network.let_claims_lapse", permission=Permission.NETWORK_EDIT)
async def let_lapse(ctx: Context, args: LetLapse) -> list[NetworkFeature]:  # noqa: ARG001 - it has no arguments
    """Free what was claimed and not used in time (RE-02); the job does it every five minutes."""
    rows = await choosing.lapsed_claims(ctx.session, ctx.region_id, ctx.now)
    ctx.reason = LAPSED
    for row in rows:
        _free(row, LAPSED, ctx.now)
    return rows


async def give_back(ctx: Context, visit_id: UUID) -> None:
    """Free what a visit claimed and did not use (RE-02); for the visits, which stand above.

    They say so when a visit ends and when it goes to other technicians.
    """
    for row in await choosing.lock_claims(ctx.session, ctx.region_id, visit_id):
        _free(row, GIVEN_BACK, ctx.now)
        ctx.also.append(row)


def _free(row: NetworkFeature, why: str, now: datetime) -> None:
    row.service_id, row.state = None, State.FREE.value
    row.state_reason, row.state_since, row.state_visit_id = why, now, None
    row.claim_until = row.claim_visit_id = None
