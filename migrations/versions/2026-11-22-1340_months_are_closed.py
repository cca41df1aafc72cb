"""The figures of a month that is closed are kept as they were (KP-02).

Revision: 0063_closed_months
After: 0064_messages_ask
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0063_closed_months"
down_revision = "0064_messages_ask"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reports_closed_month",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("targets", postgresql.JSONB(), nullable=False),
        sa.Column("services", postgresql.JSONB(), nullable=False),
        sa.Column("tiers", postgresql.JSONB(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "extract(day from month) = 1", name=op.f("ck_reports_closed_month_first_of_month")
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_reports_closed_month")),
        sa.UniqueConstraint("region_id", "month", name=op.f("uq_reports_closed_month_month")),
    )
    op.create_table(
        "reports_month_figure",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("indicator", sa.Text(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("firm_id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("numerator", sa.Float(), nullable=False),
        sa.Column("denominator", sa.Float(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "region_id",
            "month",
            "indicator",
            "centre_id",
            "technician_id",
            "firm_id",
            "service",
            "tier",
            name=op.f("pk_reports_month_figure"),
        ),
    )


def downgrade() -> None:
    op.drop_table("reports_month_figure")
    op.drop_table("reports_closed_month")
