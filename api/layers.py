"""The layers of the offices' maps: what they show, how they are asked for, who keeps a copy."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Select
from starlette_compress import add_compress_type

from api.map_tokens import map_reads
from api.routing import Reading
from fieldops.kernel import changes, clock, maps
from fieldops.kernel.actor import Actor
from fieldops.kernel.clock import local_day, start_of_day
from fieldops.kernel.commands import FIRST_YEAR, LAST_YEAR
from fieldops.kernel.errors import InvalidRequest
from fieldops.kernel.maps import Asked, Frame, Shown
from fieldops.kernel.permissions import Permission
from fieldops.network.queries import maps as network
from fieldops.organisation import queries as organisation
from fieldops.visits.queries import maps as visits

MOST_ITEMS = 1_000
LONGEST_VALIDATOR = 4_096
GEOJSON = "application/geo+json"
EARTH = Frame(-180.0, -90.0, 180.0, 90.0)
WITH_HEIGHTS = 6  # numbers of a bbox

add_compress_type(GEOJSON)


Rows = Select[*tuple[Any, ...]]


class Name(StrEnum):
    PLANT = "plant"
    FINDINGS = "findings"
    VISITS = "visits"


@dataclass(frozen=True)
class Layer:
    """What a map can show: its statement, from which zoom level, and what changes it.

    `fields` are the properties of its tiles with their types as TileJSON words them. `needs` are
    the permissions that its statement asks the actor for.
    """

    title: str
    description: str
    statement: Callable[[Actor, Asked], Rows]
    least_zoom: int
    fields: Mapping[str, str]
    tables: frozenset[str]
    needs: frozenset[Permission]

    def rows(self, actor: Actor, wanted: Asked) -> Rows:
        """Return what is asked for of the layer, as far as its reader may see it."""
        return maps.having(self.statement(actor, wanted), wanted)

    @property
    def filters(self) -> list[str]:
        """The properties it can be asked for by."""
        return [name for name in FILTERS if name in self.fields]


FILTERS: Mapping[str, type[str | UUID]] = {
    "kind": str,
    "name": str,
    "severity": str,
    "state": str,
    "centre_id": UUID,
    "feature_id": UUID,
    "parent_id": UUID,
}
"""Properties that layers are asked for by, with what their values are."""

LAYERS: dict[Name, Layer] = {
    Name.PLANT: Layer(
        "Plant",
        "What lies where of the network record (RE-01); its time is when the record changed.",
        network.plant,
        network.PLANT_FROM,
        {
            "kind": "String",
            "name": "String",
            "parent_id": "String",
            "centre_id": "String",
            "version": "Number",
            "updated_at": "String",
        },
        frozenset({"network_feature", "organisation_technician"}),
        frozenset({Permission.NETWORK_READ}),
    ),
    Name.FINDINGS: Layer(
        "Findings",
        "What was found wrong with the plant (VI-06); its time is when it was captured.",
        network.findings,
        network.FINDINGS_FROM,
        {
            "kind": "String",
            "severity": "String",
            "state": "String",
            "feature_id": "String",
            "centre_id": "String",
            "version": "Number",
            "captured_at": "String",
        },
        frozenset({"network_finding", "network_feature"}),
        frozenset({Permission.NETWORK_READ}),
    ),
    Name.VISITS: Layer(
        "Visits",
        "Visits with a window from 7 days back to 14 days ahead; their time is the window.",
        visits.visits,
        visits.VISITS_FROM,
        {
            "state": "String",
            "window_start": "String",
            "window_end": "String",
            "centre_id": "String",
            "version": "Number",
        },
        frozenset({"visits_visit", "visits_assignment", "customers_premises"}),
        frozenset({Permission.VISIT_READ, Permission.CUSTOMER_READ}),
    ),
}


class Link(BaseModel):
    """A link as OGC API - Common words it."""

    href: str
    rel: str = Field(examples=["next"])
    type: str
    title: str | None = None


class Geometry(BaseModel):
    """A GeoJSON point or line: [longitude, latitude] in degrees."""

    type: Literal["Point", "LineString"]
    coordinates: list[Any] = Field(examples=[[24.941, 60.17]])


class MapFeature(BaseModel):
    """A GeoJSON feature (RFC 7946)."""

    type: Literal["Feature"] = "Feature"
    id: UUID
    geometry: Geometry
    properties: dict[str, Any]
    links: list[Link] | None = None


class MapPage(BaseModel):
    """A page of a layer as a GeoJSON feature collection; `bbox` is that of the page."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    bbox: list[float] | None = Field(None, description="West, south, east, north, in degrees.")
    features: list[MapFeature]
    links: list[Link] = Field(description="`next` leads to the following page.")
    numberReturned: int  # noqa: N815 - OGC API - Features words it so
    timeStamp: datetime  # noqa: N815 - see above


