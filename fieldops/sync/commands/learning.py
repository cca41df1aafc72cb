"""Taking by rule what a phone sent before this server knew the command (SYNC section 2)."""

from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import commands
from fieldops.kernel.actor import system
from fieldops.kernel.commands import UnknownCommand
from fieldops.kernel.errors import Coded
from fieldops.kernel.permissions import Permission
from fieldops.sync import queries
from fieldops.sync.cases import plain, status_of
from fieldops.sync.commands import entries
from fieldops.sync.errors import CaseClosed, NotForDevices
from fieldops.sync.models import Case, Device
from fieldops.sync.rules import CaseState, Status

log = structlog.get_logger()

BY_RULE = "by rule: the server knows this command now"
_WAITING = frozenset({Status.HELD.value, Status.REJECTED.value})


async def judge_again(
    session: AsyncSession, region_id: int, case_id: UUID, now: datetime
) -> CaseState | None:
    """Judge a case of unknown commands once more, as if it had been pushed now.

    Its commands run in the device's order, each in its savepoint. All took effect: the case is
    closed as taken. One is refused: it stays at the desk with that reason, and what builds on
    it waits. Returns how the case stands then, None when nothing of it is known yet.
    """
    scope = system(region_id).scope(Permission.DESK_DECIDE)
    try:
        case, device = await queries.lock_case(session, scope, case_id)
    except CaseClosed:
        return None
    kept = await queries.entries_of(session, region_id, case.id)
    waiting = [(e.id, e.name, e.v) for e in kept if e.status in _WAITING]
    if not waiting or commands.taken_by(*waiting[0][1:]) is None:
        return None
    session.expunge_all()
    taken, refusal = [], None
    for entry_id, _name, _v in waiting:
        refusal = await _once_more(session, device, case_id, entry_id, now)
        if refusal is not None:
            break
        taken.append(str(entry_id))
    return await _note(session, region_id, case_id, taken, refusal, now)


async def _once_more(
    session: AsyncSession, device: Device, case_id: UUID, entry_id: UUID, now: datetime
) -> Coded | None:
    """Run one kept command; returns why it did not take effect."""
    kept = await queries.entries_of(session, device.region_id, case_id)
    entry = next(row for row in kept if row.id == entry_id)
    try:
        async with session.begin_nested():
            await entries.run(session, device, entry, now, accepted=False)
    except Coded as refusal:
        return refusal
    finally:
        session.expunge_all()
    return None


async def _note(
    session: AsyncSession,
    region_id: int,
    case_id: UUID,
    taken: list[str],
    refusal: Coded | None,
    now: datetime,
) -> CaseState:
    case = await session.get_one(Case, (region_id, case_id))
    if refusal is None:
        case.state, case.decided_at, case.reason = CaseState.TAKEN.value, now, BY_RULE
        case.outcome = {"applied": taken}
    elif not isinstance(refusal, UnknownCommand):
        case.code, case.status = refusal.code, status_of(refusal)
        case.message, case.advice = refusal.message, refusal.advice
        case.next_steps, case.details = list(refusal.next_steps), plain(refusal.details)
        if isinstance(refusal, NotForDevices):
            for entry in await queries.entries_of(session, region_id, case_id):
                if entry.name == case.name:  # it may hold contact data (CU-04)
                    entry.command = {**entry.command, "args": {}}
    await queries.news_of_cases(session, region_id, case.device_id)
    log.info("case judged again", case_id=str(case_id), state=case.state, code=case.code)
    return CaseState(case.state)
