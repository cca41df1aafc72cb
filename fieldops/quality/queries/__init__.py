"""Reads of quality: what a visit's evidence is, what it is like, flags and how checks did."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, cast, func, or_, select
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from fieldops.files.models import File, FileLink
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one, lock_one
from fieldops.measurements.models import LineTest, SpeedTest
from fieldops.measurements.rules import LINE_VALUES
from fieldops.orders.models import WorkOrder
from fieldops.quality import policy, rules
from fieldops.quality.models import EvidenceFlag, EvidenceLook, PhotoPrint
from fieldops.quality.prints import BAND_BITS, Bands
from fieldops.quality.rules import Check, FlagState, PrintState
from fieldops.visits.models import Visit, VisitWork
from fieldops.visits.rules import State

SPEED_VALUES = ("down_mbps", "up_mbps", "latency_ms", "jitter_ms", "loss_percent")


def flags(
    scope: Scope,
    *,
    visit_id: UUID | None = None,
    technician_id: UUID | None = None,
    kinds: Collection[Check] = (),
    states: Collection[FlagState] = (),
) -> Select[EvidenceFlag]:
    """Return the statement for the flags in a scope, by id."""
    found = select(EvidenceFlag).where(policy.visible_flags(scope)).order_by(EvidenceFlag.id)
    if visit_id is not None:
        found = found.where(EvidenceFlag.visit_id == visit_id)
    if technician_id is not None:
        found = found.where(EvidenceFlag.technician_id == technician_id)
    if kinds:
        found = found.where(EvidenceFlag.kind.in_(kinds))
    return found.where(EvidenceFlag.state.in_(states)) if states else found


async def flag(session: AsyncSession, scope: Scope, flag_id: UUID) -> EvidenceFlag:
    """Return a flag; raises NotFound outside the scope."""
    return await find_one(session, flags(scope).where(EvidenceFlag.id == flag_id), "evidence flag")


async def lock_flag(session: AsyncSession, scope: Scope, flag_id: UUID) -> EvidenceFlag:
    """Return a flag locked for a change; raises NotFound outside the scope."""
    return await lock_one(session, flags(scope).where(EvidenceFlag.id == flag_id), "evidence flag")


async def known_flags(
    session: AsyncSession, region_id: int, visit_id: UUID
) -> set[tuple[str, UUID]]:
    """Return (kind, subject) of the flags a visit has: nothing is asked twice."""
    found = await session.execute(
        select(EvidenceFlag.kind, EvidenceFlag.subject_id).where(
            EvidenceFlag.region_id == region_id, EvidenceFlag.visit_id == visit_id
        )
    )
    return {(kind, subject_id) for kind, subject_id in found}


async def look_at(session: AsyncSession, region_id: int, visit_id: UUID) -> EvidenceLook | None:
    """Return when a visit was looked at last, None when it never was."""
    found: EvidenceLook | None = await session.scalar(
        select(EvidenceLook).where(
            EvidenceLook.region_id == region_id, EvidenceLook.visit_id == visit_id
        )
    )
    return found


async def due_visits(
    session: AsyncSession, region_id: int, now: datetime, second_look: timedelta
) -> list[UUID]:
    """Return visits that ended lately and wait for their first or second look, oldest first."""
    late = Visit.ended_at + second_look
    found = await session.scalars(
        select(Visit.id)
        .outerjoin(
            EvidenceLook,
            and_(
                EvidenceLook.region_id == Visit.region_id,
                EvidenceLook.visit_id == Visit.id,
                EvidenceLook.region_id == region_id,
            ),
        )
        .where(
            Visit.region_id == region_id,
            Visit.state.in_([State.COMPLETED, State.FAILED]),
            Visit.window_start > now - rules.LOOKED_BACK,
            or_(EvidenceLook.id.is_(None), and_(EvidenceLook.looked_at < late, late <= now)),
        )
        .order_by(Visit.ended_at, Visit.id)
        .limit(rules.AT_ONCE)
    )
    return list(found)


def _of_photos() -> Any:
    return and_(
        FileLink.visit_id.is_not(None),
        FileLink.purpose.in_(rules.PHOTO_PURPOSES),
        FileLink.mime.startswith("image/", autoescape=True),
    )


async def new_photos(session: AsyncSession, region_id: int, now: datetime) -> list[str]:
    """Return stored photos of visits (sha256) that have no print yet, oldest first."""
    printed = select(PhotoPrint.id).where(
        PhotoPrint.region_id == region_id, PhotoPrint.sha256 == File.sha256
    )
    linked = select(FileLink.id).where(
        FileLink.region_id == region_id, FileLink.sha256 == File.sha256, _of_photos()
    )
    found = await session.scalars(
        select(File.sha256)
        .where(
            File.region_id == region_id,
            File.stored_at > now - rules.LOOKED_BACK,
            linked.exists(),
            ~printed.exists(),
        )
        .order_by(File.stored_at, File.sha256)
        .limit(rules.AT_ONCE)
    )
    return list(found)


async def printed(session: AsyncSession, region_id: int, sha256: str) -> bool:
    """Return whether a content has its print already."""
    found = await session.scalar(
        select(PhotoPrint.id).where(PhotoPrint.region_id == region_id, PhotoPrint.sha256 == sha256)
    )
    return found is not None


async def looked_at_with(
    session: AsyncSession, region_id: int, sha256s: Collection[str]
) -> list[UUID]:
    """Return the visits with one of the photos that were looked at before it had its print."""
    found = await session.scalars(
        select(EvidenceLook.visit_id)
        .join(
            FileLink,
            and_(
                FileLink.region_id == EvidenceLook.region_id,
                FileLink.visit_id == EvidenceLook.visit_id,
            ),
        )
        .where(
            EvidenceLook.region_id == region_id,
            FileLink.region_id == region_id,
            FileLink.sha256.in_(sha256s),
        )
        .distinct()
        .order_by(EvidenceLook.visit_id)
    )
    return list(found)


async def photos(
    session: AsyncSession, region_id: int, visit_id: UUID
) -> list[tuple[FileLink, Bands | None]]:
    """Return the photos of a visit that have their print, with its bands where it is usable.

    A dark or empty photo is left out: it is like every other one.
    """
    found = await session.execute(
        select(FileLink, PhotoPrint)
        .join(
            PhotoPrint,
            and_(PhotoPrint.region_id == FileLink.region_id, PhotoPrint.sha256 == FileLink.sha256),
        )
        .where(
            FileLink.region_id == region_id,
            PhotoPrint.region_id == region_id,
            FileLink.visit_id == visit_id,
            PhotoPrint.state != PrintState.FLAT,
            _of_photos(),
        )
        .order_by(FileLink.captured_at, FileLink.id)
    )
    return [(link, _bands(one)) for link, one in found]


def _bands(row: PhotoPrint) -> Bands | None:
    if row.state != PrintState.USABLE:
        return None
    return (row.band_a or 0, row.band_b or 0, row.band_c or 0, row.band_d or 0)


@dataclass(frozen=True, slots=True)
class Like:
    """An earlier photo of another visit that is like one: in how many points they differ."""

    link_id: UUID
    visit_id: UUID
    technician_id: UUID | None
    captured_at: datetime
    distance: int
    same_content: bool


async def like(
    session: AsyncSession, link: FileLink, bands: Bands | None, since: datetime, most: int
) -> Like | None:
    """Return the nearest earlier photo of another visit: the same content, or a like print.

    A photo without bands is compared by its content only.
    """
    earlier = (
        FileLink.region_id == link.region_id,
        FileLink.visit_id != link.visit_id,
        _of_photos(),
        FileLink.captured_at >= since,
        FileLink.captured_at < link.captured_at,
    )
    same = await session.scalar(
        select(FileLink)
        .where(*earlier, FileLink.sha256 == link.sha256)
        .order_by(FileLink.captured_at, FileLink.id)
        .limit(1)
    )
    if same is not None:
        return _like(same, 0, same_content=True)
    if bands is None:
        return None
    columns = (PhotoPrint.band_a, PhotoPrint.band_b, PhotoPrint.band_c, PhotoPrint.band_d)
    differing: Any = sum(
        func.bit_count(cast(column.op("#")(band), BIT(BAND_BITS)))
        for column, band in zip(columns, bands, strict=True)
    )
    found = await session.execute(
        select(FileLink, differing.label("distance"))
        .join(
            PhotoPrint,
            and_(PhotoPrint.region_id == FileLink.region_id, PhotoPrint.sha256 == FileLink.sha256),
        )
        .where(
            *earlier,
            PhotoPrint.region_id == link.region_id,
            or_(*(column == band for column, band in zip(columns, bands, strict=True))),
            differing <= most,
        )
        .order_by(differing, FileLink.captured_at, FileLink.id)
        .limit(1)
    )
    nearest = found.first()
    return None if nearest is None else _like(nearest[0], nearest[1], same_content=False)


def _like(link: FileLink, distance: int, *, same_content: bool) -> Like:
    visit_id: Any = link.visit_id  # the statement asks for links of visits only
    return Like(
        link.id, visit_id, link.technician_id, link.captured_at, int(distance), same_content
    )


async def kinds_of_work(session: AsyncSession, region_id: int, visit_id: UUID) -> set[str]:
    """Return the kinds of the work orders that were completed on a visit."""
    found = await session.scalars(
        select(WorkOrder.kind)
        .join(
            VisitWork,
            and_(
                VisitWork.region_id == WorkOrder.region_id, VisitWork.work_order_id == WorkOrder.id
            ),
        )
        .where(
            WorkOrder.region_id == region_id,
            VisitWork.region_id == region_id,
            VisitWork.visit_id == visit_id,
            VisitWork.outcome == State.COMPLETED,
        )
    )
    return set(found)


Test = LineTest | SpeedTest


def values_of(test: Test) -> tuple[float | None, ...]:
    """Return a test's measured values in the order of their names."""
    names = LINE_VALUES if isinstance(test, LineTest) else SPEED_VALUES
    return tuple(getattr(test, name) for name in names)


