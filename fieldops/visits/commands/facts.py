"""Facts of a visit: kept whatever happened meanwhile, marked when somebody else's (SY-02)."""

from typing import Any

from fieldops.kernel.commands import Context
from fieldops.kernel.geo import Point
from fieldops.visits.commands.judging import JudgedVisit
from fieldops.visits.models import VisitFact
from fieldops.visits.rules import FactKind


def record(
    ctx: Context,
    judged: JudgedVisit,
    kind: FactKind,
    body: dict[str, Any] | None = None,
    point: Point | None = None,
) -> VisitFact:
    """Keep a fact with the device's time, the estimated time and the window as it is now.

    The window is kept beside the time of capture: a visit may have been moved in between, and
    both times count (SYNC section 2).
    """
    visit, captured = judged.visit, ctx.envelope.captured
    content = dict(body or {})
    if visit.window_start is not None and visit.window_end is not None:
        content["window"] = [visit.window_start.isoformat(), visit.window_end.isoformat()]
    fact = VisitFact(
        region_id=ctx.region_id,
        visit_id=visit.id,
        technician_id=ctx.actor.id if ctx.actor.is_technician else None,
        person_id=ctx.actor.id,
        centre_id=visit.centre_id,
        kind=kind.value,
        body=content,
        point=point.wkt() if point is not None else None,
        captured_at=ctx.captured_at,
        estimated_at=ctx.happened_at,
        received_at=ctx.now,
        clock_far_off=captured.clock_far_off if captured else False,
        by_other_technician=judged.by_other,
    )
    ctx.add(fact)
    return fact
