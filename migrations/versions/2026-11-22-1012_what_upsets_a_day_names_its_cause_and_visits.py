"""What upsets a day names its cause, once for each day, the visits it touches, and how it ended.

Revision: 0042_upset
After: 0041_owner_told
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0042_upset"
down_revision = "0041_owner_told"
branch_labels = None
depends_on = None

_TABLE = "dispatch_disturbance"
_UNIQUE = "uq_dispatch_disturbance_subject"


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("subject_id", sa.Uuid(), nullable=True))
    op.add_column(
        _TABLE,
        sa.Column("visit_ids", postgresql.JSONB(), nullable=False, server_default="[]"),
    )
    op.alter_column(_TABLE, "visit_ids", server_default=None)
    op.add_column(_TABLE, sa.Column("outcome", sa.Text(), nullable=True))
    op.execute(f"update {_TABLE} set outcome = 'mended' where settled_at is not null")
    op.create_check_constraint(
        op.f(f"ck_{_TABLE}_outcome_known"),
        _TABLE,
        "outcome is null or outcome in ('mended', 'let_be', 'over')",
    )
    op.create_check_constraint(
        op.f(f"ck_{_TABLE}_settled_how"), _TABLE, "(settled_at is null) = (outcome is null)"
    )
    op.create_index(
        _UNIQUE,
        _TABLE,
        ["region_id", "centre_id", "day", "cause", "subject_id"],
        unique=True,
        postgresql_where=sa.text("subject_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(_UNIQUE, table_name=_TABLE)
    op.drop_constraint(f"ck_{_TABLE}_settled_how", _TABLE)
    op.drop_constraint(f"ck_{_TABLE}_outcome_known", _TABLE)
    op.drop_column(_TABLE, "outcome")
    op.drop_column(_TABLE, "visit_ids")
    op.drop_column(_TABLE, "subject_id")
