"""Whose grants cover a unit, and from how far above (ORG-01, ORG-02)."""

from collections.abc import Collection

from sqlalchemy import CTE, Select, literal, or_, select

from fieldops.kernel.permissions import Role
from fieldops.organisation.models import Person, RoleGrant, Unit


def _upwards(region_id: int) -> CTE:
    """Return the units of a region and those above, each with every unit above it, by distance."""
    own = select(Unit.id.label("unit_id"), Unit.id.label("at_id"), literal(0).label("steps")).where(
        or_(Unit.region_number == region_id, Unit.region_number.is_(None)), Unit.kind != "firm"
    )
    walk = own.cte("upwards", recursive=True)
    above = select(walk.c.unit_id, Unit.parent_id, walk.c.steps + 1).join(
        Unit, Unit.id == walk.c.at_id
    )
    return walk.union_all(above.where(Unit.parent_id.is_not(None)))


def covering(region_id: int, roles: Collection[Role]) -> Select[tuple[object, ...]]:
    """Return the statement for the people whose grants of some roles cover units, by unit.

    By `unit_id`, `person_id`, `role` and `steps`: 0 for a grant at the unit itself, 1 for the one
    above it. Only people, no machines, whose account is open.
    """
    walk = _upwards(region_id)
    return (
        select(walk.c.unit_id, RoleGrant.person_id, RoleGrant.role, walk.c.steps)
        .join(RoleGrant, RoleGrant.unit_id == walk.c.at_id)
        .join(Person, Person.id == RoleGrant.person_id)
        .where(
            Person.active,
            Person.kind == "person",
            RoleGrant.role.in_(sorted(role.value for role in roles)),
        )
    )
