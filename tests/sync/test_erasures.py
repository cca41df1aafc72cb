"""CU-07 and I12: after an erase the person's data is nowhere, the devices included."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import bindparam, select, text

from fieldops.appointments.models import Appointment
from fieldops.customers import pii
from fieldops.customers.models import Customer
from fieldops.files.models import FileLink
from fieldops.kernel import commands
from fieldops.kernel.base import metadata
from fieldops.kernel.commands import Spec
from fieldops.kernel.db import Database
from fieldops.kernel.direct import line_of
from fieldops.kernel.settings import Settings
from fieldops.sync import held
from fieldops.visits.models import Visit
from tests.support.clients import bearer
from tests.support.device import Phone
from tests.support.run import run
from tests.support.world import World, id_of
from tests.sync.conftest import MakePhone
from tests.sync.scenarios import SCENARIOS, Day, make_day

pytestmark = pytest.mark.anyio

NAME, NUMBER, MAIL = "Ilmatar Forgetmenot", "+9990424242", "ilmatar@forget.example.org"
WORDS = f"{NAME} {NUMBER}"
TRACES = ("ilmatar", "forgetmenot", "0424242")


async def traces(database: Database) -> list[str]:
    """Return every table a trace of the person is in: each row of each table as text."""
    found = []
    async with database.transaction() as session:
        tables = await session.scalars(
            text("select tablename from pg_tables where schemaname = 'public' order by 1")
        )
        for name in tables.all():
            known = metadata.tables.get(name)
            region = (
                f"{name}.region_id in (0, 1, 2) and "
                if known is not None and ("region_id" in known.c)
                else ""
            )
            statement = text(f"select {name}::text from {name} where {region}{name}::text ~* :any")
            rows = await session.scalars(statement.bindparams(bindparam("any", "|".join(TRACES))))
            found += [f"{name}: {row}" for row in rows]
    return found


def traces_on(phone: Phone) -> list[str]:
    """Return what a phone still has of the person."""
    kept = [body for (body,) in phone.db.execute("select body from row")]
    kept += [body for (body,) in phone.db.execute("select body from outbox")]
    return [body for body in kept if any(trace in body.lower() for trace in TRACES)]


async def make_person(database: Database, world: World) -> tuple[Day, UUID]:
    """Prepare Alice's day at the customer, whose name stands wherever words may stand."""
    day = await make_day(database, world)
    async with database.transaction() as session:
        visit = await session.get_one(Visit, (1, day.visit_id))
        customer = await session.get_one(Customer, (1, visit.customer_id))
        contact = await session.get_one(pii.Contact, (1, customer.id))
        contact.name, contact.phone, contact.email = "Somebody Former", NUMBER, MAIL
    await run(
        database, world.dora, "customer.change_contact", customer_id=str(customer.id), name=NAME,
        identity_method="call_back", reason=f"spoke with {WORDS}",
    )  # fmt: skip
    async with database.transaction() as session:
        await pii.read_contact(
            session, world.ann, world.ann.scope(commands.Permission.CONTACT_READ), customer.id,
            source="127.0.0.1", reason=f"to call {WORDS}", now=contact.created_at,
        )  # fmt: skip
    return day, customer.id


def spoken(spec: Spec, args: dict[str, Any]) -> dict[str, Any]:
    """Return a command's arguments with the person's name in every free text."""
    schema = spec.args.model_json_schema()
    made = {
        key: WORDS if isinstance(value, str) and " " in value else value
        for key, value in args.items()
    }
    for name in ("note", "wish"):
        if name in schema["properties"]:
            made[name] = WORDS
    # Answers to a visit's list take words; those of the kit check take none.
    for answer in made["answers"] if spec.name == "checklist.answer" else ():
        answer["note"] = WORDS
        if isinstance(answer["value"], str) and " " in answer["value"]:
            answer["value"] = WORDS
    return made


def capture(phone: Phone, steps: list[tuple[str, dict[str, Any]]]) -> None:
    for name, args in steps:
        phone.capture(name, **spoken(commands.REGISTRY[name, 1], json.loads(json.dumps(args))))


