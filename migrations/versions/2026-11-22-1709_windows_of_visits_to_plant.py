"""Windows of visits to plant are agreed with nobody.

Revision: 0076_windows_of_plant
After: 0075_visits_to_plant
"""

import sqlalchemy as sa
from alembic import op

revision = "0076_windows_of_plant"
down_revision = "0075_visits_to_plant"
branch_labels = None
depends_on = None

ASKED = "ck_appointments_appointment_customer_asked"


def upgrade() -> None:
    for name, kind in (("customer_id", sa.Uuid()), ("customer_said", sa.Text())):
        op.alter_column("appointments_appointment", name, existing_type=kind, nullable=True)
    op.create_check_constraint(
        op.f(ASKED),
        "appointments_appointment",
        "customer_id is null or customer_said is not null",
        postgresql_not_valid=True,
    )
    op.execute(f"alter table appointments_appointment validate constraint {ASKED}")


def downgrade() -> None:
    op.drop_constraint(op.f(ASKED), "appointments_appointment", type_="check")
    for name, kind in (("customer_said", sa.Text()), ("customer_id", sa.Uuid())):
        op.alter_column("appointments_appointment", name, existing_type=kind, nullable=False)
