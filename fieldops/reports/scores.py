"""Scores and findings of centres, firms and people by inspections, weighed (QA-06, KP-03)."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.models import Customer
from fieldops.kernel.clock import local_day
from fieldops.kernel.permissions import Scope
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Technician, Unit
from fieldops.quality import policy
from fieldops.quality.models import FilledForm, Inspection, InspectionFinding
from fieldops.quality.rules import InspectionState
from fieldops.reports import months
from fieldops.reports.asked import service_of_visit
from fieldops.reports.registry import Sum
from fieldops.visits.models import Visit

DONE = (InspectionState.REPORTED, InspectionState.ANSWERED, InspectionState.ACCEPTED)


class Of(StrEnum):
    """What is ranked."""

    CENTRE = "centre"
    FIRM = "firm"
    TECHNICIAN = "technician"


@dataclass(slots=True)
class Standing:
    """How somebody did in a time: the scores of filled forms, added up, findings by severity."""

    forms: Sum = field(default_factory=Sum)
    findings: dict[str, int] = field(default_factory=dict)

    @property
    def mean(self) -> float | None:
        """The plain mean of the forms' scores, None without a form."""
        return self.forms.value()

    @property
    def score(self) -> float | None:
        """The mean with each form at the weight of its visit's service and tier (KP-03)."""
        return self.forms.score()


async def standings(
    session: AsyncSession,
    scope: Scope,
    of: Of,
    starts: datetime,
    ends: datetime,
    centre_id: UUID | None = None,
) -> dict[UUID, Standing]:
    """Return how each centre, firm or person did by inspections whose sheet was given.

    Forms by when they were filled, findings by when they were made. A firm stands for its
    technicians, and for findings on the firm itself.
    """
    found: dict[UUID, Standing] = {}
    weights = await months.weights_by_month(session, scope.region_id)
    zone = await organisation.zone_of(session, scope.region_id)
    for who, filled_at, service, tier, score in await session.execute(
        _counted(scope, of, FilledForm, FilledForm.filled_at, starts, ends, centre_id)
    ):
        weight = months.weights_of(weights, local_day(filled_at, zone)).of(service, tier)
        found.setdefault(who, Standing()).forms.add(score, 1, 1, weight)
    for who, severity, number in await session.execute(
        _counted(scope, of, InspectionFinding, InspectionFinding.given_at, starts, ends, centre_id)
    ):
        found.setdefault(who, Standing()).findings[severity] = number
    return found


def _counted(
    scope: Scope,
    of: Of,
    model: Any,
    moment: Any,
    starts: datetime,
    ends: datetime,
    centre_id: UUID | None,
) -> Any:
    """Return the statement for forms (each with its score) or findings (by severity)."""
    technician = and_(
        Technician.region_id == model.region_id,
        Technician.id == model.technician_id,
        Technician.region_id == scope.region_id,
    )
    forms = model is FilledForm
    who: Any = {
        Of.CENTRE: model.centre_id,
        Of.TECHNICIAN: model.technician_id,
        Of.FIRM: Technician.firm_id if forms else func.coalesce(Technician.firm_id, Unit.id),
    }[of]
    if forms:
        service = service_of_visit(scope.region_id, model.visit_id)
        columns = [model.filled_at, service, _tier(scope.region_id), model.score]
    else:
        columns = [model.severity, func.count()]
    statement = select(who, *columns).join(
        Inspection,
        and_(Inspection.region_id == model.region_id, Inspection.id == model.inspection_id),
    )
    if of is Of.FIRM:
        statement = statement.outerjoin(Technician, technician)
        if not forms:
            firm = and_(Unit.id == model.unit_id, Unit.kind == "firm")
            statement = statement.outerjoin(Unit, firm)
    visible = policy.visible_forms(scope) if forms else policy.visible_findings(scope)
    statement = statement.where(
        visible,
        Inspection.region_id == scope.region_id,
        Inspection.state.in_(DONE),
        moment >= starts,
        moment < ends,
        who.is_not(None),
    )
    if centre_id is not None:
        statement = statement.where(model.centre_id == centre_id)
    return statement if forms else statement.group_by(who, model.severity)


def _tier(region_id: int) -> Any:
    """Return the tier of the customer whose visit a form is about; null for one about a unit."""
    return (
        select(Customer.tier)
        .join(Visit, and_(Visit.region_id == region_id, Visit.customer_id == Customer.id))
        .where(Customer.region_id == region_id, Visit.id == FilledForm.visit_id)
        .correlate(FilledForm)
        .scalar_subquery()
    )


async def names(
    session: AsyncSession, region_id: int, of: Of, ids: Collection[UUID]
) -> dict[UUID, str]:
    """Return the names of what is ranked."""
    statement = select(Unit.id, Unit.name).where(Unit.id.in_(sorted(ids)))
    if of is Of.TECHNICIAN:
        statement = select(Technician.id, Technician.name).where(
            Technician.region_id == region_id, Technician.id.in_(sorted(ids))
        )
    found = await session.execute(statement)
    return {row.id: row.name for row in found}
