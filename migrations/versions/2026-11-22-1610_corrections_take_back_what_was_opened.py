"""A corrected answer takes back what the wrong one opened.

Revision: 0072_withdrawn
After: 0071_analyses
"""

import sqlalchemy as sa
from alembic import op

revision = "0072_withdrawn"
down_revision = "0071_analyses"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checklists_opened", sa.Column("withdrawn_at", sa.DateTime(timezone=True)))
    op.create_check_constraint(
        op.f("ck_checklists_opened_withdrawn_by_correction"),
        "checklists_opened",
        "withdrawn_at is null or (corrected_by is not null and settled_at is null)",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_checklists_opened_withdrawn_by_correction"), "checklists_opened")
    op.drop_column("checklists_opened", "withdrawn_at")
