"""Who sees and decides what at the desk: by role, by centre, by region (ORG-02, SYNC section 2).

A case is of the centre of its technician. The record it is about may be another's: whoever may
not see that record elsewhere does not see it here either.
"""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.erasure import Erasure
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Role
from fieldops.kernel.settings import Settings
from fieldops.organisation.models import Person, RoleGrant
from fieldops.sync.errors import CaseChanged
from fieldops.sync.models import Case, Device, ErasureNotice
from tests.support.clients import bearer
from tests.support.device import Phone
from tests.support.factories.customers import make_customer
from tests.support.factories.network import make_plant
from tests.support.run import run
from tests.support.world import NORTH, SOUTH, World
from tests.sync import trial
from tests.sync.conftest import MakePhone
from tests.sync.test_desk import late_work

pytestmark = pytest.mark.anyio

WHY = {"reason": "not mine to decide"}


async def staff(database: Database, role: Role, unit: UUID) -> Actor:
    """Make a person of region 1 with a role at one centre."""
    person = Person(id=new_id(), email=f"{new_id()}@fieldops.example", name="Anew", home_region=1)
    async with database.transaction() as session:
        session.add(person)
        await session.flush()
        session.add(RoleGrant(person_id=person.id, unit_id=unit, role=role.value))
    return Actor(person.id, 1)


async def standing(database: Database, case_id: str) -> tuple[str, int, UUID | None]:
    async with database.transaction() as session:
        case = await session.get_one(Case, (1, UUID(case_id)))
        return case.state, case.version, case.handler_id


@pytest.mark.parametrize(
    ("name", "reads", "decides"),
    [
        ("dan", 404, 404),  # another centre's dispatcher
        ("tess", 404, 404),  # another region's, with the whole of it
        ("tom", 403, 403),
        ("sam", 200, 403),  # a supervisor of the region looks and does not decide
        ("ada", 403, 403),
        ("alice", 403, 403),  # whose work it is
        ("bob", 403, 403),  # who has the visit now
        ("ann", 403, 403),
        ("mia", 403, 403),
        ("ivan", 403, 403),
    ],
)
async def test_only_those_of_the_centre_whose_role_it_is_reach_a_case(
    phone: Phone,
    database: Database,
    world: World,
    client: httpx.AsyncClient,
    settings: Settings,
    name: str,
    reads: int,
    decides: int,
) -> None:
    """ORG-02: one case after the other and many at once; nothing of it changes."""
    id_, case_id = await late_work(phone, database)
    before = await standing(database, case_id)
    headers = bearer(settings, world.actors[name])
    one = await client.get(f"/v1/desk/cases/{case_id}", headers=headers)
    assert one.status_code == reads
    for path in ("/v1/desk/cases", f"/v1/desk/cases?device_id={phone.id}", "/v1/desk/counts"):
        answer = await client.get(path, headers=headers)
        assert answer.status_code == (403 if reads == 403 else 200)
        assert (case_id in answer.text or str(phone.id) in answer.text) == (
            reads == 200 and answer.status_code == 200
        )
    for verb in ("accept", "credit", "discard", "hand-over"):
        body = {**WHY, "person_id": str(world.dora.id)} if verb == "hand-over" else WHY
        answer = await client.post(f"/v1/desk/cases/{case_id}/{verb}", json=body, headers=headers)
        assert answer.status_code == decides, (verb, answer.text)
    for wanted in ({"device_id": str(phone.id)}, {"record_id": str(id_)}):
        for decision in ("accept", "credit", "discard"):
            body = {**WHY, **wanted, "decision": decision}
            answer = await client.post("/v1/desk/decisions", json=body, headers=headers)
            if decides == 403:
                assert answer.status_code == 403
            else:
                assert answer.json()["results"] == [{"more": False}], "not one of theirs"
    seen = {"seen": [{"case_id": case_id, "version": before[1]}], "device_id": str(phone.id)}
    answer = await client.post(
        "/v1/desk/decisions", json={**WHY, **seen, "decision": "discard"}, headers=headers
    )
    assert case_id not in answer.text
    assert await standing(database, case_id) == before
    assert await trial.state_of(database, id_) == "open"


