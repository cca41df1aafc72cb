"""VI-02: the check before leaving is a list on the phone, for a day, seen by the offices."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from fieldops.checklists.commands import ensure_standard_templates
from fieldops.checklists.errors import AnswerInvalid
from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.errors import InvalidArguments, NotFound
from fieldops.kernel.settings import Settings
from tests.support.clients import bearer
from tests.support.factories.visits import from_phone
from tests.support.run import run
from tests.support.world import World
from tests.sync.conftest import MakePhone, new_phone

pytestmark = pytest.mark.anyio
__all__ = ["new_phone"]


@pytest.fixture
async def standard(database: Database) -> None:
    async with database.transaction() as session:
        await ensure_standard_templates(session)


async def template(client: httpx.AsyncClient, headers: dict[str, str], code: str) -> dict[str, Any]:
    path = f"/v1/checklist-templates?code={code}&sort=-number&limit=1"
    found: dict[str, Any] = (await client.get(path, headers=headers)).json()["items"][0]
    return found


def gone_through(body: dict[str, Any], *, absent: str = "") -> list[dict[str, Any]]:
    """Answer every item yes, but one."""
    return [{"item_key": item["key"], "value": item["key"] != absent} for item in body["items"]]


async def checked(client: httpx.AsyncClient, headers: dict[str, str], query: str = "") -> Any:
    answer = await client.get(f"/v1/kit-checks{query}", headers=headers)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()["items"]


@pytest.mark.usefixtures("standard")
async def test_vi_02_a_phone_without_visits_has_the_list_fills_it_offline_and_the_office_sees_it(
    database: Database, world: World, new_phone: MakePhone, client: httpx.AsyncClient,
    settings: Settings,
) -> None:  # fmt: skip
    phone = await new_phone(world.alice)
    await phone.sync()
    (held,) = [row for row in phone.rows("template") if row["kind"] == "kit_check"]
    key = held["body"]["items"][0]["key"]
    phone.capture(
        "kit.check", template_version_id=held["id"],
        answers=gone_through(held["body"], absent=key),
    )  # fmt: skip
    await phone.sync()
    (row,) = await checked(client, bearer(settings, world.sam), "?complete=false")
    assert (row["technician_id"], row["day"]) == (str(world.alice.id), "2026-11-23")
    assert (row["absent"], row["unanswered"]) == ([key], [])
    assert {"item_key": key, "value": False} in row["answers"]
    assert row["device_id"] == str(phone.id)
    assert row["captured_at"] is not None
    assert [one["absent"] for one in phone.rows("kit_check")] == [[key]]
    with clock.frozen(clock.now() + timedelta(days=3)):
        await phone.pull()
    assert phone.rows("kit_check") == []


@pytest.mark.usefixtures("standard")
async def test_vi_02_every_check_stays_and_the_last_of_a_day_stands_whenever_it_arrives(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings, at: datetime
) -> None:
    headers = bearer(settings, world.sam)
    of = await template(client, headers, "kit_check")
    key = of["body"]["items"][0]["key"]
    complete, lacking = gone_through(of["body"]), gone_through(of["body"], absent=key)
    args = {"template_version_id": of["id"]}
    late = at + timedelta(hours=2)
    with clock.frozen(late):
        await from_phone(
            database, world.alice, "kit.check", at + timedelta(minutes=30), answers=complete, **args
        )
        await from_phone(database, world.alice, "kit.check", at, answers=lacking, **args)
        await from_phone(database, world.bob, "kit.check", at, answers=lacking[:1], **args)
        headers = bearer(settings, world.sam)
        everything = await checked(client, headers)
        standing = await checked(client, headers, "?standing=true")
        own = await checked(client, bearer(settings, world.alice))
    assert len(everything) == 3
    of_alice, of_bob = sorted(standing, key=lambda row: row["technician_id"] != str(world.alice.id))
    assert of_alice["complete"]
    assert (of_bob["complete"], of_bob["absent"]) == (False, [key])
    assert {row["technician_id"] for row in own} == {str(world.alice.id)}


@pytest.mark.usefixtures("standard")
async def test_vi_02_another_list_or_an_answer_that_fits_no_item_is_refused(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    headers = bearer(settings, world.sam)
    install = await template(client, headers, "broadband_install")
    kit = await template(client, headers, "kit_check")
    with pytest.raises(NotFound):
        await run(
            database, world.alice, "kit.check", template_version_id=install["id"],
            answers=gone_through(kit["body"]),
        )  # fmt: skip
    with pytest.raises(AnswerInvalid):
        await run(
            database, world.alice, "kit.check", template_version_id=kit["id"],
            answers=[{"item_key": "spoon", "value": True}],
        )  # fmt: skip
    with pytest.raises(InvalidArguments):
        await run(
            database, world.alice, "kit.check", template_version_id=kit["id"],
            answers=[{"item_key": "tools_hand_tools", "value": "Lent to Mrs Virtanen."}],
        )  # fmt: skip


@pytest.mark.usefixtures("standard")
async def test_vi_02_a_new_version_of_the_list_reaches_the_phone_and_a_retired_one_leaves_it(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    phone = await new_phone(world.alice)
    await phone.sync()
    (held,) = phone.rows("template")
    body = held["body"] | {"items": held["body"]["items"][:2]}
    await run(
        database, world.sam, "checklist.publish_template", code="kit_check", kind="kit_check",
        body=body,
    )  # fmt: skip
    await phone.pull()
    (newer,) = phone.rows("template")
    assert (newer["number"], len(newer["body"]["items"])) == (2, 2)
    await run(
        database, world.sam, "checklist.retire_template", code="kit_check", reason="On paper now."
    )
    await phone.pull()
    assert phone.rows("template") == []
