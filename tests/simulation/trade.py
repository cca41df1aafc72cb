"""The trade of the simulation: jobs and the remarks on them, as rich as the oracle can judge.

Jobs are leaves whose `kind` is the state; a remark is a leave of kind `remark` whose reason
begins with its job's id. Decisions (begin, finish, describe) may be held, refused, merged or
in conflict; a remark is a fact and a child of its job. The desk's verbs change the same rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import Select, String, Text, and_, cast, func, literal, select
from sqlalchemy.orm import aliased

from fieldops.kernel import commands, views
from fieldops.kernel.changes import touch
from fieldops.kernel.commands import Args, Context, Nature
from fieldops.kernel.errors import REGISTRY as CODES
from fieldops.kernel.errors import Hold, NotFound, Refusal
from fieldops.kernel.permissions import Permission
from fieldops.kernel.views import DeviceScope, View, document
from fieldops.organisation.models import Leave
from tests.support.world import NORTH

REMARK_LENGTH = 40
DAY = timedelta(days=1)


class JobNotOpen(Refusal):
    """The job is {state}."""

    code = "sim_not_open"
    advice = "Do something else."


class JobReassigned(Hold):
    """The job was given to somebody else."""

    code = "sim_reassigned"
    advice = "Wait."


class JobCancelled(Hold):
    """The job was cancelled."""

    code = "sim_cancelled"
    advice = "Wait."


for _made in (JobNotOpen, JobReassigned, JobCancelled):
    CODES.pop(_made.code)  # the catalogue of refusals is the application's


class Job(BaseModel):
    id: UUID
    version: int
    state: str
    text: str | None
    planned: datetime


class Remark(BaseModel):
    id: UUID
    version: int
    job_id: UUID
    text: str


class OfJob(Args):
    job_id: UUID


class Describe(OfJob):
    text: str = Field(max_length=REMARK_LENGTH)


class Assign(OfJob):
    technician_id: UUID
    centre_id: UUID


class Move(OfJob):
    planned: datetime


class Extend(OfJob):
    until: datetime


class Make(Assign):
    planned: datetime
    until: datetime


async def _locked(ctx: Context, job_id: UUID) -> Leave:
    row: Leave | None = await ctx.session.scalar(
        select(Leave)
        .where(Leave.region_id == ctx.region_id, Leave.id == job_id, Leave.kind != "remark")
        .with_for_update()
    )
    if row is None:
        raise NotFound(thing="job")
    return row


async def _own(ctx: Context, job_id: UUID) -> Leave:
    job = await _locked(ctx, job_id)
    if job.technician_id != ctx.actor.id and not ctx.accepted:
        raise JobReassigned
    if job.kind == "cancelled" and not ctx.accepted:
        raise JobCancelled
    return job


async def begin(ctx: Context, args: OfJob) -> Leave:
    """Begin a job."""
    job = await _own(ctx, args.job_id)
    if job.kind not in ({"open", "cancelled"} if ctx.accepted else {"open"}):
        raise JobNotOpen(state=job.kind)
    await ctx.merge(job, ["kind"])
    job.kind = "begun"
    return job


async def finish(ctx: Context, args: OfJob) -> Leave:
    """Finish a begun job."""
    job = await _own(ctx, args.job_id)
    if job.kind != "begun":
        raise JobNotOpen(state=job.kind, next_steps=("job.begin",))
    job.kind = "finished"
    return job


async def describe(ctx: Context, args: Describe) -> Leave:
    """Change a job's text: merged with what others changed, unless they changed the text."""
    job = await _own(ctx, args.job_id)
    await ctx.merge(job, ["reason"])
    job.reason = args.text
    return job


async def remark(ctx: Context, args: Describe) -> Leave:
    """Remark on a job: a fact, whoever has the job now."""
    job = await _locked(ctx, args.job_id)
    row = Leave(
        region_id=ctx.region_id,
        technician_id=ctx.actor.id,
        centre_id=job.centre_id,
        kind="remark",
        starts_at=ctx.happened_at,
        ends_at=ctx.happened_at + DAY,
        reason=f"{job.id}|{args.text}",
    )
    ctx.add(row)
    return row


async def stumble(ctx: Context, args: OfJob) -> Leave:
    """Half change the job, then fail by a fault of ours."""
    job = await _locked(ctx, args.job_id)
    job.reason = "half done"
    await ctx.session.flush()
    raise RuntimeError("the simulated fault")


