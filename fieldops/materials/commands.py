"""The verbs of materials: define and limit, issue, use, hand back, count, decide (CH-03)."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from fieldops.kernel.commands import Args, Context, Nature, Text, command
from fieldops.kernel.errors import InvalidArguments, NotFound
from fieldops.kernel.gathering import row_of
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission
from fieldops.materials import queries, rules, standard
from fieldops.materials.errors import (
    GiftsUnsigned,
    HolderNeeded,
    MaterialOutOfUse,
    NothingToDecide,
    OnlyUsesAreCorrected,
    QuantityUnfit,
    SignatureUnclear,
)
from fieldops.materials.models import Material, MaterialMovement, MaterialStock
from fieldops.materials.rules import Movement
from fieldops.orders.rules import Kind
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Technician
from fieldops.visits.commands.judging import visit_for_fact
from fieldops.visits.models import Visit

Code = Annotated[Text, Field(min_length=1, max_length=60)]
Name = Annotated[Text, Field(min_length=1, max_length=120)]
Reason = Annotated[Text, Field(min_length=3, max_length=500, description="Why; it is kept.")]
Note = Annotated[Text, Field(max_length=500)]
Quantity = Annotated[
    float,
    Field(
        ge=0.001,
        le=rules.MOST_QUANTITY,
        allow_inf_nan=False,
        description="In the material's unit.",
    ),
]
Signature = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Whose = Annotated[
    UUID | None, Field(description="Whose stock; an office names it, on the phone it is the own.")
]
RowId = Annotated[UUID | None, Field(description="Id of the record; without it the command's id.")]
Rows = list[MaterialMovement | MaterialStock]


class Define(Args):
    code: Code
    name_zh: Name
    name_en: Name
    use: rules.Use = Field(description="For the work, or a gift that the customer signs for.")
    unit: rules.MeasuredIn


@command("material.define", permission=Permission.MATERIAL_EDIT)
async def define(ctx: Context, args: Define) -> Material:
    """Put a material or gift into the region's catalogue (CH-03). Raises MaterialKnown."""
    row = Material(
        region_id=ctx.region_id,
        id=ctx.envelope.id,
        **args.model_dump(mode="json"),
        limits=[],
        active=True,
    )
    ctx.add(row)
    return row


class AddStandard(Args):
    reason: Reason


@command("material.add_standard", permission=Permission.MATERIAL_EDIT)
async def add_standard(ctx: Context, args: AddStandard) -> list[Material]:
    """Put the shipped materials and gifts that are missing into the region's catalogue (CH-03).

    A code that is there keeps its names, unit and limits, also where it is out of use.
    """
    ctx.reason = args.reason
    known = await queries.codes(ctx.session, ctx.region_id)
    rows = [
        Material(region_id=ctx.region_id, id=new_id(), **shipped, limits=[], active=True)
        for shipped in standard.materials()
        if shipped["code"] not in known
    ]
    ctx.add(*rows)
    return rows


class Change(Args):
    material_id: UUID
    name_zh: Name | None = None
    name_en: Name | None = None
    active: bool | None = Field(None, description="False: it is not issued any more.")
    reason: Reason


@command("material.change", permission=Permission.MATERIAL_EDIT, subject="material_id")
async def change(ctx: Context, args: Change) -> Material:
    """Rename a material, or take it out of use; what was used stays (CH-03). Raises NotFound."""
    row = await queries.lock_material(ctx.session, ctx.region_id, args.material_id)
    ctx.reason = args.reason
    row.name_zh = args.name_zh or row.name_zh
    row.name_en = args.name_en or row.name_en
    row.active = row.active if args.active is None else args.active
    return row


class Limit(Args):
    work_kind: Kind | None = Field(None, description="Null: any kind of work.")
    tier: Annotated[Text, Field(min_length=1, max_length=20)] | None = Field(
        None, description="Null: any tier."
    )
    most: float = Field(
        ge=0, le=rules.MOST_QUANTITY, allow_inf_nan=False, description="A visit may use so many."
    )


