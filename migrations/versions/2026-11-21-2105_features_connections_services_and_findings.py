"""Features, connections, services and findings.

Revision: 0006_network
After: 0005_customers
"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0006_network"
down_revision = "0005_customers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "network_service",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("premises_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("technology", sa.Text(), nullable=False),
        sa.Column("sold_down_mbps", sa.Integer(), nullable=True),
        sa.Column("sold_up_mbps", sa.Integer(), nullable=True),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('broadband', 'fixed_line')", name=op.f("ck_network_service_kind_known")
        ),
        sa.CheckConstraint(
            "state in ('active', 'ceased', 'planned')", name=op.f("ck_network_service_state_known")
        ),
        sa.CheckConstraint(
            "technology in ('copper', 'fibre')", name=op.f("ck_network_service_technology_known")
        ),
        sa.CheckConstraint(
            "sold_down_mbps > 0 and sold_up_mbps > 0",
            name=op.f("ck_network_service_rates_positive"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_network_service_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "customer_id"],
            ["customers_customer.region_id", "customers_customer.id"],
            name=op.f("fk_network_service_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "premises_id"],
            ["customers_premises.region_id", "customers_premises.id"],
            name=op.f("fk_network_service_premises_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_network_service")),
        sa.UniqueConstraint("region_id", "account", name=op.f("uq_network_service_account")),
    )
    op.create_index(
        op.f("ix_network_service_centre_id"),
        "network_service",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_network_service_customer_id"),
        "network_service",
        ["region_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_network_service_premises_id"),
        "network_service",
        ["region_id", "premises_id"],
        unique=False,
    )
    op.create_table(
        "network_feature",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("shape", Geometry("GEOMETRY", srid=4326, spatial_index=False), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column(
            "state_test", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state_visit_id", sa.Uuid(), nullable=True),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind in ('fibre', 'pair', 'port')) = (shape is null)",
            name=op.f("ck_network_feature_shape_of_kind"),
        ),
        sa.CheckConstraint(
            "(kind in ('fibre', 'pair', 'port')) = (state is not null)",
            name=op.f("ck_network_feature_state_of_kind"),
        ),
        sa.CheckConstraint(
            "(state in ('free', 'retired') and service_id is null) or (state in ('reserved', 'occupied') and service_id is not null) or state = 'bad' or (state is null and service_id is null)",
            name=op.f("ck_network_feature_one_service"),
        ),
        sa.CheckConstraint(
            "kind in ('building_cabling', 'cable', 'cross_connect_cabinet', 'distribution_box', 'drop', 'dslam', 'duct', 'exchange', 'fibre', 'manhole', 'olt', 'onu', 'pair', 'pole', 'port')",
            name=op.f("ck_network_feature_kind_known"),
        ),
        sa.CheckConstraint(
            "state <> 'bad' or (state_reason is not null and state_since is not null)",
            name=op.f("ck_network_feature_bad_explained"),
        ),
        sa.CheckConstraint(
            "state in ('bad', 'free', 'occupied', 'reserved', 'retired')",
            name=op.f("ck_network_feature_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_network_feature_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "parent_id"],
            ["network_feature.region_id", "network_feature.id"],
            name=op.f("fk_network_feature_parent_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "service_id"],
            ["network_service.region_id", "network_service.id"],
            name=op.f("fk_network_feature_service_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_network_feature")),
        sa.UniqueConstraint(
            "region_id",
            "parent_id",
            "kind",
            "name",
            name="uq_network_feature_name",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        op.f("ix_network_feature_centre_id"),
        "network_feature",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        "ix_network_feature_ground",
        "network_feature",
        ["region_id", sa.literal_column("(shape::geography(geometry, 4326))")],
        unique=False,
        postgresql_using="gist",
        postgresql_where=sa.text("shape is not null"),
    )
    op.create_index(
        op.f("ix_network_feature_parent_id"),
        "network_feature",
        ["region_id", "parent_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_network_feature_service_id"),
        "network_feature",
        ["region_id", "service_id"],
        unique=False,
    )
    op.create_index(
        "ix_network_feature_shape",
        "network_feature",
        ["region_id", "shape"],
        unique=False,
        postgresql_using="gist",
        postgresql_where=sa.text("shape is not null"),
    )
    op.create_table(
        "network_connection",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_id", sa.Uuid(), nullable=False),
        sa.Column("to_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('carries', 'feeds', 'jumpered', 'runs_in', 'spliced')",
            name=op.f("ck_network_connection_kind_known"),
        ),
        sa.CheckConstraint("from_id <> to_id", name=op.f("ck_network_connection_two_ends")),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_network_connection_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "from_id"],
            ["network_feature.region_id", "network_feature.id"],
            name=op.f("fk_network_connection_from_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "to_id"],
            ["network_feature.region_id", "network_feature.id"],
            name=op.f("fk_network_connection_to_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_network_connection")),
        sa.UniqueConstraint(
            "region_id", "from_id", "to_id", "kind", name="uq_network_connection_tie"
        ),
    )
    op.create_index(
        op.f("ix_network_connection_centre_id"),
        "network_connection",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_network_connection_from_id"),
        "network_connection",
        ["region_id", "from_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_network_connection_to_id"),
        "network_connection",
        ["region_id", "to_id"],
        unique=False,
    )
    op.create_table(
        "network_finding",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("feature_id", sa.Uuid(), nullable=True),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("reporter_id", sa.Uuid(), nullable=False),
        sa.Column("point", Geometry("POINT", srid=4326, spatial_index=False), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('building_cabling', 'cable', 'cross_connect_cabinet', 'distribution_box', 'drop', 'dslam', 'duct', 'exchange', 'fibre', 'manhole', 'olt', 'onu', 'pair', 'pole', 'port')",
            name=op.f("ck_network_finding_kind_known"),
        ),
        sa.CheckConstraint(
            "severity in ('high', 'low', 'medium')", name=op.f("ck_network_finding_severity_known")
        ),
        sa.CheckConstraint(
            "state in ('closed', 'fixed', 'open')", name=op.f("ck_network_finding_state_known")
        ),
        sa.CheckConstraint(
            "feature_id is not null or point is not null", name=op.f("ck_network_finding_somewhere")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_network_finding_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "feature_id"],
            ["network_feature.region_id", "network_feature.id"],
            name=op.f("fk_network_finding_feature_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_network_finding")),
    )
    op.create_index(
        op.f("ix_network_finding_centre_id"),
        "network_finding",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_network_finding_feature_id"),
        "network_finding",
        ["region_id", "feature_id"],
        unique=False,
    )
    op.create_index(
        "ix_network_finding_point",
        "network_finding",
        ["region_id", "point"],
        unique=False,
        postgresql_using="gist",
    )
    op.create_index(
        "ix_network_finding_visit", "network_finding", ["region_id", "visit_id"], unique=False
    )
    op.create_table(
        "network_path_element",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("feature_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("position > 0", name=op.f("ck_network_path_element_position_positive")),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name=op.f("fk_network_path_element_centre_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "feature_id"],
            ["network_feature.region_id", "network_feature.id"],
            name=op.f("fk_network_path_element_feature_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "service_id"],
            ["network_service.region_id", "network_service.id"],
            name=op.f("fk_network_path_element_service_id"),
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name=op.f("pk_network_path_element")),
        sa.UniqueConstraint(
            "region_id",
            "service_id",
            "feature_id",
            name=op.f("uq_network_path_element_service_id_feature_id"),
        ),
        sa.UniqueConstraint(
            "region_id",
            "service_id",
            "position",
            name=op.f("uq_network_path_element_service_id_position"),
        ),
    )
    op.create_index(
        op.f("ix_network_path_element_centre_id"),
        "network_path_element",
        ["region_id", "centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_network_path_element_feature_id"),
        "network_path_element",
        ["region_id", "feature_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_network_path_element_service_id"),
        "network_path_element",
        ["region_id", "service_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_network_path_element_service_id"), table_name="network_path_element")
    op.drop_index(op.f("ix_network_path_element_feature_id"), table_name="network_path_element")
    op.drop_index(op.f("ix_network_path_element_centre_id"), table_name="network_path_element")
    op.drop_table("network_path_element")
    op.drop_index("ix_network_finding_visit", table_name="network_finding")
    op.drop_index("ix_network_finding_point", table_name="network_finding", postgresql_using="gist")
    op.drop_index(op.f("ix_network_finding_feature_id"), table_name="network_finding")
    op.drop_index(op.f("ix_network_finding_centre_id"), table_name="network_finding")
    op.drop_table("network_finding")
    op.drop_index(op.f("ix_network_connection_to_id"), table_name="network_connection")
    op.drop_index(op.f("ix_network_connection_from_id"), table_name="network_connection")
    op.drop_index(op.f("ix_network_connection_centre_id"), table_name="network_connection")
    op.drop_table("network_connection")
    op.drop_index(
        "ix_network_feature_shape",
        table_name="network_feature",
        postgresql_using="gist",
        postgresql_where=sa.text("shape is not null"),
    )
    op.drop_index(op.f("ix_network_feature_service_id"), table_name="network_feature")
    op.drop_index(op.f("ix_network_feature_parent_id"), table_name="network_feature")
    op.drop_index(
        "ix_network_feature_ground",
        table_name="network_feature",
        postgresql_using="gist",
        postgresql_where=sa.text("shape is not null"),
    )
    op.drop_index(op.f("ix_network_feature_centre_id"), table_name="network_feature")
    op.drop_table("network_feature")
    op.drop_index(op.f("ix_network_service_premises_id"), table_name="network_service")
    op.drop_index(op.f("ix_network_service_customer_id"), table_name="network_service")
    op.drop_index(op.f("ix_network_service_centre_id"), table_name="network_service")
    op.drop_table("network_service")