async def erase(database: Database, world: World, customer_id: UUID) -> dict[str, Any]:
    return await run(
        database, world.ada, "customer.erase", customer_id=str(customer_id),
        ground="customer_request",
    )  # fmt: skip


@pytest.mark.parametrize("name", sorted(SCENARIOS))
async def test_i12_after_an_erase_the_words_of_every_command_are_nowhere(
    database: Database, world: World, new_phone: MakePhone, name: str
) -> None:
    """I12, CU-07: contact data, words in rows, in the audit and at the desk, and on the phone."""
    day, customer_id = await make_person(database, world)
    phone = await new_phone(world.alice)
    await phone.pull()
    capture(phone, SCENARIOS[name](day))
    await phone.sync()
    assert phone.queued() == 0
    assert await traces(database)
    assert traces_on(phone)

    await erase(database, world, customer_id)
    assert await traces(database) == []
    await phone.sync()
    assert traces_on(phone) == []
    await phone.sync()
    assert phone.hash_differed == 0
    assert phone.row("visit", day.visit_id) is not None, "the work history stays"


# A sheet on one's work is about many visits and hangs from none: by the time its words arrive,
# nobody knows the name any more that they might hold.
ABOUT_NOBODY = {"feedback_sheet.answer"}


@pytest.mark.parametrize("name", sorted(SCENARIOS.keys() - ABOUT_NOBODY))
async def test_i12_words_that_arrive_after_the_erase_are_not_kept(
    database: Database, world: World, new_phone: MakePhone, name: str
) -> None:
    """CU-07: a queue captured before brings facts, and no words, back."""
    day, customer_id = await make_person(database, world)
    phone = await new_phone(world.alice)
    await phone.pull()
    capture(phone, SCENARIOS[name](day))
    await erase(database, world, customer_id)
    results = await phone.push()
    assert {r["status"] for r in results} <= {"applied", "merged"}
    assert await traces(database) == []
    await phone.sync()
    await phone.sync()
    assert traces_on(phone) == []
    assert phone.hash_differed == 0


