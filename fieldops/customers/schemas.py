"""Read shapes of customers and premises; contact data only where its name says so."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from fieldops.kernel import geo


def _point(value: Any) -> Any:
    if value is None or isinstance(value, dict | geo.Point):
        return value
    return {"type": "Point", "coordinates": geo.position_of(value)}


PointRead = Annotated[geo.Point, BeforeValidator(_point)]


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class CustomerRead(_Read):
    """A customer without contact data."""

    id: UUID
    version: int
    external_ref: str | None = Field(examples=["C100042"])
    segment: str = Field(examples=["household"])
    tier: str = Field(examples=["gold"])
    locale: str = Field(examples=["en"])
    centre_id: UUID | None


class PremisesRead(_Read):
    """A home or office with its address and point (SRID 4326)."""

    id: UUID
    version: int
    external_ref: str | None
    centre_id: UUID
    street: str = Field(examples=["Aleksanterinkatu"])
    house_number: str = Field(examples=["12"])
    unit: str | None = Field(examples=["B 14"])
    postcode: str = Field(examples=["00170"])
    city: str = Field(examples=["Helsinki"])
    building: str | None
    access_notes: str | None
    point: PointRead


class _NumberOfStrangers(_Read):
    customer_id: UUID | None
    number: str | None = Field(description="Only of somebody who is no customer we know.")

    @model_validator(mode="after")
    def _hide_customers(self) -> Self:
        if self.customer_id is not None:
            self.number = None
        return self


class StopRead(_NumberOfStrangers):
    """Somebody who wants no messages by machine."""

    id: UUID
    version: int
    source: str = Field(examples=["reply"])
    reason: str | None
    since: datetime
    by_id: UUID | None


class IncomingTextRead(_NumberOfStrangers):
    """A text message that came in, and what was made of it."""

    id: UUID
    version: int
    words: str
    received_at: datetime
    state: str = Field(examples=["unclear"], description="What came of it.")
    meaning: str | None
    visit_id: UUID | None
    seen_at: datetime | None
    seen_by: UUID | None


class ContactRead(_Read):
    """Contact data: every reading is registered unless CU-04 frees the reader."""

    id: UUID = Field(description="The customer's id.")
    version: int
    name: str
    phone: str | None
    email: str | None


class ContactOnDevice(BaseModel):
    """A customer's contact data on a technician's device; it leaves again (CU-05)."""

    id: UUID = Field(description="The customer's id.")
    version: int
    customer_id: UUID
    name: str
    phone: str | None
    email: str | None


class FormerContactRead(_Read):
    """Contact data that was replaced, and the identity check behind the change (CU-06)."""

    id: UUID
    name: str
    phone: str | None
    email: str | None
    replaced_at: datetime
    replaced_by: UUID
    identity_method: str
    identity_checked_by: UUID
    reason: str


class ReadingRead(_Read):
    """An entry of the register: who read whose contact data, when, from where, why (CU-04)."""

    id: UUID
    at: datetime
    reader_id: UUID
    customer_id: UUID
    kind: str
    source: str
    reason: str


class ExportRead(_Read):
    """An entry of the register of exports: who took which list out, when, from where, why."""

    id: UUID
    at: datetime
    reader_id: UUID
    source: str
    operation: str = Field(examples=["work_order_list"])
    query: dict[str, Any]
    format: str = Field(examples=["xlsx"])
    rows: int = Field(examples=[412])
    sha256: str = Field(description="Of the file.")
    reason: str


class StandardRead(_Read):
    """A time limit in minutes; an empty key column means every value of it (CU-02)."""

    id: UUID
    version: int
    region_number: int | None
    segment: str | None
    tier: str | None
    service: str | None
    task: str = Field(examples=["repair"])
    minutes: int = Field(examples=[180])
    upper_minutes: int = Field(examples=[1440])


class LimitRead(BaseModel):
    """The limit that holds for one customer, service and task, in minutes."""

    minutes: int = Field(examples=[180])
    upper_minutes: int = Field(examples=[1440])
