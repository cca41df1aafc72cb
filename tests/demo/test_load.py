"""The sample city in a real database: all of it, by the rules, and only once."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from fieldops.appointments.models import Appointment
from fieldops.customers.pii import Contact
from fieldops.demo import load
from fieldops.demo.city import City
from fieldops.demo.copying import REGION
from fieldops.kernel.audit import Audit
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.network.models import NetworkFeature, NetworkService
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.organisation import queries as organisation
from fieldops.organisation.commands.accounts import passwords
from fieldops.organisation.models import Person, Technician
from fieldops.visits.models import Visit

pytestmark = pytest.mark.anyio

SOME_ORDERS = 30
SOME_APPOINTMENTS = 8


@pytest.fixture(scope="module")
def small(city: City) -> City:
    return replace(city, orders=city.orders[:SOME_ORDERS])


async def count(database: Database, model: Any, *conditions: Any) -> int:
    where = (model.region_id == REGION, *conditions) if hasattr(model, "region_id") else conditions
    async with database.transaction() as session:
        found = await session.scalar(select(func.count()).select_from(model).where(*where))
    return found or 0


async def test_the_whole_city_is_in_the_database(
    committed: tuple[Database, Settings], small: City
) -> None:
    database, _ = committed

    report = await load.load_city(database, small, appointments=0)

    assert report.orders_refused == []
    assert await count(database, NetworkFeature) == len(small.features)
    assert await count(database, NetworkService) == len(small.services)
    assert await count(database, Contact) == len(small.customers)
    assert await count(database, Technician) == 24
    assert await count(database, ServiceOrder) == SOME_ORDERS


async def test_wo_02_the_rules_plan_one_visit_for_each_order(
    committed: tuple[Database, Settings], small: City
) -> None:
    database, _ = committed
    await load.load_city(database, small, appointments=0)

    assert await count(database, WorkOrder) == sum(len(order.items) for order in small.orders)
    assert await count(database, Visit, Visit.state == "planned") == SOME_ORDERS


async def test_ap_01_appointments_are_booked_into_free_windows_by_their_command(
    committed: tuple[Database, Settings], small: City
) -> None:
    database, _ = committed

    report = await load.load_city(database, small, appointments=SOME_APPOINTMENTS)

    assert report.loaded["appointments"] == SOME_APPOINTMENTS
    assert await count(database, Appointment, Appointment.state == "booked") == SOME_APPOINTMENTS
    assert await count(database, Visit, Visit.state == "dispatched") == SOME_APPOINTMENTS
    assert await count(database, Audit, Audit.command == "appointment.book") >= SOME_APPOINTMENTS


async def test_a_second_load_changes_nothing(
    committed: tuple[Database, Settings], small: City
) -> None:
    database, _ = committed
    await load.load_city(database, small, appointments=SOME_APPOINTMENTS)
    before = await count(database, Audit)

    report = await load.load_city(database, small, appointments=SOME_APPOINTMENTS)

    assert report.loaded == {}
    assert await count(database, Audit) == before


async def test_an_interrupted_load_is_taken_up_again(
    committed: tuple[Database, Settings], small: City
) -> None:
    database, _ = committed
    half = replace(small, orders=small.orders[:10])
    await load.load_city(database, half, appointments=2)

    await load.load_city(database, small, appointments=SOME_APPOINTMENTS)

    assert await count(database, ServiceOrder) == SOME_ORDERS
    assert await count(database, Appointment) == SOME_APPOINTMENTS


async def test_org_02_every_account_has_its_role_and_the_documented_password(
    committed: tuple[Database, Settings], small: City
) -> None:
    database, _ = committed
    await load.load_city(database, replace(small, orders=()), appointments=0)

    async with database.transaction() as session:
        people = list(await session.scalars(select(Person)))
        actors = [await organisation.load_actor(session, person.id, REGION) for person in people]

    assert len(people) == len(small.staff)
    assert all(actor is not None and actor.grants for actor in actors)
    assert len({person.password_hash for person in people}) == 1
    assert passwords.verify(load.DEMO_PASSWORD, people[0].password_hash or "")


async def test_no_order_is_received_in_the_future_and_none_two_weeks_before_the_start(
    city: City,
) -> None:
    received = [order.received_at - load.WEEK for order in city.orders]

    today = load.city_start(city.start + 2 * load.WEEK)
    assert max(received).date() <= today
    assert (max(received) - min(received)).days <= 14
