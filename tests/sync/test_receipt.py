"""The sync receipt (SYNC 7): what was promised, what arrived, what is missing and since when."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from fieldops.files import sweeping
from fieldops.files.models import FileLink
from fieldops.files.uploading import Announced, Uploading
from fieldops.kernel import clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from tests.support.clients import bearer
from tests.support.device import Phone
from tests.support.factories.appointments import local
from tests.support.factories.files import content, sha256_of
from tests.support.factories.visits import assigned_visit
from tests.support.run import run
from tests.support.world import NORTH, World, id_of
from tests.sync.conftest import MakePhone
from tests.sync.test_push import queue, send

pytestmark = pytest.mark.anyio


def photo(seed: int) -> dict[str, Any]:
    data = content(seed=seed)
    return {"sha256": sha256_of(data), "bytes": len(data), "mime": "image/jpeg"}


def hashes(*seeds: int) -> list[str]:
    return sorted(photo(seed)["sha256"] for seed in seeds)


@pytest.fixture
def uploading(database: Database, settings: Settings, tmp_path: Path) -> Uploading:
    return Uploading(database, settings.model_copy(update={"files_path": tmp_path}))


@pytest.fixture
async def visit_id(database: Database, world: World) -> UUID:
    return (await assigned_visit(database, world, start=local(23, 9))).visit_id


@pytest.fixture
async def phone(new_phone: MakePhone, world: World, visit_id: UUID) -> Phone:
    return await new_phone(world.alice)


async def arrive(uploading: Uploading, actor: Actor, seed: int) -> None:
    data = content(seed=seed)

    async def body() -> Any:
        yield data

    key, _row = await uploading.create(actor, Announced(len(data), sha256_of(data)))
    await uploading.append(key, 0, body())


async def links(database: Database) -> list[FileLink]:
    async with database.transaction() as session:
        return list(
            await session.scalars(
                select(FileLink).where(FileLink.region_id == 1).order_by(FileLink.captured_at)
            )
        )


def note(phone: Phone, visit_id: UUID, *photos: Mapping[str, Any]) -> None:
    phone.capture("note.add", visit_id=visit_id, text="see photos", attachments=photos)


async def test_a_push_is_answered_with_what_it_promised_and_what_is_still_wanted(
    phone: Phone, visit_id: UUID, uploading: Uploading, world: World
) -> None:
    await arrive(uploading, world.alice, 1)
    note(phone, visit_id, photo(1), photo(2))
    phone.capture(
        "file.link",
        visit_id=visit_id,
        subject_type="visit",
        subject_id=visit_id,
        purpose="photo",
        **photo(3),
    )
    answer = await send(phone, queue(phone))
    assert answer["attachments"] == {"promised": 3, "arrived": 1, "wanted": hashes(2, 3)}
    again = await send(phone, queue(phone))
    assert again["attachments"] == answer["attachments"]
    await arrive(uploading, world.alice, 2)
    later = await send(phone, queue(phone))
    assert later["attachments"] == {"promised": 3, "arrived": 2, "wanted": hashes(3)}


async def test_a_push_without_attachments_says_nothing_of_them(
    phone: Phone, visit_id: UUID
) -> None:
    note(phone, visit_id)
    assert "attachments" not in await send(phone, queue(phone))


async def test_a_repeat_promises_nothing_twice_and_a_linked_photo_needs_no_second_link(
    phone: Phone, visit_id: UUID, database: Database
) -> None:
    link = {"subject_type": "visit", "subject_id": visit_id, "purpose": "photo", **photo(1)}
    phone.capture("file.link", visit_id=visit_id, **link)
    note(phone, visit_id, photo(1), photo(2))
    note(phone, visit_id, photo(2))
    for _ in range(2):
        await send(phone, queue(phone))
    assert sorted((row.purpose, row.sha256) for row in await links(database)) == [
        ("attachment", photo(2)["sha256"]),
        ("photo", photo(1)["sha256"]),
    ]


async def test_the_phone_shows_how_many_photos_of_a_visit_have_arrived(
    phone: Phone, visit_id: UUID, uploading: Uploading, world: World
) -> None:
    note(phone, visit_id, *(photo(seed) for seed in range(5)))
    await phone.sync()
    assert [row["arrived"] for row in phone.rows("file_link")] == [False] * 5
    for seed in range(3):
        await arrive(uploading, world.alice, seed)
    await phone.pull()
    rows = phone.rows("file_link")
    assert {row["visit_id"] for row in rows} == {str(visit_id)}
    assert (sum(row["arrived"] for row in rows), len(rows)) == (3, 5)


async def test_sync_7_a_photo_that_is_late_shows_on_the_phone_in_the_visit_and_in_the_receipt(
    phone: Phone, visit_id: UUID, uploading: Uploading, database: Database, world: World,
    at: datetime, client: httpx.AsyncClient, settings: Settings,
) -> None:  # fmt: skip
    lasting = settings.model_copy(update={"access_token_minutes": 60 * 24})

    async def seen_by(name: str) -> list[dict[str, Any]]:
        """The counts in the visit, in its receipt and in the phone's."""
        found = []
        for path in (f"visits/{visit_id}", f"files/receipts/{visit_id}", "files/receipts"):
            answer = await client.get(f"/v1/{path}", headers=bearer(lasting, world.actors[name]))
            assert answer.status_code == 200, answer.text
            body = answer.json()
            found.append(body[0] if isinstance(body, list) else body.get("evidence", body))
        return [{k: counts[k] for k in ("promised", "arrived", "overdue")} for counts in found]

    note(phone, visit_id, photo(1), photo(2))
    await phone.sync()
    await arrive(uploading, world.alice, 1)
    for hours, overdue in ((11, 0), (13, 1)):
        with clock.frozen(at + timedelta(hours=hours)):
            assert await sweeping.mark_overdue(database, 1) == overdue
            assert await sweeping.mark_overdue(database, 1) == 0, "noted once"
            await phone.pull()
            late = [row["sha256"] for row in phone.rows("file_link") if row["overdue_since"]]
            assert late == hashes(2)[:overdue]
            counts = {"promised": 2, "arrived": 1, "overdue": overdue}
            for name in ("alice", "sam", "dora"):
                assert await seen_by(name) == [counts] * 3, name
    with clock.frozen(at + timedelta(hours=14)):
        await arrive(uploading, world.alice, 2)
        await phone.pull()
        assert all(row["arrived"] for row in phone.rows("file_link"))
        assert (await seen_by("sam"))[0] == {"promised": 2, "arrived": 2, "overdue": 0}
        plain = await client.get(f"/v1/visits/{visit_id}", headers=bearer(lasting, world.ann))
        assert plain.json()["evidence"] is None, "an agent reads no files"


