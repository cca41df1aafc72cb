"""The verbs of upkeep: patrols, building inspections, spot checks (VI-06, CH-04, RE-06)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

from pydantic import Field, model_validator

from fieldops.customers import queries as customers
from fieldops.customers.commands import place_of_plant
from fieldops.customers.models import Premises
from fieldops.kernel import configuration
from fieldops.kernel.commands import Args, Context, Nature, Text, command
from fieldops.kernel.errors import NotFound
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission
from fieldops.network import queries as network
from fieldops.network.rules import FeatureKind
from fieldops.orders.commands import plant, receiving
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.orders.rules import Kind
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Unit
from fieldops.upkeep import queries, rules
from fieldops.upkeep.errors import NoPlaceKnown, NothingToDraw, NothingToInspect, PlanInactive
from fieldops.upkeep.models import PatrolPlan, Round, SpotCheck, SpotCheckItem
from fieldops.upkeep.rules import RoundKind

Name = Annotated[Text, Field(min_length=1, max_length=120)]
Reason = Annotated[Text, Field(min_length=3, max_length=500, description="Why; it is kept.")]
Stops = Annotated[
    list[UUID],
    Field(min_length=1, max_length=rules.MOST_STOPS, description="The plant, in order of the way."),
]
Opened = list[Round | ServiceOrder | WorkOrder]
KIND_OF_WORK = {RoundKind.PATROL: Kind.PATROL, RoundKind.INSPECTION: Kind.INSPECT}


class DefinePatrol(Args):
    centre_id: UUID
    name: Name
    every_days: int = Field(ge=1, le=1095, description="It is walked once in so many days.")
    feature_ids: Stops


@command("patrol.define", permission=Permission.NETWORK_EDIT)
async def define_patrol(ctx: Context, args: DefinePatrol) -> PatrolPlan:
    """Define a route of plant that is walked in a period (VI-06).

    Raises NotFound for a centre or plant outside the scope, PatrolKnown.
    """
    await _centre(ctx, args.centre_id)
    await _stops(ctx, args.feature_ids)
    row = PatrolPlan(
        region_id=ctx.region_id,
        id=ctx.envelope.id,
        **args.model_dump(mode="json", exclude={"centre_id"}),
        centre_id=args.centre_id,
        active=True,
    )
    ctx.add(row)
    return row


class ChangePatrol(Args):
    patrol_plan_id: UUID
    name: Name | None = None
    every_days: int | None = Field(None, ge=1, le=1095)
    feature_ids: Stops | None = None
    active: bool | None = Field(None, description="False: it is not walked any more.")
    reason: Reason


@command("patrol.change", permission=Permission.NETWORK_EDIT, subject="patrol_plan_id")
async def change_patrol(ctx: Context, args: ChangePatrol) -> PatrolPlan:
    """Change a patrol plan's route or period, or take it out of use (VI-06). Raises NotFound."""
    scope = ctx.actor.scope(Permission.NETWORK_EDIT)
    row = await queries.lock_plan(ctx.session, scope, args.patrol_plan_id)
    ctx.reason = args.reason
    if args.feature_ids is not None:
        await _stops(ctx, args.feature_ids)
        row.feature_ids = [str(one) for one in args.feature_ids]
    row.name = args.name or row.name
    row.every_days = args.every_days or row.every_days
    row.active = row.active if args.active is None else args.active
    return row


class _Open(Args):
    customer_id: UUID | None = Field(
        None, description="Whom the visit is agreed with, when somebody is the customer: an owner."
    )
    premises_id: UUID | None = Field(
        None, description="Where the visit goes; without it to the first of the plant itself."
    )

    @model_validator(mode="after")
    def _somewhere(self) -> "_Open":
        if self.customer_id is not None and self.premises_id is None:
            raise ValueError("name the premises of the customer")
        return self


class OpenPatrol(_Open):
    patrol_plan_id: UUID


@command("patrol.open", permission=Permission.ORDER_WRITE, subject="patrol_plan_id")
async def open_patrol(ctx: Context, args: OpenPatrol) -> Opened:
    """Open the patrol work order of a plan, with its visit; findings are made on it (VI-06).

    The visit goes to the first point of the route and needs no customer. Raises NotFound,
    PlanInactive, NoPlaceKnown, RoundOpen.
    """
    scope = ctx.actor.scope(Permission.ORDER_WRITE)
    plan = await queries.lock_plan(ctx.session, scope, args.patrol_plan_id)
    if not plan.active:
        raise PlanInactive
    about = About(plan.name, plan.centre_id, plan.feature_ids, plan_id=plan.id)
    return await _open(ctx, args, RoundKind.PATROL, about)


