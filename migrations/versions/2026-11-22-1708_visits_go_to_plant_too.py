"""Visits go to plant too, where no customer is told or signs.

Revision: 0075_visits_to_plant
After: 0074_own_sheets
"""

import sqlalchemy as sa
from alembic import op

revision = "0075_visits_to_plant"
down_revision = "0074_own_sheets"
branch_labels = None
depends_on = None

TOLD = "ck_visits_visit_customer_told"
SIGNED = "ck_visits_visit_signed_or_refused"
ONE_OF_BOTH = "(signature_sha256 is null) <> (signature_refused_reason is null)"


def upgrade() -> None:
    op.alter_column("visits_visit", "customer_id", existing_type=sa.Uuid(), nullable=True)
    op.drop_constraint(op.f(TOLD), "visits_visit", type_="check")
    op.create_check_constraint(
        op.f(TOLD),
        "visits_visit",
        "state <> 'failed' or customer_id is null or told_customer is not null",
        postgresql_not_valid=True,
    )
    op.drop_constraint(op.f(SIGNED), "visits_visit", type_="check")
    op.create_check_constraint(
        op.f(SIGNED),
        "visits_visit",
        f"state <> 'completed' or customer_id is null or {ONE_OF_BOTH}",
        postgresql_not_valid=True,
    )
    for name in (TOLD, SIGNED):
        op.execute(f"alter table visits_visit validate constraint {name}")


def downgrade() -> None:
    op.drop_constraint(op.f(SIGNED), "visits_visit", type_="check")
    op.create_check_constraint(
        op.f(SIGNED), "visits_visit", f"state <> 'completed' or {ONE_OF_BOTH}"
    )
    op.drop_constraint(op.f(TOLD), "visits_visit", type_="check")
    op.create_check_constraint(
        op.f(TOLD), "visits_visit", "state <> 'failed' or told_customer is not null"
    )
    op.alter_column("visits_visit", "customer_id", existing_type=sa.Uuid(), nullable=False)
