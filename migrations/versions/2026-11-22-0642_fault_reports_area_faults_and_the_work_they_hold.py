"""Fault reports, area faults and the work they hold.

Revision: 0032_faults
After: 0031_calendars
"""

import sqlalchemy as sa
from alembic import op

revision = "0032_faults"
down_revision = "0031_calendars"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "faults_area_fault",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("feature_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("expected_repair_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cable_work_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state in ('dismissed', 'over')) = (ended_at is not null)",
            name=op.f("ck_faults_area_fault_end_known"),
        ),
        sa.CheckConstraint(
            "state <> 'confirmed' or (cause is not null and expected_repair_at is not null)",
            name=op.f("ck_faults_area_fault_hotline_told"),
        ),
        sa.CheckConstraint(
            "state in ('proposed', 'confirmed', 'dismissed', 'over')",
            name=op.f("ck_faults_area_fault_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_faults_area_fault_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "cable_work_id"],
            ["orders_work_order.region_id", "orders_work_order.id"],
            name=op.f("fk_faults_area_fault_cable_work_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "feature_id"],
            ["network_feature.region_id", "network_feature.id"],
            name=op.f("fk_faults_area_fault_feature_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_faults_area_fault")),
    )
    op.create_index(
        op.f("ix_faults_area_fault_cable_work_id"),
        "faults_area_fault",
        ["region_id", "cable_work_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_faults_area_fault_centre_id"),
        "faults_area_fault",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_faults_area_fault_feature_id"),
        "faults_area_fault",
        ["region_id", "feature_id"],
        unique=False,
    )
    op.create_index(
        "ix_faults_area_fault_state",
        "faults_area_fault",
        ["region_id", "state", "centre_id"],
        unique=False,
    )
    op.create_index(
        "uq_faults_area_fault_open",
        "faults_area_fault",
        ["region_id", "feature_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('proposed', 'confirmed')"),
    )
    op.create_table(
        "faults_held_work",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("area_fault_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("work_order_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("new_visit_id", sa.Uuid(), nullable=True),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("window_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("back_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_faults_held_work_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "area_fault_id"],
            ["faults_area_fault.region_id", "faults_area_fault.id"],
            name=op.f("fk_faults_held_work_area_fault_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "customer_id"],
            ["customers_customer.region_id", "customers_customer.id"],
            name=op.f("fk_faults_held_work_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "new_visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_faults_held_work_new_visit_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "order_id"],
            ["orders_order.region_id", "orders_order.id"],
            name=op.f("fk_faults_held_work_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_faults_held_work_visit_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "work_order_id"],
            ["orders_work_order.region_id", "orders_work_order.id"],
            name=op.f("fk_faults_held_work_work_order_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_faults_held_work")),
    )
    op.create_index(
        op.f("ix_faults_held_work_area_fault_id"),
        "faults_held_work",
        ["region_id", "area_fault_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_faults_held_work_centre_id"),
        "faults_held_work",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_faults_held_work_customer_id"),
        "faults_held_work",
        ["region_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_faults_held_work_new_visit_id"),
        "faults_held_work",
        ["region_id", "new_visit_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_faults_held_work_order_id"),
        "faults_held_work",
        ["region_id", "order_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_faults_held_work_visit_id"),
        "faults_held_work",
        ["region_id", "visit_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_faults_held_work_work_order_id"),
        "faults_held_work",
        ["region_id", "work_order_id"],
        unique=False,
    )
    op.create_index(
        "uq_faults_held_work_open",
        "faults_held_work",
        ["region_id", "work_order_id"],
        unique=True,
        postgresql_where=sa.text("back_at IS NULL"),
    )
    op.create_table(
        "faults_report",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("premises_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("feature_id", sa.Uuid(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("area_fault_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("symptom", sa.Text(), nullable=True),
        sa.Column("reporter_id", sa.Uuid(), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("service_works", sa.Boolean(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_note", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "channel in ('phone', 'web', 'machine', 'monitoring', 'order', 'technician')",
            name=op.f("ck_faults_report_channel_known"),
        ),
        sa.CheckConstraint(
            "(service_works is null) = (settled_at is null)",
            name=op.f("ck_faults_report_settled_with_answer"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_faults_report_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "area_fault_id"],
            ["faults_area_fault.region_id", "faults_area_fault.id"],
            name=op.f("fk_faults_report_area_fault_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "customer_id"],
            ["customers_customer.region_id", "customers_customer.id"],
            name=op.f("fk_faults_report_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "feature_id"],
            ["network_feature.region_id", "network_feature.id"],
            name=op.f("fk_faults_report_feature_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "order_id"],
            ["orders_order.region_id", "orders_order.id"],
            name=op.f("fk_faults_report_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "premises_id"],
            ["customers_premises.region_id", "customers_premises.id"],
            name=op.f("fk_faults_report_premises_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "service_id"],
            ["network_service.region_id", "network_service.id"],
            name=op.f("fk_faults_report_service_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_faults_report")),
    )
    op.create_index(
        op.f("ix_faults_report_area_fault_id"),
        "faults_report",
        ["region_id", "area_fault_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_faults_report_centre_id"),
        "faults_report",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_faults_report_customer_id"),
        "faults_report",
        ["region_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_faults_report_feature_id"),
        "faults_report",
        ["region_id", "feature_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_faults_report_order_id"), "faults_report", ["region_id", "order_id"], unique=False
    )
    op.create_index(
        op.f("ix_faults_report_premises_id"),
        "faults_report",
        ["region_id", "premises_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_faults_report_service_id"),
        "faults_report",
        ["region_id", "service_id"],
        unique=False,
    )
    op.create_table(
        "faults_report_place",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("feature_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("of", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_faults_report_place_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "feature_id"],
            ["network_feature.region_id", "network_feature.id"],
            name=op.f("fk_faults_report_place_feature_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "report_id"],
            ["faults_report.region_id", "faults_report.id"],
            name=op.f("fk_faults_report_place_report_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_faults_report_place")),
        sa.UniqueConstraint(
            "region_id",
            "report_id",
            "feature_id",
            name=op.f("uq_faults_report_place_report_id_feature_id"),
        ),
    )
    op.create_index(
        op.f("ix_faults_report_place_centre_id"),
        "faults_report_place",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_faults_report_place_feature",
        "faults_report_place",
        ["region_id", "feature_id", "reported_at"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("faults_report_place")
    op.drop_table("faults_report")
    op.drop_table("faults_held_work")
    op.drop_table("faults_area_fault")