Maps = Annotated[Reading, map_reads(Permission.MAP_READ)]
Bbox = Annotated[
    str | None,
    Query(
        max_length=200,
        description="West, south, east, north in degrees; west > east crosses the 180th meridian.",
        examples=["24.93,60.16,24.96,60.18"],
    ),
]
Time = Annotated[
    str | None,
    Query(
        alias="datetime",
        max_length=80,
        description="A moment or an interval `start/end` (RFC 3339), `..` for an open end.",
        examples=["2026-11-23T00:00:00Z/.."],
    ),
]


Values = Annotated[list[str] | None, Query(max_length=20)]
Named = Mapping[str, list[str]]


async def _named(
    kind: Values = None,
    name: Values = None,
    severity: Values = None,
    state: Values = None,
    centre_id: Values = None,
    feature_id: Values = None,
    parent_id: Values = None,
) -> Named:
    given = locals()
    return {name: given[name] for name in FILTERS if given[name]}


Having = Annotated[Named, Depends(_named)]


def having_of(layer: Layer, named: Named) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """Read which properties are to have which values; raises InvalidRequest.

    Several values of a property are given by naming it several times: it has one of them.
    """
    for name in named:
        if name not in layer.filters:
            raise InvalidRequest(reason=f"'{layer.title}' is not asked for by '{name}'")
    try:
        return tuple((name, tuple(map(FILTERS[name], named[name]))) for name in named)
    except ValueError:
        raise InvalidRequest(reason="what ends in '_id' is an id") from None


async def asked(
    reading: Reading,
    layer: Layer,
    bbox: str | None = None,
    time: str | None = None,
    named: Named | None = None,
) -> Asked:
    """Read what of a layer is asked for; raises InvalidRequest."""
    start, end = interval_of(time)
    zone = await organisation.zone_of(reading.session, reading.scope.region_id)
    today = start_of_day(local_day(reading.now, zone), zone)
    return Asked(today, boxes_of(bbox), start, end, having=having_of(layer, named or {}))


def boxes_of(text: str | None) -> tuple[Frame, ...]:
    """Read a bbox of four or six numbers; across the 180th meridian it is two boxes."""
    if text is None:
        return ()
    try:
        sides = [float(part) for part in text.split(",")]
    except ValueError:
        sides = []
    if len(sides) == WITH_HEIGHTS:  # which nothing here has
        del sides[5], sides[2]
    if len(sides) != len(EARTH):
        raise InvalidRequest(reason="'bbox' holds west, south, east, north")
    west, south, east, north = sides
    inside = all(EARTH.west <= side <= EARTH.east for side in (west, east))
    if not (inside and EARTH.south <= south <= north <= EARTH.north):  # what is no number, neither
        raise InvalidRequest(reason="'bbox' lies outside the earth, or its south above its north")
    if west <= east:
        return (Frame(west, south, east, north),)
    return Frame(west, south, EARTH.east, north), Frame(EARTH.west, south, east, north)


def interval_of(text: str | None) -> tuple[datetime | None, datetime | None]:
    """Read a moment, a day or an interval as OGC API - Features has it (closed)."""
    if text is None:
        return None, None
    first, slash, last = text.partition("/")
    try:
        start = None if slash and first in {"", ".."} else _moment(first, end=False)
        end = None if slash and last in {"", ".."} else _moment(last if slash else first, end=True)
    except ValueError:
        raise InvalidRequest(reason="'datetime' holds moments as RFC 3339 has them") from None
    if start is not None and end is not None and end < start:
        raise InvalidRequest(reason="'datetime' ends before it starts")
    return start, end


