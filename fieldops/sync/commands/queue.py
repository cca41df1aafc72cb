"""What a phone says of its own queue."""

from typing import Literal

from pydantic import Field

from fieldops.kernel.commands import Args, Context, Nature, Text, command
from fieldops.kernel.permissions import Permission
from fieldops.sync.errors import CommandLost
from fieldops.sync.rules import VOID


class VoidCommand(Args):
    reason: Literal["store_damaged", "not_readable", "removed_by_user", "other"] = Field(
        description="Why the phone cannot hand in the command that had this number."
    )
    lost: Text | None = Field(
        None, max_length=64, description="The lost command's name, if the phone still knows it."
    )
    about: Text | None = Field(
        None, max_length=500, description="What it was about, in the phone's or the user's words."
    )


@command(VOID, permission=Permission.SYNC_USE, nature=Nature.FACT, offline=True)
async def void(ctx: Context, args: VoidCommand) -> None:
    """Take the place of a command that the phone has lost, so that its queue goes on (SYNC 2).

    It never passes silently: holds CommandLost, and the desk shows the loss until somebody has
    taken note of it.
    """
    if not ctx.accepted:
        raise CommandLost(lost=args.lost or "a command", reason=args.reason)
