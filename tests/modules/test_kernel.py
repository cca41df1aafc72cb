from uuid import uuid4

import pytest
from sqlalchemy import select, text

from fieldops.kernel import audit, clock, commands, configuration, ledger
from fieldops.kernel.changes import ChangeCounter
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, IdReused, InvalidArguments
from fieldops.kernel.ids import NIL
from tests.support.world import World

pytestmark = pytest.mark.anyio


def set_number(value: object, **more: object) -> Envelope:
    args = {"name": "login_attempts_demo", "value": value, "reason": "for the test", **more}
    return Envelope(uuid4(), "rule.set_number", args)


@pytest.fixture(scope="module", autouse=True)
def _a_number() -> None:
    if "login_attempts_demo" not in configuration.REGISTRY:
        configuration.number("login_attempts_demo", "XX-00", "times", 3, "for tests", within=(1, 9))


async def test_a_command_is_applied_once_and_its_repeat_gets_the_first_result(
    database: Database, world: World
) -> None:
    envelope = set_number(5)
    async with database.transaction() as session:
        first = await ledger.once(session, world.ada, envelope, clock.now())
    async with database.transaction() as session:
        again = await ledger.once(session, world.ada, envelope, clock.now())
    assert first["status"] == "applied"
    assert again == {**first, "status": "duplicate"}


async def test_the_same_id_with_other_content_is_refused(database: Database, world: World) -> None:
    envelope = set_number(5)
    async with database.transaction() as session:
        await ledger.once(session, world.ada, envelope, clock.now())
    other = Envelope(envelope.id, envelope.name, {**envelope.args, "value": 6})
    with pytest.raises(IdReused):
        async with database.transaction() as session:
            await ledger.once(session, world.ada, other, clock.now())


async def test_a_command_without_permission_leaves_no_trace(
    database: Database, world: World
) -> None:
    with pytest.raises(Forbidden):
        async with database.transaction() as session:
            await ledger.once(session, world.alice, set_number(5), clock.now())
    async with database.transaction() as session:
        rows = await session.scalars(
            select(ledger.LedgerEntry).where(ledger.LedgerEntry.region_id == 1)
        )
        assert rows.all() == []


async def test_unknown_fields_are_refused_with_their_name(database: Database, world: World) -> None:
    with pytest.raises(InvalidArguments) as caught:
        async with database.transaction() as session:
            await ledger.once(session, world.ada, set_number(5, colour="red"), clock.now())
    assert caught.value.details["errors"][0]["field"] == "colour"


@pytest.mark.parametrize(
    ("more", "field"), [({"reason": "a\x00b c"}, "reason"), ({"name": "a\x00"}, "name")]
)
async def test_a_number_is_not_set_with_a_text_the_database_cannot_hold(
    database: Database, world: World, more: dict[str, str], field: str
) -> None:
    with pytest.raises(InvalidArguments) as caught:
        async with database.transaction() as session:
            await ledger.once(session, world.ada, set_number(5, **more), clock.now())
    assert caught.value.details["errors"][0]["field"] == field


async def test_a_number_outside_its_bounds_is_refused(database: Database, world: World) -> None:
    with pytest.raises(configuration.NumberOutOfBounds):
        async with database.transaction() as session:
            await ledger.once(session, world.ada, set_number(10), clock.now())


async def test_every_change_is_audited_with_before_after_and_reason(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        await ledger.once(session, world.ada, set_number(5), clock.now())
    async with database.transaction() as session:
        result = await ledger.once(session, world.ada, set_number(7), clock.now())
        row_id = result["refs"][0]["id"]
        rows = (await session.scalars(audit.history(1, "kernel_rule_number", row_id))).all()
    assert [row.action for row in rows] == ["created", "changed"]
    assert (rows[1].before, rows[1].after) == ({"value": 5.0}, {"value": 7.0})
    assert rows[1].reason == "for the test"
    assert rows[1].actor_id == world.ada.id


async def test_a_transaction_bumps_each_touched_centre_once(
    database: Database, world: World
) -> None:
    async def count() -> int:
        async with database.transaction() as session:
            return (
                await session.scalar(
                    select(ChangeCounter.counter).where(
                        ChangeCounter.region_id == 1, ChangeCounter.centre_id == NIL
                    )
                )
            ) or 0

    before = await count()
    async with database.transaction() as session:
        await ledger.once(session, world.ada, set_number(5), clock.now())
        await ledger.once(session, world.ada, set_number(6), clock.now())
    assert await count() == before + 1


async def test_the_region_guard_refuses_a_statement_without_the_region(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        with pytest.raises(AssertionError, match="region rules"):
            await session.execute(text("select * from organisation_technician"))


def test_a_registered_command_knows_its_summary() -> None:
    spec, _ = commands.find("rule.set_number", 1, {})
    assert spec.summary == "Set a region's own value of a rule's number."
