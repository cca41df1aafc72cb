"""What a customer's link shows of an appointment, and what it lets the customer do: pure.

One set of rules for the page, the JSON of partner portals and the commands underneath.
"""

from datetime import datetime
from enum import StrEnum

from fieldops.appointments import rules
from fieldops.visits.rules import State as VisitState


class Situation(StrEnum):
    """How things stand, as far as the customer is concerned."""

    WAITING = "waiting"  # the customer's word is asked for
    CONFIRMED = "confirmed"
    CHANGE_WANTED = "change_wanted"  # a person will call
    EN_ROUTE = "en_route"
    OPENED = "opened"  # the window has begun and nobody is there yet
    ON_SITE = "on_site"
    MOVED = "moved"  # the link was sent for another window
    CANCELLED = "cancelled"
    DONE = "done"
    NOT_DONE = "not_done"


class Action(StrEnum):
    """What a customer may do by a link."""

    CONFIRM = "confirm"
    MOVE = "move"
    CANCEL = "cancel"


_AT_THE_DOOR = frozenset({VisitState.ON_SITE, VisitState.IN_PROGRESS})
_ENDED: dict[str, Situation] = {
    VisitState.COMPLETED: Situation.DONE,
    VisitState.FAILED: Situation.NOT_DONE,
}
_OPEN: dict[str, Situation] = {
    "confirmed": Situation.CONFIRMED,
    "change_wanted": Situation.CHANGE_WANTED,
}
_ACTIONS: dict[Situation, tuple[Action, ...]] = {
    Situation.WAITING: (Action.CONFIRM, Action.MOVE, Action.CANCEL),
    Situation.CONFIRMED: (Action.MOVE, Action.CANCEL),
    Situation.CHANGE_WANTED: (Action.CONFIRM, Action.MOVE, Action.CANCEL),
    Situation.EN_ROUTE: (Action.CANCEL,),
}
ACTION_OF: dict[rules.LinkAnswer, Action] = {
    "confirmed": Action.CONFIRM,
    "change_wanted": Action.MOVE,
    "cancelled": Action.CANCEL,
}


def situation(
    state: str,
    visit_state: str,
    *,
    window_start: datetime,
    about: datetime | None,
    now: datetime,
) -> Situation:
    """Return how an appointment in a state stands at `now`, seen by a link sent for `about`.

    `about` is the window's start, None when another appointment has taken its place.
    Whoever is at the door, or past the window's begin, is spoken to by voice: from then on it
    may be the operator who is late, and that is no customer's change (AP-06).
    """
    if visit_state in _ENDED:
        return _ENDED[visit_state]
    if state not in rules.OPEN_STATES:
        return Situation.CANCELLED
    if about != window_start:
        return Situation.MOVED
    return _coming(state, visit_state, opened=now >= window_start)


def _coming(state: str, visit_state: str, *, opened: bool) -> Situation:
    if visit_state in _AT_THE_DOOR:
        return Situation.ON_SITE
    if opened:
        return Situation.OPENED
    if visit_state == VisitState.EN_ROUTE:
        return Situation.EN_ROUTE
    return _OPEN.get(state, Situation.WAITING)


def actions(present: Situation) -> tuple[Action, ...]:
    """Return what the customer may do."""
    return _ACTIONS.get(present, ())


def answers(present: Situation) -> list[rules.LinkAnswer]:
    """Return the answers that are taken, as the JSON names them (AP-04)."""
    allowed = actions(present)
    return [answer for answer, action in ACTION_OF.items() if action in allowed]
