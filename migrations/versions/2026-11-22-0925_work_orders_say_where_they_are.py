"""Work orders say where they are: a move has two premises.

Revision: 0039_where
After: 0038_endangered
"""

import sqlalchemy as sa
from alembic import op

revision = "0039_where"
down_revision = "0038_endangered"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Stays empty for work of the plant, and for what the release before writes meanwhile.
    op.add_column("orders_work_order", sa.Column("premises_id", sa.Uuid()))
    op.execute(
        "update orders_work_order w set premises_id = o.premises_id from orders_order o "
        "where o.region_id = w.region_id and o.id = w.order_id and o.premises_id is not null"
    )
    op.create_foreign_key(
        op.f("fk_orders_work_order_premises_id"),
        "orders_work_order",
        "customers_premises",
        ["region_id", "premises_id"],
        ["region_id", "id"],
    )
    op.create_index(
        op.f("ix_orders_work_order_premises_id"),
        "orders_work_order",
        ["region_id", "premises_id"],
    )


def downgrade() -> None:
    op.drop_index("ix_orders_work_order_premises_id", table_name="orders_work_order")
    op.drop_constraint("fk_orders_work_order_premises_id", "orders_work_order")
    op.drop_column("orders_work_order", "premises_id")
