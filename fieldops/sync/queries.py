"""Reads and locks of sync: device rows, the ledger of a batch, cases."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Executable,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    cast,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import with_expression

from fieldops.kernel import configuration, erasure, visibility
from fieldops.kernel.actor import Actor
from fieldops.kernel.audit import Audit
from fieldops.kernel.base import Base, Regional
from fieldops.kernel.changes import announce
from fieldops.kernel.direct import Statement, compiled, given, once
from fieldops.kernel.errors import Conflict, NotFound
from fieldops.kernel.ledger import LedgerEntry
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one, lock_one
from fieldops.kernel.rows import (
    Reading,
    all_tuples,
    objects,
    objects_with,
    one_plan,
    reading,
    write_pending,
)
from fieldops.kernel.visibility import Access
from fieldops.kernel.writing import Write
from fieldops.sync import policy, rules
from fieldops.sync.errors import CaseClosed
from fieldops.sync.models import Case, CaseEntry, Device, Epoch
from fieldops.sync.positions import DEVICE_ID, REGION_ID, THE_DEVICE, catalogue_counter, epoch_of
from fieldops.sync.rules import MOST_TALLIES, VOID, CaseState, DeviceState
from fieldops.sync.schemas import (
    Agreement,
    CodeTally,
    DeskCounts,
    DeviceTally,
    FieldSides,
    RecordTally,
)


async def epoch(session: AsyncSession, region_id: int) -> int:
    """Return the epoch of a region."""
    return int(await session.scalar(select(epoch_of(region_id))) or 1)


async def epochs(session: AsyncSession) -> dict[int, int]:
    """Return the epoch of every region that has devices or an epoch."""
    of_devices = select(Device.region_id).where(
        Device.region_id.in_(select(Device.region_id).distinct())
    )
    found = await session.scalars(of_devices.distinct())
    known = dict.fromkeys(found, 1)
    rows = await session.execute(
        select(Epoch.region_id, Epoch.epoch).where(
            Epoch.region_id.in_(select(Epoch.region_id).distinct())
        )
    )
    return known | {row.region_id: row.epoch for row in rows}


async def bump_epoch(session: AsyncSession, region_id: int, reason: str, *, above: int = 0) -> int:
    """Raise a region's epoch after a restore and return it (SYNC section 4).

    `above`: an epoch that was in use before the restore, which must not come again (I7).
    """
    row: Epoch | None = await session.scalar(
        select(Epoch).where(Epoch.region_id == region_id).with_for_update()
    )
    if row is None:
        row = Epoch(region_id=region_id, epoch=1, reason=reason)
        session.add(row)
    row.epoch, row.reason = max(row.epoch, above) + 1, reason
    return row.epoch


# --- devices -------------------------------------------------------------------------------


async def device(session: AsyncSession, scope: Scope, device_id: UUID) -> Device:
    """Return a device inside a scope; raises NotFound."""
    return await find_one(session, devices(scope).where(Device.id == device_id), "device")


async def lock_device(session: AsyncSession, scope: Scope, device_id: UUID) -> Device:
    """Return a device inside a scope, locked; raises NotFound."""
    return await lock_one(
        session,
        select(Device).where(policy.visible_devices(scope), Device.id == device_id),
        "device",
    )


def devices(scope: Scope) -> Select[Any]:
    """Return the statement for the devices of a scope, each with the catalogues' generation now."""
    return (
        select(Device)
        .where(policy.visible_devices(scope))
        .options(with_expression(Device.catalogue_now, catalogue_counter()))
    )


async def agreement(session: AsyncSession, scope: Scope, now: datetime) -> Agreement:
    """Return how many phones were heard of lately and which of them held other rows than ours.

    Their rate is the metric of SYNC section 3: any difference is a fault of ours or of the app.
    """
    since = now - rules.DIFFERED_WITHIN
    of = (policy.visible_devices(scope), Device.last_seen_at > since)
    heard, latest = select(func.count()).where(*of), select(Device.id).where(*of)
    phones = int(await session.scalar(heard) or 0)
    differed = latest.where(Device.differed_at > since).order_by(Device.differed_at.desc())
    ids = list(await session.scalars(differed))
    most = await configuration.value(session, scope.region_id, rules.DIFFERING_PHONES)
    rate = 100 * len(ids) / max(phones, 1)
    return Agreement(
        since=since,
        phones=phones,
        differed=len(ids),
        per_cent=round(rate, 2),
        alarm_at_per_cent=most,
        alarm=rate >= most,
        devices=ids[: rules.MOST_TALLIES],
    )


async def registered(session: AsyncSession, region_id: int, device_id: UUID) -> Device | None:
    """Return a device of the region by its id, whoever has it."""
    found: Device | None = await session.get(Device, (region_id, device_id))
    return found


