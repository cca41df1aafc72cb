"""`fieldops sync ...`, really run on a database with a phone's real work in it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from rich.console import Console
from sqlalchemy import select, update
from typer.testing import CliRunner

from fieldops import cli
from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.ledger import LedgerEntry
from fieldops.kernel.settings import Settings, get_settings
from fieldops.organisation.models import Unit
from fieldops.sync.models import Case, Device
from fieldops.visits.models import Visit, VisitFact
from tests.support.clients import application, bearer
from tests.support.device import Phone
from tests.support.factories.appointments import local
from tests.support.factories.visits import assigned_visit
from tests.support.run import run
from tests.support.world import NORTH, SOUTH, World, build_world, id_of

pytestmark = pytest.mark.anyio

REGION = ["--region", "1"]


@dataclass
class Office:
    """An installation with Alice's phone, which holds the visit of this morning."""

    database: Database
    world: World
    phone: Phone
    visit_id: UUID

    async def call(self, *args: object) -> tuple[int, str]:
        """Run `fieldops sync ...`; returns its exit code and its words."""

        def invoke() -> tuple[int, str]:
            line = ["sync", *(str(arg) for arg in args)]
            done = CliRunner().invoke(cli.app, line)
            if done.exception and not isinstance(done.exception, SystemExit):
                raise done.exception
            return done.exit_code, re.sub(r"\s+", " ", done.output)

        return await asyncio.to_thread(invoke)

    async def give_to_kim(self) -> None:
        start = local(23, 9)
        await run(
            self.database, self.world.dora, "visit.assign",
            visit_id=str(self.visit_id), technician_ids=[str(id_of("kim"))], reason="ill",
            window_start=start.isoformat(),
            window_end=(start + timedelta(hours=2)).isoformat(),
        )  # fmt: skip

    @property
    def device(self) -> UUID:
        return self.phone.id


