"""Tools and instruments: who has them, and until when their calibration holds (ORG-05)."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from fieldops.kernel.commands import Args, Context, Text, command, refuse_on
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries
from fieldops.organisation.errors import (
    HolderElsewhere,
    NothingOffered,
    SerialTaken,
    ToolLost,
    ToolNotLost,
    ToolRetired,
)
from fieldops.organisation.events import ToolJudgedAnew
from fieldops.organisation.models import Calibration, Tool, Unit
from fieldops.organisation.queries import tools
from fieldops.organisation.rules import ToolKind

refuse_on("uq_organisation_tool_serial", SerialTaken)

Number = Annotated[Text, Field(min_length=1, max_length=80)]


class RegisterTool(Args):
    """A tool begins in its centre's store, with nobody."""

    centre_id: UUID
    kind: ToolKind
    serial: Number = Field(description="As the instrument and its measurements name it.")
    model: Number
    needs_calibration: bool = Field(description="Whether its measurements count only calibrated.")


@command("tool.register", permission=Permission.TOOL_EDIT)
async def register_tool(ctx: Context, args: RegisterTool) -> Tool:
    """Put a tool or instrument on the list of a centre (ORG-05).

    Raises NotFound for a centre outside the actor's scope, SerialTaken.
    """
    scope = ctx.actor.scope(Permission.TOOL_EDIT)
    centre = await ctx.session.get(Unit, args.centre_id)
    if centre is None or centre.kind != "centre" or centre.region_number != ctx.region_id:
        raise NotFound(thing="centre")
    if not scope.whole_region and centre.id not in scope.centre_ids:
        raise NotFound(thing="centre")
    tool = Tool(
        region_id=ctx.region_id,
        id=ctx.envelope.id,
        **args.model_dump(exclude={"kind"}),
        kind=args.kind.value,
        active=True,
    )
    ctx.add(tool)
    await ctx.session.flush()
    await ctx.emit(ToolJudgedAnew(tool.serial))
    return tool


class Calibrate(Args):
    tool_id: UUID
    calibrated_on: date = Field(description="The local day it was calibrated on.")
    valid_until: date = Field(description="The last local day it holds on.")
    certificate_number: Number

    @model_validator(mode="after")
    def _days_in_order(self) -> "Calibrate":
        if self.valid_until < self.calibrated_on:
            raise ValueError("valid_until lies before calibrated_on")
        return self


@command("tool.calibrate", permission=Permission.TOOL_EDIT, subject="tool_id")
async def calibrate(ctx: Context, args: Calibrate) -> tuple[Calibration, Tool]:
    """Record a calibration; measurements of its days are judged anew, late ones too (ORG-05).

    Raises NotFound.
    """
    scope = ctx.actor.scope(Permission.TOOL_EDIT)
    tool = await tools.lock_tool(ctx.session, scope, args.tool_id)
    row = Calibration(
        region_id=ctx.region_id, id=ctx.envelope.id, centre_id=tool.centre_id, **args.model_dump()
    )
    ctx.add(row)
    tool.calibrated_until = max(tool.calibrated_until or args.valid_until, args.valid_until)
    await ctx.session.flush()
    await ctx.emit(ToolJudgedAnew(tool.serial))
    return row, tool


class HandOver(Args):
    tool_id: UUID
    to_id: UUID | None = Field(None, description="The technician; without one, into the store.")


@command("tool.hand_over", permission=Permission.TOOL_HOLD, subject="tool_id")
async def hand_over(ctx: Context, args: HandOver) -> Tool:
    """Offer a tool to a technician of its centre, or take it back into the store (ORG-05).

    Whoever has it keeps the custody until the other accepts. A technician offers what is in the
    own custody; only an office takes something into the store. Raises NotFound, ToolRetired,
    ToolLost, HolderElsewhere.
    """
    scope = ctx.actor.scope(Permission.TOOL_HOLD)
    tool = await tools.lock_tool(ctx.session, scope, args.tool_id)
    if not scope.office and (tool.holder_id != ctx.actor.id or args.to_id is None):
        raise NotFound(thing="tool")
    if tool.lost_at is not None:
        raise ToolLost
    if args.to_id is None:
        tool.holder_id, tool.held_since = None, None
        tool.offered_to_id, tool.offered_at = None, None
        return tool
    if not tool.active:
        raise ToolRetired
    technician = await queries.technician(ctx.session, ctx.region_id, args.to_id)
    if technician.centre_id != tool.centre_id or not technician.active:
        raise HolderElsewhere(technician=technician.name)
    tool.offered_to_id, tool.offered_at = technician.id, ctx.now
    return tool


