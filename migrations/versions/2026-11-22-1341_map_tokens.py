"""Map programs that cannot sign in read maps by a token of their owner.

Revision: 0065_map_tokens
After: 0063_closed_months
"""

import sqlalchemy as sa
from alembic import op

revision = "0065_map_tokens"
down_revision = "0063_closed_months"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "organisation_map_token",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["organisation_person.id"],
            name=op.f("fk_organisation_map_token_person_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_organisation_map_token")),
    )
    op.create_index(
        op.f("ix_organisation_map_token_person_id"),
        "organisation_map_token",
        ["region_id", "person_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("organisation_map_token")
