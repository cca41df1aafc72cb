"""Messages and their deliveries.

Revision: 0013_notifications
After: 0012_health
"""

import sqlalchemy as sa
from alembic import op

revision = "0013_notifications"
down_revision = "0012_health"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notifications_message",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("dedupe_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quiet_exempt", sa.Boolean(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expected_arrival", sa.DateTime(timezone=True), nullable=True),
        sa.Column("technician_name", sa.Text(), nullable=True),
        sa.Column("certificate_number", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "channel is null or channel in ('sms', 'email', 'file')",
            name=op.f("ck_notifications_message_channel_known"),
        ),
        sa.CheckConstraint(
            "kind in ('reconfirmation', 'half_hour_notice')",
            name=op.f("ck_notifications_message_kind_known"),
        ),
        sa.CheckConstraint(
            "state <> 'sending' or (claimed_at is not null and channel is not null)",
            name=op.f("ck_notifications_message_claim_known"),
        ),
        sa.CheckConstraint(
            "state in ('planned', 'sending', 'sent', 'failed', 'uncertain', 'expired', 'cancelled')",
            name=op.f("ck_notifications_message_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_notifications_message_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "appointment_id"],
            ["appointments_appointment.region_id", "appointments_appointment.id"],
            name=op.f("fk_notifications_message_appointment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "customer_id"],
            ["customers_customer.region_id", "customers_customer.id"],
            name=op.f("fk_notifications_message_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_notifications_message_visit_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_notifications_message")),
        sa.UniqueConstraint(
            "region_id", "dedupe_key", name=op.f("uq_notifications_message_dedupe_key")
        ),
    )
    op.create_index(
        op.f("ix_notifications_message_appointment_id"),
        "notifications_message",
        ["region_id", "appointment_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_notifications_message_centre_id"),
        "notifications_message",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_notifications_message_customer_id"),
        "notifications_message",
        ["region_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_notifications_message_due",
        "notifications_message",
        ["region_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'planned'"),
    )
    op.create_index(
        "ix_notifications_message_sending",
        "notifications_message",
        ["region_id", "claimed_at"],
        unique=False,
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index(
        op.f("ix_notifications_message_visit_id"),
        "notifications_message",
        ["region_id", "visit_id"],
        unique=False,
    )
    op.create_table(
        "notifications_attempt",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "outcome is null or outcome in ('sent', 'not_sent', 'refused', 'unknown')",
            name=op.f("ck_notifications_attempt_outcome_known"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_notifications_attempt_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "message_id"],
            ["notifications_message.region_id", "notifications_message.id"],
            name=op.f("fk_notifications_attempt_message_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_notifications_attempt")),
        sa.UniqueConstraint(
            "region_id",
            "message_id",
            "number",
            name=op.f("uq_notifications_attempt_message_id_number"),
        ),
    )
    op.create_index(
        op.f("ix_notifications_attempt_centre_id"),
        "notifications_attempt",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_notifications_attempt_message_id"),
        "notifications_attempt",
        ["region_id", "message_id"],
        unique=False,
    )
    op.create_index(
        "ix_notifications_attempt_reference",
        "notifications_attempt",
        ["region_id", "reference"],
        unique=False,
        postgresql_where=sa.text("reference IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_notifications_attempt_reference",
        table_name="notifications_attempt",
        postgresql_where=sa.text("reference IS NOT NULL"),
    )
    op.drop_index(op.f("ix_notifications_attempt_message_id"), table_name="notifications_attempt")
    op.drop_index(op.f("ix_notifications_attempt_centre_id"), table_name="notifications_attempt")
    op.drop_table("notifications_attempt")
    op.drop_index(op.f("ix_notifications_message_visit_id"), table_name="notifications_message")
    op.drop_index(
        "ix_notifications_message_sending",
        table_name="notifications_message",
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.drop_index(
        "ix_notifications_message_due",
        table_name="notifications_message",
        postgresql_where=sa.text("state = 'planned'"),
    )
    op.drop_index(op.f("ix_notifications_message_customer_id"), table_name="notifications_message")
    op.drop_index(op.f("ix_notifications_message_centre_id"), table_name="notifications_message")
    op.drop_index(
        op.f("ix_notifications_message_appointment_id"), table_name="notifications_message"
    )
    op.drop_table("notifications_message")