async def assign(ctx: Context, args: Assign) -> Leave:
    """Give the job to a technician of a centre."""
    job = await _locked(ctx, args.job_id)
    job.technician_id, job.centre_id = args.technician_id, args.centre_id
    # A real assignment is a row of the technician's home centre; that is what wakes the phone.
    touch(ctx.session, ctx.region_id, NORTH)
    return job


async def cancel(ctx: Context, args: OfJob) -> Leave:
    """Cancel the job."""
    job = await _locked(ctx, args.job_id)
    job.kind = "cancelled"
    return job


async def reopen(ctx: Context, args: OfJob) -> Leave:
    """Open the job again."""
    job = await _locked(ctx, args.job_id)
    job.kind = "open"
    return job


async def move(ctx: Context, args: Move) -> Leave:
    """Plan the job for another time."""
    job = await _locked(ctx, args.job_id)
    job.starts_at = args.planned
    return job


async def edit(ctx: Context, args: Describe) -> Leave:
    """Change the job's text at the desk."""
    job = await _locked(ctx, args.job_id)
    job.reason = args.text
    return job


async def extend(ctx: Context, args: Extend) -> Leave:
    """Change until when the job is shown."""
    job = await _locked(ctx, args.job_id)
    job.ends_at = args.until
    return job


async def drop(ctx: Context, args: OfJob) -> None:
    """Delete the job, so that it leaves every view."""
    await ctx.session.delete(await _locked(ctx, args.job_id))


async def make(ctx: Context, args: Make) -> Leave:
    """Make a job with the id that is given."""
    job = Leave(
        region_id=ctx.region_id,
        id=args.job_id,
        technician_id=args.technician_id,
        centre_id=args.centre_id,
        kind="open",
        starts_at=args.planned,
        ends_at=args.until,
        reason=None,
    )
    ctx.add(job)
    return job


def jobs(scope: DeviceScope) -> Select[Any]:
    fields = {"state": Leave.kind, "text": Leave.reason, "planned": Leave.starts_at}
    return document(Leave, fields, tier=views.TODAY, until=Leave.ends_at).where(
        Leave.region_id == scope.region_id,
        Leave.technician_id == scope.person_id,
        Leave.kind != "remark",
    )


def remarks(scope: DeviceScope) -> Select[Any]:
    job = aliased(Leave, name="job_of_remark")
    bar = literal("|", String, literal_execute=True)
    fields = {
        "job_id": func.split_part(Leave.reason, bar, 1),
        "text": func.split_part(Leave.reason, bar, 2),
    }
    return (
        document(Leave, fields, tier=views.LATER, until=job.ends_at)
        .join(
            job,
            and_(
                job.region_id == Leave.region_id,
                cast(job.id, Text) == func.split_part(Leave.reason, bar, 1),
            ),
        )
        .where(
            Leave.region_id == scope.region_id,
            job.region_id == scope.region_id,
            job.technician_id == scope.person_id,
            Leave.kind == "remark",
        )
    )


# Made once: the prepared statements of a pull are kept by the views they are made of.
VIEWS = (View("job", 20, jobs, Job), View("job_remark", 30, remarks, Remark))
OFFLINE = {"begin": 2, "finish": 1, "describe": 1, "stumble": 1}
DESK = (assign, cancel, reopen, move, edit, extend, drop, make)


def lift(args: dict[str, Any]) -> dict[str, Any]:
    """Lift the first shape of job.begin, which named the job `job`."""
    return {"job_id": args["job"]}


@contextmanager
def registered() -> Iterator[None]:
    """Register the trade alone: the application's views are put aside."""
    kept = [
        (registry, dict(registry))
        for registry in (commands.REGISTRY, views.REGISTRY, commands._upcasters)
    ]
    for name in [name for name in views.REGISTRY if name != "case"]:
        del views.REGISTRY[name]
    handlers = {"begin": begin, "finish": finish, "describe": describe, "stumble": stumble}
    work = Permission.VISIT_WORK
    for name, version in OFFLINE.items():
        commands.command(
            f"job.{name}", permission=work, offline=True, subject="job_id", version=version
        )(handlers[name])
    commands.command(
        "job.remark", permission=work, nature=Nature.FACT, offline=True, subject="job_id"
    )(remark)
    commands.upcast("job.begin", version=1)(lift)
    for handler in DESK:
        commands.command(f"job.{handler.__name__}", permission=Permission.DESK_DECIDE)(handler)
    for view in VIEWS:
        views.REGISTRY[view.name] = view
    try:
        yield
    finally:
        for registry, before in kept:
            registry.clear()
            registry.update(before)
