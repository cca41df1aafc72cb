"""Plant out of a file: judged as a whole, taken as a whole or not at all."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.commands import Args, Context, command
from fieldops.kernel.errors import StaleVersion
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission, Scope
from fieldops.network import importing, linking, queries
from fieldops.network.commands.plant import new_feature, new_tie
from fieldops.network.commands.serving import lead, new_service
from fieldops.network.commands.swapping import Reason
from fieldops.network.errors import PlantRefused, TooManyChanges
from fieldops.network.importing import Given, Plan
from fieldops.network.linking import GivenService, GivenTie
from fieldops.network.models import NetworkFeature
from fieldops.network.plant_files import MOST_LINKS, MOST_PIECES, Piece
from fieldops.network.queries import plant_files

MOST_CHANGES = 5_000
MOST_REFUSED = 200  # that an answer names


class ImportPlant(Args):
    """What a file holds with the place of each in it, as fieldops/network/plant_files reads."""

    pieces: list[Piece] = Field(max_length=MOST_PIECES)
    ties: list[Piece] = Field([], max_length=MOST_LINKS)
    services: list[Piece] = Field([], max_length=MOST_LINKS)
    reason: Reason


@dataclass(frozen=True, slots=True)
class Planned:
    """What a file would do: to pieces, and the ties and services that are new.

    `premises` have the centres that new services belong to.
    """

    plan: Plan
    ties: list[GivenTie]
    services: list[GivenService]
    premises: dict[UUID, UUID]


async def planned(
    session: AsyncSession,
    scope: Scope,
    pieces: list[Piece],
    ties: list[Piece],
    services: list[Piece],
) -> Planned:
    """Return what a file would do to the record; raises TooManyChanges."""
    plan = Plan()
    whole = importing.parsed(pieces, Given, plan)
    of_ties = importing.parsed(ties, GivenTie, plan)
    of_services = importing.parsed(services, GivenService, plan)
    given_ties = [given for _piece, given in of_ties]
    given_services = [given for _piece, given in of_services]
    also = {id_ for given in given_services for id_ in given.path}
    also |= {id_ for given in given_ties for id_ in (given.from_id, given.to_id)}
    record = await plant_files.record_for(session, scope, [given for _, given in whole], also)
    links = await plant_files.links_for(session, scope, given_ties, given_services)
    importing.judge(whole, record, plan, linking.used_in(of_services))
    new = {given.id: given for _number, given in plan.added if given.id is not None}
    made = Planned(
        plan,
        linking.judge_ties(of_ties, new, record, links, plan),
        linking.judge_services(of_services, new, record, links, plan),
        dict(links.premises),
    )
    number = len(plan.added) + len(plan.changed) + len(made.ties) + len(made.services)
    if number > MOST_CHANGES:
        raise TooManyChanges(number=number, most=MOST_CHANGES)
    return made


def reported(made: Planned) -> dict[str, Any]:
    """Return the report of a plan as JSON values; of too many refusals the first are named."""
    plan = made.plan
    return {
        "added": len(plan.added),
        "changed": len(plan.changed),
        "unchanged": plan.unchanged,
        "ties_added": len(made.ties),
        "ties_unchanged": plan.ties_unchanged,
        "services_added": len(made.services),
        "services_unchanged": plan.services_unchanged,
        "refused_number": len(plan.refused),
        "refused": [
            {"where": r.where, "id": r.id, "code": r.code, "reason": r.reason}
            for r in plan.refused[:MOST_REFUSED]
        ],
    }


@command("network.import_plant", permission=Permission.NETWORK_EDIT)
async def import_plant(ctx: Context, args: ImportPlant) -> None:
    """Add and change plant as a file says, all of it or, when a piece is refused, nothing (RE-01).

    Each piece, tie and service is checked as a single command would check it. Raises PlantRefused
    with everything that is refused, TooManyChanges.
    """
    scope = ctx.actor.scope(Permission.NETWORK_EDIT)
    made = await planned(ctx.session, scope, args.pieces, args.ties, args.services)
    plan, report = made.plan, reported(made)
    if plan.refused:
        raise PlantRefused(number=len(plan.refused), report=report)
    ctx.reason = args.reason
    named = {id_ for given in made.services for id_ in given.path}
    named |= {given.from_id for given in made.ties}
    new = [new_feature(ctx, given, given.id or new_id()) for _number, given in plan.added]
    rows = await queries.lock_features(
        ctx.session, scope, (named | plan.changed.keys()) - {row.id for row in new}
    )
    for id_, changes in plan.changed.items():
        if rows[id_].version != plan.versions[id_]:
            raise StaleVersion  # it was changed since it was judged
        for name, value in changes.items():
            setattr(rows[id_], name, value)
    ctx.add(*new)
    rows |= {row.id: row for row in new}
    await _link(ctx, made, rows)
    ctx.results = [report]


async def _link(ctx: Context, made: Planned, rows: dict[UUID, NetworkFeature]) -> None:
    """Tie the pieces together and lead the new services over them."""
    services = [
        new_service(ctx, given, given.id or new_id(), made.premises[given.premises_id])
        for given in made.services
    ]
    await ctx.session.flush()  # what refers to pieces and services comes after them
    for tie in made.ties:
        new_tie(ctx, tie, tie.id or new_id(), rows[tie.from_id].centre_id)
    for service, described in zip(services, made.services, strict=True):
        lead(ctx, service, [rows[id_] for id_ in described.path])
