"""${message}.

Revision: ${up_revision}
After: ${down_revision | comma,n}

Locks are waited for five seconds at most and the release that is running goes on working
during and after this migration: a column is added nullable, filled and then tightened, and a
thing is dropped one release after its last use. On a table with data an index is built
CONCURRENTLY (`with op.get_context().autocommit_block()`), a check or foreign key is added NOT
VALID and validated afterwards.
"""

import sqlalchemy as sa
from alembic import op
${imports + "\n" if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
