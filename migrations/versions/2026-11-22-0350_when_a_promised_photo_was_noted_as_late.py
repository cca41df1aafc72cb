"""When a promised photo was noted as late.

Revision: 0024_overdue
After: 0023_no_former_boot
"""

import sqlalchemy as sa
from alembic import op

revision = "0024_overdue"
down_revision = "0023_no_former_boot"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("files_link", sa.Column("overdue_since", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("files_link", "overdue_since")
