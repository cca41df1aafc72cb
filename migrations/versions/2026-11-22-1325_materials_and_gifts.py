"""Materials and gifts.

Revision: 0062_materials
After: 0061_visit_reports
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0062_materials"
down_revision = "0061_visit_reports"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "materials_material",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("use", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("limits", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "unit in ('metre', 'piece', 'roll', 'set')",
            name=op.f("ck_materials_material_unit_known"),
        ),
        sa.CheckConstraint("use in ('gift', 'work')", name=op.f("ck_materials_material_use_known")),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_materials_material")),
        sa.UniqueConstraint("region_id", "code", name=op.f("uq_materials_material_code")),
    )
    op.create_table(
        "materials_stock",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("material_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("balance", sa.Double(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_materials_stock_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "material_id"],
            ["materials_material.region_id", "materials_material.id"],
            name=op.f("fk_materials_stock_material_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_materials_stock_technician_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_materials_stock")),
        sa.UniqueConstraint(
            "region_id",
            "technician_id",
            "material_id",
            name=op.f("uq_materials_stock_technician_id_material_id"),
        ),
    )
    op.create_index(
        op.f("ix_materials_stock_centre_id"),
        "materials_stock",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_materials_stock_material_id"),
        "materials_stock",
        ["region_id", "material_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_materials_stock_technician_id"),
        "materials_stock",
        ["region_id", "technician_id"],
        unique=False,
    )
    op.create_table(
        "materials_movement",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("material_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Double(), nullable=False),
        sa.Column("expected", sa.Double(), nullable=True),
        sa.Column("corrects_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("estimated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_other_technician", sa.Boolean(), nullable=False),
        sa.Column("allowed", sa.Double(), nullable=True),
        sa.Column("accepted", sa.Boolean(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("signature_sha256", sa.Text(), nullable=True),
        sa.Column("signature_refused_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "allowed is null or kind = 'use'", name=op.f("ck_materials_movement_limits_uses")
        ),
        sa.CheckConstraint(
            "kind <> 'use' or visit_id is not null",
            name=op.f("ck_materials_movement_used_on_a_visit"),
        ),
        sa.CheckConstraint(
            "kind = 'correction' or quantity >= 0",
            name=op.f("ck_materials_movement_quantity_counts"),
        ),
        sa.CheckConstraint(
            "kind in ('correction', 'count', 'hand_back', 'issue', 'use')",
            name=op.f("ck_materials_movement_kind_known"),
        ),
        sa.CheckConstraint(
            "(accepted is null) = (decided_by is null) and "
            "(accepted is null) = (decided_at is null) and "
            "(accepted is null or allowed is not null)",
            name=op.f("ck_materials_movement_decision_whole"),
        ),
        sa.CheckConstraint(
            "signature_sha256 is null or signature_refused_reason is null",
            name=op.f("ck_materials_movement_signed_or_refused"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_materials_movement_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "corrects_id"],
            ["materials_movement.region_id", "materials_movement.id"],
            name=op.f("fk_materials_movement_corrects_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "material_id"],
            ["materials_material.region_id", "materials_material.id"],
            name=op.f("fk_materials_movement_material_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_materials_movement_technician_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_materials_movement_visit_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_materials_movement")),
    )
    op.create_index(
        op.f("ix_materials_movement_centre_id"),
        "materials_movement",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_materials_movement_corrects_id"),
        "materials_movement",
        ["region_id", "corrects_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_materials_movement_material_id"),
        "materials_movement",
        ["region_id", "material_id"],
        unique=False,
    )
    op.create_index(
        "ix_materials_movement_stock",
        "materials_movement",
        ["region_id", "technician_id", "material_id", "estimated_at"],
        unique=False,
    )
    op.create_index(
        "ix_materials_movement_undecided",
        "materials_movement",
        ["region_id", "centre_id"],
        unique=False,
        postgresql_where="allowed is not null and accepted is null",
    )
    op.create_index(
        op.f("ix_materials_movement_visit_id"),
        "materials_movement",
        ["region_id", "visit_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_materials_movement_visit_id"), table_name="materials_movement")
    op.drop_index(
        "ix_materials_movement_undecided",
        table_name="materials_movement",
        postgresql_where="allowed is not null and accepted is null",
    )
    op.drop_index("ix_materials_movement_stock", table_name="materials_movement")
    op.drop_index(op.f("ix_materials_movement_material_id"), table_name="materials_movement")
    op.drop_index(op.f("ix_materials_movement_corrects_id"), table_name="materials_movement")
    op.drop_index(op.f("ix_materials_movement_centre_id"), table_name="materials_movement")
    op.drop_table("materials_movement")
    op.drop_index(op.f("ix_materials_stock_technician_id"), table_name="materials_stock")
    op.drop_index(op.f("ix_materials_stock_material_id"), table_name="materials_stock")
    op.drop_index(op.f("ix_materials_stock_centre_id"), table_name="materials_stock")
    op.drop_table("materials_stock")
    op.drop_table("materials_material")
