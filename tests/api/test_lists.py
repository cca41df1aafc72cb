"""Every list for people can be filtered, sorted and paged; exports carry it from there."""

from typing import Any

import httpx
import pytest

from api.documents import create_app
from fieldops.kernel.settings import Settings
from tests.api.test_access import LETTERS, TABLE
from tests.support.clients import bearer
from tests.support.world import World

NO_SORT = {
    "work_list": "its order is the rule: most urgent first (WO-06)",
    "stewardship_list": "oldest first, for who waited longest is answered first",
    "kept_appointments_records": "the records behind one figure, as indicator_records sorts them",
    "indicator_figures": "a row for each group and period, in their order",
    "one_visit_records": "the records behind one figure, as indicator_records sorts them",
}
NOBODY = "01938f5e-7a31-7c02-9a52-0f4c5d6e7f80"
WHOLE = {
    "dispatch_affected": "asked for one technician and one range of hours",
    "file_receipt_list": "a row for each phone, cut by its limit",
    "follow_up_reasons": "a catalogue",
    "follow_up_statistics": "figures of a range, a row for each period and group",
    "follow_up_script": "the lines of one call",
    "health_rule_list": "a catalogue",
    "history_get": "the changes of one record",
    "feature_connections": "the ties of one feature",
    "premises_services": "the services of one home",
    "premises_trace": "the ways of one home",
    "reason_list": "a catalogue",
    "round_stop_list": "the points of one round, in the order of the way",
    "rule_list": "a catalogue",
    "technician_calendar": "the days asked for",
    "service_best_free": "the few best of one service, ranked",
    "visit_fact_list": "the facts of one visit",
    "visit_field_state": "the phones of one visit",
    "slot_list": "the free windows of one visit",
    "public_appointment_windows": "the free windows of one visit, for its customer",
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(Settings(secret="x" * 40)).openapi()


def _answer(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    content = operation["responses"].get("200", {}).get("content", {})
    shape = content.get("application/json", {}).get("schema", {})
    name = shape.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"].get(name, shape)
    return found


def lists(document: dict[str, Any], *, paged: bool) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return path and operation of every list by its operation id."""
    found = {}
    for path, operations in document["paths"].items():
        operation = operations.get("get")
        if operation is None:
            continue
        answer = _answer(document, operation)
        columns = answer.get("properties", {})
        is_list = answer.get("type") == "array" or "items" in columns
        if is_list and ("next" in columns) is paged:
            found[operation["operationId"]] = (path, operation)
    return found


def asked(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what can be asked for in the query of an operation, without the page itself."""
    return {
        given["name"]: given["schema"]
        for given in operation.get("parameters", [])
        if given["in"] == "query" and given["name"] not in {"after", "limit"}
    }


def test_every_list_can_be_sorted_and_filtered(document: dict[str, Any]) -> None:
    unsorted, unfiltered = set(), set()
    for name, (_, operation) in lists(document, paged=True).items():
        given = asked(operation)
        if "sort" not in given:
            unsorted.add(name)
        if not given.keys() - {"sort"}:
            unfiltered.add(name)
    assert unsorted == set(NO_SORT)
    assert unfiltered == set()


def test_what_is_answered_whole_is_bounded_by_what_it_is_of(document: dict[str, Any]) -> None:
    assert set(lists(document, paged=False)) == set(WHOLE)


def values(document: dict[str, Any], schema: dict[str, Any]) -> list[Any]:
    """Return what can be asked for: every word of a choice, one value of anything else."""
    options = schema.get("anyOf", [schema])
    schema = next(option for option in options if option.get("type") != "null")
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "array":
        return values(document, schema["items"])
    if "enum" in schema:
        return list(schema["enum"])
    if schema.get("pattern", "").startswith("^("):
        return str(schema["pattern"]).strip("^()$").split("|")
    plain = {
        "boolean": ["true"],
        "integer": [schema.get("minimum", 1)],
        "number": [1],
        "uuid": [NOBODY],
        "date": ["2026-11-23"],
        "date-time": ["2026-11-23T06:00:00Z"],
    }
    return plain.get(schema.get("format", "")) or plain.get(schema["type"]) or ["x"]


TOGETHER = {"starts", "ends", "before_starts", "before_ends"}
"""The two times of a ranking, which are asked for as ranges."""
NEEDED = {"from": "2026-11-20", "to": "2026-11-23", "until": "2026-11-23"}


@pytest.mark.anyio
async def test_every_filter_and_every_order_of_every_list_is_answered(
    client: httpx.AsyncClient, settings: Settings, world: World, document: dict[str, Any]
) -> None:
    for path, operation in lists(document, paged=True).values():
        if "{" in path:
            continue
        first = "XSD" if "everybody" in asked(operation) else "SDX"
        role = next(letter for letter in f"{first}ATMI" if letter in TABLE[f"GET {path}"])
        headers = bearer(settings, getattr(world, LETTERS[role]))
        given = asked(operation)
        needed = {
            asked_for["name"]: NEEDED.get(asked_for["name"])
            or values(document, asked_for["schema"])[0]
            for asked_for in operation.get("parameters", [])
            if asked_for["in"] == "query" and asked_for["required"]
        }
        for name, schema in given.items():
            for value in () if name in TOGETHER else values(document, schema):
                answer = await client.get(path, params=needed | {name: value}, headers=headers)
                if answer.status_code == 404 and value == NOBODY:
                    continue  # some lists say that there is no such centre or firm
                assert answer.status_code == 200, (path, name, value, answer.text)
                assert answer.json()["items"] is not None


@pytest.mark.anyio
async def test_a_filter_narrows_a_list_and_refuses_what_it_does_not_know(
    client: httpx.AsyncClient, settings: Settings, world: World
) -> None:
    headers = bearer(settings, world.sam)
    everybody = (await client.get("/v1/technicians", headers=headers)).json()["items"]
    centre_id = everybody[0]["centre_id"]
    wanted = [person["id"] for person in everybody if person["centre_id"] == centre_id]

    answer = await client.get("/v1/technicians", params={"centre_id": centre_id}, headers=headers)
    assert [person["id"] for person in answer.json()["items"]] == wanted
    none = {"firm_id": centre_id}
    answer = await client.get("/v1/technicians", params=none, headers=headers)
    assert answer.json()["items"] == []
    answer = await client.get("/v1/work-orders", params={"kind": "dance"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_arguments")
    named = {"sort": "-name", "limit": 1}
    first = (await client.get("/v1/technicians", params=named, headers=headers)).json()
    names = [first["items"][0]["name"]]
    while first["next"]:
        following = named | {"after": first["next"]}
        first = (await client.get("/v1/technicians", params=following, headers=headers)).json()
        names += [person["name"] for person in first["items"]]
    assert names == sorted((person["name"] for person in everybody), reverse=True)
