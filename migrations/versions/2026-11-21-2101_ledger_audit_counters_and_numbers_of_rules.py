"""Ledger, audit, counters and numbers of rules.

Revision: 0002_kernel
After: 0001_extensions_queue
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002_kernel"
down_revision = "0001_extensions_queue"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kernel_audit",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("entity_version", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("command_id", sa.Uuid(), nullable=True),
        sa.Column("command", sa.Text(), nullable=True),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_kernel_audit")),
    )
    op.create_index("ix_kernel_audit_at", "kernel_audit", ["region_id", "at"], unique=False)
    op.create_index(
        "ix_kernel_audit_entity",
        "kernel_audit",
        ["region_id", "entity", "entity_id", "entity_version"],
        unique=False,
    )
    op.create_table(
        "kernel_change_counter",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("region_id", "centre_id", name=op.f("pk_kernel_change_counter")),
    )
    op.create_table(
        "kernel_ledger",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("v", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("estimated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_kernel_ledger")),
        sa.UniqueConstraint(
            "region_id", "device_id", "seq", name=op.f("uq_kernel_ledger_device_id_seq")
        ),
    )
    op.create_index(
        "ix_kernel_ledger_received", "kernel_ledger", ["region_id", "received_at"], unique=False
    )
    op.create_table(
        "kernel_rule_number",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_kernel_rule_number")),
        sa.UniqueConstraint("region_id", "name", name=op.f("uq_kernel_rule_number_name")),
    )


def downgrade() -> None:
    op.drop_table("kernel_rule_number")
    op.drop_index("ix_kernel_ledger_received", table_name="kernel_ledger")
    op.drop_table("kernel_ledger")
    op.drop_table("kernel_change_counter")
    op.drop_index("ix_kernel_audit_entity", table_name="kernel_audit")
    op.drop_index("ix_kernel_audit_at", table_name="kernel_audit")
    op.drop_table("kernel_audit")
