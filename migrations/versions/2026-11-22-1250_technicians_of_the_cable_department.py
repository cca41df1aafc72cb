"""A technician is of the field or of the cable department.

Revision: 0054_cable_people
After: 0054_repair_tasks
"""

import sqlalchemy as sa
from alembic import op

revision = "0054_cable_people"
down_revision = "0054_repair_tasks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("organisation_technician", sa.Column("department", sa.Text(), nullable=True))
    op.execute("update organisation_technician set department = 'field'")
    op.create_check_constraint(
        op.f("ck_organisation_technician_department_known"),
        "organisation_technician",
        "department in ('field', 'cable')",
    )


def downgrade() -> None:
    op.drop_column("organisation_technician", "department")
