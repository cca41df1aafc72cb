"""Road times of a region, zone by zone.

Revision: 0030_travel
After: 0029_emergencies
"""

import sqlalchemy as sa
from alembic import op

revision = "0030_travel"
down_revision = "0029_emergencies"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "travel_table",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.Column("zone_metres", sa.Integer(), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=False),
        sa.Column("cells", sa.LargeBinary(), nullable=False),
        sa.Column("factors", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "hours in ('night', 'morning_peak', 'day', 'afternoon_peak', 'weekend', 'any')",
            name=op.f("ck_travel_table_hours_known"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_travel_table")),
        sa.UniqueConstraint("region_id", "hours", name=op.f("uq_travel_table_hours")),
    )


def downgrade() -> None:
    op.drop_table("travel_table")
