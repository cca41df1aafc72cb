"""Answers to the items of a visit's lists, and what they opened for the desk (CH-05)."""

from collections.abc import Sequence
from typing import Annotated, Any, Protocol
from uuid import UUID

from pydantic import Field

from fieldops.checklists import opening, queries, rules
from fieldops.checklists.errors import AnswerInvalid, TaskSettled
from fieldops.checklists.models import Answer, Checklist, Opened
from fieldops.checklists.rules import Body, Key
from fieldops.kernel.commands import Args, Context, Json, Nature, Text, command
from fieldops.kernel.permissions import Permission
from fieldops.visits.commands.judging import visit_for_fact

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ItemAnswer(Args):
    item_key: Key = Field(description="The item that is answered.")
    value: Json = Field(description="The answer; its shape follows from the item's type.")
    note: Text | None = Field(
        None, max_length=2000, description="A remark; asked for by some items when answered no."
    )
    photos: list[Sha256] = Field(
        default_factory=list,
        max_length=rules.MOST_PHOTOS,
        description="Photos that belong to the answer, by sha256; file.link promises them.",
    )
    test_id: UUID | None = Field(
        None, description="The line or speed test of the visit that a bound item was read from."
    )


class Answered(Protocol):
    """An answer to an item, whatever else belongs to it."""

    @property
    def item_key(self) -> str: ...
    @property
    def value(self) -> Any: ...


class AnswerChecklist(Args):
    visit_id: UUID = Field(description="The visit the list belongs to.")
    checklist_id: UUID = Field(description="The list that is answered.")
    answers: list[ItemAnswer] = Field(
        min_length=1,
        max_length=rules.MOST_ITEMS,
        description="One or more items, each answered once.",
    )


@command(
    "checklist.answer",
    permission=Permission.CHECKLIST_ANSWER,
    nature=Nature.FACT,
    offline=True,
    subject="visit_id",
)
async def answer(ctx: Context, args: AnswerChecklist) -> list[Answer]:
    """Answer items of a checklist; lists of several technicians merge by item (CH-05).

    A later answer to an item supersedes the one before, and both stay. What the items' rules say
    is opened, once (opening.py). Raises NotFound,
    AnswerInvalid with the items and what they take, and what the judgement of facts raises.
    """
    judged = await visit_for_fact(ctx, args.visit_id)
    checklist = await queries.lock_checklist(
        ctx.session, ctx.region_id, args.visit_id, args.checklist_id
    )
    body = (await queries.bodies(ctx.session, [checklist.template_version_id]))[
        checklist.template_version_id
    ]
    check(body, args.answers)
    await _supersede(ctx, checklist, {given.item_key for given in args.answers})
    rows = [
        Answer(
            region_id=ctx.region_id,
            checklist_id=checklist.id,
            visit_id=checklist.visit_id,
            centre_id=checklist.centre_id,
            technician_id=ctx.actor.id if ctx.actor.is_technician else None,
            person_id=ctx.actor.id,
            device_id=ctx.envelope.device_id,
            captured_at=ctx.captured_at,
            estimated_at=ctx.happened_at,
            by_other_technician=judged.by_other,
            **given.model_dump(),
        )
        for given in args.answers
    ]
    ctx.add(*rows)
    await opening.open_for(ctx, judged.visit, checklist, body, rows)
    return rows


class SettleTask(Args):
    opened_id: UUID = Field(description="The task that an answer opened for the desk.")
    outcome: Text = Field(min_length=3, max_length=1000, description="What came of it.")


@command("checklist.settle_task", permission=Permission.DESK_DECIDE, subject="opened_id")
async def settle_task(ctx: Context, args: SettleTask) -> Opened:
    """Settle a task that a failed item opened for the desk. Raises NotFound, TaskSettled."""
    scope = ctx.actor.scope(Permission.DESK_DECIDE)
    row = await queries.lock_opened(ctx.session, scope, args.opened_id)
    over = row.settled_at is not None or row.withdrawn_at is not None
    if row.opens != rules.Opens.DESK_TASK or over:
        raise TaskSettled
    row.settled_at, row.settled_by, row.outcome = ctx.now, ctx.actor.id, args.outcome
    return row


def check(body: Body, answers: Sequence[Answered]) -> None:
    """Raise AnswerInvalid with every answer that its item does not take, and what it takes."""
    errors: list[dict[str, str]] = []
    seen: set[str] = set()

    def wrong(key: str, rule: str, message: str) -> None:
        errors.append({"field": f"answers.{key}", "rule": rule, "message": message})

    for given in answers:
        key = given.item_key
        item = body.item(key)
        if item is None:
            wrong(key, "unknown_item", "this checklist has no such item")
        elif key in seen:
            wrong(key, "unique", "the item is answered twice")
        elif expected := rules.misfit(item, given.value):
            wrong(key, item.type.value, f"the item takes {expected}")
        seen.add(key)
    if errors:
        raise AnswerInvalid(items=", ".join(e["field"] for e in errors), errors=errors)


async def _supersede(ctx: Context, checklist: Checklist, keys: set[str]) -> None:
    """Mark the standing answers to some items; one that the sender had not seen is a merge."""
    former = [
        row
        for row in await queries.standing(ctx.session, ctx.region_id, [checklist.id])
        if row.item_key in keys
    ]
    for before in former:
        before.superseded = True
        if before.person_id != ctx.actor.id and ctx.envelope.base_version(before.id) is None:
            ctx.merged.add(before.item_key)
    if former:  # the old answers leave the unique index before the new ones enter it
        await ctx.session.flush()
