"""Kinds, nesting, ties and states of network resources (RE-01, RE-02). Pure."""

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from fieldops.kernel.configuration import number
from fieldops.kernel.errors import InvalidArguments
from fieldops.network.errors import (
    AreaTooLarge,
    ConnectionRefused,
    IllegalState,
    NestingRefused,
    ServiceState,
    ShapeRefused,
)

MOST_METRES = 1_000
MOST_FEATURES = 2_000
MOST_AREA_KM2 = 25.0
KM_PER_DEGREE = 111.195
LONGEST_PATH = 32


class FeatureKind(StrEnum):
    """The kinds of RE-01; a fibre is recorded like a pair."""

    BUILDING_CABLING = "building_cabling"
    CABLE = "cable"
    CROSS_CONNECT_CABINET = "cross_connect_cabinet"
    DISTRIBUTION_BOX = "distribution_box"
    DROP = "drop"
    DSLAM = "dslam"
    DUCT = "duct"
    EXCHANGE = "exchange"
    FIBRE = "fibre"
    MANHOLE = "manhole"
    OLT = "olt"
    ONU = "onu"
    PAIR = "pair"
    POLE = "pole"
    PORT = "port"


class State(StrEnum):
    """The states of a pair, fibre or port (RE-02)."""

    FREE = "free"
    RESERVED = "reserved"
    OCCUPIED = "occupied"
    BAD = "bad"
    RETIRED = "retired"


class Tie(StrEnum):
    """How two features are tied, seen from the exchange."""

    CARRIES = "carries"
    FEEDS = "feeds"
    JUMPERED = "jumpered"
    RUNS_IN = "runs_in"
    SPLICED = "spliced"


class ServiceKind(StrEnum):
    BROADBAND = "broadband"
    FIXED_LINE = "fixed_line"


class Technology(StrEnum):
    COPPER = "copper"
    FIBRE = "fibre"


class ServiceLife(StrEnum):
    PLANNED = "planned"
    ACTIVE = "active"
    CEASED = "ceased"


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class FindingState(StrEnum):
    OPEN = "open"
    FIXED = "fixed"
    CLOSED = "closed"


K = FeatureKind

CONDUCTORS = frozenset({K.PAIR, K.FIBRE})
STATEFUL = CONDUCTORS | {K.PORT}
LINES = frozenset({K.CABLE, K.DROP, K.DUCT})
EITHER = frozenset({K.BUILDING_CABLING})

PARENTS: dict[FeatureKind, frozenset[FeatureKind | None]] = {
    K.BUILDING_CABLING: frozenset({None, K.DISTRIBUTION_BOX}),
    K.CABLE: frozenset({None, K.EXCHANGE, K.CROSS_CONNECT_CABINET, K.DISTRIBUTION_BOX}),
    K.CROSS_CONNECT_CABINET: frozenset({None, K.EXCHANGE}),
    K.DISTRIBUTION_BOX: frozenset({None, K.EXCHANGE, K.CROSS_CONNECT_CABINET}),
    K.DROP: frozenset({None, K.DISTRIBUTION_BOX}),
    K.DSLAM: frozenset({K.EXCHANGE, K.CROSS_CONNECT_CABINET, K.BUILDING_CABLING}),
    K.DUCT: frozenset({None}),
    K.EXCHANGE: frozenset({None}),
    K.FIBRE: frozenset({K.CABLE}),
    K.MANHOLE: frozenset({None}),
    K.OLT: frozenset({K.EXCHANGE, K.CROSS_CONNECT_CABINET}),
    K.ONU: frozenset({None, K.BUILDING_CABLING, K.DISTRIBUTION_BOX}),
    K.PAIR: frozenset({K.CABLE}),
    K.POLE: frozenset({None}),
    K.PORT: frozenset({K.DSLAM, K.OLT, K.ONU}),
}
"""What each kind may be part of; None means it may stand alone (RE-01)."""

_PLACES = frozenset({K.EXCHANGE, K.CROSS_CONNECT_CABINET, K.DISTRIBUTION_BOX, K.MANHOLE})
_WAYS = frozenset({K.CABLE, K.DROP, K.DUCT})
_HOUSE = frozenset({K.BUILDING_CABLING, K.ONU})
_SHELVES = frozenset({K.DSLAM, K.OLT})

ENDS: dict[Tie, tuple[frozenset[FeatureKind], frozenset[FeatureKind]]] = {
    Tie.CARRIES: (frozenset({K.POLE}), frozenset({K.CABLE, K.DISTRIBUTION_BOX, K.DROP})),
    Tie.FEEDS: (
        _PLACES | _WAYS | _SHELVES | {K.BUILDING_CABLING},
        _PLACES | _WAYS | _SHELVES | _HOUSE,
    ),
    Tie.JUMPERED: (STATEFUL, STATEFUL | {K.DROP}),
    Tie.RUNS_IN: (frozenset({K.CABLE, K.DROP}), frozenset({K.DUCT})),
    Tie.SPLICED: (CONDUCTORS | {K.CABLE}, CONDUCTORS | {K.CABLE, K.DROP, K.BUILDING_CABLING}),
}
"""The kinds that a tie may lead from and to."""

