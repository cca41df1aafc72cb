"""Receipts (SYNC 7): what was promised as evidence, has arrived, is missing or late."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.files import policy, rules
from fieldops.files.models import FileLink
from fieldops.files.schemas import DeviceReceipt, Evidence, FileLinkRead, Receipt
from fieldops.kernel import clock, configuration
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Scope


def _open() -> ColumnElement[bool]:
    return FileLink.arrived.is_(False) & FileLink.given_up_at.is_(None)


async def _late(session: AsyncSession, region_id: int) -> datetime:
    """Return the time before which a promise was made that is overdue now (SYNC 7)."""
    return clock.now() - await configuration.duration(session, region_id, rules.MISSING_AFTER)


async def evidence(session: AsyncSession, region_id: int, visit_id: UUID) -> Evidence:
    """Return the counts of a visit's promises; the visit is within the reader's scope."""
    contents = func.count(FileLink.sha256.distinct())
    overdue = _open() & (FileLink.created_at < await _late(session, region_id))
    found = await session.execute(
        select(
            contents.label("promised"),
            contents.filter(FileLink.arrived).label("arrived"),
            contents.filter(overdue).label("overdue"),
        ).where(FileLink.region_id == region_id, FileLink.visit_id == visit_id)
    )
    return Evidence.model_validate(found.one())


async def lock_newly_overdue(
    session: AsyncSession, region_id: int, promised_before: datetime, limit: int
) -> list[FileLink]:
    """Return promises that are overdue and not noted as that, locked, those first made first."""
    found = await session.scalars(
        select(FileLink)
        .where(
            FileLink.region_id == region_id,
            _open(),
            FileLink.overdue_since.is_(None),
            FileLink.created_at < promised_before,
        )
        .order_by(FileLink.captured_at, FileLink.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(found)


async def receipt(session: AsyncSession, scope: Scope, visit_id: UUID) -> Receipt:
    """Return what was promised for a visit, what of it has arrived and what is late.

    Raises NotFound when the scope sees nothing promised for that visit.
    """
    found = list(
        await session.scalars(
            select(FileLink)
            .where(policy.visible(scope), FileLink.visit_id == visit_id)
            .order_by(FileLink.captured_at, FileLink.id)
        )
    )
    if not found:
        raise NotFound(thing="receipt")
    promised = {row.sha256 for row in found}
    here = {row.sha256 for row in found if row.arrived}
    missing = [FileLinkRead.model_validate(row) for row in found if not row.arrived]
    late = await _late(session, scope.region_id)
    overdue = {m.sha256 for m in missing if m.given_up_at is None and m.created_at < late}
    return Receipt(
        visit_id=visit_id,
        promised=len(promised),
        arrived=len(here),
        complete=here == promised,
        missing_since=missing[0].captured_at if missing else None,
        overdue=len(overdue),
        missing=missing,
    )


async def device_receipts(
    session: AsyncSession, scope: Scope, device_id: UUID | None, limit: int
) -> list[DeviceReceipt]:
    """Return per device what it has promised and what has arrived, the oldest missing first."""
    open_ = _open()
    overdue = open_ & (FileLink.created_at < await _late(session, scope.region_id))
    oldest = func.min(FileLink.captured_at).filter(open_)
    statement = (
        select(
            FileLink.device_id,
            FileLink.technician_id,
            func.count(FileLink.sha256.distinct()).label("promised"),
            func.count(FileLink.sha256.distinct()).filter(FileLink.arrived).label("arrived"),
            func.count(FileLink.sha256.distinct()).filter(open_).label("missing"),
            func.count(FileLink.sha256.distinct()).filter(overdue).label("overdue"),
            oldest.label("missing_since"),
        )
        .where(policy.visible(scope), FileLink.device_id.is_not(None))
        .group_by(FileLink.device_id, FileLink.technician_id)
        .order_by(oldest.nulls_last(), FileLink.device_id)
        .limit(limit)
    )
    if device_id is not None:
        statement = statement.where(FileLink.device_id == device_id)
    return [DeviceReceipt.model_validate(row) for row in await session.execute(statement)]


def missing(
    scope: Scope,
    *,
    promised_before: datetime | None = None,
    device_id: UUID | None = None,
    technician_id: UUID | None = None,
) -> Select[FileLink]:
    """Return the statement for promises that nothing has arrived for, the oldest capture first.

    `promised_before` leaves out those the server has known for a shorter time; those an office has
    given up are not listed.
    """
    statement = (
        select(FileLink)
        .where(policy.visible(scope), FileLink.arrived.is_(False), FileLink.given_up_at.is_(None))
        .order_by(FileLink.captured_at, FileLink.id)
    )
    if promised_before is not None:
        statement = statement.where(FileLink.created_at < promised_before)
    if device_id is not None:
        statement = statement.where(FileLink.device_id == device_id)
    if technician_id is not None:
        statement = statement.where(FileLink.technician_id == technician_id)
    return statement


async def count_missing(
    session: AsyncSession, scope: Scope, centre_id: UUID, promised_before: datetime
) -> int:
    """Return how many contents of a centre have been missing since before a time."""
    found = await session.scalar(
        select(func.count(FileLink.sha256.distinct())).where(
            policy.visible(scope),
            FileLink.region_id == scope.region_id,
            FileLink.centre_id == centre_id,
            FileLink.arrived.is_(False),
            FileLink.given_up_at.is_(None),
            FileLink.created_at < promised_before,
        )
    )
    return found or 0