async def tests_of(session: AsyncSession, region_id: int, visit_id: UUID) -> list[Test]:
    """Return the line and speed tests of a visit, by id."""
    found: list[Test] = []
    models: tuple[type[LineTest], type[SpeedTest]] = (LineTest, SpeedTest)
    for model in models:
        rows: Any = await session.scalars(
            select(model)
            .where(model.region_id == region_id, model.visit_id == visit_id)
            .order_by(model.id)
        )
        found += rows
    return found


async def equal_test(
    session: AsyncSession, test: Test, since: datetime
) -> Row[tuple[UUID, UUID, datetime]] | None:
    """Return (id, visit, when) of an earlier test with all the same values.

    Either by the same technician at any other line or visit, or of the same line by anybody.
    Several tests of one line on one visit are a repetition, not a copy.
    """
    model: Any = type(test)
    other = aliased(model)
    names = LINE_VALUES if isinstance(test, LineTest) else SPEED_VALUES
    same_line = and_(other.service_id == test.service_id, other.service_id.is_not(None))
    found = await session.execute(
        select(other.id, other.visit_id, other.estimated_at)
        .where(
            other.region_id == test.region_id,
            other.id != test.id,
            other.estimated_at >= since,
            other.estimated_at <= test.estimated_at,
            # Of two at one moment one only is the copy.
            or_(other.estimated_at < test.estimated_at, other.id < test.id),
            or_(other.visit_id != test.visit_id, other.service_id != test.service_id),
            or_(other.technician_id == test.technician_id, same_line),
            *(getattr(other, name).is_not_distinct_from(getattr(test, name)) for name in names),
        )
        .order_by(other.estimated_at.desc(), other.id)
        .limit(1)
    )
    return found.first()