class SetLimits(Args):
    material_id: UUID
    limits: list[Limit] = Field(
        max_length=rules.MOST_LIMITS, description="All of them; an empty list: no limit."
    )
    reason: Reason


@command("material.set_limits", permission=Permission.MATERIAL_EDIT, subject="material_id")
async def set_limits(ctx: Context, args: SetLimits) -> Material:
    """Say how many of a material a visit may use, by kind of work and tier (CH-03).

    Raises NotFound; InvalidArguments for two limits of the same kind of work and tier.
    """
    wanted = [one.model_dump(mode="json") for one in args.limits]
    if len({(one["work_kind"], one["tier"]) for one in wanted}) != len(wanted):
        message = "one limit for each kind of work and tier"
        raise InvalidArguments(errors=[{"field": "limits", "rule": "unique", "message": message}])
    row = await queries.lock_material(ctx.session, ctx.region_id, args.material_id)
    ctx.reason = args.reason
    row.limits = wanted
    return row


class Issue(Args):
    material_id: UUID
    technician_id: UUID = Field(description="Who takes it.")
    quantity: Quantity
    note: Note | None = Field(None, description="A remark, such as the number of the slip.")


@command("material.issue", permission=Permission.MATERIAL_ISSUE, subject="material_id")
async def issue(ctx: Context, args: Issue) -> Rows:
    """Issue a material to a technician of the scope, own or contractor staff (CH-03).

    Raises NotFound, MaterialOutOfUse, QuantityUnfit.
    """
    technician = await organisation.technician_in(
        ctx.session, ctx.actor.scope(Permission.MATERIAL_ISSUE), args.technician_id
    )
    material = await queries.material(ctx.session, ctx.region_id, args.material_id)
    if not material.active:
        raise MaterialOutOfUse(name=material.name_en)
    if material.unit in rules.WHOLE and not args.quantity.is_integer():
        raise QuantityUnfit(quantity=f"{args.quantity:g}", unit=material.unit)
    return await _move(ctx, technician, material, Movement.ISSUE, args.quantity, note=args.note)


class UseMaterial(Args):
    id: RowId = None
    visit_id: UUID = Field(description="The visit it was used on.")
    material_id: UUID = Field(description="What was used or given.")
    quantity: Quantity
    technician_id: Whose = None
    signature_sha256: Signature | None = Field(
        None, description="SHA-256 of the customer's signature, which is promised as a file."
    )
    note: Note | None = Field(None, description="A remark.")


@command(
    "material.use",
    permission=Permission.MATERIAL_MOVE,
    nature=Nature.FACT,
    offline=True,
    subject="visit_id",
)
async def use(ctx: Context, args: UseMaterial) -> Rows:
    """Record what was used on a visit, or given to the customer (CH-03, SY-02).

    Beyond the limit of the visit it is kept all the same, and waits for a supervisor. Raises
    NotFound, HolderNeeded.
    """
    judged = await visit_for_fact(ctx, args.visit_id)
    material = await queries.material(ctx.session, ctx.region_id, args.material_id)
    technician = await _holder(ctx, args.technician_id)
    visit = judged.visit
    most = await _limit(ctx, visit, material)
    beyond = False
    if most is not None:
        before = await queries.used_on(ctx.session, ctx.region_id, visit.id, material.id)
        beyond = before + args.quantity > most + rules.MOST_STAYING
    return await _move(
        ctx,
        technician,
        material,
        Movement.USE,
        args.quantity,
        id=args.id or ctx.envelope.id,
        visit_id=visit.id,
        centre_id=visit.centre_id,
        by_other_technician=judged.by_other,
        allowed=most if beyond else None,
        signature_sha256=args.signature_sha256,
        note=args.note,
    )


async def _limit(ctx: Context, visit: Visit, material: Material) -> float | None:
    """Return how many of a material a visit may use, None without a limit."""
    if not material.limits:
        return None
    return rules.allowed(material.limits, *await queries.setting(ctx.session, visit))


class SignGifts(Args):
    visit_id: UUID = Field(description="The visit.")
    signature_sha256: Signature | None = Field(
        None, description="SHA-256 of the customer's signature, which is promised as a file."
    )
    refused_reason: Annotated[Text, Field(min_length=3, max_length=500)] | None = Field(
        None, description="Why the customer did not sign."
    )


