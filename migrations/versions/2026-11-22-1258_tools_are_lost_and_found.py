"""Tools are lost and found.

Revision: 0058_tools_lost
After: 0057_training
"""

import sqlalchemy as sa
from alembic import op

revision = "0058_tools_lost"
down_revision = "0057_training"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "organisation_tool", sa.Column("lost_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("organisation_tool", sa.Column("lost_how", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_organisation_tool_loss_whole"),
        "organisation_tool",
        "(lost_at is null) = (lost_how is null)",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_organisation_tool_loss_whole"), "organisation_tool")
    op.drop_column("organisation_tool", "lost_how")
    op.drop_column("organisation_tool", "lost_at")
