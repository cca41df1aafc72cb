"""A flagged reading keeps which rule named the likely place; the places have their own names.

Revision: 0044_because
After: 0043_exports
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0044_because"
down_revision = "0043_exports"
branch_labels = None
depends_on = None

TABLES = ("health_reading", "health_record")
RENAMED = {
    "exchange_side": "exchange",
    "service_profile": "exchange",
    "outside_line": "drop",
    "splitter": "box",
    "indoor_cabling": "indoor",
    "terminal": "indoor",
}
BACK = {
    "exchange": "exchange_side",
    "trunk": "outside_line",
    "drop": "outside_line",
    "box": "splitter",
    "indoor": "indoor_cabling",
}


def _rename(names: dict[str, str]) -> None:
    for table in TABLES:
        cases = " ".join(f"when '{old}' then '{new}'" for old, new in names.items())
        op.execute(
            f"update {table} set likely_place = case likely_place {cases} else likely_place end"  # noqa: S608 - names of this file
            " where likely_place is not null"
        )


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("because", postgresql.JSONB(), nullable=True))
    _rename(RENAMED)


def downgrade() -> None:
    _rename(BACK)
    for table in TABLES:
        op.drop_column(table, "because")
