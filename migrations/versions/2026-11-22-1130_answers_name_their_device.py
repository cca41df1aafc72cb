"""An answer names the device it was given on; older ones do not know it.

Revision: 0051_answer_device
After: 0050_targets
"""

import sqlalchemy as sa
from alembic import op

revision = "0051_answer_device"
down_revision = "0050_targets"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checklists_answer", sa.Column("device_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("checklists_answer", "device_id")