class Answer(Args):
    tool_id: UUID
    accepted: bool = Field(description="False: it is not taken and stays where it is.")


@command("tool.answer_offer", permission=Permission.TOOL_HOLD, subject="tool_id")
async def answer_offer(ctx: Context, args: Answer) -> Tool:
    """Accept or refuse a tool that was offered to oneself; acceptance moves the custody (ORG-05).

    Whoever accepts a tool that was reported lost has it: it is found. Raises NotFound,
    NothingOffered.
    """
    scope = ctx.actor.scope(Permission.TOOL_HOLD)
    tool = await tools.lock_tool(ctx.session, scope, args.tool_id)
    if tool.offered_to_id is None or tool.offered_to_id != ctx.actor.id:
        raise NothingOffered
    if args.accepted:
        tool.holder_id, tool.held_since = ctx.actor.id, ctx.now
        tool.lost_at, tool.lost_how = None, None
    tool.offered_to_id, tool.offered_at = None, None
    return tool


class ReportLost(Args):
    tool_id: UUID
    how: Annotated[Text, Field(min_length=3, max_length=500, description="When, where and how.")]


@command("tool.report_lost", permission=Permission.TOOL_HOLD, subject="tool_id")
async def report_lost(ctx: Context, args: ReportLost) -> Tool:
    """Report a tool lost; it stays in the custody it was lost from (ORG-05).

    A technician reports what is in the own custody. Raises NotFound, ToolRetired, ToolLost.
    """
    tool = await _at_hand(ctx, args.tool_id)
    if not tool.active:
        raise ToolRetired
    if tool.lost_at is not None:
        raise ToolLost
    ctx.reason = args.how
    tool.lost_at, tool.lost_how = ctx.now, args.how
    return tool


class ReportFound(Args):
    tool_id: UUID
    where: Annotated[Text, Field(min_length=3, max_length=500, description="Where it was.")]


@command("tool.report_found", permission=Permission.TOOL_HOLD, subject="tool_id")
async def report_found(ctx: Context, args: ReportFound) -> Tool:
    """Report a lost tool found; it goes on where it was, also one that was retired (ORG-05).

    A technician reports what is in the own custody. Raises NotFound, ToolNotLost.
    """
    tool = await _at_hand(ctx, args.tool_id)
    if tool.lost_at is None:
        raise ToolNotLost
    ctx.reason = args.where
    tool.lost_at, tool.lost_how = None, None
    tool.active = True
    return tool


async def _at_hand(ctx: Context, tool_id: UUID) -> Tool:
    scope = ctx.actor.scope(Permission.TOOL_HOLD)
    tool = await tools.lock_tool(ctx.session, scope, tool_id)
    if not scope.office and tool.holder_id != ctx.actor.id:
        raise NotFound(thing="tool")
    return tool


class Retire(Args):
    tool_id: UUID
    reason: Annotated[Text, Field(min_length=3, max_length=500)]


@command("tool.retire", permission=Permission.TOOL_EDIT, subject="tool_id")
async def retire(ctx: Context, args: Retire) -> Tool:
    """Take a tool out of use: broken, sold, or lost for good (ORG-05). Raises NotFound."""
    scope = ctx.actor.scope(Permission.TOOL_EDIT)
    tool = await tools.lock_tool(ctx.session, scope, args.tool_id)
    ctx.reason = args.reason
    tool.active = False
    tool.holder_id, tool.held_since = None, None
    tool.offered_to_id, tool.offered_at = None, None
    return tool
