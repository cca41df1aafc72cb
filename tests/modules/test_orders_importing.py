"""Orders out of a file of JSON lines: bad lines reported, good ones in, twice the same."""

import json
from typing import Any

import pytest
from sqlalchemy import func, select

from fieldops.kernel.db import Database
from fieldops.orders.importing import LONGEST_LINE, BadLine, import_lines
from fieldops.orders.models import ServiceOrder
from tests.support.factories.orders import FIXED_LINE, make_order
from tests.support.world import World

pytestmark = pytest.mark.anyio


async def lines(database: Database, world: World) -> list[str]:
    made = await make_order(database, world.dora)
    good: dict[str, Any] = {
        "customer": {"external_ref": made.customer.external_ref},
        "premises": {"external_ref": made.premises.external_ref},
        "items": [FIXED_LINE],
    }
    return [
        json.dumps({**good, "external_ref": "F-1"}),
        "{not json",
        "",
        "[1, 2]",
        json.dumps({**good, "external_ref": "F-2", "items": []}),
        json.dumps({**good, "external_ref": "F-3", "customer": {"external_ref": "nobody"}}),
        json.dumps({**good, "external_ref": "F-4"}),
        "x" * (LONGEST_LINE + 1),
    ]


async def count(database: Database) -> int:
    async with database.transaction() as session:
        statement = select(func.count(ServiceOrder.id)).where(ServiceOrder.region_id == 1)
        return await session.scalar(statement) or 0


async def test_bad_lines_are_reported_with_number_and_reason_and_good_ones_go_in(
    database: Database, world: World
) -> None:
    content = await lines(database, world)
    before = await count(database)
    report = await import_lines(database, world.ivan, content)
    assert (report.received, report.unchanged) == (2, 0)
    assert await count(database) - before == 2
    assert [(bad.number, bad.code) for bad in report.bad] == [
        (2, "invalid_line"),
        (4, "invalid_line"),
        (5, "invalid_arguments"),
        (6, "unknown_reference"),
        (8, "invalid_line"),
    ]
    assert report.bad[2].reason.startswith("items: ")
    assert report.bad[3] == BadLine(
        6, "unknown_reference", "There is no customer with the reference nobody."
    )


async def test_running_it_twice_changes_nothing(database: Database, world: World) -> None:
    content = await lines(database, world)
    await import_lines(database, world.ivan, content)
    before = await count(database)
    again = await import_lines(database, world.ivan, content)
    assert (again.received, again.unchanged, len(again.bad)) == (0, 2, 5)
    assert await count(database) == before


async def test_the_same_order_with_its_keys_in_another_order_is_the_same(
    database: Database, world: World
) -> None:
    content = await lines(database, world)
    await import_lines(database, world.ivan, content[:1])
    turned = json.dumps(dict(reversed(json.loads(content[0]).items())))
    assert (await import_lines(database, world.ivan, [turned])).unchanged == 1


async def test_a_changed_order_is_a_bad_line(database: Database, world: World) -> None:
    content = await lines(database, world)
    await import_lines(database, world.ivan, content[:1])
    changed = json.dumps({**json.loads(content[0]), "wish": "in the morning"})
    report = await import_lines(database, world.ivan, [changed])
    assert [bad.code for bad in report.bad] == ["order_differs"]
