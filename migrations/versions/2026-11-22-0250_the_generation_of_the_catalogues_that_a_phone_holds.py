"""The generation of the catalogues that a phone holds.

Revision: 0021_catalogue
After: 0020_desk
"""

import sqlalchemy as sa
from alembic import op

revision = "0021_catalogue"
down_revision = "0020_desk"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sync_device", sa.Column("view_catalogue", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("sync_device", "view_catalogue")
