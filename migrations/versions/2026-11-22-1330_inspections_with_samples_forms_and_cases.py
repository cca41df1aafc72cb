"""Inspections with samples, forms and cases.

Revision: 0060_inspections
After: 0062_materials
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0060_inspections"
down_revision = "0062_materials"
branch_labels = None
depends_on = None

_BEFORE = (
    "gained",
    "reassigned",
    "given_back",
    "unscheduled",
    "moved",
    "cancelled",
    "revived",
    "work_changed",
    "role_lost",
    "linked_moved",
    "evidence_asked",
    "complaint",
    "complaint_decided",
)


def _known(kinds: tuple[str, ...]) -> str:
    return f"kind in ({', '.join(repr(kind) for kind in kinds)})"


def upgrade() -> None:
    name = op.f("ck_visits_notice_kind_known")
    op.drop_constraint(name, "visits_notice")
    op.create_check_constraint(
        name, "visits_notice", _known((*_BEFORE, "finding_given", "case_opened", "case_decided"))
    )
    op.create_table(
        "quality_form",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('self', 'mutual', 'survey', 'ride_along', 'remote')",
            name=op.f("ck_quality_form_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["published_by"], ["organisation_person.id"], name=op.f("fk_quality_form_published_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quality_form")),
        sa.UniqueConstraint("code", "number", name=op.f("uq_quality_form_code_number")),
    )
    op.create_index(
        op.f("ix_quality_form_published_by"), "quality_form", ["published_by"], unique=False
    )
    op.create_table(
        "quality_inspection",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("form_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("planned_for", sa.Date(), nullable=False),
        sa.Column("inspector_id", sa.Uuid(), nullable=False),
        sa.Column("planned_by", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("answer_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind = 'ride_along') <= (technician_id is not null)",
            name=op.f("ck_quality_inspection_with_whom"),
        ),
        sa.CheckConstraint(
            "(level = 'province') = (centre_id is null)",
            name=op.f("ck_quality_inspection_inspected_known"),
        ),
        sa.CheckConstraint(
            "(state = 'accepted') = (accepted_at is not null)",
            name=op.f("ck_quality_inspection_accepted_known"),
        ),
        sa.CheckConstraint(
            "(state in ('planned', 'cancelled')) = (done_on is null) and (done_on is null) = (score is null)",
            name=op.f("ck_quality_inspection_done_known"),
        ),
        sa.CheckConstraint(
            "kind in ('self', 'mutual', 'survey', 'ride_along', 'remote')",
            name=op.f("ck_quality_inspection_kind_known"),
        ),
        sa.CheckConstraint(
            "level in ('province', 'region', 'centre')",
            name=op.f("ck_quality_inspection_level_known"),
        ),
        sa.CheckConstraint(
            "state in ('planned', 'reported', 'answered', 'accepted', 'cancelled')",
            name=op.f("ck_quality_inspection_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_quality_inspection_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["form_id"], ["quality_form.id"], name=op.f("fk_quality_inspection_form_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_quality_inspection_technician_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_quality_inspection")),
    )
    op.create_index(
        op.f("ix_quality_inspection_centre_id"),
        "quality_inspection",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_quality_inspection_done",
        "quality_inspection",
        ["region_id", "level", "done_on"],
        unique=False,
    )
    op.create_index(
        op.f("ix_quality_inspection_form_id"),
        "quality_inspection",
        ["region_id", "form_id"],
        unique=False,
    )
    op.create_index(
        "ix_quality_inspection_inspector",
        "quality_inspection",
        ["region_id", "inspector_id", "state"],
        unique=False,
    )
    op.create_index(
        op.f("ix_quality_inspection_technician_id"),
        "quality_inspection",
        ["region_id", "technician_id"],
        unique=False,
    )
    op.create_table(
        "quality_draw",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("inspection_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("ended_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("risk_share", sa.Float(), nullable=False),
        sa.Column("population", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("drawn_by", sa.Uuid(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_quality_draw_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "inspection_id"],
            ["quality_inspection.region_id", "quality_inspection.id"],
            name=op.f("fk_quality_draw_inspection_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_quality_draw")),
        sa.UniqueConstraint(
            "region_id", "inspection_id", name=op.f("uq_quality_draw_inspection_id")
        ),
    )
    op.create_index(
        op.f("ix_quality_draw_centre_id"), "quality_draw", ["region_id", "centre_id"], unique=False
    )
    op.create_table(
        "quality_feedback_round",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("inspection_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("measures", sa.Text(), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("verdict_words", sa.Text(), nullable=True),
        sa.Column("judged_by", sa.Uuid(), nullable=True),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "verdict is null or verdict in ('accepted', 'reopened')",
            name=op.f("ck_quality_feedback_round_verdict"),
        ),
        sa.CheckConstraint(
            "(measures is null) = (answered_at is null) and (answered_at is null) = (answered_by is null)",
            name=op.f("ck_quality_feedback_round_answer_whole"),
        ),
        sa.CheckConstraint(
            "(verdict is null) = (judged_at is null) and (verdict is null or measures is not null)",
            name=op.f("ck_quality_feedback_round_verdict_whole"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"],
            ["organisation_unit.id"],
            name=op.f("fk_quality_feedback_round_centre_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "inspection_id"],
            ["quality_inspection.region_id", "quality_inspection.id"],
            name=op.f("fk_quality_feedback_round_inspection_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_quality_feedback_round")),
        sa.UniqueConstraint(
            "region_id",
            "inspection_id",
            "number",
            name=op.f("uq_quality_feedback_round_inspection_id_number"),
        ),
    )
    op.create_index(
        op.f("ix_quality_feedback_round_centre_id"),
        "quality_feedback_round",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_table(
        "quality_filled_form",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("inspection_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("technician_id", sa.Uuid(), nullable=True),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("filled_by", sa.Uuid(), nullable=False),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "score between 0 and 100", name=op.f("ck_quality_filled_form_score_known")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_quality_filled_form_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "inspection_id"],
            ["quality_inspection.region_id", "quality_inspection.id"],
            name=op.f("fk_quality_filled_form_inspection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_quality_filled_form_technician_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_quality_filled_form_visit_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_quality_filled_form")),
    )
    op.create_index(
        "ix_quality_filled_form_at", "quality_filled_form", ["region_id", "filled_at"], unique=False
    )
    op.create_index(
        op.f("ix_quality_filled_form_centre_id"),
        "quality_filled_form",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_quality_filled_form_technician_id"),
        "quality_filled_form",
        ["region_id", "technician_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_quality_filled_form_visit_id"),
        "quality_filled_form",
        ["region_id", "visit_id"],
        unique=False,
    )
    op.create_index(
        "uq_quality_filled_form_once",
        "quality_filled_form",
        ["region_id", "inspection_id", "visit_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "quality_finding",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("inspection_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("item_key", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("found_by", sa.Uuid(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state in ('given', 'settled')) = (given_at is not null)",
            name=op.f("ck_quality_finding_given_known"),
        ),
        sa.CheckConstraint(
            "severity in ('minor', 'major', 'serious')",
            name=op.f("ck_quality_finding_severity_known"),
        ),
        sa.CheckConstraint(
            "state in ('noted', 'given', 'settled', 'withdrawn')",
            name=op.f("ck_quality_finding_state_known"),
        ),
        sa.CheckConstraint(
            "(answer is null) = (answered_at is null)", name=op.f("ck_quality_finding_answer_whole")
        ),
        sa.CheckConstraint(
            "num_nonnulls(technician_id, unit_id) = 1",
            name=op.f("ck_quality_finding_one_responsible"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_quality_finding_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "inspection_id"],
            ["quality_inspection.region_id", "quality_inspection.id"],
            name=op.f("fk_quality_finding_inspection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_quality_finding_technician_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_quality_finding_visit_id"),
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["organisation_unit.id"], name=op.f("fk_quality_finding_unit_id")
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_quality_finding")),
    )
    op.create_index(
        op.f("ix_quality_finding_centre_id"),
        "quality_finding",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_quality_finding_inspection_id"),
        "quality_finding",
        ["region_id", "inspection_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_quality_finding_technician_id"),
        "quality_finding",
        ["region_id", "technician_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_quality_finding_unit_id"),
        "quality_finding",
        ["region_id", "unit_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_quality_finding_visit_id"),
        "quality_finding",
        ["region_id", "visit_id"],
        unique=False,
    )
    op.create_table(
        "quality_sampled_visit",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("inspection_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_quality_sampled_visit_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "inspection_id"],
            ["quality_inspection.region_id", "quality_inspection.id"],
            name=op.f("fk_quality_sampled_visit_inspection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_quality_sampled_visit_visit_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_quality_sampled_visit")),
        sa.UniqueConstraint(
            "region_id",
            "inspection_id",
            "visit_id",
            name=op.f("uq_quality_sampled_visit_inspection_id_visit_id"),
        ),
    )
    op.create_index(
        op.f("ix_quality_sampled_visit_centre_id"),
        "quality_sampled_visit",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_quality_sampled_visit_visit_id"),
        "quality_sampled_visit",
        ["region_id", "visit_id"],
        unique=False,
    )
    op.create_table(
        "quality_case",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("inspection_finding_id", sa.Uuid(), nullable=True),
        sa.Column("complaint_id", sa.Uuid(), nullable=True),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("technician_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("statement_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("statement", sa.Text(), nullable=True),
        sa.Column("stated_by", sa.Uuid(), nullable=True),
        sa.Column("stated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("measure", sa.Text(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closing_words", sa.Text(), nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at is not null)",
            name=op.f("ck_quality_case_closed_known"),
        ),
        sa.CheckConstraint(
            "(state in ('decided', 'closed')) = (decided_at is not null) and (decided_at is null) = (measure is null) and (decided_at is null) = (decision_reason is null)",
            name=op.f("ck_quality_case_decision_whole"),
        ),
        sa.CheckConstraint(
            "measure is null or measure in ('none', 'talk', 'training', 'warning', 'suspension', 'firm_notice')",
            name=op.f("ck_quality_case_measure"),
        ),
        sa.CheckConstraint(
            "state in ('opened', 'heard', 'decided', 'closed')",
            name=op.f("ck_quality_case_state_known"),
        ),
        sa.CheckConstraint(
            "(statement is null) = (stated_at is null)",
            name=op.f("ck_quality_case_statement_whole"),
        ),
        sa.CheckConstraint(
            "decided_by <> technician_id", name=op.f("ck_quality_case_not_own_case")
        ),
        sa.CheckConstraint(
            "num_nonnulls(inspection_finding_id, complaint_id) = 1",
            name=op.f("ck_quality_case_source_known"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(technician_id, unit_id) = 1", name=op.f("ck_quality_case_one_concerned")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_quality_case_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "complaint_id"],
            ["complaints_complaint.region_id", "complaints_complaint.id"],
            name=op.f("fk_quality_case_complaint_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "inspection_finding_id"],
            ["quality_finding.region_id", "quality_finding.id"],
            name=op.f("fk_quality_case_inspection_finding_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_quality_case_technician_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_quality_case_visit_id"),
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["organisation_unit.id"], name=op.f("fk_quality_case_unit_id")
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_quality_case")),
        sa.UniqueConstraint("region_id", "complaint_id", name=op.f("uq_quality_case_complaint_id")),
        sa.UniqueConstraint(
            "region_id", "inspection_finding_id", name=op.f("uq_quality_case_inspection_finding_id")
        ),
    )
    op.create_index(
        op.f("ix_quality_case_centre_id"), "quality_case", ["region_id", "centre_id"], unique=False
    )
    op.create_index(
        op.f("ix_quality_case_technician_id"),
        "quality_case",
        ["region_id", "technician_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_quality_case_unit_id"), "quality_case", ["region_id", "unit_id"], unique=False
    )
    op.create_index(
        op.f("ix_quality_case_visit_id"), "quality_case", ["region_id", "visit_id"], unique=False
    )


def downgrade() -> None:
    name = op.f("ck_visits_notice_kind_known")
    op.drop_constraint(name, "visits_notice")
    op.execute(
        "delete from visits_notice where kind in ('finding_given', 'case_opened', 'case_decided')"
    )
    op.create_check_constraint(name, "visits_notice", _known(_BEFORE))
    op.drop_index(op.f("ix_quality_case_visit_id"), table_name="quality_case")
    op.drop_index(op.f("ix_quality_case_unit_id"), table_name="quality_case")
    op.drop_index(op.f("ix_quality_case_technician_id"), table_name="quality_case")
    op.drop_index(op.f("ix_quality_case_centre_id"), table_name="quality_case")
    op.drop_table("quality_case")
    op.drop_index(op.f("ix_quality_sampled_visit_visit_id"), table_name="quality_sampled_visit")
    op.drop_index(op.f("ix_quality_sampled_visit_centre_id"), table_name="quality_sampled_visit")
    op.drop_table("quality_sampled_visit")
    op.drop_index(op.f("ix_quality_finding_visit_id"), table_name="quality_finding")
    op.drop_index(op.f("ix_quality_finding_unit_id"), table_name="quality_finding")
    op.drop_index(op.f("ix_quality_finding_technician_id"), table_name="quality_finding")
    op.drop_index(op.f("ix_quality_finding_inspection_id"), table_name="quality_finding")
    op.drop_index(op.f("ix_quality_finding_centre_id"), table_name="quality_finding")
    op.drop_table("quality_finding")
    op.drop_index(
        "uq_quality_filled_form_once",
        table_name="quality_filled_form",
        postgresql_nulls_not_distinct=True,
    )
    op.drop_index(op.f("ix_quality_filled_form_visit_id"), table_name="quality_filled_form")
    op.drop_index(op.f("ix_quality_filled_form_technician_id"), table_name="quality_filled_form")
    op.drop_index(op.f("ix_quality_filled_form_centre_id"), table_name="quality_filled_form")
    op.drop_index("ix_quality_filled_form_at", table_name="quality_filled_form")
    op.drop_table("quality_filled_form")
    op.drop_index(op.f("ix_quality_feedback_round_centre_id"), table_name="quality_feedback_round")
    op.drop_table("quality_feedback_round")
    op.drop_index(op.f("ix_quality_draw_centre_id"), table_name="quality_draw")
    op.drop_table("quality_draw")
    op.drop_index(op.f("ix_quality_inspection_technician_id"), table_name="quality_inspection")
    op.drop_index("ix_quality_inspection_inspector", table_name="quality_inspection")
    op.drop_index(op.f("ix_quality_inspection_form_id"), table_name="quality_inspection")
    op.drop_index("ix_quality_inspection_done", table_name="quality_inspection")
    op.drop_index(op.f("ix_quality_inspection_centre_id"), table_name="quality_inspection")
    op.drop_table("quality_inspection")
    op.drop_index(op.f("ix_quality_form_published_by"), table_name="quality_form")
    op.drop_table("quality_form")
