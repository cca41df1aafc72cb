"""The verbs of quality: look at a visit's evidence, answer a flag, decide about it (QA-05)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from fieldops.kernel import configuration, geo
from fieldops.kernel.commands import Args, Context, Nature, Outcome, Text, command, shown
from fieldops.kernel.configuration import Number
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation
from fieldops.quality import queries, rules, wording
from fieldops.quality.models import EvidenceFlag, EvidenceLook
from fieldops.quality.rules import Check, FlagState, Found
from fieldops.visits import queries as visits
from fieldops.visits.commands import telling
from fieldops.visits.models import Assignment, Visit
from fieldops.visits.rules import FactKind, NoticeKind, State

DECIDE = Permission.QUALITY_DECIDE


class CheckEvidence(Args):
    visit_id: UUID = Field(description="The visit whose evidence is looked at.")


class AnswerFlag(Args):
    model_config = shown(
        flag_id="01938f5e-0000-7000-8000-000000000001",
        answer="The entrance is in the next street; I parked there.",
    )
    flag_id: UUID = Field(description="The flag on one's own evidence.")
    answer: Annotated[Text, Field(min_length=3, max_length=1000, description="What was the case.")]


class DecideFlag(Args):
    flag_id: UUID = Field(description="The flag.")
    holds: bool = Field(description="True: it holds; false: it was a false alarm.")
    reason: Annotated[Text, Field(min_length=3, max_length=500, description="Why.")]


@command("evidence.check", permission=DECIDE, subject="visit_id")
async def check(ctx: Context, args: CheckEvidence) -> Outcome:
    """Look at a visit's evidence and ask about what is unlikely (QA-05).

    What was asked once is not asked again. The technicians concerned are told. Raises NotFound.
    """
    visit = await visits.lock_visit(ctx.session, ctx.actor.scope(DECIDE), args.visit_id)
    known = await queries.known_flags(ctx.session, ctx.region_id, visit.id)
    found = [
        *await _photos_reused(ctx, visit),
        *await _positions_far(ctx, visit),
        *await _too_short(ctx, visit),
        *await _tests_copied(ctx, visit),
        *await _clocks_off(ctx, visit),
    ]
    rows = [
        await _raised(ctx, visit, one) for one in found if (one.kind, one.subject_id) not in known
    ]
    ctx.add(*rows)
    look = await queries.look_at(ctx.session, ctx.region_id, visit.id)
    if look is None:
        look = EvidenceLook(region_id=ctx.region_id, visit_id=visit.id, centre_id=visit.centre_id)
        ctx.add(look)
    look.looked_at = ctx.now
    await _tell(ctx, visit, rows)
    return [*rows, look]


async def _raised(ctx: Context, visit: Visit, one: Found) -> EvidenceFlag:
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    until = await configuration.duration(ctx.session, ctx.region_id, rules.ANSWER_TIME)
    return EvidenceFlag(
        region_id=ctx.region_id,
        visit_id=visit.id,
        centre_id=visit.centre_id,
        technician_id=one.technician_id,
        kind=one.kind.value,
        subject_type=one.subject_type,
        subject_id=one.subject_id,
        reason=wording.reason(one.kind, {**one.found, **one.thresholds}, zone),
        found=_kept(one.found),
        thresholds=_kept(one.thresholds),
        state=FlagState.OPEN.value,
        found_at=ctx.now,
        answer_until=ctx.now + until,
    )


def _kept(values: Any) -> dict[str, Any]:
    """Return values as JSON keeps them."""
    plain = (int, float, bool, type(None))
    return {
        name: value
        if isinstance(value, plain)
        else value.isoformat()
        if hasattr(value, "isoformat")
        else str(value)
        for name, value in values.items()
    }


async def _tell(ctx: Context, visit: Visit, rows: Sequence[EvidenceFlag]) -> None:
    """Give each technician concerned one notice, however much is asked about."""
    concerned = {row.technician_id for row in rows}
    last: dict[UUID, Assignment] = {}
    for one in await visits.assignments(ctx.session, ctx.region_id, visit.id):
        if one.technician_id in concerned:
            last[one.technician_id] = one
    ctx.reason = ", ".join(sorted({row.kind for row in rows})) or None
    await telling.tell(ctx, visit, last.values(), NoticeKind.EVIDENCE_ASKED)


async def _value(ctx: Context, declared: Number) -> float:
    return await configuration.value(ctx.session, ctx.region_id, declared)


async def _photos_reused(ctx: Context, visit: Visit) -> list[Found]:
    """Ask about photos that were taken for another visit before."""
    most = int(await _value(ctx, rules.PHOTO_DISTANCE))
    days = timedelta(days=await _value(ctx, rules.PHOTO_DAYS))
    found = []
    for link, bands in await queries.photos(ctx.session, ctx.region_id, visit.id):
        other = await queries.like(ctx.session, link, bands, link.captured_at - days, most)
        if other is not None:
            values = {
                "distance": other.distance,
                "same_content": other.same_content,
                "other_link_id": other.link_id,
                "other_visit_id": other.visit_id,
                "other_at": other.captured_at,
                "same_technician": other.technician_id == link.technician_id,
            }
            limits = {"most_distance": most}
            found.append(
                Found(Check.PHOTO_REUSED, "file_link", link.id, link.technician_id, values, limits)
            )
    return found


async def _positions_far(ctx: Context, visit: Visit) -> list[Found]:
    """Ask about arrivals that were recorded somewhere else."""
    limit = await _value(ctx, rules.POSITION)
    goal = await visits.premises_position(ctx.session, ctx.region_id, visit.premises_id)
    found = []
    arrivals = await visits.facts(ctx.session, ctx.region_id, visit.id, [FactKind.ARRIVAL.value])
    for fact in arrivals:
        if fact.point is None or fact.by_other_technician:
            continue
        metres = rules.distance_beyond(geo.position_of(fact.point), goal, limit)
        if metres is not None:
            values = {"distance_m": metres, "accuracy_m": fact.body.get("accuracy_m")}
            found.append(
                Found(
                    Check.POSITION_FAR,
                    "visit_fact",
                    fact.id,
                    fact.technician_id,
                    values,
                    {"limit_m": limit},
                )
            )
    return found


async def _too_short(ctx: Context, visit: Visit) -> list[Found]:
    """Ask about a completed visit that was shorter than its work can be done in."""
    if visit.state != State.COMPLETED or visit.arrived_at is None or visit.ended_at is None:
        return []
    kinds = await queries.kinds_of_work(ctx.session, ctx.region_id, visit.id)
    least = {kind.value: await _value(ctx, one) for kind, one in rules.LEAST_ON_SITE.items()}
    short = rules.too_short(visit.ended_at - visit.arrived_at, kinds, least)
    if short is None:
        return []
    present = await visits.assignments(ctx.session, ctx.region_id, visit.id)
    contact = next((row.technician_id for row in reversed(present) if row.is_contact), None)
    return [
        Found(
            Check.TOO_SHORT,
            "visit",
            visit.id,
            contact,
            {"minutes": short[0]},
            {"least_minutes": short[1]},
        )
    ]


async def _tests_copied(ctx: Context, visit: Visit) -> list[Found]:
    """Ask about tests all whose values are those of an earlier one."""
    needed = await _value(ctx, rules.COPIED_VALUES)
    days = timedelta(days=await _value(ctx, rules.COPIED_DAYS))
    found = []
    for test in await queries.tests_of(ctx.session, ctx.region_id, visit.id):
        if not rules.speaks(queries.values_of(test), needed):
            continue
        other = await queries.equal_test(ctx.session, test, test.estimated_at - days)
        if other is not None:
            values = {
                "other_test_id": other.id,
                "other_visit_id": other.visit_id,
                "other_at": other.estimated_at,
            }
            found.append(
                Found(
                    Check.TEST_COPIED,
                    test.resource,
                    test.id,
                    test.technician_id,
                    values,
                    {"least_values": needed},
                )
            )
    return found


async def _clocks_off(ctx: Context, visit: Visit) -> list[Found]:
    """Ask about a phone whose clock was far off during the visit, once for each technician."""
    limit = await configuration.duration(ctx.session, ctx.region_id, rules.CLOCK)
    facts = await visits.facts(ctx.session, ctx.region_id, visit.id)
    off = rules.furthest_off(
        ((fact.technician_id, fact.captured_at, fact.estimated_at) for fact in facts), limit
    )
    return [
        Found(
            Check.CLOCK_OFF,
            "technician",
            technician_id,
            technician_id,
            {"minutes": round(by.total_seconds() / 60, 1)},
            {"limit_minutes": limit.total_seconds() / 60},
        )
        for technician_id, by in off.items()
        if technician_id is not None
    ]


@command(
    "evidence_flag.answer",
    permission=Permission.QUALITY_ANSWER,
    nature=Nature.FACT,
    offline=True,
    subject="flag_id",
)
async def answer(ctx: Context, args: AnswerFlag) -> Outcome:
    """Say what was the case with one's own evidence; it can be said anew until decided (QA-05).

    From a phone it is kept beside the decision too: it was said before the phone knew of it.
    Raises NotFound for somebody else's, FlagDecided online.
    """
    flag = await queries.lock_flag(
        ctx.session, ctx.actor.scope(Permission.QUALITY_ANSWER), args.flag_id
    )
    if not ctx.from_device:
        rules.check_answerable(flag.state)
    if flag.state not in rules.DECIDED:
        flag.state = FlagState.ANSWERED.value
    flag.answer, flag.answered_at = args.answer, ctx.happened_at
    return flag


@command("evidence_flag.decide", permission=DECIDE, subject="flag_id")
async def decide(ctx: Context, args: DecideFlag) -> Outcome:
    """Decide whether a flag holds or was a false alarm, with the reason (QA-05).

    Raises NotFound, FlagDecided, AnswerAwaited.
    """
    ctx.reason = args.reason
    flag = await queries.lock_flag(ctx.session, ctx.actor.scope(DECIDE), args.flag_id)
    rules.check_decidable(flag.state, flag.answer_until, ctx.now, holds=args.holds)
    flag.state = (FlagState.HOLDS if args.holds else FlagState.FALSE_ALARM).value
    flag.decided_by, flag.decided_at = ctx.actor.id, ctx.now
    flag.decision_reason = args.reason
    return flag
