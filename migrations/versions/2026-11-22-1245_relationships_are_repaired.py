"""Relationships are repaired.

Revision: 0054_repair_tasks
After: 0053_tools
"""

import sqlalchemy as sa
from alembic import op

revision = "0054_repair_tasks"
down_revision = "0053_tools"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retention_repair_task",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.Column("sign", sa.Text(), nullable=False),
        sa.Column("sign_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("customer_said", sa.Text(), nullable=True),
        sa.Column("settled", sa.Boolean(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "colour in ('red', 'yellow')", name=op.f("ck_retention_repair_task_colour_known")
        ),
        sa.CheckConstraint(
            "sign in ('dissatisfied', 'justified_complaint', 'missed_appointment', 'repeated_fault', 'second_reschedule')",
            name=op.f("ck_retention_repair_task_sign_known"),
        ),
        sa.CheckConstraint(
            "(closed_at is null) = (customer_said is null) and (closed_at is null) = (settled is null)",
            name=op.f("ck_retention_repair_task_closed_with_say"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_retention_repair_task_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "customer_id"],
            ["customers_customer.region_id", "customers_customer.id"],
            name=op.f("fk_retention_repair_task_customer_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_retention_repair_task")),
    )
    op.create_index(
        op.f("ix_retention_repair_task_centre_id"),
        "retention_repair_task",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_retention_repair_task_customer_id"),
        "retention_repair_task",
        ["region_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_retention_repair_task_due",
        "retention_repair_task",
        ["region_id", "centre_id", "due_at"],
        unique=False,
    )
    op.create_index(
        "uq_retention_repair_task_open",
        "retention_repair_task",
        ["region_id", "customer_id"],
        unique=True,
        postgresql_where="closed_at is null",
    )


def downgrade() -> None:
    op.drop_index(
        "uq_retention_repair_task_open",
        table_name="retention_repair_task",
        postgresql_where="closed_at is null",
    )
    op.drop_index("ix_retention_repair_task_due", table_name="retention_repair_task")
    op.drop_index(op.f("ix_retention_repair_task_customer_id"), table_name="retention_repair_task")
    op.drop_index(op.f("ix_retention_repair_task_centre_id"), table_name="retention_repair_task")
    op.drop_table("retention_repair_task")
