"""The cable department and the supervisor are warned of transfers that are late.

Revision: 0055_late_transfers
After: 0054_cable_people
"""

from alembic import op

revision = "0055_late_transfers"
down_revision = "0054_cable_people"
branch_labels = None
depends_on = None

KNOWN = "ck_orders_warning_audience_known"


def upgrade() -> None:
    op.drop_constraint(op.f(KNOWN), "orders_warning")
    op.create_check_constraint(
        op.f(KNOWN),
        "orders_warning",
        "audience in ('dispatcher', 'supervisor', 'unit_above', 'cable_department',"
        " 'cable_supervisor')",
    )


def downgrade() -> None:
    op.execute("delete from orders_warning where audience like 'cable%'")
    op.drop_constraint(op.f(KNOWN), "orders_warning")
    op.create_check_constraint(
        op.f(KNOWN), "orders_warning", "audience in ('dispatcher', 'supervisor', 'unit_above')"
    )
