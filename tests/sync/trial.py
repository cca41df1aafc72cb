"""A trial trade for the tests of the engine: verbs and views over the table of leaves.

The engine is tried with commands that are as simple as can be and do exactly what a test asks;
the modules' own commands are tried by scenarios.py. A trial is a leave whose `kind` is its
state; a remark is a leave of kind `remark` about it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import Select, select, text

from fieldops.kernel import clock, commands, views
from fieldops.kernel.commands import Args, Context, Nature
from fieldops.kernel.db import Database
from fieldops.kernel.errors import REGISTRY as CODES
from fieldops.kernel.errors import Hold, NotFound, Refusal
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission
from fieldops.kernel.views import DeviceScope, document
from fieldops.organisation.models import Leave
from tests.support.world import NORTH, id_of

DAY = timedelta(days=1)


class TrialNotOpen(Refusal):
    """The trial is {state}."""

    code = "trial_not_open"
    advice = "Do something else."


class TrialReassigned(Hold):
    """The trial was given to somebody else."""

    code = "trial_reassigned"
    advice = "Wait."


for _made in (TrialNotOpen, TrialReassigned):
    CODES.pop(_made.code)  # the catalogue of refusals is the application's


class Trial(BaseModel):
    id: UUID
    version: int
    state: str
    text: str | None


class Begin(Args):
    trial_id: UUID


class Remark(Args):
    trial_id: UUID
    text: str = Field(max_length=200)


@dataclass
class Faults:
    """What the trial commands do wrong when a test asks for it."""

    raise_on_begin: Exception | None = None
    raise_on_remark: Exception | None = None
    refuse_half_done: Exception | None = None
    statements_on_remark: list[str] = field(default_factory=list)
    runs: list[UUID] = field(default_factory=list)


faults = Faults()


async def lock(ctx: Context, trial_id: UUID) -> Leave:
    row: Leave | None = await ctx.session.scalar(
        select(Leave)
        .where(Leave.region_id == ctx.region_id, Leave.id == trial_id)
        .with_for_update()
    )
    if row is None:
        raise NotFound(thing="trial")
    return row


async def begin(ctx: Context, args: Begin) -> Leave:
    """Begin a trial: a decision."""
    faults.runs.append(ctx.envelope.id)
    trial = await lock(ctx, args.trial_id)
    if faults.raise_on_begin is not None:
        trial.reason = "half done"
        await ctx.session.flush()
        raise faults.raise_on_begin
    if trial.technician_id != ctx.actor.id and not ctx.accepted:
        raise TrialReassigned
    if trial.kind != "open":
        raise TrialNotOpen(state=trial.kind)
    await ctx.merge(trial, ["kind"])
    trial.kind = "begun"
    return trial


async def finish(ctx: Context, args: Begin) -> Leave:
    """Finish a begun trial: a decision."""
    trial = await lock(ctx, args.trial_id)
    if trial.technician_id != ctx.actor.id and not ctx.accepted:
        raise TrialReassigned
    if trial.kind != "begun":
        raise TrialNotOpen(state=trial.kind, next_steps=("trial.begin",))
    trial.kind = "finished"
    if faults.refuse_half_done is not None:
        ctx.add(_remark(ctx, trial, "half done"))
        raise faults.refuse_half_done
    return trial


async def describe(ctx: Context, args: Remark) -> Leave:
    """Write a trial's text anew: a decision about one field."""
    trial = await lock(ctx, args.trial_id)
    await ctx.merge(trial, ["reason"])
    trial.reason = args.text
    return trial


async def remark(ctx: Context, args: Remark) -> Leave:
    """Remark on a trial: a fact."""
    faults.runs.append(ctx.envelope.id)
    if faults.raise_on_remark is not None:
        raise faults.raise_on_remark
    if faults.statements_on_remark:
        await ctx.session.execute(text(faults.statements_on_remark.pop()))
    trial = await lock(ctx, args.trial_id)
    row = _remark(ctx, trial, args.text)
    ctx.add(row)
    return row


def _remark(ctx: Context, trial: Leave, said: str) -> Leave:
    return Leave(
        region_id=ctx.region_id,
        technician_id=ctx.actor.id,
        centre_id=trial.centre_id,
        kind="remark",
        starts_at=ctx.happened_at,
        ends_at=ctx.happened_at + DAY,
        reason=said,
    )


async def office(ctx: Context, args: Begin) -> Leave:
    """Do what only the offices do."""
    return await lock(ctx, args.trial_id)


