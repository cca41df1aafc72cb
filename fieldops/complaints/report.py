"""The report of a complaint as a file for its customer (CO-03): read, said, set as a PDF.

It has the customer's own words, the times of the complaint and of its visits, the decision, the
report and the reply. What colleagues write to each other (the department's answer, the entries, the
decision's note), who handled it and who is held responsible stay inside.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.complaints import queries
from fieldops.complaints.errors import ReportNotWritten
from fieldops.complaints.models import Complaint
from fieldops.kernel import erasure
from fieldops.kernel.permissions import Scope
from fieldops.kernel.typesetting import Language, typeset
from fieldops.organisation import queries as organisation
from fieldops.visits.models import Visit
from fieldops.visits.rules import State

FOLDER = Path(__file__).parent
_OVER = frozenset({State.COMPLETED, State.FAILED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Report:
    """What the paper says, in which language, and whose records are in it."""

    complaint_id: UUID
    customer_id: UUID
    centre_id: UUID
    language: Language
    data: Mapping[str, Any]


@cache
def texts(language: Language) -> Mapping[str, Any]:
    """Return the words of the paper."""
    known = json.loads((FOLDER / "report.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = known[language]
    return found


async def gather(
    session: AsyncSession, scope: Scope, complaint_id: UUID, language: Language, now: datetime
) -> Report:
    """Return the report of a complaint; raises NotFound outside the scope, ReportNotWritten."""
    row = await queries.complaint(session, scope, complaint_id)
    if await erasure.erasure_of(session, row.region_id, row.customer_id) is not None:
        raise ReportNotWritten(why="the customer was erased")
    if row.report is None:
        wanted = "it is not written yet" if row.wants_report else "the customer asked for none"
        raise ReportNotWritten(why=wanted)
    ids = await queries.visit_ids(session, row.region_id, row.id)
    visits = await queries.visits(session, row.region_id, ids)
    zone = await organisation.zone_of(session, row.region_id)
    order = await queries.order_ref(session, row.region_id, row.order_id)
    data = _said(row, [visits[id_] for id_ in ids if id_ in visits], order, language, zone, now)
    return Report(row.id, row.customer_id, row.centre_id, language, data)


async def paper(report: Report, operator: str, at: datetime) -> bytes:
    """Return a report as PDF; raises what typesetting raises."""
    return await typeset(
        (FOLDER / "report.typ").read_text(encoding="utf-8"),
        {**report.data, "operator": operator},
        title=texts(report.language)["title"],
        language=report.language,
        at=at,
    )


def _said(
    row: Complaint,
    visits: Iterable[Visit],
    order: str | None,
    language: Language,
    zone: ZoneInfo,
    now: datetime,
) -> dict[str, Any]:
    t = texts(language)

    def when(at: datetime | None, otherwise: str = "") -> str:
        return otherwise if at is None else f"{_day(at, language, zone)} {_time(at, zone)}"

    decided = "undecided" if row.justified is None else "justified"
    head = [
        (t["number"], str(row.id)),
        (t["topic"], t["topics"][row.topic]),
        (t["order"], order or ""),
        (t["arrived"], f"{when(row.arrived_at)} ({t['channels'][row.channel]})"),
        (t["contacted"], when(row.contacted_at, t["not_contacted"])),
        (t["answered"], when(row.answered_at)),
        (t["closed"], when(row.closed_at, t["not_closed"])),
        (t["decision"], t["unjustified" if row.justified is False else decided]),
        (t["made"], when(now)),
    ]
    return {
        "t": {name: word for name, word in t.items() if isinstance(word, str)},
        "head": [[label, value] for label, value in head if value],
        "words": _lines(row.words),
        "visits": [_visit(one, language, zone) for one in visits],
        "report": _lines(row.report),
        "reply": _lines(row.reply),
    }


def _visit(visit: Visit, language: Language, zone: ZoneInfo) -> list[str]:
    """Return the day of a visit, what was agreed, arrival, end and outcome."""
    t = texts(language)
    day = visit.window_start or visit.arrived_at
    window = [_time(at, zone) for at in (visit.window_start, visit.window_end) if at is not None]
    return [
        "–" if day is None else _day(day, language, zone),
        "–".join(window) or "–",
        _time(visit.arrived_at, zone),
        _time(visit.ended_at, zone),
        t[visit.state if visit.state in _OVER else "open"],
    ]


def _day(at: datetime, language: Language, zone: ZoneInfo) -> str:
    return format_date(at.astimezone(zone), "long", locale=language)


def _time(at: datetime | None, zone: ZoneInfo) -> str:
    return "–" if at is None else format_time(at.astimezone(zone), "HH:mm", locale="en")


def _lines(words: str | None) -> list[str]:
    """Return the lines of what somebody wrote, without the empty ones."""
    return [line for line in (words or "").splitlines() if line.strip()]
