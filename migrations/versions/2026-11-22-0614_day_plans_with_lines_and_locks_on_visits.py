"""Day plans with lines and locks on visits.

Revision: 0028_plans
After: 0027_matters
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028_plans"
down_revision = "0027_matters"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('dispatch_plan',
    sa.Column('region_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('centre_id', sa.Uuid(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('cause', sa.Text(), nullable=False),
    sa.Column('urgent_visit_ids', postgresql.JSONB(), nullable=False),
    sa.Column('seconds', sa.Float(), nullable=False),
    sa.Column('asked_by', sa.Uuid(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('progress', sa.Integer(), nullable=False),
    sa.Column('began_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ready_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('failed_reason', sa.Text(), nullable=True),
    sa.Column('figures', postgresql.JSONB(), nullable=False),
    sa.Column('hours', postgresql.JSONB(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(state = 'failed') = (failed_reason is not null)", name=op.f('ck_dispatch_plan_failure_told')),
    sa.CheckConstraint("cause in ('planning', 'absence', 'delay', 'urgent', 'area_fault')", name=op.f('ck_dispatch_plan_cause_known')),
    sa.CheckConstraint("kind in ('day', 'replan')", name=op.f('ck_dispatch_plan_kind_known')),
    sa.CheckConstraint("state in ('computing', 'proposed', 'published', 'superseded', 'failed')", name=op.f('ck_dispatch_plan_state_known')),
    sa.CheckConstraint('progress between 0 and 100', name=op.f('ck_dispatch_plan_progress_percent')),
    sa.ForeignKeyConstraint(['centre_id'], ['organisation_unit.id'], name=op.f('fk_dispatch_plan_centre_id')),
    sa.PrimaryKeyConstraint('region_id', 'id', name=op.f('pk_dispatch_plan'))
    )
    op.create_index(op.f('ix_dispatch_plan_centre_id'), 'dispatch_plan', ['region_id', 'centre_id'], unique=False)
    op.create_index('ix_dispatch_plan_day', 'dispatch_plan', ['region_id', 'centre_id', 'day'], unique=False)
    op.create_index('uq_dispatch_plan_computing', 'dispatch_plan', ['region_id', 'centre_id', 'day'], unique=True, postgresql_where=sa.text("state = 'computing'"))
    op.create_table('dispatch_disturbance',
    sa.Column('region_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('centre_id', sa.Uuid(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('cause', sa.Text(), nullable=False),
    sa.Column('technician_id', sa.Uuid(), nullable=True),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('noticed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('plan_id', sa.Uuid(), nullable=True),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("cause in ('planning', 'absence', 'delay', 'urgent', 'area_fault')", name=op.f('ck_dispatch_disturbance_cause_known')),
    sa.CheckConstraint('ends_at > starts_at', name=op.f('ck_dispatch_disturbance_times_in_order')),
    sa.ForeignKeyConstraint(['centre_id'], ['organisation_unit.id'], name=op.f('fk_dispatch_disturbance_centre_id')),
    sa.ForeignKeyConstraint(['region_id', 'plan_id'], ['dispatch_plan.region_id', 'dispatch_plan.id'], name=op.f('fk_dispatch_disturbance_plan_id')),
    sa.ForeignKeyConstraint(['region_id', 'technician_id'], ['organisation_technician.region_id', 'organisation_technician.id'], name=op.f('fk_dispatch_disturbance_technician_id')),
    sa.PrimaryKeyConstraint('region_id', 'id', name=op.f('pk_dispatch_disturbance'))
    )
    op.create_index(op.f('ix_dispatch_disturbance_centre_id'), 'dispatch_disturbance', ['region_id', 'centre_id'], unique=False)
    op.create_index('ix_dispatch_disturbance_open', 'dispatch_disturbance', ['region_id', 'centre_id', 'day'], unique=False, postgresql_where=sa.text('settled_at IS NULL'))
    op.create_index(op.f('ix_dispatch_disturbance_plan_id'), 'dispatch_disturbance', ['region_id', 'plan_id'], unique=False)
    op.create_index(op.f('ix_dispatch_disturbance_technician_id'), 'dispatch_disturbance', ['region_id', 'technician_id'], unique=False)
    op.create_table('dispatch_lock',
    sa.Column('region_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('visit_id', sa.Uuid(), nullable=False),
    sa.Column('centre_id', sa.Uuid(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('locked_by', sa.Uuid(), nullable=False),
    sa.Column('locked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('unlocked_by', sa.Uuid(), nullable=True),
    sa.Column('unlocked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('(unlocked_at is null) = (unlocked_by is null)', name=op.f('ck_dispatch_lock_unlocked_by_whom')),
    sa.ForeignKeyConstraint(['centre_id'], ['organisation_unit.id'], name=op.f('fk_dispatch_lock_centre_id')),
    sa.ForeignKeyConstraint(['region_id', 'visit_id'], ['visits_visit.region_id', 'visits_visit.id'], name=op.f('fk_dispatch_lock_visit_id')),
    sa.PrimaryKeyConstraint('region_id', 'id', name=op.f('pk_dispatch_lock'))
    )
    op.create_index(op.f('ix_dispatch_lock_centre_id'), 'dispatch_lock', ['region_id', 'centre_id'], unique=False)
    op.create_index(op.f('ix_dispatch_lock_visit_id'), 'dispatch_lock', ['region_id', 'visit_id'], unique=False)
    op.create_index('uq_dispatch_lock_open', 'dispatch_lock', ['region_id', 'visit_id'], unique=True, postgresql_where=sa.text('unlocked_at IS NULL'))
    op.create_table('dispatch_plan_line',
    sa.Column('region_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('plan_id', sa.Uuid(), nullable=False),
    sa.Column('visit_id', sa.Uuid(), nullable=False),
    sa.Column('centre_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('priority_class', sa.Text(), nullable=False),
    sa.Column('technician_ids', postgresql.JSONB(), nullable=False),
    sa.Column('former_technician_ids', postgresql.JSONB(), nullable=False),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('former_start', sa.DateTime(timezone=True), nullable=True),
    sa.Column('window_start', sa.DateTime(timezone=True), nullable=True),
    sa.Column('window_end', sa.DateTime(timezone=True), nullable=True),
    sa.Column('breaks_promise', sa.Boolean(), nullable=False),
    sa.Column('requires', postgresql.JSONB(), nullable=False),
    sa.Column('gains', postgresql.JSONB(), nullable=False),
    sa.Column('base', postgresql.JSONB(), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("kind = 'left_out' or starts_at is not null", name=op.f('ck_dispatch_plan_line_start_planned')),
    sa.CheckConstraint("kind in ('retimed', 'reassigned', 'placed', 'moved', 'left_out')", name=op.f('ck_dispatch_plan_line_kind_known')),
    sa.CheckConstraint("priority_class in ('complaint', 'vip', 'fault', 'install', 'other')", name=op.f('ck_dispatch_plan_line_class_known')),
    sa.CheckConstraint('(starts_at is null) = (ends_at is null)', name=op.f('ck_dispatch_plan_line_times_known')),
    sa.ForeignKeyConstraint(['centre_id'], ['organisation_unit.id'], name=op.f('fk_dispatch_plan_line_centre_id')),
    sa.ForeignKeyConstraint(['region_id', 'plan_id'], ['dispatch_plan.region_id', 'dispatch_plan.id'], name=op.f('fk_dispatch_plan_line_plan_id')),
    sa.ForeignKeyConstraint(['region_id', 'visit_id'], ['visits_visit.region_id', 'visits_visit.id'], name=op.f('fk_dispatch_plan_line_visit_id')),
    sa.PrimaryKeyConstraint('region_id', 'id', name=op.f('pk_dispatch_plan_line')),
    sa.UniqueConstraint('region_id', 'plan_id', 'visit_id', name=op.f('uq_dispatch_plan_line_plan_id_visit_id'))
    )
    op.create_index(op.f('ix_dispatch_plan_line_centre_id'), 'dispatch_plan_line', ['region_id', 'centre_id'], unique=False)
    op.create_index(op.f('ix_dispatch_plan_line_visit_id'), 'dispatch_plan_line', ['region_id', 'visit_id'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('ix_dispatch_plan_line_visit_id'), table_name='dispatch_plan_line')
    op.drop_index(op.f('ix_dispatch_plan_line_centre_id'), table_name='dispatch_plan_line')
    op.drop_table('dispatch_plan_line')
    op.drop_index('uq_dispatch_lock_open', table_name='dispatch_lock', postgresql_where=sa.text('unlocked_at IS NULL'))
    op.drop_index(op.f('ix_dispatch_lock_visit_id'), table_name='dispatch_lock')
    op.drop_index(op.f('ix_dispatch_lock_centre_id'), table_name='dispatch_lock')
    op.drop_table('dispatch_lock')
    op.drop_index(op.f('ix_dispatch_disturbance_technician_id'), table_name='dispatch_disturbance')
    op.drop_index(op.f('ix_dispatch_disturbance_plan_id'), table_name='dispatch_disturbance')
    op.drop_index('ix_dispatch_disturbance_open', table_name='dispatch_disturbance', postgresql_where=sa.text('settled_at IS NULL'))
    op.drop_index(op.f('ix_dispatch_disturbance_centre_id'), table_name='dispatch_disturbance')
    op.drop_table('dispatch_disturbance')
    op.drop_index('uq_dispatch_plan_computing', table_name='dispatch_plan', postgresql_where=sa.text("state = 'computing'"))
    op.drop_index('ix_dispatch_plan_day', table_name='dispatch_plan')
    op.drop_index(op.f('ix_dispatch_plan_centre_id'), table_name='dispatch_plan')
    op.drop_table('dispatch_plan')
