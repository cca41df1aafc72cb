"""How far each client of a Replicache group came.

Revision: 0018_replicache
After: 0017_files
"""

import sqlalchemy as sa
from alembic import op

revision = "0018_replicache"
down_revision = "0017_files"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sync_replicache_client",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["region_id", "device_id"],
            ["sync_device.region_id", "sync_device.id"],
            name="fk_sync_replicache_client_device_id",
        ),
        sa.PrimaryKeyConstraint(
            "region_id", "device_id", "client_id", name="pk_sync_replicache_client"
        ),
    )


def downgrade() -> None:
    op.drop_table("sync_replicache_client")
