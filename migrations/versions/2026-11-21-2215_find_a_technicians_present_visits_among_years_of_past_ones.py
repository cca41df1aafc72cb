"""Find a technician's present visits among years of past ones.

Revision: 0015_visits_due
After: 0014_sync
"""

import sqlalchemy as sa
from alembic import op

revision = "0015_visits_due"
down_revision = "0014_sync"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_visits_assignment_due",
        "visits_assignment",
        [
            "region_id",
            "technician_id",
            sa.text("coalesce(latest_departure_at, 'infinity'::timestamptz)"),
        ],
        postgresql_where=sa.text("ended_at is null"),
    )


def downgrade() -> None:
    op.drop_index("ix_visits_assignment_due", table_name="visits_assignment")
