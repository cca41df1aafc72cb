"""What a plan's lines say to a dispatcher, in both languages. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from fieldops.dispatch.rules import LineKind

_TEXTS: dict[tuple[str, bool], tuple[str, str]] = {
    ("retimed", False): (
        "{number}: {who} comes at {at} (was {was}), inside the same window",
        "{number}：{who} 改于 {at} 到达（原 {was}），时段不变",
    ),
    ("reassigned", False): (
        "{number}: from {former} to {who}, at {at} (was {was}), inside the same window",
        "{number}：由 {former} 改派 {who}，{at} 到达（原 {was}），时段不变",
    ),
    ("placed", False): (
        "{number}: new at {at} with {who}; the customer is called",
        "{number}：新安排于 {at}，{who}；将致电客户",
    ),
    ("moved", True): (
        "{number}: the promised window {window} cannot be kept; {who} could come at {at}",
        "{number}：约定时段 {window} 无法履约；{who} 可于 {at} 到达",
    ),
    ("left_out", True): (
        "{number}: the promised window {window} cannot be kept, and nobody has time today",
        "{number}：约定时段 {window} 无法履约，当日无人可派",
    ),
    ("left_out", False): (
        "{number}: nobody has time for it today",
        "{number}：当日无人可派",
    ),
}


def sentences(
    kind: str,
    number: str,
    names: Mapping[UUID, str],
    *,
    breaks_promise: bool,
    technician_ids: Sequence[UUID],
    former_ids: Sequence[UUID],
    start: datetime | None,
    former_start: datetime | None,
    promised: tuple[datetime, datetime] | None,
    zone: ZoneInfo,
) -> dict[str, str]:
    """Return what a line does, in English and Chinese; times are local."""

    def at(moment: datetime | None) -> str:
        return "–" if moment is None else f"{moment.astimezone(zone):%H:%M}"

    def people(ids: Sequence[UUID]) -> str:
        return ", ".join(names.get(id_, "?") for id_ in ids) or "–"

    values = {
        "number": number,
        "who": people(technician_ids),
        "former": people(former_ids),
        "at": at(start),
        "was": at(former_start),
        "window": "–" if promised is None else f"{at(promised[0])}–{at(promised[1])}",
    }
    english, chinese = _TEXTS[LineKind(kind).value, breaks_promise]
    return {"en": english.format(**values), "zh_CN": chinese.format(**values)}
