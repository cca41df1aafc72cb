"""CU-04 to CU-07: a person whose name stands wherever words may stand is found nowhere afterwards.

The person's name goes into every free text of every command that takes one, of phones and of
offices alike, into contact data, files' names, exports and messages. After the erasure every text
of every table, the store, the outbox and the phone are searched. Tables and columns are asked of
the database: a new one that can hold words has to be filled here, or to be listed with the reason
why it cannot hold words about a customer, as a whole table in tests/architecture/test_erasure.py.
"""

import base64
import contextlib
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import JSON, Text, bindparam, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers import pii
from fieldops.files.models import Upload
from fieldops.kernel import clock, commands, erasure, jobs
from fieldops.kernel.base import metadata, operational_tables
from fieldops.kernel.commands import Envelope, Spec
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Coded
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings
from fieldops.notifications.channels import Outgoing
from fieldops.notifications.channels.outbox import OutboxChannel
from fieldops.notifications.models import Message
from fieldops.retention.models import ChurnCase
from tests.api import test_neighbours as neighbours
from tests.architecture.test_erasure import NOT_ABOUT_CUSTOMERS, WORDLESS
from tests.support.clients import bearer
from tests.support.device import Phone
from tests.support.factories import customers
from tests.support.factories.appointments import local, window
from tests.support.factories.inspections import REMOTE, as_form, lay_out, plan
from tests.support.run import first_id, run
from tests.support.world import NORTH, World
from tests.sync.conftest import MakePhone

pytestmark = pytest.mark.anyio

NAME, NUMBER, MAIL = "Quillonia Vantbrook", "+9990731731", "quillonia@vantbrook.example.org"
SURNAME = NAME.split()[1]
STREET = "Addressmarkerstreet"
WORDS = f"Spoke with {NAME} {NUMBER}"
FILENAME = base64.b64encode(b"Quillonia Vantbrook.jpg").decode()
TRACES = ("quillonia", "vantbrook", "073173", STREET.lower(), FILENAME.lower())

# Where something is still found, and why.
EXPLAINED = {
    ("customers_premises", "street"): "the address is the plant's: other people will live there",
    **{
        ("faults_analysis", column): "of an area fault, which hangs from no customer"
        for column in ("cause", "lesson", "prevention", "review_note", "timeline")
    },
    ("upkeep_patrol_plan", "name"): "a round of the plant hangs from no customer",
    ("orders_work_order", "symptom"): "the patrol plan's name, on work of no customer",
    ("visits_visit", "signature_refused_reason"): "put on a visit to plant, where nobody signs",
    ("upkeep_spot_check", "seed"): "the seed of a draw has to stay as it was",
}

# Texts of rows about customers that are chosen, measured or made by the program.
CHOSEN = {
    "customers_contact_reading": {"kind", "source"},
    "customers_customer": {"external_ref", "locale", "segment", "tier"},
    "customers_export": {"customer_ids", "format", "operation", "sha256", "source"},
    "customers_former_contact": {"identity_method"},
    "customers_incoming_text": {"meaning", "state"},
    "customers_premises": {"building", "city", "external_ref", "house_number", "postcode", "unit"},
    "customers_stop": {"number", "source"},
    "faults_analysis": {"reasons"},
    "files_upload": {"mime", "sha256", "token_hash"},
    "kernel_audit": {"action", "command", "entity"},
    "notifications_attempt": {"reference"},
    "notifications_message": {"ways"},
    "quality_feedback_round": {"verdict"},
    "quality_inspection": {"kind", "level", "state"},
    "quality_lesson": {"kinds", "photos", "services", "state"},
    "sync_case": {"advice", "code", "message", "name", "next_steps", "outcome", "state", "status",
                  "subject_type"},
    "sync_case_entry": {"code", "confidence", "name", "status"},
}  # fmt: skip

STATE = "prose that needs a state of its own; that it is reached is the architecture's test"
BY_PHONE = "phones fill it: tests/sync/test_erasures.py takes every offline command"

# Columns that are not filled here, each with the reason.
NOT_FILLED: dict[tuple[str, str], str] = {
    ("appointments_appointment", "moved_reason"): "a code of the list of reasons",
    ("faults_held_work", "back_reason"): "of an area fault's end, which is told to everybody",
    ("checklists_opened", "outcome"): STATE,
    (
        "quality_feedback_round",
        "addition",
    ): "of a sheet to one person; searched as its measures are",
    ("quality_lesson", "retired_reason"): STATE,
    ("sync_case", "details"): BY_PHONE,
    ("sync_case", "reason"): BY_PHONE,
    ("sync_case_entry", "command"): BY_PHONE,
    ("visits_assignment", "ended_reason"): "the program's own code",
    ("visits_visit", "signature_refused_reason"): BY_PHONE,
}

