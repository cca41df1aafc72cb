"""Health records and their readings.

Revision: 0012_health
After: 0011_measurements
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012_health"
down_revision = "0011_measurements"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "health_record",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("premises_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("baseline_reading_id", sa.Uuid(), nullable=True),
        sa.Column("baseline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("baseline_down_mbps", sa.Double(), nullable=True),
        sa.Column("baseline_up_mbps", sa.Double(), nullable=True),
        sa.Column("baseline_latency_ms", sa.Double(), nullable=True),
        sa.Column("baseline_attenuation_db", sa.Double(), nullable=True),
        sa.Column("baseline_optical_power_dbm", sa.Double(), nullable=True),
        sa.Column("cabling_route", sa.Text(), nullable=True),
        sa.Column("cabling_material", sa.Text(), nullable=True),
        sa.Column("cabling_joints", sa.Integer(), nullable=True),
        sa.Column("splitter_position", sa.Text(), nullable=True),
        sa.Column("terminal_model", sa.Text(), nullable=True),
        sa.Column("terminal_serial", sa.Text(), nullable=True),
        sa.Column("wireless_notes", sa.Text(), nullable=True),
        sa.Column("last_reading_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("flags", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("likely_place", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "cabling_material in ('cat3', 'cat5e', 'cat6', 'coax', 'fibre', 'flat', 'other')",
            name=op.f("ck_health_record_material_known"),
        ),
        sa.CheckConstraint(
            "(baseline_reading_id is null) = (baseline_at is null)",
            name=op.f("ck_health_record_baseline_whole"),
        ),
        sa.CheckConstraint(
            "cabling_joints between 0 and 100", name=op.f("ck_health_record_joints_counted")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_health_record_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "premises_id"],
            ["customers_premises.region_id", "customers_premises.id"],
            name=op.f("fk_health_record_premises_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "service_id"],
            ["network_service.region_id", "network_service.id"],
            name=op.f("fk_health_record_service_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_health_record")),
        sa.UniqueConstraint(
            "region_id",
            "service_id",
            "premises_id",
            name=op.f("uq_health_record_service_id_premises_id"),
        ),
    )
    op.create_index(
        op.f("ix_health_record_centre_id"),
        "health_record",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_health_record_premises_id"),
        "health_record",
        ["region_id", "premises_id"],
        unique=False,
    )
    op.create_table(
        "health_reading",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=True),
        sa.Column("is_baseline", sa.Boolean(), nullable=False),
        sa.Column("down_mbps", sa.Double(), nullable=False),
        sa.Column("up_mbps", sa.Double(), nullable=False),
        sa.Column("latency_ms", sa.Double(), nullable=True),
        sa.Column("attenuation_db", sa.Double(), nullable=True),
        sa.Column("optical_power_dbm", sa.Double(), nullable=True),
        sa.Column("photos", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("flags", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("likely_place", sa.Text(), nullable=True),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("estimated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_other_technician", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "down_mbps >= 0 and up_mbps >= 0", name=op.f("ck_health_reading_rates_positive")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_health_reading_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "record_id"],
            ["health_record.region_id", "health_record.id"],
            name=op.f("fk_health_reading_record_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "service_id"],
            ["network_service.region_id", "network_service.id"],
            name=op.f("fk_health_reading_service_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_health_reading_technician_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_health_reading_visit_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_health_reading")),
    )
    op.create_index(
        op.f("ix_health_reading_centre_id"),
        "health_reading",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_health_reading_record",
        "health_reading",
        ["region_id", "record_id", "estimated_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_health_reading_service_id"),
        "health_reading",
        ["region_id", "service_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_health_reading_technician_id"),
        "health_reading",
        ["region_id", "technician_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_health_reading_visit_id"),
        "health_reading",
        ["region_id", "visit_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_health_reading_visit_id"), table_name="health_reading")
    op.drop_index(op.f("ix_health_reading_technician_id"), table_name="health_reading")
    op.drop_index(op.f("ix_health_reading_service_id"), table_name="health_reading")
    op.drop_index("ix_health_reading_record", table_name="health_reading")
    op.drop_index(op.f("ix_health_reading_centre_id"), table_name="health_reading")
    op.drop_table("health_reading")
    op.drop_index(op.f("ix_health_record_premises_id"), table_name="health_record")
    op.drop_index(op.f("ix_health_record_centre_id"), table_name="health_record")
    op.drop_table("health_record")
