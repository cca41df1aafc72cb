"""Customers want reports of visits.

Revision: 0061_visit_reports
After: 0060_reports_by_time
"""

import sqlalchemy as sa
from alembic import op

revision = "0061_visit_reports"
down_revision = "0060_reports_by_time"
branch_labels = None
depends_on = None

_BEFORE = (
    "booking_confirmation", "reconfirmation", "reminder", "half_hour_notice", "cannot_keep",
    "nobody_home", "area_fault", "area_fault_over",
)  # fmt: skip
_ADDED = ("visit_report",)


def _among(kinds: tuple[str, ...]) -> str:
    return f"kind in ({', '.join(repr(kind) for kind in kinds)})"


def upgrade() -> None:
    op.add_column(
        "visits_visit", sa.Column("report_wanted_at", sa.DateTime(timezone=True), nullable=True)
    )
    name = op.f("ck_notifications_message_kind_known")
    op.drop_constraint(name, "notifications_message")
    op.create_check_constraint(name, "notifications_message", _among((*_BEFORE, *_ADDED)))


def downgrade() -> None:
    name = op.f("ck_notifications_message_kind_known")
    op.drop_constraint(name, "notifications_message")
    op.execute(
        "delete from notifications_attempt using notifications_message m"
        " where m.region_id = notifications_attempt.region_id"
        f" and m.id = notifications_attempt.message_id and m.{_among(_ADDED)}"
    )
    op.execute(f"delete from notifications_message where {_among(_ADDED)}")
    op.create_check_constraint(name, "notifications_message", _among(_BEFORE))
    op.drop_column("visits_visit", "report_wanted_at")
