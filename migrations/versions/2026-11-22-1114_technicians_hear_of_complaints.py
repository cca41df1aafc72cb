"""Technicians hear of complaints about their visits, and of decisions on them.

Revision: 0048_complaint_notices
After: 0047_decline
"""

from alembic import op

revision = "0048_complaint_notices"
down_revision = "0047_decline"
branch_labels = None
depends_on = None

_BEFORE = (
    "gained", "reassigned", "given_back", "unscheduled", "moved", "cancelled", "revived",
    "work_changed", "role_lost", "linked_moved", "evidence_asked",
)  # fmt: skip
_NEW = ("complaint", "complaint_decided")


def _known(kinds: tuple[str, ...]) -> str:
    return f"kind in ({', '.join(repr(kind) for kind in kinds)})"


def upgrade() -> None:
    name = op.f("ck_visits_notice_kind_known")
    op.drop_constraint(name, "visits_notice")
    op.create_check_constraint(name, "visits_notice", _known((*_BEFORE, *_NEW)))


def downgrade() -> None:
    name = op.f("ck_visits_notice_kind_known")
    op.drop_constraint(name, "visits_notice")
    op.execute("delete from visits_notice where kind in ('complaint', 'complaint_decided')")
    op.create_check_constraint(name, "visits_notice", _known(_BEFORE))
