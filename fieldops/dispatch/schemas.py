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


class SentenceRead(BaseModel):
    """A reason in words: its code, and the sentence by language (en, zh_CN)."""

    code: str
    text: dict[str, str]


class CandidateRead(BaseModel):
    """A technician for a visit: whether they can, why, and why not.

    `whole`: can do all of it alone; `covers` are the skills of it they hold. `score` is minutes:
    less is better. `arrives_at` is the earliest, `extra_way_minutes` what the day's ways grow by.
    """

    technician_id: UUID
    name: str
    firm_id: UUID | None
    can: bool
    whole: bool
    covers: list[str]
    score: float
    arrives_at: datetime | None
    extra_way_minutes: int
    day_minutes: int
    present: bool
    reasons: list[SentenceRead]
    hindrances: list[SentenceRead]


class RankingRead(BaseModel):
    """Who can do a visit in a window, best first; then who cannot, and why not."""

    visit_id: UUID
    window_start: datetime
    window_end: datetime
    skills: list[str]
    candidates: list[CandidateRead]
