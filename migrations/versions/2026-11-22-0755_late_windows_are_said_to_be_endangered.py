"""A late visit's warning ends when the customer is told that the window cannot be kept.

Revision: 0038_endangered
After: 0037_named
"""

from alembic import op

revision = "0038_endangered"
down_revision = "0037_named"
branch_labels = None
depends_on = None

_TABLE = "dispatch_late_warning"
_NAME = "ck_dispatch_late_warning_outcome_known"
_BEFORE = "'in_time_again', 'arrived', 'arrived_late', 'reassigned', 'rescheduled'"
_AFTER = "'let_be', 'ended'"


def upgrade() -> None:
    op.drop_constraint(_NAME, _TABLE)
    op.create_check_constraint(
        op.f(_NAME),
        _TABLE,
        f"outcome is null or outcome in ({_BEFORE}, 'endangered', {_AFTER})",
    )


def downgrade() -> None:
    op.execute(f"update {_TABLE} set outcome = 'let_be' where outcome = 'endangered'")
    op.drop_constraint(_NAME, _TABLE)
    op.create_check_constraint(
        op.f(_NAME), _TABLE, f"outcome is null or outcome in ({_BEFORE}, {_AFTER})"
    )
