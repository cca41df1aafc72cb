"""A wrong entry of the churn register is withdrawn.

Revision: 0078_churn
After: 0077_breakdowns
"""

import sqlalchemy as sa
from alembic import op

revision = "0078_churn"
down_revision = "0077_breakdowns"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "retention_churn_case",
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_check_constraint(
        "withdrawn_closed",
        "retention_churn_case",
        "withdrawn_at is null or closed_at is not null",
    )


def downgrade() -> None:
    op.drop_constraint("ck_retention_churn_case_withdrawn_closed", "retention_churn_case")
    op.drop_column("retention_churn_case", "withdrawn_at")
