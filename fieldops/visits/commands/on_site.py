"""Verbs of the technician on the way and at the door (VI-02, VI-03)."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from fieldops.kernel import geo
from fieldops.kernel.commands import Args, Context, Nature, Text, command, shown
from fieldops.kernel.geo import Point
from fieldops.kernel.permissions import Permission
from fieldops.visits import queries, rules
from fieldops.visits.commands import following
from fieldops.visits.commands.facts import record
from fieldops.visits.commands.judging import JudgedVisit, visit_for_decision, visit_for_fact
from fieldops.visits.errors import IllegalVisitChange, NotArrived, NoticeIncomplete
from fieldops.visits.events import (
    NobodyHome,
    TechnicianArrived,
    TechnicianDeparted,
    VisitStarted,
)
from fieldops.visits.models import Assignment, Visit, VisitFact
from fieldops.visits.rules import FactKind, Step

Rows = list[Visit | Assignment | VisitFact]


class _OfVisit(Args):
    visit_id: UUID = Field(description="The visit.")
    note: Text | None = Field(None, max_length=2000, description="What else is to be known.")


class AcceptVisit(_OfVisit):
    pass


class ConfirmKit(_OfVisit):
    """The kit check before leaving, by the visit's kit list (VI-02)."""

    tools: bool = Field(description="All tools of the list are there.")
    materials: bool = Field(description="All materials of the list are there.")
    spares: bool = Field(description="All spares of the list are there.")
    papers: bool = Field(description="All papers of the list are there.")
    missing: list[Annotated[Text, Field(max_length=200)]] = Field(
        default_factory=list, max_length=40, description="What is missing, as named in the list."
    )

    @property
    def complete(self) -> bool:
        return self.tools and self.materials and self.spares and self.papers


class _Somewhere(_OfVisit):
    point: Point | None = Field(None, description="Where the device is; none without a fix.")
    accuracy_m: float | None = Field(
        None, ge=0, le=100_000, allow_inf_nan=False, description="Accuracy of the position (m)."
    )


class DepartVisit(_Somewhere):
    pass


class ArriveVisit(_Somewhere):
    model_config = shown(
        visit_id="01938f5e-0000-7000-8000-000000000001",
        point={"type": "Point", "coordinates": [24.941, 60.17]},
        accuracy_m=8,
    )


class ConfirmIdentity(_OfVisit):
    """Introduction and confirmations at the door (VI-03)."""

    certificate_shown: bool = Field(description="Introduced with name and certificate.")
    customer_confirmed: bool = Field(description="The customer's identity was confirmed.")
    work_explained: bool = Field(description="Reason and work were explained.")
    covers_used: bool = Field(description="Shoe covers and floor mat are in use.")
    others_undisturbed: bool = Field(
        True, description="No other customer's service is disturbed by the work."
    )

    @property
    def complete(self) -> bool:
        return self.certificate_shown and self.customer_confirmed and self.work_explained


class StartVisit(_OfVisit):
    pass


class LeaveNotice(_OfVisit):
    """Nobody at home: the written notice by its photo, or another way of telling (AP-08)."""

    photo_sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the notice's photo, hex."
    )
    told_otherwise: Text | None = Field(
        None, min_length=3, max_length=500, description="How the customer was told instead."
    )
    point: Point | None = Field(None, description="Where the device is; none without a fix.")


class AddNote(Args):
    visit_id: UUID = Field(description="The visit.")
    text: Text = Field(min_length=1, max_length=4000, description="The note.")


def _own(judged: JudgedVisit, command: str) -> Assignment:
    """Return the technician's assignment; only who is on the visit works on it."""
    if judged.assignment is None:
        raise IllegalVisitChange(
            next_steps=("visit.assign",), state=judged.visit.state, wanted=command
        )
    return judged.assignment


