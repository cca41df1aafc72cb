"""Device view of upkeep: the plant whose record a technician is to compare (RE-06)."""

from typing import Any

from sqlalchemy import Select

from fieldops.kernel.views import BACKGROUND, DeviceScope, document, view
from fieldops.upkeep.models import SpotCheckItem
from fieldops.upkeep.schemas import SpotItemOnDevice
from fieldops.visits.views.work import fields


@view("spot_check_item", rank=5, schema=SpotItemOnDevice)
def items(scope: DeviceScope) -> Select[Any]:
    """Return the drawn plant given to a technician, those looked at too."""
    return (
        document(SpotCheckItem, fields(SpotCheckItem, SpotItemOnDevice), tier=BACKGROUND)
        .select_from(SpotCheckItem)
        .where(
            SpotCheckItem.region_id == scope.region_id,
            SpotCheckItem.technician_id == scope.person_id,
        )
    )
