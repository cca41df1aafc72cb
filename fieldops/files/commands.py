"""The verbs of files: promise a content as evidence, give up one that will not come."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from fieldops.files import policy, queries, rules
from fieldops.files.errors import FileHasArrived
from fieldops.files.events import FileLinked
from fieldops.files.models import FileLink
from fieldops.kernel.commands import Args, Context, Nature, Text, command
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation

Mime = Literal["application/pdf", "image/heic", "image/jpeg", "image/png", "image/webp"]
Purpose = Literal["photo", "signature", "notice", "report"]
Subject = Literal["visit", "checklist", "health_record", "finding", "order", "message"]


class LinkFile(Args):
    id: UUID | None = Field(None, description="Id of the link; without it the command's id.")
    sha256: str = Field(
        pattern=rules.SHA256_HEX, description="SHA-256 of the content, 64 lower case hex digits."
    )
    bytes: int = Field(ge=1, le=2**40, description="Length of the content (bytes).")
    mime: Mime = Field(description="Media type of the content.")
    purpose: Purpose = Field(description="What the content is for.")
    subject_type: Subject = Field(description="The type of record it is evidence of.")
    subject_id: UUID = Field(description="The record it is evidence of.")
    item_key: Text | None = Field(
        None, min_length=1, max_length=80, description="The checklist item it answers."
    )
    visit_id: UUID | None = Field(None, description="The visit it was taken on.")


@command(
    "file.link",
    permission=Permission.FILE_WRITE,
    nature=Nature.FACT,
    offline=True,
    subject="visit_id",
)
async def link(ctx: Context, args: LinkFile) -> FileLink:
    """Promise a photo, signature or paper as evidence; its bytes may follow later (SYNC 7).

    The reaction of visits judges whether the actor may add to the visit.
    """
    file = await queries.lock_file(ctx.session, ctx.region_id, args.sha256)
    row = FileLink(
        region_id=ctx.region_id,
        id=args.id or ctx.envelope.id,
        centre_id=await _centre_of(ctx, args.visit_id),
        technician_id=ctx.actor.id if ctx.actor.is_technician else None,
        captured_at=ctx.happened_at,
        device_id=ctx.envelope.device_id,
        arrived=file.stored_at is not None,
        **args.model_dump(exclude={"id"}),
    )
    ctx.add(row)
    await ctx.emit(
        FileLinked(
            link_id=row.id,
            visit_id=row.visit_id,
            centre_id=row.centre_id,
            sha256=row.sha256,
            purpose=row.purpose,
            subject_type=row.subject_type,
            subject_id=row.subject_id,
            item_key=row.item_key,
            technician_id=row.technician_id,
            arrived=row.arrived,
        )
    )
    return row


class GiveUp(Args):
    link_id: UUID = Field(description="The promise that will not be kept.")
    reason: Text = Field(min_length=3, max_length=500, description="Why; it is kept.")


@command("file.give_up", permission=Permission.DESK_DECIDE, subject="link_id")
async def give_up(ctx: Context, args: GiveUp) -> FileLink:
    """Note that a promised content will not come: it leaves the list of missing ones (SYNC 7).

    The receipt stays incomplete; bytes that come after all are taken. Raises NotFound,
    FileHasArrived.
    """
    scope = ctx.actor.scope(Permission.DESK_DECIDE)
    row = await queries.lock_link(ctx.session, scope, args.link_id)
    if row.arrived:
        raise FileHasArrived
    row.given_up_at, ctx.reason = row.given_up_at or ctx.now, args.reason
    return row


async def _centre_of(ctx: Context, visit_id: UUID | None) -> UUID | None:
    """Return the visit's centre, else the technician's home centre, else the actor's only one."""
    if visit_id is not None:
        for find in policy.centre_of_visit:
            centre_id = await find(ctx.session, ctx.region_id, visit_id)
            if centre_id is not None:
                return centre_id
    if ctx.actor.is_technician:
        try:
            return (
                await organisation.technician(ctx.session, ctx.region_id, ctx.actor.id)
            ).centre_id
        except NotFound:
            return None
    centres = ctx.actor.centre_ids
    return next(iter(centres)) if len(centres) == 1 else None
