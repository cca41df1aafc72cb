"""The erasure of a customer ends what was still to be asked of them.

Revision: 0081_erased_follow_ups
After: 0080_complaint_files
"""

from alembic import op

revision = "0081_erased_follow_ups"
down_revision = "0080_complaint_files"
branch_labels = None
depends_on = None

STATE = "ck_followups_follow_up_state_known"
CLOSED = "ck_followups_care_task_closed_with_customer"
STATES = ("waiting", "to_call", "answered", "unreached")
SAID = ("outcome", "spoken_by", "said", "customer_agreed")


def _replace(name: str, table: str, condition: str) -> None:
    op.drop_constraint(op.f(name), table, type_="check")
    op.create_check_constraint(op.f(name), table, condition, postgresql_not_valid=True)
    op.execute(f"alter table {table} validate constraint {name}")


def _one_of(states: tuple[str, ...]) -> str:
    return "state in ({})".format(", ".join(f"'{state}'" for state in states))


def _as_known(name: str) -> str:
    return " and ".join(f"({name} is null) = ({other} is null)" for other in SAID)


def upgrade() -> None:
    _replace(STATE, "followups_follow_up", _one_of((*STATES, "withdrawn")))
    _replace(
        CLOSED,
        "followups_care_task",
        f"(closed_by is null or closed_at is not null) and {_as_known('closed_by')}",
    )


def downgrade() -> None:
    op.execute("update followups_follow_up set state = 'unreached' where state = 'withdrawn'")
    op.execute(
        "update followups_care_task set closed_by = id, outcome = '(erased)', said = '(erased)', "
        "spoken_by = 'phone', customer_agreed = false "
        "where closed_at is not null and closed_by is null"
    )
    _replace(STATE, "followups_follow_up", _one_of(STATES))
    _replace(
        CLOSED,
        "followups_care_task",
        f"(closed_at is null) = (closed_by is null) and {_as_known('closed_at')}",
    )
