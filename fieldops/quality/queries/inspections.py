"""Reads of inspections: plans and duty, the population of a draw, samples, filled forms."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.checklists.models import Answer
from fieldops.complaints import queries as complaints
from fieldops.complaints.models import Complaint, ComplaintVisit
from fieldops.complaints.queries import VisitEvidence
from fieldops.kernel.erasure import Reach
from fieldops.kernel.errors import NotFound
from fieldops.kernel.geo import Position
from fieldops.kernel.permissions import Role, Scope
from fieldops.kernel.records import find_one, lock_one
from fieldops.measurements.models import LineTest, SpeedTest
from fieldops.organisation.models import RoleGrant, Technician, Unit
from fieldops.quality import policy, rules
from fieldops.quality.drawing import Member, Reason
from fieldops.quality.models import (
    Draw,
    EvidenceFlag,
    FilledForm,
    Form,
    Inspection,
    InspectionFinding,
    SampledVisit,
)
from fieldops.quality.rules import FlagState, InspectionState
from fieldops.retention import queries as retention
from fieldops.retention.rules import Colour
from fieldops.visits import queries as visits
from fieldops.visits.models import Assignment, Visit


def inspections(
    scope: Scope,
    person_id: UUID,
    *,
    states: Collection[str] = (),
    kinds: Collection[str] = (),
    levels: Collection[str] = (),
    centre_id: UUID | None = None,
    inspector_id: UUID | None = None,
) -> Select[Inspection]:
    """Return the statement for the inspections of a scope, and of the person's own, by id."""
    found = select(Inspection).where(policy.visible_inspections(scope, person_id))
    for column, wanted in (
        (Inspection.state, states),
        (Inspection.kind, kinds),
        (Inspection.level, levels),
    ):
        if wanted:
            found = found.where(column.in_(wanted))
    if centre_id is not None:
        found = found.where(Inspection.centre_id == centre_id)
    if inspector_id is not None:
        found = found.where(Inspection.inspector_id == inspector_id)
    return found.order_by(Inspection.id)


def late(today: date, now: datetime) -> ColumnElement[bool]:
    """Return the condition for inspections not done, or answered, in time (QA-02, QA-03)."""
    return or_(
        and_(Inspection.state == InspectionState.PLANNED, Inspection.planned_for < today),
        and_(Inspection.state == InspectionState.REPORTED, Inspection.answer_due_at < now),
    )


async def inspection(
    session: AsyncSession, scope: Scope, person_id: UUID, inspection_id: UUID
) -> Inspection:
    """Return an inspection; raises NotFound outside the scope."""
    return await find_one(
        session, inspections(scope, person_id).where(Inspection.id == inspection_id), "inspection"
    )


async def lock_inspection(
    session: AsyncSession, scope: Scope, person_id: UUID, inspection_id: UUID
) -> Inspection:
    """Return an inspection locked, as it is now; raises NotFound outside the scope."""
    return await lock_one(
        session, inspections(scope, person_id).where(Inspection.id == inspection_id), "inspection"
    )


# --- duty ----------------------------------------------------------------------------------


async def inspects_from_above(session: AsyncSession, person_id: UUID) -> bool:
    """Return whether somebody supervises from a province or the group (ORG-01)."""
    found = await session.scalar(
        select(RoleGrant.id)
        .join(Unit, Unit.id == RoleGrant.unit_id)
        .where(
            RoleGrant.person_id == person_id,
            RoleGrant.role == Role.SUPERVISOR.value,
            Unit.kind.in_(["province", "group"]),
        )
        .limit(1)
    )
    return found is not None


async def is_centre(session: AsyncSession, region_id: int, unit_id: UUID) -> bool:
    """Return whether a unit is a centre of the region."""
    found = await session.scalar(
        select(Unit.id).where(
            Unit.id == unit_id, Unit.kind == "centre", Unit.region_number == region_id
        )
    )
    return found is not None


# --- the draw ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drawing:
    """From which visits is drawn: of which region, centre and technician, ended when."""

    region_id: int
    centre_id: UUID | None
    technician_id: UUID | None
    ended_from: datetime
    ended_before: datetime


def _complained(of: Drawing) -> Select[UUID]:
    """Return the visits of the complaints that arrived in the time of a draw."""
    return (
        select(ComplaintVisit.visit_id)
        .join(
            Complaint,
            and_(
                Complaint.region_id == ComplaintVisit.region_id,
                Complaint.id == ComplaintVisit.complaint_id,
            ),
        )
        .where(
            ComplaintVisit.region_id == of.region_id,
            Complaint.region_id == of.region_id,
            Complaint.arrived_at >= of.ended_from,
            Complaint.arrived_at < of.ended_before,
        )
    )


