"""Nothing is taken silently: what technicians must be told, and whether they are (sync.md).

A small model beside the application's own commands: who has which visit, in which window, read
past the application after every step. Whoever stands otherwise than before by somebody else's
decision must have a notice of the kinds that say so; and a phone that pulled whole holds every
notice that its user has not read.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.simulation.ground import Ground
from tests.simulation.invariants import holds

_LOOK = """
select json_build_object(
  'standing', (select coalesce(json_agg(json_build_array(
       a.technician_id, a.visit_id, v.state, v.window_start, v.window_end)), '[]')
     from visits_assignment a
     join visits_visit v on v.region_id = a.region_id and v.id = a.visit_id
     where a.ended_at is null),
  'notices', (select coalesce(json_agg(json_build_array(id, technician_id, visit_id, kind)), '[]')
     from visits_notice),
  'ended', (select coalesce(json_agg(json_build_array(id, actor_id)), '[]') from kernel_ledger
     where name in ('order.transfer', 'order.suspend', 'visit.fail', 'visit.complete')
     and status in ('applied', 'merged')))
"""
_UNREAD = """
select coalesce(json_agg(id), '[]') from visits_notice
where technician_id = %s and read_at is null
"""
CANCELLED = "cancelled"
GONE = frozenset({"reassigned", "given_back", "unscheduled"})
Who = tuple[str, str]  # the technician and the visit


@dataclass
class Notices:
    """Who has which visit, and which notices there are, as of the last step."""

    standing: dict[Who, tuple[str, ...]] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)  # commands by which technicians end visits

    async def begin(self, ground: Ground) -> None:
        """Start from what stands in the morning."""
        found = await ground.look(_LOOK)
        self.standing = _standing(found)
        self.known = {id_ for id_, *_ in found["notices"]}

    async def settle(self, ground: Ground) -> None:
        """I5: who gained, lost or kept a visit otherwise since the last step was told so."""
        found = await ground.look(_LOOK)
        standing = _standing(found)
        told: dict[Who, set[str]] = {}
        for id_, technician, visit, kind in found["notices"]:
            if id_ not in self.known:
                told.setdefault((technician, visit), set()).add(kind)
        for who in standing.keys() | self.standing.keys():
            due = due_kinds(self.standing.get(who), standing.get(who))
            if not due or due & told.get(who, set()):
                continue
            own = who[0] in {actor for id_, actor in found["ended"] if id_ not in self.ended}
            said = f"a technician was told {told.get(who)} of a visit, not one of {sorted(due)}"
            holds("I5", own, said)  # who did it is not told of it
        self.standing, self.known = standing, {id_ for id_, *_ in found["notices"]}
        self.ended = {id_ for id_, _ in found["ended"]}


def _standing(found: dict[str, Any]) -> dict[Who, tuple[str, ...]]:
    return {(row[0], row[1]): tuple(row[2:]) for row in found["standing"]}


def due_kinds(before: tuple[str, ...] | None, now: tuple[str, ...] | None) -> frozenset[str]:
    """Return the kinds of notice of which one is due, none when nothing was decided."""
    if before == now:
        return frozenset()
    if before is None:
        return frozenset({"gained"})
    if now is None:
        return GONE
    if (before[0] == CANCELLED) != (now[0] == CANCELLED):
        return frozenset({CANCELLED if now[0] == CANCELLED else "revived"})
    return frozenset({"moved"}) if before[1:] != now[1:] else frozenset()


async def unread(ground: Ground, person: str) -> set[str]:
    """Return the notices that a technician has not read."""
    return set(await ground.look(_UNREAD, person))
