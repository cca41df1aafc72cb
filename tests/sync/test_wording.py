"""What people read of late work: complete in both languages, and with what it is about."""

import inspect
import re
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

import fieldops.modules
from fieldops.kernel import clock, commands
from fieldops.kernel.db import Database
from fieldops.kernel.errors import REGISTRY, Hold
from fieldops.kernel.settings import Settings
from fieldops.orders.commands.catalogue import lay_out_reasons
from fieldops.sync import rules, wording
from tests.support.clients import bearer
from tests.support.device import Phone
from tests.support.factories.visits import assigned_visit
from tests.support.run import run
from tests.support.world import World
from tests.sync import trial
from tests.sync.conftest import MakePhone

pytestmark = pytest.mark.anyio

assert fieldops.modules.MODULES  # importing it registers every command and refusal
# What every command may meet (kernel and sync), and what the end of a visit asks of other modules.
ALWAYS = {
    *("invalid_arguments", "forbidden", "not_found", "constraint", "conflict", "poison"),
    *("malformed_command", "not_for_devices", "id_reused", "seq_reused"),
    *("tests_missing", "checklist_incomplete", "health_record_missing"),
}


def met_on_phones() -> set[str]:
    """Return the codes of the refusals that the phones' commands say they raise."""
    by_name = {coded.__name__: code for code, coded in REGISTRY.items()}
    offline = [inspect.getdoc(s.handler) or "" for s in commands.REGISTRY.values() if s.offline]
    words = set(re.findall(r"\w+", " ".join(offline)))
    return {code for name, code in by_name.items() if name in words}


def test_every_refusal_that_a_phone_meets_has_a_chinese_sentence_of_its_own() -> None:
    """`other` is for what nobody has thought of, not for what the technician can put right."""
    holds = {code for code, coded in REGISTRY.items() if issubclass(coded, Hold)}
    assert len(met_on_phones()) > 20
    assert met_on_phones() | holds | ALWAYS <= wording.reasons().keys() <= REGISTRY.keys()


def test_every_end_of_a_case_is_said_in_both_languages() -> None:
    assert set(wording.outcomes()) == set(rules.CaseState)
    for said in (*wording.outcomes().values(), wording.refused()):
        assert set(said) == set(wording.LANGUAGES)
        assert re.search(r"[\u4e00-\u9fff]", said["zh_CN"])


def test_a_chinese_sentence_names_no_detail_that_its_english_one_does_not() -> None:
    for code, said in wording.reasons().items():
        english = " ".join((REGISTRY[code].__doc__ or "").split("\n\n")[0].split())
        assert set(re.findall(r"{\w+}", said)) <= set(re.findall(r"{\w+}", english)), code


async def test_both_languages_say_when_a_visit_was_cancelled_by_the_clock_of_the_region(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    visit_id: UUID = (await assigned_visit(database, world)).visit_id
    async with database.transaction() as session:
        await lay_out_reasons(session)
    phone = await new_phone(world.alice)
    await phone.sync()
    await run(database, world.dora, "visit.cancel", visit_id=str(visit_id), reason="planning")
    with clock.frozen(clock.now() + timedelta(minutes=30)):
        phone.capture("visit.accept", visit_id=visit_id)
        (result,) = await phone.push()
        await phone.pull()
    when = "2026-11-23 at 08:00"
    assert result["message"] == f"The visit was cancelled on {when}, before this was captured."
    (case,) = phone.rows("case")
    assert when in case["text"]["en"]
    assert when in case["text"]["zh_CN"]
    assert "{" not in case["text"]["zh_CN"]


async def test_who_can_put_it_right_is_told_so_and_who_cannot_is_told_to_wait(
    phone: Phone, database: Database
) -> None:
    """A rejected command may be done again; a held one waits for the desk in any event."""
    mine, gone = await trial.make(database), await trial.make(database, "bob")
    phone.capture("trial.finish", trial_id=mine)
    phone.capture("trial.begin", trial_id=gone)
    assert [r["status"] for r in await phone.push()] == ["rejected", "held"]
    await phone.pull()
    said = {case["status"]: case["outcome_text"] for case in phone.rows("case")}
    assert said["rejected"] == wording.refused()
    assert said["held"] == wording.outcomes()["open"]


async def test_a_refused_acceptance_says_which_of_the_commands_it_is_about(
    phone: Phone, database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    """Else a dispatcher takes `invalid_arguments` for a fault of the decision's own words."""
    id_ = await trial.make(database, "bob")
    phone.capture("trial.begin", trial_id=id_)
    phone.capture("trial.finish", trial_id=id_, hurry="much")
    await phone.push()
    await phone.pull()
    (case,) = phone.rows("case")
    headers = bearer(settings, world.dora)
    address = f"/v1/desk/cases/{case['id']}/accept"
    answer = await client.post(address, json={"reason": "she was there"}, headers=headers)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, "invalid_arguments")
    assert (body["refused"]["seq"], body["refused"]["name"]) == (2, "trial.finish")
    many = {"decision": "accept", "device_id": str(phone.id), "reason": "she was there"}
    told = await client.post("/v1/desk/decisions", json=many, headers=headers)
    assert told.json()["results"][0]["refused"] == body["refused"]


async def test_a_text_that_is_too_short_is_told_in_characters(
    phone: Phone, database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    await trial.make(database)
    answer = await client.post(
        f"/v1/devices/{phone.id}/lock", json={"reason": "x"}, headers=bearer(settings, world.dora)
    )
    (error,) = answer.json()["errors"]
    assert error["message"] == "Text should have at least 3 characters, not 1"