@command(
    "visit.accept",
    permission=Permission.VISIT_WORK,
    nature=Nature.DECISION,
    offline=True,
    subject="visit_id",
)
async def accept(ctx: Context, args: AcceptVisit) -> Rows:
    """Accept a visit; it is accepted when all its technicians have (WO-03).

    Raises NotFound, IllegalVisitChange, and what judging refuses or holds.
    """
    judged = await visit_for_decision(ctx, args.visit_id, "visit.accept")
    own = _own(judged, "visit.accept")
    if own.accepted_at is None:
        own.accepted_at = ctx.happened_at
    following.step_on(own, Step.ACCEPTED)
    fact = record(ctx, judged, FactKind.ACCEPTANCE, {"note": args.note})
    await following.follow(ctx, judged.visit)
    return [judged.visit, own, fact]


@command(
    "visit.confirm_kit",
    permission=Permission.VISIT_WORK,
    nature=Nature.FACT,
    offline=True,
    subject="visit_id",
)
async def confirm_kit(ctx: Context, args: ConfirmKit) -> Rows:
    """Record the kit check before leaving: tools, materials, spares, papers (VI-02).

    Raises NotFound.
    """
    judged = await visit_for_fact(ctx, args.visit_id)
    body = args.model_dump(mode="json", exclude={"visit_id"})
    fact = record(ctx, judged, FactKind.KIT, {**body, "complete": args.complete})
    if judged.moves and args.complete:
        judged.visit.kit_confirmed_at = ctx.happened_at
    return [judged.visit, fact]


@command(
    "visit.depart",
    permission=Permission.VISIT_WORK,
    nature=Nature.FACT,
    offline=True,
    subject="visit_id",
)
async def depart(ctx: Context, args: DepartVisit) -> Rows:
    """Record the departure for a visit, with or without the kit checked (VI-02).

    Raises NotFound.
    """
    judged = await visit_for_fact(ctx, args.visit_id)
    visit, own = judged.visit, judged.assignment
    late = (
        own is not None
        and own.latest_departure_at is not None
        and (ctx.happened_at > own.latest_departure_at)
    )
    body = {
        "note": args.note,
        "accuracy_m": args.accuracy_m,
        "kit_checked": visit.kit_confirmed_at is not None,
        "after_latest_departure": late,
    }
    fact = record(ctx, judged, FactKind.DEPARTURE, body, args.point)
    if not judged.moves or own is None:
        return [fact]
    own.departed_at = own.departed_at or ctx.happened_at
    visit.departed_at = visit.departed_at or ctx.happened_at
    following.step_on(own, Step.EN_ROUTE)
    await following.follow(ctx, visit)
    await ctx.emit(TechnicianDeparted(visit.id, own.technician_id, ctx.happened_at))
    return [visit, own, fact]


@command(
    "visit.arrive",
    permission=Permission.VISIT_WORK,
    nature=Nature.FACT,
    offline=True,
    subject="visit_id",
)
async def arrive(ctx: Context, args: ArriveVisit) -> Rows:
    """Record the arrival with device time and position (VI-03, SY-02).

    Stored as another technician's when the visit was given away; then it moves no state.
    Raises NotFound.
    """
    judged = await visit_for_fact(ctx, args.visit_id)
    visit, own = judged.visit, judged.assignment
    body = {"note": args.note, "accuracy_m": args.accuracy_m}
    if visit.window_start is not None and visit.window_end is not None:
        # Times of the day are judged by the estimate, never by the device's clock (SYNC 5).
        body["in_window"] = visit.window_start <= ctx.happened_at <= visit.window_end
    if args.point is not None:
        goal = await queries.premises_position(ctx.session, ctx.region_id, visit.premises_id)
        body["distance_m"] = round(geo.distance_m(args.point.coordinates, goal), 1)
    fact = record(ctx, judged, FactKind.ARRIVAL, body, args.point)
    if not judged.moves or own is None:
        return [fact]
    own.arrived_at = own.arrived_at or ctx.happened_at
    visit.arrived_at = visit.arrived_at or ctx.happened_at
    following.step_on(own, Step.ON_SITE)
    await following.follow(ctx, visit)
    await ctx.emit(TechnicianArrived(visit.id, own.technician_id, ctx.happened_at))
    return [visit, own, fact]


