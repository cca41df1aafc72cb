"""Reports find complaints by the limit of their contact, changes of plant by their capture.

Revision: 0060_reports_by_time
After: 0055_churn
"""

import sqlalchemy as sa
from alembic import op

revision = "0060_reports_by_time"
down_revision = "0055_churn"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_complaints_complaint_contact", "complaints_complaint", ["region_id", "contact_due_at"]
    )
    op.create_index(
        "ix_kernel_audit_plant",
        "kernel_audit",
        ["region_id", "captured_at"],
        postgresql_where=sa.text("entity = 'network_feature' and captured_at is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_kernel_audit_plant", table_name="kernel_audit")
    op.drop_index("ix_complaints_complaint_contact", table_name="complaints_complaint")
