"""Reads of what inspections say: rounds of sheets, findings, accountability cases."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.files.models import FileLink
from fieldops.kernel.limits import Stage, limit, towards
from fieldops.kernel.permissions import Role, Scope
from fieldops.kernel.records import find_one, lock_one
from fieldops.orders.rules import SHARES
from fieldops.organisation.models import Unit
from fieldops.quality import policy
from fieldops.quality.models import (
    AccountabilityCase,
    FeedbackRound,
    Inspection,
    InspectionFinding,
)
from fieldops.quality.rules import CaseState, FindingState, InspectionState, SheetStanding
from fieldops.visits.models import Assignment


def rounds(scope: Scope, person_id: UUID, inspection_id: UUID) -> Select[FeedbackRound]:
    """Return the statement for the rounds of an inspection's sheet, by id: oldest first."""
    return (
        select(FeedbackRound)
        .where(
            policy.visible_parts(FeedbackRound, scope, person_id),
            FeedbackRound.inspection_id == inspection_id,
        )
        .order_by(FeedbackRound.id)
    )


@limit(
    "feedback_sheet",
    "QA-03",
    "inspection",
    shares={
        Stage.RESPONSIBLE: SHARES[Stage.RESPONSIBLE],
        Stage.UNIT_ABOVE: SHARES[Stage.SUPERVISOR],
    },
    takers={Role.SUPERVISOR},
)
async def to_be_answered(_session: AsyncSession, region_id: int, _now: datetime) -> Select[Any]:
    """Return the inspections whose sheet waits for the unit's answer.

    Its supervisors give it; above them the unit above hears of it when the time is over.
    """
    region = select(Unit.id).where(Unit.region_number == region_id, Unit.kind == "region")
    return (
        towards(
            Inspection.id,
            func.coalesce(FeedbackRound.centre_id, region.scalar_subquery()),
            FeedbackRound.given_at,
            FeedbackRound.due_at,
        )
        .join(
            Inspection,
            and_(
                Inspection.region_id == FeedbackRound.region_id,
                Inspection.id == FeedbackRound.inspection_id,
                Inspection.round == FeedbackRound.number,
            ),
        )
        .where(
            FeedbackRound.region_id == region_id,
            Inspection.region_id == region_id,
            Inspection.state == InspectionState.REPORTED,
        )
    )


async def round_of(
    session: AsyncSession, region_id: int, inspection_id: UUID, number: int
) -> FeedbackRound:
    """Return a round of an inspection's sheet; raises NotFound."""
    return await find_one(
        session,
        select(FeedbackRound).where(
            FeedbackRound.region_id == region_id,
            FeedbackRound.inspection_id == inspection_id,
            FeedbackRound.number == number,
        ),
        "feedback sheet",
    )


def sheets(
    scope: Scope,
    *,
    technician_id: UUID | None = None,
    centre_id: UUID | None = None,
    standing: SheetStanding | None = None,
    late_at: datetime | None = None,
) -> Select[FeedbackRound]:
    """Return the statement for the feedback sheets of a scope, by id: to centres and to people."""
    found = select(FeedbackRound).where(policy.visible_rounds(scope))
    if technician_id is not None:
        found = found.where(FeedbackRound.technician_id == technician_id)
    if centre_id is not None:
        found = found.where(FeedbackRound.centre_id == centre_id)
    if standing is not None:
        found = found.where(
            FeedbackRound.answered_at.is_(None)
            if standing is SheetStanding.OPEN
            else FeedbackRound.verdict.is_not(None)
            if standing is SheetStanding.JUDGED
            else and_(FeedbackRound.answered_at.is_not(None), FeedbackRound.verdict.is_(None))
        )
    if late_at is not None:
        found = found.where(FeedbackRound.answered_at.is_(None), FeedbackRound.due_at < late_at)
    return found.order_by(FeedbackRound.id)


async def lock_own_sheet(
    session: AsyncSession, scope: Scope, technician_id: UUID, round_id: UUID
) -> tuple[Inspection, FeedbackRound]:
    """Return a sheet addressed to a technician with its inspection, both locked, as they are now.

    Raises NotFound for somebody else's.
    """
    own = sheets(scope, technician_id=technician_id).where(FeedbackRound.id == round_id)
    sheet = await find_one(session, own, "feedback sheet")
    row = await lock_one(  # first, as whoever answers for the unit or judges locks it
        session,
        select(Inspection).where(
            Inspection.region_id == scope.region_id, Inspection.id == sheet.inspection_id
        ),
        "inspection",
    )
    return row, await lock_one(session, own, "feedback sheet")


async def files_of(
    session: AsyncSession, region_id: int, round_ids: Collection[UUID]
) -> dict[UUID, list[FileLink]]:
    """Return the files that show the measures of rounds, by round."""
    rows = await session.scalars(
        select(FileLink)
        .where(
            FileLink.region_id == region_id,
            FileLink.subject_type == FeedbackRound.resource,
            FileLink.subject_id.in_(sorted(round_ids)),
        )
        .order_by(FileLink.id)
    )
    found: dict[UUID, list[FileLink]] = {id_: [] for id_ in round_ids}
    for row in rows:
        found[row.subject_id].append(row)
    return found


