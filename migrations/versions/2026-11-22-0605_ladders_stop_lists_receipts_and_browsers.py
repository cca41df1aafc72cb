"""Ladders, stop lists, receipts and browsers.

Revision: 0026_ladder
After: 0025_log
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026_ladder"
down_revision = "0025_log"
branch_labels = None
depends_on = None

TASKS = (
    "'reconfirm', 'unconfirmed', 'reschedule', 'new_appointment', 'withdrawn', 'message_uncertain'"
)
STATES = "'planned', 'sending', 'sent', 'failed', 'uncertain', 'expired', 'cancelled'"

REPLACED = [
    (
        "appointments_call_task",
        "kind_known",
        f"kind in ({TASKS})",
        f"kind in ({TASKS}, 'tell', 'reply')",
    ),
    (
        "appointments_reconfirmation",
        "channel_known",
        "channel in ('text_link', 'voice', 'person', 'technician')",
        "channel in ('text_link', 'text_reply', 'voice', 'person', 'technician')",
    ),
    (
        "notifications_message",
        "kind_known",
        "kind in ('reconfirmation', 'half_hour_notice')",
        "kind in ('booking_confirmation', 'reconfirmation', 'reminder', 'half_hour_notice', "
        "'cannot_keep', 'nobody_home')",
    ),
    (
        "notifications_message",
        "channel_known",
        "channel is null or channel in ('sms', 'email', 'file')",
        "channel is null or channel in ('sms', 'email', 'voice', 'file', 'person')",
    ),
    (
        "notifications_message",
        "state_known",
        f"state in ({STATES})",
        f"state in ({STATES}, 'by_person')",
    ),
]
ADDED = [
    (
        "appointments_appointment",
        "danger_explained",
        "(endangered_at is null) = (endangered_reason is null)",
    ),
    ("appointments_call_task", "taken_by_somebody", "(taken_at is null) = (taken_by is null)"),
    (
        "appointments_call_task",
        "promise_known",
        "promise is null or promise in "
        "('call_again', 'will_be_home', 'somebody_else_home', 'will_call_back')",
    ),
]


def upgrade() -> None:
    op.create_table(
        "appointments_ladder",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("steps", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_appointments_ladder")),
        sa.UniqueConstraint("region_id", "number", name=op.f("uq_appointments_ladder_number")),
    )
    op.create_table(
        "notifications_push_subscription",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("p256dh", sa.Text(), nullable=False),
        sa.Column("auth", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["organisation_person.id"],
            name=op.f("fk_notifications_push_subscription_person_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_notifications_push_subscription")),
        sa.UniqueConstraint(
            "region_id", "endpoint", name=op.f("uq_notifications_push_subscription_endpoint")
        ),
    )
    op.create_index(
        op.f("ix_notifications_push_subscription_person_id"),
        "notifications_push_subscription",
        ["region_id", "person_id"],
        unique=False,
    )
    op.create_table(
        "customers_incoming_text",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("joined_by", sa.Integer(), nullable=True),
        sa.Column("part", sa.Integer(), nullable=True),
        sa.Column("parts", sa.Integer(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("meaning", sa.Text(), nullable=True),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'part') = (part is not null)",
            name=op.f("ck_customers_incoming_text_part_known"),
        ),
        sa.CheckConstraint(
            "state in ('part', 'answered', 'repeated', 'unclear', 'stopped', 'unknown')",
            name=op.f("ck_customers_incoming_text_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"],
            ["organisation_unit.id"],
            name=op.f("fk_customers_incoming_text_centre_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "customer_id"],
            ["customers_customer.region_id", "customers_customer.id"],
            name=op.f("fk_customers_incoming_text_customer_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_customers_incoming_text")),
    )
    op.create_index(
        op.f("ix_customers_incoming_text_centre_id"),
        "customers_incoming_text",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_customers_incoming_text_customer_id"),
        "customers_incoming_text",
        ["region_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_customers_incoming_text_number",
        "customers_incoming_text",
        ["region_id", "number", "received_at"],
        unique=False,
    )
    op.create_index(
        "uq_customers_incoming_text_part",
        "customers_incoming_text",
        ["region_id", "number", "joined_by", "parts", "part"],
        unique=True,
        postgresql_where=sa.text("state = 'part'"),
    )
    op.create_table(
        "customers_stop",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "source in ('reply', 'person')", name=op.f("ck_customers_stop_source_known")
        ),
        sa.CheckConstraint(
            "customer_id is not null or number is not null",
            name=op.f("ck_customers_stop_somebody_named"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_customers_stop_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "customer_id"],
            ["customers_customer.region_id", "customers_customer.id"],
            name=op.f("fk_customers_stop_customer_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_customers_stop")),
    )
    op.create_index(
        op.f("ix_customers_stop_centre_id"),
        "customers_stop",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_customers_stop_customer_id"),
        "customers_stop",
        ["region_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_customers_stop_number", "customers_stop", ["region_id", "number"], unique=False
    )
    op.create_table(
        "notifications_receipt",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_notifications_receipt_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "attempt_id"],
            ["notifications_attempt.region_id", "notifications_attempt.id"],
            name=op.f("fk_notifications_receipt_attempt_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_notifications_receipt")),
    )
    op.create_index(
        op.f("ix_notifications_receipt_attempt_id"),
        "notifications_receipt",
        ["region_id", "attempt_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_notifications_receipt_centre_id"),
        "notifications_receipt",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_notifications_receipt_reference",
        "notifications_receipt",
        ["region_id", "channel", "reference"],
        unique=False,
    )
    op.add_column(
        "appointments_appointment",
        sa.Column("endangered_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.add_column(
        "appointments_appointment", sa.Column("endangered_reason", sa.Text(), nullable=True)
    )
    op.add_column("appointments_call_task", sa.Column("taken_by", sa.Uuid(), nullable=True))
    op.add_column(
        "appointments_call_task", sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("appointments_call_task", sa.Column("tries", sa.Integer(), nullable=True))
    op.add_column(
        "appointments_call_task", sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("appointments_call_task", sa.Column("promise", sa.Text(), nullable=True))
    op.add_column("customers_contact", sa.Column("phone_digits", sa.Text(), nullable=True))
    op.create_index(
        "ix_customers_contact_phone_digits",
        "customers_contact",
        ["region_id", "phone_digits"],
        unique=False,
    )
    op.add_column("notifications_message", sa.Column("step", sa.Text(), nullable=True))
    op.add_column(
        "notifications_message", sa.Column("ways", postgresql.ARRAY(sa.Text()), nullable=True)
    )
    op.add_column(
        "notifications_message", sa.Column("receipt_minutes", sa.Integer(), nullable=True)
    )
    op.add_column(
        "notifications_message",
        sa.Column("receipt_due_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index(
        "ix_notifications_message_receipt",
        "notifications_message",
        ["region_id", "receipt_due_at"],
        unique=False,
        postgresql_where=sa.text("receipt_due_at is not null"),
    )
    op.execute(
        "update customers_contact set phone_digits = nullif("
        "regexp_replace(regexp_replace(phone, '[^0-9]', '', 'g'), '^00', ''), '')"
    )
    for table, name, _before, condition in REPLACED:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
    for table, name, condition in ADDED:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)


def downgrade() -> None:
    for table, name, _condition in reversed(ADDED):
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
    for table, name, before, _condition in reversed(REPLACED):
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, before)
    op.drop_index(
        "ix_notifications_message_receipt",
        table_name="notifications_message",
        postgresql_where=sa.text("receipt_due_at is not null"),
    )
    op.drop_column("notifications_message", "receipt_due_at")
    op.drop_column("notifications_message", "receipt_minutes")
    op.drop_column("notifications_message", "ways")
    op.drop_column("notifications_message", "step")
    op.drop_index("ix_customers_contact_phone_digits", table_name="customers_contact")
    op.drop_column("customers_contact", "phone_digits")
    op.drop_column("appointments_call_task", "promise")
    op.drop_column("appointments_call_task", "tried_at")
    op.drop_column("appointments_call_task", "tries")
    op.drop_column("appointments_call_task", "taken_at")
    op.drop_column("appointments_call_task", "taken_by")
    op.drop_column("appointments_appointment", "endangered_reason")
    op.drop_column("appointments_appointment", "endangered_at")
    op.drop_index("ix_notifications_receipt_reference", table_name="notifications_receipt")
    op.drop_index(op.f("ix_notifications_receipt_centre_id"), table_name="notifications_receipt")
    op.drop_index(op.f("ix_notifications_receipt_attempt_id"), table_name="notifications_receipt")
    op.drop_table("notifications_receipt")
    op.drop_index("ix_customers_stop_number", table_name="customers_stop")
    op.drop_index(op.f("ix_customers_stop_customer_id"), table_name="customers_stop")
    op.drop_index(op.f("ix_customers_stop_centre_id"), table_name="customers_stop")
    op.drop_table("customers_stop")
    op.drop_index(
        "uq_customers_incoming_text_part",
        table_name="customers_incoming_text",
        postgresql_where=sa.text("state = 'part'"),
    )
    op.drop_index("ix_customers_incoming_text_number", table_name="customers_incoming_text")
    op.drop_index(
        op.f("ix_customers_incoming_text_customer_id"), table_name="customers_incoming_text"
    )
    op.drop_index(
        op.f("ix_customers_incoming_text_centre_id"), table_name="customers_incoming_text"
    )
    op.drop_table("customers_incoming_text")
    op.drop_index(
        op.f("ix_notifications_push_subscription_person_id"),
        table_name="notifications_push_subscription",
    )
    op.drop_table("notifications_push_subscription")
    op.drop_table("appointments_ladder")
