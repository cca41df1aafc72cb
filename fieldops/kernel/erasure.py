"""Erasing a person: what was written about them goes, in every table, file and device (CU-07).

A model says with `belongs_to` what its rows hang from and with `prose` which columns hold free
words. Rows that hang from the person stay, pseudonymous; their words are overwritten, in the row
and in the audit. Contact data, evidence and devices are other modules' part (`@on_erasure`);
bytes outside the database go after the commit (`@removes`).

Words that arrive later, with commands captured before, are erased in the same transaction that
takes them: `reached_by` finds the erasure by the ids that a command names, `again` repeats it.
"""

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    any_,
    bindparam,
    cast,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.kernel import jobs
from fieldops.kernel.audit import MASK, Audit
from fieldops.kernel.base import Base, Regional, operational_tables
from fieldops.kernel.changes import touch
from fieldops.kernel.db import Database
from fieldops.kernel.direct import given
from fieldops.kernel.ledger import LedgerEntry
from fieldops.kernel.outside import LedgerLine, Outside
from fieldops.kernel.rows import Reading, read, reading
from fieldops.kernel.settings import Settings

ERASED = "(erased)"
_NAMES_NOBODY = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # an id
    r"|[0-9a-f]{64}"  # the hash of a content
    r"|\d{4}-\d\d-\d\d(T[0-9:.]+(Z|[+-]\d\d:\d\d)?)?"  # a day or a moment
)
_PEOPLE = ("technician_id", "person_id")  # columns that name whose device may have held a row


class Erasure(Regional):
    """That a person was erased: when, on which ground, by whom; nothing about the person."""

    __tablename__ = "kernel_erasure"
    resource = "erasure"
    counted: ClassVar[bool] = False

    subject_type: Mapped[str]
    subject_id: Mapped[UUID]
    ground: Mapped[str]
    at: Mapped[datetime]
    asked_by: Mapped[UUID]

    __table_args__ = (UniqueConstraint("region_id", "subject_id"),)


class ErasedRow(Base):
    """A row that an erasure reached, by id and type, whether it is still there or not."""

    __tablename__ = "kernel_erased_row"

    region_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    row_id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    erasure_id: Mapped[UUID]

    __table_args__ = (
        ForeignKeyConstraint(
            ["region_id", "erasure_id"], ["kernel_erasure.region_id", "kernel_erasure.id"]
        ),
        Index("ix_kernel_erased_row_erasure_id", "region_id", "erasure_id"),
    )


