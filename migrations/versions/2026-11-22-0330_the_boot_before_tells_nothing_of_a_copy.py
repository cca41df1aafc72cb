"""The boot before tells nothing of a copy, and is kept no more (it was in no release).

Revision: 0023_no_former_boot
After: 0022_differed
"""

import sqlalchemy as sa
from alembic import op

revision = "0023_no_former_boot"
down_revision = "0022_differed"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("sync_device", "former_mono_ms")
    op.drop_column("sync_device", "former_boot_id")


def downgrade() -> None:
    op.add_column("sync_device", sa.Column("former_boot_id", sa.Text()))
    op.add_column("sync_device", sa.Column("former_mono_ms", sa.BigInteger()))
