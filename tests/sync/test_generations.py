"""Catalogues travel with their generations; a started list keeps its own (SYNC 3, CH-01).

The generation of a template is its `number`, of any other catalogue row its `version`; both
are part of the row, and the catalogues' change counter is part of the key of a pull.
"""

from typing import Any
from uuid import UUID

import pytest

from fieldops.checklists.commands import ensure_standard_templates
from fieldops.kernel.db import Database
from fieldops.orders.models import Reason
from tests.support.device import Phone
from tests.support.factories.appointments import book, local
from tests.support.factories.orders import REPAIR, make_order
from tests.support.run import run
from tests.support.world import World
from tests.sync.conftest import MakePhone

pytestmark = pytest.mark.anyio

DOOR = {"type": "Point", "coordinates": [24.941, 60.17]}


async def booked(database: Database, world: World, hour: int) -> UUID:
    made = await make_order(database, world.dora, REPAIR)
    await book(database, world.dora, made.visit_id, local(23, hour), "alice")
    return made.visit_id


def template_of(phone: Phone, visit_id: UUID) -> dict[str, Any]:
    (checklist,) = [c for c in phone.rows("checklist") if c["visit_id"] == str(visit_id)]
    found = phone.row("template", checklist["template_version_id"])
    assert found is not None, "no list without its template (I9)"
    return found


async def publish_next(database: Database, world: World, former: dict[str, Any]) -> None:
    """Publish the template again with one more item."""
    body = {**former["body"], "items": [dict(item) for item in former["body"]["items"]]}
    body["items"].append(
        {"key": "label_read", "type": "yes_no", "text_en": "Label read", "text_zh": "已读标签"}
    )
    await run(
        database, world.sam, "checklist.publish_template", code=former["code"],
        kind=former["kind"], service=former["service"], segment=former["segment"], body=body,
    )  # fmt: skip


async def test_ch_01_a_started_list_keeps_its_template_while_new_visits_get_the_new_one(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    async with database.transaction() as session:
        await ensure_standard_templates(session)
    first = await booked(database, world, 10)
    phone = await new_phone(world.alice)
    await phone.sync()
    old = template_of(phone, first)
    phone.capture("visit.arrive", visit_id=first, point=DOOR)
    phone.capture("visit.start", visit_id=first)
    await phone.sync()
    await publish_next(database, world, old)
    second = await booked(database, world, 14)
    await phone.sync()
    assert template_of(phone, first) == old
    new = template_of(phone, second)
    assert new["number"] == old["number"] + 1
    assert "label_read" in [item["key"] for item in new["body"]["items"]]
    assert phone.hash_differed == 0


async def test_ch_01_answers_by_the_older_generation_are_taken_for_its_visit(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    """The phone was away while the template was published anew."""
    async with database.transaction() as session:
        await ensure_standard_templates(session)
    visit_id = await booked(database, world, 10)
    phone = await new_phone(world.alice)
    await phone.sync()
    (checklist,) = phone.rows("checklist")
    phone.capture("visit.arrive", visit_id=visit_id, point=DOOR)
    phone.capture("visit.start", visit_id=visit_id)
    phone.capture(
        "checklist.answer", visit_id=visit_id, checklist_id=checklist["id"],
        answers=[{"item_key": "remedy", "value": "A new splitter."}],
    )  # fmt: skip
    await publish_next(database, world, template_of(phone, visit_id))
    await phone.sync()
    assert phone.queued() == 0
    assert [a["item_key"] for a in phone.rows("answer")] == ["remedy"]
    phone.capture(
        "checklist.answer", visit_id=visit_id, checklist_id=checklist["id"],
        answers=[{"item_key": "label_read", "value": True}],
    )  # fmt: skip
    assert (await phone.push())[0]["status"] == "rejected", "that item is of the next generation"


async def test_ch_01_a_template_leaves_the_phone_with_the_last_visit_that_has_it(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    async with database.transaction() as session:
        await ensure_standard_templates(session)
    visit_id = await booked(database, world, 10)
    phone = await new_phone(world.alice)
    await phone.sync()
    assert phone.rows("template")
    await run(
        database, world.dora, "visit.assign", visit_id=str(visit_id),
        technician_ids=[str(world.kim.id)], reason="Alice is held up.",
    )  # fmt: skip
    await phone.sync()
    assert phone.rows("template") == []


async def test_sync_3_a_changed_catalogue_reaches_phones_with_its_next_version(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    await booked(database, world, 10)
    phone = await new_phone(world.alice)
    await phone.sync()
    before = phone.rows("reason")[0]
    answer = await phone.pull_once()
    assert answer["unchanged"]
    async with database.transaction() as session:
        row = await session.get_one(Reason, UUID(before["id"]))
        row.text_en = "Other words"
    await phone.sync()
    after = phone.row("reason", before["id"])
    assert after is not None
    assert after["version"] == before["version"] + 1
    assert after["text_en"] == "Other words"