@command(
    "visit.confirm_identity",
    permission=Permission.VISIT_WORK,
    nature=Nature.FACT,
    offline=True,
    subject="visit_id",
)
async def confirm_identity(ctx: Context, args: ConfirmIdentity) -> Rows:
    """Record introduction, customer's identity, explanation, covers (VI-03). Raises NotFound."""
    judged = await visit_for_fact(ctx, args.visit_id)
    body = args.model_dump(mode="json", exclude={"visit_id"})
    fact = record(ctx, judged, FactKind.IDENTITY, {**body, "complete": args.complete})
    if judged.moves and args.complete:
        judged.visit.identity_confirmed_at = ctx.happened_at
    return [judged.visit, fact]


@command(
    "visit.start",
    permission=Permission.VISIT_WORK,
    nature=Nature.DECISION,
    offline=True,
    subject="visit_id",
)
async def start(ctx: Context, args: StartVisit) -> Rows:
    """Start the work after arriving (VI-03, WO-03).

    Raises NotFound, NotArrived, IllegalVisitChange, and what judging refuses or holds.
    """
    judged = await visit_for_decision(ctx, args.visit_id, "visit.start")
    visit, own = judged.visit, _own(judged, "visit.start")
    if own.arrived_at is None:
        raise NotArrived(next_steps=("visit.arrive",))
    if own.state == Step.WORKING:
        raise IllegalVisitChange(
            next_steps=rules.next_steps(visit.state), state=visit.state, wanted="visit.start"
        )
    own.started_at = own.started_at or ctx.happened_at
    visit.started_at = visit.started_at or ctx.happened_at
    following.step_on(own, Step.WORKING)
    fact = record(ctx, judged, FactKind.START, {"note": args.note})
    await following.follow(ctx, visit)
    await ctx.emit(VisitStarted(visit.id, own.technician_id, ctx.happened_at))
    return [visit, own, fact]


@command(
    "visit.leave_notice",
    permission=Permission.VISIT_WORK,
    nature=Nature.FACT,
    offline=True,
    subject="visit_id",
)
async def leave_notice(ctx: Context, args: LeaveNotice) -> Rows:
    """Record that nobody was at home and how the customer was told (AP-08).

    Raises NotFound, NoticeIncomplete without a photo and without another way of telling.
    """
    judged = await visit_for_fact(ctx, args.visit_id)
    photo = args.photo_sha256 or next(
        (str(a["sha256"]) for a in ctx.envelope.attachments if a.get("sha256")), None
    )
    if photo is None and args.told_otherwise is None:
        raise NoticeIncomplete(next_steps=("visit.leave_notice",))
    before = await queries.facts(ctx.session, ctx.region_id, judged.visit.id, (FactKind.NOTICE,))
    body = {"photo_sha256": photo, "told_otherwise": args.told_otherwise, "note": args.note}
    fact = record(ctx, judged, FactKind.NOTICE, body, args.point)
    if judged.moves and not any(not row.by_other_technician for row in before):
        await ctx.emit(NobodyHome(judged.visit.id, ctx.happened_at))
    return [judged.visit, fact]


@command(
    "note.add",
    permission=Permission.NOTE_WRITE,
    nature=Nature.FACT,
    offline=True,
    subject="visit_id",
)
async def add_note(ctx: Context, args: AddNote) -> VisitFact:
    """Add a note to a visit, whatever has become of it (SY-02). Raises NotFound."""
    judged = await visit_for_fact(ctx, args.visit_id)
    return record(ctx, judged, FactKind.NOTE, {"text": args.text})
