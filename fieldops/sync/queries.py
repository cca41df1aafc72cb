"""All SQL of sync: device rows, the ledger of a batch, the difference of two views, cases."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    CompoundSelect,
    DateTime,
    Integer,
    Row,
    Select,
    String,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    cast,
    delete,
    false,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import views
from fieldops.kernel.audit import Audit
from fieldops.kernel.base import Base, Regional
from fieldops.kernel.db import CATALOGUES, ChangeCounter
from fieldops.kernel.errors import NotFound
from fieldops.kernel.ids import NIL
from fieldops.kernel.ledger import LedgerEntry
from fieldops.kernel.permissions import Scope
from fieldops.kernel.views import DeviceScope, View
from fieldops.sync import policy
from fieldops.sync.errors import CaseClosed
from fieldops.sync.models import Case, CaseEntry, Device, Epoch, HeldRow
from fieldops.sync.rules import CaseState


def _epoch(region_id: int) -> ColumnElement[int]:
    found = select(Epoch.epoch).where(Epoch.region_id == region_id).scalar_subquery()
    return func.coalesce(found, 1)


async def epoch(session: AsyncSession, region_id: int) -> int:
    """Return the epoch of a region."""
    return int(await session.scalar(select(_epoch(region_id))) or 1)


# --- devices -------------------------------------------------------------------------------


async def device(session: AsyncSession, scope: Scope, device_id: UUID) -> Device:
    """Return a device inside a scope; raises NotFound."""
    found: Device | None = await session.scalar(
        select(Device).where(policy.visible_devices(scope), Device.id == device_id)
    )
    if found is None:
        raise NotFound(thing="device")
    return found


async def lock_device(session: AsyncSession, scope: Scope, device_id: UUID) -> Device:
    """Return a device inside a scope, locked; raises NotFound."""
    found: Device | None = await session.scalar(
        select(Device)
        .where(policy.visible_devices(scope), Device.id == device_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound(thing="device")
    return found


def devices(scope: Scope) -> Select[Any]:
    """Return the statement for the devices of a scope."""
    return select(Device).where(policy.visible_devices(scope))


async def device_for_push(
    session: AsyncSession, region_id: int, device_id: UUID
) -> Row[tuple[Device, int]] | None:
    """Lock a device and return it with the epoch: the first statement of every push."""
    found = await session.execute(
        select(Device, _epoch(region_id).label("epoch"))
        .where(Device.region_id == region_id, Device.id == device_id)
        .with_for_update(of=Device)
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def device_for_pull(
    session: AsyncSession, region_id: int, device_id: UUID
) -> Row[Any] | None:
    """Return a device with the epoch and the counters of its fast path, in one statement."""
    found = await session.execute(
        select(
            *Device.__table__.c,
            _epoch(region_id).label("epoch"),
            _counters(region_id, Device.view_centres).label("counters"),
            _catalogue().label("catalogue"),
        ).where(Device.region_id == region_id, Device.id == device_id)
    )
    return found.one_or_none()


def _counters(region_id: int, centres: Any) -> ColumnElement[int]:
    """Return the sum of the centres' counters: they only grow, so that it shows any change."""
    total = (
        select(cast(func.sum(ChangeCounter.counter), BigInteger))
        .where(ChangeCounter.region_id == region_id, ChangeCounter.centre_id == any_(centres))
        .scalar_subquery()
    )
    return func.coalesce(total, 0)


def _catalogue() -> ColumnElement[int]:
    counter = ChangeCounter.__table__.alias("catalogue_counter")
    found = (
        select(counter.c.counter)
        .where(counter.c.region_id == CATALOGUES, counter.c.centre_id == NIL)
        .scalar_subquery()
    )
    return func.coalesce(found, 0)


async def counters(
    session: AsyncSession, region_id: int, centres: Collection[UUID]
) -> tuple[int, int]:
    """Return the sum of the centres' change counters and the catalogue's, in one statement."""
    wanted = bindparam("centres", list(centres), ARRAY(Uuid()))
    row = (await session.execute(select(_counters(region_id, wanted), _catalogue()))).one()
    return int(row[0]), int(row[1])


async def lock_for_pull(session: AsyncSession, region_id: int, device_id: UUID) -> None:
    """Lock a device inside a pull's snapshot; a change since the snapshot gives 40001."""
    await session.execute(
        select(Device.id)
        .where(Device.region_id == region_id, Device.id == device_id)
        .with_for_update()
    )


