"""What changed about customers and what they were promised, for the modules above."""

from dataclasses import dataclass
from uuid import UUID

from fieldops.kernel.events import Event


@dataclass(frozen=True, slots=True)
class TierChanged(Event):
    """A customer has another tier, and with it other time limits (CU-01, CU-02)."""

    customer_id: UUID


@dataclass(frozen=True, slots=True)
class StandardChanged(Event):
    """A region's own service standard changed; open work may have another limit (CU-02)."""

    task: str
