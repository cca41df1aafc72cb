"""When a phone last held other rows than it should.

Revision: 0022_differed
After: 0021_catalogue
"""

import sqlalchemy as sa
from alembic import op

revision = "0022_differed"
down_revision = "0021_catalogue"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sync_device", sa.Column("differed_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("sync_device", "differed_at")
