"""Plant out of a file: judged as a whole, taken as a whole or not at all."""

from typing import Any

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.commands import Args, Context, command
from fieldops.kernel.errors import StaleVersion
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission, Scope
from fieldops.network import importing, queries
from fieldops.network.commands.plant import new_feature
from fieldops.network.commands.swapping import Reason
from fieldops.network.errors import PlantRefused, TooManyChanges
from fieldops.network.importing import Plan
from fieldops.network.plant_files import MOST_PIECES, Piece
from fieldops.network.queries import plant_files

MOST_CHANGES = 5_000
MOST_REFUSED = 200  # that an answer names


class ImportPlant(Args):
    """The pieces of a file with the place of each in it, as fieldops/network/plant_files reads."""

    pieces: list[Piece] = Field(max_length=MOST_PIECES)
    reason: Reason


async def planned(session: AsyncSession, scope: Scope, pieces: list[Piece]) -> Plan:
    """Return what a file would do to the record; raises TooManyChanges."""
    plan = Plan()
    whole = importing.parsed(pieces, plan)
    record = await plant_files.record_for(session, scope, [given for _piece, given in whole])
    importing.judge(whole, record, plan)
    number = len(plan.added) + len(plan.changed)
    if number > MOST_CHANGES:
        raise TooManyChanges(number=number, most=MOST_CHANGES)
    return plan


def reported(plan: Plan) -> dict[str, Any]:
    """Return the report of a plan as JSON values; of too many refusals the first are named."""
    return {
        "added": len(plan.added),
        "changed": len(plan.changed),
        "unchanged": plan.unchanged,
        "refused_number": len(plan.refused),
        "refused": [
            {"where": r.where, "id": r.id, "code": r.code, "reason": r.reason}
            for r in plan.refused[:MOST_REFUSED]
        ],
    }


@command("network.import_plant", permission=Permission.NETWORK_EDIT)
async def import_plant(ctx: Context, args: ImportPlant) -> None:
    """Add and change plant as a file says, all of it or, when a piece is refused, nothing (RE-01).

    Each piece is checked as a single command would check it. Raises PlantRefused with every
    refused piece, TooManyChanges.
    """
    scope = ctx.actor.scope(Permission.NETWORK_EDIT)
    plan = await planned(ctx.session, scope, args.pieces)
    report = reported(plan)
    if plan.refused:
        raise PlantRefused(number=len(plan.refused), report=report)
    ctx.reason = args.reason
    rows = await queries.lock_features(ctx.session, scope, plan.changed.keys())
    for id_, changes in plan.changed.items():
        if rows[id_].version != plan.versions[id_]:
            raise StaleVersion  # it was changed since it was judged
        for name, value in changes.items():
            setattr(rows[id_], name, value)
    ctx.add(*(new_feature(ctx, given, given.id or new_id()) for _number, given in plan.added))
    ctx.results = [report]
