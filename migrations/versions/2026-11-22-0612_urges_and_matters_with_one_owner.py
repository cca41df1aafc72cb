"""Urges and matters with one owner.

Revision: 0027_matters
After: 0026_ladder
"""

import sqlalchemy as sa
from alembic import op

revision = "0027_matters"
down_revision = "0026_ladder"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "orders_matter",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("owned_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offered_to", sa.Uuid(), nullable=True),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offer_note", sa.Text(), nullable=True),
        sa.Column("came_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answer_channel", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'answered') = (answered_at is not null) and (answered_at is null) = (answer_channel is null)",
            name=op.f("ck_orders_matter_answered"),
        ),
        sa.CheckConstraint(
            "(state = 'offered') = (offered_to is not null)", name=op.f("ck_orders_matter_offered")
        ),
        sa.CheckConstraint(
            "(state = 'waiting') = (owner_id is null)", name=op.f("ck_orders_matter_owned")
        ),
        sa.CheckConstraint(
            "kind in ('urge', 'question', 'change')", name=op.f("ck_orders_matter_kind_known")
        ),
        sa.CheckConstraint(
            "state in ('waiting', 'owned', 'offered', 'answered')",
            name=op.f("ck_orders_matter_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_orders_matter_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "order_id"],
            ["orders_order.region_id", "orders_order.id"],
            name=op.f("fk_orders_matter_order_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_orders_matter")),
    )
    op.create_index(
        op.f("ix_orders_matter_centre_id"),
        "orders_matter",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_orders_matter_order_id"), "orders_matter", ["region_id", "order_id"], unique=False
    )
    op.create_index(
        "ix_orders_matter_owner", "orders_matter", ["region_id", "owner_id", "state"], unique=False
    )
    op.create_index(
        "uq_orders_matter_open",
        "orders_matter",
        ["region_id", "order_id"],
        unique=True,
        postgresql_where="state <> 'answered'",
    )
    op.create_table(
        "orders_urge",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("matter_id", sa.Uuid(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("taken_by", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raises", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("side in ('customer', 'agent')", name=op.f("ck_orders_urge_side_known")),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_orders_urge_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "matter_id"],
            ["orders_matter.region_id", "orders_matter.id"],
            name=op.f("fk_orders_urge_matter_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "order_id"],
            ["orders_order.region_id", "orders_order.id"],
            name=op.f("fk_orders_urge_order_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_orders_urge")),
    )
    op.create_index(
        op.f("ix_orders_urge_centre_id"), "orders_urge", ["region_id", "centre_id"], unique=False
    )
    op.create_index(
        op.f("ix_orders_urge_matter_id"), "orders_urge", ["region_id", "matter_id"], unique=False
    )
    op.create_index(
        op.f("ix_orders_urge_order_id"), "orders_urge", ["region_id", "order_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_orders_urge_order_id"), table_name="orders_urge")
    op.drop_index(op.f("ix_orders_urge_matter_id"), table_name="orders_urge")
    op.drop_index(op.f("ix_orders_urge_centre_id"), table_name="orders_urge")
    op.drop_table("orders_urge")
    op.drop_index(
        "uq_orders_matter_open", table_name="orders_matter", postgresql_where="state <> 'answered'"
    )
    op.drop_index("ix_orders_matter_owner", table_name="orders_matter")
    op.drop_index(op.f("ix_orders_matter_order_id"), table_name="orders_matter")
    op.drop_index(op.f("ix_orders_matter_centre_id"), table_name="orders_matter")
    op.drop_table("orders_matter")
