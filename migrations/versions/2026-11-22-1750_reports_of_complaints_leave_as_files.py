"""Reports of complaints leave as files, which the register of exports knows.

Revision: 0080_complaint_files
After: 0079_kit_check
"""

from alembic import op

revision = "0080_complaint_files"
down_revision = "0079_kit_check"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _known("'csv', 'xlsx', 'geojson', 'gpkg', 'pdf'")


def downgrade() -> None:
    op.execute("delete from customers_export where format = 'pdf'")
    _known("'csv', 'xlsx', 'geojson', 'gpkg'")


def _known(formats: str) -> None:
    name = op.f("ck_customers_export_format_known")
    op.drop_constraint(name, "customers_export", type_="check")
    op.create_check_constraint(name, "customers_export", f"format in ({formats})")
