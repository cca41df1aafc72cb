"""Service orders, work orders and reasons.

Revision: 0007_orders
After: 0006_network
"""

import sqlalchemy as sa
from alembic import op

revision = "0007_orders"
down_revision = "0006_network"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "orders_reason",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("text_zh", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "cause in ('operator', 'customer')", name=op.f("ck_orders_reason_cause_known")
        ),
        sa.CheckConstraint(
            "process in ('suspend', 'return', 'transfer', 'fail', 'reschedule', 'cancel')",
            name=op.f("ck_orders_reason_process_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders_reason")),
        sa.UniqueConstraint("process", "code", name=op.f("uq_orders_reason_process_code")),
    )
    op.create_table(
        "orders_order",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("external_ref", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("premises_id", sa.Uuid(), nullable=True),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("urgency", sa.Text(), nullable=False),
        sa.Column("wish", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("urges", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state in ('received', 'scheduled', 'dispatched', 'accepted', 'in_progress', 'completed', 'closed', 'suspended', 'returned', 'transferred', 'cancelled')",
            name=op.f("ck_orders_order_state_known"),
        ),
        sa.CheckConstraint(
            "urgency in ('normal', 'major_fault', 'complaint')",
            name=op.f("ck_orders_order_urgency_known"),
        ),
        sa.CheckConstraint(
            "customer_id is null or premises_id is not null",
            name=op.f("ck_orders_order_premises_known"),
        ),
        sa.CheckConstraint("urges >= 0", name=op.f("ck_orders_order_urges_counted")),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_orders_order_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "customer_id"],
            ["customers_customer.region_id", "customers_customer.id"],
            name=op.f("fk_orders_order_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "premises_id"],
            ["customers_premises.region_id", "customers_premises.id"],
            name=op.f("fk_orders_order_premises_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_orders_order")),
        sa.UniqueConstraint("region_id", "external_ref", name=op.f("uq_orders_order_external_ref")),
    )
    op.create_index(
        op.f("ix_orders_order_centre_id"), "orders_order", ["region_id", "centre_id"], unique=False
    )
    op.create_index(
        op.f("ix_orders_order_customer_id"),
        "orders_order",
        ["region_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_orders_order_premises_id"),
        "orders_order",
        ["region_id", "premises_id"],
        unique=False,
    )
    op.create_index(
        "ix_orders_order_received",
        "orders_order",
        ["region_id", "centre_id", "received_at"],
        unique=False,
    )
    op.create_table(
        "orders_work_order",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("technology", sa.Text(), nullable=True),
        sa.Column("product", sa.Text(), nullable=True),
        sa.Column("symptom", sa.Text(), nullable=True),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("feature_id", sa.Uuid(), nullable=True),
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column("state_note", sa.Text(), nullable=True),
        sa.Column("resume_on", sa.Date(), nullable=True),
        sa.Column("transferred_to", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("limit_seconds", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clock_stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suspended_seconds", sa.Integer(), nullable=False),
        sa.Column("duration_minutes", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "department in ('field', 'cable')", name=op.f("ck_orders_work_order_department_known")
        ),
        sa.CheckConstraint(
            "kind in ('install', 'remove', 'move', 'change', 'repair', 'inspect', 'patrol', 'care')",
            name=op.f("ck_orders_work_order_kind_known"),
        ),
        sa.CheckConstraint(
            "state <> 'returned' or state_reason is not null",
            name=op.f("ck_orders_work_order_returned_with_reason"),
        ),
        sa.CheckConstraint(
            "state <> 'suspended' or (resume_on is not null and state_reason is not null)",
            name=op.f("ck_orders_work_order_suspended_until"),
        ),
        sa.CheckConstraint(
            "state <> 'transferred' or transferred_to is not null",
            name=op.f("ck_orders_work_order_transferred_to_known"),
        ),
        sa.CheckConstraint(
            "state in ('received', 'scheduled', 'dispatched', 'accepted', 'in_progress', 'completed', 'closed', 'suspended', 'returned', 'transferred', 'cancelled')",
            name=op.f("ck_orders_work_order_state_known"),
        ),
        sa.CheckConstraint(
            "duration_minutes between 1 and 1440",
            name=op.f("ck_orders_work_order_duration_of_a_day"),
        ),
        sa.CheckConstraint(
            "suspended_seconds >= 0 and limit_seconds > 0",
            name=op.f("ck_orders_work_order_times_positive"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_orders_work_order_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "feature_id"],
            ["network_feature.region_id", "network_feature.id"],
            name=op.f("fk_orders_work_order_feature_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "order_id"],
            ["orders_order.region_id", "orders_order.id"],
            name=op.f("fk_orders_work_order_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "service_id"],
            ["network_service.region_id", "network_service.id"],
            name=op.f("fk_orders_work_order_service_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_orders_work_order")),
        sa.UniqueConstraint(
            "region_id", "order_id", "number", name=op.f("uq_orders_work_order_order_id_number")
        ),
    )
    op.create_index(
        op.f("ix_orders_work_order_centre_id"),
        "orders_work_order",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_orders_work_order_due",
        "orders_work_order",
        ["region_id", "state", "due_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_orders_work_order_feature_id"),
        "orders_work_order",
        ["region_id", "feature_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_orders_work_order_order_id"),
        "orders_work_order",
        ["region_id", "order_id"],
        unique=False,
    )
    op.create_index(
        "ix_orders_work_order_resume",
        "orders_work_order",
        ["region_id", "state", "resume_on"],
        unique=False,
    )
    op.create_index(
        op.f("ix_orders_work_order_service_id"),
        "orders_work_order",
        ["region_id", "service_id"],
        unique=False,
    )
    op.create_table(
        "orders_warning",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("work_order_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "audience in ('dispatcher', 'supervisor', 'unit_above')",
            name=op.f("ck_orders_warning_audience_known"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_orders_warning_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "work_order_id"],
            ["orders_work_order.region_id", "orders_work_order.id"],
            name=op.f("fk_orders_warning_work_order_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_orders_warning")),
        sa.UniqueConstraint(
            "region_id",
            "work_order_id",
            "audience",
            name=op.f("uq_orders_warning_work_order_id_audience"),
        ),
    )
    op.create_index(
        op.f("ix_orders_warning_centre_id"),
        "orders_warning",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_orders_warning_warned",
        "orders_warning",
        ["region_id", "centre_id", "warned_at"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_orders_warning_warned", table_name="orders_warning")
    op.drop_index(op.f("ix_orders_warning_centre_id"), table_name="orders_warning")
    op.drop_table("orders_warning")
    op.drop_index(op.f("ix_orders_work_order_service_id"), table_name="orders_work_order")
    op.drop_index("ix_orders_work_order_resume", table_name="orders_work_order")
    op.drop_index(op.f("ix_orders_work_order_order_id"), table_name="orders_work_order")
    op.drop_index(op.f("ix_orders_work_order_feature_id"), table_name="orders_work_order")
    op.drop_index("ix_orders_work_order_due", table_name="orders_work_order")
    op.drop_index(op.f("ix_orders_work_order_centre_id"), table_name="orders_work_order")
    op.drop_table("orders_work_order")
    op.drop_index("ix_orders_order_received", table_name="orders_order")
    op.drop_index(op.f("ix_orders_order_premises_id"), table_name="orders_order")
    op.drop_index(op.f("ix_orders_order_customer_id"), table_name="orders_order")
    op.drop_index(op.f("ix_orders_order_centre_id"), table_name="orders_order")
    op.drop_table("orders_order")
    op.drop_table("orders_reason")
