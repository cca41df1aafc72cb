"""Erase people, and remember which phones have not yet erased their copies.

Revision: 0019_erasures
After: 0018_replicache
"""

import sqlalchemy as sa
from alembic import op

revision = "0019_erasures"
down_revision = "0018_replicache"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sync_device", sa.Column("erasures_due", sa.Integer(), nullable=True))
    op.create_table(
        "kernel_erasure",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("region_id", "id", name="pk_kernel_erasure"),
        sa.UniqueConstraint("region_id", "subject_id", name="uq_kernel_erasure_subject_id"),
    )
    op.create_table(
        "kernel_erased_row",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("erasure_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("region_id", "row_id", "type", name="pk_kernel_erased_row"),
        sa.ForeignKeyConstraint(
            ["region_id", "erasure_id"],
            ["kernel_erasure.region_id", "kernel_erasure.id"],
            name="fk_kernel_erased_row_erasure_id",
        ),
    )
    op.create_index(
        "ix_kernel_erased_row_erasure_id", "kernel_erased_row", ["region_id", "erasure_id"]
    )
    op.create_table(
        "sync_erasure_notice",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("erasure_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("region_id", "id", name="pk_sync_erasure_notice"),
        sa.ForeignKeyConstraint(
            ["region_id", "erasure_id"],
            ["kernel_erasure.region_id", "kernel_erasure.id"],
            name="fk_sync_erasure_notice_erasure_id",
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "device_id"],
            ["sync_device.region_id", "sync_device.id"],
            name="fk_sync_erasure_notice_device_id",
        ),
        sa.UniqueConstraint(
            "region_id",
            "erasure_id",
            "device_id",
            name="uq_sync_erasure_notice_erasure_id_device_id",
        ),
    )
    op.create_index(
        "ix_sync_erasure_notice_device_id", "sync_erasure_notice", ["region_id", "device_id"]
    )


def downgrade() -> None:
    op.drop_table("sync_erasure_notice")
    op.drop_table("kernel_erased_row")
    op.drop_table("kernel_erasure")
    op.drop_column("sync_device", "erasures_due")
