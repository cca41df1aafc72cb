"""Why a push stopped, newer installations, and work taken by rule.

Revision: 0020_desk
After: 0019_erasures
"""

import sqlalchemy as sa
from alembic import op

revision = "0020_desk"
down_revision = "0019_erasures"
branch_labels = None
depends_on = None

STATES = "'open', 'accepted', 'credited', 'discarded', 'corrected'"


def upgrade() -> None:
    op.add_column("sync_device", sa.Column("last_stop", sa.Text()))
    op.add_column("sync_device", sa.Column("last_stop_at", sa.DateTime(timezone=True)))
    op.add_column("sync_device", sa.Column("replaced_by", sa.Uuid()))
    op.add_column("sync_device", sa.Column("replaced_at", sa.DateTime(timezone=True)))
    op.add_column("sync_device", sa.Column("anomalies", sa.Integer()))
    op.add_column("sync_device", sa.Column("captures_from", sa.DateTime(timezone=True)))
    op.add_column("sync_device", sa.Column("former_boot_id", sa.Text()))
    op.add_column("sync_device", sa.Column("former_mono_ms", sa.BigInteger()))
    op.drop_constraint("ck_sync_case_state_known", "sync_case")
    op.create_check_constraint(
        op.f("ck_sync_case_state_known"), "sync_case", f"state in ({STATES}, 'taken')"
    )


def downgrade() -> None:
    op.execute("update sync_case set state = 'corrected' where state = 'taken'")
    op.drop_constraint("ck_sync_case_state_known", "sync_case")
    op.create_check_constraint(
        op.f("ck_sync_case_state_known"), "sync_case", f"state in ({STATES})"
    )
    for name in (
        "former_mono_ms",
        "former_boot_id",
        "captures_from",
        "anomalies",
        "replaced_at",
        "replaced_by",
        "last_stop_at",
        "last_stop",
    ):
        op.drop_column("sync_device", name)
