"""The ladder as data: which steps a visit has, when, by which ways, for whom (AP-03 to AP-09).

A ladder is a list of steps that an administrator publishes for a region; `default` is the one
that is shipped. Pure: no session, no clock.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from fieldops.appointments.errors import LadderInvalid
from fieldops.appointments.rules import PERSON_TIERS, UNANSWERED_STATES, needs_person
from fieldops.customers.rules import Segment, tiers_of

StepKind = Literal[
    "booking_confirmation",
    "reconfirmation",
    "reminder",
    "call",
    "half_hour_notice",
    "cannot_keep",
    "nobody_home",
]
Anchor = Literal["booking", "window", "arrival", "event"]
Way = Literal["sms", "email", "voice", "file", "person"]
AnswerState = Literal["booked", "confirmed", "unreachable", "change_wanted"]

ANCHORS: dict[StepKind, tuple[Anchor, ...]] = {
    "booking_confirmation": ("booking",),
    "reconfirmation": ("window",),
    "reminder": ("booking", "window", "arrival"),
    "call": ("window",),
    "half_hour_notice": ("arrival",),
    "cannot_keep": ("event",),
    "nobody_home": ("event",),
}
ONCE_EACH: tuple[StepKind, ...] = ("call", "half_hour_notice", "cannot_keep", "nobody_home")
MOST_STEPS = 30
LONGEST_OFFSET = 14 * 24 * 60


class Step(BaseModel):
    """One step of a ladder.

    `offset_minutes` lies before the window or the arrival, after the booking or the event.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,39}$", description="The step's name within the ladder."
    )
    kind: StepKind = Field(description="What the customer is told or asked.")
    anchor: Anchor = Field(description="What the offset counts from.")
    offset_minutes: int = Field(
        ge=0,
        le=LONGEST_OFFSET,
        description="Minutes before the window or arrival; after the booking or event.",
    )
    ways: tuple[Way, ...] = Field(
        (),
        max_length=5,
        description="Channels in order, the next when one provably failed; empty: the"
        " installation's order. After the last one a person is asked to call.",
    )
    receipt_minutes: int | None = Field(
        None,
        ge=1,
        le=1440,
        description="How long a peer that gives receipts may leave one out before a person is"
        " asked to call; null: no receipt is waited for.",
    )
    segments: tuple[Segment, ...] | None = Field(
        None, min_length=1, description="Only customers of these segments; null: all."
    )
    tiers: tuple[str, ...] | None = Field(
        None, min_length=1, description="Only customers of these tiers; null: all."
    )
    states: tuple[AnswerState, ...] | None = Field(
        None,
        min_length=1,
        description="Only while the appointment is in one of these states; null: what the kind"
        " asks for (reconfirmation and call: not answered yet; reminders: no change is wanted).",
    )

    def fits(self, segment: str, tier: str) -> bool:
        """Return whether the step is for customers of a segment and tier."""
        return (self.segments is None or segment in self.segments) and (
            self.tiers is None or tier in self.tiers
        )

    @property
    def by_person(self) -> bool:
        """Whether a person takes the step from the beginning."""
        return self.ways[:1] == ("person",)

    @property
    def offset(self) -> timedelta:
        return timedelta(minutes=self.offset_minutes)

    def counts_in(self, state: str) -> bool:
        """Return whether the step is taken while the appointment is in a state."""
        if self.states is not None:
            return state in self.states
        if self.kind in {"reconfirmation", "call"}:
            return state in UNANSWERED_STATES
        return state != "change_wanted" or self.kind in {"half_hour_notice", "cannot_keep"}


Steps = tuple[Step, ...]
_STEPS: TypeAdapter[Steps] = TypeAdapter(Steps)


def read(body: Any) -> Steps:
    """Return the steps of a stored ladder."""
    return _STEPS.validate_python(body)