_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def _moment(text: str, *, end: bool) -> datetime:
    if _DAY.fullmatch(text):
        day = _moment(f"{text}T00:00:00Z", end=end)
        return day + timedelta(days=1, microseconds=-1) if end else day
    # A plus in an address that was not escaped arrives as a space.
    text = re.sub(r" (\d\d:\d\d)$", r"+\1", text)
    if not _MOMENT.fullmatch(text):
        raise ValueError(text)
    moment = datetime.fromisoformat(text.upper())
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(text)
    return moment


# What a reader holds already


@dataclass(frozen=True)
class Validator:
    """What a reader's copy stands for: the question, and the counters of the centres then."""

    question: str
    counters: Mapping[UUID, int]

    def __str__(self) -> str:
        numbers = "-".join(f"{n:x}" for n in self.counters.values())
        return f'W/"{self.question}.{numbers}"'

    def earlier(self, given: str | None) -> Mapping[UUID, int] | None:
        """Return the counters of a copy of the same question out of If-None-Match, if any."""
        for one in (given or "").split(","):
            question, dot, numbers = one.strip().removeprefix("W/").strip('"').partition(".")
            if not dot or question != self.question:
                continue
            try:
                then = [int(n, 16) for n in numbers.split("-") if n]
            except ValueError:
                continue
            if len(then) == len(self.counters):
                return dict(zip(self.counters, then, strict=True))
        return None


async def validator_of(reading: Reading, layer: Layer, *question: Any) -> Validator | None:
    """Return what a copy of an answer is known by, None where no copy may be kept.

    It is read before the answer: a change meanwhile makes the copy look older than it is. A
    technician's visits leave by the clock too (CU-05) and are not kept.
    """
    scopes = [reading.actor.scope(need) for need in sorted(layer.needs)]
    if Permission.VISIT_READ in layer.needs and any(s.technician_id for s in scopes):
        return None
    shapes = [
        (s.region_id, s.whole_region, sorted(map(str, s.centre_ids)), str(s.technician_id))
        for s in scopes
    ]
    counters = await changes.region_counters(reading.session, reading.scope.region_id)
    said = repr((layer.title, shapes, sorted(map(str, counters)), question))
    return Validator(hashlib.sha256(said.encode()).hexdigest()[:24], counters)


async def is_known(
    reading: Reading, layer: Layer, validator: Validator | None, given: str | None
) -> bool:
    """Return whether the copy a reader names is as good as a new one."""
    then = None if validator is None else validator.earlier(given)
    if validator is None or then is None:
        return False
    region_id = reading.scope.region_id
    return await changes.unchanged(
        reading.session, region_id, then, validator.counters, layer.tables
    )


def headers_of(validator: Validator | None) -> dict[str, str]:
    """Return how an answer may be kept: by its reader alone, and asked about each time."""
    if validator is None:
        return {"Cache-Control": "private, no-store"}
    return {
        "Cache-Control": "private, no-cache",
        "ETag": str(validator),
        "Vary": "Authorization, FieldOps-Region",
    }


Known = Annotated[
    str | None,
    Header(
        alias="If-None-Match", max_length=LONGEST_VALIDATOR, description="ETag of the copy at hand."
    ),
]


async def page_of(
    request: Request, reading: Reading, rows: Rows, after: UUID | None, limit: int
) -> MapPage:
    """Read a page of a layer, with its box and the link to the next page."""
    shown, following = await maps.part(reading.session, rows, after, limit)
    here = str(request.url)
    links = [Link(href=here, rel="self", type=GEOJSON)]
    if following is not None:
        beyond = request.url.include_query_params(after=following, limit=limit)
        links.append(Link(href=str(beyond), rel="next", type=GEOJSON))
    frame = maps.around([row.geometry for row in shown])
    return MapPage(
        bbox=None if frame is None else list(frame),
        features=[feature_of(row) for row in shown],
        links=links,
        numberReturned=len(shown),
        timeStamp=clock.now(),
    )


def feature_of(row: Shown) -> MapFeature:
    """Return a row of a layer as a GeoJSON feature."""
    return MapFeature(id=row.id, geometry=row.geometry, properties=row.properties)


def written(answer: BaseModel, headers: Mapping[str, str]) -> Response:
    """Return GeoJSON, without the members that have no value."""
    content = answer.model_dump_json(exclude_none=True)
    return Response(content, headers=dict(headers), media_type=GEOJSON)
