"""Rows read and written past the ORM's statements are those that it reads and writes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Uuid, select, text, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm.exc import StaleDataError

from fieldops.appointments.models import Reservation
from fieldops.checklists.models import Answer
from fieldops.kernel.audit import Audit
from fieldops.kernel.db import Database, UnitOfWork
from fieldops.kernel.direct import given, once
from fieldops.kernel.rows import read, reading, tuples
from fieldops.kernel.writing import pending, write_all
from fieldops.organisation.models import Leave, Technician
from tests.support.world import NORTH, World, id_of
from tests.sync import trial

pytestmark = pytest.mark.anyio

MORNING = datetime(2026, 11, 23, 6, tzinfo=UTC)


def _leave(**values: Any) -> Leave:
    return Leave(
        region_id=1,
        technician_id=id_of("alice"),
        centre_id=NORTH,
        kind="open",
        starts_at=MORNING,
        ends_at=MORNING + timedelta(days=1),
        **values,
    )


async def test_a_row_read_past_the_orm_is_the_one_that_the_orm_reads(
    database: Database, world: World
) -> None:
    """Numbers, moments, JSON and points have the same values, and the same object stays."""
    by_id = reading(
        Technician,
        select(Technician).where(Technician.region_id == 1, Technician.id == given("id", Uuid())),
    )
    async with database.transaction() as session:
        (found,) = await read(session, by_id, {"id": id_of("alice")})
        held = dict(found.__dict__)
        same = await session.get(Technician, (1, id_of("alice")))
        assert same is found
        await session.refresh(found)
        assert {k: v for k, v in held.items() if k[0] != "_"} == {
            k: v for k, v in found.__dict__.items() if k[0] != "_"
        }


async def test_a_row_that_the_session_has_changed_stays_unless_it_is_read_anew(
    database: Database, world: World
) -> None:
    id_ = await trial.make(database)
    mine = select(Leave).where(Leave.region_id == 1, Leave.id == given("id", Uuid()))
    async with database.transaction() as session:
        (row,) = await read(session, reading(Leave, mine), {"id": id_})
        row.reason = "mine"
        assert await read(session, reading(Leave, mine), {"id": id_}) == [row]
        assert row.reason == "mine"
        await read(session, reading(Leave, mine, anew=True), {"id": id_})
        assert row.reason != "mine"
        assert not session.is_modified(row)


async def test_sets_write_what_changed_and_leave_alone_what_did_not(
    database: Database, world: World
) -> None:
    id_ = await trial.make(database)
    async with database.transaction() as session:
        row = await session.get(Leave, (1, id_))
        assert row is not None
        other = _leave(reason=None)
        session.add(other)
        # Another statement of this transaction has written a column that this change is not about.
        await session.execute(
            update(Leave)
            .where(Leave.region_id == 1, Leave.id == id_)
            .values(kind="begun")
            .execution_options(synchronize_session=False)
        )
        row.reason = "by a set"
        await write_all(session)
        assert not session.new
        assert not session.dirty
    async with database.transaction() as session:
        kept = await session.get(Leave, (1, id_))
        made = await session.get(Leave, (1, other.id))
        assert kept is not None
        assert made is not None
        assert (kept.kind, kept.reason, kept.version) == ("begun", "by a set", 2)
        assert (made.reason, made.starts_at, made.version) == (None, MORNING, 1)
        history = await session.scalars(
            select(Audit.action).where(Audit.region_id == 1, Audit.entity_id.in_([id_, other.id]))
        )
        assert sorted(history) == ["changed", "created", "created"]


async def test_a_set_meets_a_row_that_somebody_else_has_changed(
    database: Database, world: World
) -> None:
    id_ = await trial.make(database)
    async with database.transaction() as session:
        row = await session.get(Leave, (1, id_))
        assert row is not None
        await session.execute(
            update(Leave)
            .where(Leave.region_id == 1, Leave.id == id_)
            .values(version=9)
            .execution_options(synchronize_session=False)
        )
        row.reason = "late"
        with pytest.raises(StaleDataError):
            await write_all(session)
        await session.rollback()


@pytest.mark.parametrize("what", ["a JSON null", "a range", "a deletion"])
async def test_what_is_not_plain_is_left_to_the_orm(
    database: Database, world: World, what: str
) -> None:
    id_ = await trial.make(database)
    async with database.transaction() as session:
        unit = session.sync_session
        assert isinstance(unit, UnitOfWork)
        if what == "a deletion":
            await session.delete(await session.get(Leave, (1, id_)))
        elif what == "a range":
            session.add(
                Reservation(region_id=1, during=Range(MORNING, MORNING + timedelta(hours=1)))
            )
        else:
            session.add(Answer(region_id=1, checklist_id=uuid4(), value=None))
        assert pending(unit) is None
        await session.rollback()


async def test_an_error_of_a_statement_is_raised_as_the_session_would_raise_it(
    database: Database,
) -> None:
    """The refusal of a statement is the ORM's own, so that everybody's tables of errors fit."""
    async with database.transaction() as session:
        with pytest.raises(Exception, match="no_such_table") as raised:
            await tuples(session, once(_nothing), {})
        assert type(raised.value).__module__ == "sqlalchemy.exc"
        await session.rollback()


def _nothing() -> Any:
    return text("select 1 from no_such_table")
