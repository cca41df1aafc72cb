"""Line tests are planned before visits in areas of poor lines, and become rework.

Revision: 0065_line_checks
After: 0066_map_files
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0065_line_checks"
down_revision = "0066_map_files"
branch_labels = None
depends_on = None

TABLE = "measurements_line_check"
TESTS = "measurements_line_test"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("place_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("why", postgresql.JSONB(), nullable=False),
        sa.Column("best_id", sa.Uuid(), nullable=True),
        sa.Column("best", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.Uuid(), nullable=True),
        sa.Column("rework_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state in ('planned', 'done', 'dropped')", name=op.f(f"ck_{TABLE}_state_known")
        ),
        sa.CheckConstraint("result in ('good', 'poor')", name=op.f(f"ck_{TABLE}_result_known")),
        sa.CheckConstraint(
            "(state = 'done') = (done_at is not null)", name=op.f(f"ck_{TABLE}_done_known")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f(f"fk_{TABLE}_centre_id")
        ),
        *(
            sa.ForeignKeyConstraint(
                ["region_id", column],
                [f"{target}.region_id", f"{target}.id"],
                name=op.f(f"fk_{TABLE}_{column}"),
            )
            for column, target in (
                ("visit_id", "visits_visit"),
                ("service_id", "network_service"),
                ("place_id", "network_feature"),
                ("best_id", "network_feature"),
                ("rework_id", "orders_work_order"),
            )
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f(f"pk_{TABLE}")),
        sa.UniqueConstraint(
            "region_id", "visit_id", "service_id", name=op.f(f"uq_{TABLE}_visit_id_service_id")
        ),
    )
    for column in ("visit_id", "service_id", "place_id", "centre_id", "best_id", "rework_id"):
        op.create_index(op.f(f"ix_{TABLE}_{column}"), TABLE, ["region_id", column])
    op.create_index(f"ix_{TABLE}_due", TABLE, ["region_id", "state", "due_at"])
    op.add_column(TESTS, sa.Column("check_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f(f"fk_{TESTS}_check_id"),
        TESTS,
        TABLE,
        ["region_id", "check_id"],
        ["region_id", "id"],
    )
    op.create_index(op.f(f"ix_{TESTS}_check_id"), TESTS, ["region_id", "check_id"])


def downgrade() -> None:
    op.drop_column(TESTS, "check_id")
    op.drop_table(TABLE)
