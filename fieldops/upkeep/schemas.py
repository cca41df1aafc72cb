"""Read shapes of upkeep."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class DueRead(_Read):
    """Something that is looked at in a period: when last, when next, what is open for it."""

    id: UUID
    centre_id: UUID
    name: str
    every_days: int
    last_done_at: datetime | None
    due_on: date | None = Field(description="The last day for it; null: never done, due now.")
    overdue: bool
    open_work_order_id: UUID | None = Field(description="Opened for it and not ended.")


class PatrolPlanRead(DueRead):
    version: int
    feature_ids: list[UUID]
    active: bool


class RoundRead(_Read):
    """A work order opened for a patrol or an inspection; findings are those of its visit."""

    id: UUID
    kind: str = Field(examples=["inspection"])
    plan_id: UUID | None
    feature_id: UUID | None
    centre_id: UUID
    work_order_id: UUID
    opened_at: datetime
    closed_at: datetime | None
    done_at: datetime | None
    visit_id: UUID | None
    findings: int = Field(description="Reported on its visit.")


class RoundOnDevice(_Read):
    """The route of a patrol, or the building of an inspection, for the visit it is done on.

    The points are plant of the type `feature`; what is wrong at one is a finding with its
    `feature_id`. The name is the symptom of the work order.
    """

    id: UUID
    version: int
    kind: str = Field(examples=["patrol"])
    work_order_id: UUID
    feature_ids: list[UUID] = Field(description="The points in the order of the way.")
    done_at: datetime | None


class RoundStopRead(_Read):
    """A point of a round's route with what was found at it on the round's visit."""

    position: int = Field(description="1 is the first of the way.")
    feature_id: UUID
    kind: str = Field(examples=["pole"])
    name: str
    finding_ids: list[UUID] = Field(description="Reported at it on the round's visit.")
    work_order_ids: list[UUID] = Field(description="Of the cable department, open at it now.")


class SpotCheckRead(_Read):
    """A draw with its results; accuracy counts what was looked at."""

    id: UUID
    centre_id: UUID
    kinds: list[str]
    seed: str
    share: float
    population: int
    drawn: int
    seen: int
    matching: int
    accuracy: float | None = Field(description="Percent of what was seen; null: nothing yet.")
    drawn_at: datetime
    drawn_by: UUID


class SpotItemOnDevice(_Read):
    """A piece of plant to compare with the record."""

    id: UUID
    version: int
    check_id: UUID
    feature_id: UUID
    record: dict[str, Any] = Field(description="How the record stood when it was drawn.")
    result: str | None = Field(examples=["differs"])
    found: str | None
    seen_at: datetime | None


class SpotItemRead(SpotItemOnDevice):
    centre_id: UUID
    technician_id: UUID | None
    person_id: UUID | None
    captured_at: datetime | None


class FreshnessRead(_Read):
    """When a piece of plant was last seen by a person, and what did not agree."""

    id: UUID
    centre_id: UUID
    kind: str
    name: str
    last_seen_at: datetime | None = Field(description="Null: never since it is in the record.")
    mismatches: int = Field(description="Spot checks that found something else or nothing.")
    open_findings: int


class FreshnessSummary(BaseModel):
    """How well the record follows the plant of the scope (RE-06), with its counts."""

    features: int
    fresh: int = Field(description="Seen by a person within plant_fresh_for.")
    fresh_percent: float | None
    checked: int = Field(description="Pieces of plant that spot checks have looked at.")
    matching: int
    accuracy_percent: float | None
    services: int = Field(description="In use.")
    with_way: int = Field(description="Of these, with an access path in the record.")
    completeness_percent: float | None
