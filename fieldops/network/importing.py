"""What a file would do to the record: what is new, changed, as it was, or refused. Pure.

The checks are those of `network.add_feature` and `network.change_feature`. A file changes names,
places and attributes of recorded pieces; their state is the services' and visits' to change.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fieldops.kernel.commands import Text, field_errors
from fieldops.kernel.errors import Coded, InvalidArguments, NotFound
from fieldops.kernel.geo import Shape
from fieldops.network import rules
from fieldops.network.errors import NameTaken, PieceFixed, PieceStale, PieceTwice, PieceUnreadable
from fieldops.network.plant_files import Piece
from fieldops.network.rules import FeatureKind, State

NEAR = 1e-7  # degrees, a centimetre: files have seven decimals
MOST_WORDS = 500
LONGEST_ID = 64

Name = Annotated[Text, Field(min_length=1, max_length=120)]
Key = Annotated[Text, Field(min_length=1, max_length=60)]
Whole = Annotated[int, Field(ge=-(2**53), le=2**53)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Value = bool | Whole | Number | Annotated[Text, Field(max_length=500)] | None
Attributes = Annotated[
    dict[Key, Value],
    Field(max_length=50, description="Further properties by name, for instance length_m."),
]


class Given(BaseModel):
    """A piece as a file gives it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: UUID | None = None
    version: Whole | None = None
    centre_id: UUID | None = None
    kind: FeatureKind
    name: Name
    parent_id: UUID | None = None
    state: State | None = None
    attributes: Attributes | None = None
    shape: Shape | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A recorded piece as it stands; one that the importer may not see only has its id taken."""

    visible: bool
    version: int
    centre_id: UUID
    kind: str
    name: str
    parent_id: UUID | None
    state: str | None
    attributes: Mapping[str, Any]
    shape: Mapping[str, Any] | None


NameKey = tuple[UUID | None, str, str]


@dataclass(frozen=True, slots=True)
class Record:
    """What the judgement needs to know of the record: pieces by id, names taken, centres."""

    pieces: Mapping[UUID, Standing]
    names: Mapping[NameKey, UUID]
    centres: Collection[UUID]


@dataclass(frozen=True, slots=True)
class Refused:
    """A piece that does not go in: where it stands, its id, the refusal's code, why in words."""

    where: str
    id: str | None
    code: str
    reason: str


@dataclass(slots=True)
class Plan:
    """What would be done: new pieces with parents first, changes and judged versions by id.

    Of ties and services it counts those that stand as the file says; the new ones go beside it.
    """

    added: list[tuple[int, Given]] = field(default_factory=list)
    changed: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    versions: dict[UUID, int] = field(default_factory=dict)
    unchanged: int = 0
    ties_unchanged: int = 0
    services_unchanged: int = 0
    refused: list[Refused] = field(default_factory=list)


M = TypeVar("M", bound=BaseModel)


def parsed(pieces: Sequence[Piece], model: type[M], plan: Plan) -> list[tuple[Piece, M]]:
    """Return what is well formed of a file; the rest is noted in the plan as refused.

    `model` has an `id`, which stands in the file only once.
    """
    found: list[tuple[Piece, M]] = []
    places: dict[UUID, str] = {}
    for piece in pieces:
        try:
            given = _given(piece, model)
            id_: UUID | None = getattr(given, "id")  # noqa: B009 - a model's own field
            if id_ is not None and id_ in places:
                raise PieceTwice(other=places[id_])
        except Coded as exc:
            plan.refused.append(refusal(piece, exc))
            continue
        if id_ is not None:
            places[id_] = piece.where
        found.append((piece, given))
    return found


def _given(piece: Piece, model: type[M]) -> M:
    if piece.fault is not None:
        raise PieceUnreadable(reason=piece.fault)
    try:
        return model.model_validate(piece.values)
    except ValidationError as exc:
        raise InvalidArguments(errors=field_errors(exc.errors())) from None


def refusal(piece: Piece, exc: Coded) -> Refused:
    """Return the refusal of something in a file as the report names it."""
    errors = exc.details.get("errors")
    words = "; ".join(f"{e['field']}: {e['message']}" for e in errors) if errors else exc.message
    id_ = piece.values.get("id")
    return Refused(
        piece.where, None if id_ is None else str(id_)[:64], exc.code, words[:MOST_WORDS]
    )


