"""One table of warnings for whatever nears or passes a limit; the separate ones go.

Revision: 0073_limits
After: 0072_withdrawn
"""

import sqlalchemy as sa
from alembic import op

revision = "0073_limits"
down_revision = "0072_withdrawn"
branch_labels = None
depends_on = None

MARKS = ("warn_at", "warned_at", "escalated_at")


def upgrade() -> None:
    op.create_table(
        "notifications_warning",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "stage in ('responsible', 'supervisor', 'unit_above')", name="stage_known"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["organisation_person.id"], name="fk_notifications_warning_person_id"
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name="fk_notifications_warning_centre_id"
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name="pk_notifications_warning"),
        sa.UniqueConstraint(
            "region_id",
            "about",
            "record_id",
            "due_at",
            "stage",
            "person_id",
            name="uq_notifications_warning_about_record_id_due_at_3a55b2",
        ),
    )
    for column in ("person_id", "centre_id"):
        op.create_index(
            f"ix_notifications_warning_{column}", "notifications_warning", ["region_id", column]
        )
    op.create_index(
        "ix_notifications_warning_open",
        "notifications_warning",
        ["region_id", "about"],
        postgresql_where=sa.text("over_at is null"),
    )
    op.create_index(
        "ix_notifications_warning_untold",
        "notifications_warning",
        ["region_id", "person_id"],
        postgresql_where=sa.text("told_at is null and over_at is null"),
    )
    op.drop_table("complaints_warning")
    op.drop_table("followups_warning")
    for mark in MARKS:
        op.drop_column("faults_analysis", mark)


def downgrade() -> None:
    for mark in MARKS:
        op.add_column("faults_analysis", sa.Column(mark, sa.DateTime(timezone=True), nullable=True))
    op.execute("update faults_analysis set warn_at = due_at")
    op.alter_column("faults_analysis", "warn_at", nullable=False)
    op.create_table(
        "followups_warning",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("follow_up_id", sa.Uuid(), nullable=False),
        sa.Column("care_task_id", sa.Uuid(), nullable=True),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("subject in ('follow_up', 'care')", name="subject_known"),
        sa.CheckConstraint(
            "audience in ('handler', 'supervisor', 'unit_above')", name="audience_known"
        ),
        sa.CheckConstraint("(subject = 'care') = (care_task_id is not null)", name="care_named"),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name="fk_followups_warning_centre_id"
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "follow_up_id"],
            ["followups_follow_up.region_id", "followups_follow_up.id"],
            name="fk_followups_warning_follow_up_id",
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "care_task_id"],
            ["followups_care_task.region_id", "followups_care_task.id"],
            name="fk_followups_warning_care_task_id",
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name="pk_followups_warning"),
        sa.UniqueConstraint(
            "region_id",
            "follow_up_id",
            "subject",
            "audience",
            name="uq_followups_warning_follow_up_id_subject_audience",
        ),
    )
    for column in ("centre_id", "care_task_id"):
        op.create_index(
            f"ix_followups_warning_{column}", "followups_warning", ["region_id", column]
        )
    op.create_index(
        "ix_followups_warning_warned", "followups_warning", ["region_id", "centre_id", "warned_at"]
    )
    op.create_table(
        "complaints_warning",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "audience in ('handler', 'supervisor', 'unit_above')",
            name=op.f("ck_complaints_warning_audience_known"),
        ),
        sa.CheckConstraint(
            "clock in ('contact', 'answer')", name=op.f("ck_complaints_warning_clock_known")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_complaints_warning_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "complaint_id"],
            ["complaints_complaint.region_id", "complaints_complaint.id"],
            name=op.f("fk_complaints_warning_complaint_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_complaints_warning")),
        sa.UniqueConstraint(
            "region_id",
            "complaint_id",
            "clock",
            "audience",
            name=op.f("uq_complaints_warning_complaint_id_clock_audience"),
        ),
    )
    op.create_index(
        op.f("ix_complaints_warning_centre_id"),
        "complaints_warning",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_complaints_warning_warned",
        "complaints_warning",
        ["region_id", "centre_id", "warned_at"],
        unique=False,
    )
    op.drop_table("notifications_warning")
