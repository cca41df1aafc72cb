import pytest
from procrastinate import PsycopgConnector
from sqlalchemy import text

from fieldops import worker
from fieldops.kernel import jobs
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings

pytestmark = pytest.mark.anyio

ran: list[int] = []


@jobs.job("tests.remember")
async def remember(number: int) -> None:
    ran.append(number)


async def waiting(database: Database) -> int:
    async with database.transaction() as session:
        return int(
            await session.scalar(
                text(
                    "select count(*) from procrastinate_jobs"
                    " where task_name = 'tests.remember' and status = 'todo'"
                )
            )
            or 0
        )


async def test_a_job_is_queued_with_the_callers_transaction_and_gone_with_its_rollback(
    committed: tuple[Database, Settings],
) -> None:
    database, _ = committed

    async def queue_and_fail() -> None:
        async with database.transaction() as session:
            await jobs.enqueue(session, remember, number=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await queue_and_fail()
    assert await waiting(database) == 0
    async with database.transaction() as session:
        await jobs.enqueue(session, remember, number=2)
    assert await waiting(database) == 1


async def test_the_worker_runs_what_was_committed(committed: tuple[Database, Settings]) -> None:
    database, settings = committed
    async with database.transaction() as session:
        await jobs.enqueue(session, remember, number=7)
    connector = PsycopgConnector(conninfo=worker.conninfo(settings))
    with jobs.app.replace_connector(connector) as app:
        async with app.open_async():
            await app.run_worker_async(wait=False, install_signal_handlers=False)
    assert ran == [7]
