"""Who may leave is revisited.

Revision: 0055_churn
After: 0056_claims
"""

import sqlalchemy as sa
from alembic import op

revision = "0055_churn"
down_revision = "0056_claims"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retention_churn_case",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "outcome is null or outcome in ('stays', 'goes')",
            name=op.f("ck_retention_churn_case_outcome_known"),
        ),
        sa.CheckConstraint(
            "reason in ('service', 'price', 'competition', 'quality', 'moved_or_closed', 'other')",
            name=op.f("ck_retention_churn_case_reason_known"),
        ),
        sa.CheckConstraint(
            "outcome is null or closed_at is not null",
            name=op.f("ck_retention_churn_case_closed_with_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_retention_churn_case_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "customer_id"],
            ["customers_customer.region_id", "customers_customer.id"],
            name=op.f("fk_retention_churn_case_customer_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_retention_churn_case")),
    )
    op.create_index(
        op.f("ix_retention_churn_case_centre_id"),
        "retention_churn_case",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_retention_churn_case_closed",
        "retention_churn_case",
        ["region_id", "closed_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_retention_churn_case_customer_id"),
        "retention_churn_case",
        ["region_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_retention_churn_case_opened",
        "retention_churn_case",
        ["region_id", "opened_at"],
        unique=False,
    )
    op.create_index(
        "uq_retention_churn_case_open",
        "retention_churn_case",
        ["region_id", "customer_id"],
        unique=True,
        postgresql_where="closed_at is null",
    )
    op.create_table(
        "retention_revisit",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("churn_case_id", sa.Uuid(), nullable=True),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.Uuid(), nullable=True),
        sa.Column("way", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(purpose = 'churn') = (churn_case_id is not null)",
            name=op.f("ck_retention_revisit_of_the_register"),
        ),
        sa.CheckConstraint(
            "outcome is null or outcome in ('stays', 'goes', 'undecided')",
            name=op.f("ck_retention_revisit_outcome_known"),
        ),
        sa.CheckConstraint(
            "purpose in ('churn', 'renewal')", name=op.f("ck_retention_revisit_purpose_known")
        ),
        sa.CheckConstraint(
            "way is null or way in ('visit', 'phone', 'counter', 'message')",
            name=op.f("ck_retention_revisit_way_known"),
        ),
        sa.CheckConstraint(
            "(done_at is null) = (way is null) and (outcome is null or done_at is not null)",
            name=op.f("ck_retention_revisit_done_whole"),
        ),
        sa.CheckConstraint(
            "(order_id is null) = (asked_at is null) and (order_id is null) = (answer_due_at is null) and (answered_at is null or order_id is not null)",
            name=op.f("ck_retention_revisit_asked_whole"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_retention_revisit_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "churn_case_id"],
            ["retention_churn_case.region_id", "retention_churn_case.id"],
            name=op.f("fk_retention_revisit_churn_case_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "customer_id"],
            ["customers_customer.region_id", "customers_customer.id"],
            name=op.f("fk_retention_revisit_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "order_id"],
            ["orders_order.region_id", "orders_order.id"],
            name=op.f("fk_retention_revisit_order_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_retention_revisit")),
    )
    op.create_index(
        op.f("ix_retention_revisit_centre_id"),
        "retention_revisit",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_retention_revisit_churn_case_id"),
        "retention_revisit",
        ["region_id", "churn_case_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_retention_revisit_customer_id"),
        "retention_revisit",
        ["region_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_retention_revisit_due", "retention_revisit", ["region_id", "due_at"], unique=False
    )
    op.create_index(
        op.f("ix_retention_revisit_order_id"),
        "retention_revisit",
        ["region_id", "order_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_retention_revisit_order_id"), table_name="retention_revisit")
    op.drop_index("ix_retention_revisit_due", table_name="retention_revisit")
    op.drop_index(op.f("ix_retention_revisit_customer_id"), table_name="retention_revisit")
    op.drop_index(op.f("ix_retention_revisit_churn_case_id"), table_name="retention_revisit")
    op.drop_index(op.f("ix_retention_revisit_centre_id"), table_name="retention_revisit")
    op.drop_table("retention_revisit")
    op.drop_index(
        "uq_retention_churn_case_open",
        table_name="retention_churn_case",
        postgresql_where="closed_at is null",
    )
    op.drop_index("ix_retention_churn_case_opened", table_name="retention_churn_case")
    op.drop_index(op.f("ix_retention_churn_case_customer_id"), table_name="retention_churn_case")
    op.drop_index("ix_retention_churn_case_closed", table_name="retention_churn_case")
    op.drop_index(op.f("ix_retention_churn_case_centre_id"), table_name="retention_churn_case")
    op.drop_table("retention_churn_case")
