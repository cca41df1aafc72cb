"""Extensions and the job queue.

Revision: 0001_extensions_queue
After: nothing

The queue's tables are made by the installed procrastinate, so that they always fit its code.
The comment on its main table keeps the version they were made by: a migration that lifts the
queue to a newer release looks there first (docs/architecture.md says how).
"""

from importlib.metadata import version

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0001_extensions_queue"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create extension if not exists postgis")
    op.execute("create extension if not exists btree_gist")
    _run(SchemaManager.get_schema())
    op.execute(f"comment on table procrastinate_jobs is 'procrastinate {version('procrastinate')}'")


def downgrade() -> None:
    _run(
        """
        do $$
        declare
            thing record;
        begin
            for thing in select tablename from pg_tables
                where schemaname = current_schema and tablename like 'procrastinate\\_%' loop
                execute format('drop table %I cascade', thing.tablename);
            end loop;
            for thing in select oid::regprocedure as signature from pg_proc
                where pronamespace = current_schema::regnamespace
                and proname like 'procrastinate\\_%' loop
                execute format('drop routine %s cascade', thing.signature);
            end loop;
            for thing in select typname from pg_type
                where typnamespace = current_schema::regnamespace
                and typname like 'procrastinate\\_%' and typtype in ('e', 'c') loop
                execute format('drop type if exists %I cascade', thing.typname);
            end loop;
        end $$
        """
    )
    op.execute("drop extension btree_gist")
    op.execute("drop extension postgis")


def _run(script: str) -> None:
    """Run several statements as they stand: no bind markers are looked for in them."""
    op.get_bind().connection.driver_connection.execute(script)
