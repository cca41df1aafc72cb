"""Customers, premises and the register of contact readings: CU-01, CU-03, CU-04, CU-06."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from fieldops.customers import pii, policy, queries
from fieldops.customers.errors import (
    CustomerKnown,
    NoContact,
    NothingToChange,
    PremisesKnown,
    TierDoesNotFit,
)
from fieldops.customers.models import Customer
from fieldops.customers.rules import BUSINESS_TIERS, PRIVATE_TIERS
from fieldops.kernel import audit, clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.commands import Ref
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Conflict, Forbidden, InvalidArguments, NotFound
from fieldops.kernel.permissions import Permission
from tests.support.factories.customers import make_customer, make_premises
from tests.support.run import first_id, run
from tests.support.world import HARBOUR, NORTH, SOUTH, World

pytestmark = pytest.mark.anyio

PREMISES: dict[str, Any] = {
    "centre_id": str(NORTH),
    "street": "Esimerkkikatu",
    "house_number": "7",
    "postcode": "00100",
    "city": "Helsinki",
    "point": {"type": "Point", "coordinates": [24.94, 60.17]},
}


def household(**more: Any) -> dict[str, Any]:
    return {"segment": "household", "tier": "gold", **more}


async def read(database: Database, actor: Actor, customer_id: object) -> pii.Contact:
    async with database.transaction() as session:
        return await pii.read_contact(
            session,
            actor,
            actor.scope(Permission.CONTACT_READ),
            customer_id,  # type: ignore[arg-type]
            source="192.0.2.7",
            reason="call about a move",
            now=clock.now(),
        )


async def register(database: Database) -> list[pii.ContactReading]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(pii.ContactReading)
            .where(pii.ContactReading.region_id == 1)
            .order_by(pii.ContactReading.id)
        )
        return list(found)


@pytest.mark.parametrize(
    ("segment", "tier"),
    [
        *(("household", tier) for tier in PRIVATE_TIERS),
        *(("personal", tier) for tier in PRIVATE_TIERS),
        *(("government", tier) for tier in BUSINESS_TIERS),
        *(("enterprise", tier) for tier in BUSINESS_TIERS),
    ],
)
async def test_cu_01_every_segment_takes_its_own_tiers(
    database: Database, world: World, segment: str, tier: str
) -> None:
    result = await run(database, world.ann, "customer.register", segment=segment, tier=tier)
    assert result["status"] == "applied"


@pytest.mark.parametrize(("segment", "tier"), [("household", "1A"), ("enterprise", "gold")])
async def test_cu_01_a_tier_of_another_segment_is_refused_with_the_legal_ones(
    database: Database, world: World, segment: str, tier: str
) -> None:
    with pytest.raises(TierDoesNotFit) as caught:
        await run(database, world.ann, "customer.register", segment=segment, tier=tier)
    assert tier not in caught.value.details["legal"].split(", ")


async def test_cu_01_the_database_itself_refuses_a_tier_of_another_segment(
    database: Database, world: World
) -> None:
    with pytest.raises(IntegrityError, match="tier_fits"):
        async with database.transaction() as session:
            await make_customer(session, segment="enterprise", tier="gold")


async def test_cu_01_a_change_of_tier_is_kept_with_its_reason(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        customer = await make_customer(session)
    args = {"customer_id": str(customer.id), "tier": "diamond", "reason": "loyal for ten years"}
    await run(database, world.dora, "customer.change_tier", **args)
    async with database.transaction() as session:
        history = await session.scalars(audit.history(1, "customers_customer", customer.id))
        last = list(history)[-1]
    assert (last.before, last.after) == ({"tier": "basic"}, {"tier": "diamond"})
    assert (last.reason, last.actor_id) == ("loyal for ten years", world.dora.id)


async def test_cu_01_two_changes_of_one_tier_after_the_same_version_conflict(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        customer = await make_customer(session)
    args = {"customer_id": str(customer.id), "tier": "gold", "reason": "first"}
    base = (Ref("customer", customer.id, 1),)
    await run(database, world.dora, "customer.change_tier", device=uuid4(), base=base, **args)
    with pytest.raises(Conflict):
        await run(
            database, world.ann, "customer.change_tier", base=base, **{**args, "tier": "silver"}
        )


async def test_a_customer_registered_twice_under_one_reference_is_refused(
    database: Database, world: World
) -> None:
    await run(database, world.ivan, "customer.register", **household(external_ref="C1"))
    with pytest.raises(CustomerKnown):
        await run(database, world.ivan, "customer.register", **household(external_ref="C1"))


async def test_a_client_names_the_id_of_what_it_registers(database: Database, world: World) -> None:
    own = uuid4()
    result = await run(database, world.ann, "customer.register", **household(id=str(own)))
    assert first_id(result, "customer") == own


@pytest.mark.parametrize("centre", [HARBOUR, uuid4()])
async def test_a_customer_of_a_centre_of_another_region_is_refused(
    database: Database, world: World, centre: object
) -> None:
    with pytest.raises(NotFound):
        await run(database, world.ann, "customer.register", **household(centre_id=str(centre)))


async def test_customers_and_premises_outside_the_scope_are_not_found(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        customer = await make_customer(session, centre_id=SOUTH)
        shared = await make_customer(session, centre_id=None)
        premises = await make_premises(session, centre_id=SOUTH)
    north = world.dora.scope(Permission.CUSTOMER_READ)
    turku = world.tess.scope(Permission.CUSTOMER_READ)
    alice = world.alice.scope(Permission.CUSTOMER_READ)
    async with database.transaction() as session:
        assert (await queries.customer(session, north, shared.id)).id == shared.id
        for scope in (north, turku, alice):
            with pytest.raises(NotFound):
                await queries.customer(session, scope, customer.id)
            with pytest.raises(NotFound):
                await queries.premises(session, scope, premises.id)
        for scope in (turku, alice):
            with pytest.raises(NotFound):
                await queries.customer(session, scope, shared.id)


async def test_cu_03_premises_have_address_point_building_and_access_notes(
    database: Database, world: World
) -> None:
    more = {"building": "Block C", "access_notes": "Key with the caretaker.", "unit": "B 14"}
    result = await run(database, world.dora, "premises.register", **PREMISES, **more)
    async with database.transaction() as session:
        scope = world.dora.scope(Permission.CUSTOMER_READ)
        row = await queries.premises(session, scope, first_id(result))
        where = await session.scalar(
            select(func.ST_AsEWKT(type(row).point)).where(
                type(row).region_id == 1, type(row).id == row.id
            )
        )
    assert where == "SRID=4326;POINT(24.94 60.17)"
    assert (row.building, row.access_notes, row.unit) == tuple(more.values())


@pytest.mark.parametrize(
    ("point", "field"),
    [
        ({"type": "Point", "coordinates": [24.9, 91]}, "point.coordinates.1"),
        ({"type": "Point", "coordinates": [-181, 60]}, "point.coordinates.0"),
        ({"type": "Point", "coordinates": [24.9, 60.1], "srid": 3067}, "point.srid"),
        ({"type": "Point", "coordinates": [float("nan"), 60.1]}, "point.coordinates.0"),
        ({"type": "Polygon", "coordinates": [24.9, 60.1]}, "point.type"),
    ],
)
async def test_cu_03_points_off_the_earth_or_in_another_srid_are_refused_by_field(
    database: Database, world: World, point: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidArguments) as caught:
        await run(database, world.dora, "premises.register", **{**PREMISES, "point": point})
    assert field in {error["field"] for error in caught.value.details["errors"]}


async def test_cu_03_premises_are_registered_once_per_reference(
    database: Database, world: World
) -> None:
    await run(database, world.dora, "premises.register", **PREMISES, external_ref="P1")
    with pytest.raises(PremisesKnown):
        await run(database, world.dora, "premises.register", **PREMISES, external_ref="P1")


async def test_cu_03_a_correction_changes_only_what_it_names(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        premises = await make_premises(session)
    args = {"premises_id": str(premises.id), "reason": "wrong on the order"}
    moved = {"type": "Point", "coordinates": [24.95, 60.18]}
    await run(
        database, world.dora, "premises.correct", **args, house_number="9", unit=None, point=moved
    )
    with pytest.raises(NothingToChange):
        await run(database, world.dora, "premises.correct", **args)
    with pytest.raises(InvalidArguments):
        await run(database, world.dora, "premises.correct", **args, street=None)
    async with database.transaction() as session:
        scope = world.dora.scope(Permission.CUSTOMER_READ)
        row = await queries.premises(session, scope, premises.id)
        assert (row.street, row.house_number) == (premises.street, "9")


async def test_cu_04_reading_contact_data_is_registered_with_who_when_whose_whence_and_why(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        customer = await make_customer(session, name="Aino Example")
    contact = await read(database, world.ann, customer.id)
    assert contact.name == "Aino Example"
    (entry,) = await register(database)
    assert (entry.reader_id, entry.at, entry.customer_id, entry.source, entry.reason) == (
        world.ann.id,
        clock.now(),
        customer.id,
        "192.0.2.7",
        "call about a move",
    )


async def test_cu_04_a_refused_reading_shows_and_registers_nothing(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        elsewhere = await make_customer(session, centre_id=SOUTH)
        silent = Customer(region_id=1, segment="household", tier="basic", locale="en")
        session.add(silent)
    with pytest.raises(NotFound):
        await read(database, world.dora, elsewhere.id)
    with pytest.raises(NotFound):
        await read(database, world.alice, elsewhere.id)
    with pytest.raises(NoContact):
        await read(database, world.ann, silent.id)
    assert await register(database) == []


async def test_cu_04_only_a_reader_with_an_exemption_is_not_registered(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.transaction() as session:
        customer = await make_customer(session)

    async def alice_visits(_session: object, actor: Actor, customer_id: object, _: object) -> bool:
        return actor.id == world.alice.id and customer_id == customer.id

    monkeypatch.setattr(policy, "exemptions", [alice_visits])
    monkeypatch.setattr(policy, "own_customers", [lambda _scope: Customer.id == customer.id])
    await read(database, world.alice, customer.id)
    assert await register(database) == []
    await read(database, world.bob, customer.id)
    assert [entry.reader_id for entry in await register(database)] == [world.bob.id]


async def test_cu_04_an_export_is_registered_even_with_an_exemption(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.transaction() as session:
        customer = await make_customer(session)

    async def always(*_: object) -> bool:
        return True

    monkeypatch.setattr(policy, "exemptions", [always])
    async with database.transaction() as session:
        scope = world.ann.scope(Permission.CONTACT_READ)
        await pii.read_contact(
            session,
            world.ann,
            scope,
            customer.id,
            source="192.0.2.7",
            reason="monthly list",
            now=clock.now(),
            kind=pii.Reading.EXPORT,
        )
    assert [entry.kind for entry in await register(database)] == ["export"]


async def test_cu_04_supervisors_search_the_register_and_dispatchers_do_not(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        first, second = [await make_customer(session) for _ in range(2)]
    await read(database, world.ann, first.id)
    await read(database, world.dora, second.id)
    async with database.transaction() as session:
        scope = world.sam.scope(Permission.REGISTER_READ)
        by_customer = await session.scalars(pii.readings(scope, customer_id=first.id))
        by_reader = await session.scalars(pii.readings(scope, reader_id=world.dora.id))
        early = await session.scalars(pii.readings(scope, before=clock.now()))
        assert [entry.reader_id for entry in by_customer] == [world.ann.id]
        assert [entry.customer_id for entry in by_reader] == [second.id]
        assert early.all() == []
    with pytest.raises(Forbidden):
        world.dora.scope(Permission.REGISTER_READ)


async def test_cu_06_a_change_of_contact_data_keeps_the_old_values_and_the_identity_check(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        customer = await make_customer(session, phone="+9990000001", name="Aino Example")
    args = {
        "customer_id": str(customer.id),
        "phone": "+9990000002",
        "identity_method": "call_back",
        "identity_checked_by": str(world.dora.id),
        "reason": "new number",
    }
    await run(database, world.ann, "customer.change_contact", **args)
    async with database.transaction() as session:
        (former,) = await pii.former_contacts(session, 1, customer.id)
        now = await pii.contact_for_message(session, 1, customer.id)
        history = (await session.scalars(audit.history(1, "customers_contact", customer.id))).all()
    assert now is not None
    assert (now.phone, now.name) == ("+9990000002", "Aino Example")
    assert (former.phone, former.identity_method) == ("+9990000001", "call_back")
    assert (former.identity_checked_by, former.replaced_by) == (world.dora.id, world.ann.id)
    assert history[-1].after == {"phone": audit.MASK, "phone_digits": audit.MASK}


@pytest.mark.parametrize(
    "wrong",
    [{"identity_method": None}, {"phone": "call me"}, {"email": "nowhere"}, {"name": None}],
)
async def test_cu_06_contact_data_does_not_change_without_an_identity_check_or_with_nonsense(
    database: Database, world: World, wrong: dict[str, Any]
) -> None:
    async with database.transaction() as session:
        customer = await make_customer(session)
    args = {
        "customer_id": str(customer.id),
        "phone": "+9990000002",
        "identity_method": "document",
        "reason": "new number",
        **wrong,
    }
    with pytest.raises(InvalidArguments):
        await run(database, world.ann, "customer.change_contact", **args)


async def test_contact_data_is_in_neither_ledger_nor_audit(
    database: Database, world: World
) -> None:
    contact = {"name": "Aino Example", "phone": "+9990007777", "email": "aino@example.org"}
    result = await run(database, world.ann, "customer.register", **household(contact=contact))
    async with database.transaction() as session:
        rows = (await session.scalars(select(audit.Audit).where(audit.Audit.region_id == 1))).all()
        kept = str(result) + "".join(str((row.before, row.after)) for row in rows)
    assert "Aino" not in kept
    assert "7777" not in kept
