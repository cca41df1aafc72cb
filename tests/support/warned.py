"""Warnings of limits in tests: the job, and who was warned of what."""

from fieldops.kernel import jobs
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.notifications.jobs import warn_of_limits
from fieldops.notifications.models import LimitWarning
from fieldops.notifications.queries import limits
from tests.support.world import World


async def warned(
    database: Database, settings: Settings, world: World, *abouts: str
) -> list[tuple[str, str, str]]:
    """Run the job twice and return what is still true of these limits: limit, stage, name."""
    jobs.use(jobs.Machine(database, settings))
    await warn_of_limits()
    await warn_of_limits()
    names = {actor.id: name for name, actor in world.actors.items()}
    found = []
    async with database.transaction() as session:
        for person_id, name in names.items():
            rows = await session.scalars(
                limits.warnings(1, person_id).where(LimitWarning.over_at.is_(None))
            )
            found += [(row.about, row.stage, name) for row in rows if row.about in abouts]
    return sorted(found)
