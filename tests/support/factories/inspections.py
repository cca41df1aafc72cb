"""Supervisors of every level, and inspections as they meet them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from fieldops.kernel import clock
from fieldops.kernel.actor import Actor, Grant
from fieldops.kernel.db import Database
from fieldops.kernel.permissions import Role
from fieldops.organisation.models import Person, RoleGrant
from fieldops.quality.commands.filling import ensure_standard_forms
from fieldops.visits.models import Visit
from tests.support.run import first_id, run
from tests.support.world import NORTH, SOUTH, id_of

TODAY = "2026-11-23"

REMOTE: dict[str, Any] = {
    "photos_show_work": True,
    "tests_whole": True,
    "in_limits": True,
    "place_and_time": True,
    "checklist_care": "with_care",
    "signed": True,
}
"""A whole answer to the form of a remote inspection; all that is asked for is well."""

UNIT: dict[str, Any] = dict.fromkeys(
    ("tools_calibrated", "qualifications", "vehicles", "stock", "meetings", "feedback_done"), True
)


def as_form(values: dict[str, Any], **changes: Any) -> list[dict[str, Any]]:
    """Return answers as the command takes them; a no has its remark."""
    return [
        {"item_key": key, "value": value, "note": "Not so." if value is False else None}
        for key, value in (values | changes).items()
    ]


async def lay_out(database: Database) -> dict[str, Actor]:
    """Publish the shipped forms; have nora supervise North, stan South, pia the province."""
    people = {
        "nora": (NORTH, Grant(Role.SUPERVISOR, centre_ids=frozenset({NORTH}))),
        "stan": (SOUTH, Grant(Role.SUPERVISOR, centre_ids=frozenset({SOUTH}))),
        "pia": (id_of("uusimaa"), Grant(Role.SUPERVISOR, whole_region=True)),
    }
    async with database.transaction() as session:
        await ensure_standard_forms(session)
        for name, (unit, _grant) in people.items():
            session.add(
                Person(
                    id=id_of(name), email=f"{name}@fieldops.example", name=name.title(),
                    home_region=1,
                )
            )  # fmt: skip
            await session.flush()
            session.add(RoleGrant(person_id=id_of(name), unit_id=unit, role=Role.SUPERVISOR.value))
    return {name: Actor(id_of(name), 1, grants=(grant,)) for name, (_, grant) in people.items()}


async def plan(database: Database, actor: Actor, **changes: Any) -> str:
    """Plan a remote inspection of North by the region, and return its id."""
    given = {
        "level": "region", "kind": "remote", "centre_id": str(NORTH), "planned_for": TODAY,
        **changes,
    }  # fmt: skip
    return str(first_id(await run(database, actor, "inspection.plan", **given), "inspection"))


async def draw(database: Database, actor: Actor, inspection_id: str, **changes: Any) -> None:
    """Draw from the visits of the last month, all of them where nothing else is said."""
    now = clock.now()
    given = {
        "ended_from": (now - timedelta(days=31)).isoformat(), "ended_before": now.isoformat(),
        "share": 100, "seed": "seven", **changes,
    }  # fmt: skip
    await run(database, actor, "inspection.draw", inspection_id=inspection_id, **given)


async def ended(database: Database, visit_id: UUID, *, hours_ago: float = 1) -> None:
    """Let a visit have failed some hours ago."""
    async with database.transaction() as session:
        visit = await session.get_one(Visit, (1, visit_id))
        visit.arrived_at = clock.now() - timedelta(hours=hours_ago + 1)
        visit.ended_at = clock.now() - timedelta(hours=hours_ago)
        visit.state, visit.end_reason, visit.next_step = "failed", "no_access", "suspend"
        visit.told_customer = "Told."
