"""Who acts: a person, a machine or the system itself, with their grants in one region."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from fieldops.kernel.errors import Forbidden
from fieldops.kernel.ids import NIL
from fieldops.kernel.permissions import ROLE_PERMISSIONS, Permission, Role, Scope


class Kind(StrEnum):
    PERSON = "person"
    MACHINE = "machine"
    CUSTOMER = "customer"  # by a signed link
    SYSTEM = "system"  # a job


@dataclass(frozen=True, slots=True)
class Grant:
    """One role, as far as it reaches in the actor's region (ORG-02)."""

    role: Role
    whole_region: bool = False
    centre_ids: frozenset[UUID] = field(default_factory=frozenset)
    firm_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody acting within one region."""

    id: UUID
    region_id: int
    kind: Kind = Kind.PERSON
    grants: tuple[Grant, ...] = ()
    device_id: UUID | None = None

    def allows(self, permission: Permission) -> bool:
        """Return whether any of the actor's roles holds the permission here."""
        if self.kind is Kind.SYSTEM:
            return True
        return any(permission in ROLE_PERMISSIONS[grant.role] for grant in self.grants)

    def scope(self, permission: Permission) -> Scope:
        """Return what the actor may see or touch with this permission.

        Raises Forbidden when no role of the actor holds it.
        """
        if self.kind is Kind.SYSTEM:
            return Scope(self.region_id, whole_region=True)
        holding = [g for g in self.grants if permission in ROLE_PERMISSIONS[g.role]]
        if not holding:
            raise Forbidden(permission=permission.value)
        office = [g for g in holding if g.role not in (Role.TECHNICIAN, Role.CONTRACTOR_MANAGER)]
        firms = [g.firm_id for g in holding if g.role is Role.CONTRACTOR_MANAGER]
        return Scope(
            self.region_id,
            whole_region=any(g.whole_region for g in office),
            centre_ids=frozenset().union(*(g.centre_ids for g in office)),
            technician_id=self.id if any(g.role is Role.TECHNICIAN for g in holding) else None,
            firm_id=firms[0] if firms else None,
        )

    @property
    def is_technician(self) -> bool:
        """Whether the actor holds the technician role."""
        return any(g.role is Role.TECHNICIAN for g in self.grants)

    @property
    def centre_ids(self) -> frozenset[UUID]:
        """The centres that any of the actor's grants names."""
        return frozenset().union(*(g.centre_ids for g in self.grants))


def system(region_id: int) -> Actor:
    """Return the actor that jobs run as."""
    return Actor(NIL, region_id, Kind.SYSTEM)