class OpenInspection(_Open):
    feature_id: UUID = Field(description="The building's cabling.")


@command("building_inspection.open", permission=Permission.ORDER_WRITE, subject="feature_id")
async def open_inspection(ctx: Context, args: OpenInspection) -> Opened:
    """Open the yearly inspection of a building's cabling as work with a visit (CH-04).

    The visit goes to the building and needs no customer. Raises NotFound, NothingToInspect,
    NoPlaceKnown, RoundOpen.
    """
    scope = ctx.actor.scope(Permission.ORDER_WRITE)
    feature = await network.feature(ctx.session, scope, args.feature_id)
    if feature.kind != FeatureKind.BUILDING_CABLING:
        raise NothingToInspect(name=feature.name, kind=feature.kind)
    about = About(feature.name, feature.centre_id, [str(feature.id)], feature_id=feature.id)
    return await _open(ctx, args, RoundKind.INSPECTION, about)


@dataclass(frozen=True, slots=True)
class About:
    """What a round is about: a plan's route, or a building's cabling."""

    name: str
    centre_id: UUID
    stops: Sequence[str]
    plan_id: UUID | None = None
    feature_id: UUID | None = None


async def _open(ctx: Context, args: _Open, kind: RoundKind, about: About) -> Opened:
    """Take the work in as an order, and remember what it was opened for."""
    rows = await _order(ctx, args, KIND_OF_WORK[kind], about)
    work = next(row for row in rows if isinstance(row, WorkOrder))
    row = Round(
        region_id=ctx.region_id,
        kind=kind.value,
        centre_id=work.centre_id,
        plan_id=about.plan_id,
        feature_id=about.feature_id,
        feature_ids=list(about.stops),
        work_order_id=work.id,
        opened_at=ctx.now,
    )
    ctx.add(row)
    await ctx.session.flush()
    return [row, *rows]


async def _order(
    ctx: Context, args: _Open, kind: Kind, about: About
) -> Sequence[ServiceOrder | WorkOrder]:
    """Open the work: a customer's as every order of theirs, else the plant's own."""
    if args.customer_id is None:
        return await plant.open_round_work(
            ctx,
            kind=kind,
            centre_id=about.centre_id,
            place=await _place(ctx, args, about),
            feature_id=about.feature_id,
            reason=about.name,
            limit=await configuration.duration(ctx.session, ctx.region_id, rules.ROUND_LIMIT),
        )
    made = await receiving.receive(
        ctx,
        receiving.ReceiveOrder(
            external_ref=f"{kind.value}-{ctx.envelope.id}",
            customer=receiving.GivenCustomer(id=args.customer_id),
            premises=receiving.GivenPremises(id=args.premises_id),
            items=[receiving.OrderItem(kind=kind, service=plant.INDOORS, symptom=about.name)],
        ),
    )
    return cast("list[ServiceOrder | WorkOrder]", made)


async def _place(ctx: Context, args: _Open, about: About) -> Premises:
    """Return where the visit goes: the premises that were named, or where the first plant is."""
    if args.premises_id is not None:
        scope = ctx.actor.scope(Permission.ORDER_WRITE)
        return await customers.premises(ctx.session, scope, args.premises_id)
    spot = await network.first_spot(ctx.session, ctx.region_id, list(map(UUID, about.stops)))
    if spot is None:
        raise NoPlaceKnown
    feature, point = spot
    return await place_of_plant(
        ctx, feature_id=feature.id, name=feature.name, centre_id=about.centre_id, point=point
    )


async def close_rounds(
    ctx: Context, work_order_ids: Sequence[UUID], *, visit_id: UUID | None, at: datetime
) -> None:
    """Close the rounds of work that has ended; done are those that a visit completed.

    An inspection is done when its visit had the list for inspecting (CH-04).
    """
    for row in await queries.open_rounds_of(ctx.session, ctx.region_id, work_order_ids):
        row.closed_at = at
        if visit_id is None:
            continue
        row.visit_id = visit_id
        if row.kind == RoundKind.PATROL or await queries.inspected(
            ctx.session, ctx.region_id, visit_id, row.work_order_id
        ):
            row.done_at = at


class Draw(Args):
    centre_id: UUID
    kinds: list[FeatureKind] = Field(min_length=1, max_length=len(FeatureKind))
    share: float = Field(
        gt=0, le=100, allow_inf_nan=False, description="Percent, rounded up; at most 500 pieces."
    )
    seed: Annotated[Text, Field(min_length=1, max_length=80)] | None = Field(
        None, description="Without one it is made here; the same again draws the same."
    )


