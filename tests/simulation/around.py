"""What happens around a technician's day: stock, claims, line tests, what is said of the work.

Others change rows that phones hold besides visits, and what technicians do meets it. Two things
are held past the application after every step: a stock is the sum of its movements since the last
count (CH-03), and who holds a pair by a claim keeps it until the claim is over (RE-02); and of
every claim's answer, that it says so when another pair is held than was asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.simulation.ground import Ground
from tests.simulation.invariants import holds
from tests.support.world import id_of
from tests.sync.scenarios import Day

TECHNICIANS = ("alice", "kim")
WHY = "as the simulation says"
Act = tuple[str, str, dict[str, Any]]  # who, which command, its arguments

_LOOK = """
select json_build_object(
  'stocks', (select coalesce(json_agg(json_build_array(technician_id, material_id, balance)), '[]')
     from materials_stock),
  'movements', (select coalesce(json_agg(json_build_array(
       technician_id, material_id, kind, quantity) order by estimated_at, id), '[]')
     from materials_movement),
  'held', (select coalesce(json_agg(json_build_array(
       id, state, service_id, claim_until, claim_visit_id)), '[]')
     from network_feature where service_id is not null),
  'ended', (select coalesce(json_agg(id), '[]') from visits_visit
     where state in ('completed', 'failed', 'cancelled')))
"""
_IDS = {
    "flag": "quality_evidence_flag",
    "lesson": "quality_lesson",
    "check": "upkeep_spot_check",
    "tool": "organisation_tool",
    "finding": "quality_finding",
    "movement": "materials_movement where kind = 'use'",
    "plant": "network_finding",
    "task": "checklists_opened",
    "line": "measurements_line_check",
}
_SIGNS = {"issue": 1.0, "use": -1.0, "hand_back": -1.0, "correction": -1.0}


def acts(day: Day, neighbour: str, which: int, ids: dict[str, str]) -> list[Act]:
    """Return what may be done now; `ids` names one row of each kind there is."""
    who = str(id_of(TECHNICIANS[which % 2]))
    pair = str(day.pairs[which % len(day.pairs)])
    stock = {"material_id": str(day.material_id), "technician_id": who, "quantity": which % 4}
    words = {"title": "Damp", "cause": "Rain.", "remedy": "A seal."}
    values = {"insulation_mohm": 1 + which % 40, "measured_at_place": "outlet"}
    needs: list[tuple[str, str, str, Callable[[str], dict[str, Any]]]] = [
        ("sam", "evidence_flag.decide", "flag",
         lambda id_: {"flag_id": id_, "holds": which % 3 == 0, "reason": WHY}),
        ("sam", "inspection_finding.withdraw", "finding",
         lambda id_: {"inspection_finding_id": id_, "reason": WHY}),
        ("sam", "lesson.change", "lesson",
         lambda id_: {"lesson_id": id_, "text_en": words, "text_zh": words}),
        ("sam", "lesson.retire", "lesson", lambda id_: {"lesson_id": id_, "reason": WHY}),
        ("sam", "material.correct", "movement",
         lambda id_: {"movement_id": id_, "quantity": 1 - which % 3, "reason": WHY}),
        ("sam", "network.close_finding", "plant", lambda id_: {"finding_id": id_, "reason": WHY}),
        ("sam", "spot_check.assign", "check",
         lambda id_: {"spot_check_id": id_, "technician_id": who}),
        ("dora", "tool.hand_over", "tool", lambda id_: {"tool_id": id_, "to_id": who}),
        ("dora", "checklist.settle_task", "task", lambda id_: {"opened_id": id_, "outcome": WHY}),
        ("dora", "measurement.record_line_check", "line",
         lambda id_: {"check_id": id_, **values}),
    ]  # fmt: skip
    always: list[Act] = [
        ("dora", "material.issue", {**stock, "quantity": 1 + which % 9}),
        ("dora", "material.count", stock),
        ("dora", "network.claim", {"service_id": neighbour, "feature_id": pair}),
        ("dora", "network.claim", {"service_id": neighbour, "feature_id": pair}),
        ("ada", "network.let_claims_lapse", {}),
        ("dora", "measurement.plan_line_checks", {}),
        ("sam", "material.set_limits", _limits(day, which)),
        ("dora", "order.accept_transfer", {"order_id": str(day.order_id)}),
        ("dora", "order.refuse_transfer", {"order_id": str(day.order_id), "reason": WHY}),
        ("dora", "network.mark_pair_bad", {"feature_id": pair, "reason": WHY}),
    ]
    return always + [(a, n, args(ids[key])) for a, n, key, args in needs if key in ids]


def _limits(day: Day, which: int) -> dict[str, Any]:
    limit = {"work_kind": None, "tier": None, "most": which % 5}
    return {"material_id": str(day.material_id), "limits": [limit] * (which % 2), "reason": WHY}


async def one_of_each(ground: Ground, which: int) -> dict[str, str]:
    """Return the id of one row of each kind that there is."""
    found = {}
    for key, table in _IDS.items():
        ids = await ground.look(f"select coalesce(json_agg(id order by id), '[]') from {table}")
        if ids:
            found[key] = str(ids[which % len(ids)])
    return found


@dataclass
class Around:
    """What stood after the last step, to be compared with what stands now."""

    held: dict[str, list[Any]] = field(default_factory=dict)  # by feature

    async def begin(self, ground: Ground) -> None:
        """Start from what stands in the morning."""
        self.held = {row[0]: row for row in (await ground.look(_LOOK))["held"]}

    async def settle(self, ground: Ground, now: datetime) -> None:
        """CH-03, RE-02: stocks are what their movements say, and no claim was taken away."""
        found = await ground.look(_LOOK)
        stocks = {(row[0], row[1]): row[2] for row in found["stocks"]}
        due = summed(found["movements"])
        holds("CH-03", stocks == due, f"stocks are {stocks}, and by their movements {due}")
        held = {row[0]: row for row in found["held"]}
        for id_, (_, _, service, until, visit) in self.held.items():
            over = until is None or datetime.fromisoformat(until) <= now or visit in found["ended"]
            other = held.get(id_, [id_, None, service])[2] != service
            holds("RE-02", over or not other, "a claim was lost before it was over")
        self.held = held


def summed(movements: list[list[Any]]) -> dict[tuple[str, str], float]:
    """Return what each technician should have of each material, by movements in their order."""
    due: dict[tuple[str, str], float] = {}
    for technician, material, kind, quantity in movements:
        before = due.get((technician, material), 0.0)
        after = quantity if kind == "count" else before + _SIGNS[kind] * quantity
        due[technician, material] = round(after, 3)
    return due


def claims_answered(body: dict[str, Any], answer: dict[str, Any]) -> None:
    """RE-02: who is given another pair than asked for is told so, and nobody else is."""
    asked = {c["id"]: c["args"] for c in body["commands"] if c["name"] == "network.claim"}
    for result in answer["results"]:
        first = result.get("first", result)
        if result["id"] in asked and first["status"] in {"applied", "merged"}:
            held = {ref["id"] for ref in first["refs"]}
            told = [w["code"] for w in first.get("warnings", ()) if w["code"] == "claim_lost"]
            got = asked[result["id"]]["feature_id"] in held
            holds("RE-02", got != bool(told), f"a claim was answered {told} and has {held}")
