"""What indicators come to is rolled up by day (KP-02), and reports find what happened on a day.

Revision: 0056_rollups
After: 0055_late_transfers
"""

import sqlalchemy as sa
from alembic import op

revision = "0056_rollups"
down_revision = "0055_late_transfers"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_visits_visit_ended", "visits_visit", "ended_at", "ended_at is not null"),
    ("ix_visits_visit_arrived", "visits_visit", "arrived_at", "arrived_at is not null"),
    ("ix_visits_assignment_arrived", "visits_assignment", "arrived_at", "arrived_at is not null"),
    ("ix_orders_order_closed", "orders_order", "closed_at", "closed_at is not null"),
    ("ix_orders_work_order_due_time", "orders_work_order", "due_at", None),
)


def upgrade() -> None:
    for name, table, column, where in INDEXES:
        op.create_index(
            name, table, ["region_id", column], postgresql_where=where and sa.text(where)
        )
    op.create_table(
        "reports_rollup",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("indicator", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("numerator", sa.Float(), nullable=False),
        sa.Column("denominator", sa.Float(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "region_id",
            "indicator",
            "day",
            "centre_id",
            "technician_id",
            "service",
            "tier",
            name=op.f("pk_reports_rollup"),
        ),
    )
    op.create_table(
        "reports_rolled_day",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("indicator", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stale_since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint(
            "region_id", "indicator", "day", name=op.f("pk_reports_rolled_day")
        ),
    )
    op.create_table(
        "reports_log_place",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("region_id", "centre_id", name=op.f("pk_reports_log_place")),
    )


def downgrade() -> None:
    for name, table, _column, _where in reversed(INDEXES):
        op.drop_index(name, table_name=table)
    op.drop_table("reports_log_place")
    op.drop_table("reports_rolled_day")
    op.drop_table("reports_rollup")
