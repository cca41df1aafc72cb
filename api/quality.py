"""What machines noticed in the evidence of visits, with answers, decisions and rates (QA-05)."""

from collections import Counter
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, sort_by, verb
from fieldops.kernel.commands import Moment
from fieldops.kernel.permissions import Permission
from fieldops.quality import queries, rules
from fieldops.quality.commands import evidence as commands
from fieldops.quality.models import EvidenceFlag
from fieldops.quality.rules import Check, FlagState
from fieldops.quality.schemas import CheckRate, CheckRates, EvidenceFlagRead

router = APIRouter(prefix="/v1", tags=["quality"])

READ = Permission.QUALITY_READ
USUAL_DAYS = timedelta(days=90)

verb(router, "/visits/{visit_id}/check-evidence", commands.check)
verb(router, "/evidence-flags/{flag_id}/answer", commands.answer)
verb(router, "/evidence-flags/{flag_id}/decide", commands.decide)


@router.get(
    "/evidence-flags",
    operation_id="evidence_flag_list",
    summary="List what was noticed in the evidence of visits; technicians see their own.",
    responses=problems(),
)
async def flag_list(
    reading: Annotated[Reading, reads(READ)],
    visit_id: Annotated[UUID | None, Query(description="Only of this visit.")] = None,
    technician_id: Annotated[UUID | None, Query(description="Only of this technician.")] = None,
    kind: Annotated[list[Check], Query(max_length=5, description="Only of these checks.")] = [],  # noqa: B006 - FastAPI copies it
    state: Annotated[
        list[FlagState], Query(max_length=4, description="Only in these states.")
    ] = [],  # noqa: B006 - FastAPI copies it
    sort: sort_by("found_at", "answer_until") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[EvidenceFlagRead]:
    statement = queries.flags(
        reading.scope, visit_id=visit_id, technician_id=technician_id, kinds=kind, states=state
    )
    return await page(reading, statement, EvidenceFlag.id, after, limit, EvidenceFlagRead, sort)


@router.get(
    "/evidence-flags/{flag_id}",
    operation_id="evidence_flag_get",
    summary="One flag with its values, thresholds, answer and decision.",
    responses=problems(404),
)
async def flag_get(flag_id: UUID, reading: Annotated[Reading, reads(READ)]) -> EvidenceFlagRead:
    found = await queries.flag(reading.session, reading.scope, flag_id)
    return EvidenceFlagRead.model_validate(found)


@router.get(
    "/evidence-checks",
    operation_id="evidence_check_rates",
    summary="How each check did: raised, decided, and its share of false alarms.",
    responses=problems(),
)
async def rates(
    reading: Annotated[Reading, reads(READ)],
    starts: Annotated[
        Moment | None, Query(description="Raised from then on; 90 days back without it.")
    ] = None,
    ends: Annotated[Moment | None, Query(description="Raised before; now without it.")] = None,
    centre_id: Annotated[UUID | None, Query(description="Only of this centre.")] = None,
) -> CheckRates:
    until = ends or reading.now + timedelta(microseconds=1)
    since = starts or until - USUAL_DAYS
    within = (reading.session, reading.scope, since, until, centre_id)
    counted = await queries.counts(*within)
    looked = await queries.looked_at(*within) if reading.scope.office else None
    return CheckRates(visits_looked_at=looked, checks=[_rate(kind, counted) for kind in Check])


def _rate(kind: Check, counted: dict[tuple[str, str], int]) -> CheckRate:
    states = Counter({state: counted.get((kind, state), 0) for state in FlagState})
    holds, false_alarms = states[FlagState.HOLDS], states[FlagState.FALSE_ALARM]
    return CheckRate(
        kind=kind,
        raised=states.total(),
        undecided=states.total() - holds - false_alarms,
        holds=holds,
        false_alarms=false_alarms,
        false_alarm_share=rules.share_of_false_alarms(holds, false_alarms),
    )
