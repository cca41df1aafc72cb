"""What a region aims at and how it weighs, from a month on (KP-03).

Targets that regions had set as numbers of their own hold for every month so far.

Revision: 0050_targets
After: 0049_complaints
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0050_targets"
down_revision = "0049_complaints"
branch_labels = None
depends_on = None

FIRST_OF_MONTH = "extract(day from month) = 1"


def upgrade() -> None:
    op.create_table(
        "reports_target",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("indicator", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(FIRST_OF_MONTH, name=op.f("ck_reports_target_first_of_month")),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_reports_target")),
        sa.UniqueConstraint(
            "region_id", "indicator", "month", name=op.f("uq_reports_target_indicator_month")
        ),
    )
    op.create_table(
        "reports_weights",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("services", postgresql.JSONB(), nullable=False),
        sa.Column("tiers", postgresql.JSONB(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(FIRST_OF_MONTH, name=op.f("ck_reports_weights_first_of_month")),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_reports_weights")),
        sa.UniqueConstraint("region_id", "month", name=op.f("uq_reports_weights_month")),
    )
    op.execute(
        "insert into reports_target "
        "(region_id, id, indicator, month, value, version, created_at, updated_at) "
        "select region_id, gen_random_uuid(), replace(name, '_target', ''), date '2000-01-01', "
        "value, 1, now(), now() from kernel_rule_number "
        "where name in ('kept_appointments_target', 'one_visit_target')"
    )


def downgrade() -> None:
    op.drop_table("reports_weights")
    op.drop_table("reports_target")
