"""What changed: a counter for each centre, and a log of which rows each count stands for.

Both are written by one statement, the last before COMMIT. A counter's row stays locked until
then, so that the numbers of a centre are in the order of its commits and have no gaps: whoever
has read up to n misses nothing by reading on from n (SYNC section 3, decision 0021).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import BigInteger, TextClause, delete, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, Session, mapped_column

from fieldops.kernel import clock
from fieldops.kernel.base import Base
from fieldops.kernel.direct import once
from fieldops.kernel.ids import NIL
from fieldops.kernel.rows import own_line

CATALOGUES = 0  # the counter row of the catalogues: region 0 belongs to nobody
MOST_ROWS = 500  # that one count names; beyond them it names tables
ANYTHING = "*"  # stands for every table
MOST_FOLLOWED = 200  # counts of one centre that `unchanged` looks through


class ChangeCounter(Base):
    """How often the rows of one centre changed; NIL counts rows without a centre.

    Region 0 with NIL counts the catalogues.
    """

    __tablename__ = "kernel_change_counter"

    region_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    centre_id: Mapped[UUID] = mapped_column(primary_key=True)
    counter: Mapped[int] = mapped_column(BigInteger)


class ChangeLog(Base):
    """What one count of a centre's counter stands for.

    `changes` lists [table, id or null, columns or null]: no id means any row of the table, no
    columns all of them, the table `*` anything at all. Kept for a day; a gap only costs a look.
    """

    __tablename__ = "kernel_change_log"

    region_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    centre_id: Mapped[UUID] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime]
    changes: Mapped[list[Any]] = mapped_column(JSONB)


class Touch(NamedTuple):
    """One thing that changed, under the counter of one centre."""

    region_id: int
    centre_id: UUID
    table: str
    id: UUID | None
    columns: frozenset[str] | None


def touched(session: Session) -> list[Touch]:
    """Return what was touched so far, in order; whoever takes something back cuts its end off."""
    found: list[Touch] = session.info.setdefault("touched", [])
    return found


def touch(
    session: Session | AsyncSession,
    region_id: int,
    centre_id: UUID | None,
    model: type[Base] | None = None,
    id_: UUID | None = None,
    columns: Iterable[str] | None = None,
) -> None:
    """Note that rows of a centre changed (set-based writes call it themselves).

    Without a model anything may have changed, without an id any row of it, without columns all
    of them (a new row, a deleted one).
    """
    table = ANYTHING if model is None else model.__tablename__
    named = None if columns is None else frozenset(columns)
    session.info.setdefault("touched", []).append(
        Touch(region_id, centre_id or NIL, table, id_, named)
    )
    announce(session, region_id, centre_id or NIL)


def announce(session: Session | AsyncSession, region_id: int, id_: UUID) -> None:
    """Let the other processes know, after the commit, of news of a centre or a device."""
    session.info.setdefault("announced", set()).add((region_id, id_))


Row = tuple[str, UUID | None]
Columns = frozenset[str] | None


def _listed(rows: dict[Row, Columns]) -> list[list[Any]]:
    """Return the changes of one count: as few as say the same or more."""
    if (ANYTHING, None) in rows:
        return [[ANYTHING, None, None]]
    if len(rows) > MOST_ROWS:
        return [[table, None, None] for table in sorted({table for table, _id in rows})]
    return [
        [table, id_, None if columns is None else sorted(columns)]
        for (table, id_), columns in sorted(rows.items(), key=lambda row: str(row[0]))
    ]


def counted(touches: Sequence[Touch]) -> list[dict[str, Any]]:
    """Return what to count and log: one entry for each centre."""
    of: dict[tuple[int, UUID], dict[Row, Columns]] = {}
    for region_id, centre_id, table, id_, columns in touches:
        rows = of.setdefault((region_id, centre_id), {})
        known = rows.get((table, id_), frozenset())
        rows[table, id_] = None if columns is None or known is None else known | columns
    return [
        {"region_id": region_id, "centre_id": centre_id, "changes": _listed(rows)}
        for (region_id, centre_id), rows in of.items()
    ]


def _counting() -> TextClause:
    """Return the statement that counts in centre order (no deadlock) and logs each count."""
    return text(
        "with given as (select * from json_to_recordset(cast(:counted as json))"
        " as one(region_id integer, centre_id uuid, changes jsonb)), "
        "counted as (insert into kernel_change_counter (region_id, centre_id, counter)"
        " select region_id, centre_id, 1 from given order by region_id, centre_id"
        " on conflict (region_id, centre_id)"
        " do update set counter = kernel_change_counter.counter + 1"
        " returning region_id, centre_id, counter) "
        "insert into kernel_change_log (region_id, centre_id, n, at, changes)"
        " select counted.region_id, counted.centre_id, counter, :at, changes"
        " from counted join given on given.region_id = counted.region_id"
        " and given.centre_id = counted.centre_id"
    )


async def bump_counters(session: AsyncSession) -> None:
    """Write the counters of the centres touched so far, and what each count stands for."""
    touches = session.info.pop("touched", ())
    if touches:
        said = to_json(counted(touches)).decode()
        line = await own_line(session)
        await line.run(once(_counting), counted=said, at=clock.now())


async def counters(
    session: AsyncSession, region_id: int, centre_ids: Collection[UUID]
) -> dict[UUID, int]:
    """Return the present counters of some centres, 0 for one that nothing was counted for."""
    found = await session.execute(
        select(ChangeCounter.centre_id, ChangeCounter.counter).where(
            ChangeCounter.region_id == region_id, ChangeCounter.centre_id.in_(centre_ids)
        )
    )
    return {**dict.fromkeys(centre_ids, 0), **{row.centre_id: row.counter for row in found}}


async def region_counters(session: AsyncSession, region_id: int) -> dict[UUID, int]:
    """Return the present counters of all centres of a region."""
    found = await session.execute(
        select(ChangeCounter.centre_id, ChangeCounter.counter)
        .where(ChangeCounter.region_id == region_id)
        .order_by(ChangeCounter.centre_id)
    )
    return {row.centre_id: row.counter for row in found}


async def unchanged(
    session: AsyncSession,
    region_id: int,
    since: Mapping[UUID, int],
    until: Mapping[UUID, int],
    tables: Collection[str],
) -> bool:
    """Return whether no row of some tables changed between two readings of a region's counters.

    What is too far back to be looked at counts as changed.
    """
    if since.keys() != until.keys():
        return False
    behind = {id_: n for id_, n in since.items() if n != until[id_]}
    if any(not 0 < until[id_] - n <= MOST_FOLLOWED for id_, n in behind.items()):
        return False
    for centre_id, n in behind.items():
        changes = await logged(session, region_id, centre_id, n, until[centre_id])
        if changes is None or any(table in (*tables, ANYTHING) for table, *_rest in changes):
            return False
    return True


async def logged(
    session: AsyncSession, region_id: int, centre_id: UUID, after: int, until: int
) -> list[Any] | None:
    """Return what the counts of a centre from `after`, not included, to `until` stand for.

    Each is [table, id or null, columns or null]. None: the log does not reach back so far.
    """
    found = await session.scalars(
        select(ChangeLog.changes)
        .where(
            ChangeLog.region_id == region_id,
            ChangeLog.centre_id == centre_id,
            ChangeLog.n > after,
            ChangeLog.n <= until,
        )
        .order_by(ChangeLog.n)
    )
    counts = found.all()
    if len(counts) != until - after:
        return None
    return [change for changes in counts for change in changes]


async def forget_changes(session: AsyncSession, region_id: int, before: datetime) -> None:
    """Delete a region's log up to a moment; whoever stands further back looks at everything."""
    await session.execute(
        delete(ChangeLog)
        .where(ChangeLog.region_id == region_id, ChangeLog.at < before)
        .execution_options(synchronize_session=False)
    )
