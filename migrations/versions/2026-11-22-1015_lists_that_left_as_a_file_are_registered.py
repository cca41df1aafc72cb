"""Who took which list out as a file, with the customers whose records were in it (CU-04).

Revision: 0043_exports
After: 0042_upset
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0043_exports"
down_revision = "0042_upset"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customers_export",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("reader_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("query", postgresql.JSONB(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("customer_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "format in ('csv', 'xlsx')", name=op.f("ck_customers_export_format_known")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"],
            ["organisation_unit.id"],
            name=op.f("fk_customers_export_centre_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_customers_export")),
    )
    op.create_index(
        op.f("ix_customers_export_centre_id"),
        "customers_export",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_customers_export_reader", "customers_export", ["region_id", "reader_id", "at"]
    )
    op.create_index(
        "ix_customers_export_customers",
        "customers_export",
        ["customer_ids"],
        postgresql_using="gin",
    )


def downgrade() -> None:
    op.drop_table("customers_export")