def _drawn_from(of: Drawing) -> list[ColumnElement[bool]]:
    in_time = and_(Visit.ended_at >= of.ended_from, Visit.ended_at < of.ended_before)
    found = [
        Visit.region_id == of.region_id,
        Visit.state.in_(rules.STANDING_VISITS),
        or_(in_time, Visit.id.in_(_complained(of))),
    ]
    if of.centre_id is not None:
        found.append(Visit.centre_id == of.centre_id)
    if of.technician_id is not None:
        own = select(Assignment.visit_id).where(
            Assignment.region_id == of.region_id, Assignment.technician_id == of.technician_id
        )
        found.append(Visit.id.in_(own))
    return found


async def population(
    session: AsyncSession, of: Drawing, new_for: timedelta, now: datetime
) -> list[Member]:
    """Return the visits to draw from with their risks, by id (QA-04).

    Those that ended in the time, and those that somebody complained of in it, however old.
    """
    conditions = _drawn_from(of)
    found = (
        await session.execute(
            select(Visit.id, Visit.customer_id)
            .where(*conditions)
            .order_by(Visit.id)
            .limit(rules.MOST_POPULATION + 1)
        )
    ).all()
    ids = select(Visit.id).where(*conditions)
    risks: dict[UUID, set[Reason]] = defaultdict(set)
    for visit_id, firm_id, since in await session.execute(
        select(Assignment.visit_id, Technician.firm_id, Technician.created_at)
        .join(
            Technician,
            and_(
                Technician.region_id == Assignment.region_id,
                Technician.id == Assignment.technician_id,
            ),
        )
        .where(
            Assignment.region_id == of.region_id,
            Technician.region_id == of.region_id,
            Assignment.ended_at.is_(None),
            Assignment.visit_id.in_(ids),
        )
    ):
        if firm_id is not None:
            risks[visit_id].add(Reason.CONTRACTOR)
        if since > now - new_for:
            risks[visit_id].add(Reason.NEW_TECHNICIAN)
    flagged = select(EvidenceFlag.visit_id).where(
        EvidenceFlag.region_id == of.region_id,
        EvidenceFlag.state != FlagState.FALSE_ALARM,
        EvidenceFlag.visit_id.in_(ids),
    )
    for reason, statement in (
        (Reason.FLAGGED_EVIDENCE, flagged),
        (Reason.COMPLAINT, _complained(of)),
    ):
        for visit_id in await session.scalars(statement):
            risks[visit_id].add(reason)
    colours = await retention.colours(
        session, of.region_id, {known for _, known in found if known is not None}, now
    )
    for visit_id, customer_id in found:
        if customer_id is not None and colours[customer_id] is Colour.RED:
            risks[visit_id].add(Reason.RED_CUSTOMER)
    return [
        Member(id_, tuple(reason for reason in Reason if reason in risks[id_]))
        for id_, _customer in found
    ]


async def draw_of(session: AsyncSession, region_id: int, inspection_id: UUID) -> Draw | None:
    """Return how the sample of an inspection was drawn, None without a draw."""
    found: Draw | None = await session.scalar(
        select(Draw).where(Draw.region_id == region_id, Draw.inspection_id == inspection_id)
    )
    return found


def sample(scope: Scope, person_id: UUID, inspection_id: UUID) -> Select[SampledVisit]:
    """Return the statement for the sampled visits of an inspection, by id: as they were drawn."""
    return (
        select(SampledVisit)
        .where(
            policy.visible_parts(SampledVisit, scope, person_id),
            SampledVisit.inspection_id == inspection_id,
        )
        .order_by(SampledVisit.id)
    )


async def sampled(
    session: AsyncSession, region_id: int, inspection_id: UUID
) -> dict[UUID, SampledVisit]:
    """Return the sample of an inspection by visit."""
    found = await session.scalars(
        select(SampledVisit).where(
            SampledVisit.region_id == region_id, SampledVisit.inspection_id == inspection_id
        )
    )
    return {row.visit_id: row for row in found}


async def ended_visits(
    session: AsyncSession, region_id: int, centre_id: UUID | None, ids: Collection[UUID]
) -> dict[UUID, Visit]:
    """Return those visits of the region (or centre) that ended, by id."""
    found = select(Visit).where(
        Visit.region_id == region_id,
        Visit.id.in_(sorted(ids)),
        Visit.state.in_(rules.STANDING_VISITS),
    )
    if centre_id is not None:
        found = found.where(Visit.centre_id == centre_id)
    return {row.id: row for row in await session.scalars(found)}


