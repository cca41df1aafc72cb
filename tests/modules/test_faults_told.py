"""FA-02: what customers are told of an area fault, and when (AP-09, AP-10)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from fieldops.appointments.models import CallTask
from fieldops.customers.models import Customer
from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.notifications.jobs import send_due
from fieldops.notifications.models import Message
from tests.support.factories.appointments import local, window
from tests.support.factories.faults import Street, confirmed_fault, make_street, report
from tests.support.run import first_id, run
from tests.support.world import World, id_of

pytestmark = pytest.mark.anyio

TONIGHT = "2026-11-23T18:00:00+02:00"


async def told(database: Database, kind: str = "area_fault") -> list[Message]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(Message).where(Message.region_id == 1, Message.kind == kind).order_by(Message.id)
        )
        return list(found)


async def end(database: Database, world: World, fault_id: UUID) -> None:
    await run(database, world.dora, "area_fault.end", area_fault_id=str(fault_id), reason="Spliced")


async def with_promise(database: Database, world: World, tier: str) -> Street:
    """A street whose first home, of a tier, was promised this afternoon before the fault."""
    street = await make_street(database)
    home = street.homes[0]
    async with database.transaction() as session:
        customer = await session.get(Customer, (1, home.customer_id))
        assert customer is not None
        customer.tier = tier
    made = await report(database, world.ann, home)
    await run(
        database,
        world.dora,
        "appointment.book",
        visit_id=str(first_id(made, "visit")),
        **window(local(23, 14)),
        technician_ids=[str(id_of("alice"))],
        channel="phone",
        customer_said="Good.",
    )
    return street


async def open_calls(database: Database, kind: str) -> list[CallTask]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(CallTask).where(
                CallTask.region_id == 1, CallTask.kind == kind, CallTask.done_at.is_(None)
            )
        )
        return list(found)


async def confirm_after_two_more(database: Database, world: World, street: Street) -> UUID:
    for home in street.homes[1:3]:
        last = await report(database, world.ann, home)
    fault_id = first_id(last, "area_fault")
    await run(
        database,
        world.dora,
        "area_fault.confirm",
        area_fault_id=str(fault_id),
        cause="Cut",
        expected_repair_at=TONIGHT,
    )
    return fault_id


@pytest.mark.parametrize(("tier", "called"), [("basic", 0), ("diamond", 1)])
async def test_fa_02_who_is_told_by_message_needs_no_call_but_high_tiers_get_one(
    database: Database, world: World, tier: str, called: int
) -> None:
    """AP-06, AP-04: the promise is off before its window, and everybody learns it once."""
    street = await with_promise(database, world, tier)
    await confirm_after_two_more(database, world, street)
    assert len(await told(database)) == 3
    assert len(await open_calls(database, "reschedule")) == called


async def test_fa_02_another_expected_time_is_told_once_more(
    database: Database, world: World, settings: Settings
) -> None:
    street = await make_street(database)
    fault_id, _ = await confirmed_fault(database, world.ann, world.dora, street, TONIGHT)
    jobs.use(jobs.Machine(database, settings))
    await send_due()
    assert {row.state for row in await told(database)} == {"sent"}
    change: dict[str, Any] = {"area_fault_id": str(fault_id), "cause": "Two cables"}
    for reason in ("Worse than thought", "A word corrected"):
        await run(
            database,
            world.dora,
            "area_fault.change",
            **change,
            expected_repair_at="2026-11-23T20:00:00+02:00",
            reason=reason,
        )
    await send_due()
    assert [row.state for row in await told(database)].count("sent") == 6
    await end(database, world, fault_id)
    await send_due()
    assert {row.state for row in await told(database, "area_fault_over")} == {"sent"}


async def test_fa_02_nothing_is_told_in_quiet_hours_or_when_it_is_over_by_then(
    database: Database, world: World, settings: Settings
) -> None:
    """AP-09: held in the night it is told in the morning; repaired meanwhile it is not told."""
    jobs.use(jobs.Machine(database, settings))
    street = await make_street(database)
    with clock.frozen(local(23, 22)):
        fault_id, _ = await confirmed_fault(
            database, world.ann, world.dora, street, "2026-11-24T12:00:00+02:00"
        )
        await send_due()
        planned = await told(database)
        assert [(row.state, row.due_at) for row in planned] == [("planned", local(24, 8))] * 3
    with clock.frozen(local(24, 6)):
        await end(database, world, fault_id)
    with clock.frozen(local(24, 8) + timedelta(minutes=1)):
        await send_due()
    assert {row.state for row in await told(database)} == {"cancelled"}
    assert {row.state for row in await told(database, "area_fault_over")} == {"sent"}


async def test_fa_02_who_said_it_works_is_not_told_that_it_is_over(
    database: Database, world: World, settings: Settings
) -> None:
    jobs.use(jobs.Machine(database, settings))
    street = await make_street(database)
    fault_id, results = await confirmed_fault(database, world.ann, world.dora, street, TONIGHT)
    await end(database, world, fault_id)
    await run(
        database,
        world.ann,
        "fault.settle",
        report_id=str(first_id(results[0], "fault_report")),
        works=True,
    )
    await send_due()
    states = [row.state for row in await told(database, "area_fault_over")]
    assert sorted(states) == ["cancelled", "sent", "sent"]


async def test_fa_02_whose_repair_is_released_is_not_told_that_the_area_fault_is_over(
    database: Database, world: World, settings: Settings
) -> None:
    """Nor, with the message still to go out, that nobody has to visit."""
    jobs.use(jobs.Machine(database, settings))
    street = await make_street(database)
    fault_id, results = await confirmed_fault(database, world.ann, world.dora, street, TONIGHT)
    await run(
        database,
        world.dora,
        "area_fault.release",
        area_fault_id=str(fault_id),
        work_order_id=str(first_id(results[0], "work_order")),
        reason="Socket broken",
    )
    assert await told(database, "area_fault_over") == []
    assert sorted(row.state for row in await told(database)) == ["cancelled", "planned", "planned"]
    assert len(await open_calls(database, "new_appointment")) == 1
    await end(database, world, fault_id)
    assert len(await told(database, "area_fault_over")) == 2


async def test_fa_02_two_repairs_on_one_visit_are_told_of_once(
    database: Database, world: World, settings: Settings
) -> None:
    """AP-10: line and broadband of one home fail together; it is one message each time."""
    jobs.use(jobs.Machine(database, settings))
    street = await make_street(database)
    home = street.homes[0]
    await run(
        database,
        world.ivan,
        "order.receive",
        external_ref="CRM-2",
        customer={"id": str(home.customer_id)},
        premises={"id": str(home.premises_id)},
        items=[{"kind": "repair", "service": "broadband", "service_id": str(home.id)}] * 2,
    )
    fault_id = await confirm_after_two_more(database, world, street)
    assert len(await told(database)) == 3
    await end(database, world, fault_id)
    assert len(await told(database, "area_fault_over")) == 3


async def test_fa_02_a_repair_expected_before_the_morning_is_left_to_a_person(
    database: Database, world: World
) -> None:
    street = await make_street(database)
    with clock.frozen(local(23, 22)):
        await confirmed_fault(database, world.ann, world.dora, street, "2026-11-24T05:00:00+02:00")
    assert await told(database) == []


def test_fa_02_both_languages_say_when(at: datetime) -> None:
    from fieldops.notifications.wording import render  # noqa: PLC0415 - only this test renders

    zone = local(23, 12).tzinfo
    assert zone is not None
    for locale in ("en", "zh_CN"):
        for kind in ("area_fault", "area_fault_over"):
            text = render(kind, locale, {"start": at}, zone).text  # type: ignore[arg-type]
            assert f"{at.astimezone(zone):%H:%M}" in text
