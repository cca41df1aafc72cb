"""Read shapes of the network record; maps are GeoJSON (RFC 7946), SRID 4326."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from fieldops.customers.schemas import PointRead


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class GeoGeometry(BaseModel):
    """A GeoJSON point or line: [longitude, latitude] in degrees."""

    type: Literal["Point", "LineString"]
    coordinates: list[Any] = Field(examples=[[24.941, 60.17]])


class FeatureProperties(_Read):
    """What is known of a feature beside its place."""

    version: int
    centre_id: UUID
    kind: str = Field(examples=["distribution_box"])
    name: str = Field(examples=["Box N04-2"])
    parent_id: UUID | None
    state: str | None = Field(examples=["free"])
    state_reason: str | None
    state_test: dict[str, Any] | None
    state_since: datetime | None
    service_id: UUID | None
    attributes: dict[str, Any]
    distance_m: float | None = Field(None, description="From the premises asked about, in metres.")


class GeoFeature(BaseModel):
    """A GeoJSON feature; pairs, fibres and ports have no geometry of their own."""

    type: Literal["Feature"] = "Feature"
    id: UUID
    geometry: GeoGeometry | None
    properties: FeatureProperties


class FeatureCollection(BaseModel):
    """A GeoJSON feature collection."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[GeoFeature]


class FeatureRead(_Read):
    """A feature in a list, without its geometry."""

    id: UUID
    version: int
    centre_id: UUID
    kind: str
    name: str
    parent_id: UUID | None
    state: str | None
    state_reason: str | None
    state_since: datetime | None
    service_id: UUID | None
    claim_until: datetime | None = Field(description="Until when a visit holds it by a claim.")
    claim_visit_id: UUID | None
    attributes: dict[str, Any]


class ChoiceRead(BaseModel):
    """A free pair, fibre or port, with why it stands where it does in the list (RE-04)."""

    feature_id: UUID
    kind: str
    name: str
    parent_id: UUID
    grade: Literal["measured_good", "not_measured", "measured_poor"]
    score: int | None = Field(description="0 to 100; 50: its worst value is at the limit.")
    measured_at: datetime | None
    values: dict[str, float] = Field(description="Of the newest line test, units in the names.")
    poor: list[str] = Field(description="The values beyond their limit.")
    why: dict[str, str] = Field(description="A sentence in each language.")


class BestFree(BaseModel):
    """The free ones that may take the place of one that a service uses, the best first."""

    instead_of: UUID
    kind: str
    name: str
    choices: list[ChoiceRead]


class EndRead(BaseModel):
    id: UUID
    kind: str
    name: str
    state: str | None


class ConnectionRead(BaseModel):
    """A directed tie, seen from the exchange, with both its ends."""

    id: UUID
    version: int
    kind: str = Field(examples=["jumpered"])
    start: EndRead
    end: EndRead


class StepRead(BaseModel):
    """One step of an access path; position 1 is nearest to the exchange."""

    position: int
    feature_id: UUID
    kind: str = Field(examples=["pair"])
    name: str = Field(examples=["Pair N04-2/17"])
    state: str | None = Field(examples=["occupied"])
    state_reason: str | None


class ServiceRead(_Read):
    """A service at premises; rates in Mbit/s as sold."""

    id: UUID
    version: int
    premises_id: UUID
    customer_id: UUID
    centre_id: UUID
    kind: str = Field(examples=["broadband"])
    technology: str = Field(examples=["copper"])
    sold_down_mbps: int | None
    sold_up_mbps: int | None
    account: str | None
    state: str = Field(examples=["active"])


class ServiceWithPath(ServiceRead):
    """A service with its ordered way from the exchange to the premises."""

    path: list[StepRead]


class FindingRead(_Read):
    """Something wrong that was seen on the plant (VI-06)."""

    id: UUID
    version: int
    centre_id: UUID
    feature_id: UUID | None
    visit_id: UUID | None
    reporter_id: UUID
    point: PointRead | None
    kind: str
    severity: str
    text: str
    state: str
    captured_at: datetime


class TraceStep(BaseModel):
    """A piece of plant on a walk through the record."""

    depth: int = Field(description="Pieces away from where the walk began; 0 is its beginning.")
    feature_id: UUID
    kind: str = Field(examples=["cable"])
    name: str = Field(examples=["Cable N04-2"])
    state: str | None


