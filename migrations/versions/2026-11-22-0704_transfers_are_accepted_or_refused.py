"""Transfers are accepted or refused.

Revision: 0034_transfers
After: 0033_linked
"""

import sqlalchemy as sa
from alembic import op

revision = "0034_transfers"
down_revision = "0033_linked"
branch_labels = None
depends_on = None

_BEFORE = "'suspend', 'return', 'transfer', 'fail', 'reschedule', 'cancel'"


def upgrade() -> None:
    op.add_column(
        "orders_work_order", sa.Column("transfer_accepted_at", sa.DateTime(timezone=True))
    )
    op.add_column("orders_work_order", sa.Column("transfer_accepted_by", sa.Uuid()))
    op.create_check_constraint(
        op.f("ck_orders_work_order_transfer_accepted"),
        "orders_work_order",
        "(transfer_accepted_at is null) = (transfer_accepted_by is null)",
    )
    op.drop_constraint("ck_orders_reason_process_known", "orders_reason")
    op.create_check_constraint(
        op.f("ck_orders_reason_process_known"),
        "orders_reason",
        f"process in ({_BEFORE}, 'refuse')",
    )


def downgrade() -> None:
    op.execute("delete from orders_reason where process = 'refuse'")
    op.drop_constraint("ck_orders_reason_process_known", "orders_reason")
    op.create_check_constraint(
        op.f("ck_orders_reason_process_known"), "orders_reason", f"process in ({_BEFORE})"
    )
    op.drop_constraint("ck_orders_work_order_transfer_accepted", "orders_work_order")
    op.drop_column("orders_work_order", "transfer_accepted_by")
    op.drop_column("orders_work_order", "transfer_accepted_at")