def write(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Return steps as they are stored."""
    return [step.model_dump(mode="json") for step in steps]


def customers() -> list[tuple[Segment, str]]:
    """Return every segment with every tier it has (CU-01)."""
    return [(segment, tier) for segment in Segment for tier in tiers_of(segment)]


def default(reconfirm: timedelta, call: timedelta, notice: timedelta) -> Steps:
    """Return the shipped ladder with a region's three numbers (AP-03, AP-04, AP-05)."""
    machine = sorted({tier for _, tier in customers()} - PERSON_TIERS)
    asked, called, told = (round(span.total_seconds() / 60) for span in (reconfirm, call, notice))
    return (
        Step(
            key="reconfirmation_by_person",
            kind="reconfirmation",
            anchor="window",
            offset_minutes=asked,
            ways=("person",),
            tiers=tuple(sorted(PERSON_TIERS)),
        ),
        Step(
            key="reconfirmation",
            kind="reconfirmation",
            anchor="window",
            offset_minutes=asked,
            tiers=tuple(machine),
        ),
        Step(
            key="unconfirmed",
            kind="call",
            anchor="window",
            offset_minutes=called,
            ways=("person",),
        ),
        Step(
            key="half_hour_notice", kind="half_hour_notice", anchor="arrival", offset_minutes=told
        ),
        Step(key="cannot_keep", kind="cannot_keep", anchor="event", offset_minutes=0),
        Step(key="nobody_home", kind="nobody_home", anchor="event", offset_minutes=0),
    )


def check(steps: Sequence[Step]) -> None:
    """Raise LadderInvalid unless every customer gets what the rules promise.

    Each segment and tier has a second confirmation (AP-03), the high tiers by a person, one call
    when it stays unanswered (AP-04), one half-hour notice (AP-05) and is told when a window cannot
    be kept (AP-06) and when nobody was at home (AP-08).
    """
    if len({step.key for step in steps}) != len(steps):
        raise LadderInvalid(reason="two steps have the same key")
    known = {tier for _, tier in customers()}
    for step in steps:
        _check_step(step, known)
    for segment, tier in customers():
        _check_customer(steps, segment.value, tier)


def _check_step(step: Step, tiers: set[str]) -> None:
    if step.anchor not in ANCHORS[step.kind]:
        legal = " or ".join(ANCHORS[step.kind])
        raise LadderInvalid(reason=f"{step.key}: {step.kind} counts from {legal}")
    if unknown := set(step.tiers or ()) - tiers:
        raise LadderInvalid(reason=f"{step.key}: there is no tier {min(unknown)}")
    if len(set(step.ways)) != len(step.ways):
        raise LadderInvalid(reason=f"{step.key}: a way is named twice")
    if "person" in step.ways[:-1]:
        raise LadderInvalid(reason=f"{step.key}: a person is the last way")
    if step.kind == "call" and step.ways not in {(), ("person",)}:
        raise LadderInvalid(reason=f"{step.key}: a call is made by a person")


def _check_customer(steps: Sequence[Step], segment: str, tier: str) -> None:
    who = f"customers of {segment} {tier}"
    mine = [step for step in steps if step.fits(segment, tier)]
    asked = [step for step in mine if step.kind == "reconfirmation"]
    if not asked:
        raise LadderInvalid(reason=f"{who} are not asked for the second confirmation (AP-03)")
    if needs_person(tier) and not any(step.by_person for step in asked):
        raise LadderInvalid(reason=f"{who} are always asked by a person (AP-04)")
    if len(asked) > 1 and any(step.by_person for step in asked):
        raise LadderInvalid(reason=f"{who} are asked by a person and by machine")
    for kind in ONCE_EACH:
        if (count := sum(step.kind == kind for step in mine)) != 1:
            raise LadderInvalid(reason=f"{who} have {count} steps of the kind {kind}, not one")


def named(steps: Iterable[Step], segment: str, tier: str) -> list[tuple[str, Step]]:
    """Return a customer's steps with the name by which nobody gets one twice (AP-10).

    The name is the kind, with a number from the second of a kind on: a step that is renamed or
    moved by an edit of the ladder stays the same reminder.
    """
    mine = [step for step in steps if step.fits(segment, tier)]
    mine.sort(key=lambda step: (step.anchor, -step.offset_minutes))
    counts: dict[str, int] = {}
    found = []
    for step in mine:
        counts[step.kind] = counts.get(step.kind, 0) + 1
        number = counts[step.kind]
        found.append((step.kind if number == 1 else f"{step.kind}-{number}", step))
    return found