@command(
    "material.sign_gifts",
    permission=Permission.MATERIAL_MOVE,
    nature=Nature.FACT,
    offline=True,
    subject="visit_id",
)
async def sign_gifts(ctx: Context, args: SignGifts) -> list[MaterialMovement]:
    """Record the customer's signature for all gifts of the visit so far, or why there is none.

    A gift without a signature is listed for the supervisor (CH-03). Raises NotFound,
    SignatureUnclear.
    """
    if (args.signature_sha256 is None) == (args.refused_reason is None):
        raise SignatureUnclear
    judged = await visit_for_fact(ctx, args.visit_id)
    await ctx.session.flush()
    signed = await queries.lock_unsigned(ctx.session, ctx.region_id, judged.visit.id)
    for row, _material in signed:
        row.signature_sha256 = args.signature_sha256
        row.signature_refused_reason = args.refused_reason
    return [row for row, _material in signed]


async def require_signatures(ctx: Context, visit_id: UUID) -> None:
    """Raise GiftsUnsigned while gifts of a visit have neither signature nor its refusal (CH-03)."""
    unsigned = await queries.lock_unsigned(ctx.session, ctx.region_id, visit_id)
    if unsigned:
        names = sorted({material.name_en for _row, material in unsigned})
        raise GiftsUnsigned(gifts=", ".join(names), next_steps=("material.sign_gifts",))


class HandBack(Args):
    id: RowId = None
    material_id: UUID = Field(description="What is handed back.")
    quantity: Quantity
    technician_id: Whose = None


@command(
    "material.hand_back",
    permission=Permission.MATERIAL_MOVE,
    nature=Nature.FACT,
    offline=True,
    subject="material_id",
)
async def hand_back(ctx: Context, args: HandBack) -> Rows:
    """Record what a technician handed back into the store (CH-03).

    Raises NotFound, HolderNeeded.
    """
    material = await queries.material(ctx.session, ctx.region_id, args.material_id)
    technician = await _holder(ctx, args.technician_id)
    return await _move(
        ctx,
        technician,
        material,
        Movement.HAND_BACK,
        args.quantity,
        id=args.id or ctx.envelope.id,
    )


class Count(Args):
    id: RowId = None
    material_id: UUID = Field(description="What was counted.")
    quantity: float = Field(
        ge=0,
        le=rules.MOST_QUANTITY,
        allow_inf_nan=False,
        description="What was there, in the material's unit.",
    )
    technician_id: Whose = None


@command(
    "material.count",
    permission=Permission.MATERIAL_MOVE,
    nature=Nature.FACT,
    offline=True,
    subject="material_id",
)
async def count(ctx: Context, args: Count) -> Rows:
    """Record what was there when it was counted; the balance goes on from it (CH-03).

    What should have been there is kept beside it. Raises NotFound, HolderNeeded.
    """
    material = await queries.material(ctx.session, ctx.region_id, args.material_id)
    technician = await _holder(ctx, args.technician_id)
    await queries.one_at_a_time(ctx.session, ctx.region_id, technician.id)
    return await _move(
        ctx,
        technician,
        material,
        Movement.COUNT,
        args.quantity,
        id=args.id or ctx.envelope.id,
        expected=await _expected(ctx, technician, material),
    )


async def _expected(ctx: Context, technician: Technician, material: Material) -> float:
    """Return what a technician should have of a material when the command was captured."""
    whose = (ctx.session, ctx.region_id, technician.id, material.id)
    stock, newest = await queries.standing(*whose)
    if newest is None or newest < ctx.happened_at:
        return 0.0 if stock is None else stock.balance
    await ctx.session.flush()
    return (await queries.balance(*whose, until=ctx.happened_at))[0]


class Correct(Args):
    movement_id: UUID
    quantity: float = Field(
        ge=-rules.MOST_QUANTITY,
        le=rules.MOST_QUANTITY,
        allow_inf_nan=False,
        description="By how much more (or, below zero, less) was used than was recorded.",
    )
    reason: Reason