def trials(scope: DeviceScope) -> Select[Any]:
    return document(
        Leave, {"state": Leave.kind, "text": Leave.reason}, tier=views.TODAY, until=Leave.ends_at
    ).where(
        Leave.region_id == scope.region_id,
        Leave.technician_id == scope.person_id,
        Leave.kind != "remark",
    )


def remarks(scope: DeviceScope, tier: int = views.LATER) -> Select[Any]:
    return document(Leave, {"state": Leave.kind, "text": Leave.reason}, tier=tier).where(
        Leave.region_id == scope.region_id,
        Leave.technician_id == scope.person_id,
        Leave.kind == "remark",
    )


@contextmanager
def registered() -> Iterator[Faults]:
    """Register the trial trade for a test, alone: the application's views are put aside."""
    before, before_views = dict(commands.REGISTRY), dict(views.REGISTRY)
    fact = {"permission": Permission.VISIT_WORK, "nature": Nature.FACT, "offline": True}
    decision = {"permission": Permission.VISIT_WORK, "offline": True}
    for name in [name for name in views.REGISTRY if name != "case"]:
        del views.REGISTRY[name]
    commands.command("trial.begin", subject="trial_id", **decision)(begin)
    commands.command("trial.finish", subject="trial_id", **decision)(finish)
    commands.command("trial.describe", subject="trial_id", **decision)(describe)
    commands.command("trial.remark", subject="trial_id", **fact)(remark)
    commands.command("trial.office", permission=Permission.VISIT_WORK)(office)
    views.view("trial", rank=20, schema=Trial)(trials)
    views.view("trial_remark", rank=30, schema=Trial)(remarks)
    faults.raise_on_begin = faults.raise_on_remark = faults.refuse_half_done = None
    faults.statements_on_remark = []
    faults.runs.clear()
    try:
        yield faults
    finally:
        for registry, kept in ((commands.REGISTRY, before), (views.REGISTRY, before_views)):
            registry.clear()
            registry.update(kept)  # type: ignore[arg-type]


async def make(
    database: Database,
    technician: str = "alice",
    *,
    centre: UUID = NORTH,
    region: int = 1,
    ends_at: datetime | None = None,
    state: str = "open",
    note: str | None = None,
) -> UUID:
    """Write a trial for a technician and return its id."""
    row = _trial(technician, centre, region, ends_at, state, note)
    async with database.transaction() as session:
        session.add(row)
    return row.id


async def make_many(database: Database, count: int, technician: str = "alice") -> list[UUID]:
    """Write many trials for a technician at once and return their ids."""
    rows = [_trial(technician) for _ in range(count)]
    async with database.transaction() as session:
        session.add_all(rows)
    return [row.id for row in rows]


def _trial(
    technician: str,
    centre: UUID = NORTH,
    region: int = 1,
    ends_at: datetime | None = None,
    state: str = "open",
    note: str | None = None,
) -> Leave:
    now = clock.now()
    return Leave(
        region_id=region,
        id=new_id(),
        technician_id=id_of(technician),
        centre_id=centre,
        kind=state,
        starts_at=now - DAY,
        ends_at=ends_at or now + 30 * DAY,
        reason=note,
    )


async def change(database: Database, trial_id: UUID, region: int = 1, **values: Any) -> None:
    """Change a trial as an office would, past the commands."""
    async with database.transaction() as session:
        row = await session.get_one(Leave, (region, trial_id))
        for name, value in values.items():
            setattr(row, name, value)


async def remove(database: Database, trial_id: UUID, region: int = 1) -> None:
    """Delete a trial, so that it leaves every view."""
    async with database.transaction() as session:
        await session.delete(await session.get_one(Leave, (region, trial_id)))


async def look_anew(database: Database) -> None:
    """Let the next pull of every phone of region 1 look at everything, past the log of changes."""
    async with database.transaction() as session:
        await session.execute(
            text("update sync_device set view_valid_until = null where sync_device.region_id = 1")
        )


async def state_of(database: Database, trial_id: UUID) -> str:
    """Return a trial's state."""
    async with database.transaction() as session:
        return (await session.get_one(Leave, (1, trial_id))).kind


async def remarks_of(database: Database) -> list[str | None]:
    """Return the texts of all remarks of region 1, oldest first."""
    async with database.transaction() as session:
        found = await session.scalars(
            select(Leave)
            .where(Leave.region_id == 1, Leave.kind == "remark")
            .order_by(Leave.created_at, Leave.id)
        )
        return [row.reason for row in found]


async def count(database: Database, table: str, where: str = "true") -> int:
    """Count rows of a table in region 1."""
    async with database.transaction() as session:
        statement = f"select count(*) from {table} where {table}.region_id = 1 and {where}"
        return int(await session.scalar(text(statement)) or 0)
