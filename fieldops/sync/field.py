"""What phones hold of one record, and what of it may be unsent: a dispatcher's warning.

Asked before a visit is taken from somebody, and told in the answer when it was (SYNC section 2).
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.files.models import FileLink
from fieldops.kernel.audit import Audit
from fieldops.kernel.base import Regional
from fieldops.sync import queries, rules
from fieldops.sync.models import Device, HeldRow
from fieldops.sync.rules import DeviceState, Unsent
from fieldops.sync.schemas import FieldState


async def states(
    session: AsyncSession,
    region_id: int,
    resource: str,
    row_id: UUID,
    person_ids: Collection[UUID],
    now: datetime,
) -> list[FieldState]:
    """Return what the phones of some people hold of a record, last seen first.

    Devices that were wiped or replaced and hold nothing of it are left out.
    """
    model = queries.model_of(resource)
    if model is None or not person_ids:
        return []
    version = await session.scalar(
        select(model.version).where(model.region_id == region_id, model.id == row_id)
    )
    missing = await _evidence_missing(session, region_id, row_id, person_ids)
    found = []
    for row in await _devices(session, region_id, resource, row_id, person_ids):
        if row.held is None and (row.wiped_at is not None or row.replaced_at is not None):
            continue
        shown = await _state_at(session, region_id, model, row_id, row.held)
        found.append(_state(row, version, shown, missing.get(row.person_id, 0), now))
    return found


def _state(
    row: Row[Any], version: int | None, shown: str | None, missing: int, now: datetime
) -> FieldState:
    holds = row.held is not None
    unsent = []
    if row.queued:
        unsent.append(Unsent.QUEUED)
    if (holds or row.leaving) and now - row.last_seen_at >= rules.SILENT_AFTER:
        unsent.append(Unsent.SILENT)
    if missing:
        unsent.append(Unsent.EVIDENCE)
    return FieldState(
        device_id=row.id,
        person_id=row.person_id,
        name=row.name,
        state=DeviceState(row.state),
        app_version=row.app_version,
        last_seen_at=row.last_seen_at,
        holds=holds,
        leaving=row.leaving and not holds,
        held_version=row.held,
        present_version=version,
        state_on_device=shown,
        queued=row.queued,
        oldest_queued=row.oldest_queued,
        oldest_queued_at=row.oldest_queued_at,
        last_stop=row.last_stop,
        evidence_missing=missing,
        unsent=unsent,
    )


async def _devices(
    session: AsyncSession, region_id: int, type_: str, row_id: UUID, person_ids: Collection[UUID]
) -> list[Row[Any]]:
    """Return the people's devices with the version of the row each was sent.

    `leaving`: its removal was sent, and the device has not said that it arrived.
    """
    sent = (
        HeldRow.region_id == region_id,
        HeldRow.device_id == Device.id,
        HeldRow.type == type_,
        HeldRow.row_id == row_id,
    )
    held = (
        select(func.max(HeldRow.version))
        .where(*sent, HeldRow.removed_gen.is_(None))
        .scalar_subquery()
    )
    leaving = (
        select(HeldRow.row_id).where(*sent, HeldRow.removed_gen > Device.gen_confirmed).exists()
    )
    columns = (
        Device.id, Device.person_id, Device.name, Device.state, Device.app_version,
        Device.last_seen_at, Device.queued, Device.oldest_queued, Device.oldest_queued_at,
        Device.last_stop, Device.wiped_at, Device.replaced_at,
        held.label("held"), leaving.label("leaving"),
    )  # fmt: skip
    found = await session.execute(
        select(*columns)
        .where(Device.region_id == region_id, Device.person_id.in_(person_ids))
        .order_by(Device.last_seen_at.desc(), Device.id)
    )
    return list(found.all())


async def _state_at(
    session: AsyncSession,
    region_id: int,
    model: type[Regional],
    row_id: UUID,
    version: int | None,
) -> str | None:
    """Return the state a record had at a version, from the audit."""
    if version is None:
        return None
    state = Audit.after["state"].astext
    found: str | None = await session.scalar(
        select(state)
        .where(
            Audit.region_id == region_id,
            Audit.entity == model.__tablename__,
            Audit.entity_id == row_id,
            Audit.entity_version <= version,
            state.is_not(None),
        )
        .order_by(Audit.entity_version.desc())
        .limit(1)
    )
    return found


async def _evidence_missing(
    session: AsyncSession, region_id: int, visit_id: UUID, person_ids: Collection[UUID]
) -> dict[UUID, int]:
    """Return how many promised files of a visit are not here, by technician."""
    found = await session.execute(
        select(FileLink.technician_id, func.count())
        .where(
            and_(FileLink.region_id == region_id, FileLink.visit_id == visit_id),
            FileLink.technician_id.in_(person_ids),
            FileLink.arrived.is_(False),
        )
        .group_by(FileLink.technician_id)
    )
    return {person_id: count for person_id, count in found if person_id is not None}