def findings(
    scope: Scope,
    person_id: UUID,
    *,
    inspection_id: UUID | None = None,
    visit_id: UUID | None = None,
    technician_id: UUID | None = None,
    unit_id: UUID | None = None,
    severities: Collection[str] = (),
    states: Collection[str] = (),
) -> Select[InspectionFinding]:
    """Return the statement for the findings that are visible, by id; those taken back are not."""
    found = select(InspectionFinding).where(policy.visible_findings(scope, person_id))
    for column, wanted in (
        (InspectionFinding.inspection_id, inspection_id),
        (InspectionFinding.visit_id, visit_id),
        (InspectionFinding.technician_id, technician_id),
        (InspectionFinding.unit_id, unit_id),
    ):
        if wanted is not None:
            found = found.where(column == wanted)
    if severities:
        found = found.where(InspectionFinding.severity.in_(severities))
    if states:
        found = found.where(InspectionFinding.state.in_(states))
    else:
        found = found.where(InspectionFinding.state != FindingState.WITHDRAWN)
    return found.order_by(InspectionFinding.id)


async def finding(
    session: AsyncSession, scope: Scope, person_id: UUID, finding_id: UUID
) -> InspectionFinding:
    """Return a finding; raises NotFound outside the scope."""
    return await find_one(
        session,
        select(InspectionFinding).where(
            policy.visible_findings(scope, person_id), InspectionFinding.id == finding_id
        ),
        "finding of an inspection",
    )


async def lock_finding(
    session: AsyncSession, scope: Scope, person_id: UUID, finding_id: UUID
) -> InspectionFinding:
    """Return a finding locked, as it is now; raises NotFound outside the scope."""
    return await lock_one(
        session,
        select(InspectionFinding).where(
            policy.visible_findings(scope, person_id), InspectionFinding.id == finding_id
        ),
        "finding of an inspection",
    )


async def findings_of(
    session: AsyncSession, region_id: int, inspection_id: UUID
) -> list[InspectionFinding]:
    """Return the findings of an inspection that stand, locked, by id."""
    found = await session.scalars(
        select(InspectionFinding)
        .where(
            InspectionFinding.region_id == region_id,
            InspectionFinding.inspection_id == inspection_id,
            InspectionFinding.state != FindingState.WITHDRAWN,
        )
        .order_by(InspectionFinding.id)
        .with_for_update(of=InspectionFinding)
    )
    return list(found)


async def was_on_visit(
    session: AsyncSession, region_id: int, visit_id: UUID, technician_id: UUID
) -> bool:
    """Return whether a technician was on a visit at any time."""
    found = await session.scalar(
        select(Assignment.id)
        .where(
            Assignment.region_id == region_id,
            Assignment.visit_id == visit_id,
            Assignment.technician_id == technician_id,
        )
        .limit(1)
    )
    return found is not None


async def responsible_unit(session: AsyncSession, region_id: int, unit_id: UUID) -> str | None:
    """Return the kind of a centre or firm of the region, None of anything else."""
    found: str | None = await session.scalar(
        select(Unit.kind).where(
            Unit.id == unit_id,
            Unit.kind.in_(["centre", "firm"]),
            Unit.region_number == region_id,
        )
    )
    return found


# --- cases ---------------------------------------------------------------------------------


def cases(
    scope: Scope,
    *,
    states: Collection[str] = (),
    technician_id: UUID | None = None,
    unit_id: UUID | None = None,
) -> Select[AccountabilityCase]:
    """Return the statement for the cases of a scope, by id."""
    found = select(AccountabilityCase).where(policy.visible_cases(scope))
    if states:
        found = found.where(AccountabilityCase.state.in_(states))
    if technician_id is not None:
        found = found.where(AccountabilityCase.technician_id == technician_id)
    if unit_id is not None:
        found = found.where(AccountabilityCase.unit_id == unit_id)
    return found.order_by(AccountabilityCase.id)


async def case(session: AsyncSession, scope: Scope, case_id: UUID) -> AccountabilityCase:
    """Return a case; raises NotFound outside the scope."""
    return await find_one(
        session, cases(scope).where(AccountabilityCase.id == case_id), "accountability case"
    )


async def lock_case(session: AsyncSession, scope: Scope, case_id: UUID) -> AccountabilityCase:
    """Return a case locked, as it is now; raises NotFound outside the scope."""
    return await lock_one(
        session, cases(scope).where(AccountabilityCase.id == case_id), "accountability case"
    )


async def case_of_complaint(
    session: AsyncSession, region_id: int, complaint_id: UUID
) -> AccountabilityCase | None:
    """Return the case that a complaint opened and that was not dropped, None without one."""
    found: AccountabilityCase | None = await session.scalar(
        select(AccountabilityCase).where(
            AccountabilityCase.region_id == region_id,
            AccountabilityCase.complaint_id == complaint_id,
            AccountabilityCase.state != CaseState.DROPPED,
        )
    )
    return found
