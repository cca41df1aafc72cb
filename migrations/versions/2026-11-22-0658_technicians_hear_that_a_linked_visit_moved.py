"""Technicians hear that a linked visit moved.

Revision: 0033_linked
After: 0032_faults
"""

from alembic import op

revision = "0033_linked"
down_revision = "0032_faults"
branch_labels = None
depends_on = None

_BEFORE = (
    "gained", "reassigned", "given_back", "unscheduled", "moved", "cancelled", "revived",
    "work_changed", "role_lost",
)  # fmt: skip


def _known(kinds: tuple[str, ...]) -> str:
    return f"kind in ({', '.join(repr(kind) for kind in kinds)})"


def upgrade() -> None:
    name = op.f("ck_visits_notice_kind_known")
    op.drop_constraint(name, "visits_notice")
    op.create_check_constraint(name, "visits_notice", _known((*_BEFORE, "linked_moved")))


def downgrade() -> None:
    name = op.f("ck_visits_notice_kind_known")
    op.drop_constraint(name, "visits_notice")
    op.execute("delete from visits_notice where kind = 'linked_moved'")
    op.create_check_constraint(name, "visits_notice", _known(_BEFORE))