@command("material.correct", permission=Permission.MATERIAL_EDIT, subject="movement_id")
async def correct(ctx: Context, args: Correct) -> Rows:
    """Correct a recorded use by a movement beside it; what was recorded stays (SY-02).

    Raises NotFound, OnlyUsesAreCorrected, QuantityUnfit.
    """
    scope = ctx.actor.scope(Permission.MATERIAL_EDIT)
    row = await queries.lock_movement(ctx.session, scope, args.movement_id)
    if row.kind != Movement.USE:
        raise OnlyUsesAreCorrected(kind=row.kind)
    ctx.reason = args.reason
    technician = await organisation.technician(ctx.session, ctx.region_id, row.technician_id)
    material = await queries.material(ctx.session, ctx.region_id, row.material_id)
    if round(args.quantity, rules.DECIMALS) == 0:
        raise QuantityUnfit(quantity="0", unit=material.unit)
    return await _move(
        ctx,
        technician,
        material,
        Movement.CORRECTION,
        args.quantity,
        corrects_id=row.id,
        visit_id=row.visit_id,
        centre_id=row.centre_id,
        estimated_at=row.estimated_at,
        note=args.reason,
    )


class Decide(Args):
    movement_id: UUID
    accepted: bool = Field(description="Whether the use beyond the limit was right.")
    reason: Reason


@command("material.decide", permission=Permission.MATERIAL_EDIT, subject="movement_id")
async def decide(ctx: Context, args: Decide) -> MaterialMovement:
    """Decide about a use beyond its limit; the technician reads it on the phone (CH-03).

    Raises NotFound, NothingToDecide.
    """
    scope = ctx.actor.scope(Permission.MATERIAL_EDIT)
    row = await queries.lock_movement(ctx.session, scope, args.movement_id)
    if row.allowed is None or row.accepted is not None:
        raise NothingToDecide
    ctx.reason = args.reason
    row.accepted, row.decision_reason = args.accepted, args.reason
    row.decided_by, row.decided_at = ctx.actor.id, ctx.now
    return row


async def _holder(ctx: Context, technician_id: UUID | None) -> Technician:
    """Return whose stock is meant: the own one, or for an office that of a technician in scope."""
    if ctx.actor.is_technician and technician_id in {None, ctx.actor.id}:
        own = await row_of(ctx.session, Technician, ctx.region_id, ctx.actor.id)
        if own is None:
            raise NotFound(thing="technician")
        return own
    if technician_id is None:
        raise HolderNeeded
    scope = ctx.actor.scope(Permission.MATERIAL_MOVE)
    return await organisation.technician_in(ctx.session, scope, technician_id)


async def _move(
    ctx: Context,
    technician: Technician,
    material: Material,
    kind: Movement,
    quantity: float,
    **columns: Any,
) -> Rows:
    """Write a movement and put the stock on what all movements say of it now."""
    defaults = {
        "id": ctx.envelope.id,
        "centre_id": technician.centre_id,
        "person_id": ctx.actor.id,
        "captured_at": ctx.captured_at,
        "estimated_at": ctx.happened_at,
        "by_other_technician": False,
    }
    row = MaterialMovement(
        region_id=ctx.region_id,
        technician_id=technician.id,
        material_id=material.id,
        kind=kind.value,
        quantity=round(quantity, rules.DECIMALS),
        **{**defaults, **columns},
    )
    whose = (ctx.session, ctx.region_id, technician.id)
    await queries.one_at_a_time(*whose)
    stock, newest = await queries.standing(*whose, material.id)
    if stock is None:
        stock = MaterialStock(
            region_id=ctx.region_id,
            technician_id=technician.id,
            material_id=material.id,
            centre_id=technician.centre_id,
            balance=0.0,
            counted_at=None,
        )
        ctx.add(stock)
    ctx.add(row)
    now = rules.moved(
        (stock.balance, stock.counted_at), newest, (kind, row.quantity, row.estimated_at)
    )
    if now is None:
        await ctx.session.flush()
        now = await queries.balance(*whose, material.id)
    stock.balance, stock.counted_at = now
    return [row, stock]
