"""Erasures as devices and the desk meet them: who has to erase what, and who has done so (CU-07).

A device that holds rows of the erased person, or whose user had to do with them, gets `erase`
with every pull until it names the erasure in `erased` (I12). Words in commands at the desk go
at once; those in commands that arrive later go in the transaction that takes them.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    DateTime,
    Executable,
    Integer,
    Text,
    Uuid,
    and_,
    any_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.files.reactions import forget_handwriting_at_desk
from fieldops.kernel import commands, erasure, rows, views
from fieldops.kernel.changes import announce
from fieldops.kernel.db import to_text
from fieldops.kernel.direct import Line, given, once
from fieldops.kernel.erasure import ErasedRow, Reach
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Scope
from fieldops.kernel.writing import Write
from fieldops.sync import policy, queries
from fieldops.sync.envelopes import Sent
from fieldops.sync.models import Case, CaseEntry, Device, ErasureNotice, HeldRow
from fieldops.sync.rules import DeviceState


async def tell_devices(session: AsyncSession, reach: Reach) -> None:
    """Note for every device that holds or may have held rows of the person that it must erase.

    A row that was held once and left is not in the record of what a device holds; whoever was
    assigned then may still have a copy, so that the devices of all people concerned are told.
    """
    region_id = reach.region_id
    ids = literal(sorted({id_ for _, id_ in reach.rows()}), ARRAY(Uuid()))
    people = literal(sorted(reach.people), ARRAY(Uuid()))
    holds = select(HeldRow.device_id).where(
        HeldRow.region_id == region_id, HeldRow.row_id == any_(ids)
    )
    told = await session.scalars(
        select(Device.id)
        .where(
            Device.region_id == region_id,
            Device.state != DeviceState.REVOKED.value,
            or_(Device.person_id == any_(people), Device.id.in_(holds)),
        )
        .order_by(Device.id)
    )
    devices = list(told)
    if devices:
        await _tell(session, reach, devices)


async def _tell(session: AsyncSession, reach: Reach, devices: Sequence[UUID]) -> None:
    await session.execute(
        insert(ErasureNotice),
        [
            {
                "region_id": reach.region_id,
                "id": new_id(),
                "version": 1,
                "created_at": reach.now,
                "updated_at": reach.now,
                "erasure_id": reach.erasure.id,
                "device_id": device_id,
            }
            for device_id in devices
        ],
    )
    for device_id in devices:
        announce(session, reach.region_id, device_id)
    await session.execute(
        update(Device)
        .where(Device.region_id == reach.region_id, Device.id.in_(devices))
        .values(erasures_due=func.coalesce(Device.erasures_due, 0) + 1)
        .execution_options(synchronize_session=False)
    )


# --- pull ----------------------------------------------------------------------------------


_REGION, _DEVICE = given("region_id", Integer()), given("device_id", Uuid())
_NOW = given("now", DateTime(timezone=True))
_OPEN = and_(
    ErasureNotice.region_id == _REGION,
    ErasureNotice.device_id == _DEVICE,
    ErasureNotice.acknowledged_at.is_(None),
)


async def acknowledge(
    line: Line, region_id: int, device_id: UUID, erased: Collection[UUID], now: datetime
) -> int:
    """Note which erasures a device has carried out; returns how many it still has to.

    The device's row is locked before.
    """
    of = {"region_id": region_id, "device_id": device_id}
    await line.run(once(_acknowledge), **of, erased=list(erased), now=now)
    left = int((await line.rows(once(_left), **of))[0][0])
    await line.run(once(_keep_left), **of, left=left, now=now)
    return left


def _acknowledge() -> Executable:
    return (
        update(ErasureNotice)
        .where(_OPEN, ErasureNotice.erasure_id == any_(given("erased", ARRAY(Uuid()))))
        .values(acknowledged_at=_NOW, updated_at=_NOW)
    )


def _left() -> Executable:
    return select(func.count()).select_from(ErasureNotice).where(_OPEN)


def _keep_left() -> Executable:
    return (
        update(Device)
        .where(Device.region_id == _REGION, Device.id == _DEVICE)
        .values(erasures_due=given("left", Integer()), updated_at=_NOW)
    )


async def due(line: Line, region_id: int, device_id: UUID, now: datetime) -> list[dict[str, Any]]:
    """Return what a device has to erase: {erasure_id, type, id}, and note that it was told."""
    of = {"region_id": region_id, "device_id": device_id}
    known = [view.name for view in views.ordered()]
    found = await line.rows(once(_due), **of, known=known)
    await line.run(once(_delivered), **of, now=now)
    return [{"erasure_id": e, "type": type_, "id": id_} for e, type_, id_ in found]


def _due() -> Executable:
    return (
        select(ErasedRow.erasure_id, ErasedRow.type, ErasedRow.row_id)
        .join(
            ErasureNotice,
            (ErasureNotice.erasure_id == ErasedRow.erasure_id)
            & (ErasureNotice.region_id == ErasedRow.region_id),
        )
        .where(
            ErasedRow.region_id == _REGION,
            _OPEN,
            ErasedRow.type == any_(given("known", ARRAY(Text()))),
        )
        .order_by(ErasedRow.erasure_id, ErasedRow.type, ErasedRow.row_id)
    )


def _delivered() -> Executable:
    return (
        update(ErasureNotice)
        .where(_OPEN, ErasureNotice.delivered_at.is_(None))
        .values(delivered_at=_NOW, updated_at=_NOW)
    )


async def notices(
    session: AsyncSession, scope: Scope, erasure_ids: Collection[UUID]
) -> list[tuple[ErasureNotice, Device, bool]]:
    """Return which devices were told of erasures, by erasure and device.

    Each with whether the scope may see the device: a customer's visits may have been done by
    technicians of other centres.
    """
    region_id = scope.region_id
    found = await session.execute(
        select(ErasureNotice, Device, policy.visible_devices(scope))
        .join(
            Device,
            (Device.id == ErasureNotice.device_id) & (Device.region_id == ErasureNotice.region_id),
        )
        .where(ErasureNotice.region_id == region_id, ErasureNotice.erasure_id.in_(erasure_ids))
        .order_by(ErasureNotice.erasure_id, Device.id)
    )
    return [(row[0], row[1], row[2]) for row in found]


_ID = re.compile(r'"([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"')

# --- push and desk -------------------------------------------------------------------------


def reaching(region_id: int, sent: Iterable[Sent]) -> Iterator[Write]:
    """Yield the statement that finds the erasures which commands name a row of, if any do."""
    if named := set(_ID.findall(to_text([one.content for one in sent]))):
        yield Write(erasure.reaching().statement, {"region_id": region_id, "ids": list(named)})


async def erase_late_words(session: AsyncSession, found: Sequence[Any], now: datetime) -> None:
    """Erase the words of commands about an erased person, in the push that brings them.

    `found` is what `reaching` has found. The facts stay, what was written in words goes: the
    command takes effect first, then the erasure is carried out again over all that hangs from
    the person.
    """
    for row in rows.objects(session, erasure.reaching(), found):
        await erasure.again(session, row, now)


async def forget_words_at_desk(session: AsyncSession, reach: Reach) -> None:
    """Overwrite the words of the desk's commands about an erased person, and of the decisions."""
    ids = sorted({id_ for _, id_ in reach.rows()})
    mentions = cast(CaseEntry.command, Text).op("~")("|".join(str(id_) for id_ in ids))
    statement = (
        select(CaseEntry.id, CaseEntry.case_id, CaseEntry.name, CaseEntry.v, CaseEntry.command)
        .join(Case, (Case.id == CaseEntry.case_id) & (Case.region_id == CaseEntry.region_id))
        .where(
            CaseEntry.region_id == reach.region_id,
            or_(mentions, Case.subject_id == any_(literal(ids, ARRAY(Uuid())))),
        )
    )
    if reach.again:
        statement = statement.where(CaseEntry.created_at >= reach.now)
    rows = (await session.execute(statement)).all()
    for row in rows:
        await session.execute(
            update(CaseEntry)
            .where(CaseEntry.region_id == reach.region_id, CaseEntry.id == row.id)
            .values(command=_without_words(row.name, row.v, row.command))
            .execution_options(synchronize_session=False)
        )
    if rows:
        await forget_handwriting_at_desk(session, reach, {row.id for row in rows})
        devices = await session.scalars(
            update(Case)
            .where(Case.region_id == reach.region_id, Case.id.in_({row.case_id for row in rows}))
            .values(
                reason=case((Case.reason.is_not(None), erasure.ERASED)),
                version=Case.version + 1,
                updated_at=reach.now,
            )
            .returning(Case.device_id)
            .execution_options(synchronize_session=False)
        )
        for device_id in sorted(set(devices)):
            await queries.news_of_cases(session, reach.region_id, device_id)