def judge(
    pieces: Sequence[tuple[Piece, Given]],
    record: Record,
    plan: Plan,
    used: Mapping[UUID, State],
) -> Plan:
    """Complete the plan with well-formed pieces, judged against the record.

    `used` says which state a new piece has by a service of the same file.
    """
    inside = {given.id: given for _piece, given in pieces if given.id is not None}
    taken = dict(record.names)
    for number, (piece, given) in enumerate(pieces):
        present = None if given.id is None else record.pieces.get(given.id)
        try:
            if present is None:
                _check_new(given, inside, record, used)
                _take_name(taken, given, given.parent_id)
                plan.added.append((number, given))
                continue
            changes = _changes(given, present)
            if "name" in changes:
                _take_name(taken, given, present.parent_id)
        except Coded as exc:
            plan.refused.append(refusal(piece, exc))
            continue
        if changes and given.id is not None:
            plan.changed[given.id] = changes
            plan.versions[given.id] = present.version
        else:
            plan.unchanged += 1
    plan.added.sort(key=lambda one: _depth(one[1], inside))
    return plan


def _take_name(taken: dict[NameKey, UUID], given: Given, parent_id: UUID | None) -> None:
    """Raise NameTaken when another piece of the record or the file has the name there."""
    key = (parent_id, given.kind.value, given.name)
    if key in taken and (given.id is None or taken[key] != given.id):
        raise NameTaken
    taken[key] = given.id or NO_ID


NO_ID = UUID(int=0)


def _check_new(
    given: Given, inside: Mapping[UUID, Given], record: Record, used: Mapping[UUID, State]
) -> None:
    if given.centre_id is None:
        message = "a new piece names its centre"
        raise InvalidArguments(
            errors=[{"field": "centre_id", "rule": "missing", "message": message}]
        )
    if given.centre_id not in record.centres:
        raise NotFound(thing="centre")
    stateful = given.kind in rules.STATEFUL
    by_service = None if given.id is None else used.get(given.id)
    if given.state is not None and not (stateful and given.state in {State.FREE, by_service}):
        raise PieceFixed(
            field="state", present="that a new one begins free, if no service of the file uses it"
        )
    rules.check_nesting(given.kind, _parent_kind(given, inside, record))
    rules.check_shape(given.kind, given.shape.type if given.shape else None)


def _parent_kind(given: Given, inside: Mapping[UUID, Given], record: Record) -> FeatureKind | None:
    if given.parent_id is None:
        return None
    known = record.pieces.get(given.parent_id)
    if known is not None and known.visible:
        return FeatureKind(known.kind)
    if known is None and given.parent_id in inside:
        return inside[given.parent_id].kind
    raise NotFound(thing="parent")


def _changes(given: Given, present: Standing) -> dict[str, Any]:
    """Return the fields of a recorded piece that a file changes; raises what refuses them."""
    if not present.visible:
        raise NotFound(thing="feature")
    _check_fixed(given, present)
    rules.check_shape(given.kind, given.shape.type if given.shape else None)
    changes: dict[str, Any] = {}
    if given.name != present.name:
        changes["name"] = given.name
    if given.attributes is not None and given.attributes != present.attributes:
        changes["attributes"] = given.attributes
    if given.shape is not None and not _same_place(given.shape, present.shape):
        changes["shape"] = given.shape.wkt()
    if changes and given.version is not None and given.version != present.version:
        raise PieceStale(present=present.version, given=given.version)
    return changes


def _check_fixed(given: Given, present: Standing) -> None:
    """Raise PieceFixed for what a file says otherwise and does not change."""
    fixed = {"kind": (given.kind.value, present.kind)}
    if "parent_id" in given.model_fields_set:
        fixed["parent_id"] = (str(given.parent_id), str(present.parent_id))
    if given.centre_id is not None:
        fixed["centre_id"] = (str(given.centre_id), str(present.centre_id))
    if given.state is not None:
        fixed["state"] = (given.state.value, str(present.state))
    for name, (wanted, stands) in fixed.items():
        if wanted != stands:
            raise PieceFixed(field=name, present=stands)


def _same_place(given: Shape, present: Mapping[str, Any] | None) -> bool:
    if present is None or present["type"] != given.type:
        return False
    ours, theirs = (
        [shape] if given.type == "Point" else list(shape)
        for shape in (given.coordinates, present["coordinates"])
    )
    return len(ours) == len(theirs) and all(
        abs(a - b) <= NEAR
        for here, there in zip(ours, theirs, strict=True)
        for a, b in zip(here, there, strict=True)
    )


def _depth(given: Given, inside: Mapping[UUID, Given]) -> int:
    """Return how many of the file's pieces stand above one: kinds nest without circles."""
    depth = 0
    while given.parent_id is not None and given.parent_id in inside and depth < len(FeatureKind):
        given, depth = inside[given.parent_id], depth + 1
    return depth
