"""Complaints are kept from arrival to reply.

Revision: 0049_complaints
After: 0048_complaint_notices
"""

import sqlalchemy as sa
from alembic import op

revision = "0049_complaints"
down_revision = "0048_complaint_notices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "complaints_complaint",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("repeat_of_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("wants_report", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("contact_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("contacted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("handling_department", sa.Text(), nullable=False),
        sa.Column("handler_id", sa.Uuid(), nullable=True),
        sa.Column("offered_to", sa.Text(), nullable=True),
        sa.Column("offered_by", sa.Uuid(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report", sa.Text(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("justified", sa.Boolean(), nullable=True),
        sa.Column("serious", sa.Boolean(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decision_note", sa.Text(), nullable=True),
        sa.Column("responsible_technician_id", sa.Uuid(), nullable=True),
        sa.Column("responsible_firm_id", sa.Uuid(), nullable=True),
        sa.Column("responsible_department", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at is not null) and (closed_at is null) = (reply is null) and (closed_at is null or contacted_at is not null)",
            name=op.f("ck_complaints_complaint_closed_with_reply"),
        ),
        sa.CheckConstraint(
            "(state = 'offered') = (offered_to is not null)",
            name=op.f("ck_complaints_complaint_offered"),
        ),
        sa.CheckConstraint(
            "(state = 'waiting') = (owner_id is null)", name=op.f("ck_complaints_complaint_owned")
        ),
        sa.CheckConstraint(
            "channel in ('phone', 'counter', 'letter', 'message', 'web', 'partner_api', 'regulator')",
            name=op.f("ck_complaints_complaint_channel_known"),
        ),
        sa.CheckConstraint(
            "department in ('care', 'field', 'cable', 'billing', 'sales')",
            name=op.f("ck_complaints_complaint_department_known"),
        ),
        sa.CheckConstraint(
            "grade in ('general', 'serious', 'regulator')",
            name=op.f("ck_complaints_complaint_grade_known"),
        ),
        sa.CheckConstraint(
            "state in ('waiting', 'handled', 'offered', 'answered', 'closed')",
            name=op.f("ck_complaints_complaint_state_known"),
        ),
        sa.CheckConstraint(
            "topic in ('appointment', 'conduct', 'workmanship', 'speed', 'fault', 'damage', 'billing', 'privacy', 'other')",
            name=op.f("ck_complaints_complaint_topic_known"),
        ),
        sa.CheckConstraint(
            "(decided_at is null) = (justified is null) and (decided_at is null) = (serious is null) and (decided_at is null) = (decided_by is null)",
            name=op.f("ck_complaints_complaint_decided"),
        ),
        sa.CheckConstraint(
            "(offered_to is null) = (offered_by is null)",
            name=op.f("ck_complaints_complaint_offered_by_somebody"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(responsible_technician_id, responsible_firm_id, responsible_department) = case when justified then 1 else 0 end",
            name=op.f("ck_complaints_complaint_responsible_known"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_complaints_complaint_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "customer_id"],
            ["customers_customer.region_id", "customers_customer.id"],
            name=op.f("fk_complaints_complaint_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "order_id"],
            ["orders_order.region_id", "orders_order.id"],
            name=op.f("fk_complaints_complaint_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "repeat_of_id"],
            ["complaints_complaint.region_id", "complaints_complaint.id"],
            name=op.f("fk_complaints_complaint_repeat_of_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "responsible_technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_complaints_complaint_responsible_technician_id"),
        ),
        sa.ForeignKeyConstraint(
            ["responsible_firm_id"],
            ["organisation_unit.id"],
            name=op.f("fk_complaints_complaint_responsible_firm_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_complaints_complaint")),
    )
    op.create_index(
        op.f("ix_complaints_complaint_centre_id"),
        "complaints_complaint",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_complaints_complaint_customer_id"),
        "complaints_complaint",
        ["region_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_complaints_complaint_due",
        "complaints_complaint",
        ["region_id", "state", "due_at"],
        unique=False,
    )
    op.create_index(
        "ix_complaints_complaint_matter",
        "complaints_complaint",
        ["region_id", "customer_id", "topic", "arrived_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_complaints_complaint_order_id"),
        "complaints_complaint",
        ["region_id", "order_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_complaints_complaint_repeat_of_id"),
        "complaints_complaint",
        ["region_id", "repeat_of_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_complaints_complaint_responsible_firm_id"),
        "complaints_complaint",
        ["region_id", "responsible_firm_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_complaints_complaint_responsible_technician_id"),
        "complaints_complaint",
        ["region_id", "responsible_technician_id"],
        unique=False,
    )
    op.create_table(
        "complaints_entry",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("department", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("reached", sa.Boolean(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('contact', 'taken_over', 'transfer', 'accepted', 'refused', 'answer', 'reply', 'escalation', 'decision')",
            name=op.f("ck_complaints_entry_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_complaints_entry_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "complaint_id"],
            ["complaints_complaint.region_id", "complaints_complaint.id"],
            name=op.f("fk_complaints_entry_complaint_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_complaints_entry")),
    )
    op.create_index(
        op.f("ix_complaints_entry_centre_id"),
        "complaints_entry",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_complaints_entry_complaint_id"),
        "complaints_entry",
        ["region_id", "complaint_id"],
        unique=False,
    )
    op.create_table(
        "complaints_visit",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_complaints_visit_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "complaint_id"],
            ["complaints_complaint.region_id", "complaints_complaint.id"],
            name=op.f("fk_complaints_visit_complaint_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_complaints_visit_visit_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_complaints_visit")),
        sa.UniqueConstraint(
            "region_id",
            "complaint_id",
            "visit_id",
            name=op.f("uq_complaints_visit_complaint_id_visit_id"),
        ),
    )
    op.create_index(
        op.f("ix_complaints_visit_centre_id"),
        "complaints_visit",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_complaints_visit_visit_id"),
        "complaints_visit",
        ["region_id", "visit_id"],
        unique=False,
    )
    op.create_table(
        "complaints_warning",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "audience in ('handler', 'supervisor', 'unit_above')",
            name=op.f("ck_complaints_warning_audience_known"),
        ),
        sa.CheckConstraint(
            "clock in ('contact', 'answer')", name=op.f("ck_complaints_warning_clock_known")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_complaints_warning_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "complaint_id"],
            ["complaints_complaint.region_id", "complaints_complaint.id"],
            name=op.f("fk_complaints_warning_complaint_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_complaints_warning")),
        sa.UniqueConstraint(
            "region_id",
            "complaint_id",
            "clock",
            "audience",
            name=op.f("uq_complaints_warning_complaint_id_clock_audience"),
        ),
    )
    op.create_index(
        op.f("ix_complaints_warning_centre_id"),
        "complaints_warning",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_complaints_warning_warned",
        "complaints_warning",
        ["region_id", "centre_id", "warned_at"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_complaints_warning_warned", table_name="complaints_warning")
    op.drop_index(op.f("ix_complaints_warning_centre_id"), table_name="complaints_warning")
    op.drop_table("complaints_warning")
    op.drop_index(op.f("ix_complaints_visit_visit_id"), table_name="complaints_visit")
    op.drop_index(op.f("ix_complaints_visit_centre_id"), table_name="complaints_visit")
    op.drop_table("complaints_visit")
    op.drop_index(op.f("ix_complaints_entry_complaint_id"), table_name="complaints_entry")
    op.drop_index(op.f("ix_complaints_entry_centre_id"), table_name="complaints_entry")
    op.drop_table("complaints_entry")
    op.drop_index(
        op.f("ix_complaints_complaint_responsible_technician_id"), table_name="complaints_complaint"
    )
    op.drop_index(
        op.f("ix_complaints_complaint_responsible_firm_id"), table_name="complaints_complaint"
    )
    op.drop_index(op.f("ix_complaints_complaint_repeat_of_id"), table_name="complaints_complaint")
    op.drop_index(op.f("ix_complaints_complaint_order_id"), table_name="complaints_complaint")
    op.drop_index("ix_complaints_complaint_matter", table_name="complaints_complaint")
    op.drop_index("ix_complaints_complaint_due", table_name="complaints_complaint")
    op.drop_index(op.f("ix_complaints_complaint_customer_id"), table_name="complaints_complaint")
    op.drop_index(op.f("ix_complaints_complaint_centre_id"), table_name="complaints_complaint")
    op.drop_table("complaints_complaint")
