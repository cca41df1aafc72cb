"""The kit check is a list of a day.

Revision: 0079_kit_check
After: 0078_churn
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0079_kit_check"
down_revision = "0078_churn"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "checklists_kit_check",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("template_version_id", sa.Uuid(), nullable=False),
        sa.Column("answers", JSONB(), nullable=False),
        sa.Column("absent", JSONB(), nullable=False),
        sa.Column("unanswered", JSONB(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("estimated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_checklists_kit_check_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_checklists_kit_check_technician_id"),
        ),
        sa.ForeignKeyConstraint(
            ["template_version_id"],
            ["checklists_template_version.id"],
            name=op.f("fk_checklists_kit_check_template_version_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_checklists_kit_check")),
    )
    op.create_index(
        "ix_checklists_kit_check_day",
        "checklists_kit_check",
        ["region_id", "technician_id", "day", "estimated_at"],
    )
    op.create_index(
        op.f("ix_checklists_kit_check_centre_id"), "checklists_kit_check", ["region_id", "centre_id"]
    )
    op.create_index(
        op.f("ix_checklists_kit_check_template_version_id"),
        "checklists_kit_check",
        ["region_id", "template_version_id"],
    )


def downgrade() -> None:
    op.drop_table("checklists_kit_check")
