"""What waits for a resource steward, with all sides of it (RE-05); decided here, or at the desk."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, verb
from fieldops.kernel.audit import Audit
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission
from fieldops.network import drawing
from fieldops.network.errors import AreaTooLarge, ResourceChanged, TooManyFeatures
from fieldops.network.models import NetworkFeature
from fieldops.network.queries import ground, history
from fieldops.network.rules import Box, FeatureKind
from fieldops.network.schemas import (
    OthersRead,
    SideCollection,
    SideFeature,
    SideRead,
    StewardCase,
    StewardDetail,
)
from fieldops.sync import queries, rules
from fieldops.sync.commands import desk
from fieldops.sync.models import Case, CaseEntry
from fieldops.sync.schemas import CaseRead
from fieldops.travel import streets
from fieldops.travel.building import graph_path

router = APIRouter(prefix="/v1/network", tags=["network"])

verb(router, "/stewardship/{case_id}/approve", desk.approve)
verb(router, "/stewardship/{case_id}/refuse", desk.refuse)

AROUND = (
    FeatureKind.EXCHANGE, FeatureKind.CROSS_CONNECT_CABINET, FeatureKind.DISTRIBUTION_BOX,
    FeatureKind.CABLE, FeatureKind.DUCT, FeatureKind.MANHOLE,
)  # fmt: skip
"""The plant by which a steward knows the place."""
SIDES = {"state": "state", "service_id": "service_id", "state_reason": "reason"}


@router.get(
    "/stewardship",
    operation_id="stewardship_list",
    summary="Changes from the field that met a newer state: base, theirs, ours, where (RE-05)",
    responses=problems(),
)
async def waiting(
    reading: Annotated[Reading, reads(Permission.DESK_READ)],
    state: Annotated[rules.CaseState | None, Query()] = rules.CaseState.OPEN,
    centre_id: Annotated[UUID | None, Query(description="Only of phones of this centre.")] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[StewardCase]:
    """List them oldest first; the open ones when nothing else is asked for."""
    code = ResourceChanged.code
    statement = queries.cases(reading.scope, state, code=code, centre_id=centre_id)
    found = await page(reading, statement.order_by(Case.id), Case.id, after, limit, CaseRead)
    return Page[StewardCase](items=await _with_sides(reading, found.items), next=found.next)


@router.get(
    "/stewardship/{case_id}",
    operation_id="stewardship_get",
    summary="One change that met a newer state, its sides as GeoJSON too (RE-05)",
    responses=problems(404),
)
async def one(
    case_id: UUID, reading: Annotated[Reading, reads(Permission.DESK_READ)]
) -> StewardDetail:
    return await _detail(reading, case_id)


@router.get(
    "/stewardship/{case_id}/map.svg",
    operation_id="stewardship_map",
    summary="The sides of a change that met a newer state, drawn (RE-05)",
    response_class=Response,
    responses=problems(404)
    | {200: {"content": {"image/svg+xml": {}}, "description": "The picture"}},
)
async def drawn(
    case_id: UUID,
    reading: Annotated[Reading, reads(Permission.DESK_READ)],
    language: Annotated[drawing.Language, Query(description="Of the words in it.")] = "en",
) -> Response:
    found = await _detail(reading, case_id)
    around = await _around(reading, drawing.frame(found.map.features))
    picture = drawing.draw(found.name or "", found.map.features, language, around)
    return Response(picture, media_type="image/svg+xml")


async def _around(reading: Reading, box: Box | None) -> drawing.Surroundings:
    """Return the streets, where the region has a road graph, and the plant in a box of the map."""
    if box is None:
        return drawing.Surroundings()
    path = graph_path(reading.settings, reading.scope.region_id)
    known = await streets.within(path, box.west, box.south, box.east, box.north)
    scope = reading.actor.scope(Permission.NETWORK_READ)
    try:
        plant = (await ground.map_of(reading.session, scope, box, AROUND)).features
    except (AreaTooLarge, TooManyFeatures):
        plant = []  # too far away to help
    shapes = [one.geometry for one in plant if one.geometry is not None]
    return drawing.Surroundings(known.pieces, known.credit, shapes)


async def _detail(reading: Reading, case_id: UUID) -> StewardDetail:
    row = await queries.case_of(reading.session, reading.scope, case_id)
    if row.code != ResourceChanged.code:
        raise NotFound(thing="case")
    (case,) = await _with_sides(reading, [CaseRead.model_validate(row)])
    features = await _sides_on_map(reading, case)
    return StewardDetail(**dict(case), map=SideCollection(features=features))


async def _sides_on_map(reading: Reading, case: StewardCase) -> list[SideFeature]:
    """Return what each side says of the resource, of the other one of a move, and whose home."""
    sides: dict[str, SideRead | None] = {
        "base": case.base, "theirs": case.theirs, "ours": case.ours,
    }  # fmt: skip
    found = [
        _side(name, case.kind, case.name, side, case.geometry)
        for name, side in sides.items()
        if side is not None
    ]
    scope = reading.actor.scope(Permission.NETWORK_READ)
    ends = {case.args.get("from_id"), case.args.get("to_id")} - {None, str(case.feature_id)}
    others = await history.placed(reading.session, scope, {UUID(str(id_)) for id_ in ends})
    for id_, (feature, _parent, shape) in others.items():
        left = str(id_) == case.args.get("from_id")
        gone = "bad" if case.args.get("mark_bad", case.command == "network.swap_pair") else "free"
        after = SideRead(state=gone if left else "occupied", service_id=None)
        now = SideRead(state=feature.state, service_id=feature.service_id)
        for name, side in (("theirs", now), ("ours", after)):
            found.append(_side(name, feature.kind, feature.name, side, shape))
    owners = {side.service_id for side in sides.values() if side and side.service_id}
    homes = await history.homes(reading.session, scope, owners)
    return found + [
        _side(name, "home", None, side, homes[side.service_id])
        for name, side in sides.items()
        if side is not None and side.service_id in homes
    ]


def _side(
    side: str, kind: str | None, name: str | None, state: SideRead, geometry: Any
) -> SideFeature:
    return SideFeature(
        id=f"{side}:{kind}:{name}",
        geometry=geometry,
        properties={"side": side, "kind": kind, "name": name, **state.model_dump(mode="json")},
    )


async def _with_sides(reading: Reading, cases: list[CaseRead]) -> list[StewardCase]:
    session, region_id = reading.session, reading.scope.region_id
    entries = await queries.first_entries(session, region_id, [case.id for case in cases])
    about = {case.id: UUID(case.details["feature_id"]) for case in cases}
    seen = {
        case.id: version
        for case in cases
        for version in [_version_seen(entries.get(case.id), about[case.id])]
        if version is not None
    }
    oldest: dict[UUID, int] = {}
    for case_id, version in seen.items():
        feature_id = about[case_id]
        oldest[feature_id] = min(version, oldest.get(feature_id, version))
    scope = reading.actor.scope(Permission.NETWORK_READ)
    places = await history.placed(session, scope, set(about.values()))
    changes = await history.changed_after(session, region_id, oldest)
    return [
        _shown(
            case,
            entries.get(case.id),
            places.get(about[case.id]),
            seen.get(case.id),
            changes.get(about[case.id], []),
        )
        for case in cases
    ]


def _version_seen(entry: CaseEntry | None, feature_id: UUID) -> int | None:
    for base in entry.command.get("base", []) if entry is not None else []:
        if base["ref"]["id"] == str(feature_id):
            return int(base["version"])
    return None


def _shown(
    case: CaseRead,
    entry: CaseEntry | None,
    place: tuple[NetworkFeature, str | None, Any] | None,
    seen: int | None,
    changes: list[Audit],
) -> StewardCase:
    feature, parent_name, geometry = place or (None, None, None)
    base = None
    if feature is not None and seen is not None:
        base = _as_of(feature, seen, changes)
    return StewardCase(
        **case.model_dump(
            include={"id", "version", "state", "opened_at", "centre_id", "person_id"}
            | {"decided_at", "decided_by", "outcome"}
        ),
        decision=case.reason,
        visit_id=case.subject_id,
        command_id=entry.id if entry is not None else None,
        command=case.name,
        captured_at=entry.estimated_at if entry is not None else None,
        args=entry.command.get("args", {}) if entry is not None else {},
        expected=case.details.get("expected"),
        feature_id=UUID(case.details["feature_id"]),
        kind=feature.kind if feature is not None else None,
        name=case.details.get("name"),
        parent_name=parent_name,
        geometry=geometry,
        base=base,
        theirs=None if feature is None else _theirs(feature, changes),
        ours=SideRead(**case.details["wanted"]),
        second_choice=case.details.get("second_choice"),
    )


def _as_of(feature: NetworkFeature, version: int, changes: list[Audit]) -> SideRead:
    """Return how a feature stood at a version: its present state with later changes undone."""
    values: dict[str, Any] = {column: getattr(feature, column) for column in SIDES}
    values["state_since"] = feature.state_since
    for change in changes:
        if change.entity_version > version:
            values |= {name: old for name, old in change.before.items() if name in values}
    since = values.pop("state_since")
    named = {SIDES[column]: value for column, value in values.items()}
    return SideRead(**named, since=since, version=version)


def _theirs(feature: NetworkFeature, changes: list[Audit]) -> OthersRead:
    last = changes[0] if changes else None
    return OthersRead(
        state=feature.state,
        service_id=feature.service_id,
        reason=feature.state_reason,
        since=feature.state_since,
        version=feature.version,
        changed_at=last.at if last is not None else None,
        changed_by=last.actor_id if last is not None else None,
        changed_why=last.reason if last is not None else None,
        command=last.command if last is not None else None,
    )