# Commands that are not about a customer: nobody's name goes into them.
OF_NOBODY = ("area_fault", "device", "emergency", "leave", "tool", "training")
# Arguments that are a code, a model or a number, though their type is text.
CODES = {"item_key", "terminal_model", "terminal_serial", "instrument_serial", "server", "account",
         "product", "external_ref"}  # fmt: skip


def free_texts(spec: Spec) -> set[str]:
    """Return the arguments of a command that are a free text by their schema."""
    schema = spec.args.model_json_schema()
    found = set()
    for name, part in schema["properties"].items():
        options = [o for o in part.get("anyOf", [part]) if o.get("type") != "null"]
        bound = any(o.keys() & {"enum", "const", "pattern", "format", "$ref"} for o in options)
        if not bound and any(o.get("type") == "string" for o in options):
            found.add(name)
    return found


def spoken(spec: Spec, args: dict[str, Any], *, all_of_them: bool) -> dict[str, Any]:
    """Return arguments with the person's name in every text that was given, or in every one."""
    free = free_texts(spec) - CODES
    made = {
        key: WORDS if key in free and (" " in value or key in PROSE) else value
        for key, value in args.items()
    }
    if all_of_them:
        made |= dict.fromkeys(free - set(args), WORDS)
    return made


# Arguments of which nobody makes a code, though a test may give one word.
PROSE = {"words", "text", "answer", "note", "symptom", "customer_said", "reply", "wish"}


async def speaking(database: Database, actor: Any, name: str, /, **args: Any) -> dict[str, Any]:
    """Run a command with the person's name in as many of its texts as it takes."""
    if name.startswith(OF_NOBODY):
        return await run(database, actor, name, **args)
    versions = [v for known, v in commands.REGISTRY if known == name]
    spec = commands.REGISTRY[name, max(versions)]
    full = spoken(spec, args, all_of_them=True)
    tries = [full, *({k: v for k, v in full.items() if k != left or k in args} for left in full)]
    for given in (*tries, spoken(spec, args, all_of_them=False)):
        try:
            return await run(database, actor, name, **given)
        except (Coded, ValueError):
            continue
    return await run(database, actor, name, **args)


async def columns(session: AsyncSession) -> dict[str, list[str]]:
    """Return the columns of every table that can hold words, as the database has them."""
    found = await session.execute(
        text(
            "select table_name, column_name from information_schema.columns "
            "where table_schema = 'public' and data_type in "
            "('text', 'character varying', 'json', 'jsonb', 'ARRAY', 'bytea') "
            "order by 1, 2"
        )
    )
    of: dict[str, list[str]] = defaultdict(list)
    for table, column in found:
        of[table].append(column)
    return of


async def traces(session: AsyncSession) -> set[tuple[str, str]]:
    """Return every table and column in which a trace of the person stands."""
    found = set()
    wanted = bindparam("traces", [f"%{trace}%" for trace in TRACES])
    for table, names in (await columns(session)).items():
        known = metadata.tables.get(table)
        regional = known is not None and "region_id" in known.c
        region = f"{table}.region_id in (0, 1, 2)" if regional else "true"
        shown = ", ".join(f"bool_or(lower({name}::text) like any (:traces))" for name in names)
        statement = text(f"select {shown} from {table} where {region}").bindparams(wanted)
        row = (await session.execute(statement)).one()
        found |= {(table, name) for name, there in zip(names, row, strict=True) if there}
    return found


async def found_in(database: Database) -> set[tuple[str, str]]:
    async with database.transaction() as session:
        return await traces(session)


async def planted(database: Database, filled: set[tuple[str, str]]) -> None:
    """Write the words by hand into the rows whose commands this test does not play."""
    models = erasure._models()
    for table, model in sorted(models.items()):
        if table in NOT_ABOUT_CUSTOMERS:
            continue
        for name in sorted(model.prose):
            column = model.__table__.c[name]
            if (table, name) in filled or not isinstance(column.type, Text | JSON):
                continue
            words = WORDS if isinstance(column.type, Text) else {"words": WORDS}
            change = update(model).where(model.region_id == 1).values({name: words})
            with contextlib.suppress(IntegrityError):  # then the words need a state
                async with database.transaction() as session:
                    await session.execute(change)


