"""What machines notice in the evidence of visits.

Revision: 0046_evidence
After: 0045_template_drafts
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0046_evidence"
down_revision = "0045_template_drafts"
branch_labels = None
depends_on = None

_BEFORE = (
    "gained", "reassigned", "given_back", "unscheduled", "moved", "cancelled", "revived",
    "work_changed", "role_lost", "linked_moved",
)  # fmt: skip


def _known(kinds: tuple[str, ...]) -> str:
    return f"kind in ({', '.join(repr(kind) for kind in kinds)})"


def upgrade() -> None:
    name = op.f("ck_visits_notice_kind_known")
    op.drop_constraint(name, "visits_notice")
    op.create_check_constraint(name, "visits_notice", _known((*_BEFORE, "evidence_asked")))
    op.create_table(
        "quality_photo_print",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("band_a", sa.Integer(), nullable=True),
        sa.Column("band_b", sa.Integer(), nullable=True),
        sa.Column("band_c", sa.Integer(), nullable=True),
        sa.Column("band_d", sa.Integer(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(band_a, band_b, band_c, band_d) = case when state = 'usable' then 4 else 0 end",
            name=op.f("ck_quality_photo_print_bands_whole"),
        ),
        sa.CheckConstraint(
            "state in ('usable', 'flat', 'unreadable')",
            name=op.f("ck_quality_photo_print_state_known"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_quality_photo_print")),
        sa.UniqueConstraint("region_id", "sha256", name=op.f("uq_quality_photo_print_sha256")),
    )
    op.create_index(
        "ix_quality_photo_print_band_a",
        "quality_photo_print",
        ["region_id", "band_a"],
        unique=False,
    )
    op.create_index(
        "ix_quality_photo_print_band_b",
        "quality_photo_print",
        ["region_id", "band_b"],
        unique=False,
    )
    op.create_index(
        "ix_quality_photo_print_band_c",
        "quality_photo_print",
        ["region_id", "band_c"],
        unique=False,
    )
    op.create_index(
        "ix_quality_photo_print_band_d",
        "quality_photo_print",
        ["region_id", "band_d"],
        unique=False,
    )
    op.create_table(
        "quality_evidence_flag",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("reason", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("found", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("thresholds", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state in ('holds', 'false_alarm')) = (decided_at is not null) and (decided_at is null) = (decision_reason is null)",
            name=op.f("ck_quality_evidence_flag_decision_whole"),
        ),
        sa.CheckConstraint(
            "kind in ('photo_reused', 'position_far', 'too_short', 'test_copied', 'clock_off')",
            name=op.f("ck_quality_evidence_flag_kind_known"),
        ),
        sa.CheckConstraint(
            "state in ('open', 'answered', 'holds', 'false_alarm')",
            name=op.f("ck_quality_evidence_flag_state_known"),
        ),
        sa.CheckConstraint(
            "(answer is null) = (answered_at is null)",
            name=op.f("ck_quality_evidence_flag_answer_whole"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_quality_evidence_flag_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_quality_evidence_flag_technician_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_quality_evidence_flag_visit_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_quality_evidence_flag")),
        sa.UniqueConstraint(
            "region_id",
            "visit_id",
            "kind",
            "subject_id",
            name=op.f("uq_quality_evidence_flag_visit_id_kind_subject_id"),
        ),
    )
    op.create_index(
        op.f("ix_quality_evidence_flag_centre_id"),
        "quality_evidence_flag",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_quality_evidence_flag_found",
        "quality_evidence_flag",
        ["region_id", "found_at"],
        unique=False,
    )
    op.create_index(
        "ix_quality_evidence_flag_state",
        "quality_evidence_flag",
        ["region_id", "state", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_quality_evidence_flag_technician_id"),
        "quality_evidence_flag",
        ["region_id", "technician_id"],
        unique=False,
    )
    op.create_table(
        "quality_evidence_look",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_quality_evidence_look_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "visit_id"],
            ["visits_visit.region_id", "visits_visit.id"],
            name=op.f("fk_quality_evidence_look_visit_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_quality_evidence_look")),
        sa.UniqueConstraint(
            "region_id", "visit_id", name=op.f("uq_quality_evidence_look_visit_id")
        ),
    )
    op.create_index(
        "ix_quality_evidence_look_at",
        "quality_evidence_look",
        ["region_id", "looked_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_quality_evidence_look_centre_id"),
        "quality_evidence_look",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index("ix_files_file_stored", "files_file", ["region_id", "stored_at"])


def downgrade() -> None:
    op.drop_index("ix_files_file_stored", "files_file")
    op.drop_table("quality_evidence_look")
    op.drop_table("quality_evidence_flag")
    op.drop_table("quality_photo_print")
    name = op.f("ck_visits_notice_kind_known")
    op.drop_constraint(name, "visits_notice")
    op.execute("delete from visits_notice where kind = 'evidence_asked'")
    op.create_check_constraint(name, "visits_notice", _known(_BEFORE))
