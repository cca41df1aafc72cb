"""QA-02, QA-03, QA-04: duty, scores and draws as pure rules."""

import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from fieldops.checklists.rules import Given
from fieldops.quality import drawing, duty, forms, rules
from fieldops.quality.drawing import Drawn, Member, Reason
from fieldops.quality.errors import FormInvalid, FormNotWhole, StatementAwaited
from fieldops.quality.forms import FormBody

TODAY = date(2026, 11, 23)
IDS = [UUID(int=n) for n in range(1, 201)]
MEMBERS = [Member(id_, (Reason.CONTRACTOR,) if n % 10 == 0 else ()) for n, id_ in enumerate(IDS)]


@pytest.mark.parametrize(
    ("months", "last_done", "due_by", "overdue"),
    [
        (1, None, date(2026, 9, 30), True),
        (1, date(2026, 10, 1), date(2026, 11, 30), False),
        (1, date(2026, 9, 30), date(2026, 10, 31), True),
        (3, date(2026, 7, 1), date(2026, 12, 31), False),
        (3, date(2026, 6, 30), date(2026, 9, 30), True),
        (12, date(2025, 1, 1), date(2026, 12, 31), False),
        (12, date(2024, 12, 31), date(2026, 12, 31), False),  # the unit began in this year
    ],
)
def test_qa_02_a_duty_falls_due_at_the_end_of_each_month_quarter_or_year(
    months: int, last_done: date | None, due_by: date, overdue: bool
) -> None:
    found = duty.standing(TODAY, months, last_done, since=date(2026, 9, 10))
    assert (found.due_by, found.overdue) == (due_by, overdue)


def test_qa_02_a_duty_is_not_overdue_on_its_last_day() -> None:
    last = date(2026, 11, 30)
    standing = duty.standing(last, 1, date(2026, 10, 5), since=date(2026, 1, 1))
    assert (standing.due_by, standing.overdue) == (last, False)
    assert duty.standing(last + timedelta(days=1), 1, date(2026, 10, 5), date(2026, 1, 1)).overdue


def ids(drawn: Iterable[Drawn]) -> list[UUID]:
    return [one.visit_id for one in drawn]


def test_qa_04_the_same_seed_and_population_give_the_same_draw_in_any_order() -> None:
    first = drawing.draw(MEMBERS, "seven", 10, 50)
    shuffled = random.Random(1).sample(MEMBERS, len(MEMBERS))
    assert drawing.draw(shuffled, "seven", 10, 50) == first
    kept = drawing.from_kept(drawing.as_kept(MEMBERS))
    assert drawing.draw(kept, "seven", 10, 50) == first
    assert ids(drawing.draw(MEMBERS, "eight", 10, 50)) != ids(first)


def test_qa_04_shares_are_of_all_visits_and_of_those_with_a_risk_rounded_up() -> None:
    drawn = drawing.draw(MEMBERS, "seven", 10, 25)
    by_share = [one for one in drawn if Reason.SHARE in one.reasons]
    by_risk = [one for one in drawn if Reason.CONTRACTOR in one.reasons]
    assert (len(by_share), len(by_risk)) == (20, 5)
    assert drawing.draw(MEMBERS, "seven", 0, 0) == []
    assert len(drawing.draw(MEMBERS[:100], "seven", 7, 0)) == 7
    assert len(drawing.draw(MEMBERS[:3], "seven", 1, 0)) == 1


def test_qa_04_a_visit_with_a_complaint_is_always_drawn() -> None:
    about = Member(UUID(int=999), (Reason.CONTRACTOR, Reason.COMPLAINT))
    (drawn,) = drawing.draw([*MEMBERS, about], "seven", 0, 0)
    assert drawn == Drawn(about.visit_id, (Reason.CONTRACTOR, Reason.COMPLAINT))


def test_qa_04_one_visit_more_moves_no_others_lot() -> None:
    """A visit handed in late changes who is drawn by its own lot alone."""
    first = ids(drawing.draw(MEMBERS, "seven", 10, 0))
    more = ids(drawing.draw([*MEMBERS, Member(UUID(int=777))], "seven", 10, 0))
    assert [id_ for id_ in more if id_ != UUID(int=777)][: len(first)] == first


FORM = FormBody.model_validate(
    {
        "title_en": "Form", "title_zh": "表",
        "items": [
            {"key": "tidy", "type": "yes_no", "text_en": "Tidy", "text_zh": "整洁", "points": 30,
             "remark_on_no": True},
            {"key": "why", "type": "text", "text_en": "Why not", "text_zh": "原因",
             "when": {"item": "tidy", "values": [False]}},
            {"key": "manner", "type": "choice", "text_en": "Manner", "text_zh": "态度",
             "points": 20, "choices": [
                 {"value": "good", "text_en": "Good", "text_zh": "好"},
                 {"value": "fair", "text_en": "Fair", "text_zh": "一般"}],
             "shares": {"good": 1, "fair": 0.5}},
            {"key": "boxes", "type": "number", "text_en": "Boxes", "text_zh": "箱", "unit": "pcs",
             "least": 0, "most": 4, "points": 50, "mandatory": False},
        ],
    }
)  # fmt: skip


def given(**values: Any) -> dict[str, Given]:
    return {key: Given(value, "remark") for key, value in values.items()}


def test_qa_03_a_score_is_the_share_of_the_points_of_what_was_answered() -> None:
    assert forms.score(FORM, given(tidy=True, manner="good", boxes=4)) == 100
    # 30 of 30, 10 of 20, 25 of 50
    assert forms.score(FORM, given(tidy=True, manner="fair", boxes=2)) == 65
    # The number was left out: 0 of 30, 20 of 20.
    assert forms.score(FORM, given(tidy=False, why="Rain.", manner="good")) == 40
    assert forms.mean([40, 65]) == 52.5
    assert forms.mean([]) is None


def test_qa_03_a_form_is_filled_as_a_whole_and_with_what_its_items_take() -> None:
    with pytest.raises(FormNotWhole) as missing:
        forms.check_answers(FORM, given(tidy=False, manner="good"))
    assert missing.value.details["items"] == "why"
    with pytest.raises(FormNotWhole) as unfit:
        forms.check_answers(FORM, given(tidy="yes", manner="bad", boxes=9, other=1))
    assert unfit.value.details["items"] == "tidy, manner, boxes, other"
    with pytest.raises(FormNotWhole):
        forms.check_answers(FORM, {**given(why="x", manner="good"), "tidy": Given(False)})


def test_qa_03_a_form_that_cannot_be_counted_is_not_published() -> None:
    items = [item.model_dump() for item in FORM.items]
    items[1]["points"] = 5
    items[2]["shares"] = {"good": 1}
    items[3]["shares"] = {"many": 1}
    with pytest.raises(FormInvalid) as refused:
        forms.check_form(FORM.model_copy(update={"items": [forms.FormItem(**i) for i in items]}))
    assert [error["rule"] for error in refused.value.details["errors"]] == [
        "counted", "shares", "choice_only",
    ]  # fmt: skip


def test_qa_03_a_form_for_each_kind_is_shipped_in_both_languages() -> None:
    assert {one.kind for one in forms.shipped()} == set(forms.InspectionKind)
    for one in forms.shipped():
        assert sum(item.points for item in one.body.items) == 100
        assert all(item.text_en and item.text_zh for item in one.body.items)


def test_qa_06_nobody_is_judged_unheard_before_their_time_is_over() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    with pytest.raises(StatementAwaited):
        rules.check_heard("opened", now + timedelta(seconds=1), now)
    rules.check_heard("opened", now, now)
    rules.check_heard("heard", now + timedelta(days=1), now)
