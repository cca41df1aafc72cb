"""Templates are drafted before they are published, and retired when they are no longer wanted.

Revision: 0045_template_drafts
After: 0044_because
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0045_template_drafts"
down_revision = "0044_because"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "checklists_template_draft",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("segment", sa.Text(), nullable=True),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("edited_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state in ('open', 'published', 'discarded')",
            name=op.f("ck_checklists_template_draft_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["edited_by"],
            ["organisation_person.id"],
            name=op.f("fk_checklists_template_draft_edited_by"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checklists_template_draft")),
    )
    op.create_index(
        "uq_checklists_template_draft_open",
        "checklists_template_draft",
        ["code"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        op.f("ix_checklists_template_draft_edited_by"), "checklists_template_draft", ["edited_by"]
    )
    table = "checklists_template"
    op.add_column(table, sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(table, sa.Column("retired_by", sa.Uuid(), nullable=True))
    op.add_column(table, sa.Column("retired_reason", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("fk_checklists_template_retired_by"),
        table,
        "organisation_person",
        ["retired_by"],
        ["id"],
    )
    op.create_index(op.f("ix_checklists_template_retired_by"), table, ["retired_by"])
    op.drop_constraint("uq_checklists_template_use", table, type_="unique")
    op.create_index(
        "uq_checklists_template_use",
        table,
        ["kind", "service", "segment"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("retired_at is null"),
    )


def downgrade() -> None:
    table = "checklists_template"
    op.drop_index("uq_checklists_template_use", table)
    op.create_unique_constraint(
        "uq_checklists_template_use",
        table,
        ["kind", "service", "segment"],
        postgresql_nulls_not_distinct=True,
    )
    op.drop_index(op.f("ix_checklists_template_retired_by"), table)
    op.drop_constraint(op.f("fk_checklists_template_retired_by"), table, type_="foreignkey")
    for column in ("retired_reason", "retired_by", "retired_at"):
        op.drop_column(table, column)
    op.drop_table("checklists_template_draft")
