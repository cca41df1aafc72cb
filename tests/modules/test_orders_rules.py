"""The pure rules of orders: states (WO-03), due times (WO-04), priority (WO-06)."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from fieldops.orders import rules
from fieldops.orders.rules import State

MAIN_LIFE = [
    State.RECEIVED,
    State.SCHEDULED,
    State.DISPATCHED,
    State.ACCEPTED,
    State.IN_PROGRESS,
    State.COMPLETED,
    State.CLOSED,
]


def test_wo_03_every_state_says_what_it_may_become_and_which_commands_lead_on() -> None:
    assert set(rules.LEGAL) == set(State) == set(rules.NEXT_STEPS)


@pytest.mark.parametrize(("state", "following"), [*pairwise(MAIN_LIFE)])
def test_wo_03_the_main_life_goes_step_by_step(state: State, following: State) -> None:
    assert following in rules.legal_from(state)


@pytest.mark.parametrize("state", [State.COMPLETED, State.CLOSED, State.CANCELLED])
def test_wo_03_work_that_has_ended_is_not_suspended_or_cancelled(state: State) -> None:
    assert not rules.legal_from(state) & {State.SUSPENDED, State.CANCELLED, State.RECEIVED}


def test_wo_03_nothing_is_completed_but_work_in_progress() -> None:
    assert [s for s in State if State.COMPLETED in rules.legal_from(s)] == [State.IN_PROGRESS]


def test_wo_03_the_desk_may_bring_back_cancelled_work_but_never_what_is_completed() -> None:
    assert State.IN_PROGRESS in rules.legal_from(State.CANCELLED, desk=True)
    assert rules.legal_from(State.COMPLETED, desk=True) == {State.CLOSED}


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({"completed", "in_progress"}, "in_progress"),
        ({"completed", "suspended"}, "suspended"),
        ({"completed", "cancelled"}, "completed"),
        ({"cancelled"}, "cancelled"),
        ({"returned", "completed"}, "returned"),
        ({"closed", "cancelled"}, "closed"),
    ],
)
def test_wo_03_an_order_is_in_the_state_of_its_most_active_open_work(
    states: set[str], expected: str
) -> None:
    assert rules.state_of_order(states) == expected


def test_wo_06_priority_goes_by_class_then_service_then_tier() -> None:
    ranked = [
        rules.priority("install", "fixed_line", "diamond", "complaint"),
        rules.priority("repair", "broadband", "basic", "major_fault"),
        rules.priority("repair", "broadband", "diamond"),
        rules.priority("repair", "broadband", "basic"),
        rules.priority("repair", "fixed_line", "diamond"),
        rules.priority("move", "broadband", "basic"),
        rules.priority("install", "fixed_line", "1A"),
        rules.priority("install", "fixed_line", "5B"),
        rules.priority("care", "fixed_line", "diamond"),
    ]
    assert ranked == sorted(ranked, reverse=True)
    assert len(set(ranked)) == len(ranked)


def test_wo_04_the_due_time_moves_by_the_time_the_clock_stood_still() -> None:
    received = datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert rules.due_at(received, 3600, 1800) == received + timedelta(minutes=90)


def test_wo_03_every_process_has_reasons_of_the_list() -> None:
    assert {process for _, process, *_ in rules.REASONS} == set(rules.Process)
    assert len({(process, code) for code, process, *_ in rules.REASONS}) == len(rules.REASONS)
