"""Customers are asked how it went.

Revision: 0052_followups
After: 0051_answer_device
"""

import sqlalchemy as sa
from alembic import op

revision = "0052_followups"
down_revision = "0051_answer_device"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "followups_follow_up",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("technician_id", sa.Uuid(), nullable=True),
        sa.Column("firm_id", sa.Uuid(), nullable=True),
        sa.Column("matter", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ask_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("latest_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_by", sa.Uuid(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("satisfaction", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("answer_channel", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'answered') = (satisfaction is not null) and (satisfaction "
            "is null) = (answered_at is null) and (satisfaction is null) = "
            "(answer_channel is null)",
            name="answered_whole",
        ),
        sa.CheckConstraint(
            "answer_channel is null or answer_channel in ('person', 'link', 'reply')",
            name="answer_channel_known",
        ),
        sa.CheckConstraint("channel in ('person', 'message')", name="channel_known"),
        sa.CheckConstraint(
            "matter = 'complaint' or order_id is not null",
            name="about_something",
        ),
        sa.CheckConstraint(
            "matter in ('install', 'move', 'repair', 'complaint')",
            name="matter_known",
        ),
        sa.CheckConstraint(
            "satisfaction is null or satisfaction in ('very_satisfied', "
            "'satisfied', 'dissatisfied')",
            name="satisfaction_known",
        ),
        sa.CheckConstraint(
            "state in ('waiting', 'to_call', 'answered', 'unreached')",
            name="state_known",
        ),
        sa.CheckConstraint(
            "(taken_by is null) = (taken_at is null)",
            name="taken_by_somebody",
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name="fk_followups_follow_up_centre_id"
        ),
        sa.ForeignKeyConstraint(
            ["firm_id"], ["organisation_unit.id"], name="fk_followups_follow_up_firm_id"
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "customer_id"],
            ["customers_customer.region_id", "customers_customer.id"],
            name="fk_followups_follow_up_customer_id",
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "order_id"],
            ["orders_order.region_id", "orders_order.id"],
            name="fk_followups_follow_up_order_id",
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name="fk_followups_follow_up_technician_id",
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name="fk_followups_follow_up_visit_id",
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name="pk_followups_follow_up"),
    )
    op.create_index(
        "ix_followups_follow_up_centre_id",
        "followups_follow_up",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_followups_follow_up_order_id",
        "followups_follow_up",
        ["region_id", "order_id"],
        unique=False,
    )
    op.create_index(
        "ix_followups_follow_up_customer_id",
        "followups_follow_up",
        ["region_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_followups_follow_up_finished",
        "followups_follow_up",
        ["region_id", "centre_id", "finished_at"],
        unique=False,
    )
    op.create_index(
        "ix_followups_follow_up_firm_id",
        "followups_follow_up",
        ["region_id", "firm_id"],
        unique=False,
    )
    op.create_index(
        "ix_followups_follow_up_open",
        "followups_follow_up",
        ["region_id", "state", "ask_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('waiting', 'to_call')"),
    )
    op.create_index(
        "ix_followups_follow_up_technician_id",
        "followups_follow_up",
        ["region_id", "technician_id"],
        unique=False,
    )
    op.create_index(
        "ix_followups_follow_up_visit_id",
        "followups_follow_up",
        ["region_id", "visit_id"],
        unique=False,
    )
    op.create_index(
        "uq_followups_follow_up_order",
        "followups_follow_up",
        ["region_id", "order_id"],
        unique=True,
        postgresql_where=sa.text("matter != 'complaint'"),
    )
    op.create_table(
        "followups_care_task",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("follow_up_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_by", sa.Uuid(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("customer_agreed", sa.Boolean(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(closed_at is null) = (closed_by is null) and (closed_at is null) = "
            "(outcome is null) and (closed_at is null) = (customer_agreed is null)",
            name="closed_with_customer",
        ),
        sa.CheckConstraint(
            "(taken_by is null) = (taken_at is null)",
            name="taken_by_somebody",
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name="fk_followups_care_task_centre_id"
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "customer_id"],
            ["customers_customer.region_id", "customers_customer.id"],
            name="fk_followups_care_task_customer_id",
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "follow_up_id"],
            ["followups_follow_up.region_id", "followups_follow_up.id"],
            name="fk_followups_care_task_follow_up_id",
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name="pk_followups_care_task"),
    )
    op.create_index(
        "ix_followups_care_task_centre_id",
        "followups_care_task",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_followups_care_task_customer_id",
        "followups_care_task",
        ["region_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_followups_care_task_due",
        "followups_care_task",
        ["region_id", "centre_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_followups_care_task_follow_up_id",
        "followups_care_task",
        ["region_id", "follow_up_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("followups_care_task")
    op.drop_table("followups_follow_up")
