"""The jobs of orders: warnings of late work, resume dates, changed standards."""

from collections import defaultdict
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import actor, clock, commands, configuration, jobs
from fieldops.kernel.clock import local_day
from fieldops.kernel.commands import Envelope
from fieldops.kernel.errors import Coded
from fieldops.kernel.ids import new_id
from fieldops.orders import queries, rules
from fieldops.orders.models import LateWarning, WorkOrder
from fieldops.orders.queries import cable
from fieldops.organisation import queries as organisation

log = structlog.get_logger()


@jobs.every("* * * * *", "orders.warn_of_late_work")
async def warn_of_late_work() -> None:
    """Warn of work that nears or has passed its limit, each audience once (WO-04)."""
    database = jobs.machine().database
    async with database.transaction() as session:
        regions = await organisation.region_numbers(session)
    for region_id in regions:
        async with database.transaction() as session:
            now = clock.now()
            for audience, number in rules.WARNINGS:
                percent = await configuration.value(session, region_id, number)
                late = await queries.late_work(session, region_id, audience, percent / 100, now)
                session.add_all(_warning(row, audience, percent, row.due_at, now) for row in late)
            await _warn_of_late_transfers(session, region_id, now)


async def _warn_of_late_transfers(session: AsyncSession, region_id: int, now: datetime) -> None:
    """Warn of repairs that no swap helps and that the cable department has not taken (RE-03)."""
    within = await configuration.duration(session, region_id, rules.TRANSFER_LIMIT)
    for audience, number in rules.CABLE_WARNINGS:
        percent = await configuration.value(session, region_id, number)
        late = await cable.late_transfers(
            session, region_id, audience, now - within * percent / 100
        )
        session.add_all(
            _warning(
                row,
                audience,
                percent,
                rules.transfer_due(row.received_at, within, row.suspended_seconds),
                now,
            )
            for row in late
        )


def _warning(
    row: WorkOrder, audience: str, percent: float, due_at: datetime, now: datetime
) -> LateWarning:
    return LateWarning(
        region_id=row.region_id,
        work_order_id=row.id,
        centre_id=row.centre_id,
        audience=audience,
        percent=int(percent),
        due_at=due_at,
        warned_at=now,
    )


@jobs.every("5 * * * *", "orders.resume_suspended_work")
async def resume_suspended_work() -> None:
    """Take up suspended work on its resume date (WO-03)."""
    database = jobs.machine().database
    async with database.transaction() as session:
        regions = await organisation.region_numbers(session)
    for region_id in regions:
        async with database.transaction() as session:
            today = local_day(clock.now(), await organisation.zone_of(session, region_id))
            due = await queries.due_to_resume(session, region_id, today)
        of_order: dict[UUID, list[str]] = defaultdict(list)
        for row in due:
            of_order[row.order_id].append(str(row.id))
        for order_id, ids in of_order.items():
            args = {
                "order_id": str(order_id),
                "work_order_ids": ids,
                "note": "The resume date has come.",
            }
            envelope = Envelope(new_id(), "order.resume", args)
            try:
                async with database.transaction() as session:
                    await commands.run(session, actor.system(region_id), envelope, clock.now())
            except Coded as refusal:
                # One order that cannot be taken up must not keep the others waiting.
                log.warning("order not resumed", order_id=str(order_id), code=refusal.code)


@jobs.job("orders.follow_standards")
async def follow_standards(*, region_id: int) -> None:
    """Let the open work of a region follow its changed standards, an order at a time (WO-04)."""
    database = jobs.machine().database
    after: UUID | None = None
    while True:
        async with database.transaction() as session:
            ids = await queries.open_orders(session, region_id, after=after)
        for order_id in ids:
            envelope = Envelope(new_id(), "order.follow_standards", {"order_id": str(order_id)})
            async with database.transaction() as session:
                await commands.run(session, actor.system(region_id), envelope, clock.now())
        if not ids:
            return
        after = ids[-1]
