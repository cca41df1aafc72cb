"""Checklist templates, lists and answers.

Revision: 0010_checklists
After: 0009_appointments
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010_checklists"
down_revision = "0009_appointments"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "checklists_template",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("segment", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checklists_template")),
        sa.UniqueConstraint("code", name=op.f("uq_checklists_template_code")),
        sa.UniqueConstraint(
            "kind",
            "service",
            "segment",
            name="uq_checklists_template_use",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "checklists_template_version",
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "number > 0", name=op.f("ck_checklists_template_version_number_positive")
        ),
        sa.ForeignKeyConstraint(
            ["published_by"],
            ["organisation_person.id"],
            name=op.f("fk_checklists_template_version_published_by"),
        ),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["checklists_template.id"],
            name=op.f("fk_checklists_template_version_template_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checklists_template_version")),
        sa.UniqueConstraint(
            "template_id", "number", name=op.f("uq_checklists_template_version_template_id_number")
        ),
    )
    op.create_index(
        op.f("ix_checklists_template_version_published_by"),
        "checklists_template_version",
        ["published_by"],
        unique=False,
    )
    op.create_index(
        op.f("ix_checklists_template_version_template_id"),
        "checklists_template_version",
        ["template_id"],
        unique=False,
    )
    op.create_table(
        "checklists_checklist",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("work_order_id", sa.Uuid(), nullable=False),
        sa.Column("template_version_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state in ('open', 'complete')", name=op.f("ck_checklists_checklist_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_checklists_checklist_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_checklists_checklist_visit_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "work_order_id"],
            ["orders_work_order.region_id", "orders_work_order.id"],
            name=op.f("fk_checklists_checklist_work_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["template_version_id"],
            ["checklists_template_version.id"],
            name=op.f("fk_checklists_checklist_template_version_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_checklists_checklist")),
        sa.UniqueConstraint(
            "region_id",
            "visit_id",
            "work_order_id",
            name=op.f("uq_checklists_checklist_visit_id_work_order_id"),
        ),
    )
    op.create_index(
        op.f("ix_checklists_checklist_centre_id"),
        "checklists_checklist",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_checklists_checklist_template_version_id"),
        "checklists_checklist",
        ["region_id", "template_version_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_checklists_checklist_work_order_id"),
        "checklists_checklist",
        ["region_id", "work_order_id"],
        unique=False,
    )
    op.create_table(
        "checklists_answer",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("checklist_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("item_key", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("photos", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("estimated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_other_technician", sa.Boolean(), nullable=False),
        sa.Column("superseded", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_checklists_answer_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "checklist_id"],
            ["checklists_checklist.region_id", "checklists_checklist.id"],
            name=op.f("fk_checklists_answer_checklist_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_checklists_answer_technician_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_checklists_answer_visit_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_checklists_answer")),
    )
    op.create_index(
        op.f("ix_checklists_answer_centre_id"),
        "checklists_answer",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_checklists_answer_checklist_id",
        "checklists_answer",
        ["region_id", "checklist_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_checklists_answer_technician_id"),
        "checklists_answer",
        ["region_id", "technician_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_checklists_answer_visit_id"),
        "checklists_answer",
        ["region_id", "visit_id"],
        unique=False,
    )
    op.create_index(
        "uq_checklists_answer_standing",
        "checklists_answer",
        ["region_id", "checklist_id", "item_key"],
        unique=True,
        postgresql_where="not superseded",
    )


def downgrade() -> None:
    op.drop_index(
        "uq_checklists_answer_standing",
        table_name="checklists_answer",
        postgresql_where="not superseded",
    )
    op.drop_index(op.f("ix_checklists_answer_visit_id"), table_name="checklists_answer")
    op.drop_index(op.f("ix_checklists_answer_technician_id"), table_name="checklists_answer")
    op.drop_index("ix_checklists_answer_checklist_id", table_name="checklists_answer")
    op.drop_index(op.f("ix_checklists_answer_centre_id"), table_name="checklists_answer")
    op.drop_table("checklists_answer")
    op.drop_index(op.f("ix_checklists_checklist_work_order_id"), table_name="checklists_checklist")
    op.drop_index(
        op.f("ix_checklists_checklist_template_version_id"), table_name="checklists_checklist"
    )
    op.drop_index(op.f("ix_checklists_checklist_centre_id"), table_name="checklists_checklist")
    op.drop_table("checklists_checklist")
    op.drop_index(
        op.f("ix_checklists_template_version_template_id"), table_name="checklists_template_version"
    )
    op.drop_index(
        op.f("ix_checklists_template_version_published_by"),
        table_name="checklists_template_version",
    )
    op.drop_table("checklists_template_version")
    op.drop_table("checklists_template")