async def unfilled(database: Database, filled: set[tuple[str, str]]) -> list[str]:
    """Return the columns that can hold words about a customer, and were not filled."""
    async with database.transaction() as session:
        every = await columns(session)
    tables = operational_tables()
    return [
        f"{table}.{name}"
        for table, names in every.items()
        if table not in NOT_ABOUT_CUSTOMERS
        and not table.startswith("procrastinate")
        and (table in tables or table not in metadata.tables)  # a catalogue names no customer
        for name in names
        if name not in WORDLESS.get(table, set()) | CHOSEN.get(table, set())
        and (table, name) not in filled | NOT_FILLED.keys()
    ]


def traces_on(phone: Phone) -> list[str]:
    """Return what a phone still has of the person."""
    kept = [body for (body,) in phone.db.execute("select body from row")]
    kept += [body for (body,) in phone.db.execute("select body from outbox")]
    return [body for body in kept if any(trace in body.lower() for trace in TRACES)]


def traces_under(folder: Path) -> list[str]:
    """Return the files under a folder that say something of the person."""
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and any(t.encode() in path.read_bytes().lower() for t in TRACES)
    ]


async def lived_through(database: Database, world: World, ids: dict[str, UUID]) -> None:
    """Do with the person's visit and matters what offices and technicians do, in their words."""
    of = {name: str(id_) for name, id_ in ids.items()}

    async def says(actor: Any, name: str, /, *named: str, **args: Any) -> dict[str, Any]:
        return await speaking(database, actor, name, **{key: of[key] for key in named}, **args)

    whom = {"customer_id": of["customer_id"], "premises_id": of["premises_id"]}
    changed = {"identity_method": "call_back", "phone": "+9990731732"}
    await says(world.dora, "customer.change_contact", "customer_id", **changed, name=NAME)
    await says(world.alice, "note.add", "visit_id", text="It is so.")
    key = {"item_key": "client_version", "value": WORDS, "note": WORDS}
    await run(database, world.alice, "checklist.answer", visit_id=of["visit_id"],
              checklist_id=of["checklist_id"],
              answers=[key])  # fmt: skip
    await says(world.alice, "network.mark_pair_bad", "feature_id", "visit_id", reason="It is wet.")
    await says(world.alice, "evidence_flag.answer", "flag_id", answer="It was so.")
    await says(world.sam, "evidence_flag.decide", "flag_id", holds=False, reason="It is so.")
    await says(world.dora, "matter.hand_over", "matter_id", to=str(world.ann.id), note="For you.")
    await says(world.ann, "matter.accept", "matter_id")
    await says(world.ann, "matter.answer", "matter_id", answer="It comes.", channel="phone")
    urged = await says(world.dora, "order.urge", "order_id", channel="phone")
    await says(world.dora, "matter.hand_over", matter_id=str(first_id(urged, "matter")),
               to=str(world.ann.id), note="For you.")  # fmt: skip
    await says(world.dora, "call_task.complete", "call_task_id", outcome="confirmed")
    await complained(says, world, of)
    await says(world.dora, "fault.settle", "report_id", works=True)
    await says(world.ann, "follow_up.take", "follow_up_id")
    await says(world.ann, "follow_up.answer", "follow_up_id", satisfaction="dissatisfied",
               reason="not_solved")  # fmt: skip
    await says(world.ann, "care_task.close", "care_task_id", outcome="It is well again now.",
               spoken_by="phone", said="It is well.", customer_agreed=True)  # fmt: skip
    await says(world.ann, "repair_task.take", "repair_task_id")
    await says(world.ann, "repair_task.close", "repair_task_id", customer_said="All is well.",
               settled=True)  # fmt: skip
    await says(world.ann, "revisit.record", "revisit_id", way="phone", outcome="stays")
    await says(world.ann, "churn_case.open", "customer_id", reason="price")
    asked = await says(world.ann, "retention_visit.ask", **whom)
    await says(world.dora, "revisit.answer", revisit_id=str(first_id(asked, "revisit")),
               answer="On Friday.")  # fmt: skip
    await says(world.dora, "visit.lock", "visit_id")
    await says(world.dora, "visit.unlock", "visit_id")
    saturday = {**window(local(28, 9)), "override_reason": "They work all week."}
    await says(world.dora, "appointment.reschedule", "appointment_id", **saturday,
               technician_ids=[str(world.alice.id)], cause="customer", reason="customer_asked",
               channel="phone", customer_said="Later, please.")  # fmt: skip
    more = await says(world.dora, "order.add_items", "order_id", reason="They want more.",
                      items=[{"kind": "install", "service": "tv"}])  # fmt: skip
    added = [ref["id"] for ref in more["refs"] if ref["type"] == "work_order"][-1]
    await says(world.dora, "visit.split", "visit_id", work_order_ids=[added], reason="It waits.")
    await says(world.alice, "visit.fail", "visit_id", reason="site_not_ready",
               told_customer="We come again.", next_step="suspend", resume_on="2026-12-01",
               note="They are away.")  # fmt: skip