async def write_device(
    session: AsyncSession, region_id: int, device_id: UUID, **values: Any
) -> None:
    """Write hot columns of a device, past the audit and the version."""
    await session.execute(
        update(Device)
        .where(Device.region_id == region_id, Device.id == device_id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


async def news_of_cases(session: AsyncSession, region_id: int, device_id: UUID) -> None:
    """Note that a device's cases changed, so that its next pull looks."""
    await write_device(session, region_id, device_id, case_gen=Device.case_gen + 1)


# --- the ledger of a batch -----------------------------------------------------------------


@dataclass(slots=True)
class Known:
    """A command seen before: its result as the text that was first sent."""

    id: UUID
    actor_id: UUID
    content_hash: bytes
    status: str
    case_id: UUID | None
    result: str


async def ledger_of(
    session: AsyncSession, region_id: int, ids: Collection[UUID]
) -> dict[UUID, Known]:
    """Return what the ledger knows of commands, by id, in one statement."""
    found = await session.execute(
        select(
            LedgerEntry.id,
            LedgerEntry.actor_id,
            LedgerEntry.content_hash,
            LedgerEntry.status,
            LedgerEntry.case_id,
            cast(LedgerEntry.result, Text),
        ).where(LedgerEntry.region_id == region_id, LedgerEntry.id.in_(ids))
    )
    return {row[0]: Known(*row) for row in found}


async def close_entries(
    session: AsyncSession, region_id: int, case_ids: Collection[UUID], status: str
) -> None:
    """Note how all commands of cases ended."""
    await session.execute(
        update(CaseEntry)
        .where(CaseEntry.region_id == region_id, CaseEntry.case_id.in_(case_ids))
        .values(status=status)
        .execution_options(synchronize_session=False)
    )


async def close_in_ledger(
    session: AsyncSession, region_id: int, ids: Collection[UUID], status: str
) -> None:
    """Note how held or rejected commands ended; their first result stays as it was sent."""
    await session.execute(
        update(LedgerEntry)
        .where(LedgerEntry.region_id == region_id, LedgerEntry.id.in_(ids))
        .values(status=status)
        .execution_options(synchronize_session=False)
    )


# --- cases ---------------------------------------------------------------------------------


async def open_cases(session: AsyncSession, region_id: int, device_id: UUID) -> list[Case]:
    """Return a device's open cases, oldest first, locked (its device row is locked before)."""
    found = await session.scalars(
        select(Case)
        .where(
            Case.region_id == region_id,
            Case.device_id == device_id,
            Case.state == CaseState.OPEN.value,
        )
        .order_by(Case.id)
        .with_for_update()
    )
    return list(found)


def cases(scope: Scope, state: CaseState | None) -> Select[Any]:
    """Return the statement for the cases of a scope."""
    statement = select(Case).where(policy.visible_cases(scope))
    return statement if state is None else statement.where(Case.state == state.value)


async def case_of(session: AsyncSession, scope: Scope, case_id: UUID) -> Case:
    """Return a case inside a scope; raises NotFound."""
    found: Case | None = await session.scalar(
        select(Case).where(policy.visible_cases(scope), Case.id == case_id)
    )
    if found is None:
        raise NotFound(thing="case")
    return found


async def lock_case(session: AsyncSession, scope: Scope, case_id: UUID) -> tuple[Case, Device]:
    """Return an open case and its device, the device locked first as every push does.

    Raises NotFound outside the scope, CaseClosed when somebody has decided.
    """
    device_id = (await case_of(session, scope, case_id)).device_id
    device = await device_for_push(session, scope.region_id, device_id)
    case: Case | None = await session.scalar(
        select(Case)
        .where(policy.visible_cases(scope), Case.id == case_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if case is None or device is None:
        raise NotFound(thing="case")
    if case.state != CaseState.OPEN.value:
        raise CaseClosed(state=case.state)
    return case, device[0]


async def entries_of(session: AsyncSession, region_id: int, case_id: UUID) -> list[CaseEntry]:
    """Return the commands of a case in the device's order."""
    found = await session.scalars(
        select(CaseEntry)
        .where(CaseEntry.region_id == region_id, CaseEntry.case_id == case_id)
        .order_by(CaseEntry.seq, CaseEntry.id)
    )
    return list(found)


async def present_state(
    session: AsyncSession, region_id: int, resource: str | None, row_id: UUID | None
) -> tuple[dict[str, Any] | None, Sequence[Audit]]:
    """Return a record as it stands now and its latest 20 changes, by its resource name.

    Contact data and geometries are left out. Works for every module's records, for the kernel's
    bases know them all.
    """
    model = _model_of(resource)
    if model is None or row_id is None:
        return None, []
    columns = [
        c
        for c in model.__table__.c
        if c.name not in model.masked | {"region_id"} and not hasattr(c.type, "srid")
    ]
    row = (
        await session.execute(
            select(*columns).where(model.region_id == region_id, model.id == row_id)
        )
    ).one_or_none()
    changes = await session.scalars(
        select(Audit)
        .where(
            Audit.region_id == region_id,
            Audit.entity == model.__tablename__,
            Audit.entity_id == row_id,
        )
        .order_by(Audit.entity_version.desc(), Audit.id.desc())
        .limit(20)
    )
    return (None if row is None else dict(row._mapping)), changes.all()  # noqa: SLF001


def _model_of(resource: str | None) -> type[Regional] | None:
    if not resource:
        return None
    for mapper in Base.registry.mappers:
        model = mapper.class_
        if issubclass(model, Regional) and model.resource == resource:
            return model
    return None


# --- the difference of two views -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the difference: a put when `version` is given, else a del."""

    type: str
    id: UUID
    version: int | None
    held: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """The whole view a device should hold: rows, hash, its next change by time, its centres."""

    rows: int
    hash: str
    until: datetime | None
    centres: frozenset[UUID]


def _named(text: str) -> Any:
    return literal(text, String, literal_execute=True)


def _rows(view: View, scope: DeviceScope) -> Any:
    return view.build(scope).subquery(f"v_{view.name}")


def _still(rows: Any, now: datetime) -> ColumnElement[bool]:
    return or_(rows.c.until.is_(None), rows.c.until > now)


def wanted(scope: DeviceScope, of: Sequence[View]) -> CompoundSelect[Any]:
    """Return every row the device should hold: type, rank, id, version, tier, until, centre."""
    parts = []
    for view in of:
        rows = _rows(view, scope)
        parts.append(
            select(
                _named(view.name).label("type"),
                literal(view.rank, literal_execute=True).label("rank"),
                rows.c.id,
                rows.c.version,
                rows.c.tier,
                rows.c.until,
                rows.c.centre,
            ).where(_still(rows, scope.now))
        )
    return union_all(*parts or [_no_rows()])


def _no_rows() -> Select[Any]:
    types: dict[str, Any] = {
        "type": Text(),
        "rank": Integer(),
        "id": Uuid(),
        "version": Integer(),
        "tier": Integer(),
        "until": DateTime(timezone=True),
        "centre": Uuid(),
    }
    return select(*(cast(null(), t).label(name) for name, t in types.items())).where(false())


def _row_hash(rows: Any) -> ColumnElement[int]:
    """Return the SQL of rules.row_hash, as a signed 64-bit number."""
    said = func.concat(rows.c.type, ":", cast(rows.c.id, Text), ":", cast(rows.c.version, Text))
    digest = func.sha256(func.convert_to(said, "UTF8"))
    first = func.encode(func.substring(digest, 1, 8), "hex")
    return cast(cast(func.concat("x", first), BIT(64)), BigInteger)


async def difference(
    session: AsyncSession, scope: DeviceScope, of: Sequence[View], limit: int
) -> tuple[Totals, list[Change]]:
    """Return the totals of the wanted view and the first `limit` steps towards it.

    One statement over the rows the device holds after its last confirmation. Dels come first,
    children before parents; then puts by tier, parents before children (I9).
    """
    want = wanted(scope, of).cte("want")
    held = (
        select(HeldRow.type, HeldRow.row_id, HeldRow.version)
        .where(
            HeldRow.region_id == scope.region_id,
            HeldRow.device_id == scope.device_id,
            HeldRow.removed_gen.is_(None),
        )
        .cte("held")
    )
    ranks = {view.name: -view.rank for view in of}
    del_rank = case(ranks, value=held.c.type, else_=-9999) if ranks else literal(0)
    steps = (
        select(
            func.coalesce(want.c.type, held.c.type).label("type"),
            func.coalesce(want.c.id, held.c.row_id).label("id"),
            want.c.version.label("version"),
            held.c.row_id.is_not(None).label("held"),
            func.coalesce(want.c.tier, -1).label("tier"),
            func.coalesce(want.c.rank, del_rank).label("place"),
        )
        .select_from(
            want.join(held, and_(want.c.type == held.c.type, want.c.id == held.c.row_id), full=True)
        )
        .where(want.c.version.is_distinct_from(held.c.version))
    )
    page = steps.order_by("tier", "place", "id").limit(limit).subquery("page")
    totals = select(
        func.count().label("rows"),
        func.coalesce(func.bit_xor(_row_hash(want)), 0).label("hash"),
        func.min(want.c.until).label("until"),
        func.array_agg(want.c.centre.distinct()).label("centres"),
    ).subquery("totals")
    found = await session.execute(
        select(totals, page)
        .select_from(totals.outerjoin(page, true()))
        .order_by(page.c.tier, page.c.place, page.c.id)
    )
    rows = found.all()
    first = rows[0]
    known = Totals(
        first.rows,
        f"{first.hash & (2**64 - 1):016x}",
        first.until,
        frozenset(c for c in first.centres or () if c is not None),
    )
    return known, [Change(r.type, r.id, r.version, r.held) for r in rows if r.type is not None]


async def bodies(
    session: AsyncSession, scope: DeviceScope, puts: Sequence[Change]
) -> dict[tuple[str, UUID], tuple[int, str]]:
    """Return version and body (JSON text) of rows by type and id.

    The statement is made of the same views, so that permission is checked as the row is read.
    """
    parts = []
    for view in views.ordered():
        ids = [change.id for change in puts if change.type == view.name]
        if ids:
            rows = _rows(view, scope)
            wanted_ids = literal(ids, ARRAY(Uuid()))
            parts.append(
                select(
                    _named(view.name).label("type"),
                    rows.c.id,
                    rows.c.version,
                    cast(rows.c.body, Text).label("body"),
                ).where(rows.c.id == any_(wanted_ids), _still(rows, scope.now))
            )
    if not parts:
        return {}
    found = await session.execute(union_all(*parts) if len(parts) > 1 else parts[0])
    return {(r.type, r.id): (r.version, r.body) for r in found}


# --- the record of what a device holds -----------------------------------------------------


def _of_device(region_id: int, device_id: UUID) -> ColumnElement[bool]:
    return and_(HeldRow.region_id == region_id, HeldRow.device_id == device_id)


async def forget_rows(session: AsyncSession, region_id: int, device_id: UUID) -> None:
    """Forget all a device holds: it starts from nothing."""
    await session.execute(delete(HeldRow).where(_of_device(region_id, device_id)))


async def confirm_rows(
    session: AsyncSession, region_id: int, device_id: UUID, generation: int
) -> None:
    """Let go of the rows whose removal the device has confirmed."""
    await session.execute(
        delete(HeldRow).where(_of_device(region_id, device_id), HeldRow.removed_gen <= generation)
    )


async def roll_back_rows(
    session: AsyncSession, region_id: int, device_id: UUID, generation: int
) -> None:
    """Go back to what a device held at a generation: its later pages never arrived."""
    mine = _of_device(region_id, device_id)
    await session.execute(delete(HeldRow).where(mine, HeldRow.added_gen > generation))
    await session.execute(
        update(HeldRow).where(mine, HeldRow.removed_gen > generation).values(removed_gen=null())
    )


async def record_rows(
    session: AsyncSession,
    region_id: int,
    device_id: UUID,
    generation: int,
    sent: Sequence[Change],
) -> None:
    """Record a page: former versions removed, new ones added in this generation."""
    gone = [c for c in sent if c.held]
    if gone:
        page = _unnest("page", gone, ["type", "id"])
        await session.execute(
            update(HeldRow)
            .where(
                _of_device(region_id, device_id),
                HeldRow.removed_gen.is_(None),
                HeldRow.type == page.c.type,
                HeldRow.row_id == page.c.id,
            )
            .values(removed_gen=generation)
            .execution_options(synchronize_session=False)
        )
    puts = [c for c in sent if c.version is not None]
    if puts:
        page = _unnest("page", puts, ["type", "id", "version"])
        await session.execute(
            insert(HeldRow).from_select(
                ["region_id", "device_id", "type", "row_id", "version", "added_gen"],
                select(
                    literal(region_id),
                    literal(device_id, Uuid()),
                    page.c.type,
                    page.c.id,
                    page.c.version,
                    literal(generation, BigInteger),
                ),
            )
        )


def _unnest(name: str, rows: Sequence[Change], columns: list[str]) -> Any:
    types = {"type": Text(), "id": Uuid(), "version": BigInteger()}
    arrays = [literal([getattr(r, c) for r in rows], ARRAY(types[c])) for c in columns]
    return func.unnest(*arrays).table_valued(*columns, name=name).render_derived(name=name)
