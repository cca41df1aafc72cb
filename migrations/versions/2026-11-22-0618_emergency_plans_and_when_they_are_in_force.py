"""Emergency plans and when they are in force.

Revision: 0029_emergencies
After: 0028_plans
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0029_emergencies"
down_revision = "0028_plans"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "emergencies_plan",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("open_work_percent", sa.Integer(), nullable=True),
        sa.Column("area_faults", sa.Integer(), nullable=True),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("put_off_kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("put_off_days", sa.Integer(), nullable=False),
        sa.Column("window_minutes", sa.Integer(), nullable=True),
        sa.Column("offer_days", sa.Integer(), nullable=True),
        sa.Column("limit_percent", sa.Integer(), nullable=False),
        sa.Column("raised_kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("raised_classes", sa.Integer(), nullable=False),
        sa.Column("reserve_percent", sa.Integer(), nullable=True),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("text_zh", sa.Text(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('backlog', 'disaster')", name=op.f("ck_emergencies_plan_kind_known")
        ),
        sa.CheckConstraint(
            "limit_percent >= 100", name=op.f("ck_emergencies_plan_limits_stretched")
        ),
        sa.CheckConstraint(
            "not automatic or open_work_percent is not null or area_faults is not null",
            name=op.f("ck_emergencies_plan_automatic_triggered"),
        ),
        sa.CheckConstraint(
            "open_work_percent > 0 and area_faults > 0",
            name=op.f("ck_emergencies_plan_triggers_positive"),
        ),
        sa.CheckConstraint(
            "put_off_days >= 0 and raised_classes >= 0",
            name=op.f("ck_emergencies_plan_changes_forward"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_emergencies_plan_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["organisation_person.id"], name=op.f("fk_emergencies_plan_owner_id")
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_emergencies_plan")),
    )
    op.create_index(
        op.f("ix_emergencies_plan_centre_id"),
        "emergencies_plan",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_emergencies_plan_owner_id"),
        "emergencies_plan",
        ["region_id", "owner_id"],
        unique=False,
    )
    op.create_table(
        "emergencies_activation",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("open_work_percent", sa.Integer(), nullable=True),
        sa.Column("area_faults", sa.Integer(), nullable=True),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("activated_by", sa.Uuid(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state in ('ended', 'dismissed')) = (ended_at is not null and end_reason is not null)",
            name=op.f("ck_emergencies_activation_end_known"),
        ),
        sa.CheckConstraint(
            "state <> 'active' or since is not null",
            name=op.f("ck_emergencies_activation_since_known"),
        ),
        sa.CheckConstraint(
            "state in ('proposed', 'active', 'ended', 'dismissed')",
            name=op.f("ck_emergencies_activation_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"],
            ["organisation_unit.id"],
            name=op.f("fk_emergencies_activation_centre_id"),
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"],
            ["organisation_person.id"],
            name=op.f("fk_emergencies_activation_owner_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "plan_id"],
            ["emergencies_plan.region_id", "emergencies_plan.id"],
            name=op.f("fk_emergencies_activation_plan_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_emergencies_activation")),
    )
    op.create_index(
        op.f("ix_emergencies_activation_centre_id"),
        "emergencies_activation",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_emergencies_activation_owner_id"),
        "emergencies_activation",
        ["region_id", "owner_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_emergencies_activation_plan_id"),
        "emergencies_activation",
        ["region_id", "plan_id"],
        unique=False,
    )
    op.create_index(
        "uq_emergencies_activation_open",
        "emergencies_activation",
        ["region_id", "plan_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('proposed', 'active')"),
    )
    op.create_table(
        "emergencies_reserve",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_emergencies_reserve_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "plan_id"],
            ["emergencies_plan.region_id", "emergencies_plan.id"],
            name=op.f("fk_emergencies_reserve_plan_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_emergencies_reserve_technician_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_emergencies_reserve")),
        sa.UniqueConstraint(
            "region_id",
            "plan_id",
            "technician_id",
            name=op.f("uq_emergencies_reserve_plan_id_technician_id"),
        ),
    )
    op.create_index(
        op.f("ix_emergencies_reserve_centre_id"),
        "emergencies_reserve",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_emergencies_reserve_technician_id"),
        "emergencies_reserve",
        ["region_id", "technician_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("emergencies_reserve")
    op.drop_table("emergencies_activation")
    op.drop_table("emergencies_plan")