async def silent_devices(
    session: AsyncSession, region_id: int, centre_id: UUID | None, limit: int
) -> list[Device]:
    """Return devices of a region, or of one of its centres, the longest silent first."""
    statement = (
        select(Device)
        .where(Device.region_id == region_id)
        .options(with_expression(Device.catalogue_now, catalogue_counter()))
    )
    if centre_id is not None:
        statement = statement.where(Device.centre_id == centre_id)
    found = await session.scalars(statement.order_by(Device.last_seen_at, Device.id).limit(limit))
    return list(found)


async def installations(session: AsyncSession, region_id: int, person_id: UUID) -> list[Device]:
    """Return a person's registrations that were not revoked, oldest first, locked."""
    found = await session.scalars(
        select(Device)
        .where(
            Device.region_id == region_id,
            Device.person_id == person_id,
            Device.state != DeviceState.REVOKED.value,
        )
        .order_by(Device.id)
        .with_for_update()
    )
    return list(found)


async def is_revoked(session: AsyncSession, region_id: int, device_id: UUID) -> bool:
    """Return whether a device was revoked."""
    statement = select(Device.state).where(Device.region_id == region_id, Device.id == device_id)
    return await session.scalar(statement) == DeviceState.REVOKED.value


async def device_for_push(
    session: AsyncSession, region_id: int, device_id: UUID
) -> tuple[Device, int] | None:
    """Lock a device and return it with the epoch: the first statement of every push.

    What the transaction reads is planned once for all values, not anew for these; and erasures
    wait for it, as it does for one under way: neither could see the other's words before COMMIT.
    """
    await write_pending(session)
    of = {"region_id": region_id, "device_id": device_id}
    first = (once(_before_all), {"region_id": region_id})
    _, locked = await all_tuples(session, [first, (_for_push().statement, of)])
    found = objects_with(session, _for_push(), locked)
    return (found[0][0], int(found[0][1][0])) if found else None


def _before_all() -> Executable:
    return select(one_plan(), erasure.beside_erasures(REGION_ID))


@lru_cache(maxsize=1)
def _for_push() -> Reading:
    one = select(Device).where(THE_DEVICE).with_for_update(of=Device)
    return reading(Device, one, epoch_of(REGION_ID), anew=True)


async def centres_of_active(
    session: AsyncSession, region_id: int, device_ids: Collection[UUID]
) -> dict[UUID, frozenset[UUID]]:
    """Return the centres in the views of those of the devices that are active."""
    found = await session.execute(
        select(Device.id, Device.view_centres).where(
            Device.region_id == region_id,
            Device.id == any_(bindparam("wanted", list(device_ids), ARRAY(Uuid()))),
            Device.state == DeviceState.ACTIVE.value,
        )
    )
    return {row.id: frozenset(row.view_centres) for row in found}


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


def note_of_push(region_id: int, device_id: UUID, now: datetime, **values: Any) -> Write:
    """Return what writes where a device stands after a push, past the audit and the version."""
    of = {f"new_{name}": value for name, value in values.items()}
    of |= {"region_id": region_id, "device_id": device_id, "new_updated_at": now}
    return Write(_note_of_push(tuple(values)), of)


@lru_cache(maxsize=16)
def _note_of_push(names: tuple[str, ...]) -> Statement:
    columns = Device.__table__.c
    new = {name: given(f"new_{name}", columns[name].type) for name in (*names, "updated_at")}
    return compiled(update(Device).where(THE_DEVICE).values(**new))


async def news_of_cases(session: AsyncSession, region_id: int, device_id: UUID) -> None:
    """Note that a device's cases were decided, so that its next pull looks at everything.

    What a decision changed may lie in a centre that the device knows nothing of.
    """
    announce(session, region_id, device_id)
    anew = {"case_gen": Device.case_gen + 1, "view_valid_until": None}
    await write_device(session, region_id, device_id, **anew)


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


async def known_before(
    session: AsyncSession, device: Device, ids: Collection[UUID]
) -> tuple[dict[UUID, Known], list[Case]]:
    """Return what the ledger knows of commands, by id, and the device's open cases.

    The cases are locked, oldest first; the device's row is locked before.
    """
    of = {"region_id": device.region_id, "device_id": device.id, "ids": list(ids)}
    cases = _open_cases()
    asked = [(once(_ledger_of), of), (cases.statement, of)]
    ledger, waiting = await all_tuples(session, asked)
    return {row[0]: Known(*row) for row in ledger}, objects(session, cases, waiting)


