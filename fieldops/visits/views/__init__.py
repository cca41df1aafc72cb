"""What a technician's device holds of own visits, their customers and the plant (SY-01, CU-05)."""

from fieldops.visits.views import notices, plant, work
from fieldops.visits.views.reach import own_visits

__all__ = ["notices", "own_visits", "plant", "work"]
