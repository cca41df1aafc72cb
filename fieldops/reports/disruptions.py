"""What upsets a centre's work now: emergency plans in force (EM-01) and area faults (FA-02)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.emergencies import policy as emergency_policy
from fieldops.emergencies.models import Activation, EmergencyPlan
from fieldops.emergencies.rules import Kind
from fieldops.faults import policy as fault_policy
from fieldops.faults.models import AreaFault
from fieldops.faults.rules import OPEN, State
from fieldops.kernel.permissions import Scope
from fieldops.network.models import NetworkFeature

MOST_SHOWN = 50


async def plans_in_force(
    session: AsyncSession, scope: Scope, centre_id: UUID, now: datetime
) -> Sequence[Any]:
    """Return the plans in force for a centre; none without an office.

    In the order of `PlanInForce.place`; a plan of the whole region is among them.
    """
    if not scope.office:
        return ()
    found = await session.execute(
        select(
            Activation.id.label("activation_id"),
            EmergencyPlan.id.label("plan_id"),
            EmergencyPlan.kind,
            EmergencyPlan.name,
            Activation.centre_id,
            Activation.since,
            Activation.until,
            EmergencyPlan.text_en,
            EmergencyPlan.text_zh,
        )
        .join(
            EmergencyPlan,
            and_(
                EmergencyPlan.region_id == Activation.region_id,
                EmergencyPlan.id == Activation.plan_id,
            ),
        )
        .where(
            emergency_policy.visible_activations(scope),
            emergency_policy.in_force(scope.region_id, now),
            EmergencyPlan.region_id == scope.region_id,
            or_(Activation.centre_id == centre_id, Activation.centre_id.is_(None)),
        )
        .order_by(
            (EmergencyPlan.kind == Kind.DISASTER).desc(),
            Activation.centre_id.is_(None),
            Activation.since.desc(),
            Activation.id,
        )
        .limit(MOST_SHOWN)
    )
    return found.all()


async def area_faults(session: AsyncSession, scope: Scope, centre_id: UUID) -> Sequence[Any]:
    """Return a centre's open area faults, confirmed ones first; none without an office.

    `since` is when the fault was confirmed, or was proposed if nobody has decided yet.
    """
    if not scope.office:
        return ()
    since = func.coalesce(AreaFault.confirmed_at, AreaFault.proposed_at).label("since")
    found = await session.execute(
        select(
            AreaFault.id,
            AreaFault.state,
            NetworkFeature.kind.label("feature_kind"),
            NetworkFeature.name.label("feature_name"),
            AreaFault.cause,
            since,
            AreaFault.expected_repair_at,
        )
        .join(
            NetworkFeature,
            and_(
                NetworkFeature.region_id == AreaFault.region_id,
                NetworkFeature.id == AreaFault.feature_id,
            ),
        )
        .where(
            fault_policy.visible_area_faults(scope),
            NetworkFeature.region_id == scope.region_id,
            AreaFault.centre_id == centre_id,
            AreaFault.state.in_(OPEN),
        )
        .order_by((AreaFault.state == State.CONFIRMED).desc(), since, AreaFault.id)
        .limit(MOST_SHOWN)
    )
    return found.all()
