"""An assignment names its technician.

Revision: 0037_named
After: 0036_told
"""

import sqlalchemy as sa
from alembic import op

revision = "0037_named"
down_revision = "0036_told"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("visits_assignment", sa.Column("technician_name", sa.Text()))
    op.execute(
        "update visits_assignment a set technician_name = t.name from organisation_technician t "
        "where t.region_id = a.region_id and t.id = a.technician_id"
    )


def downgrade() -> None:
    op.drop_column("visits_assignment", "technician_name")