@dataclass(slots=True)
class Reach:
    """What hangs from an erased person: row ids by table, and whose devices may hold copies.

    `leaving` gathers, by kind, the names of bytes to remove outside the database; `again` is
    True when the person was erased before and only later words are looked for. `called` is what
    the person was called by (names, numbers, addresses of e-mail), `parts` are parts of the names:
    for words in rows that hang from others.
    """

    region_id: int
    erasure: Erasure
    now: datetime
    again: bool = False
    ids: dict[str, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    people: set[UUID] = field(default_factory=set)
    leaving: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    called: set[str] = field(default_factory=set)
    parts: set[str] = field(default_factory=set)

    def of(self, model: type[Regional]) -> list[UUID]:
        """Return the ids of the reached rows of a model."""
        return sorted(self.ids.get(model.__tablename__, ()))

    def add(self, model: type[Regional], ids: Iterable[UUID]) -> None:
        """Let rows that do not hang from the person be reached too."""
        self.ids[model.__tablename__] |= set(ids)

    def rows(self) -> Iterator[tuple[str, UUID]]:
        """Yield every reached row as (resource, id)."""
        for table, ids in sorted(self.ids.items()):
            for id_ in sorted(ids):
                yield _models()[table].resource, id_


OnErasure = Callable[[AsyncSession, Reach], Awaitable[None]]
Remove = Callable[[Settings, int, list[str]], Awaitable[None]]
_on_erasure: list[OnErasure] = []
_removers: dict[str, Remove] = {}


def on_erasure(act: OnErasure) -> OnErasure:
    """Register what a module does, in the same transaction, when a person is erased."""
    _on_erasure.append(act)
    return act


def removes(kind: str) -> Callable[[Remove], Remove]:
    """Register how bytes of a kind outside the database are removed, after the commit."""

    def register(remove: Remove) -> Remove:
        _removers[kind] = remove
        return remove

    return register


async def erasure_of(
    session: AsyncSession, region_id: int, subject_id: UUID | None
) -> Erasure | None:
    """Return the erasure of a person, None when there was none (or no person)."""
    if subject_id is None:
        return None
    found: Erasure | None = await session.scalar(
        select(Erasure).where(Erasure.region_id == region_id, Erasure.subject_id == subject_id)
    )
    return found


_TAKING_TURNS = 3_902_117  # the advisory locks by which erasures and pushes take turns


def beside_erasures(region_id: ColumnElement[int]) -> ColumnElement[Any]:
    """Return what keeps a region's erasures waiting until COMMIT, and waits for one under way.

    To be selected first, by what brings words that no erasure could see before its COMMIT.
    """
    return func.pg_advisory_xact_lock_shared(_TAKING_TURNS, region_id)


async def alone(session: AsyncSession, region_id: int) -> None:
    """Wait for what brings words to the region, and keep more of it waiting until COMMIT.

    To be called first: whoever waits here must hold nothing that a push waits for.
    """
    await session.execute(select(func.pg_advisory_xact_lock(_TAKING_TURNS, region_id)))


async def erase(session: AsyncSession, erasure: Erasure) -> Reach:
    """Erase a person in the caller's transaction and write it into the ledger outside.

    The caller is `alone` since before it locked the person.

    Raises OSError when the ledger cannot be written: nothing is erased without it.
    """
    session.add(erasure)
    await session.flush()
    reach = await _carry_out(session, Reach(erasure.region_id, erasure, erasure.at))
    outside: Outside = session.info["outside"]
    await outside.record(
        erasure_id=erasure.id,
        region_id=erasure.region_id,
        subject_type=erasure.subject_type,
        subject_id=erasure.subject_id,
        ground=erasure.ground,
        at=erasure.at,
        asked_by=erasure.asked_by,
        rows=list(reach.rows()),
    )
    return reach


async def reached_by(
    session: AsyncSession, region_id: int, row_ids: Collection[UUID] | Collection[str]
) -> list[Erasure]:
    """Return the erasures that reached any of these rows, named by ids or their texts."""
    of = {"region_id": region_id, "ids": list(row_ids)}
    return await read(session, reaching(), of)


@lru_cache(maxsize=1)
def reaching() -> Reading:
    """Return the statement of `reached_by`, to be run with `region_id` and `ids`."""
    mine = given("region_id", Integer())
    reached = select(ErasedRow.erasure_id).where(
        ErasedRow.region_id == mine, ErasedRow.row_id == any_(given("ids", ARRAY(Uuid())))
    )
    found = select(Erasure).where(Erasure.region_id == mine, Erasure.id.in_(reached))
    return reading(Erasure, found.order_by(Erasure.id))


async def again(session: AsyncSession, erasure: Erasure, now: datetime) -> None:
    """Erase the words that came since an erasure, in the transaction that brings them."""
    await _carry_out(session, Reach(erasure.region_id, erasure, now, again=True))


async def replay(database: Database) -> list[LedgerLine]:
    """Carry out the erasures of the ledger that a restored database does not know.

    Each in a transaction of its own; returns those that were carried out.
    """
    done = []
    for line in database.outside.lines():
        async with database.transaction() as session:
            await alone(session, line.region_id)
            known = await erasure_of(session, line.region_id, line.subject_id)
            erasure = known or Erasure(
                region_id=line.region_id,
                id=line.erasure_id,
                subject_type=line.subject_type,
                subject_id=line.subject_id,
                ground=line.ground,
                at=line.at,
                asked_by=line.asked_by,
            )
            if known is None:
                session.add(erasure)
                await session.flush()
                await _carry_out(session, Reach(line.region_id, erasure, line.at))
                done.append(line)
            # Rows that the backup does not hold yet may come back with what phones kept.
            await _remember(session, erasure, line.rows)
    return done


async def unwritten(database: Database) -> list[UUID]:
    """Return the erasures that the database knows and the ledger does not: it was lost or cut."""
    written = {line.erasure_id for line in database.outside.lines()}
    async with database.transaction() as session:
        # Over all regions: the ledger is one file for the installation.
        found = await session.execute(
            select(Erasure.id).where(Erasure.region_id.in_(select(Erasure.region_id).distinct()))
        )
        return [id_ for (id_,) in found if id_ not in written]


async def reach_naming(
    session: AsyncSession, reach: Reach, model: type[Regional], *tied: ColumnElement[bool]
) -> None:
    """Let the rows of a model whose words name the person be reached.

    A row that hangs from nobody, or from many, loses its words only where they name the person:
    rows that are `tied` to the person's matters also where a part of the name stands alone.
    """
    if not reach.called:
        return
    columns = model.__table__.c
    whole = "|".join(re.escape(one) for one in sorted(reach.called))
    parts = "|".join(re.escape(one) for one in sorted(reach.parts))
    pattern = rf"{whole}|\m({parts})\M" if tied and parts else whole
    said = [cast(columns[name], Text).regexp_match(pattern, flags="i") for name in model.prose]
    found = await session.scalars(
        select(columns.id).where(columns.region_id == reach.region_id, *tied, or_(*said))
    )
    reach.add(model, found)


# --- the walk ------------------------------------------------------------------------------


@cache
def _models() -> dict[str, type[Regional]]:
    mapped = (mapper.class_ for mapper in Base.registry.mappers)
    return {m.__tablename__: m for m in mapped if issubclass(m, Regional)}


@cache
def _hanging() -> dict[str, list[type[Regional]]]:
    """Return the models whose rows hang from a table's rows."""
    found: dict[str, list[type[Regional]]] = defaultdict(list)
    for model in _models().values():
        if model.belongs_to is not None:
            found[hangs_from(model)].append(model)
    return found


def hangs_from(model: type[Regional]) -> str:
    """Return the table that a model's `belongs_to` names a row of.

    A column without a foreign key (modules below name rows of modules above by plain ids)
    means what columns of that name mean elsewhere.
    """
    name = str(model.belongs_to)
    for constraint in model.__table__.foreign_key_constraints:  # type: ignore[attr-defined]
        if constraint.column_keys == ["region_id", name]:
            return str(constraint.referred_table.name)
    for table in operational_tables().values():
        for column in table.c:
            target = column.info.get("link")
            if target and (name == column.name or name.endswith("_" + column.name)):
                return str(target)
    raise TypeError(f"{model.__name__}.{name} names no record")


async def _walk(session: AsyncSession, reach: Reach, table: str) -> None:
    """Add everything that hangs from the reached rows of a table, down to the last leaf."""
    for model in _hanging().get(table, ()):
        columns = model.__table__.c
        people = [columns[name] for name in _PEOPLE if name in columns]
        found = await session.execute(
            select(columns.id, *people).where(
                columns.region_id == reach.region_id,
                columns[str(model.belongs_to)] == any_(_ids(reach.ids[table])),
            )
        )
        rows = found.all()
        if rows:
            reach.add(model, (row[0] for row in rows))
            reach.people.update(value for row in rows for value in row[1:] if value is not None)
            await _walk(session, reach, model.__tablename__)


def _ids(ids: Iterable[UUID]) -> BindParameter[Any]:
    return literal(sorted(ids), ARRAY(Uuid()))


# --- the overwriting -----------------------------------------------------------------------


async def _carry_out(session: AsyncSession, reach: Reach) -> Reach:
    await session.flush()
    subject = next(
        m for m in _models().values() if m.resource == reach.erasure.subject_type
    ).__tablename__
    reach.ids[subject] = {reach.erasure.subject_id}
    await _walk(session, reach, subject)
    for act in _on_erasure:
        await act(session, reach)
    by_commands = await _audit_of_commands(session, reach)
    for row in by_commands:  # work for the plant, say, made by a command about the visit
        if row.action == "created" and row.entity in _models():
            reach.ids[row.entity].add(row.entity_id)
    for table in list(reach.ids):
        if _models()[table].prose:
            await _overwrite(session, reach, _models()[table])
    await _mask_audit(session, reach, by_commands)
    await _remember(session, reach.erasure, reach.rows())
    if reach.leaving:
        await jobs.enqueue(
            session, remove_bytes, region_id=reach.region_id, leaving=dict(reach.leaving)
        )
    return reach


def erased(value: Any) -> Any:
    """Return a value without its words: ids, hashes, times, numbers and truth values stay."""
    if isinstance(value, str):
        return value if _NAMES_NOBODY.fullmatch(value) else ERASED
    if isinstance(value, list):
        return [erased(item) for item in value]
    if isinstance(value, dict):
        return {key: erased(item) for key, item in value.items()}
    return value


async def _overwrite(session: AsyncSession, reach: Reach, model: type[Regional]) -> None:
    """Overwrite the words of a model's reached rows; devices get the rows anew."""
    columns = model.__table__.c
    centre = [columns.centre_id] if "centre_id" in columns else []
    words = [columns[name] for name in sorted(model.prose)]
    rows = (
        await session.execute(
            select(columns.id, *words, *centre).where(
                columns.region_id == reach.region_id, columns.id == any_(_ids(reach.of(model)))
            )
        )
    ).all()
    changes: list[dict[str, Any]] = []
    for row in rows:
        fresh = [erased(value) for value in row[1 : len(words) + 1]]
        if fresh == list(row[1 : len(words) + 1]):
            continue
        changes.append(
            {"_id": row[0], **{f"_{c.name}": v for c, v in zip(words, fresh, strict=True)}}
        )
        if model.counted:
            centre_id = row[-1] if centre else None
            touch(session, reach.region_id, centre_id, model, row.id, model.prose)
    if not changes:
        return
    statement = (
        update(model.__table__)  # type: ignore[arg-type]
        .where(columns.region_id == reach.region_id, columns.id == bindparam("_id"))
        .values(
            **{c.name: bindparam(f"_{c.name}", type_=c.type) for c in words},
            version=columns.version + 1,
            updated_at=reach.now,
        )
    )
    connection = await session.connection()
    await connection.execute(statement, changes)


_CHANGE = (
    Audit.id,
    Audit.entity,
    Audit.entity_id,
    Audit.action,
    Audit.before,
    Audit.after,
    Audit.reason,
)


async def _audit_of_commands(session: AsyncSession, reach: Reach) -> Sequence[Any]:
    """Return the changes that commands about the reached rows made, anywhere."""
    about = select(LedgerEntry.id).where(
        LedgerEntry.region_id == reach.region_id,
        LedgerEntry.subject_id == any_(_ids(id_ for ids in reach.ids.values() for id_ in ids)),
    )
    statement = select(*_CHANGE).where(
        Audit.region_id == reach.region_id, Audit.command_id.in_(about)
    )
    if reach.again:
        statement = statement.where(Audit.at >= reach.now)
    return (await session.execute(statement)).all()


async def _mask_audit(session: AsyncSession, reach: Reach, by_commands: Sequence[Any]) -> None:
    """Take the words out of the history: of the reached rows, and of commands about them."""
    seen: dict[UUID, Any] = {row.id: row for row in by_commands}
    for table, ids in reach.ids.items():
        found = await session.execute(
            select(*_CHANGE).where(
                Audit.region_id == reach.region_id,
                Audit.entity == table,
                Audit.entity_id == any_(_ids(ids)),
            )
        )
        seen |= {row.id: row for row in found}
    changes = [
        {"_id": row.id, "_before": before, "_after": after, "_reason": reason}
        for row in seen.values()
        for before, after, reason in [_without_words(row)]
        if (before, after, reason) != (row.before, row.after, row.reason)
    ]
    if changes:
        columns = Audit.__table__.c
        statement = (
            update(Audit.__table__)  # type: ignore[arg-type]
            .where(columns.region_id == reach.region_id, columns.id == bindparam("_id"))
            .values(
                before=bindparam("_before", type_=columns.before.type),
                after=bindparam("_after", type_=columns.after.type),
                reason=bindparam("_reason"),
            )
        )
        await (await session.connection()).execute(statement, changes)


def _without_words(row: Any) -> tuple[dict[str, Any], dict[str, Any], str | None]:
    model = _models().get(row.entity)
    prose = model.prose if model is not None else frozenset()

    def masked(values: dict[str, Any]) -> dict[str, Any]:
        return {k: MASK if k in prose and v is not None else v for k, v in values.items()}

    return masked(row.before), masked(row.after), None if row.reason is None else MASK


async def _remember(
    session: AsyncSession, erasure: Erasure, rows: Iterable[tuple[str, UUID]]
) -> None:
    """Keep which rows were reached: devices are told, and later words about them are erased."""
    values = [
        {
            "region_id": erasure.region_id,
            "row_id": id_,
            "type": type_,
            "erasure_id": erasure.id,
        }
        for type_, id_ in rows
    ]
    if values:
        await session.execute(insert(ErasedRow).on_conflict_do_nothing(), values)


@jobs.job("kernel.remove_bytes", retries=10)
async def remove_bytes(region_id: int, leaving: dict[str, list[str]]) -> None:
    """Remove the bytes of an erased person outside the database; again does nothing."""
    for kind, names in leaving.items():
        await _removers[kind](jobs.machine().settings, region_id, names)
