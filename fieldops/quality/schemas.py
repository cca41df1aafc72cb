"""Read shapes of quality."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from fieldops.quality.rules import Check, FlagState


class EvidenceFlagRead(BaseModel):
    """A question about the evidence of a visit (QA-05)."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    visit_id: UUID
    centre_id: UUID
    technician_id: UUID | None = Field(description="Whose evidence it is, and who may answer.")
    kind: Check
    subject_type: str = Field(examples=["file_link"])
    subject_id: UUID = Field(description="The photo's link, test, arrival, technician or visit.")
    reason: dict[str, str] = Field(description="Why it was raised, a sentence per language.")
    found: dict[str, Any] = Field(description="The values that were found.")
    thresholds: dict[str, Any] = Field(description="The region's numbers they were held against.")
    state: FlagState
    found_at: datetime
    answer_until: datetime = Field(description="Before it, without an answer, it cannot hold.")
    answer: str | None
    answered_at: datetime | None
    decided_by: UUID | None
    decided_at: datetime | None
    decision_reason: str | None


class CheckRate(BaseModel):
    """How one check did: what it raised, and how much of what was decided was a false alarm."""

    kind: Check
    raised: int
    undecided: int
    holds: int
    false_alarms: int
    false_alarm_share: float | None = Field(description="Of the decided, 0 to 1; null: none yet.")


class CheckRates(BaseModel):
    """How the machine's checks did in a time, by when a flag was raised."""

    visits_looked_at: int | None = Field(description="Null for who does not see all of a centre's.")
    checks: list[CheckRate]
