"""The timetable of sync: taking by rule what was learned, watching whether views agree."""

import structlog

from fieldops.kernel import changes, clock, commands, jobs
from fieldops.kernel.commands import UnknownCommand
from fieldops.kernel.permissions import Scope
from fieldops.sync import queries, rules
from fieldops.sync.commands.learning import judge_again

log = structlog.get_logger()


@jobs.every("50 * * * *", "sync.watch_agreement")
async def watch_agreement() -> None:
    """Raise an alarm in the log while too many phones hold other rows than they should."""
    database, now = jobs.machine().database, clock.now()
    async with database.transaction() as session:
        regions = await jobs.regions(session)
    for region_id in regions:
        async with database.transaction() as session:
            found = await queries.agreement(session, Scope(region_id, whole_region=True), now)
        if found.alarm:
            log.error(
                "phones hold other rows than they should",
                region_id=region_id,
                phones=found.phones,
                differed=found.differed,
                per_cent=found.per_cent,
                devices=[str(id_) for id_ in found.devices],
            )


@jobs.every("*/5 * * * *", "sync.take_what_was_learned")
async def take_what_was_learned() -> None:
    """Judge held commands again whose name and version this release knows (SYNC section 2)."""
    database = jobs.machine().database
    async with database.transaction() as session:
        regions = await jobs.regions(session)
    for region_id in regions:
        async with database.transaction() as session:
            waiting = await queries.first_of_open(session, region_id, UnknownCommand.code)
        for case_id, name, v in waiting:
            if commands.taken_by(name, v) is None:
                continue
            try:
                async with database.transaction() as session:
                    await judge_again(session, region_id, case_id, clock.now())
            except Exception:
                # A fault of ours in one case must not keep the others at the desk.
                log.exception("case not judged again", case_id=str(case_id))


@jobs.every("23 * * * *", "sync.forget_old_changes")
async def forget_old_changes() -> None:
    """Delete the log of changes that no phone follows any more: each looks at all of it sooner."""
    database = jobs.machine().database
    before = clock.now() - rules.LOG_KEPT
    async with database.transaction() as session:
        for region_id in (changes.CATALOGUES, *await jobs.regions(session)):
            await changes.forget_changes(session, region_id, before)
