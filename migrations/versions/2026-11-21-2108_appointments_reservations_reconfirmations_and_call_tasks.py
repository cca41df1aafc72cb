"""Appointments, reservations, reconfirmations and call tasks.

Revision: 0009_appointments
After: 0008_visits
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009_appointments"
down_revision = "0008_visits"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "appointments_appointment",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("customer_said", sa.Text(), nullable=False),
        sa.Column("night_visit_wanted", sa.Boolean(), nullable=False),
        sa.Column("needs_person", sa.Boolean(), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reconfirm_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("call_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("operator_reschedules", sa.Integer(), nullable=False),
        sa.Column("customer_reschedules", sa.Integer(), nullable=False),
        sa.Column("moved_cause", sa.Text(), nullable=True),
        sa.Column("moved_reason", sa.Text(), nullable=True),
        sa.Column("customer_contacted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contacted_in_time", sa.Boolean(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "channel in ('phone', 'web_link', 'agent', 'partner_api')",
            name=op.f("ck_appointments_appointment_channel_known"),
        ),
        sa.CheckConstraint(
            "state <> 'confirmed' or confirmed_at is not null",
            name=op.f("ck_appointments_appointment_confirmed_when"),
        ),
        sa.CheckConstraint(
            "state in ('booked', 'confirmed', 'change_wanted', 'cancelled', 'unreachable', 'kept', 'missed')",
            name=op.f("ck_appointments_appointment_state_known"),
        ),
        sa.CheckConstraint(
            "(moved_cause is null) = (moved_reason is null)",
            name=op.f("ck_appointments_appointment_move_explained"),
        ),
        sa.CheckConstraint(
            "window_end > window_start", name=op.f("ck_appointments_appointment_window_in_order")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"],
            ["organisation_unit.id"],
            name=op.f("fk_appointments_appointment_centre_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "customer_id"],
            ["customers_customer.region_id", "customers_customer.id"],
            name=op.f("fk_appointments_appointment_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_appointments_appointment_visit_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_appointments_appointment")),
    )
    op.create_index(
        op.f("ix_appointments_appointment_centre_id"),
        "appointments_appointment",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_appointments_appointment_customer_id"),
        "appointments_appointment",
        ["region_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_appointments_appointment_ladder",
        "appointments_appointment",
        ["region_id", "window_start"],
        unique=False,
        postgresql_where=sa.text("state IN ('booked', 'unreachable')"),
    )
    op.create_index(
        op.f("ix_appointments_appointment_visit_id"),
        "appointments_appointment",
        ["region_id", "visit_id"],
        unique=False,
    )
    op.create_index(
        "ix_appointments_appointment_window",
        "appointments_appointment",
        ["region_id", "centre_id", "window_start"],
        unique=False,
    )
    op.create_index(
        "uq_appointments_appointment_open",
        "appointments_appointment",
        ["region_id", "visit_id"],
        unique=True,
        postgresql_where=sa.text(
            "state IN ('booked', 'confirmed', 'change_wanted', 'unreachable')"
        ),
    )
    op.create_table(
        "appointments_reservation",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("region_id"), "="),
            (sa.column("technician_id"), "="),
            (sa.column("during"), "&&"),
            using="gist",
            name="ex_appointments_reservation_time",
        ),
        sa.CheckConstraint(
            "not isempty(during)", name=op.f("ck_appointments_reservation_time_given")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"],
            ["organisation_unit.id"],
            name=op.f("fk_appointments_reservation_centre_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_appointments_reservation_technician_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_appointments_reservation_visit_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_appointments_reservation")),
    )
    op.create_index(
        op.f("ix_appointments_reservation_centre_id"),
        "appointments_reservation",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_appointments_reservation_technician_id"),
        "appointments_reservation",
        ["region_id", "technician_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_appointments_reservation_visit_id"),
        "appointments_reservation",
        ["region_id", "visit_id"],
        unique=False,
    )
    op.create_table(
        "appointments_call_task",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('reconfirm', 'unconfirmed', 'reschedule', 'new_appointment', 'withdrawn', 'message_uncertain')",
            name=op.f("ck_appointments_call_task_kind_known"),
        ),
        sa.CheckConstraint(
            "outcome is null or outcome in ('confirmed', 'change_wanted', 'cancelled', 'unreachable', 'done') or outcome = 'withdrawn'",
            name=op.f("ck_appointments_call_task_outcome_known"),
        ),
        sa.CheckConstraint(
            "(done_at is null) = (outcome is null)",
            name=op.f("ck_appointments_call_task_done_with_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"],
            ["organisation_unit.id"],
            name=op.f("fk_appointments_call_task_centre_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "appointment_id"],
            ["appointments_appointment.region_id", "appointments_appointment.id"],
            name=op.f("fk_appointments_call_task_appointment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "customer_id"],
            ["customers_customer.region_id", "customers_customer.id"],
            name=op.f("fk_appointments_call_task_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_appointments_call_task_visit_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_appointments_call_task")),
    )
    op.create_index(
        op.f("ix_appointments_call_task_appointment_id"),
        "appointments_call_task",
        ["region_id", "appointment_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_appointments_call_task_centre_id"),
        "appointments_call_task",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_appointments_call_task_customer_id"),
        "appointments_call_task",
        ["region_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_appointments_call_task_due",
        "appointments_call_task",
        ["region_id", "centre_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_index(
        op.f("ix_appointments_call_task_visit_id"),
        "appointments_call_task",
        ["region_id", "visit_id"],
        unique=False,
    )
    op.create_index(
        "uq_appointments_call_task_open",
        "appointments_call_task",
        ["region_id", "visit_id", "kind"],
        unique=True,
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "appointments_reconfirmation",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counted_in", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "answer in ('confirmed', 'change_wanted', 'cancelled', 'unreachable')",
            name=op.f("ck_appointments_reconfirmation_answer_known"),
        ),
        sa.CheckConstraint(
            "channel in ('text_link', 'voice', 'person', 'technician')",
            name=op.f("ck_appointments_reconfirmation_channel_known"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"],
            ["organisation_unit.id"],
            name=op.f("fk_appointments_reconfirmation_centre_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "appointment_id"],
            ["appointments_appointment.region_id", "appointments_appointment.id"],
            name=op.f("fk_appointments_reconfirmation_appointment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_appointments_reconfirmation_visit_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_appointments_reconfirmation")),
    )
    op.create_index(
        op.f("ix_appointments_reconfirmation_appointment_id"),
        "appointments_reconfirmation",
        ["region_id", "appointment_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_appointments_reconfirmation_centre_id"),
        "appointments_reconfirmation",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_appointments_reconfirmation_visit_id"),
        "appointments_reconfirmation",
        ["region_id", "visit_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(
        op.f("ix_appointments_reconfirmation_visit_id"), table_name="appointments_reconfirmation"
    )
    op.drop_index(
        op.f("ix_appointments_reconfirmation_centre_id"), table_name="appointments_reconfirmation"
    )
    op.drop_index(
        op.f("ix_appointments_reconfirmation_appointment_id"),
        table_name="appointments_reconfirmation",
    )
    op.drop_table("appointments_reconfirmation")
    op.drop_index(
        "uq_appointments_call_task_open",
        table_name="appointments_call_task",
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.drop_index(op.f("ix_appointments_call_task_visit_id"), table_name="appointments_call_task")
    op.drop_index(
        "ix_appointments_call_task_due",
        table_name="appointments_call_task",
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.drop_index(
        op.f("ix_appointments_call_task_customer_id"), table_name="appointments_call_task"
    )
    op.drop_index(op.f("ix_appointments_call_task_centre_id"), table_name="appointments_call_task")
    op.drop_index(
        op.f("ix_appointments_call_task_appointment_id"), table_name="appointments_call_task"
    )
    op.drop_table("appointments_call_task")
    op.drop_index(
        op.f("ix_appointments_reservation_visit_id"), table_name="appointments_reservation"
    )
    op.drop_index(
        op.f("ix_appointments_reservation_technician_id"), table_name="appointments_reservation"
    )
    op.drop_index(
        op.f("ix_appointments_reservation_centre_id"), table_name="appointments_reservation"
    )
    op.drop_table("appointments_reservation")
    op.drop_index(
        "uq_appointments_appointment_open",
        table_name="appointments_appointment",
        postgresql_where=sa.text(
            "state IN ('booked', 'confirmed', 'change_wanted', 'unreachable')"
        ),
    )
    op.drop_index("ix_appointments_appointment_window", table_name="appointments_appointment")
    op.drop_index(
        op.f("ix_appointments_appointment_visit_id"), table_name="appointments_appointment"
    )
    op.drop_index(
        "ix_appointments_appointment_ladder",
        table_name="appointments_appointment",
        postgresql_where=sa.text("state IN ('booked', 'unreachable')"),
    )
    op.drop_index(
        op.f("ix_appointments_appointment_customer_id"), table_name="appointments_appointment"
    )
    op.drop_index(
        op.f("ix_appointments_appointment_centre_id"), table_name="appointments_appointment"
    )
    op.drop_table("appointments_appointment")
