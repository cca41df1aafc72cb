"""Units, people, grants and calendars.

Revision: 0003_organisation
After: 0002_kernel
"""

import sqlalchemy as sa
from alembic import op

revision = "0003_organisation"
down_revision = "0002_kernel"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "organisation_login_attempt",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_organisation_login_attempt")),
    )
    op.create_index(
        "ix_organisation_login_attempt_email",
        "organisation_login_attempt",
        ["region_id", "email", "at"],
        unique=False,
    )
    op.create_table(
        "organisation_person",
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("home_region", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("grants_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('person', 'machine')", name=op.f("ck_organisation_person_kind_known")
        ),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_organisation_person_email_lower")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation_person")),
        sa.UniqueConstraint("email", name=op.f("uq_organisation_person_email")),
    )
    op.create_table(
        "organisation_unit",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("region_number", sa.Integer(), nullable=True),
        sa.Column("zone", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind in ('region', 'centre', 'firm')) = (region_number is not null)",
            name=op.f("ck_organisation_unit_region_known"),
        ),
        sa.CheckConstraint(
            "kind in ('group', 'province', 'region', 'centre', 'firm')",
            name=op.f("ck_organisation_unit_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["organisation_unit.id"], name=op.f("fk_organisation_unit_parent_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation_unit")),
        sa.UniqueConstraint("code", name=op.f("uq_organisation_unit_code")),
    )
    op.create_index(
        op.f("ix_organisation_unit_parent_id"), "organisation_unit", ["parent_id"], unique=False
    )
    op.create_index(
        "uq_organisation_unit_region",
        "organisation_unit",
        ["region_number"],
        unique=True,
        postgresql_where="kind = 'region'",
    )
    op.create_table(
        "organisation_grant",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["organisation_person.id"], name=op.f("fk_organisation_grant_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["organisation_unit.id"], name=op.f("fk_organisation_grant_unit_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation_grant")),
        sa.UniqueConstraint(
            "person_id",
            "unit_id",
            "role",
            name=op.f("uq_organisation_grant_person_id_unit_id_role"),
        ),
    )
    op.create_index(
        op.f("ix_organisation_grant_person_id"), "organisation_grant", ["person_id"], unique=False
    )
    op.create_index(
        op.f("ix_organisation_grant_unit_id"), "organisation_grant", ["unit_id"], unique=False
    )
    op.create_table(
        "organisation_sign_in",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("former_hash", sa.LargeBinary(), nullable=True),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["organisation_person.id"],
            name=op.f("fk_organisation_sign_in_person_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_organisation_sign_in")),
    )
    op.create_index(
        op.f("ix_organisation_sign_in_person_id"),
        "organisation_sign_in",
        ["region_id", "person_id"],
        unique=False,
    )
    op.create_table(
        "organisation_technician",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("firm_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("certificate_number", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("start_longitude", sa.Double(), nullable=True),
        sa.Column("start_latitude", sa.Double(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"],
            ["organisation_unit.id"],
            name=op.f("fk_organisation_technician_centre_id"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id"], ["organisation_unit.id"], name=op.f("fk_organisation_technician_firm_id")
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_organisation_technician")),
        sa.UniqueConstraint(
            "region_id",
            "certificate_number",
            name=op.f("uq_organisation_technician_certificate_number"),
        ),
    )
    op.create_index(
        op.f("ix_organisation_technician_centre_id"),
        "organisation_technician",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_organisation_technician_firm_id"),
        "organisation_technician",
        ["region_id", "firm_id"],
        unique=False,
    )
    op.create_table(
        "organisation_leave",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "ends_at > starts_at", name=op.f("ck_organisation_leave_times_in_order")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_organisation_leave_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_organisation_leave_technician_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_organisation_leave")),
    )
    op.create_index(
        op.f("ix_organisation_leave_centre_id"),
        "organisation_leave",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_organisation_leave_technician_id"),
        "organisation_leave",
        ["region_id", "technician_id"],
        unique=False,
    )
    op.create_table(
        "organisation_qualification",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("certificate_number", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "skill in ('fixed_line', 'copper_broadband', 'fibre', 'indoor_network', 'enterprise')",
            name=op.f("ck_organisation_qualification_skill_known"),
        ),
        sa.CheckConstraint(
            "valid_until >= valid_from", name=op.f("ck_organisation_qualification_days_in_order")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"],
            ["organisation_unit.id"],
            name=op.f("fk_organisation_qualification_centre_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_organisation_qualification_technician_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_organisation_qualification")),
        sa.UniqueConstraint(
            "region_id",
            "technician_id",
            "skill",
            "valid_from",
            name=op.f("uq_organisation_qualification_technician_id_ski_680368"),
        ),
    )
    op.create_index(
        op.f("ix_organisation_qualification_centre_id"),
        "organisation_qualification",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_organisation_qualification_technician_id"),
        "organisation_qualification",
        ["region_id", "technician_id"],
        unique=False,
    )
    op.create_table(
        "organisation_shift",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("starts", sa.Time(), nullable=False),
        sa.Column("ends", sa.Time(), nullable=False),
        sa.Column("lunch_starts", sa.Time(), nullable=True),
        sa.Column("lunch_ends", sa.Time(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(lunch_starts is null) = (lunch_ends is null) and (lunch_starts is null or (lunch_starts >= starts and lunch_ends <= ends and lunch_ends > lunch_starts))",
            name=op.f("ck_organisation_shift_lunch_inside"),
        ),
        sa.CheckConstraint("ends > starts", name=op.f("ck_organisation_shift_times_in_order")),
        sa.CheckConstraint(
            "weekday between 1 and 7", name=op.f("ck_organisation_shift_weekday_iso")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_organisation_shift_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "technician_id"],
            ["organisation_technician.region_id", "organisation_technician.id"],
            name=op.f("fk_organisation_shift_technician_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_organisation_shift")),
        sa.UniqueConstraint(
            "region_id",
            "technician_id",
            "weekday",
            "starts",
            name=op.f("uq_organisation_shift_technician_id_weekday_starts"),
        ),
    )
    op.create_index(
        op.f("ix_organisation_shift_centre_id"),
        "organisation_shift",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_organisation_shift_technician_id"),
        "organisation_shift",
        ["region_id", "technician_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_organisation_shift_technician_id"), table_name="organisation_shift")
    op.drop_index(op.f("ix_organisation_shift_centre_id"), table_name="organisation_shift")
    op.drop_table("organisation_shift")
    op.drop_index(
        op.f("ix_organisation_qualification_technician_id"), table_name="organisation_qualification"
    )
    op.drop_index(
        op.f("ix_organisation_qualification_centre_id"), table_name="organisation_qualification"
    )
    op.drop_table("organisation_qualification")
    op.drop_index(op.f("ix_organisation_leave_technician_id"), table_name="organisation_leave")
    op.drop_index(op.f("ix_organisation_leave_centre_id"), table_name="organisation_leave")
    op.drop_table("organisation_leave")
    op.drop_index(op.f("ix_organisation_technician_firm_id"), table_name="organisation_technician")
    op.drop_index(
        op.f("ix_organisation_technician_centre_id"), table_name="organisation_technician"
    )
    op.drop_table("organisation_technician")
    op.drop_index(op.f("ix_organisation_sign_in_person_id"), table_name="organisation_sign_in")
    op.drop_table("organisation_sign_in")
    op.drop_index(op.f("ix_organisation_grant_unit_id"), table_name="organisation_grant")
    op.drop_index(op.f("ix_organisation_grant_person_id"), table_name="organisation_grant")
    op.drop_table("organisation_grant")
    op.drop_index(
        "uq_organisation_unit_region",
        table_name="organisation_unit",
        postgresql_where="kind = 'region'",
    )
    op.drop_index(op.f("ix_organisation_unit_parent_id"), table_name="organisation_unit")
    op.drop_table("organisation_unit")
    op.drop_table("organisation_person")
    op.drop_index("ix_organisation_login_attempt_email", table_name="organisation_login_attempt")
    op.drop_table("organisation_login_attempt")
