"""What failed items open.

Revision: 0069_opened
After: 0065_line_checks
"""

import sqlalchemy as sa
from alembic import op

revision = "0069_opened"
down_revision = "0065_line_checks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('checklists_opened',
    sa.Column('region_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('visit_id', sa.Uuid(), nullable=False),
    sa.Column('checklist_id', sa.Uuid(), nullable=False),
    sa.Column('centre_id', sa.Uuid(), nullable=False),
    sa.Column('item_key', sa.Text(), nullable=False),
    sa.Column('opens', sa.Text(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('answer_id', sa.Uuid(), nullable=False),
    sa.Column('corrected_by', sa.Uuid(), nullable=True),
    sa.Column('subject_type', sa.Text(), nullable=False),
    sa.Column('subject_id', sa.Uuid(), nullable=False),
    sa.Column('feature_id', sa.Uuid(), nullable=True),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('settled_by', sa.Uuid(), nullable=True),
    sa.Column('outcome', sa.Text(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("opens in ('finding', 'cable_work', 'desk_task')", name=op.f('ck_checklists_opened_opens_known')),
    sa.CheckConstraint("settled_at is null or opens = 'desk_task'", name=op.f('ck_checklists_opened_tasks_are_settled')),
    sa.CheckConstraint("subject_type in ('finding', 'work_order', 'checklist_opened')", name=op.f('ck_checklists_opened_subject_known')),
    sa.CheckConstraint('(settled_at is null) = (settled_by is null) and (settled_at is null) = (outcome is null)', name=op.f('ck_checklists_opened_settled_whole')),
    sa.ForeignKeyConstraint(['centre_id'], ['organisation_unit.id'], name=op.f('fk_checklists_opened_centre_id')),
    sa.ForeignKeyConstraint(['region_id', 'answer_id'], ['checklists_answer.region_id', 'checklists_answer.id'], name=op.f('fk_checklists_opened_answer_id')),
    sa.ForeignKeyConstraint(['region_id', 'checklist_id'], ['checklists_checklist.region_id', 'checklists_checklist.id'], name=op.f('fk_checklists_opened_checklist_id')),
    sa.ForeignKeyConstraint(['region_id', 'corrected_by'], ['checklists_answer.region_id', 'checklists_answer.id'], name=op.f('fk_checklists_opened_corrected_by')),
    sa.ForeignKeyConstraint(['region_id', 'feature_id'], ['network_feature.region_id', 'network_feature.id'], name=op.f('fk_checklists_opened_feature_id')),
    sa.ForeignKeyConstraint(['region_id', 'visit_id'], ['visits_visit.region_id', 'visits_visit.id'], name=op.f('fk_checklists_opened_visit_id')),
    sa.ForeignKeyConstraint(['settled_by'], ['organisation_person.id'], name=op.f('fk_checklists_opened_settled_by')),
    sa.PrimaryKeyConstraint('region_id', 'id', name=op.f('pk_checklists_opened')),
    sa.UniqueConstraint('region_id', 'checklist_id', 'item_key', 'opens', name=op.f('uq_checklists_opened_checklist_id_item_key_opens'))
    )
    op.create_index(op.f('ix_checklists_opened_answer_id'), 'checklists_opened', ['region_id', 'answer_id'], unique=False)
    op.create_index(op.f('ix_checklists_opened_centre_id'), 'checklists_opened', ['region_id', 'centre_id'], unique=False)
    op.create_index(op.f('ix_checklists_opened_corrected_by'), 'checklists_opened', ['region_id', 'corrected_by'], unique=False)
    op.create_index(op.f('ix_checklists_opened_feature_id'), 'checklists_opened', ['region_id', 'feature_id'], unique=False)
    op.create_index(op.f('ix_checklists_opened_settled_by'), 'checklists_opened', ['region_id', 'settled_by'], unique=False)
    op.create_index(op.f('ix_checklists_opened_visit_id'), 'checklists_opened', ['region_id', 'visit_id'], unique=False)


def downgrade() -> None:
    op.drop_table("checklists_opened")
