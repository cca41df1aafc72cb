"""A log of changes, and how far each phone knows it.

Revision: 0025_log
After: 0024_overdue
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025_log"
down_revision = "0024_overdue"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kernel_change_log",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changes", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("region_id", "centre_id", "n", name=op.f("pk_kernel_change_log")),
    )
    op.add_column("sync_device", sa.Column("view_counters", postgresql.ARRAY(sa.BigInteger())))
    op.add_column("sync_device", sa.Column("view_ground", sa.Text()))


def downgrade() -> None:
    op.drop_column("sync_device", "view_ground")
    op.drop_column("sync_device", "view_counters")
    op.drop_table("kernel_change_log")
