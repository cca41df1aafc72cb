"""Readings of broadband lines as a technician takes them."""

from typing import Any

from fieldops.health.models import HealthReading, HealthRecord
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from tests.support.factories.checklists import Scene
from tests.support.run import first_id, run


async def take_reading(
    database: Database, actor: Actor, scene: Scene, *, service: int = 0, **changes: Any
) -> tuple[HealthReading, HealthRecord]:
    """Record a reading (of a healthy 100/20 line unless told) and return it with its record."""
    envelope = {name: changes.pop(name) for name in ("captured", "device") if name in changes}
    args = {
        "visit_id": scene.visit,
        "service_id": str(scene.service_ids[service]),
        "down_mbps": 98.0,
        "up_mbps": 19.5,
        **changes,
    }
    result = await run(database, actor, "health.record_reading", **envelope, **args)
    async with database.transaction() as session:
        reading = await session.get_one(HealthReading, (1, first_id(result, "health_reading")))
        record = await session.get_one(HealthRecord, (1, first_id(result, "health_record")))
    return reading, record
