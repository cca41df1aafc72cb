"""What a phone's commands promise: the contents they name, and what of them is still wanted.

A command names its attachments by their sha256 (SYNC section 7). Each becomes a link, so that
the receipts count it and no sweep takes its bytes: of the visit, when the command took effect;
of the command itself while it is held or was rejected, until the late-work desk accepts it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.files import policy, queries, rules
from fieldops.files.models import FileLink
from fieldops.kernel import clock

COMMAND = "command"
LINK = "file.link"


@dataclass(frozen=True, slots=True)
class Named:
    """A command with what it names: attachments as {sha256, bytes, mime}, or a link's content.

    `id` is its id in the ledger; `first_time` tells a command just taken from a repeat.
    """

    id: UUID
    name: str
    args: Mapping[str, Any]
    attachments: Sequence[Mapping[str, Any]]
    subject: str | None
    subject_id: UUID | None
    captured_at: datetime | None
    took_effect: bool
    first_time: bool = True

    def again(self) -> "Named":
        """Return it as a repeat: what it promises was kept the first time."""
        return replace(self, first_time=False)

    @property
    def contents(self) -> list[str]:
        """The sha256 of everything the command names."""
        found = [str(a["sha256"]) for a in self.attachments if a["bytes"]]
        linked = self.args.get("sha256") if self.name == LINK else None
        return [*found, linked] if isinstance(linked, str) and rules.is_sha256(linked) else found

    @property
    def visit_id(self) -> UUID | None:
        """The visit the command is about, as far as it says."""
        try:
            return UUID(str(self.args.get("visit_id")))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Promiser:
    """The device and the technician whose commands promise something."""

    region_id: int
    device_id: UUID
    technician_id: UUID
    centre_id: UUID | None


async def keep(
    session: AsyncSession, who: Promiser, commands: Iterable[Named]
) -> dict[str, Any] | None:
    """Keep what commands promise and return the batch's receipt; None when they name nothing.

    The receipt: how many contents the batch names, how many are here, which are wanted.
    """
    named = [command for command in commands if command.contents]
    if not named:
        return None
    contents = sorted({sha256 for command in named for sha256 in command.contents})
    new = [c for c in named if c.first_time and c.attachments]
    if new:
        # The same lock as an arrival's, in one order: neither can miss the other.
        files = await queries.lock_files(session, who.region_id, contents)
        here = {file.sha256 for file in files if file.stored_at is not None}
        await _link(session, who, new, here)
    else:
        here = await queries.arrived(session, who.region_id, contents)
    wanted = [sha256 for sha256 in contents if sha256 not in here]
    return {"promised": len(contents), "arrived": len(contents) - len(wanted), "wanted": wanted}


async def _link(
    session: AsyncSession, who: Promiser, commands: Sequence[Named], here: set[str]
) -> None:
    """Link each attachment once: a content of the visit that has its link needs no other."""
    wanted = {sha256 for command in commands for sha256 in command.contents}
    linked = await queries.linked_to(session, who.region_id, wanted)
    centres: dict[UUID | None, UUID | None] = {None: who.centre_id}
    for command in commands:
        visit_id = command.visit_id if command.took_effect else None
        if visit_id is not None and visit_id not in centres:
            centres[visit_id] = await _centre_of(session, who, visit_id)
        for attachment in command.attachments:
            sha256 = str(attachment["sha256"])
            if not attachment["bytes"] or (visit_id is not None and (sha256, visit_id) in linked):
                continue
            linked.add((sha256, visit_id))
            session.add(
                FileLink(
                    region_id=who.region_id,
                    id=uuid5(command.id, sha256),
                    centre_id=centres[visit_id],
                    sha256=sha256,
                    bytes=attachment["bytes"],
                    mime=attachment["mime"],
                    purpose=_purpose(command, sha256),
                    **_subject(command),
                    visit_id=visit_id,
                    technician_id=who.technician_id,
                    captured_at=command.captured_at or clock.now(),
                    device_id=who.device_id,
                    command_id=command.id,
                    arrived=sha256 in here,
                )
            )
    await session.flush()


def _purpose(command: Named, sha256: str) -> str:
    """Return what an attachment is for: a signature is one however it was promised (CU-07)."""
    found = (of(command.name, command.args, sha256) for of in policy.purpose_of)
    return next((purpose for purpose in found if purpose), "attachment")


def _subject(command: Named) -> dict[str, Any]:
    known = command.took_effect and command.subject and command.subject_id
    return {
        "subject_type": (command.subject or "").removesuffix("_id") if known else COMMAND,
        "subject_id": command.subject_id if known else command.id,
    }


async def _centre_of(session: AsyncSession, who: Promiser, visit_id: UUID) -> UUID | None:
    for find in policy.centre_of_visit:
        centre_id = await find(session, who.region_id, visit_id)
        if centre_id is not None:
            return centre_id
    return who.centre_id


async def accepted(session: AsyncSession, region_id: int, command: Named) -> None:
    """Give what a held command had promised to its visit, now that the desk has accepted it."""
    links = await queries.lock_links_of_commands(session, region_id, [command.id])
    visit_id = command.visit_id
    for link in links:
        link.visit_id = visit_id
        subject = _subject(command)
        link.subject_type, link.subject_id = subject["subject_type"], subject["subject_id"]
        if visit_id is not None:
            for find in policy.centre_of_visit:
                link.centre_id = await find(session, region_id, visit_id) or link.centre_id


async def discarded(
    session: AsyncSession, region_id: int, command_ids: Collection[UUID], now: datetime
) -> None:
    """Wait no longer for what commands had promised that the desk has discarded."""
    for link in await queries.lock_links_of_commands(session, region_id, command_ids):
        link.given_up_at = link.given_up_at or now
