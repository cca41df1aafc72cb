"""Uploads hold leases, and links name the command and the device that promised them.

Revision: 0017_files
After: 0016_notices
"""

import sqlalchemy as sa
from alembic import op

revision = "0017_files"
down_revision = "0016_notices"
branch_labels = None
depends_on = None

_BEFORE = "purpose in ('photo', 'signature', 'notice', 'report')"
_AFTER = "purpose in ('photo', 'signature', 'notice', 'report', 'attachment')"
_PURPOSE = "ck_files_link_purpose"


def upgrade() -> None:
    op.add_column("files_upload", sa.Column("sent_metadata", sa.Text()))
    op.add_column("files_upload", sa.Column("writer", sa.Uuid()))
    op.add_column("files_upload", sa.Column("writer_until", sa.DateTime(timezone=True)))
    op.add_column("files_upload", sa.Column("dropped_at", sa.DateTime(timezone=True)))
    op.create_check_constraint(
        op.f("ck_files_upload_lease_whole"),
        "files_upload",
        "(writer is null) = (writer_until is null)",
    )
    op.add_column("files_link", sa.Column("device_id", sa.Uuid()))
    op.add_column("files_link", sa.Column("command_id", sa.Uuid()))
    op.add_column("files_link", sa.Column("given_up_at", sa.DateTime(timezone=True)))
    op.drop_constraint(op.f(_PURPOSE), "files_link")
    op.create_check_constraint(op.f(_PURPOSE), "files_link", _AFTER)
    op.create_index("ix_files_link_device", "files_link", ["region_id", "device_id"])


def downgrade() -> None:
    op.drop_index("ix_files_link_device", table_name="files_link")
    op.execute("delete from files_link where purpose = 'attachment'")
    op.drop_constraint(op.f(_PURPOSE), "files_link")
    op.create_check_constraint(op.f(_PURPOSE), "files_link", _BEFORE)
    for column in ("given_up_at", "command_id", "device_id"):
        op.drop_column("files_link", column)
    op.drop_constraint(op.f("ck_files_upload_lease_whole"), "files_upload")
    for column in ("dropped_at", "writer_until", "writer", "sent_metadata"):
        op.drop_column("files_upload", column)
