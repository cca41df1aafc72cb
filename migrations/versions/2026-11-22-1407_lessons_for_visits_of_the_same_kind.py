"""Lessons for visits of the same kind.

Revision: 0063_lessons
After: 0070_work_done
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0063_lessons"
down_revision = "0070_work_done"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "quality_lesson",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("text_en", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("text_zh", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("kinds", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("services", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("photos", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("drafted_by", sa.Uuid(), nullable=False),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_by", sa.Uuid(), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'drafted') = (published_at is null)",
            name=op.f("ck_quality_lesson_published_known"),
        ),
        sa.CheckConstraint(
            "(state = 'retired') = (retired_at is not null)",
            name=op.f("ck_quality_lesson_retired_known"),
        ),
        sa.CheckConstraint(
            "state in ('drafted', 'published', 'retired')",
            name=op.f("ck_quality_lesson_state_known"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_quality_lesson")),
    )
    op.create_index(
        "ix_quality_lesson_state",
        "quality_lesson",
        ["region_id", "state", "published_at"],
        unique=False,
    )


def downgrade() -> None:

    op.drop_index("ix_quality_lesson_state", table_name="quality_lesson")
    op.drop_table("quality_lesson")
