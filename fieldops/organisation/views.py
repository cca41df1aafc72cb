"""Device views of the organisation: the tools in a technician's custody (ORG-05)."""

from typing import Any

from sqlalchemy import Select, or_

from fieldops.kernel.views import BACKGROUND, DeviceScope, document, view
from fieldops.organisation.models import Tool
from fieldops.organisation.schemas import ToolOnDevice

_FIELDS = tuple(name for name in ToolOnDevice.model_fields if name not in {"id", "version"})


@view("tool", rank=5, schema=ToolOnDevice)
def tools(scope: DeviceScope) -> Select[Any]:
    """Return the tools a technician has, and those offered to them."""
    mine = or_(Tool.holder_id == scope.person_id, Tool.offered_to_id == scope.person_id)
    return (
        document(Tool, {name: getattr(Tool, name) for name in _FIELDS}, tier=BACKGROUND)
        .select_from(Tool)
        .where(Tool.region_id == scope.region_id, Tool.active, mine)
    )