NEXT: dict[State, frozenset[State]] = {
    State.FREE: frozenset({State.RESERVED, State.OCCUPIED, State.BAD, State.RETIRED}),
    State.RESERVED: frozenset({State.FREE, State.OCCUPIED, State.BAD}),
    State.OCCUPIED: frozenset({State.FREE, State.BAD}),
    State.BAD: frozenset({State.FREE, State.RESERVED, State.OCCUPIED, State.RETIRED}),
    State.RETIRED: frozenset(),
}
"""The legal next states (RE-02). A bad one goes back to its service when it still has one."""

NEXT_LIFE: dict[ServiceLife, frozenset[ServiceLife]] = {
    ServiceLife.PLANNED: frozenset({ServiceLife.ACTIVE, ServiceLife.CEASED}),
    ServiceLife.ACTIVE: frozenset({ServiceLife.CEASED}),
    ServiceLife.CEASED: frozenset(),
}

CLAIM_LASTS = number(
    "claim_lasts", "RE-02", "hours", 12,
    "How long a pair, fibre or port that a visit claimed is held before others may take it.",
    within=(1, 240),
)  # fmt: skip


class Claimed(Protocol):
    """What can be held for a while."""

    claim_until: datetime | None
    claim_visit_id: UUID | None


def lapsed(claimed: Claimed, now: datetime) -> bool:
    """Return whether a claim is over, whether or not the record has followed already."""
    return claimed.claim_until is not None and claimed.claim_until <= now


def claimed_by(row: Claimed, visit_id: UUID | None) -> bool:
    """Return whether a visit itself holds this by a claim: no newer state to its own people."""
    return visit_id is not None and row.claim_visit_id == visit_id


USE = {ServiceLife.PLANNED: State.RESERVED, ServiceLife.ACTIVE: State.OCCUPIED}
"""The state a service gives to what it uses."""


@dataclass(frozen=True, slots=True)
class Condition:
    """The state of a pair, fibre or port with the service that holds it, if one does."""

    state: State
    held: bool


def listed(values: frozenset[State] | frozenset[ServiceLife]) -> str:
    """Return states as a text for a message."""
    return ", ".join(sorted(values)) or "nothing else"


def check_state(name: str, present: Condition, wanted: State) -> None:
    """Raise IllegalState unless the state machine of RE-02 allows the change.

    Reserved and occupied belong to a service, free and retired to none.
    """
    legal = NEXT[present.state]
    with_service = frozenset({State.RESERVED, State.OCCUPIED, State.BAD})
    without = frozenset({State.FREE, State.RETIRED, State.BAD})
    legal &= with_service if present.held else without
    if wanted not in legal:
        raise IllegalState(
            name=name,
            present_state=present.state.value,
            wanted_state=wanted.value,
            legal=listed(legal),
        )


def check_nesting(kind: FeatureKind, parent: FeatureKind | None) -> None:
    """Raise NestingRefused unless a kind may be part of another, or stand alone (RE-01)."""
    if parent not in PARENTS[kind]:
        names = sorted("nothing" if k is None else k.value for k in PARENTS[kind])
        shown = "nothing" if parent is None else f"a {parent.value}"
        raise NestingRefused(kind=kind.value, parent=shown, legal=", ".join(names))


def check_shape(kind: FeatureKind, shape: str | None) -> None:
    """Raise ShapeRefused unless the geometry type (Point, LineString, None) fits the kind."""
    if kind in STATEFUL:
        fits, expected = shape is None, "no geometry of its own; it lies where its parent lies"
    elif kind in EITHER:
        fits, expected = shape is not None, "a Point or a LineString"
    elif kind in LINES:
        fits, expected = shape == "LineString", "a LineString"
    else:
        fits, expected = shape == "Point", "a Point"
    if not fits:
        raise ShapeRefused(kind=kind.value, expected=expected)


def check_tie(tie: Tie, from_kind: FeatureKind, to_kind: FeatureKind) -> None:
    """Raise ConnectionRefused unless two kinds can be tied in this way and direction."""
    starts, ends = ENDS[tie]
    if from_kind not in starts or to_kind not in ends:
        raise ConnectionRefused(kind=tie.value, from_kind=from_kind.value, to_kind=to_kind.value)


def check_life(present: ServiceLife, wanted: ServiceLife) -> None:
    """Raise ServiceState unless a service may go from one state to the other."""
    if wanted not in NEXT_LIFE[present]:
        raise ServiceState(
            present_state=present.value,
            wanted_state=wanted.value,
            legal=listed(NEXT_LIFE[present]),
        )


@dataclass(frozen=True, slots=True)
class Box:
    """A box on the map: longitudes west and east, latitudes south and north, in degrees."""

    west: float
    south: float
    east: float
    north: float

    @property
    def area_km2(self) -> float:
        middle = math.radians((self.south + self.north) / 2)
        width = (self.east - self.west) * KM_PER_DEGREE * math.cos(middle)
        return width * (self.north - self.south) * KM_PER_DEGREE


def check_box(box: Box) -> None:
    """Raise InvalidArguments for a box the wrong way round, AreaTooLarge above 25 km2."""
    for low, high in (("west", "east"), ("south", "north")):
        if getattr(box, low) >= getattr(box, high):
            message = f"{high} must be greater than {low}"
            raise InvalidArguments(
                errors=[{"field": high, "rule": "greater_than", "message": message}]
            )
    if box.area_km2 > MOST_AREA_KM2:
        raise AreaTooLarge(area_km2=round(box.area_km2, 1), limit_km2=MOST_AREA_KM2)