async def test_evidence_is_complete_when_all_that_was_promised_has_arrived(
    phone: Phone, visit_id: UUID, uploading: Uploading, world: World,
    client: httpx.AsyncClient, settings: Settings,
) -> None:  # fmt: skip
    note(phone, visit_id, photo(1), photo(2))
    await phone.push()

    async def receipt(actor: Actor) -> dict[str, Any]:
        answer = await client.get(f"/v1/files/receipts/{visit_id}", headers=bearer(settings, actor))
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    for promised, arrived, complete, seed in ((2, 0, False, 1), (2, 1, False, 2), (2, 2, True, 0)):
        found = await receipt(world.sam)
        assert (found["promised"], found["arrived"], found["complete"]) == (
            promised, arrived, complete,
        )  # fmt: skip
        assert (found["missing_since"] is None) is complete
        assert found == await receipt(world.alice)
        if seed:
            await arrive(uploading, world.alice, seed)


async def held(phone: Phone, visit_id: UUID, database: Database, world: World) -> dict[str, Any]:
    """Hand in a decision with a photo about a visit that Kim was given meanwhile."""
    await phone.pull()
    start = local(23, 9)
    await run(
        database, world.dora, "visit.assign",
        visit_id=str(visit_id), technician_ids=[str(id_of("kim"))], reason="ill",
        window_start=start.isoformat(), window_end=(start + timedelta(hours=2)).isoformat(),
    )  # fmt: skip
    phone.capture("visit.accept", visit_id=visit_id, attachments=[photo(1)])
    return await send(phone, queue(phone))


