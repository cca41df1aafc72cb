"""What is read of plans, days, locks and disturbances."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int


class LockRead(_Read):
    """A visit that stays as it is, and why."""

    visit_id: UUID
    centre_id: UUID
    reason: str
    locked_by: UUID
    locked_at: datetime
    unlocked_by: UUID | None
    unlocked_at: datetime | None
