"""Warnings of visits that will be late.

Revision: 0035_lateness
After: 0034_transfers
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035_lateness"
down_revision = "0034_transfers"
branch_labels = None
depends_on = None

TABLE = "dispatch_late_warning"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("predicted_arrival", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ways", postgresql.JSONB(), nullable=False),
        sa.Column("taken", postgresql.JSONB(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "cause in ('not_departed', 'on_the_way', 'running_over', 'behind')",
            name=op.f("ck_dispatch_late_warning_cause_known"),
        ),
        sa.CheckConstraint(
            "outcome is null or outcome in ('in_time_again', 'arrived', 'arrived_late', "
            "'reassigned', 'rescheduled', 'let_be', 'ended')",
            name=op.f("ck_dispatch_late_warning_outcome_known"),
        ),
        sa.CheckConstraint(
            "(settled_at is null) = (outcome is null)",
            name=op.f("ck_dispatch_late_warning_settled_how"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"],
            ["organisation_unit.id"],
            name=op.f("fk_dispatch_late_warning_centre_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_dispatch_late_warning_technician_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_dispatch_late_warning_visit_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_dispatch_late_warning")),
    )
    for column in ("centre_id", "technician_id", "visit_id"):
        op.create_index(op.f(f"ix_{TABLE}_{column}"), TABLE, ["region_id", column])
    op.create_index(f"ix_{TABLE}_centre", TABLE, ["region_id", "centre_id", "raised_at"])
    op.create_index(
        f"uq_{TABLE}_open",
        TABLE,
        ["region_id", "visit_id"],
        unique=True,
        postgresql_where=sa.text("settled_at is null"),
    )


def downgrade() -> None:
    op.drop_table(TABLE)