async def open_samples(
    session: AsyncSession, region_id: int, centre_ids: Collection[UUID]
) -> list[Inspection]:
    """Return the planned inspections of centres, or of the region, whose sample is drawn."""
    found = await session.scalars(
        select(Inspection)
        .join(
            Draw, and_(Draw.region_id == Inspection.region_id, Draw.inspection_id == Inspection.id)
        )
        .where(
            Inspection.region_id == region_id,
            Draw.region_id == region_id,
            Inspection.state == InspectionState.PLANNED,
            Inspection.technician_id.is_(None),
            or_(Inspection.centre_id.is_(None), Inspection.centre_id.in_(sorted(centre_ids))),
        )
        .order_by(Inspection.id)
    )
    return list(found)


# --- forms ---------------------------------------------------------------------------------


def all_forms(*, code: str | None = None, kinds: Collection[str] = ()) -> Select[Form]:
    """Return the statement for all versions of the forms, by id."""
    found = select(Form).order_by(Form.id)
    if code is not None:
        found = found.where(Form.code == code)
    return found.where(Form.kind.in_(kinds)) if kinds else found


async def form(session: AsyncSession, form_id: UUID) -> Form:
    """Return a version of a form; raises NotFound."""
    found: Form | None = await session.get(Form, form_id)
    if found is None:
        raise NotFound(thing="inspection form")
    return found


async def newest_form(
    session: AsyncSession, *, code: str | None = None, kind: str | None = None
) -> Form | None:
    """Return the newest version of a code's form, or the last published one of a kind."""
    found = select(Form)
    if code is not None:
        found = found.where(Form.code == code).order_by(Form.number.desc())
    else:
        found = found.where(Form.kind == kind).order_by(Form.published_at.desc(), Form.id.desc())
    newest: Form | None = await session.scalar(found.limit(1))
    return newest


def filled(scope: Scope, person_id: UUID, inspection_id: UUID | None = None) -> Select[FilledForm]:
    """Return the statement for the filled forms that are visible, by id."""
    found = select(FilledForm).where(policy.visible_parts(FilledForm, scope, person_id))
    if inspection_id is not None:
        found = found.where(FilledForm.inspection_id == inspection_id)
    return found.order_by(FilledForm.id)


async def forms_of(
    session: AsyncSession, region_id: int, inspection_id: UUID
) -> Sequence[FilledForm]:
    """Return the filled forms of an inspection."""
    found = await session.scalars(
        select(FilledForm)
        .where(FilledForm.region_id == region_id, FilledForm.inspection_id == inspection_id)
        .order_by(FilledForm.id)
    )
    return found.all()


async def contact_of(session: AsyncSession, region_id: int, visit_id: UUID) -> UUID | None:
    """Return whose visit it was: the technician who was the customer's contact."""
    found: Any = await session.scalar(
        select(Assignment.technician_id)
        .where(Assignment.region_id == region_id, Assignment.visit_id == visit_id)
        .order_by(Assignment.ended_at.is_(None).desc(), Assignment.is_contact.desc(), Assignment.id)
        .limit(1)
    )
    return found if isinstance(found, UUID) else None


# --- remote inspection ---------------------------------------------------------------------


@dataclass(slots=True)
class Seen:
    """What a remote inspection looks at, beside what complaints show of a visit too."""

    evidence: VisitEvidence
    answers: list[Answer]
    line_tests: list[LineTest]
    speed_tests: list[SpeedTest]
    flags: list[EvidenceFlag]
    place: Position


async def seen(session: AsyncSession, region_id: int, visit_id: UUID) -> Seen:
    """Return all that was recorded on a visit: raises NotFound where it is gone."""
    found = await complaints.evidence(session, region_id, [visit_id])
    if not found:
        raise NotFound(thing="visit")
    of_visit: dict[Any, list[Any]] = {}
    for model in (Answer, LineTest, SpeedTest, EvidenceFlag):
        statement = select(model).where(model.region_id == region_id, model.visit_id == visit_id)
        if model is Answer:
            statement = statement.where(~Answer.superseded)
        rows = await session.scalars(statement.order_by(model.id).limit(rules.MOST_EVIDENCE))
        of_visit[model] = list(rows)
    premises_id = found[0].visit.premises_id
    return Seen(
        found[0],
        of_visit[Answer],
        of_visit[LineTest],
        of_visit[SpeedTest],
        of_visit[EvidenceFlag],
        await visits.premises_position(session, region_id, premises_id),
    )


async def of_reached(session: AsyncSession, reach: Reach) -> set[UUID]:
    """Return the inspections that looked at visits an erasure reached (CU-07)."""
    found: set[UUID] = set()
    for model in (SampledVisit, FilledForm, InspectionFinding):
        found |= set(
            await session.scalars(
                select(model.inspection_id).where(
                    model.region_id == reach.region_id, model.id.in_(reach.of(model))
                )
            )
        )
    return found
