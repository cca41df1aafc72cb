"""Tables of materials: the catalogue, the movements, the stocks."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.kernel.base import Regional, catalogue_link, link, one_of
from fieldops.kernel.commands import refuse_on
from fieldops.materials import rules
from fieldops.materials.errors import MaterialKnown


class Material(Regional):
    """A kind of material of a region; `limits` says how many a visit may use (CH-03).

    Each limit is {work_kind, tier, most}; null stands for any kind of work or tier.
    """

    __tablename__ = "materials_material"
    resource = "material"

    code: Mapped[str]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    use: Mapped[str]
    unit: Mapped[str]
    limits: Mapped[list[Any]] = mapped_column(JSONB, default=list)
    active: Mapped[bool] = mapped_column(default=True)

    __table_args__ = (
        UniqueConstraint("region_id", "code"),
        CheckConstraint(one_of("use", rules.Use), name="use_known"),
        CheckConstraint(one_of("unit", rules.MeasuredIn), name="unit_known"),
    )


class MaterialStock(Regional):
    """What a technician should have of a material, by all movements since the last count.

    A negative balance is a flag: something was used that nobody issued, or was recorded twice.
    """

    __tablename__ = "materials_stock"
    resource = "material_stock"

    technician_id: Mapped[UUID] = link("organisation_technician")
    material_id: Mapped[UUID] = link("materials_material")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    balance: Mapped[float]
    counted_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("region_id", "technician_id", "material_id"),)


class MaterialMovement(Regional):
    """One change of a technician's stock, only ever added (SY-02).

    `quantity` is in the material's unit; of a count it is what was there, and `expected` what
    should have been, by what was known then. `centre_id` is the visit's, else the technician's.
    `allowed` is the limit that a use went beyond; `accepted` what a supervisor decided of it. A
    gift has the customer's signature, or why there is none.
    """

    __tablename__ = "materials_movement"
    resource = "material_movement"
    prose = frozenset({"note", "signature_refused_reason", "decision_reason"})
    belongs_to = "visit_id"

    technician_id: Mapped[UUID] = link("organisation_technician", index=False)
    material_id: Mapped[UUID] = link("materials_material")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    visit_id: Mapped[UUID | None] = link("visits_visit", nullable=True)
    kind: Mapped[str]
    quantity: Mapped[float]
    expected: Mapped[float | None]
    corrects_id: Mapped[UUID | None] = link("materials_movement", nullable=True)
    note: Mapped[str | None]
    person_id: Mapped[UUID]
    captured_at: Mapped[datetime | None]
    estimated_at: Mapped[datetime]
    by_other_technician: Mapped[bool] = mapped_column(default=False)
    allowed: Mapped[float | None]
    accepted: Mapped[bool | None]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]
    signature_sha256: Mapped[str | None]
    signature_refused_reason: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(one_of("kind", rules.Movement), name="kind_known"),
        CheckConstraint("kind <> 'use' or visit_id is not null", name="used_on_a_visit"),
        CheckConstraint("kind = 'correction' or quantity >= 0", name="quantity_counts"),
        CheckConstraint("allowed is null or kind = 'use'", name="limits_uses"),
        CheckConstraint(
            "(accepted is null) = (decided_by is null) and "
            "(accepted is null) = (decided_at is null) and "
            "(accepted is null or allowed is not null)",
            name="decision_whole",
        ),
        CheckConstraint(
            "signature_sha256 is null or signature_refused_reason is null",
            name="signed_or_refused",
        ),
        Index(
            "ix_materials_movement_stock",
            "region_id",
            "technician_id",
            "material_id",
            "estimated_at",
        ),
        Index(
            "ix_materials_movement_undecided",
            "region_id",
            "centre_id",
            postgresql_where="allowed is not null and accepted is null",
        ),
    )


refuse_on("uq_materials_material_code", MaterialKnown)
