"""What failed items open by their template's rules: findings, cable work, tasks of the desk.

Once for an item of a list, whoever answers it how often and however late. A correction takes back
what nobody has begun; of what somebody has at hand that person is told instead.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from fieldops.checklists import queries
from fieldops.checklists.events import CorrectedTooLate
from fieldops.checklists.models import Answer, Checklist, Opened
from fieldops.checklists.rules import Body, Opening, Opens
from fieldops.kernel.commands import Context
from fieldops.kernel.geo import Point
from fieldops.kernel.ids import new_id
from fieldops.network.commands.findings import put_finding, take_back
from fieldops.network.models import NetworkFeature
from fieldops.network.rules import FeatureKind, Severity
from fieldops.network.rules import State as PlantState
from fieldops.orders.commands.plant import open_cable_work, take_back_cable_work
from fieldops.visits import queries as visits
from fieldops.visits.models import Visit

FINDING, WORK_ORDER = "finding", "work_order"
LONGEST_TEXT = 2000  # of a finding
WHY = "the answer that reported it was corrected"


async def open_for(
    ctx: Context, visit: Visit, checklist: Checklist, body: Body, answers: Iterable[Answer]
) -> list[Opened]:
    """Open what some answers call for, and note what they correct; return what was opened."""
    ruled = [
        (answer, rule)
        for answer in answers
        if (item := body.item(answer.item_key)) is not None
        for rule in item.opening
    ]
    if not ruled:
        return []
    known = await queries.opened_of(ctx.session, ctx.region_id, checklist.id)
    found = [(*one, known.get((one[0].item_key, one[1].opens.value))) for one in ruled]
    found = [one for one in found if one[2] is not None or one[1].holds(one[0].value)]
    if found:
        await ctx.session.flush()  # what is opened or noted refers to the answers
    made = []
    for answer, rule, before in found:
        if before is None:
            made.append(await _open(ctx, visit, checklist, answer, rule))
        elif not rule.holds(answer.value):
            await _correct(ctx, before, answer)
        elif before.corrected_by is not None:
            before.corrected_by = None
            if before.withdrawn_at is not None:  # it is wrong after all: opened anew
                before.withdrawn_at = None
                before.answer_id, before.opened_at = answer.id, ctx.now
                await _let_open(ctx, visit, checklist, answer, rule, before)
    return made


async def _open(
    ctx: Context, visit: Visit, checklist: Checklist, answer: Answer, rule: Opening
) -> Opened:
    row = Opened(
        id=new_id(),
        region_id=ctx.region_id,
        visit_id=visit.id,
        checklist_id=checklist.id,
        centre_id=visit.centre_id,
        item_key=answer.item_key,
        opens=rule.opens.value,
        answer_id=answer.id,
        opened_at=ctx.now,
    )
    await _let_open(ctx, visit, checklist, answer, rule, row)
    ctx.add(row)
    return row


async def _correct(ctx: Context, row: Opened, answer: Answer) -> None:
    """Note a correction; take back what nobody has begun, tell who has begun it."""
    first = row.corrected_by is None
    row.corrected_by = answer.id
    if not first or row.settled_at is not None:
        return
    taken_back = True
    if row.subject_type == FINDING:
        taken_back = await take_back(ctx, row.subject_id, WHY)
    elif row.subject_type == WORK_ORDER:
        taken_back = await _take_back_work(ctx, row)
    if taken_back:
        row.withdrawn_at = ctx.now
    elif row.subject_type == WORK_ORDER:
        await ctx.emit(CorrectedTooLate(row.id, row.subject_id))


async def _take_back_work(ctx: Context, row: Opened) -> bool:
    """Cancel the work, unless somebody else needs it too or has it at hand."""
    feature = await ctx.session.get(NetworkFeature, (ctx.region_id, row.feature_id))
    if feature is not None and feature.state == PlantState.BAD:
        return False  # it was marked bad besides
    if await queries.also_called_for(ctx.session, ctx.region_id, row):
        return False
    return await take_back_cable_work(ctx, row.subject_id, opened_for=row.text, why=WHY)


async def _let_open(
    ctx: Context, visit: Visit, checklist: Checklist, answer: Answer, rule: Opening, row: Opened
) -> None:
    """Open what a rule says and let the row name it."""
    text = row.text = _said(rule, answer.note)
    row.subject_type, row.subject_id = Opened.resource, row.id
    if rule.plant is not None:
        feature = await _plant(ctx, visit, checklist, rule.plant)
        row.feature_id = feature.id if feature else None
        if rule.opens is Opens.CABLE_WORK and feature is not None:
            row.subject_type, row.subject_id = WORK_ORDER, await _work(ctx, visit, feature, text)
        else:
            row.subject_type = FINDING
            row.subject_id = await _finding(ctx, visit, feature, rule.plant, rule.severity, text)


def _said(rule: Opening, note: str | None) -> str:
    """Return what is wrong in both languages, with the technician's remark."""
    said = f"{rule.text_en} / {rule.text_zh}"
    return f"{said}: {note}"[:LONGEST_TEXT] if note else said


async def _plant(
    ctx: Context, visit: Visit, checklist: Checklist, kind: FeatureKind
) -> NetworkFeature | None:
    """Return the plant it is about: on the way of the line, of the premises, or next to them."""
    service_id = await queries.service_of(ctx.session, ctx.region_id, checklist.work_order_id)
    lines: Sequence[UUID] = [service_id] if service_id is not None else []
    return await queries.plant_of(ctx.session, ctx.region_id, visit.premises_id, lines, kind)


async def _work(ctx: Context, visit: Visit, feature: NetworkFeature, text: str) -> UUID:
    work = await open_cable_work(
        ctx,
        feature_id=feature.id,
        centre_id=feature.centre_id,
        premises_id=visit.premises_id,
        reason=text,
    )
    return work.id


async def _finding(
    ctx: Context,
    visit: Visit,
    feature: NetworkFeature | None,
    kind: FeatureKind,
    severity: Severity,
    text: str,
) -> UUID:
    """Open a finding at the plant; without any in the record at the premises."""
    at = await visits.premises_position(ctx.session, ctx.region_id, visit.premises_id)
    finding = await put_finding(
        ctx,
        id_=new_id(),
        centre_id=feature.centre_id if feature is not None else visit.centre_id,
        feature_id=feature.id if feature is not None else None,
        point=Point(coordinates=at),
        visit_id=visit.id,
        kind=kind,
        severity=severity,
        text=text,
    )
    return finding.id
