"""Answers name their test.

Revision: 0082_answer_test
After: 0081_erased_follow_ups
"""

import sqlalchemy as sa
from alembic import op

revision = "0082_answer_test"
down_revision = "0081_erased_follow_ups"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checklists_answer", sa.Column("test_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("checklists_answer", "test_id")
