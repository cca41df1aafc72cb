"""Messages ask customers how it went.

Revision: 0064_messages_ask
After: 0060_inspections
"""

import sqlalchemy as sa
from alembic import op

revision = "0064_messages_ask"
down_revision = "0060_inspections"
branch_labels = None
depends_on = None

TABLE = "notifications_message"
KINDS = (
    "'booking_confirmation', 'reconfirmation', 'reminder', 'half_hour_notice', 'cannot_keep', "
    "'nobody_home', 'area_fault', 'area_fault_over', 'visit_report'"
)


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("follow_up_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        "fk_notifications_message_follow_up_id",
        TABLE,
        "followups_follow_up",
        ["region_id", "follow_up_id"],
        ["region_id", "id"],
    )
    op.create_index("ix_notifications_message_follow_up_id", TABLE, ["region_id", "follow_up_id"])
    op.drop_constraint("ck_notifications_message_kind_known", TABLE)
    op.create_check_constraint(
        op.f("ck_notifications_message_kind_known"), TABLE, f"kind in ({KINDS}, 'follow_up')"
    )
    op.create_check_constraint(
        op.f("ck_notifications_message_asks_about"),
        TABLE,
        "(kind = 'follow_up') = (follow_up_id is not null)",
    )


def downgrade() -> None:
    op.execute(
        "delete from notifications_receipt where (region_id, attempt_id) in (select a.region_id, "
        "a.id from notifications_attempt a join notifications_message m on m.region_id = "
        "a.region_id and m.id = a.message_id where m.kind = 'follow_up')"
    )
    op.execute(
        "delete from notifications_attempt where (region_id, message_id) in (select region_id, id "
        "from notifications_message where kind = 'follow_up')"
    )
    op.execute("delete from notifications_message where kind = 'follow_up'")
    op.drop_constraint("ck_notifications_message_asks_about", TABLE)
    op.drop_constraint("ck_notifications_message_kind_known", TABLE)
    op.create_check_constraint(
        op.f("ck_notifications_message_kind_known"), TABLE, f"kind in ({KINDS})"
    )
    op.drop_index("ix_notifications_message_follow_up_id", TABLE)
    op.drop_constraint("fk_notifications_message_follow_up_id", TABLE)
    op.drop_column(TABLE, "follow_up_id")
