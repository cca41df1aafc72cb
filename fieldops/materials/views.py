"""Device views of materials: the catalogue with its limits, the own stock, uses of own visits."""

from typing import Any

from sqlalchemy import Select

from fieldops.kernel.views import BACKGROUND, LATER, DeviceScope, document, view
from fieldops.materials.models import Material, MaterialMovement, MaterialStock
from fieldops.materials.schemas import MaterialRead, MovementOnDevice, StockOnDevice
from fieldops.visits.views.work import fields, of_own_visits


@view("material", rank=5, schema=MaterialRead)
def materials(scope: DeviceScope) -> Select[Any]:
    """Return the region's catalogue of materials, with the limits of their use (SY-01)."""
    return (
        document(Material, fields(Material, MaterialRead), tier=LATER)
        .select_from(Material)
        .where(Material.region_id == scope.region_id)
    )


@view("material_stock", rank=10, schema=StockOnDevice)
def stocks(scope: DeviceScope) -> Select[Any]:
    """Return what the technician should have."""
    mine = MaterialStock.technician_id == scope.person_id
    return (
        document(MaterialStock, fields(MaterialStock, StockOnDevice), tier=BACKGROUND)
        .select_from(MaterialStock)
        .where(MaterialStock.region_id == scope.region_id, mine)
    )


@view("material_movement", rank=30, schema=MovementOnDevice)
def movements(scope: DeviceScope) -> Select[Any]:
    """Return what was used on own visits, the other technicians' uses too."""
    return of_own_visits(MaterialMovement, MovementOnDevice, scope)