async def complained(says: Any, world: World, of: dict[str, str]) -> None:
    """Take a complaint from its contact to the reply, with a report, and decide it."""
    it, matter = "complaint_id", {"channel": "phone", "topic": "conduct"}
    taken = await says(world.dora, "complaint.receive", "customer_id", words="It rings.", **matter)
    of[it] = str(first_id(taken, "complaint"))
    await says(world.dora, "complaint.contact", it, channel="phone", reached=True)
    await says(world.dora, "complaint.transfer", it, department="field", words="Please look.")
    await says(world.sam, "complaint.accept", it)
    await says(world.sam, "complaint.answer", it, answer="It was mended.")
    await says(world.dora, "complaint.reply", it, reply="It is mended.", channel="phone")
    await says(world.sam, "complaint.decide", it, justified=False, words="It was so.")


async def inspected(database: Database, world: World, ids: dict[str, UUID]) -> None:
    """Inspect the person's visit from the plan to the accepted answer; a case and a lesson."""
    people = await lay_out(database)
    visit_id, alice = str(ids["visit_id"]), str(world.alice.id)
    spoil = await plan(database, world.sam, purpose=WORDS)
    await run(database, world.sam, "inspection.cancel", inspection_id=spoil, reason=WORDS)
    it = {"inspection_id": await plan(database, world.sam, purpose=f"What {SURNAME} says.")}
    await run(database, world.sam, "inspection.add_visits", **it, visit_ids=[visit_id])
    form = [
        {**one, "note": WORDS if one["note"] else None} for one in as_form(REMOTE, signed=False)
    ]
    await run(database, world.sam, "inspection.fill", **it, visit_id=visit_id, answers=form)
    found = await run(
        database, world.sam, "inspection.note_finding", **it, visit_id=visit_id, severity="serious",
        item_key="signed", words=WORDS, technician_id=alice,
    )  # fmt: skip
    finding = str(first_id(found, "inspection_finding"))
    # What the unit reads of all its visits names the person by half the name.
    await run(database, world.sam, "inspection.report", **it, summary=f"{SURNAME} is not at ease.")
    await run(
        database, world.alice, "inspection_finding.answer", inspection_finding_id=finding,
        answer=WORDS,
    )  # fmt: skip
    await run(database, people["nora"], "inspection.answer", **it, measures=f"{SURNAME} was told.")
    await run(database, world.sam, "inspection.judge", **it, verdict="accepted", words=WORDS)
    case = {"accountability_case_id": str(ids["accountability_case_id"])}
    await run(database, world.alice, "accountability_case.state", **case, statement=WORDS)
    await run(
        database, world.sam, "accountability_case.decide", **case, measure="talk", reason=WORDS
    )
    await run(database, world.sam, "accountability_case.close", **case, words=WORDS)
    said = dict.fromkeys(("title", "problem", "cause", "remedy"), f"As at {NAME}'s.")
    await run(database, world.sam, "lesson.draft", text_en=said, text_zh=said)


async def looked_at(database: Database, world: World, customer_id: UUID) -> None:
    """Read the person's contact data, have a text of theirs and a message to them at hand."""
    async with database.transaction() as session:
        await pii.read_contact(
            session, world.ann, world.ann.scope(commands.Permission.CONTACT_READ), customer_id,
            source="127.0.0.1", reason=f"to call {WORDS}", now=clock.now(),
        )  # fmt: skip
        session.add(
            pii.IncomingText(region_id=1, centre_id=NORTH, customer_id=customer_id,
                             number="9990731731", words=WORDS, received_at=clock.now(),
                             state="unclear")
        )  # fmt: skip
        session.add(
            Upload(region_id=1, owner_id=world.alice.id, length=1, position=0, sha256="a" * 64,
                   filename=f"{NAME}.jpg", mime="image/jpeg", expires_at=clock.now(),
                   token_hash=b"x", sent_metadata=f"filename {FILENAME}")
        )  # fmt: skip


