"""Reads of tools, their custody and their calibrations (ORG-05)."""

from datetime import date
from uuid import UUID

from sqlalchemy import Date, Integer, Select, String, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.direct import given, once
from fieldops.kernel.gathering import gathered
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one, lock_one
from fieldops.kernel.rows import tuples
from fieldops.organisation import policy
from fieldops.organisation.models import Calibration, Tool
from fieldops.organisation.rules import InstrumentState


def listed(
    scope: Scope,
    *,
    holder_id: UUID | None = None,
    kind: str | None = None,
    due_by: date | None = None,
    lost: bool | None = None,
    active: bool = True,
) -> Select[Tool]:
    """Return the statement for the tools in a scope by id.

    `due_by`: only those that need a calibration and have none beyond that day.
    """
    found = select(Tool).where(policy.visible_tools(scope), Tool.active == active)
    if holder_id is not None:
        found = found.where(Tool.holder_id == holder_id)
    if kind is not None:
        found = found.where(Tool.kind == kind)
    if lost is not None:
        found = found.where(Tool.lost_at.is_not(None) if lost else Tool.lost_at.is_(None))
    if due_by is not None:
        past = or_(Tool.calibrated_until.is_(None), Tool.calibrated_until <= due_by)
        found = found.where(Tool.needs_calibration, past)
    return found.order_by(Tool.id)


async def tool(session: AsyncSession, scope: Scope, tool_id: UUID) -> Tool:
    """Return a tool of the scope; raises NotFound."""
    return await find_one(
        session, select(Tool).where(policy.visible_tools(scope), Tool.id == tool_id), "tool"
    )


async def lock_tool(session: AsyncSession, scope: Scope, tool_id: UUID) -> Tool:
    """Return a tool of the scope locked for a change; raises NotFound."""
    return await lock_one(
        session, select(Tool).where(policy.visible_tools(scope), Tool.id == tool_id), "tool"
    )


async def calibrations_of(
    session: AsyncSession, region_id: int, tool_id: UUID
) -> list[Calibration]:
    """Return a tool's calibrations, newest first."""
    found = await session.scalars(
        select(Calibration)
        .where(Calibration.region_id == region_id, Calibration.tool_id == tool_id)
        .order_by(Calibration.calibrated_on.desc(), Calibration.id.desc())
    )
    return list(found)


async def instrument_on(
    session: AsyncSession, region_id: int, serial: str, day: date
) -> InstrumentState:
    """Return how an instrument stood on a local day, by its serial number (ORG-05)."""
    known = gathered(session).facts
    key = (instrument_on, serial, day)
    if key not in known:
        # Nothing is flushed before: no command that measures changes instruments.
        of = {"region_id": region_id, "serial": serial, "day": day}
        rows = await tuples(session, once(_standing), of)
        known[key] = _state(*rows[0]) if rows else InstrumentState.UNKNOWN
    found: InstrumentState = known[key]
    return found


def _state(needs_calibration: bool, calibrated: bool) -> InstrumentState:  # noqa: FBT001
    past = needs_calibration and not calibrated
    return InstrumentState.PAST_DUE if past else InstrumentState.VALID


def _standing() -> Select[bool, bool]:
    day = given("day", Date())
    held = select(Calibration.id).where(
        Calibration.region_id == given("region_id", Integer()),
        Calibration.tool_id == Tool.id,
        Calibration.calibrated_on <= day,
        Calibration.valid_until >= day,
    )
    return select(Tool.needs_calibration, held.exists()).where(
        Tool.region_id == given("region_id", Integer()), Tool.serial == given("serial", String())
    )
