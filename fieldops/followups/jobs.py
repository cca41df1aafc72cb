"""The timetable of follow-ups: nobody is forgotten, nothing waits for ever."""

import structlog

from fieldops.followups import queries, rules
from fieldops.kernel import actor, clock, commands, configuration, jobs
from fieldops.kernel.commands import Envelope
from fieldops.kernel.errors import Coded
from fieldops.kernel.ids import new_id

log = structlog.get_logger()


@jobs.every("*/5 * * * *", "followups.follow_clock")
async def follow_clock() -> None:
    """Plan what nobody has planned, hand over what is unanswered, mark what is late."""
    database = jobs.machine().database
    async with database.transaction() as session:
        regions = await jobs.regions(session)
    for region_id in regions:
        async with database.transaction() as session:
            latest = await configuration.duration(session, region_id, rules.LATEST)
            since = clock.now() - latest
            forgotten = await queries.forgotten(session, region_id, since)
            complaints = await queries.forgotten_complaints(session, region_id, since)
        steps = [("follow_up.plan", {"order_id": str(id_)}) for id_ in forgotten]
        steps += [("follow_up.plan_complaint", {"complaint_id": str(id_)}) for id_ in complaints]
        for name, args in [*steps, ("follow_up.follow_clock", {})]:
            try:
                async with database.transaction() as session:
                    envelope = Envelope(new_id(), name, args)
                    await commands.run(session, actor.system(region_id), envelope, clock.now())
            except Coded as refusal:  # somebody was quicker; the others go on
                log.info("not followed", command=name, code=refusal.code)