def _ledger_of() -> Executable:
    return select(
        LedgerEntry.id,
        LedgerEntry.actor_id,
        LedgerEntry.content_hash,
        LedgerEntry.status,
        LedgerEntry.case_id,
        cast(LedgerEntry.result, Text),
    ).where(LedgerEntry.region_id == REGION_ID, LedgerEntry.id == any_(given("ids", ARRAY(Uuid()))))


async def voided(
    session: AsyncSession, region_id: int, device_id: UUID, numbers: Collection[int]
) -> set[int]:
    """Return those of a device's numbers that it has given up as lost."""
    found = await session.scalars(
        select(LedgerEntry.seq).where(
            LedgerEntry.region_id == region_id,
            LedgerEntry.device_id == device_id,
            LedgerEntry.seq.in_(numbers),
            LedgerEntry.name == VOID,
        )
    )
    return {seq for seq in found if seq is not None}


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


@lru_cache(maxsize=1)
def _open_cases() -> Reading:
    mine = and_(Case.region_id == REGION_ID, Case.device_id == DEVICE_ID)
    open_ = select(Case).where(mine, Case.state == literal(CaseState.OPEN.value))
    return reading(Case, open_.order_by(Case.id).with_for_update())


def cases(
    scope: Scope,
    state: CaseState | None,
    *,
    opened_before: datetime | None = None,
    **wanted: Any,
) -> Select[Any]:
    """Return the statement for the cases of a scope; `wanted` are columns and their values."""
    statement = select(Case).where(policy.visible_cases(scope))
    if state is not None:
        statement = statement.where(Case.state == state.value)
    if opened_before is not None:
        statement = statement.where(Case.opened_at < opened_before)
    for name, value in wanted.items():
        if value is not None:
            statement = statement.where(getattr(Case, name) == value)
    return statement


async def open_ids(
    session: AsyncSession,
    scope: Scope,
    device_id: UUID | None,
    subject_id: UUID | None,
    code: str | None,
    most: int,
) -> list[tuple[UUID, UUID]]:
    """Return the open cases of a device or a record as (case, device), oldest first."""
    statement = cases(scope, CaseState.OPEN, device_id=device_id, subject_id=subject_id, code=code)
    found = await session.execute(
        statement.with_only_columns(Case.id, Case.device_id).order_by(Case.id).limit(most)
    )
    return [(row[0], row[1]) for row in found]


async def first_of_open(
    session: AsyncSession, region_id: int, code: str
) -> list[tuple[UUID, str, int]]:
    """Return the open cases with a reason as (case, name and version of the first command)."""
    found = await session.execute(
        select(Case.id, CaseEntry.name, CaseEntry.v)
        .join(
            CaseEntry,
            and_(CaseEntry.region_id == Case.region_id, CaseEntry.id == Case.first_command_id),
        )
        .where(
            Case.region_id == region_id,
            CaseEntry.region_id == region_id,
            Case.state == CaseState.OPEN.value,
            Case.code == code,
        )
        .order_by(Case.id)
    )
    return [(row[0], row[1], row[2]) for row in found]


async def sides_of_conflict(
    session: AsyncSession, actor: Actor, case: Case, ours: Mapping[str, Any]
) -> list[FieldSides]:
    """Return each field of a conflict as it was, as others made it, and as the technician wants.

    Masked values (contact data) stay masked; of a record that the actor may not see, only what
    the technician sent is told. Empty for every other reason.
    """
    model = model_of(case.details.get("type"))
    if case.code != Conflict.code or model is None:
        return []
    wanted = case.details["fields"].split(", ")
    record_id, region_id = UUID(case.details["id"]), actor.region_id
    if await visibility.access(session, actor, model, record_id) is not Access.SHOWN:
        return [
            FieldSides(field=name, base=None, theirs=None, ours=ours.get(name), hidden=True)
            for name in sorted(wanted)
        ]
    changes = await session.scalars(
        select(Audit)
        .where(
            Audit.region_id == region_id,
            Audit.entity == model.__tablename__,
            Audit.entity_id == record_id,
            Audit.entity_version > case.details["base"],
        )
        .order_by(Audit.entity_version, Audit.id)
    )
    sides: dict[str, FieldSides] = {}
    for change in changes:
        for name in change.after.keys() & wanted:
            if name not in sides:
                sides[name] = FieldSides(
                    field=name, base=change.before.get(name), theirs=None, ours=ours.get(name)
                )
            sides[name].theirs = change.after[name]
    return [sides[name] for name in sorted(sides)]


async def lock_devices(session: AsyncSession, region_id: int, ids: Collection[UUID]) -> None:
    """Lock devices in the order of their ids."""
    await session.execute(
        select(Device.id)
        .where(Device.region_id == region_id, Device.id.in_(ids))
        .order_by(Device.id)
        .with_for_update()
    )


