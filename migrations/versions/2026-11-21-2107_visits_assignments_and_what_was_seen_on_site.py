"""Visits, assignments and what was seen on site.

Revision: 0008_visits
After: 0007_orders
"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0008_visits"
down_revision = "0007_orders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "visits_visit",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("premises_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("former_visit_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("window_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expected_arrival", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_minutes", sa.Integer(), nullable=False),
        sa.Column("kit", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("split_reason", sa.Text(), nullable=True),
        sa.Column("override_reason", sa.Text(), nullable=True),
        sa.Column("kit_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("departed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("identity_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("end_cause", sa.Text(), nullable=True),
        sa.Column("end_note", sa.Text(), nullable=True),
        sa.Column("next_step", sa.Text(), nullable=True),
        sa.Column("told_customer", sa.Text(), nullable=True),
        sa.Column("signature_sha256", sa.Text(), nullable=True),
        sa.Column("signature_refused_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state in ('completed', 'failed', 'cancelled')) = (ended_at is not null)",
            name=op.f("ck_visits_visit_end_known"),
        ),
        sa.CheckConstraint(
            "next_step is null or next_step in ('suspend', 'transfer', 'new_appointment', 'work_ended')",
            name=op.f("ck_visits_visit_next_step_known"),
        ),
        sa.CheckConstraint(
            "state <> 'completed' or (signature_sha256 is null) <> (signature_refused_reason is null)",
            name=op.f("ck_visits_visit_signed_or_refused"),
        ),
        sa.CheckConstraint(
            "state <> 'failed' or told_customer is not null",
            name=op.f("ck_visits_visit_customer_told"),
        ),
        sa.CheckConstraint(
            "state in ('planned', 'scheduled', 'dispatched', 'accepted', 'en_route', 'on_site', 'in_progress', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_visits_visit_state_known"),
        ),
        sa.CheckConstraint(
            "state not in ('failed', 'cancelled') or (next_step is not null and end_reason is not null)",
            name=op.f("ck_visits_visit_next_step_given"),
        ),
        sa.CheckConstraint(
            "state not in ('scheduled', 'dispatched', 'accepted', 'en_route', 'on_site', 'in_progress') or window_start is not null",
            name=op.f("ck_visits_visit_window_agreed"),
        ),
        sa.CheckConstraint(
            "(window_start is null) = (window_end is null) and (window_start is null) = (expected_arrival is null) and (window_start is null or window_start < window_end)",
            name=op.f("ck_visits_visit_window_in_order"),
        ),
        sa.CheckConstraint(
            "duration_minutes between 1 and 1440", name=op.f("ck_visits_visit_duration_of_a_day")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_visits_visit_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "customer_id"],
            ["customers_customer.region_id", "customers_customer.id"],
            name=op.f("fk_visits_visit_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "former_visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_visits_visit_former_visit_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "order_id"],
            ["orders_order.region_id", "orders_order.id"],
            name=op.f("fk_visits_visit_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "premises_id"],
            ["customers_premises.region_id", "customers_premises.id"],
            name=op.f("fk_visits_visit_premises_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_visits_visit")),
    )
    op.create_index(
        op.f("ix_visits_visit_centre_id"), "visits_visit", ["region_id", "centre_id"], unique=False
    )
    op.create_index(
        op.f("ix_visits_visit_customer_id"),
        "visits_visit",
        ["region_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_visits_visit_former_visit_id"),
        "visits_visit",
        ["region_id", "former_visit_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_visits_visit_order_id"), "visits_visit", ["region_id", "order_id"], unique=False
    )
    op.create_index(
        op.f("ix_visits_visit_premises_id"),
        "visits_visit",
        ["region_id", "premises_id"],
        unique=False,
    )
    op.create_index(
        "ix_visits_visit_state",
        "visits_visit",
        ["region_id", "state", "window_start"],
        unique=False,
    )
    op.create_index(
        "ix_visits_visit_window",
        "visits_visit",
        ["region_id", "centre_id", "window_start"],
        unique=False,
    )
    op.create_table(
        "visits_assignment",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("is_contact", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("travel_seconds", sa.Integer(), nullable=True),
        sa.Column("latest_departure_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("departed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state in ('offered', 'accepted', 'en_route', 'on_site', 'working', 'done')",
            name=op.f("ck_visits_assignment_state_known"),
        ),
        sa.CheckConstraint(
            "(ended_at is null) = (ended_reason is null)",
            name=op.f("ck_visits_assignment_end_known"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_visits_assignment_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_visits_assignment_technician_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_visits_assignment_visit_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_visits_assignment")),
    )
    op.create_index(
        op.f("ix_visits_assignment_centre_id"),
        "visits_assignment",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_visits_assignment_technician_id"),
        "visits_assignment",
        ["region_id", "technician_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_visits_assignment_visit_id"),
        "visits_assignment",
        ["region_id", "visit_id"],
        unique=False,
    )
    op.create_index(
        "uq_visits_assignment_contact",
        "visits_assignment",
        ["region_id", "visit_id"],
        unique=True,
        postgresql_where="is_contact and ended_at is null",
    )
    op.create_index(
        "uq_visits_assignment_present",
        "visits_assignment",
        ["region_id", "visit_id", "technician_id"],
        unique=True,
        postgresql_where="ended_at is null",
    )
    op.create_table(
        "visits_visit_fact",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("point", Geometry("POINT", srid=4326, spatial_index=False), nullable=True),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("estimated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clock_far_off", sa.Boolean(), nullable=False),
        sa.Column("by_other_technician", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('acceptance', 'kit', 'departure', 'arrival', 'identity', 'start', 'completion', 'failure', 'notice', 'note')",
            name=op.f("ck_visits_visit_fact_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_visits_visit_fact_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_visits_visit_fact_technician_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_visits_visit_fact_visit_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_visits_visit_fact")),
    )
    op.create_index(
        op.f("ix_visits_visit_fact_centre_id"),
        "visits_visit_fact",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_visits_visit_fact_point",
        "visits_visit_fact",
        ["point"],
        unique=False,
        postgresql_using="gist",
    )
    op.create_index(
        op.f("ix_visits_visit_fact_technician_id"),
        "visits_visit_fact",
        ["region_id", "technician_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_visits_visit_fact_visit_id"),
        "visits_visit_fact",
        ["region_id", "visit_id"],
        unique=False,
    )
    op.create_table(
        "visits_visit_work",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("work_order_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(ended_at is null) = (outcome is null)",
            name=op.f("ck_visits_visit_work_outcome_known"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_visits_visit_work_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_visits_visit_work_visit_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "work_order_id"],
            ["orders_work_order.region_id", "orders_work_order.id"],
            name=op.f("fk_visits_visit_work_work_order_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_visits_visit_work")),
        sa.UniqueConstraint(
            "region_id",
            "visit_id",
            "work_order_id",
            name=op.f("uq_visits_visit_work_visit_id_work_order_id"),
        ),
    )
    op.create_index(
        op.f("ix_visits_visit_work_centre_id"),
        "visits_visit_work",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_visits_visit_work_work_order_id"),
        "visits_visit_work",
        ["region_id", "work_order_id"],
        unique=False,
    )
    op.create_index(
        "uq_visits_visit_work_open",
        "visits_visit_work",
        ["region_id", "work_order_id"],
        unique=True,
        postgresql_where="ended_at is null",
    )


def downgrade() -> None:
    op.drop_index(
        "uq_visits_visit_work_open",
        table_name="visits_visit_work",
        postgresql_where="ended_at is null",
    )
    op.drop_index(op.f("ix_visits_visit_work_work_order_id"), table_name="visits_visit_work")
    op.drop_index(op.f("ix_visits_visit_work_centre_id"), table_name="visits_visit_work")
    op.drop_table("visits_visit_work")
    op.drop_index(op.f("ix_visits_visit_fact_visit_id"), table_name="visits_visit_fact")
    op.drop_index(op.f("ix_visits_visit_fact_technician_id"), table_name="visits_visit_fact")
    op.drop_index(
        "ix_visits_visit_fact_point", table_name="visits_visit_fact", postgresql_using="gist"
    )
    op.drop_index(op.f("ix_visits_visit_fact_centre_id"), table_name="visits_visit_fact")
    op.drop_table("visits_visit_fact")
    op.drop_index(
        "uq_visits_assignment_present",
        table_name="visits_assignment",
        postgresql_where="ended_at is null",
    )
    op.drop_index(
        "uq_visits_assignment_contact",
        table_name="visits_assignment",
        postgresql_where="is_contact and ended_at is null",
    )
    op.drop_index(op.f("ix_visits_assignment_visit_id"), table_name="visits_assignment")
    op.drop_index(op.f("ix_visits_assignment_technician_id"), table_name="visits_assignment")
    op.drop_index(op.f("ix_visits_assignment_centre_id"), table_name="visits_assignment")
    op.drop_table("visits_assignment")
    op.drop_index("ix_visits_visit_window", table_name="visits_visit")
    op.drop_index("ix_visits_visit_state", table_name="visits_visit")
    op.drop_index(op.f("ix_visits_visit_premises_id"), table_name="visits_visit")
    op.drop_index(op.f("ix_visits_visit_order_id"), table_name="visits_visit")
    op.drop_index(op.f("ix_visits_visit_former_visit_id"), table_name="visits_visit")
    op.drop_index(op.f("ix_visits_visit_customer_id"), table_name="visits_visit")
    op.drop_index(op.f("ix_visits_visit_centre_id"), table_name="visits_visit")
    op.drop_table("visits_visit")
