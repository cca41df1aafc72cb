"""One person asks about all matters of a customer, and who is above hears what is late.

Revision: 0059_asked_matters
After: 0058_tools_lost
"""

import sqlalchemy as sa
from alembic import op

revision = "0059_asked_matters"
down_revision = "0058_tools_lost"
branch_labels = None
depends_on = None

ANSWERS = "answer_channel is null or answer_channel in ('person', 'link', 'reply'{})"
CLOSED = (
    "(closed_at is null) = (closed_by is null) and (closed_at is null) = "
    "(outcome is null) and {}(closed_at is null) = (customer_agreed is null)"
)


def upgrade() -> None:
    op.add_column(
        "followups_follow_up", sa.Column("call_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.execute("update followups_follow_up set call_at = ask_at")
    op.alter_column("followups_follow_up", "call_at", nullable=False)
    op.drop_index("ix_followups_follow_up_open", "followups_follow_up")
    op.create_index(
        "ix_followups_follow_up_open",
        "followups_follow_up",
        ["region_id", "state", "call_at"],
        postgresql_where=sa.text("state IN ('waiting', 'to_call')"),
    )
    op.drop_constraint("ck_followups_follow_up_answer_channel_known", "followups_follow_up")
    op.create_check_constraint(
        "answer_channel_known", "followups_follow_up", ANSWERS.format(", 'voice'")
    )
    _matters()
    op.execute(
        "insert into followups_asked_matter "
        "(region_id, id, follow_up_id, centre_id, order_id, version, created_at, updated_at) "
        "select region_id, id, id, centre_id, order_id, 1, created_at, created_at "
        "from followups_follow_up where matter <> 'complaint'"
    )
    op.drop_index("uq_followups_follow_up_order", "followups_follow_up")
    op.add_column("followups_care_task", sa.Column("spoken_by", sa.Text(), nullable=True))
    op.add_column("followups_care_task", sa.Column("said", sa.Text(), nullable=True))
    op.execute(
        "update followups_care_task set spoken_by = 'phone', said = '-' where closed_at is not null"
    )
    op.drop_constraint("ck_followups_care_task_closed_with_customer", "followups_care_task")
    op.create_check_constraint(
        "closed_with_customer",
        "followups_care_task",
        CLOSED.format(
            "(closed_at is null) = (spoken_by is null) and (closed_at is null) = (said is null) "
            "and "
        ),
    )
    op.create_check_constraint(
        "spoken_by_known",
        "followups_care_task",
        "spoken_by is null or spoken_by in ('phone', 'visit', 'counter', 'message')",
    )
    _warnings()


def _matters() -> None:
    op.create_table(
        "followups_asked_matter",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("follow_up_id", sa.Uuid(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("complaint_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("num_nonnulls(order_id, complaint_id) = 1", name="one_matter"),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name="fk_followups_asked_matter_centre_id"
        ),
        *(
            sa.ForeignKeyConstraint(
                ["region_id", column],
                [f"{table}.region_id", f"{table}.id"],
                name=f"fk_followups_asked_matter_{column}",
            )
            for column, table in (
                ("follow_up_id", "followups_follow_up"),
                ("order_id", "orders_order"),
                ("complaint_id", "complaints_complaint"),
            )
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name="pk_followups_asked_matter"),
        sa.UniqueConstraint("region_id", "order_id", name="uq_followups_asked_matter_order_id"),
        sa.UniqueConstraint(
            "region_id", "complaint_id", name="uq_followups_asked_matter_complaint_id"
        ),
    )
    for column in ("centre_id", "follow_up_id"):
        op.create_index(
            f"ix_followups_asked_matter_{column}", "followups_asked_matter", ["region_id", column]
        )


def _warnings() -> None:
    op.create_table(
        "followups_warning",
        sa.Column("region_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("follow_up_id", sa.Uuid(), nullable=False),
        sa.Column("care_task_id", sa.Uuid(), nullable=True),
        sa.Column("centre_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("subject in ('follow_up', 'care')", name="subject_known"),
        sa.CheckConstraint(
            "audience in ('handler', 'supervisor', 'unit_above')", name="audience_known"
        ),
        sa.CheckConstraint("(subject = 'care') = (care_task_id is not null)", name="care_named"),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["organisation_unit.id"], name="fk_followups_warning_centre_id"
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "follow_up_id"],
            ["followups_follow_up.region_id", "followups_follow_up.id"],
            name="fk_followups_warning_follow_up_id",
        ),
        sa.ForeignKeyConstraint(
            ["region_id", "care_task_id"],
            ["followups_care_task.region_id", "followups_care_task.id"],
            name="fk_followups_warning_care_task_id",
        ),
        sa.PrimaryKeyConstraint("region_id", "id", name="pk_followups_warning"),
        sa.UniqueConstraint(
            "region_id",
            "follow_up_id",
            "subject",
            "audience",
            name="uq_followups_warning_follow_up_id_subject_audience",
        ),
    )
    for column in ("centre_id", "care_task_id"):
        op.create_index(
            f"ix_followups_warning_{column}", "followups_warning", ["region_id", column]
        )
    op.create_index(
        "ix_followups_warning_warned", "followups_warning", ["region_id", "centre_id", "warned_at"]
    )


def downgrade() -> None:
    op.drop_table("followups_warning")
    op.drop_constraint("ck_followups_care_task_spoken_by_known", "followups_care_task")
    op.drop_constraint("ck_followups_care_task_closed_with_customer", "followups_care_task")
    op.create_check_constraint("closed_with_customer", "followups_care_task", CLOSED.format(""))
    op.drop_column("followups_care_task", "said")
    op.drop_column("followups_care_task", "spoken_by")
    op.drop_table("followups_asked_matter")
    op.create_index(
        "uq_followups_follow_up_order",
        "followups_follow_up",
        ["region_id", "order_id"],
        unique=True,
        postgresql_where=sa.text("matter != 'complaint'"),
    )
    op.execute(
        "update followups_follow_up set answer_channel = 'reply' where answer_channel = 'voice'"
    )
    op.drop_constraint("ck_followups_follow_up_answer_channel_known", "followups_follow_up")
    op.create_check_constraint("answer_channel_known", "followups_follow_up", ANSWERS.format(""))
    op.drop_index("ix_followups_follow_up_open", "followups_follow_up")
    op.create_index(
        "ix_followups_follow_up_open",
        "followups_follow_up",
        ["region_id", "state", "ask_at"],
        postgresql_where=sa.text("state IN ('waiting', 'to_call')"),
    )
    op.drop_column("followups_follow_up", "call_at")