async def test_many_at_once_are_only_those_of_ones_own_centre(
    phone: Phone, database: Database, world: World, new_phone: MakePhone
) -> None:
    """ORG-02: two technicians of two centres on one record; each dispatcher decides the own."""
    id_, of_alice = await late_work(phone, database)
    other = await new_phone(world.carol)
    other.capture("trial.begin", trial_id=id_)
    await other.push()
    for dispatcher, closed in ((world.dan, 1), (world.dora, 2)):
        done = await run(
            database, dispatcher, "desk.decide_many",
            decision="discard", record_id=str(id_), reason="done by Bob",
        )  # fmt: skip
        assert len(done["results"]) == 2
        assert (of_alice in str(done["results"])) == (dispatcher is world.dora)
        assert await trial.count(database, "sync_case", "state = 'discarded'") == closed


async def test_a_case_is_handed_over_to_nobody_who_could_not_decide_it(
    phone: Phone, database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    _, case_id = await late_work(phone, database)
    before = await standing(database, case_id)
    for name in ("dan", "tess", "sam", "ada", "alice"):
        body = {**WHY, "person_id": str(world.actors[name].id)}
        for path, more in (
            (f"/v1/desk/cases/{case_id}/hand-over", {}),
            ("/v1/desk/decisions", {"decision": "hand_over", "device_id": str(phone.id)}),
        ):
            answer = await client.post(
                path, json={**body, **more}, headers=bearer(settings, world.dora)
            )
            assert "cannot_decide" in answer.text, (name, path)
    assert await standing(database, case_id) == before


async def about_a_customer(phone: Phone, database: Database, centre: UUID | None) -> str:
    """Let the phone name a customer of a centre in a command; return the case of it."""
    async with database.transaction() as session:
        customer = await make_customer(session, centre_id=centre, tier="gold", name="Ilmatar")
    phone.capture("customer.change_tier", customer_id=str(customer.id), tier="basic")
    result = (await phone.push())[0]
    assert result["code"] == "not_for_devices"
    return str(result["case_id"])


@pytest.mark.parametrize("centre", [NORTH, SOUTH])
async def test_the_desk_shows_no_record_that_its_reader_does_not_see_elsewhere(
    phone: Phone,
    database: Database,
    world: World,
    client: httpx.AsyncClient,
    settings: Settings,
    centre: UUID,
) -> None:
    """ORG-02, CU-04: a stable word instead of content; contact data are in neither."""
    case_id = await about_a_customer(phone, database, centre)
    for name, sees in (("dora", centre == NORTH), ("sam", True)):
        headers = bearer(settings, world.actors[name])
        answer = await client.get(f"/v1/desk/cases/{case_id}", headers=headers)
        case = answer.json()
        assert case["access"] == ("shown" if sees else "outside_scope")
        assert (case["present"] is not None) == sees
        assert ("gold" in answer.text) == sees
        assert "Ilmatar" not in answer.text
        there = await client.get(f"/v1/customers/{case['subject_id']}", headers=headers)
        assert (there.status_code == 200) == sees, "the desk and the register say the same"


async def test_a_case_about_nothing_or_about_what_is_not_there_says_so(
    phone: Phone, database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    phone.capture("customer.change_tier", customer_id=str(new_id()), tier="basic")
    phone.capture("queue.void", reason="a damaged store", lost=1, about=[])
    found = {}
    for result in await phone.push():
        case_id = result["case_id"]
        answer = await client.get(f"/v1/desk/cases/{case_id}", headers=bearer(settings, world.dora))
        found[answer.json()["name"]] = answer.json()
    assert {name: case["access"] for name, case in found.items()} == {
        "customer.change_tier": "not_found",
        "queue.void": None,
    }
    assert all(case["present"] is None and case["changes"] == [] for case in found.values())


@pytest.mark.parametrize("centre", [NORTH, SOUTH])
async def test_a_conflict_shows_the_other_sides_of_ones_own_records_only(
    phone: Phone,
    database: Database,
    world: World,
    client: httpx.AsyncClient,
    settings: Settings,
    centre: UUID,
) -> None:
    """ORG-02: what others made of another centre's plant stays there."""
    case_id = await about_a_customer(phone, database, NORTH)
    async with database.transaction() as session:
        feature = (await make_plant(session, centre_id=centre)).box
        version, name = feature.version, feature.name
    await run(
        database, world.sam, "network.change_feature",
        feature_id=str(feature.id), name="Renamed box", reason="as on the label",
    )  # fmt: skip
    async with database.transaction() as session:
        case = await session.get_one(Case, (1, UUID(case_id)))
        case.code = "conflict"
        case.details = {
            "type": "feature", "id": str(feature.id), "base": version, "fields": "name"
        }  # fmt: skip
    answer = await client.get(f"/v1/desk/cases/{case_id}", headers=bearer(settings, world.dora))
    sides = answer.json()["conflict"]
    shown = {"field": "name", "base": name, "theirs": "Renamed box", "ours": None, "hidden": False}
    hidden = {"field": "name", "base": None, "theirs": None, "ours": None, "hidden": True}
    assert sides == [shown if centre == NORTH else hidden]


async def test_nobody_decides_by_the_version_of_a_record_they_do_not_see(
    phone: Phone, database: Database, world: World
) -> None:
    """ORG-02: neither is it accepted, nor does the refusal tell the present version."""
    case_id = await about_a_customer(phone, database, SOUTH)
    for version in (1, 2):
        with pytest.raises(CaseChanged) as refused:
            await run(
                database, world.dora, "desk.credit",
                case_id=case_id, reason="by the telephone", record_version=version,
            )  # fmt: skip
        assert refused.value.details["present"] is None
    await run(database, world.dora, "desk.credit", case_id=case_id, reason="by the telephone")


async def test_erasures_are_listed_to_whoever_could_have_asked_for_them(
    database: Database,
    world: World,
    client: httpx.AsyncClient,
    settings: Settings,
    new_phone: MakePhone,
) -> None:
    """CU-07, ORG-02: an administrator of a centre sees those of its customers, and its phones."""
    phone = await new_phone(world.alice)
    of_north = await staff(database, Role.ADMINISTRATOR, NORTH)
    of_south = await staff(database, Role.ADMINISTRATOR, SOUTH)
    async with database.transaction() as session:
        customer = await make_customer(session, centre_id=NORTH)
    erased = {"customer_id": str(customer.id), "ground": "customer_request"}
    refused = await client.post(
        f"/v1/customers/{customer.id}/erase",
        json={"ground": "customer_request"},
        headers=bearer(settings, of_south),
    )
    assert refused.status_code == 404
    await run(database, world.ada, "customer.erase", **erased)
    async with database.transaction() as session:
        erasure = await session.scalar(select(Erasure).where(Erasure.region_id == 1))
        assert erasure is not None
        session.add(ErasureNotice(region_id=1, erasure_id=erasure.id, device_id=phone.id))
    for reader, sees in ((world.ada, 1), (of_north, 1), (of_south, 0)):
        answer = await client.get("/v1/erasures", headers=bearer(settings, reader))
        items = answer.json()["items"]
        assert [item["subject_id"] for item in items] == [str(customer.id)] * sees
        assert all((i["outstanding"], i["elsewhere"]) == (1, 0) for i in items)
    async with database.transaction() as session:
        (await session.get_one(Device, (1, phone.id))).centre_id = SOUTH
    answer = await client.get("/v1/erasures", headers=bearer(settings, of_north))
    (item,) = answer.json()["items"]
    assert (item["outstanding"], item["elsewhere"], item["devices"]) == (1, 1, [])


async def test_the_history_of_a_record_is_for_those_who_see_the_record(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    """ORG-02: a supervisor of one centre does not read what another's records were."""
    of_north = await staff(database, Role.SUPERVISOR, NORTH)
    of_south = await staff(database, Role.SUPERVISOR, SOUTH)
    async with database.transaction() as session:
        customer = await make_customer(session, centre_id=NORTH)
    await run(
        database, world.dora, "customer.change_tier",
        customer_id=str(customer.id), tier="gold", reason="as agreed",
    )  # fmt: skip
    for reader, sees in ((world.sam, True), (of_north, True), (of_south, False)):
        answer = await client.get(
            f"/v1/history/customers_customer/{customer.id}", headers=bearer(settings, reader)
        )
        assert answer.status_code == 200
        assert ("gold" in answer.text) == sees
    of_account = f"/v1/history/organisation_person/{world.alice.id}"
    answer = await client.get(of_account, headers=bearer(settings, of_north))
    assert answer.json() == [], "what no module has spoken for is the region's"


async def test_an_idempotency_key_gives_nobody_anothers_result(
    phone: Phone, database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    """I2, ORG-02: the same id and the same words from somebody else are another command."""
    _, case_id = await late_work(phone, database)
    key = {"Idempotency-Key": str(new_id())}
    path, body = f"/v1/desk/cases/{case_id}/discard", {"reason": "done by Bob"}
    answers: list[Any] = []
    for actor in (world.dora, world.dora, world.dan):
        headers = {**bearer(settings, actor), **key}
        answers.append(await client.post(path, json=body, headers=headers))
    assert [a.status_code for a in answers] == [200, 200, 409]
    assert answers[2].json()["code"] == "id_reused"
    assert case_id not in answers[2].text
