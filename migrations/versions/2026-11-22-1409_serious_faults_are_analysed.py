"""Serious faults are analysed, and reports say what they repeat.

Revision: 0071_analyses
After: 0064_upkeep
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0071_analyses"
down_revision = "0064_upkeep"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("faults_report", sa.Column("repeat_of_id", sa.Uuid(), nullable=True))
    op.add_column("faults_report", sa.Column("joined", sa.Boolean(), nullable=True))
    op.execute("update faults_report set joined = false")
    op.alter_column("faults_report", "joined", nullable=False)
    op.create_foreign_key(
        "fk_faults_report_repeat_of_id",
        "faults_report",
        "faults_report",
        ["region_id", "repeat_of_id"],
        ["region_id", "id"],
    )
    op.create_index("ix_faults_report_repeat_of_id", "faults_report", ["region_id", "repeat_of_id"])
    op.create_table(
        "faults_analysis",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("area_fault_id", sa.Uuid(), nullable=True),
        sa.Column("report_id", sa.Uuid(), nullable=True),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("warn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("timeline", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("lesson", sa.Text(), nullable=True),
        sa.Column("prevention", sa.Text(), nullable=True),
        sa.Column("handed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.Column("review_note", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state in ('open', 'handed_in', 'returned', 'accepted')", name="state_known"
        ),
        sa.CheckConstraint("num_nonnulls(area_fault_id, report_id) = 1", name="of_one_fault"),
        sa.CheckConstraint(
            "state = 'open' or (cause is not null and lesson is not null and "
            "prevention is not null and timeline is not null and owner_id is not null)",
            name="handed_in_whole",
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name="fk_faults_analysis_centre_id"
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "area_fault_id"],
            ["faults_area_fault.region_id", "faults_area_fault.id"],
            name="fk_faults_analysis_area_fault_id",
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "report_id"],
            ["faults_report.region_id", "faults_report.id"],
            name="fk_faults_analysis_report_id",
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name="pk_faults_analysis"),
        sa.UniqueConstraint("region_id", "area_fault_id", name="uq_faults_analysis_area_fault_id"),
        sa.UniqueConstraint("region_id", "report_id", name="uq_faults_analysis_report_id"),
    )
    op.create_index("ix_faults_analysis_centre_id", "faults_analysis", ["region_id", "centre_id"])
    op.create_index("ix_faults_analysis_due", "faults_analysis", ["region_id", "state", "due_at"])


def downgrade() -> None:
    op.drop_table("faults_analysis")
    op.drop_index("ix_faults_report_repeat_of_id", "faults_report")
    op.drop_constraint("fk_faults_report_repeat_of_id", "faults_report")
    op.drop_column("faults_report", "joined")
    op.drop_column("faults_report", "repeat_of_id")
