"""Reasons and trips are kept by day, so that a year of them is read at once.

Revision: 0077_breakdowns
After: 0076_windows_of_plant
"""

import sqlalchemy as sa
from alembic import op

revision = "0077_breakdowns"
down_revision = "0076_windows_of_plant"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reports_breakdown",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("indicator", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "region_id",
            "indicator",
            "day",
            "centre_id",
            "technician_id",
            "part",
            name="pk_reports_breakdown",
        ),
    )
    # Days that were rolled up before have no parts: they are counted once more.
    op.execute(
        "update reports_rolled_day set stale_since = coalesce(stale_since, counted_at) "
        "where indicator in ('kept_appointments', 'one_visit')"
    )


def downgrade() -> None:
    op.drop_table("reports_breakdown")
