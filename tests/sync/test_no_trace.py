"""Every offline command, refused: no trace but the ledger and its case; crashed: none at all."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from fieldops.kernel import commands, points
from fieldops.kernel.base import metadata, operational_tables
from fieldops.kernel.commands import Args, Context
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Unavailable
from tests.support.device import Refused
from tests.support.world import World
from tests.sync import trial
from tests.sync.conftest import MakePhone
from tests.sync.scenarios import SCENARIOS, capture, make_day

pytestmark = pytest.mark.anyio

# A refused command is in the ledger and at the desk, and the device was heard of.
TRACES = frozenset({"kernel_ledger", "sync_case", "sync_case_entry"})
HEARD_OF = (
    "last_seq", "last_seen_at", "app_version", "case_gen", "failing_command_id",
    "failing_attempts", "queued", "oldest_queued", "oldest_queued_at", "clock_boot_id",
    "clock_mono_ms", "clock_server_time", "clock_offset_ms",
)  # fmt: skip
Contents = dict[str, tuple[int, str | None]]


async def everything(database: Database) -> Contents:
    """Return how many rows every table has, ours and the job queue's, and a hash of them all."""
    parts = []
    for name in (*metadata.tables, "procrastinate_jobs"):
        row = f"(to_jsonb({name}) - '{{{','.join(HEARD_OF)}}}'::text[])::text"
        if name != "sync_device":
            row = f"{name}::text"
        where = f" where {name}.region_id = 1" if name in operational_tables() else ""
        if name == "kernel_audit":  # that a case was opened is part of the case
            where += " and entity <> 'sync_case'"
        parts.append(
            f"select '{name}', count(*), md5(string_agg({row}, ';' order by {row})) from {name}"
            + where
        )
    async with database.transaction() as session:
        found = await session.execute(text(" union all ".join(parts)))
        return {name: (rows, digest) for name, rows, digest in found}


@asynccontextmanager
async def no_trace(database: Database, *but: str) -> AsyncIterator[None]:
    """Hold that nothing in the database changes meanwhile, but in some tables."""
    before = await everything(database)
    yield
    after = await everything(database)
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= set(but), changed - set(but)


@contextmanager
def refused_at_the_end(name: str, *, written: bool) -> Iterator[None]:
    """Let a command do all it does, reactions too, and then be refused, written or in memory."""
    spec = commands.REGISTRY[name, 1]

    async def handler(ctx: Context, args: Args) -> Any:
        await spec.handler(ctx, args)
        if written:
            await ctx.session.flush()
        raise trial.TrialNotOpen(state="refused at its end")

    commands.REGISTRY[name, 1] = replace(spec, handler=handler)
    try:
        yield
    finally:
        commands.REGISTRY[name, 1] = spec


async def crash(point: str) -> None:
    if point == points.PUSH_WRITTEN:
        raise Unavailable(retry_after=1)  # any exception here rolls all back; this one logs least


OF_THE_OWN_STOCK = frozenset({"kit.check", "material.count", "material.hand_back"})
"""What names an entry of a list for everybody, and no record of somebody."""


@pytest.mark.parametrize("name", sorted(SCENARIOS))
async def test_a_command_that_is_refused_or_crashes_leaves_no_trace(
    database: Database, world: World, new_phone: MakePhone, name: str
) -> None:
    """I4, I6, I1: refused to a stranger, refused after it did everything, crashed; then applied."""
    *before, last = SCENARIOS[name](await make_day(database, world))
    phone = await new_phone(world.alice)
    await phone.pull()
    capture(phone, before)
    await phone.push()

    if name not in OF_THE_OWN_STOCK:
        strangers = await new_phone(world.carol)
        capture(strangers, [last])
        async with no_trace(database, *TRACES):
            assert [r["status"] for r in await strangers.push()] == ["rejected"]

    for written in (False, True):
        capture(phone, [last])
        with refused_at_the_end(name, written=written):
            async with no_trace(database, *TRACES):
                assert [r["code"] for r in await phone.push()] == ["trial_not_open"]
        phone = await new_phone(world.alice)  # whose decisions do not wait for that case

    capture(phone, [last])
    with points.armed(crash):
        async with no_trace(database):
            with pytest.raises(Refused):
                await phone.push()
    assert [r["status"] for r in await phone.push()] == ["applied"]
