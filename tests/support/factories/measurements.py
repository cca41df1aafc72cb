"""Tests as a technician takes them."""

from typing import Any
from uuid import UUID

from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from tests.support.factories.checklists import Scene
from tests.support.run import first_id, run


async def take_line_test(
    database: Database, actor: Actor, scene: Scene, *, service: int = 0, **changes: Any
) -> UUID:
    args = {
        "visit_id": scene.visit,
        "service_id": str(scene.service_ids[service]),
        "measured_at_place": "outlet",
        "attenuation_db": 22.5,
        "insulation_mohm": 500,
        "instrument_serial": "KT-4711",
        **changes,
    }
    return first_id(await run(database, actor, "measurement.record_line_test", **args))


async def take_speed_test(
    database: Database, actor: Actor, scene: Scene, *, service: int = 0, **changes: Any
) -> UUID:
    args = {
        "visit_id": scene.visit,
        "service_id": str(scene.service_ids[service]),
        "down_mbps": 98.4,
        "up_mbps": 19.7,
        "latency_ms": 8,
        "jitter_ms": 1.5,
        "method": "wired",
        "server": "speed.helsinki.example",
        **changes,
    }
    return first_id(await run(database, actor, "measurement.record_speed_test", **args))