async def test_what_a_discarded_command_promised_is_waited_for_no_longer(
    phone: Phone, visit_id: UUID, database: Database, world: World
) -> None:
    answer = await held(phone, visit_id, database, world)
    (link,) = await links(database)
    assert link.given_up_at is None
    case_id = answer["results"][0]["case_id"]
    await run(database, world.dora, "desk.discard", case_id=case_id, reason="Kim has it")
    (link,) = await links(database)
    assert (link.given_up_at, link.arrived) == (clock.now(), False)


async def test_what_a_held_command_promised_is_kept_and_becomes_the_visits_when_it_is_accepted(
    phone: Phone, visit_id: UUID, database: Database, uploading: Uploading, world: World
) -> None:
    answer = await held(phone, visit_id, database, world)
    assert answer["results"][0]["status"] == "held"
    assert answer["attachments"]["wanted"] == hashes(1)
    (link,) = await links(database)
    assert (link.visit_id, link.subject_type, link.centre_id) == (None, "command", NORTH)
    await arrive(uploading, world.alice, 1)
    with clock.frozen(clock.now() + timedelta(days=60)):
        assert await sweeping.sweep_contents(uploading, 1) == 0  # the desk has it still
    case_id = answer["results"][0]["case_id"]
    await run(database, world.dora, "desk.accept", case_id=case_id, reason="was on the way")
    (link,) = await links(database)
    assert (link.visit_id, link.subject_type, link.subject_id) == (visit_id, "visit", visit_id)
    assert link.arrived


async def test_photos_that_do_not_come_are_listed_for_the_offices_until_one_gives_them_up(
    phone: Phone, visit_id: UUID, database: Database, world: World, at: datetime,
    client: httpx.AsyncClient, settings: Settings,
) -> None:  # fmt: skip
    lasting = settings.model_copy(update={"access_token_minutes": 60 * 24})

    async def ask(path: str, actor: Actor = world.dora) -> Any:
        answer = await client.get(path, headers=bearer(lasting, actor))
        assert answer.status_code == 200, answer.text
        return answer.json()

    note(phone, visit_id, photo(1))
    with clock.frozen(at + timedelta(minutes=5)):
        note(phone, visit_id, photo(2))
        await phone.push()
    assert (await ask("/v1/files/missing"))["items"] == []
    known = (await ask("/v1/files/missing?overdue=false"))["items"]
    assert [row["sha256"] for row in known] == [photo(1)["sha256"], photo(2)["sha256"]]
    assert {row["device_id"] for row in known} == {phone.get("device_id")}
    board = f"/v1/board?centre_id={NORTH}"
    assert (await ask(board))["missing_files"] == 0
    with clock.frozen(at + timedelta(hours=13)):
        first = await ask("/v1/files/missing?limit=1")
        rest = await ask(f"/v1/files/missing?limit=1&after={first['next']}")
        assert [*first["items"], *rest["items"]] == known
        assert rest["next"] is None
        assert (await ask("/v1/files/missing", world.dan))["items"] == []
        assert (await ask(board))["missing_files"] == 2
        (device,) = await ask("/v1/files/receipts")
        assert device["missing_since"] == known[0]["captured_at"]
        assert [device[k] for k in ("promised", "arrived", "missing")] == [2, 0, 2]
        link_id = known[0]["id"]
        await run(database, world.dora, "file.give_up", link_id=link_id, reason="phone drowned")
        assert (await ask("/v1/files/missing"))["items"] == known[1:]
        assert (await ask(board))["missing_files"] == 1
        (device,) = await ask(f"/v1/files/receipts?device_id={phone.get('device_id')}")
        assert [device[k] for k in ("promised", "arrived", "missing")] == [2, 0, 1]
        assert not (await ask(f"/v1/files/receipts/{visit_id}"))["complete"]
