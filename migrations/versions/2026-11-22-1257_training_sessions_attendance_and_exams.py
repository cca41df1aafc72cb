"""Training sessions, attendance and exams.

Revision: 0057_training
After: 0056_rollups
"""

import sqlalchemy as sa
from alembic import op

revision = "0057_training"
down_revision = "0056_rollups"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "training_session",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("subject_zh", sa.Text(), nullable=False),
        sa.Column("subject_en", sa.Text(), nullable=False),
        sa.Column("skill", sa.Text(), nullable=True),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("trainer", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "skill in ('fixed_line', 'copper_broadband', 'fibre', 'indoor_network', 'enterprise')",
            name=op.f("ck_training_session_skill_known"),
        ),
        sa.CheckConstraint(
            "state in ('planned', 'held', 'cancelled')",
            name=op.f("ck_training_session_state_known"),
        ),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_training_session_minutes_positive")),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_training_session_centre_id")
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_training_session")),
    )
    op.create_index(
        op.f("ix_training_session_centre_id"),
        "training_session",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_training_session_day", "training_session", ["region_id", "held_on"], unique=False
    )
    op.create_table(
        "training_attendance",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("training_id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_training_attendance_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_training_attendance_technician_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "training_id"],
            ["training_session.region_id", "training_session.id"],
            name=op.f("fk_training_attendance_training_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_training_attendance")),
        sa.UniqueConstraint(
            "region_id",
            "training_id",
            "technician_id",
            name=op.f("uq_training_attendance_training_id_technician_id"),
        ),
    )
    op.create_index(
        op.f("ix_training_attendance_centre_id"),
        "training_attendance",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_training_attendance_technician_id"),
        "training_attendance",
        ["region_id", "technician_id"],
        unique=False,
    )
    op.create_table(
        "training_exam",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("training_id", sa.Uuid(), nullable=True),
        sa.Column("subject_zh", sa.Text(), nullable=False),
        sa.Column("subject_en", sa.Text(), nullable=False),
        sa.Column("skill", sa.Text(), nullable=True),
        sa.Column("taken_on", sa.Date(), nullable=False),
        sa.Column("examiner", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("maximum", sa.Double(), nullable=False),
        sa.Column("pass_mark", sa.Double(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("qualification_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "skill in ('fixed_line', 'copper_broadband', 'fibre', 'indoor_network', 'enterprise')",
            name=op.f("ck_training_exam_skill_known"),
        ),
        sa.CheckConstraint(
            "0 <= score and score <= maximum and 0 < pass_mark and pass_mark <= maximum",
            name=op.f("ck_training_exam_points_fit"),
        ),
        sa.CheckConstraint(
            "passed = (score >= pass_mark)", name=op.f("ck_training_exam_passed_by_points")
        ),
        sa.CheckConstraint(
            "qualification_id is null or passed", name=op.f("ck_training_exam_qualifies_passed")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_training_exam_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "qualification_id"],
            ["organisation_qualification.region_id", "organisation_qualification.id"],
            name=op.f("fk_training_exam_qualification_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_training_exam_technician_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "training_id"],
            ["training_session.region_id", "training_session.id"],
            name=op.f("fk_training_exam_training_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_training_exam")),
    )
    op.create_index(
        op.f("ix_training_exam_centre_id"),
        "training_exam",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_training_exam_day", "training_exam", ["region_id", "taken_on"], unique=False
    )
    op.create_index(
        op.f("ix_training_exam_qualification_id"),
        "training_exam",
        ["region_id", "qualification_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_training_exam_technician_id"),
        "training_exam",
        ["region_id", "technician_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_training_exam_training_id"),
        "training_exam",
        ["region_id", "training_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_training_exam_training_id"), table_name="training_exam")
    op.drop_index(op.f("ix_training_exam_technician_id"), table_name="training_exam")
    op.drop_index(op.f("ix_training_exam_qualification_id"), table_name="training_exam")
    op.drop_index("ix_training_exam_day", table_name="training_exam")
    op.drop_index(op.f("ix_training_exam_centre_id"), table_name="training_exam")
    op.drop_table("training_exam")
    op.drop_index(op.f("ix_training_attendance_technician_id"), table_name="training_attendance")
    op.drop_index(op.f("ix_training_attendance_centre_id"), table_name="training_attendance")
    op.drop_table("training_attendance")
    op.drop_index("ix_training_session_day", table_name="training_session")
    op.drop_index(op.f("ix_training_session_centre_id"), table_name="training_session")
    op.drop_table("training_session")
