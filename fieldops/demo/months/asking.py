"""What machines asked about the evidence of past visits, answered and decided since (QA-05).

The supervisor decides as it was: what the past drew as wrong holds, everything else was a false
alarm. So the city shows how good each check is.
"""

import random
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fieldops.demo.city import City, city_id
from fieldops.demo.copying import REGION
from fieldops.kernel import commands
from fieldops.kernel.actor import Actor, system
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation
from fieldops.quality import queries
from fieldops.quality.models import EvidenceFlag
from fieldops.quality.rules import Check

JUDGE = city_id("staff/supervisor.region")
LOOKED, ANSWERED = timedelta(days=1), timedelta(hours=5)
DECIDED = timedelta(days=9)
"""A supervisor comes to it after some days, so that a few answers always wait for a decision."""
EXCUSES = {
    Check.PHOTO_REUSED: "The two boxes stand side by side and look alike.",
    Check.POSITION_FAR: "The phone had no position in the cellar and took an old one.",
    Check.TOO_SHORT: "The customer had done the cabling already.",
    Check.TEST_COPIED: "I measured it, and it came out the same.",
    Check.CLOCK_OFF: "The battery was empty, and the clock was set by hand.",
}
SILENT = 0.2


async def ask(
    database: Database,
    city: City,
    now: datetime,
    ended: Iterable[tuple[UUID, datetime]],
    wrong: AbstractSet[tuple[Check, UUID]],
) -> int:
    """Look at visits a day after their end, and let people answer and decide; return how many."""
    dice = random.Random(f"{city.seed} asked")
    looked = 0
    for visit_id, ended_at in ended:
        seen = min(ended_at + LOOKED, now)
        await _run(database, system(REGION), "evidence.check", seen, visit_id=str(visit_id))
        looked += 1
        async with database.transaction() as session:
            scope = system(REGION).scope(Permission.QUALITY_READ)
            flags = list(await session.scalars(queries.flags(scope, visit_id=visit_id)))
        for flag in flags:
            await _settle(database, dice, flag, seen, now, wrong)
    return looked


async def _settle(
    database: Database,
    dice: random.Random,
    flag: EvidenceFlag,
    seen: datetime,
    now: datetime,
    wrong: AbstractSet[tuple[Check, UUID]],
) -> None:
    check = Check(flag.kind)
    answered, decided = seen + ANSWERED, seen + DECIDED
    if dice.random() < SILENT:
        decided = flag.answer_until
    elif answered < now and flag.technician_id is not None:
        async with database.transaction() as session:
            who = await organisation.load_actor(session, flag.technician_id, REGION)
        if who is not None:
            await _run(database, who, "evidence_flag.answer", answered,
                       flag_id=str(flag.id), answer=EXCUSES[check])  # fmt: skip
    if decided < now:
        async with database.transaction() as session:
            judge = await organisation.load_actor(session, JUDGE, REGION)
        if judge is not None:
            holds = any((check, one) in wrong for one in _named(flag, check))
            reason = "Looked at with the others of that day." if holds else "It was as they say."
            await _run(database, judge, "evidence_flag.decide", decided,
                       flag_id=str(flag.id), holds=holds, reason=reason)  # fmt: skip


def _named(flag: EvidenceFlag, check: Check) -> list[UUID]:
    """Return the records a flag names; of a pair either may be the copy."""
    if check is Check.CLOCK_OFF:
        return [flag.visit_id]
    others = (flag.found.get(name) for name in ("other_link_id", "other_test_id"))
    return [flag.subject_id, *(UUID(one) for one in others if one)]


async def _run(database: Database, actor: Actor, name: str, now: datetime, **args: Any) -> None:
    async with database.transaction() as session:
        await commands.run(session, actor, Envelope(new_id(), name, args), now)
