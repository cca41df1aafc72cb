"""What happened to emergency plans, for the modules above."""

from dataclasses import dataclass
from uuid import UUID

from fieldops.kernel.events import Event


@dataclass(frozen=True, slots=True)
class EmergencyEvent(Event):
    """Something about a plan's activation; without a centre it concerns the whole region."""

    activation_id: UUID
    plan_id: UUID
    centre_id: UUID | None


@dataclass(frozen=True, slots=True)
class EmergencyBegan(EmergencyEvent):
    """A plan is in force: offers, priorities and helpers follow it from now on."""


@dataclass(frozen=True, slots=True)
class EmergencyChanged(EmergencyEvent):
    """A plan that is in force was changed."""


@dataclass(frozen=True, slots=True)
class EmergencyEnded(EmergencyEvent):
    """A plan is no longer in force: what it changed is as before."""
