"""Who sees which materials; and what a signature for gifts is, for the files below."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement

from fieldops.files import policy as files
from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown
from fieldops.materials.models import Material, MaterialMovement, MaterialStock
from fieldops.organisation.policy import own_rows


def visible_materials(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the catalogue: a region's is for everybody in it."""
    return Material.region_id == scope.region_id


def visible(scope: Scope, model: Any) -> ColumnElement[bool]:
    """Limit stocks or movements: technicians and firms see their own, offices their centres'."""
    return own_rows(model, scope)


def purpose_of(name: str, args: Mapping[str, Any], sha256: str) -> str | None:
    """Return what an attachment is for: the customer's signature for a gift (CU-07)."""
    signs = name in {"material.use", "material.sign_gifts"}
    return "signature" if signs and args.get("signature_sha256") == sha256 else None


files.purpose_of.append(purpose_of)

shown(Material, Permission.MATERIAL_READ, visible_materials)
for _model in (MaterialStock, MaterialMovement):
    shown(_model, Permission.MATERIAL_READ, partial(visible, model=_model))