@pytest.fixture
async def ids(database: Database, world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, UUID]:
    """The person's visit, customer and everything that hangs on them, in words all over."""
    who = {"name": NAME, "phone": NUMBER, "email": MAIL}

    async def make_customer(session: AsyncSession, **given: Any) -> Any:
        return await customers.make_customer(session, **given, **who)

    async def make_premises(session: AsyncSession, **given: Any) -> Any:
        made = await customers.make_premises(session, **given, street=STREET)
        made.access_notes = WORDS
        return made

    monkeypatch.setattr(neighbours, "run", speaking)
    monkeypatch.setattr(neighbours, "make_customer", make_customer)
    monkeypatch.setattr(neighbours, "make_premises", make_premises)
    place = await neighbours.make_place(database, world.dora, world.alice, world.ada, NORTH, 24)
    return place.ids


class Undone(Exception):  # noqa: N818 - it takes back what was tried
    """What was tried is taken back."""


async def test_cu_07_a_marker_person_is_found_nowhere_after_the_erasure(
    database: Database,
    world: World,
    client: httpx.AsyncClient,
    settings: Settings,
    ids: dict[str, UUID],
    new_phone: MakePhone,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """CU-04 to CU-07: tables, files' names, exports, messages, the outbox and the phone."""
    phone = await new_phone(world.alice)
    await phone.pull()
    assert traces_on(phone)
    await lived_through(database, world, ids)
    await inspected(database, world, ids)
    await looked_at(database, world, ids["customer_id"])
    exported = await client.post(
        "/v1/exports",
        json={"operation": "complaint_list", "query": {"remark": WORDS, "state": ["closed"]},
              "format": "csv", "reason": WORDS},
        headers=bearer(settings, world.sam),
    )  # fmt: skip
    assert exported.status_code == 200, exported.text
    settings = settings.model_copy(update={"outbox_path": tmp_path / "outbox"})
    await sent(database, settings, ids["customer_id"])
    assert traces_under(tmp_path)
    await planted(database, await found_in(database))
    filled = await found_in(database)
    left = await unfilled(database, filled)
    assert not left, " ".join(left)

    erase = {"customer_id": str(ids["customer_id"]), "ground": "customer_request"}
    # A model that forgets its words is found by this test, and then this is taken back.
    with monkeypatch.context() as forgetful, contextlib.suppress(Undone):
        forgetful.setattr(ChurnCase, "prose", frozenset())
        async with database.transaction() as session:
            envelope = Envelope(new_id(), "customer.erase", erase)
            await commands.run(session, world.ada, envelope, clock.now())
            assert ("retention_churn_case", "words") in await traces(session)
            raise Undone

    await run(database, world.ada, "customer.erase", **erase)
    assert await found_in(database) == set(EXPLAINED)
    async with database.transaction() as session:
        args = await session.scalar(
            text("select args from procrastinate_jobs where task_name = 'kernel.remove_bytes'")
        )
    jobs.use(jobs.Machine(database, settings))
    await erasure.remove_bytes(**args)
    assert traces_under(tmp_path) == []
    assert traces_under(database.outside.folder) == []  # the ledger names ids alone
    await phone.sync()
    assert all(
        STREET in body and NAME not in body for body in traces_on(phone)
    )  # the address, and nothing else
    with clock.frozen(clock.now() + timedelta(hours=49)):
        await phone.pull()
    assert traces_on(phone) == []  # it leaves with the visit (CU-05)


async def sent(database: Database, settings: Settings, customer_id: UUID) -> None:
    """Have the person's messages in the outbox, as they were sent."""
    async with database.transaction() as session:
        found = await session.scalars(
            select(Message.id).where(Message.region_id == 1, Message.customer_id == customer_id)
        )
        messages = list(found)
    assert messages
    for id_ in messages:
        await OutboxChannel(settings.outbox_path).send(
            Outgoing(id_, NUMBER, "s", f"Dear {NAME}", "en")
        )
