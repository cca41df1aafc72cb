"""Line and speed tests.

Revision: 0011_measurements
After: 0010_checklists
"""

import sqlalchemy as sa
from alembic import op

revision = "0011_measurements"
down_revision = "0010_checklists"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "measurements_line_test",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("feature_id", sa.Uuid(), nullable=True),
        sa.Column("technician_id", sa.Uuid(), nullable=True),
        sa.Column("measured_at_place", sa.Text(), nullable=False),
        sa.Column("attenuation_db", sa.Double(), nullable=True),
        sa.Column("noise_margin_db", sa.Double(), nullable=True),
        sa.Column("loop_resistance_ohm", sa.Double(), nullable=True),
        sa.Column("insulation_mohm", sa.Double(), nullable=True),
        sa.Column("capacitance_nf", sa.Double(), nullable=True),
        sa.Column("foreign_voltage_v", sa.Double(), nullable=True),
        sa.Column("optical_power_dbm", sa.Double(), nullable=True),
        sa.Column("instrument_serial", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("estimated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_other_technician", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "measured_at_place in ('exchange', 'cabinet', 'box', 'entry', 'outlet')",
            name=op.f("ck_measurements_line_test_place_known"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(attenuation_db, noise_margin_db, loop_resistance_ohm, insulation_mohm, capacitance_nf, foreign_voltage_v, optical_power_dbm) > 0",
            name=op.f("ck_measurements_line_test_some_value"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"],
            ["organisation_unit.id"],
            name=op.f("fk_measurements_line_test_centre_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "feature_id"],
            ["network_feature.region_id", "network_feature.id"],
            name=op.f("fk_measurements_line_test_feature_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "service_id"],
            ["network_service.region_id", "network_service.id"],
            name=op.f("fk_measurements_line_test_service_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_measurements_line_test_technician_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_measurements_line_test_visit_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_measurements_line_test")),
    )
    op.create_index(
        op.f("ix_measurements_line_test_centre_id"),
        "measurements_line_test",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_measurements_line_test_feature_id"),
        "measurements_line_test",
        ["region_id", "feature_id"],
        unique=False,
    )
    op.create_index(
        "ix_measurements_line_test_service",
        "measurements_line_test",
        ["region_id", "service_id", "estimated_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_measurements_line_test_technician_id"),
        "measurements_line_test",
        ["region_id", "technician_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_measurements_line_test_visit_id"),
        "measurements_line_test",
        ["region_id", "visit_id"],
        unique=False,
    )
    op.create_table(
        "measurements_speed_test",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=True),
        sa.Column("down_mbps", sa.Double(), nullable=False),
        sa.Column("up_mbps", sa.Double(), nullable=False),
        sa.Column("latency_ms", sa.Double(), nullable=True),
        sa.Column("jitter_ms", sa.Double(), nullable=True),
        sa.Column("loss_percent", sa.Double(), nullable=True),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("server", sa.Text(), nullable=True),
        sa.Column("instrument_serial", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("estimated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_other_technician", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "method in ('wired', 'wireless', 'terminal')",
            name=op.f("ck_measurements_speed_test_method_known"),
        ),
        sa.CheckConstraint(
            "down_mbps >= 0 and up_mbps >= 0",
            name=op.f("ck_measurements_speed_test_rates_positive"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"],
            ["organisation_unit.id"],
            name=op.f("fk_measurements_speed_test_centre_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "service_id"],
            ["network_service.region_id", "network_service.id"],
            name=op.f("fk_measurements_speed_test_service_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_measurements_speed_test_technician_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_measurements_speed_test_visit_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_measurements_speed_test")),
    )
    op.create_index(
        op.f("ix_measurements_speed_test_centre_id"),
        "measurements_speed_test",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_measurements_speed_test_service",
        "measurements_speed_test",
        ["region_id", "service_id", "estimated_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_measurements_speed_test_technician_id"),
        "measurements_speed_test",
        ["region_id", "technician_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_measurements_speed_test_visit_id"),
        "measurements_speed_test",
        ["region_id", "visit_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_measurements_speed_test_visit_id"), table_name="measurements_speed_test")
    op.drop_index(
        op.f("ix_measurements_speed_test_technician_id"), table_name="measurements_speed_test"
    )
    op.drop_index("ix_measurements_speed_test_service", table_name="measurements_speed_test")
    op.drop_index(
        op.f("ix_measurements_speed_test_centre_id"), table_name="measurements_speed_test"
    )
    op.drop_table("measurements_speed_test")
    op.drop_index(op.f("ix_measurements_line_test_visit_id"), table_name="measurements_line_test")
    op.drop_index(
        op.f("ix_measurements_line_test_technician_id"), table_name="measurements_line_test"
    )
    op.drop_index("ix_measurements_line_test_service", table_name="measurements_line_test")
    op.drop_index(op.f("ix_measurements_line_test_feature_id"), table_name="measurements_line_test")
    op.drop_index(op.f("ix_measurements_line_test_centre_id"), table_name="measurements_line_test")
    op.drop_table("measurements_line_test")
