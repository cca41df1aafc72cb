"""The churn figures as a picture: the register by month, the share in time, the reasons."""

from collections import Counter
from datetime import UTC, datetime, time
from typing import Literal

from fieldops.kernel import charts
from fieldops.retention.schemas import ChurnFigures

What = Literal["register", "in_time", "reasons"]
Language = Literal["en", "zh_cn"]

_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "register": "Customers who may leave",
        "in_time": "Revisited in time",
        "reasons": "Why customers may leave",
        "opened": "entered",
        "kept": "stay",
        "lost": "go",
        "customers": "customers",
        "goal": "goal",
        "service": "service",
        "price": "price",
        "competition": "competition",
        "quality": "quality",
        "moved_or_closed": "moved or closed",
        "other": "other",
    },
    "zh_cn": {
        "register": "潜在流失客户",
        "in_time": "按时回访率",
        "reasons": "潜在流失原因",
        "opened": "新增",
        "kept": "挽留",
        "lost": "流失",
        "customers": "户",
        "goal": "目标",
        "service": "服务",
        "price": "资费",
        "competition": "竞争",
        "quality": "质量",
        "moved_or_closed": "搬迁或停业",
        "other": "其他",
    },
}


def chart(what: What, figures: ChurnFigures, language: Language = "en") -> str:
    """Return a picture of the figures as SVG."""
    words = _WORDS[language]
    if what == "reasons":
        counts: Counter[str] = Counter()
        for month in figures.months:
            for part in month.by_reason:
                counts[words[part.reason.value]] += part.opened
        return charts.pareto(words[what], [(n, c) for n, c in counts.items() if c])
    if what == "in_time":
        shares = [(f"{m.month:%Y-%m}", m.in_time_percent) for m in figures.months]
        goal = charts.Level(float(figures.goal_percent), words["goal"])
        return charts.bars(words[what], shares, unit="%", levels=[goal])
    series = [
        charts.Series(
            words[name],
            [
                (datetime.combine(m.month, time(), UTC), float(getattr(m, name)))
                for m in figures.months
            ],
        )
        for name in ("opened", "kept", "lost")
    ]
    return charts.lines(words[what], series, unit=words["customers"])
