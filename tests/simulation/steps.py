"""The steps of a simulation as plain data, how a seed draws them, and how they are written down.

A step names nothing that must exist: its numbers count around whatever there is when it is
taken, so that a list of steps stays playable when others are left out of it.
"""

import json
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from fieldops.kernel import points
from tests.simulation.network import FAULTS, UPLOAD_FAULTS

VERBS = ("begin", "finish", "describe", "remark", "remark")
ODD_CAPTURES = ("old", "unknown", "foreign", "office", "malformed", "long", "stumble")
DESK_VERBS = ("assign", "assign", "assign", "cancel", "reopen", "move", "edit", "extend", "drop")
DECISIONS = ("accept", "accept", "discard", "credit", "part")
AT_POINTS = ("crash", "restart", "meanwhile", "meanwhile")
DEVICE_VERBS = ("lock", "unlock", "revoke")
PUSH_POINTS = tuple(sorted(p for p in points.POINTS if p.startswith("push.")))
PULL_POINTS = tuple(sorted(p for p in points.POINTS if p.startswith("pull.")))


@dataclass(frozen=True)
class Step:
    """One thing that happens: its kind, who does it, what, to which, and what goes wrong."""

    kind: str
    who: int = 0
    what: str = ""
    which: int = 0
    fault: str = ""
    point: str = ""
    then: dict[str, Any] = field(default_factory=dict)  # the step taken at the point

    def written(self) -> str:
        """Return the step as one line; what is not said is left out."""
        return json.dumps({name: value for name, value in asdict(self).items() if value})

    @classmethod
    def read(cls, line: str) -> "Step":
        """Read a step back from its line."""
        return cls(**json.loads(line))


# How often each kind comes, in a hundred or so.
WEIGHTS = {
    "capture": 24,
    "push": 18,
    "pull": 20,
    "sync": 5,
    "upload": 2,
    "office": 14,
    "desk": 6,
    "clock": 6,
    "deliver": 6,
    "role": 3,
    "device": 2,
    "skew": 2,
    "misuse": 3,
    "upgrade": 1,
    "reinstall": 2,
    "clone": 4,
    "backup": 2,
    "restore": 2,
    "bump": 1,
    "quiet": 1,
}


# The same for a day by the application's own commands.
FIELD_WEIGHTS = {
    "capture": 30,
    "push": 18,
    "pull": 18,
    "sync": 6,
    "upload": 2,
    "office": 11,
    "around": 12,
    "desk": 5,
    "clock": 5,
    "deliver": 5,
    "role": 2,
    "device": 2,
    "skew": 2,
    "upgrade": 1,
    "reinstall": 1,
}


def is_field(seed: int) -> bool:
    """Return whether a seed plays the application's own commands: one in twenty does."""
    return seed % 20 == 19


def draw(random: Random, weights: dict[str, int]) -> Step:
    """Draw a step."""
    return drawn(random.choices(list(weights), list(weights.values()))[0], random)


def drawn(kind: str, random: Random, *, calm: bool = False) -> Step:
    """Draw a step of a kind; a calm one meets no fault."""
    who, which = random.randrange(6), random.randrange(1000)
    if kind == "capture":
        verbs = ODD_CAPTURES if random.random() < 0.2 else VERBS
        return Step(kind, who, random.choice(verbs), which)
    if kind in {"push", "pull"} and not calm:
        return _disturbed(Step(kind, who, which=which), random)
    if kind == "upload":
        fault = random.choice(UPLOAD_FAULTS) if random.random() < 0.6 and not calm else ""
        return Step(kind, who, which=which, fault=fault)
    what = {
        "office": DESK_VERBS,
        "desk": DECISIONS,
        "device": DEVICE_VERBS,
        "clock": ("minutes", "minutes", "hours", "days"),
        "skew": ("skew", "reboot", "both"),
    }.get(kind)
    return Step(kind, who, random.choice(what) if what else "", which)


def _disturbed(step: Step, random: Random) -> Step:
    chance = random.random()
    if chance < 0.35:
        return step
    if chance < 0.7:
        return Step(step.kind, step.who, step.what, step.which, fault=random.choice(FAULTS))
    at = random.choice(PUSH_POINTS if step.kind == "push" else PULL_POINTS)
    what = random.choice(AT_POINTS)
    if what != "meanwhile":
        then = Step(what)
    else:
        kinds = ("office", "office", "push", "pull", "desk", "role", "device", "upload")
        kind = random.choice(kinds)
        then = drawn(kind, random, calm=True)
        if kind in {"push", "pull"} and random.random() < 0.5:
            then = Step(kind, step.who, then.what, step.which)  # the phone itself, once more
    return Step(
        step.kind, step.who, step.what, step.which, point=at, then=json.loads(then.written())
    )


def script(seed: int, most: int = 41) -> list[Step]:
    """Return the steps of a seed."""
    random = Random(seed)
    weights = FIELD_WEIGHTS if is_field(seed) else WEIGHTS
    return [draw(random, weights) for _ in range(random.randrange(most // 2, most))]
