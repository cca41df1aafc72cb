"""What the words of a reply mean, in English and Chinese. Pure.

Only a message that says one thing and nothing else is understood: whoever writes more means
more, and a person reads it.
"""

import unicodedata
from typing import Literal

Meaning = Literal["confirmed", "change_wanted", "cancelled", "stop"]
Satisfaction = Literal["very_satisfied", "satisfied", "dissatisfied"]

WORDS: dict[Meaning, frozenset[str]] = {
    "confirmed": frozenset(
        {"1", "y", "yes", "ok", "okay", "confirm", "confirmed", "i confirm", "yes please"}
        | {"是", "是的", "确认", "好", "好的", "可以", "行", "没问题", "同意", "1确认", "确认1"}
    ),
    "change_wanted": frozenset(
        {"2", "change", "another time", "other time", "reschedule", "move", "later"}
        | {"改", "改期", "改时间", "更改", "改约", "换时间", "另约", "2改时间", "改时间2"}
    ),
    "cancelled": frozenset(
        {"3", "cancel", "cancelled", "cancel it", "取消", "不要了", "不用了", "3取消", "取消3"}
        | {"取消预约", "取消上门"}
    ),
    "stop": frozenset(
        {"stop", "stopall", "stop all", "unsubscribe", "end", "quit", "t", "td"}
        | {"退订", "停止", "回t", "不要再发", "拒收"}
    ),
}
SATISFACTION: dict[Satisfaction, frozenset[str]] = {
    "very_satisfied": frozenset(
        {"1", "very satisfied", "very good", "great", "excellent", "perfect", "very happy"}
        | {"非常满意", "很满意", "很好", "非常好", "十分满意", "1非常满意", "非常满意1"}
    ),
    "satisfied": frozenset(
        {"2", "satisfied", "good", "fine", "ok", "okay", "happy"}
        | {"满意", "好", "好的", "还好", "不错", "还行", "可以", "2满意", "满意2"}
    ),
    "dissatisfied": frozenset(
        {"3", "dissatisfied", "unsatisfied", "not satisfied", "bad", "unhappy", "not happy"}
        | {"不满意", "不好", "差", "很差", "太差", "3不满意", "不满意3"}
    ),
}
_SATISFACTION = {word: said for said, words in SATISFACTION.items() for word in words}
_MEANING = {word: meaning for meaning, words in WORDS.items() for word in words}


def plain(words: str) -> str:
    """Return a text as it is compared: one width, small letters, no punctuation or emoji."""
    folded = unicodedata.normalize("NFKC", words).casefold()
    kept = (c if c.isalnum() else " " for c in folded)
    return " ".join("".join(kept).split())


def meaning(words: str) -> Meaning | None:
    """Return what a reply says; None when that is not plain."""
    return _MEANING.get(plain(words))


def meaning_of_key(key: str | None) -> Meaning | None:
    """Return what a key pressed during a call says."""
    return _MEANING.get(key) if key in {"1", "2", "3"} else None


def satisfaction(words: str) -> Satisfaction | None:
    """Return what a reply says of how it went (FO-03); None when that is not plain."""
    return _SATISFACTION.get(plain(words))


def satisfaction_of_key(key: str | None) -> Satisfaction | None:
    """Return what a key pressed during a call says of how it went."""
    return _SATISFACTION.get(key) if key in {"1", "2", "3"} else None