class Trace(BaseModel):
    """What a place hangs on, up to the exchange."""

    reaches_exchange: bool = Field(description="False shows a gap in the record.")
    cut: bool = Field(description="Whether there is more than is shown.")
    steps: list[TraceStep]


class ServiceTrace(Trace):
    """The way of one service: depth 0 is what it uses by the record, then all above that."""

    service_id: UUID


class CarriedRead(_Read):
    """A service in use that hangs on a piece of plant, with whose it is."""

    id: UUID
    version: int
    kind: str
    technology: str
    state: str
    account: str | None
    centre_id: UUID
    premises_id: UUID
    customer_id: UUID
    segment: str
    tier: str = Field(examples=["gold"])


class ImpactRead(_Read):
    """Whom a failure of a piece of plant would touch, in the whole region."""

    services: int
    customers: int
    premises: int
    tiers: dict[str, int] = Field(description="Customers by tier.", examples=[{"gold": 2}])
    kinds: dict[str, int] = Field(description="Services by kind.", examples=[{"broadband": 3}])
    cut: bool = Field(description="Whether the walk was cut: then there are at least so many.")


class ChangeRead(_Read):
    """One change of a record with before and after, why, by whom, on which visit (RE-05)."""

    id: UUID
    at: datetime = Field(description="When the record followed.")
    captured_at: datetime | None = Field(description="When it was seen on site, by the phone.")
    version: int
    action: str = Field(examples=["changed"])
    command: str | None = Field(examples=["network.swap_pair"])
    before: dict[str, Any]
    after: dict[str, Any]
    reason: str | None
    actor_id: UUID | None
    actor_name: str | None
    device_id: UUID | None
    visit_id: UUID | None = Field(description="The visit a phone or an office named.")


class SideRead(BaseModel):
    """How a pair, fibre or port stood, stands or is to stand."""

    state: str | None
    service_id: UUID | None
    reason: str | None = None
    since: datetime | None = None
    version: int | None = Field(None, description="The version of the record, where it has one.")


class OthersRead(SideRead):
    """The record as it is now, with the last change that others made to it."""

    changed_at: datetime | None = None
    changed_by: UUID | None = None
    changed_why: str | None = None
    command: str | None = None


class StewardCase(BaseModel):
    """A change from the field that met a newer state: base, theirs, ours and the place (RE-05)."""

    id: UUID = Field(description="The case; decided by /v1/desk/cases/{id}/accept or discard.")
    version: int
    state: str = Field(examples=["open"])
    opened_at: datetime
    centre_id: UUID | None
    person_id: UUID = Field(description="The technician.")
    visit_id: UUID | None
    command_id: UUID | None = Field(description="The entry to amend.")
    command: str = Field(examples=["network.swap_pair"])
    captured_at: datetime | None
    args: dict[str, Any] = Field(description="As captured, with reason and test.")
    expected: str | None = Field(description="What the change expected of the record.")
    feature_id: UUID | None
    kind: str | None
    name: str | None
    parent_name: str | None
    geometry: GeoGeometry | None = Field(description="Its own, or its parent's.")
    base: SideRead | None = Field(description="What the phone had seen; null: it had not said.")
    theirs: OthersRead | None = Field(description="Null: plant of another centre.")
    ours: SideRead = Field(description="What the technician did on site.")
    second_choice: ChoiceRead | None = Field(
        None, description="The best free one in its place, when the change was held."
    )
    decided_at: datetime | None
    decided_by: UUID | None
    decision: str | None = Field(description="The steward's reason.")
    outcome: dict[str, Any] | None


class SideFeature(BaseModel):
    """One side of a waiting change on the map; `side` is base, theirs or ours."""

    type: Literal["Feature"] = "Feature"
    id: str = Field(examples=["theirs"])
    geometry: GeoGeometry | None
    properties: dict[str, Any]


class SideCollection(BaseModel):
    """The sides of a waiting change as GeoJSON."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[SideFeature]


class StewardDetail(StewardCase):
    """A waiting change with its sides on the map."""

    map: SideCollection
