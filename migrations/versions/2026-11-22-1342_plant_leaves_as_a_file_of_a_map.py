"""The register of exports knows files of maps too.

Revision: 0066_map_files
After: 0065_map_tokens
"""

from alembic import op

revision = "0066_map_files"
down_revision = "0065_map_tokens"
branch_labels = None
depends_on = None

KNOWN = "ck_customers_export_format_known"


def upgrade() -> None:
    op.drop_constraint(op.f(KNOWN), "customers_export")
    op.create_check_constraint(
        op.f(KNOWN), "customers_export", "format in ('csv', 'xlsx', 'geojson', 'gpkg')"
    )


def downgrade() -> None:
    op.execute("delete from customers_export where format in ('geojson', 'gpkg')")
    op.drop_constraint(op.f(KNOWN), "customers_export")
    op.create_check_constraint(op.f(KNOWN), "customers_export", "format in ('csv', 'xlsx')")
