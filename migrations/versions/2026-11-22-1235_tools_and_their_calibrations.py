"""Tools in custody with their calibrations; measurements say how their instrument stood (ORG-05).

Revision: 0053_tools
After: 0052_followups
"""

import sqlalchemy as sa
from alembic import op

revision = "0053_tools"
down_revision = "0052_followups"
branch_labels = None
depends_on = None

TESTS = ("measurements_line_test", "measurements_speed_test")
KINDS = (
    "cable_locator",
    "fusion_splicer",
    "insulation_tester",
    "ladder",
    "line_tester",
    "optical_power_meter",
    "otdr",
    "other",
    "speed_tester",
)


def _row(*columns: sa.Column[object]) -> tuple[sa.Column[object], ...]:
    """Return the columns of a regional table around its own."""
    return (
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *columns,
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )


def _link(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["region_id", column],
        [f"{target}.region_id", f"{target}.id"],
        name=op.f(f"fk_{table}_{column}"),
    )


def upgrade() -> None:
    op.create_table(
        "organisation_tool",
        *_row(
            sa.Column("centre_id", sa.Uuid(), nullable=False),
            sa.Column("kind", sa.Text(), nullable=False),
            sa.Column("serial", sa.Text(), nullable=False),
            sa.Column("model", sa.Text(), nullable=False),
            sa.Column("needs_calibration", sa.Boolean(), nullable=False),
            sa.Column("calibrated_until", sa.Date(), nullable=True),
            sa.Column("holder_id", sa.Uuid(), nullable=True),
            sa.Column("held_since", sa.DateTime(timezone=True), nullable=True),
            sa.Column("offered_to_id", sa.Uuid(), nullable=True),
            sa.Column("offered_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("active", sa.Boolean(), nullable=False),
        ),
        sa.CheckConstraint(
            "kind in (" + ", ".join(f"'{kind}'" for kind in KINDS) + ")",
            name=op.f("ck_organisation_tool_kind_known"),
        ),
        sa.CheckConstraint(
            "(holder_id is null) = (held_since is null)",
            name=op.f("ck_organisation_tool_custody_whole"),
        ),
        sa.CheckConstraint(
            "(offered_to_id is null) = (offered_at is null)",
            name=op.f("ck_organisation_tool_offer_whole"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_organisation_tool_centre_id")
        ),
        _link("organisation_tool", "holder_id", "organisation_technician"),
        _link("organisation_tool", "offered_to_id", "organisation_technician"),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_organisation_tool")),
        sa.UniqueConstraint("region_id", "serial", name=op.f("uq_organisation_tool_serial")),
    )
    for column in ("centre_id", "holder_id", "offered_to_id"):
        op.create_index(
            op.f(f"ix_organisation_tool_{column}"), "organisation_tool", ["region_id", column]
        )
    op.create_table(
        "organisation_calibration",
        *_row(
            sa.Column("tool_id", sa.Uuid(), nullable=False),
            sa.Column("centre_id", sa.Uuid(), nullable=False),
            sa.Column("calibrated_on", sa.Date(), nullable=False),
            sa.Column("valid_until", sa.Date(), nullable=False),
            sa.Column("certificate_number", sa.Text(), nullable=False),
        ),
        sa.CheckConstraint(
            "valid_until >= calibrated_on",
            name=op.f("ck_organisation_calibration_days_in_order"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"],
            ["organisation_unit.id"],
            name=op.f("fk_organisation_calibration_centre_id"),
        ),
        _link("organisation_calibration", "tool_id", "organisation_tool"),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_organisation_calibration")),
    )
    for column in ("tool_id", "centre_id"):
        op.create_index(
            op.f(f"ix_organisation_calibration_{column}"),
            "organisation_calibration",
            ["region_id", column],
        )
    for table in TESTS:
        op.add_column(table, sa.Column("instrument_state", sa.Text(), nullable=True))
        op.create_index(f"ix_{table}_instrument", table, ["region_id", "instrument_serial"])


def downgrade() -> None:
    for table in TESTS:
        op.drop_index(f"ix_{table}_instrument", table)
        op.drop_column(table, "instrument_state")
    op.drop_table("organisation_calibration")
    op.drop_table("organisation_tool")
