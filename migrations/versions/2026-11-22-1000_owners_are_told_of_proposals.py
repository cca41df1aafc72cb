"""An activation says when its owner was told of the proposal, and when again.

Revision: 0041_owner_told
After: 0040_exchanged
"""

import sqlalchemy as sa
from alembic import op

revision = "0041_owner_told"
down_revision = "0040_exchanged"
branch_labels = None
depends_on = None

_TABLE = "emergencies_activation"
_COLUMNS = ("owner_told_at", "owner_reminded_at")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column(_TABLE, sa.Column(name, sa.DateTime(timezone=True)))


def downgrade() -> None:
    for name in _COLUMNS:
        op.drop_column(_TABLE, name)
