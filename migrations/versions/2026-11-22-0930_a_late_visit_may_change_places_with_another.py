"""A late visit's warning may end by the technician's own visits in another order.

Revision: 0040_exchanged
After: 0039_where
"""

from alembic import op

revision = "0040_exchanged"
down_revision = "0039_where"
branch_labels = None
depends_on = None

_TABLE = "dispatch_late_warning"
_NAME = "ck_dispatch_late_warning_outcome_known"
_BEFORE = "'in_time_again', 'arrived', 'arrived_late', 'reassigned'"
_AFTER = "'rescheduled', 'endangered', 'let_be', 'ended'"


def upgrade() -> None:
    op.drop_constraint(_NAME, _TABLE)
    op.create_check_constraint(
        op.f(_NAME),
        _TABLE,
        f"outcome is null or outcome in ({_BEFORE}, 'exchanged', {_AFTER})",
    )


def downgrade() -> None:
    op.execute(f"update {_TABLE} set outcome = 'reassigned' where outcome = 'exchanged'")
    op.drop_constraint(_NAME, _TABLE)
    op.create_check_constraint(
        op.f(_NAME), _TABLE, f"outcome is null or outcome in ({_BEFORE}, {_AFTER})"
    )
