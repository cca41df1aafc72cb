"""Lines that get worse, each under the finding of its cause (HR-04).

Revision: 0047_decline
After: 0046_evidence
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0047_decline"
down_revision = "0046_evidence"
branch_labels = None
depends_on = None

TABLE = "health_decline"
LINKS = {
    "record_id": "health_record",
    "service_id": "network_service",
    "box_id": "network_feature",
    "finding_id": "network_finding",
}


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("box_id", sa.Uuid(), nullable=True),
        sa.Column("finding_id", sa.Uuid(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("measures", postgresql.JSONB(), nullable=False),
        sa.Column("readings", postgresql.JSONB(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("lines_on_box", sa.Integer(), nullable=False),
        sa.Column("at_risk", sa.Integer(), nullable=False),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("newest_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "cause in ('line', 'box')", name=op.f("ck_health_decline_cause_known")
        ),
        sa.CheckConstraint(
            "state in ('worsening', 'recovered', 'closed')",
            name=op.f("ck_health_decline_state_known"),
        ),
        sa.CheckConstraint(
            "(state = 'worsening') = (ended_at is null)",
            name=op.f("ck_health_decline_end_of_state"),
        ),
        sa.CheckConstraint(
            "cause <> 'box' or box_id is not null", name=op.f("ck_health_decline_box_named")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_health_decline_centre_id")
        ),
        *(
            sa.ForeignKeyConstraint(
                ["region_id", column],
                [f"{target}.region_id", f"{target}.id"],
                name=op.f(f"fk_health_decline_{column}"),
            )
            for column, target in LINKS.items()
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_health_decline")),
    )
    for column in ("service_id", "centre_id", "box_id", "finding_id"):
        op.create_index(op.f(f"ix_health_decline_{column}"), TABLE, ["region_id", column])
    op.create_index("ix_health_decline_record", TABLE, ["region_id", "record_id"])
    op.create_index(
        "uq_health_decline_open",
        TABLE,
        ["region_id", "record_id"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )


def downgrade() -> None:
    op.drop_table(TABLE)
