"""Devices, what they hold, and the cases of the desk.

Revision: 0014_sync
After: 0013_notifications
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014_sync"
down_revision = "0013_notifications"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sync_device",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column("wiped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("app_version", sa.Text(), nullable=False),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("case_gen", sa.BigInteger(), nullable=False),
        sa.Column("failing_command_id", sa.Uuid(), nullable=True),
        sa.Column("failing_attempts", sa.Integer(), nullable=False),
        sa.Column("queued", sa.Integer(), nullable=False),
        sa.Column("oldest_queued", sa.Text(), nullable=True),
        sa.Column("oldest_queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gen_sent", sa.BigInteger(), nullable=False),
        sa.Column("gen_confirmed", sa.BigInteger(), nullable=False),
        sa.Column("view_key", sa.Text(), nullable=False),
        sa.Column("view_valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("view_centres", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("view_rows", sa.Integer(), nullable=False),
        sa.Column("view_hash", sa.Text(), nullable=False),
        sa.Column("hash_differences", sa.Integer(), nullable=False),
        sa.Column("grants_seen", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("grants_former", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("grants_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clock_boot_id", sa.Text(), nullable=True),
        sa.Column("clock_mono_ms", sa.BigInteger(), nullable=True),
        sa.Column("clock_server_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clock_offset_ms", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state in ('active', 'locked', 'revoked')", name=op.f("ck_sync_device_state_known")
        ),
        sa.CheckConstraint(
            "gen_confirmed <= gen_sent", name=op.f("ck_sync_device_generations_in_order")
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_sync_device")),
    )
    op.create_index(
        "ix_sync_device_person", "sync_device", ["region_id", "person_id"], unique=False
    )
    op.create_table(
        "sync_epoch",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_sync_epoch")),
        sa.UniqueConstraint("region_id", name=op.f("uq_sync_epoch_region_id")),
    )
    op.create_table(
        "sync_case",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("subject_type", sa.Text(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("first_command_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("blocks", sa.Boolean(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("advice", sa.Text(), nullable=False),
        sa.Column("next_steps", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handler_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("outcome", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'open') = (decided_at is null)", name=op.f("ck_sync_case_decided_when_closed")
        ),
        sa.CheckConstraint(
            "state in ('open', 'accepted', 'credited', 'discarded', 'corrected')",
            name=op.f("ck_sync_case_state_known"),
        ),
        sa.CheckConstraint(
            "status in ('held', 'rejected')", name=op.f("ck_sync_case_status_known")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "device_id"],
            ["sync_device.region_id", "sync_device.id"],
            name=op.f("fk_sync_case_device_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_sync_case")),
    )
    op.create_index(
        op.f("ix_sync_case_device_id"), "sync_case", ["region_id", "device_id"], unique=False
    )
    op.create_index("ix_sync_case_state", "sync_case", ["region_id", "state", "id"], unique=False)
    op.create_table(
        "sync_held_row",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=False),
        sa.Column("added_gen", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("removed_gen", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["region_id", "device_id"],
            ["sync_device.region_id", "sync_device.id"],
            name=op.f("fk_sync_held_row_device_id"),
        ),
        sa.PrimaryKeyConstraint(
            "region_id", "device_id", "type", "row_id", "added_gen", name=op.f("pk_sync_held_row")
        ),
    )
    op.create_table(
        "sync_case_entry",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("command_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("v", sa.Integer(), nullable=False),
        sa.Column("command", sa.JSON(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("estimated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confidence", sa.Text(), nullable=True),
        sa.Column("clock_far_off", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["region_id", "case_id"],
            ["sync_case.region_id", "sync_case.id"],
            name=op.f("fk_sync_case_entry_case_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_sync_case_entry")),
    )
    op.create_index(
        op.f("ix_sync_case_entry_case_id"),
        "sync_case_entry",
        ["region_id", "case_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_sync_case_entry_case_id"), table_name="sync_case_entry")
    op.drop_table("sync_case_entry")
    op.drop_table("sync_held_row")
    op.drop_index("ix_sync_case_state", table_name="sync_case")
    op.drop_index(op.f("ix_sync_case_device_id"), table_name="sync_case")
    op.drop_table("sync_case")
    op.drop_table("sync_epoch")
    op.drop_index("ix_sync_device_person", table_name="sync_device")
    op.drop_table("sync_device")
