"""Reports find work by when it was done; orders are found by their visits.

Revision: 0070_work_done
After: 0069_opened
"""

import sqlalchemy as sa
from alembic import op

revision = "0070_work_done"
down_revision = "0069_opened"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_orders_work_order_done",
        "orders_work_order",
        ["region_id", "state_since"],
        postgresql_where=sa.text("state in ('completed', 'closed')"),
    )
    op.drop_index("ix_orders_order_closed", table_name="orders_order")


def downgrade() -> None:
    op.create_index(
        "ix_orders_order_closed",
        "orders_order",
        ["region_id", "closed_at"],
        postgresql_where=sa.text("closed_at is not null"),
    )
    op.drop_index("ix_orders_work_order_done", table_name="orders_work_order")
