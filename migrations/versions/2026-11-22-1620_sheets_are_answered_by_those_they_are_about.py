"""Sheets are answered by those they are about, and cases follow their complaints.

Revision: 0074_own_sheets
After: 0073_limits
"""

import sqlalchemy as sa
from alembic import op

revision = "0074_own_sheets"
down_revision = "0073_limits"
branch_labels = None
depends_on = None

STATES = "state in ('opened', 'heard', 'decided', 'closed'{more})"


def upgrade() -> None:
    op.add_column("quality_feedback_round", sa.Column("technician_id", sa.Uuid(), nullable=True))
    op.add_column("quality_feedback_round", sa.Column("addition", sa.Text(), nullable=True))
    op.add_column(
        "quality_feedback_round",
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.execute(
        "update quality_feedback_round set technician_id = i.technician_id from "
        "quality_inspection i where i.region_id = quality_feedback_round.region_id "
        "and i.id = quality_feedback_round.inspection_id and i.technician_id is not null"
    )
    op.create_check_constraint(
        op.f("ck_quality_feedback_round_addition_whole"),
        "quality_feedback_round",
        "(addition is null) = (added_at is null)",
    )
    op.create_foreign_key(
        op.f("fk_quality_feedback_round_technician_id"),
        "quality_feedback_round",
        "organisation_technician",
        ["region_id", "technician_id"],
        ["region_id", "id"],
    )
    op.create_index(
        op.f("ix_quality_feedback_round_technician_id"),
        "quality_feedback_round",
        ["region_id", "technician_id"],
        unique=False,
    )
    _states(", 'dropped'")
    op.drop_constraint(op.f("uq_quality_case_complaint_id"), "quality_case", type_="unique")
    op.create_index(
        op.f("ix_quality_case_complaint_id"),
        "quality_case",
        ["region_id", "complaint_id"],
        unique=False,
    )
    op.create_index(
        "uq_quality_case_complaint_id",
        "quality_case",
        ["region_id", "complaint_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'dropped'"),
    )


def _states(more: str) -> None:
    name = op.f("ck_quality_case_state_known")
    op.drop_constraint(name, "quality_case", type_="check")
    op.create_check_constraint(name, "quality_case", STATES.format(more=more))


def downgrade() -> None:
    op.execute("delete from quality_case where state = 'dropped'")
    op.drop_index("uq_quality_case_complaint_id", table_name="quality_case")
    op.drop_index(op.f("ix_quality_case_complaint_id"), table_name="quality_case")
    op.create_unique_constraint(
        op.f("uq_quality_case_complaint_id"), "quality_case", ["region_id", "complaint_id"]
    )
    _states("")
    op.drop_index(
        op.f("ix_quality_feedback_round_technician_id"), table_name="quality_feedback_round"
    )
    op.drop_constraint(
        op.f("fk_quality_feedback_round_technician_id"),
        "quality_feedback_round",
        type_="foreignkey",
    )
    for column in ("added_at", "addition", "technician_id"):
        op.drop_column("quality_feedback_round", column)
