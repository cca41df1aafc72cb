"""The chart of one line: its readings against activation, threshold and sold rate (HR-02). Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from fieldops.health.rules import Limits, Reading, Sold
from fieldops.kernel import charts

Measure = Literal["down_mbps", "up_mbps", "latency_ms", "attenuation_db", "optical_power_dbm"]
Language = Literal["en", "zh_CN"]

_WORDS = {
    "down_mbps": {"en": "Download", "zh_CN": "下行速率"},
    "up_mbps": {"en": "Upload", "zh_CN": "上行速率"},
    "latency_ms": {"en": "Latency", "zh_CN": "时延"},
    "attenuation_db": {"en": "Attenuation", "zh_CN": "衰减"},
    "optical_power_dbm": {"en": "Optical power", "zh_CN": "接收光功率"},
    "baseline": {"en": "At activation", "zh_CN": "开通时"},
    "share": {"en": "{share:g} % of it", "zh_CN": "其 {share:g} %"},
    "sold": {"en": "Sold", "zh_CN": "签约速率"},
    "most": {"en": "Greatest", "zh_CN": "上限"},
    "least": {"en": "Least", "zh_CN": "下限"},
}
_UNITS = {
    "down_mbps": "Mbit/s",
    "up_mbps": "Mbit/s",
    "latency_ms": "ms",
    "attenuation_db": "dB",
    "optical_power_dbm": "dBm",
}


def chart(
    measure: Measure,
    readings: Sequence[tuple[datetime, Reading]],
    baseline: Reading | None,
    sold: Sold,
    limits: Limits,
    language: Language = "en",
) -> str:
    """Return one measure of a line over time as SVG; readings in the order of time."""
    name = _WORDS[measure][language]
    series = charts.Series(name, [(at, getattr(one, measure)) for at, one in readings])
    levels = _levels(measure, baseline, sold, limits, language)
    return charts.lines(name, [series], unit=_UNITS[measure], levels=levels)


def _levels(
    measure: Measure, baseline: Reading | None, sold: Sold, limits: Limits, language: Language
) -> list[charts.Level]:
    """Return what a measure is compared with; a rate also with its threshold and what is sold."""
    known: float | None = getattr(baseline, measure) if baseline else None
    values: list[tuple[str, float | None]] = [("baseline", known)]
    if measure in {"down_mbps", "up_mbps"}:
        least = None if known is None else known * limits.share_of_baseline / 100
        values += [("share", least), ("sold", getattr(sold, measure))]
    if measure == "optical_power_dbm":
        values += [("most", limits.most_optical), ("least", limits.least_optical)]
    return [
        charts.Level(value, _WORDS[key][language].format(share=limits.share_of_baseline))
        for key, value in values
        if value is not None
    ]
