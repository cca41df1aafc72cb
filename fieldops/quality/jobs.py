"""The timetable of quality: photos get their prints, visits that ended are looked at (QA-05)."""

from collections.abc import Iterable
from uuid import UUID

import structlog
from anyio import to_thread

from fieldops.files.errors import FileLost
from fieldops.files.store import Store, store_of
from fieldops.kernel import actor, clock, commands, configuration, jobs
from fieldops.kernel.commands import Envelope
from fieldops.kernel.errors import Coded
from fieldops.kernel.ids import new_id
from fieldops.quality import queries, rules
from fieldops.quality.models import PhotoPrint
from fieldops.quality.prints import Print, print_of
from fieldops.quality.queries import duties  # noqa: F401 - declares a limit on import
from fieldops.quality.rules import PrintState

log = structlog.get_logger()


@jobs.every("*/2 * * * *", "quality.print_photos")
async def print_photos() -> None:
    """Make the prints of photos that arrived; visits looked at before are looked at again."""
    machine = jobs.machine()
    async with machine.database.transaction() as session:
        regions = await jobs.regions(session)
    for region_id in regions:
        async with machine.database.transaction() as session:
            new = await queries.new_photos(session, region_id, clock.now())
        store = store_of(machine.settings, region_id)
        for sha256 in new:
            made = await to_thread.run_sync(_read_print, store, sha256)
            await _keep(region_id, sha256, made)
        if new:
            async with machine.database.transaction() as session:
                again = await queries.looked_at_with(session, region_id, new)
            await _look(region_id, again)


def _read_print(store: Store, sha256: str) -> Print:
    try:
        return print_of(b"".join(store.read(sha256)))
    except FileLost:
        return Print(PrintState.UNREADABLE)


async def _keep(region_id: int, sha256: str, made: Print) -> None:
    a, b, c, d = made.bands or (None, None, None, None)
    async with jobs.machine().database.transaction() as session:
        if not await queries.printed(session, region_id, sha256):
            session.add(
                PhotoPrint(
                    region_id=region_id,
                    sha256=sha256,
                    state=made.state.value,
                    band_a=a,
                    band_b=b,
                    band_c=c,
                    band_d=d,
                    made_at=clock.now(),
                )
            )


@jobs.every("*/5 * * * *", "quality.check_visits")
async def check_visits() -> None:
    """Look at the evidence of visits that ended, and again when late phones had their time."""
    database = jobs.machine().database
    async with database.transaction() as session:
        regions = await jobs.regions(session)
    for region_id in regions:
        async with database.transaction() as session:
            later = await configuration.duration(session, region_id, rules.SECOND_LOOK)
            due = await queries.due_visits(session, region_id, clock.now(), later)
        await _look(region_id, due)


async def _look(region_id: int, visit_ids: Iterable[UUID]) -> None:
    """Run the check of each visit in a transaction of its own; one that fails stops no other."""
    database = jobs.machine().database
    for visit_id in visit_ids:
        try:
            async with database.transaction() as session:
                envelope = Envelope(new_id(), "evidence.check", {"visit_id": str(visit_id)})
                await commands.run(session, actor.system(region_id), envelope, clock.now())
        except Coded as refusal:
            log.warning("visit not looked at", visit_id=str(visit_id), code=refusal.code)
