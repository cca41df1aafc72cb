"""Uploads, files and their links.

Revision: 0004_files
After: 0003_organisation
"""

import sqlalchemy as sa
from alembic import op

revision = "0004_files"
down_revision = "0003_organisation"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "files_file",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("mime", sa.Text(), nullable=True),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_files_file_sha256_hex")),
        sa.CheckConstraint(
            "(stored_at is null) = (bytes is null) and (stored_at is null) = (mime is null)",
            name=op.f("ck_files_file_stored_whole"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_files_file")),
        sa.UniqueConstraint("region_id", "sha256", name=op.f("uq_files_file_sha256")),
    )
    op.create_table(
        "files_link",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("mime", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("item_key", sa.Text(), nullable=True),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("technician_id", sa.Uuid(), nullable=True),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arrived", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "purpose in ('photo', 'signature', 'notice', 'report')",
            name=op.f("ck_files_link_purpose"),
        ),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_files_link_sha256_hex")),
        sa.CheckConstraint("bytes > 0", name=op.f("ck_files_link_bytes_positive")),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_files_link_centre_id")
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_files_link")),
    )
    op.create_index(
        op.f("ix_files_link_centre_id"), "files_link", ["region_id", "centre_id"], unique=False
    )
    op.create_index(
        "ix_files_link_missing",
        "files_link",
        ["region_id", "captured_at"],
        unique=False,
        postgresql_where="not arrived",
    )
    op.create_index("ix_files_link_sha256", "files_link", ["region_id", "sha256"], unique=False)
    op.create_index(
        "ix_files_link_subject",
        "files_link",
        ["region_id", "subject_type", "subject_id"],
        unique=False,
    )
    op.create_index(
        "ix_files_link_technician",
        "files_link",
        ["region_id", "technician_id", "captured_at"],
        unique=False,
    )
    op.create_index("ix_files_link_visit", "files_link", ["region_id", "visit_id"], unique=False)
    op.create_table(
        "files_upload",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=True),
        sa.Column("mime", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_files_upload_sha256_hex")),
        sa.CheckConstraint(
            "completed_at is null or position = length", name=op.f("ck_files_upload_complete_whole")
        ),
        sa.CheckConstraint(
            "position between 0 and length", name=op.f("ck_files_upload_position_inside")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["organisation_person.id"], name=op.f("fk_files_upload_owner_id")
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_files_upload")),
    )
    op.create_index(
        "ix_files_upload_expires", "files_upload", ["region_id", "expires_at"], unique=False
    )
    op.create_index(
        op.f("ix_files_upload_owner_id"), "files_upload", ["region_id", "owner_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_files_upload_owner_id"), table_name="files_upload")
    op.drop_index("ix_files_upload_expires", table_name="files_upload")
    op.drop_table("files_upload")
    op.drop_index("ix_files_link_visit", table_name="files_link")
    op.drop_index("ix_files_link_technician", table_name="files_link")
    op.drop_index("ix_files_link_subject", table_name="files_link")
    op.drop_index("ix_files_link_sha256", table_name="files_link")
    op.drop_index("ix_files_link_missing", table_name="files_link", postgresql_where="not arrived")
    op.drop_index(op.f("ix_files_link_centre_id"), table_name="files_link")
    op.drop_table("files_link")
    op.drop_table("files_file")
