"""The check before leaving, filled as a list on the phone for a day, not for a visit (VI-02)."""

from uuid import UUID

from pydantic import Field

from fieldops.checklists import queries, rules
from fieldops.checklists.commands.answering import check
from fieldops.checklists.models import KitCheck
from fieldops.checklists.rules import Body, Finite, Given, ItemType, Key
from fieldops.kernel.clock import local_day
from fieldops.kernel.commands import Args, Context, Nature, command
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation


class KitAnswer(Args):
    item_key: Key = Field(description="The item that is answered.")
    value: bool | Finite | Key = Field(
        description="Yes or no, a number, or one of the choices. No words: what is written here "
        "hangs from no visit, and an erasure would not find it (CU-07)."
    )


class CheckKit(Args):
    id: UUID | None = Field(None, description="Id of the check; without it the command's id.")
    template_version_id: UUID = Field(description="The version of the list that was gone through.")
    answers: list[KitAnswer] = Field(
        min_length=1, max_length=rules.MOST_ITEMS, description="Each item answered once."
    )


@command(
    "kit.check",
    permission=Permission.CHECKLIST_ANSWER,
    nature=Nature.FACT,
    offline=True,
    subject="template_version_id",
)
async def check_kit(ctx: Context, args: CheckKit) -> KitCheck:
    """Record what a technician has of the kit list before leaving, for the local day (VI-02).

    Every check stays; the last one of a day stands. Nothing that is absent keeps anybody from
    leaving, the offices see it. Raises NotFound for a version that is no kit check's,
    AnswerInvalid.
    """
    version, template = await queries.version(ctx.session, args.template_version_id)
    if template.kind != rules.KIT_CHECK:
        raise NotFound(thing="kit check")
    body = Body.model_validate(version.body)
    check(body, args.answers)
    technician = await organisation.technician(ctx.session, ctx.region_id, ctx.actor.id)
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    given = {said.item_key: Given(said.value) for said in args.answers}
    absent = [
        item.key
        for item in rules.asked(body, given)
        if item.type is ItemType.YES_NO and item.key in given and given[item.key].value is False
    ]
    row = KitCheck(
        region_id=ctx.region_id,
        id=args.id or ctx.envelope.id,
        technician_id=technician.id,
        centre_id=technician.centre_id,
        day=local_day(ctx.happened_at, zone),
        template_version_id=version.id,
        answers=[said.model_dump(mode="json") for said in args.answers],
        absent=absent,
        unanswered=[item.item_key for item in rules.missing(body, given) if item.lacks == "answer"],
        device_id=ctx.envelope.device_id,
        captured_at=ctx.captured_at,
        estimated_at=ctx.happened_at,
    )
    row.complete = not row.absent and not row.unanswered
    ctx.add(row)
    return row