async def test_i12_words_of_a_held_command_go_from_the_desk(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    """CU-07: also when the command waits at the desk, and when it arrives there later."""
    day, customer_id = await make_person(database, world)
    phone = await new_phone(world.alice)
    await phone.pull()
    unknown = {"visit_id": str(day.visit_id), "text": WORDS}
    phone.capture("visit.sing", **unknown)
    phone.capture("visit.complete", visit_id=str(day.visit_id), note=WORDS,
                  signature_refused_reason=WORDS)  # fmt: skip
    phone.capture("note.add", visit_id=str(day.visit_id), text=WORDS, depends_on=[id_of("x")])
    results = await phone.push()
    assert [r["status"] for r in results] == ["held", "rejected", "held"]
    assert any("sync_case_entry" in trace for trace in await traces(database))
    await erase(database, world, customer_id)
    assert await traces(database) == []
    phone.capture("visit.sing", **unknown)
    await phone.sync()
    assert await traces(database) == []


async def test_i12_a_signature_promised_by_a_refused_command_goes_too(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    """CU-07: it was named as an attachment only, and hangs on the command at the desk."""
    day, customer_id = await make_person(database, world)
    phone = await new_phone(world.alice)
    await phone.pull()
    signed, photo = ({"sha256": c * 64, "bytes": 9, "mime": "image/png"} for c in "ab")
    phone.capture("visit.complete", visit_id=str(day.visit_id),
                  signature_sha256=signed["sha256"], attachments=[signed, photo])  # fmt: skip
    (result,) = await phone.push()
    assert result["status"] == "rejected"
    assert await promised(database) == [("signature", "a" * 64), ("attachment", "b" * 64)]
    await erase(database, world, customer_id)
    assert await promised(database) == [("attachment", "b" * 64)]
    late = {**signed, "sha256": "c" * 64}
    phone.capture("visit.complete", visit_id=str(day.visit_id),
                  signature_sha256=late["sha256"], attachments=[late])  # fmt: skip
    await phone.push()
    assert await promised(database) == [("attachment", "b" * 64)]


async def promised(database: Database) -> list[tuple[str, str]]:
    async with database.transaction() as session:
        found = await session.execute(
            select(FileLink.purpose, FileLink.sha256)
            .where(FileLink.region_id == 1, FileLink.subject_type == "command")
            .order_by(FileLink.sha256)
        )
        return [(purpose, sha256) for purpose, sha256 in found]


async def test_a_device_is_told_until_it_acknowledges(
    database: Database,
    world: World,
    new_phone: MakePhone,
    client: httpx.AsyncClient,
    settings: Settings,
) -> None:
    """SYNC 3: two-phase counts as delivered only; the list of devices outstanding shows it."""
    _day, customer_id = await make_person(database, world)
    alice, bob = await new_phone(world.alice), await new_phone(world.bob)
    await alice.pull()
    await bob.pull()
    await erase(database, world, customer_id)

    async def outstanding() -> tuple[int, list[str]]:
        answer = await client.get("/v1/erasures", headers=bearer(settings, world.ada))
        item = answer.json()["items"][0]
        return item["outstanding"], [d["state"] for d in item["devices"]]

    assert await outstanding() == (1, ["outstanding"])
    assert (await bob.pull_once())["unchanged"], "Bob never had to do with the customer"
    first = await alice.send("/v1/sync/pull", alice.pull_request(alice.get("cursor")))
    told = {(row["type"], row["id"]) for row in first["erase"]}
    assert ("customer_contact", str(customer_id)) in told
    assert await outstanding() == (1, ["outstanding"])
    again = await alice.pull_once()
    assert again["erase"] == first["erase"]
    assert (await alice.pull_once())["unchanged"]
    assert await outstanding() == (0, ["erased"])
    assert (await alice.pull_once())["unchanged"]


async def test_i12_a_phone_acknowledges_when_its_queue_says_nothing_of_the_person_either(
    database: Database,
    world: World,
    new_phone: MakePhone,
    client: httpx.AsyncClient,
    settings: Settings,
    tmp_path: Path,
) -> None:
    """I12, CU-07: kept copies go at once, queued words go out first, then the phone says so."""
    day, customer_id = await make_person(database, world)
    path = tmp_path / "alice.db"
    phone = await new_phone(world.alice, path=path)
    await phone.pull()
    steps = SCENARIOS["visit.complete"](day)
    capture(phone, steps[:3])
    kept = phone.capture("note.add", visit_id=str(day.visit_id), text=NUMBER)
    await phone.sync()
    queued = phone.capture("note.add", visit_id=str(day.visit_id), text=WORDS)
    assert traces_in(path)

    async def state() -> str:
        answer = await client.get("/v1/erasures", headers=bearer(settings, world.ada))
        (device,) = answer.json()["items"][0]["devices"]
        return str(device["state"])

    def says(command_id: UUID) -> str:
        body = "select body from outbox where id = ?"
        (text_,) = phone.db.execute(body, [str(command_id)]).fetchone()
        return str(json.loads(text_)["args"]["text"])

    await erase(database, world, customer_id)
    for _ in range(3):  # the queue cannot be handed in: only pulls get through
        await phone.pull()
        assert (says(kept), says(queued)) == ("(erased)", WORDS)
        assert await state() == "outstanding"
    phone.db.close()
    phone = Phone(phone.client, path)  # the app was killed, and knows it still
    assert phone.pull_request(None)["erased"] == []
    await phone.push()
    assert says(queued) == "(erased)"
    await phone.sync()
    await phone.sync()
    assert await state() == "erased"
    assert traces_in(path) == []
    assert await traces(database) == []

    late = phone.capture("note.add", visit_id=str(day.visit_id), text=WORDS)
    await phone.sync()
    assert says(late) == "(erased)", "also what was written about the person since"
    assert traces_in(path) == []
    phone.db.close()


def traces_in(path: Path) -> list[str]:
    """Return the traces of the person in the bytes of a phone's database, free pages included."""
    written = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*")).lower()
    return [trace for trace in TRACES if trace.encode() in written]


async def test_i12_an_erasure_takes_signature_and_sent_photos_from_the_phone(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    """I12: handwriting goes at once; a photo of the work stays until the server has it."""
    day, customer_id = await make_person(database, world)
    phone = await new_phone(world.alice)
    await phone.pull()
    signed, photo = phone.attach(b"a signature", "image/png"), phone.attach(b"wall", "image/jpeg")
    visit = {"visit_id": str(day.visit_id), "subject_id": str(day.visit_id)}
    for purpose, file in (("signature", signed), ("photo", photo)):
        phone.capture("file.link", **visit, **file, subject_type="visit", purpose=purpose,
                      attachments=[file])  # fmt: skip
    await phone.push()
    await erase(database, world, customer_id)
    await phone.pull()
    kept = [sha256 for (sha256,) in phone.db.execute("select sha256 from attachment")]
    assert kept == [photo["sha256"]]


async def test_i12_a_customers_words_in_a_notice_are_erased_here_and_on_the_phone(
    database: Database, world: World, new_phone: MakePhone, tmp_path: Path
) -> None:
    """I12, CU-07: what the customer said of calling off is told to the technician as reason."""
    day, customer_id = await make_person(database, world)
    async with database.transaction() as session:
        appointment_id = await session.scalar(
            select(Appointment.id).where(
                Appointment.region_id == 1, Appointment.visit_id == day.visit_id
            )
        )
    path = tmp_path / "alice.db"
    phone = await new_phone(world.alice, path=path)
    await phone.pull()
    await run(
        database, world.dora, "appointment.cancel", appointment_id=str(appointment_id),
        customer_said=WORDS, channel="phone",
    )  # fmt: skip
    await phone.pull()
    (notice,) = (row for row in phone.rows("notice") if row["kind"] == "unscheduled")
    assert notice["reason"] == WORDS
    assert any(trace.startswith("visits_notice:") for trace in await traces(database))
    await erase(database, world, customer_id)
    assert await traces(database) == []
    await phone.sync()
    await phone.sync()
    (notice,) = (row for row in phone.rows("notice") if row["kind"] == "unscheduled")
    assert notice["reason"] == "(erased)"
    assert traces_in(path) == []
    phone.db.close()


async def test_a_device_that_held_a_row_once_is_told_too(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    """I12: the visit was given to Bob and has left Alice's phone; her copies are erased as well."""
    day, customer_id = await make_person(database, world)
    alice = await new_phone(world.alice)
    await alice.pull()
    visit = {"visit_id": str(day.visit_id)}
    window = {
        "window_start": "2026-11-23T10:00:00+02:00",
        "window_end": "2026-11-23T12:00:00+02:00",
    }
    technicians = {"technician_ids": [str(id_of("kim"))]}
    await run(database, world.dora, "visit.assign", **visit, **technicians, **window)
    await alice.pull()
    await alice.pull()
    assert alice.row("visit", day.visit_id) is None
    async with database.transaction() as session:  # long ago: nothing of it is on record
        await held.forget_rows(await line_of(session), 1, alice.id)
    await erase(database, world, customer_id)
    answer = await alice.pull_once()
    assert {"erasure_id", "type", "id"} == set(answer["erase"][0])
    assert str(customer_id) in {row["id"] for row in answer["erase"]}


async def test_revoking_a_lost_phone_closes_its_part_of_an_erasure(
    database: Database,
    world: World,
    new_phone: MakePhone,
    client: httpx.AsyncClient,
    settings: Settings,
) -> None:
    """CU-07: a phone that never comes back is revoked, and is then told to wipe itself."""
    _day, customer_id = await make_person(database, world)
    alice = await new_phone(world.alice)
    await alice.pull()
    await erase(database, world, customer_id)
    await run(database, world.dora, "device.revoke", device_id=str(alice.id), reason="lost")
    answer = await client.get("/v1/erasures", headers=bearer(settings, world.ada))
    assert answer.json()["items"][0]["outstanding"] == 0
    assert (await alice.pull_once())["wipe"]
