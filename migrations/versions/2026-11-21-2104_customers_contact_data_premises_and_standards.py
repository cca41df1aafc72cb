"""Customers, contact data, premises and standards.

Revision: 0005_customers
After: 0004_files
"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

revision = "0005_customers"
down_revision = "0004_files"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customers_service_standard",
        sa.Column("region_number", sa.Integer(), nullable=True),
        sa.Column("segment", sa.Text(), nullable=True),
        sa.Column("tier", sa.Text(), nullable=True),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("upper_minutes", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "task in ('booking_call', 'arrival', 'activation', 'repair', 'complaint_contact')",
            name=op.f("ck_customers_service_standard_task_known"),
        ),
        sa.CheckConstraint(
            "minutes > 0 and upper_minutes >= minutes",
            name=op.f("ck_customers_service_standard_limits_in_order"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers_service_standard")),
        sa.UniqueConstraint(
            "task",
            "tier",
            "segment",
            "service",
            "region_number",
            name="uq_customers_service_standard_key",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "customers_customer",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("external_ref", sa.Text(), nullable=True),
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(segment in ('enterprise', 'government') and tier in ('1A', '2A', '3A', '4A', '5A', '1B', '2B', '3B', '4B', '5B')) or (segment in ('household', 'personal') and tier in ('diamond', 'gold', 'silver', 'basic'))",
            name=op.f("ck_customers_customer_tier_fits"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_customers_customer_centre_id")
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_customers_customer")),
        sa.UniqueConstraint(
            "region_id", "external_ref", name=op.f("uq_customers_customer_external_ref")
        ),
    )
    op.create_index(
        op.f("ix_customers_customer_centre_id"),
        "customers_customer",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_table(
        "customers_premises",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("external_ref", sa.Text(), nullable=True),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("street", sa.Text(), nullable=False),
        sa.Column("house_number", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("postcode", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("building", sa.Text(), nullable=True),
        sa.Column("access_notes", sa.Text(), nullable=True),
        sa.Column("point", Geometry("POINT", srid=4326, spatial_index=False), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_customers_premises_centre_id")
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_customers_premises")),
        sa.UniqueConstraint(
            "region_id", "external_ref", name=op.f("uq_customers_premises_external_ref")
        ),
    )
    op.create_index(
        op.f("ix_customers_premises_centre_id"),
        "customers_premises",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_customers_premises_point",
        "customers_premises",
        ["region_id", "point"],
        unique=False,
        postgresql_using="gist",
    )
    op.create_index(
        "ix_customers_premises_street",
        "customers_premises",
        ["region_id", "street", "house_number"],
        unique=False,
    )
    op.create_table(
        "customers_contact",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_customers_contact_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "id"],
            ["customers_customer.region_id", "customers_customer.id"],
            name=op.f("fk_customers_contact_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_customers_contact")),
    )
    op.create_index(
        op.f("ix_customers_contact_centre_id"),
        "customers_contact",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_table(
        "customers_contact_reading",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("reader_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('reading', 'export')", name=op.f("ck_customers_contact_reading_kind_known")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"],
            ["organisation_unit.id"],
            name=op.f("fk_customers_contact_reading_centre_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "customer_id"],
            ["customers_customer.region_id", "customers_customer.id"],
            name=op.f("fk_customers_contact_reading_customer_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_customers_contact_reading")),
    )
    op.create_index(
        "ix_customers_contact_reading_at",
        "customers_contact_reading",
        ["region_id", "at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_customers_contact_reading_centre_id"),
        "customers_contact_reading",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_customers_contact_reading_customer_id"),
        "customers_contact_reading",
        ["region_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_customers_contact_reading_reader",
        "customers_contact_reading",
        ["region_id", "reader_id", "at"],
        unique=False,
    )
    op.create_table(
        "customers_former_contact",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_by", sa.Uuid(), nullable=False),
        sa.Column("identity_method", sa.Text(), nullable=False),
        sa.Column("identity_checked_by", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["region_id", "customer_id"],
            ["customers_customer.region_id", "customers_customer.id"],
            name=op.f("fk_customers_former_contact_customer_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_customers_former_contact")),
    )
    op.create_index(
        op.f("ix_customers_former_contact_customer_id"),
        "customers_former_contact",
        ["region_id", "customer_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(
        op.f("ix_customers_former_contact_customer_id"), table_name="customers_former_contact"
    )
    op.drop_table("customers_former_contact")
    op.drop_index("ix_customers_contact_reading_reader", table_name="customers_contact_reading")
    op.drop_index(
        op.f("ix_customers_contact_reading_customer_id"), table_name="customers_contact_reading"
    )
    op.drop_index(
        op.f("ix_customers_contact_reading_centre_id"), table_name="customers_contact_reading"
    )
    op.drop_index("ix_customers_contact_reading_at", table_name="customers_contact_reading")
    op.drop_table("customers_contact_reading")
    op.drop_index(op.f("ix_customers_contact_centre_id"), table_name="customers_contact")
    op.drop_table("customers_contact")
    op.drop_index("ix_customers_premises_street", table_name="customers_premises")
    op.drop_index(
        "ix_customers_premises_point", table_name="customers_premises", postgresql_using="gist"
    )
    op.drop_index(op.f("ix_customers_premises_centre_id"), table_name="customers_premises")
    op.drop_table("customers_premises")
    op.drop_index(op.f("ix_customers_customer_centre_id"), table_name="customers_customer")
    op.drop_table("customers_customer")
    op.drop_table("customers_service_standard")