async def counts(
    session: AsyncSession,
    scope: Scope,
    starts: datetime,
    ends: datetime,
    centre_id: UUID | None,
) -> dict[tuple[str, str], int]:
    """Return how many flags were raised in a time, by (kind, state)."""
    statement = (
        select(EvidenceFlag.kind, EvidenceFlag.state, func.count())
        .where(
            policy.visible_flags(scope),
            EvidenceFlag.found_at >= starts,
            EvidenceFlag.found_at < ends,
        )
        .group_by(EvidenceFlag.kind, EvidenceFlag.state)
    )
    if centre_id is not None:
        statement = statement.where(EvidenceFlag.centre_id == centre_id)
    return {(kind, state): number for kind, state, number in await session.execute(statement)}


async def looked_at(
    session: AsyncSession,
    scope: Scope,
    starts: datetime,
    ends: datetime,
    centre_id: UUID | None,
) -> int:
    """Return how many visits of a scope's centres were looked at last in a time."""
    statement = select(func.count()).where(
        policy.visible_looks(scope),
        EvidenceLook.looked_at >= starts,
        EvidenceLook.looked_at < ends,
    )
    if centre_id is not None:
        statement = statement.where(EvidenceLook.centre_id == centre_id)
    return int(await session.scalar(statement) or 0)
