"""Patrols, inspections and spot checks.

Revision: 0064_upkeep
After: 0063_lessons
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0064_upkeep"
down_revision = "0063_lessons"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "upkeep_patrol_plan",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("every_days", sa.Integer(), nullable=False),
        sa.Column("feature_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("every_days > 0", name=op.f("ck_upkeep_patrol_plan_period_positive")),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_upkeep_patrol_plan_centre_id")
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_upkeep_patrol_plan")),
        sa.UniqueConstraint(
            "region_id", "centre_id", "name", name=op.f("uq_upkeep_patrol_plan_centre_id_name")
        ),
    )
    op.create_index(
        op.f("ix_upkeep_patrol_plan_centre_id"),
        "upkeep_patrol_plan",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_table(
        "upkeep_spot_check",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("kinds", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("population", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("drawn_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_upkeep_spot_check_centre_id")
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_upkeep_spot_check")),
    )
    op.create_index(
        op.f("ix_upkeep_spot_check_centre_id"),
        "upkeep_spot_check",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_table(
        "upkeep_spot_check_item",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("check_id", sa.Uuid(), nullable=False),
        sa.Column("feature_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=True),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("found", sa.Text(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "result in ('matches', 'differs', 'not_there')",
            name=op.f("ck_upkeep_spot_check_item_result_known"),
        ),
        sa.CheckConstraint(
            "(result is null) = (seen_at is null) and (result is null) = (person_id is null)",
            name=op.f("ck_upkeep_spot_check_item_result_whole"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"],
            ["organisation_unit.id"],
            name=op.f("fk_upkeep_spot_check_item_centre_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "check_id"],
            ["upkeep_spot_check.region_id", "upkeep_spot_check.id"],
            name=op.f("fk_upkeep_spot_check_item_check_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "feature_id"],
            ["network_feature.region_id", "network_feature.id"],
            name=op.f("fk_upkeep_spot_check_item_feature_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_upkeep_spot_check_item_technician_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_upkeep_spot_check_item")),
        sa.UniqueConstraint(
            "region_id",
            "check_id",
            "feature_id",
            name=op.f("uq_upkeep_spot_check_item_check_id_feature_id"),
        ),
    )
    op.create_index(
        op.f("ix_upkeep_spot_check_item_centre_id"),
        "upkeep_spot_check_item",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_upkeep_spot_check_item_feature_id"),
        "upkeep_spot_check_item",
        ["region_id", "feature_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_upkeep_spot_check_item_technician_id"),
        "upkeep_spot_check_item",
        ["region_id", "technician_id"],
        unique=False,
    )
    op.create_table(
        "upkeep_round",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column("feature_id", sa.Uuid(), nullable=True),
        sa.Column("feature_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("work_order_id", sa.Uuid(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind = 'patrol') = (plan_id is not null) and "
            "(kind = 'inspection') = (feature_id is not null)",
            name=op.f("ck_upkeep_round_about_one"),
        ),
        sa.CheckConstraint(
            "kind in ('inspection', 'patrol')", name=op.f("ck_upkeep_round_kind_known")
        ),
        sa.CheckConstraint(
            "done_at is null or closed_at is not null", name=op.f("ck_upkeep_round_done_is_closed")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_upkeep_round_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "feature_id"],
            ["network_feature.region_id", "network_feature.id"],
            name=op.f("fk_upkeep_round_feature_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "plan_id"],
            ["upkeep_patrol_plan.region_id", "upkeep_patrol_plan.id"],
            name=op.f("fk_upkeep_round_plan_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_upkeep_round_visit_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "work_order_id"],
            ["orders_work_order.region_id", "orders_work_order.id"],
            name=op.f("fk_upkeep_round_work_order_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_upkeep_round")),
    )
    op.create_index(
        op.f("ix_upkeep_round_centre_id"), "upkeep_round", ["region_id", "centre_id"], unique=False
    )
    op.create_index(
        op.f("ix_upkeep_round_feature_id"),
        "upkeep_round",
        ["region_id", "feature_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_upkeep_round_plan_id"), "upkeep_round", ["region_id", "plan_id"], unique=False
    )
    op.create_index(
        op.f("ix_upkeep_round_visit_id"), "upkeep_round", ["region_id", "visit_id"], unique=False
    )
    op.create_index(
        op.f("ix_upkeep_round_work_order_id"),
        "upkeep_round",
        ["region_id", "work_order_id"],
        unique=False,
    )
    op.create_index(
        "uq_upkeep_round_open_feature",
        "upkeep_round",
        ["region_id", "feature_id"],
        unique=True,
        postgresql_where="closed_at is null and feature_id is not null",
    )
    op.create_index(
        "uq_upkeep_round_open_plan",
        "upkeep_round",
        ["region_id", "plan_id"],
        unique=True,
        postgresql_where="closed_at is null and plan_id is not null",
    )


def downgrade() -> None:
    op.drop_index(
        "uq_upkeep_round_open_plan",
        table_name="upkeep_round",
        postgresql_where="closed_at is null and plan_id is not null",
    )
    op.drop_index(
        "uq_upkeep_round_open_feature",
        table_name="upkeep_round",
        postgresql_where="closed_at is null and feature_id is not null",
    )
    op.drop_index(op.f("ix_upkeep_round_work_order_id"), table_name="upkeep_round")
    op.drop_index(op.f("ix_upkeep_round_visit_id"), table_name="upkeep_round")
    op.drop_index(op.f("ix_upkeep_round_plan_id"), table_name="upkeep_round")
    op.drop_index(op.f("ix_upkeep_round_feature_id"), table_name="upkeep_round")
    op.drop_index(op.f("ix_upkeep_round_centre_id"), table_name="upkeep_round")
    op.drop_table("upkeep_round")
    op.drop_index(
        op.f("ix_upkeep_spot_check_item_technician_id"), table_name="upkeep_spot_check_item"
    )
    op.drop_index(op.f("ix_upkeep_spot_check_item_feature_id"), table_name="upkeep_spot_check_item")
    op.drop_index(op.f("ix_upkeep_spot_check_item_centre_id"), table_name="upkeep_spot_check_item")
    op.drop_table("upkeep_spot_check_item")
    op.drop_index(op.f("ix_upkeep_spot_check_centre_id"), table_name="upkeep_spot_check")
    op.drop_table("upkeep_spot_check")
    op.drop_index(op.f("ix_upkeep_patrol_plan_centre_id"), table_name="upkeep_patrol_plan")
    op.drop_table("upkeep_patrol_plan")
