"""Night shifts, days with other times, and holidays.

Revision: 0031_calendars
After: 0030_travel
"""

import sqlalchemy as sa
from alembic import op

revision = "0031_calendars"
down_revision = "0030_travel"
branch_labels = None
depends_on = None


_WHOLE = (
    "(lunch_starts is null) = (lunch_ends is null) and "
    "(lunch_starts is null or lunch_starts <> lunch_ends)"
)


def upgrade() -> None:
    op.drop_constraint("ck_organisation_shift_times_in_order", "organisation_shift")
    op.drop_constraint("ck_organisation_shift_lunch_inside", "organisation_shift")
    op.create_check_constraint(
        op.f("ck_organisation_shift_takes_time"), "organisation_shift", "ends <> starts"
    )
    op.create_check_constraint(
        op.f("ck_organisation_shift_lunch_whole"), "organisation_shift", _WHOLE
    )
    op.create_table(
        "organisation_holiday",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_organisation_holiday_centre_id")
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_organisation_holiday")),
    )
    op.create_index(
        op.f("ix_organisation_holiday_centre_id"),
        "organisation_holiday",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "uq_organisation_holiday_centre",
        "organisation_holiday",
        ["region_id", "day", "centre_id"],
        unique=True,
        postgresql_where="centre_id is not null",
    )
    op.create_index(
        "uq_organisation_holiday_region",
        "organisation_holiday",
        ["region_id", "day"],
        unique=True,
        postgresql_where="centre_id is null",
    )
    op.create_table(
        "organisation_duty_day",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("starts", sa.Time(), nullable=False),
        sa.Column("ends", sa.Time(), nullable=False),
        sa.Column("lunch_starts", sa.Time(), nullable=True),
        sa.Column("lunch_ends", sa.Time(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(lunch_starts is null) = (lunch_ends is null) and (lunch_starts is null or lunch_starts <> lunch_ends)",
            name=op.f("ck_organisation_duty_day_lunch_whole"),
        ),
        sa.CheckConstraint("ends <> starts", name=op.f("ck_organisation_duty_day_takes_time")),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_organisation_duty_day_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_organisation_duty_day_technician_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_organisation_duty_day")),
        sa.UniqueConstraint(
            "region_id",
            "technician_id",
            "day",
            "starts",
            name=op.f("uq_organisation_duty_day_technician_id_day_starts"),
        ),
    )
    op.create_index(
        op.f("ix_organisation_duty_day_centre_id"),
        "organisation_duty_day",
        ["region_id", "centre_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_constraint("ck_organisation_shift_lunch_whole", "organisation_shift")
    op.drop_constraint("ck_organisation_shift_takes_time", "organisation_shift")
    # Night shifts stay as they are: the release before does not check rows that are there.
    op.execute(
        "alter table organisation_shift add constraint ck_organisation_shift_times_in_order "
        "check (ends > starts) not valid"
    )
    op.execute(
        "alter table organisation_shift add constraint ck_organisation_shift_lunch_inside "
        "check ((lunch_starts is null) = (lunch_ends is null) and (lunch_starts is null or "
        "(lunch_starts >= starts and lunch_ends <= ends and lunch_ends > lunch_starts))) not valid"
    )
    op.drop_index(op.f("ix_organisation_duty_day_centre_id"), table_name="organisation_duty_day")
    op.drop_table("organisation_duty_day")
    op.drop_index(
        "uq_organisation_holiday_region",
        table_name="organisation_holiday",
        postgresql_where="centre_id is null",
    )
    op.drop_index(
        "uq_organisation_holiday_centre",
        table_name="organisation_holiday",
        postgresql_where="centre_id is not null",
    )
    op.drop_index(op.f("ix_organisation_holiday_centre_id"), table_name="organisation_holiday")
    op.drop_table("organisation_holiday")