@command("spot_check.draw", permission=Permission.NETWORK_EDIT)
async def draw(ctx: Context, args: Draw) -> SpotCheck:
    """Draw plant of a centre whose record is compared with what is there (RE-06).

    Seed, share and population are kept, so that anybody can draw it again. Raises NotFound,
    NothingToDraw, TooManyFeatures.
    """
    await _centre(ctx, args.centre_id)
    scope = ctx.actor.scope(Permission.NETWORK_EDIT)
    kinds = sorted({kind.value for kind in args.kinds})
    found = await queries.population(ctx.session, scope, args.centre_id, kinds)
    by_id = {row.id: row for row in found}
    if not by_id:
        raise NothingToDraw
    seed = args.seed or new_id().hex
    row = SpotCheck(
        region_id=ctx.region_id,
        id=ctx.envelope.id,
        centre_id=args.centre_id,
        kinds=kinds,
        seed=seed,
        share=args.share,
        population=[str(one) for one in by_id],
        drawn_at=ctx.now,
        drawn_by=ctx.actor.id,
    )
    ctx.add(row)
    await ctx.session.flush()
    ctx.add(
        *(
            SpotCheckItem(
                region_id=ctx.region_id,
                check_id=row.id,
                feature_id=one,
                centre_id=args.centre_id,
                record={
                    "kind": by_id[one].kind,
                    "name": by_id[one].name,
                    "state": by_id[one].state,
                    "attributes": by_id[one].attributes,
                },
            )
            for one in rules.draw(by_id, seed, args.share)
        )
    )
    return row


class Assign(Args):
    spot_check_id: UUID
    technician_id: UUID
    item_ids: list[UUID] | None = Field(
        None, max_length=rules.MOST_DRAWN, description="Without them all not yet looked at."
    )


@command("spot_check.assign", permission=Permission.NETWORK_EDIT, subject="spot_check_id")
async def assign(ctx: Context, args: Assign) -> list[SpotCheckItem]:
    """Give drawn plant to a technician, who has it on the phone (RE-06). Raises NotFound."""
    scope = ctx.actor.scope(Permission.NETWORK_EDIT)
    technician = await organisation.technician(ctx.session, ctx.region_id, args.technician_id)
    rows = await queries.lock_items(ctx.session, scope, args.spot_check_id, args.item_ids)
    if any(row.centre_id != technician.centre_id for row in rows):
        raise NotFound(thing="technician")
    for row in rows:
        row.technician_id = technician.id
    return rows


class Record(Args):
    spot_check_item_id: UUID = Field(description="The drawn piece of plant.")
    result: rules.Result = Field(description="Whether it is as the record says.")
    found: Annotated[Text, Field(min_length=3, max_length=1000)] | None = Field(
        None, description="What is there instead; needed unless it matches."
    )

    @model_validator(mode="after")
    def _explained(self) -> "Record":
        if self.result != rules.Result.MATCHES and self.found is None:
            raise ValueError("say what was found instead")
        return self


@command(
    "spot_check.record",
    permission=Permission.NETWORK_REPORT,
    nature=Nature.FACT,
    offline=True,
    subject="spot_check_item_id",
)
async def record(ctx: Context, args: Record) -> SpotCheckItem:
    """Record what a spot check found on site; a later look stays, the history has all (RE-06).

    It is taken from every technician of the plant's centre, whoever has it by now. Raises NotFound.
    """
    row = await queries.lock_item(ctx.session, ctx.region_id, args.spot_check_item_id)
    if row.centre_id not in ctx.actor.centre_ids and row.technician_id != ctx.actor.id:
        raise NotFound(thing="piece of plant to check")
    row.result, row.found = args.result.value, args.found
    row.person_id, row.captured_at, row.seen_at = ctx.actor.id, ctx.captured_at, ctx.happened_at
    return row


async def _centre(ctx: Context, centre_id: UUID) -> None:
    scope = ctx.actor.scope(Permission.NETWORK_EDIT)
    unit = await ctx.session.get(Unit, centre_id)
    known = unit is not None and (unit.kind, unit.region_number) == ("centre", ctx.region_id)
    if not known or not (scope.whole_region or centre_id in scope.centre_ids):
        raise NotFound(thing="centre")


async def _stops(ctx: Context, ids: Sequence[UUID]) -> None:
    scope = ctx.actor.scope(Permission.NETWORK_EDIT)
    await network.lock_features(ctx.session, scope, ids)
