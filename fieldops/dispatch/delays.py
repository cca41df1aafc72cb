"""Which delays of a running day call for a replan instead of one way out after the other. Pure."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fieldops.dispatch.prediction import Arrival, Part


@dataclass(frozen=True, slots=True)
class Delay:
    """A technician whose delay makes these visits late, the last of them at `until`."""

    technician_id: UUID
    visit_ids: tuple[UUID, ...]
    until: datetime


def delays(
    late: Mapping[UUID, tuple[Part, Arrival]],
    *,
    unmended: Collection[UUID],
    movable: Collection[UUID],
    most: float,
) -> list[Delay]:
    """Return the delays a replan is offered for, by technician (AP-07).

    `late` is who comes last to each visit that will miss its window, and when. A delay that makes
    more than `most` visits late calls for one, and so does any that leaves a visit `unmended`: no
    single way out keeps its window. Only when it is about a visit that a replan may move.
    """
    by_technician: dict[UUID, list[UUID]] = defaultdict(list)
    for visit_id, (part, _) in sorted(late.items()):
        by_technician[part.technician_id].append(visit_id)
    found = []
    for technician_id, visit_ids in sorted(by_technician.items()):
        about = visit_ids if len(visit_ids) > most else [v for v in visit_ids if v in unmended]
        if any(visit_id in movable for visit_id in about):
            until = max(late[visit_id][1].at for visit_id in visit_ids)
            found.append(Delay(technician_id, tuple(visit_ids), until))
    return found
