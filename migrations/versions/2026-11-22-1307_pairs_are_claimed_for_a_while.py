"""A visit claims a pair, fibre or port for a while; what was marked on a visit is found by it.

Revision: 0056_claims
After: 0059_asked_matters
"""

import sqlalchemy as sa
from alembic import op

revision = "0056_claims"
down_revision = "0059_asked_matters"
branch_labels = None
depends_on = None

TABLE = "network_feature"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("claim_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column(TABLE, sa.Column("claim_visit_id", sa.Uuid(), nullable=True))
    op.create_check_constraint(
        op.f("ck_network_feature_claim_reserved"),
        TABLE,
        "claim_until is null or state = 'reserved'",
        postgresql_not_valid=True,
    )
    op.execute(f"alter table {TABLE} validate constraint ck_network_feature_claim_reserved")
    for name, column in (("claim", "claim_until"), ("state_visit", "state_visit_id")):
        op.create_index(
            f"ix_network_feature_{name}",
            TABLE,
            ["region_id", column],
            postgresql_where=sa.text(f"{column} is not null"),
        )


def downgrade() -> None:
    op.drop_index("ix_network_feature_state_visit", table_name=TABLE)
    op.drop_index("ix_network_feature_claim", table_name=TABLE)
    op.drop_constraint(op.f("ck_network_feature_claim_reserved"), TABLE)
    op.drop_column(TABLE, "claim_visit_id")
    op.drop_column(TABLE, "claim_until")