async def counts(session: AsyncSession, scope: Scope) -> DeskCounts:
    """Return how many cases are open and what they share; three statements."""
    of_open = (policy.visible_cases(scope), Case.state == CaseState.OPEN.value)
    number, oldest = func.count(Case.id).label("count"), func.min(Case.opened_at).label("oldest")

    async def read(statement: Any) -> list[dict[str, Any]]:
        most_first = statement.order_by(number.desc(), oldest).limit(MOST_TALLIES)
        return [dict(row) for row in (await session.execute(most_first)).mappings()]

    by_code = select(Case.code, number, oldest).where(*of_open).group_by(Case.code)
    by_device = (
        select(Case.device_id, Device.name.label("device_name"), Case.person_id, number, oldest)
        .join(Device, and_(Device.region_id == Case.region_id, Device.id == Case.device_id))
        .where(*of_open, Device.region_id == scope.region_id)
        .group_by(Case.device_id, Device.name, Case.person_id)
    )
    by_record = (
        select(Case.subject_type, Case.subject_id, number, oldest)
        .where(*of_open, Case.subject_id.is_not(None))
        .group_by(Case.subject_type, Case.subject_id)
    )
    codes = [CodeTally(**row) for row in await read(by_code)]
    return DeskCounts(
        open=sum(tally.count for tally in codes),
        oldest=min((tally.oldest for tally in codes), default=None),
        by_code=codes,
        by_device=[DeviceTally(**row) for row in await read(by_device)],
        by_record=[RecordTally(**row) for row in await read(by_record)],
    )


async def access_to(
    session: AsyncSession, actor: Actor, resource: str | None, row_id: UUID | None
) -> Access | None:
    """Return what an actor may learn of the record a case is about; None: it names none."""
    model = model_of(resource)
    if model is None or row_id is None:
        return None
    return await visibility.access(session, actor, model, row_id)


async def version_of(
    session: AsyncSession, actor: Actor, resource: str | None, row_id: UUID | None
) -> int | None:
    """Return a record's version, None when there is no such record that the actor may see."""
    model = model_of(resource)
    if model is None or row_id is None:
        return None
    if await visibility.access(session, actor, model, row_id) is not Access.SHOWN:
        return None
    found: int | None = await session.scalar(
        select(model.version).where(model.region_id == actor.region_id, model.id == row_id)
    )
    return found


async def changed_by_others(
    session: AsyncSession,
    region_id: int,
    resource: str | None,
    row_id: UUID | None,
    after_version: int,
    own: Collection[UUID],
) -> int | None:
    """Return the newest version of a record that other commands than these made, if any.

    Who asks has named the version they saw (`version_of`).
    """
    model = model_of(resource)
    if model is None or row_id is None:
        return None
    found: int | None = await session.scalar(
        select(func.max(Audit.entity_version)).where(
            Audit.region_id == region_id,
            Audit.entity == model.__tablename__,
            Audit.entity_id == row_id,
            Audit.entity_version > after_version,
            or_(Audit.command_id.is_(None), Audit.command_id.not_in(own)),
        )
    )
    return found


async def case_of(session: AsyncSession, scope: Scope, case_id: UUID) -> Case:
    """Return a case inside a scope; raises NotFound."""
    return await find_one(
        session, select(Case).where(policy.visible_cases(scope), Case.id == case_id), "case"
    )


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


async def first_entries(
    session: AsyncSession, region_id: int, case_ids: Collection[UUID]
) -> dict[UUID, CaseEntry]:
    """Return the command that each of some cases began with; announced cases have none."""
    found = await session.execute(
        select(Case.id, CaseEntry)
        .join(
            CaseEntry,
            and_(CaseEntry.region_id == Case.region_id, CaseEntry.id == Case.first_command_id),
        )
        .where(
            Case.region_id == region_id,
            CaseEntry.region_id == region_id,
            Case.id.in_(case_ids),
        )
    )
    return {id_: entry for id_, entry in found}  # noqa: C416 - rows are not pairs


async def present_state(
    session: AsyncSession, region_id: int, resource: str | None, row_id: UUID | None
) -> tuple[dict[str, Any] | None, Sequence[Audit]]:
    """Return a record as it stands now and its latest 20 changes, by its resource name.

    Contact data and geometries are left out. Works for every module's records, for the kernel's
    bases know them all; whether somebody may see them is asked before (`access_to`).
    """
    model = model_of(resource)
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


def model_of(resource: str | None) -> type[Regional] | None:
    """Return the table's class of a record's type, as the API and the devices call it."""
    if not resource:
        return None
    for mapper in Base.registry.mappers:
        model = mapper.class_
        if issubclass(model, Regional) and model.resource == resource:
            return model
    return None
