"""Who sees what was noticed: technicians about their own work, supervisors, a firm about its own.

What is said about somebody's work is nobody else's business: dispatchers, agents and colleagues
do not see it.
"""

from sqlalchemy import ColumnElement, select

from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown
from fieldops.organisation.models import Technician
from fieldops.quality.models import EvidenceFlag, EvidenceLook, PhotoPrint


def visible_flags(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the flags in a scope."""
    of_firm = select(Technician.id).where(
        Technician.region_id == scope.region_id, Technician.firm_id == scope.firm_id
    )
    return scope.predicate(
        EvidenceFlag,
        own=EvidenceFlag.technician_id == scope.technician_id,
        firm=EvidenceFlag.technician_id.in_(of_firm),
    )


def visible_looks(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the looks at the visits of a scope's centres."""
    return scope.predicate(EvidenceLook)


def visible_prints(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the prints: the whole region's supervisors only."""
    return PhotoPrint.region_id == (scope.region_id if scope.whole_region else -1)


shown(EvidenceFlag, Permission.QUALITY_READ, visible_flags)
shown(EvidenceLook, Permission.QUALITY_READ, visible_looks)
shown(PhotoPrint, Permission.QUALITY_DECIDE, visible_prints)
