"""Inspections of the past months (QA-01 to QA-03), by their commands, each as of its own time.

Every month the region looks at each centre from the evidence, and each centre at itself. The last
month's sheets are still to be answered.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from fieldops.demo.city import City, city_id
from fieldops.demo.copying import REGION
from fieldops.demo.standing import centre_id
from fieldops.kernel import commands
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.ids import new_id
from fieldops.organisation import queries as organisation
from fieldops.quality.forms import FormBody
from fieldops.quality.models import Inspection
from fieldops.quality.queries import inspections as queries
from fieldops.visits.models import Assignment

REGIONS = "staff/supervisor.region"
CENTRES = {"north": "staff/supervisor.north", "south": "staff/supervisor.south"}
WELL = 0.9
WORDS = (
    "The label is missing on the photo.",
    "The photo shows another place than the list says.",
    "The customer was not shown how to change the password.",
    "The test was taken before the work and not after it.",
)

SERIOUS = "The test on the list was never taken: its values are those of another line."


@dataclass(frozen=True, slots=True)
class Desk:
    """Gives commands for people of the office as of a moment."""

    database: Database

    async def run(self, who: str | UUID, name: str, now: datetime, **args: Any) -> UUID:
        """Run a command for who has a key or id; return the first record it made or changed."""
        person_id = city_id(who) if isinstance(who, str) else who
        async with self.database.transaction() as session:
            actor = await organisation.load_actor(session, person_id, REGION)
            if actor is None:
                raise LookupError(str(who))
            done = await commands.run(session, actor, Envelope(new_id(), name, args), now)
        return done.refs[0].id


async def inspect(database: Database, city: City, now: datetime, days: int) -> int:
    """Carry out the inspections of the whole months that the past has; return how many."""
    desk, zone = Desk(database), ZoneInfo(city.time_zone)
    dice = random.Random(f"{city.seed} inspections")
    months = list(_months(now.astimezone(zone).date(), days))
    made = 0
    for position, (first, after) in enumerate(months):
        ended = datetime.combine(after, time(9), zone)
        begun = datetime.combine(first, time(0), zone)
        newest = position == len(months) - 1
        for centre, supervisor in CENTRES.items():
            await _from_evidence(desk, dice, centre, (begun, ended), answered=not newest)
            await _of_itself(desk, dice, supervisor, centre, ended)
            made += 2
    return made


def _months(today: date, days: int) -> Iterator[tuple[date, date]]:
    """Yield the whole months before today that lie in the last days: first day, day after."""
    first = (today - timedelta(days=days)).replace(day=1)
    while True:
        first = (first + timedelta(days=32)).replace(day=1)
        after = (first + timedelta(days=32)).replace(day=1)
        if after >= today:
            return
        yield first, after


async def _from_evidence(
    desk: Desk,
    dice: random.Random,
    centre: str,
    during: tuple[datetime, datetime],
    *,
    answered: bool,
) -> None:
    begun, ended = during
    place = {"level": "region", "kind": "remote", "centre_id": str(centre_id(centre))}
    day = ended.date().isoformat()
    of = str(await desk.run(REGIONS, "inspection.plan", ended, **place, planned_for=day))
    await desk.run(
        REGIONS, "inspection.draw", ended,
        inspection_id=of, ended_from=begun.isoformat(), ended_before=ended.isoformat(),
        seed=f"{day} {centre}",
    )  # fmt: skip
    async with desk.database.transaction() as session:
        sample = await queries.sampled(session, REGION, UUID(of))
    answers = await _answers(desk, UUID(of))
    for visit_id in sample:
        filled = [draw(dice) for draw in answers]
        await desk.run(
            REGIONS, "inspection.fill", ended,
            inspection_id=of, visit_id=str(visit_id), answers=filled,
        )  # fmt: skip
    for number, visit_id in enumerate(dice.sample(sorted(sample), k=min(3, len(sample)))):
        said: dict[str, Any] = {
            "unit_id": str(centre_id(centre)),
            "severity": dice.choice(("minor", "minor", "major")),
            "words": dice.choice(WORDS),
        }
        if centre == "north" and number == 0:
            who = await _who_went(desk, visit_id)
            said = {"technician_id": str(who), "severity": "serious", "words": SERIOUS}
        await desk.run(
            REGIONS, "inspection.note_finding", ended,
            inspection_id=of, visit_id=str(visit_id), **said,
        )  # fmt: skip
    await desk.run(
        REGIONS, "inspection.report", ended,
        inspection_id=of, summary="Good work on the whole; three things to mend.",
    )  # fmt: skip
    if answered:
        answer_at, judged_at = ended + timedelta(days=8), ended + timedelta(days=10)
        words = "Spoken of in the morning meeting; the photos of a week are looked at again."
        await desk.run(
            CENTRES[centre], "inspection.answer", answer_at, inspection_id=of, measures=words
        )
        await desk.run(
            REGIONS, "inspection.judge", judged_at,
            inspection_id=of, verdict="accepted", words="Seen in the next month's sample.",
        )  # fmt: skip


async def _who_went(desk: Desk, visit_id: UUID) -> UUID:
    async with desk.database.transaction() as session:
        found = await session.scalars(
            select(Assignment.technician_id)
            .where(Assignment.region_id == REGION, Assignment.visit_id == visit_id)
            .order_by(Assignment.id)
            .limit(1)
        )
        return found.one()


async def _of_itself(
    desk: Desk, dice: random.Random, who: str, centre: str, ended: datetime
) -> None:
    place = {"level": "centre", "kind": "self", "centre_id": str(centre_id(centre))}
    at = ended - timedelta(days=3)
    day = at.date().isoformat()
    of = str(await desk.run(who, "inspection.plan", at, **place, planned_for=day))
    filled = [draw(dice) for draw in await _answers(desk, UUID(of))]
    await desk.run(who, "inspection.fill", at, inspection_id=of, answers=filled)
    await desk.run(who, "inspection.report", at, inspection_id=of)


async def _answers(desk: Desk, inspection_id: UUID) -> list[Any]:
    """Return for each item of the inspection's form what draws an answer to it."""
    async with desk.database.transaction() as session:
        row = await session.get_one(Inspection, (REGION, inspection_id))
        form = await queries.form(session, row.form_id)
    return [_drawer(item) for item in FormBody.model_validate(form.body).items]


def _drawer(item: Any) -> Any:
    def draw(dice: random.Random) -> dict[str, Any]:
        well = dice.random() < WELL
        if item.type == "yes_no":
            note = None if well else "Not seen."
            return {"item_key": item.key, "value": well, "note": note}
        if item.type == "choice":
            return {"item_key": item.key, "value": dice.choice(item.choices).value}
        return {"item_key": item.key, "value": item.most if item.most is not None else "Seen."}

    return draw