@pytest.fixture
async def office(
    committed: tuple[Database, Settings], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    database, settings = committed
    world = await build_world(database)
    made = await assigned_visit(database, world, start=local(23, 9))
    monkeypatch.setenv("FIELDOPS_DATABASE_URL", settings.database_url)
    monkeypatch.setattr("fieldops.cli.sync.console", Console(width=400))
    get_settings.cache_clear()
    async with application(database, settings) as client:
        phone = Phone(client)
        phone.use_token(bearer(settings, world.alice)["Authorization"].removeprefix("Bearer "))
        await phone.register("Alice's phone")
        await phone.pull()
        yield Office(database, world, phone, made.visit_id)
        phone.db.close()
    get_settings.cache_clear()


async def test_devices_lists_who_was_here_what_waits_and_what_is_promised(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.phone.capture(
        "note.add", visit_id=office.visit_id, text="photo",
        attachments=[{"sha256": "ab" * 32, "bytes": 10, "mime": "image/jpeg"}],
    )  # fmt: skip
    await office.phone.sync()
    async with office.database.transaction() as session:
        await session.execute(
            update(Device)
            .where(Device.region_id == 1)
            .values(
                queued=2,
                oldest_queued="visit.arrive v1",
                centre_id=NORTH,
                hash_differences=2,
                differed_at=clock.now(),
            )
        )
    code, said = await office.call("devices", *REGION)
    assert code == 0
    for word in (str(office.device), "Alice's phone", "active", "2026-11-23 06:00",
                 "2 wait: visit.arrive v1", "0 of 1 photos here",
                 f"catalogue {office.phone.get('catalogue')}, ",
                 "held other rows 2 times, last 2026-11-23 06:00"):  # fmt: skip
        assert word in said
    async with office.database.transaction() as session:
        (await session.get_one(Unit, NORTH)).name = "North and harbour"
    held = office.phone.get("catalogue")
    assert f"catalogue {held} of {held + 1}, " in (await office.call("devices", *REGION))[1]
    monkeypatch.setattr("fieldops.cli.sync.console", Console(width=80))
    assert str(office.device) in (await office.call("devices", *REGION, "--centre", NORTH))[1]
    assert str(office.device) not in (await office.call("devices", *REGION, "--centre", SOUTH))[1]


async def test_explain_says_that_a_held_row_is_as_it_should_be(office: Office) -> None:
    code, said = await office.call("explain", office.device, "visit", office.visit_id, *REGION)
    assert code == 0
    assert f"{id_of('alice')} (dispatched" in said or f"{id_of('alice')} (" in said
    assert "inside a device's days" in said
    assert "belongs into the user's view now, in version" in said
    assert "its next pull says unchanged" in said
    assert said.rstrip().endswith("and that is as it should be.")


async def test_explain_says_why_a_row_leaves_and_that_the_next_pull_looks(office: Office) -> None:
    await office.give_to_kim()
    _code, said = await office.call("explain", office.device, "visit", office.visit_id, *REGION)
    assert str(id_of("kim")) in said
    assert "do not put it into the user's view now" in said
    assert "Rows of its centres have changed since its last look" in said
    assert said.rstrip().endswith("the next look takes it away.")
    await office.phone.pull()
    _code, said = await office.call("explain", office.device, "visit", office.visit_id, *REGION)
    assert "taken back in page" in said
    assert "The device does not hold it, and that is as it should be." in said


async def test_explain_says_when_sql_by_hand_was_not_followed_by_touch(office: Office) -> None:
    """SYNC 3: what hand-made SQL changes is found after touch, or after six hours."""
    async with office.database.transaction() as session:
        await session.execute(
            update(Visit)
            .where(Visit.region_id == 1, Visit.id == office.visit_id)
            .values(version=Visit.version + 1, duration_minutes=77)
        )
    explain = ("explain", office.device, "visit", office.visit_id, *REGION)
    _code, said = await office.call(*explain)
    assert "After SQL by hand: fieldops sync touch" in said
    assert "the next look brings version" in said
    await office.phone.pull()
    assert (office.phone.row("visit", office.visit_id) or {})["duration_minutes"] != 77
    assert (await office.call("touch", 1, SOUTH))[0] == 0
    await office.phone.pull()
    assert (office.phone.row("visit", office.visit_id) or {})["duration_minutes"] != 77
    code, said = await office.call("touch", 1, NORTH)
    assert (code, f"centre {NORTH}" in said) == (0, True)
    assert "its next pull looks" in (await office.call(*explain))[1]
    await office.phone.pull()
    assert (office.phone.row("visit", office.visit_id) or {})["duration_minutes"] == 77
    assert (await office.call("touch", 1))[0] == 0
    assert "Rows of its centres have changed" in (await office.call(*explain))[1]
    assert (await office.call("touch", 1, uuid4()))[0] == 2


async def test_explain_knows_unknown_types_rows_and_devices(office: Office) -> None:
    _code, said = await office.call("explain", office.device, "visits", office.visit_id, *REGION)
    assert "No device holds rows of type visits. There are:" in said
    _code, said = await office.call("explain", office.device, "visit", uuid4(), *REGION)
    assert "The database has no visit of this id" in said
    code, said = await office.call("explain", uuid4(), "visit", office.visit_id, *REGION)
    assert (code, "There is no such device" in said) == (2, True)


async def held_acceptance(office: Office) -> UUID:
    await office.give_to_kim()
    command_id = office.phone.capture("visit.accept", visit_id=office.visit_id)
    office.phone.capture("note.add", visit_id=office.visit_id, text="was here")
    await office.phone.push()
    assert (office.phone.result(command_id) or {})["status"] == "held"
    return command_id


async def counts(office: Office) -> list[int]:
    async with office.database.transaction() as session:
        return [
            len((await session.execute(select(table.id).where(table.region_id == 1))).all())
            for table in (LedgerEntry, Case, VisitFact)
        ]


async def test_replay_tries_a_held_command_and_keeps_nothing(office: Office) -> None:
    command_id = await held_acceptance(office)
    before = await counts(office)
    code, said = await office.call("replay", command_id, "--dry", *REGION)
    assert code == 0
    assert "visit.accept would be held." in said
    assert "reassigned:" in said
    code, said = await office.call("replay", command_id, "--dry", "--accepted", *REGION)
    assert code == 0
    assert "visit.accept would be applied." in said
    assert "visits_visit changed:" in said
    assert said.rstrip().endswith("Nothing was kept.")
    assert await counts(office) == before
    async with office.database.transaction() as session:
        case = await session.scalar(select(Case).where(Case.region_id == 1))
        assert case is not None
        assert case.state == "open"
    assert (await office.call("replay", command_id, *REGION))[0] == 2
    assert (await office.call("replay", uuid4(), "--dry", *REGION))[0] == 2


async def test_an_exported_queue_is_what_the_desk_keeps_and_its_import_does_nothing_twice(
    office: Office, tmp_path: Path
) -> None:
    command_id = await held_acceptance(office)
    file = tmp_path / "queue.json"
    code, said = await office.call("export", office.device, file, *REGION)
    assert (code, "1 commands" in said) == (0, True)
    assert (await office.call("export", office.device, file, *REGION))[0] == 2
    found: dict[str, Any] = json.loads(await asyncio.to_thread(file.read_text, "utf-8"))
    assert [c["id"] for c in found["commands"]] == [str(command_id)]
    assert found["standing"][0]["status"] == "held"
    before = await counts(office)
    code, said = await office.call("import", file, *REGION)
    assert code == 0
    assert f"1 {command_id} duplicate, held before (reassigned)" in said
    assert await counts(office) == before


async def test_a_saved_outbox_is_handed_in_from_a_file_and_stops_at_a_gap(
    office: Office, tmp_path: Path
) -> None:
    """A phone whose screen is broken: its outbox, read out by cable, takes effect once."""
    for text in ("one", "two", "three"):
        office.phone.capture("note.add", visit_id=office.visit_id, text=text)
    outbox = [
        json.loads(body)
        for (body,) in office.phone.db.execute("select body from outbox order by seq")
    ]
    carried = {
        "device_id": str(office.device),
        "app": office.phone.app,
        "commands": [outbox[0], outbox[2]],
    }
    file = tmp_path / "outbox.json"
    await asyncio.to_thread(file.write_text, json.dumps(carried), "utf-8")
    code, said = await office.call("import", file, *REGION)
    assert code == 1
    assert "1 " in said
    assert "Stopped (gap) at number 3: the next one expected is 2." in said
    await asyncio.to_thread(file.write_text, json.dumps({**carried, "commands": outbox}), "utf-8")
    code, said = await office.call("import", file, *REGION)
    assert code == 0
    assert said.count("duplicate, applied before") == 1
    await office.phone.sync()  # the phone comes back after all: nothing is done twice
    async with office.database.transaction() as session:
        facts = await session.scalars(
            select(VisitFact).where(VisitFact.region_id == 1, VisitFact.kind == "note")
        )
        assert sorted(fact.body["text"] for fact in facts) == ["one", "three", "two"]
    await asyncio.to_thread(file.write_text, '{"device_id": 1}', "utf-8")
    code, said = await office.call("import", file, *REGION)
    assert (code, "cannot be read" in said) == (2, True)


async def test_the_queue_of_a_revoked_phone_goes_to_quarantine_from_a_file_too(
    office: Office, tmp_path: Path
) -> None:
    """I13: a revoked device may hand in its queue; nothing of it takes effect."""
    office.phone.capture("note.add", visit_id=office.visit_id, text="late")
    (body,) = office.phone.db.execute("select body from outbox").fetchone()
    carried = {
        "device_id": str(office.device),
        "app": office.phone.app,
        "commands": [json.loads(body)],
    }
    file = tmp_path / "outbox.json"
    await asyncio.to_thread(file.write_text, json.dumps(carried), "utf-8")
    await run(
        office.database, office.world.dora, "device.revoke",
        device_id=str(office.device), reason="stolen",
    )  # fmt: skip
    code, said = await office.call("import", file, *REGION)
    assert (code, "held (device_revoked)" in said) == (0, True)


@pytest.mark.parametrize(
    "command", ["devices", "explain", "replay", "export", "import", "bump-epoch", "touch"]
)
def test_each_command_explains_itself(command: str) -> None:
    done = CliRunner().invoke(cli.app, ["sync", command, "--help"])
    assert done.exit_code == 0
    assert len(done.output.split()) > 30
