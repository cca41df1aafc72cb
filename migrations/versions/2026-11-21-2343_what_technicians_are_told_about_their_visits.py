"""What technicians are told about their visits.

Revision: 0016_notices
After: 0015_visits_due
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016_notices"
down_revision = "0015_visits_due"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "visits_notice",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("window_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("new_window_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("new_window_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('gained', 'reassigned', 'given_back', 'unscheduled', 'moved', 'cancelled', 'revived', 'work_changed', 'role_lost')",
            name=op.f("ck_visits_notice_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_visits_notice_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_visits_notice_technician_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_visits_notice_visit_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_visits_notice")),
    )
    op.create_index(
        op.f("ix_visits_notice_centre_id"),
        "visits_notice",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_visits_notice_technician",
        "visits_notice",
        ["region_id", "technician_id", "at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_visits_notice_visit_id"), "visits_notice", ["region_id", "visit_id"], unique=False
    )


def downgrade() -> None:

    op.drop_index(op.f("ix_visits_notice_visit_id"), table_name="visits_notice")
    op.drop_index("ix_visits_notice_technician", table_name="visits_notice")
    op.drop_index(op.f("ix_visits_notice_centre_id"), table_name="visits_notice")
    op.drop_table("visits_notice")