def _without_words(name: str, v: int, command: dict[str, Any]) -> dict[str, Any]:
    """Return a command without free words: what its schema binds to a list or pattern stays."""
    spec = commands.REGISTRY.get((name, v))
    if spec is None or "args" not in command:
        return {
            key: value if key in {"id", "seq", "name", "v", "captured"} else erasure.erased(value)
            for key, value in command.items()
        }
    schema = spec.args.model_json_schema()
    return {**command, "args": _bound(command["args"], schema, schema)}


_BOUND = {"enum", "const", "pattern", "format"}


def _bound(value: Any, part: dict[str, Any], root: dict[str, Any]) -> Any:
    """Return a value with its free texts overwritten, by its JSON schema."""
    options = [o for o in _options(part, root) if o.get("type") != "null"]
    if isinstance(value, str):
        return value if any(o.keys() & _BOUND for o in options) else erasure.erased(value)
    fitting: dict[str, Any] = options[0] if options else {}
    if isinstance(value, dict):
        fields = fitting.get("properties", {})
        return {key: _bound(item, fields.get(key, {}), root) for key, item in value.items()}
    if isinstance(value, list):
        return [_bound(item, fitting.get("items", {}), root) for item in value]
    return value


def _options(part: dict[str, Any], root: dict[str, Any]) -> list[dict[str, Any]]:
    if "$ref" in part:
        part = root["$defs"][part["$ref"].split("/")[-1]]
    branches = [*part.get("anyOf", ()), *part.get("oneOf", ())]
    return [o for branch in branches for o in _options(branch, root)] or [part]
