"""A visit with its work as the evidence modules meet it: given out, at work, about to end."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from uuid import UUID

from fieldops.checklists import queries, reactions
from fieldops.checklists.commands import ensure_standard_templates
from fieldops.checklists.models import Checklist
from fieldops.checklists.rules import Body
from fieldops.kernel import clock, commands
from fieldops.kernel.actor import Actor
from fieldops.kernel.commands import Context, Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.events import Event
from fieldops.kernel.ids import new_id
from fieldops.network.models import NetworkService
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.visits.events import VisitAssigned, VisitCompleting
from fieldops.visits.models import Assignment, Visit, VisitWork
from tests.support.factories.customers import make_customer, make_premises
from tests.support.world import NORTH

_numbers = count(1)


@dataclass(frozen=True)
class Scene:
    """A visit in progress: its work by position, the service of each (None: not broadband)."""

    visit_id: UUID
    order_id: UUID
    premises_id: UUID
    customer_id: UUID
    work_order_ids: tuple[UUID, ...]
    service_ids: tuple[UUID, ...]

    @property
    def visit(self) -> str:
        return str(self.visit_id)

    @property
    def service(self) -> str:
        return str(self.service_ids[0])


async def make_scene(
    database: Database,
    technicians: Sequence[Actor],
    *work: tuple[str, str, str],
    segment: str = "household",
    tier: str = "basic",
    at: Scene | None = None,
) -> Scene:
    """Make a visit whose work is (service, kind, technology), with the technicians on site.

    `at` makes a later visit to the same premises, customer and lines.
    """
    now = clock.now()
    async with database.transaction() as session:
        if at is None:
            customer_id = (await make_customer(session, segment=segment, tier=tier)).id
            premises_id = (await make_premises(session)).id
        else:
            customer_id, premises_id = at.customer_id, at.premises_id
        services = list(at.service_ids) if at else []
        if at is None:
            for kind, _work, technology in work:
                broadband = kind == "broadband"
                row = NetworkService(
                    region_id=1, premises_id=premises_id, customer_id=customer_id,
                    centre_id=NORTH, kind=kind, technology=technology, state="active",
                    sold_down_mbps=100 if broadband else None,
                    sold_up_mbps=20 if broadband else None,
                )  # fmt: skip
                session.add(row)
                services.append(row.id)
            await session.flush()
        order = ServiceOrder(
            region_id=1, external_ref=f"evidence-{next(_numbers)}", customer_id=customer_id,
            premises_id=premises_id, centre_id=NORTH, state="in_progress", received_at=now,
        )  # fmt: skip
        session.add(order)
        await session.flush()
        visit = Visit(
            region_id=1, order_id=order.id, premises_id=premises_id, customer_id=customer_id,
            centre_id=NORTH, state="in_progress", window_start=now,
            window_end=now + timedelta(hours=2), expected_arrival=now, duration_minutes=60, kit={},
        )  # fmt: skip
        session.add(visit)
        await session.flush()
        work_ids = []
        for position, (kind, task, technology) in enumerate(work):
            row = WorkOrder(
                region_id=1, order_id=order.id, centre_id=NORTH, number=position + 1, kind=task,
                service=kind, technology=technology, service_id=services[position],
                skill="fibre", state="in_progress", state_since=now, received_at=now,
                limit_seconds=86400, due_at=now + timedelta(days=1), duration_minutes=30,
                priority=1,
            )  # fmt: skip
            session.add(row)
            await session.flush()
            session.add(
                VisitWork(region_id=1, visit_id=visit.id, work_order_id=row.id, centre_id=NORTH)
            )
            work_ids.append(row.id)
        for position, actor in enumerate(technicians):
            session.add(
                Assignment(
                    region_id=1,
                    visit_id=visit.id,
                    technician_id=actor.id,
                    centre_id=NORTH,
                    is_contact=position == 0,
                    state="working",
                    assigned_at=now,
                )
            )
    return Scene(visit.id, order.id, premises_id, customer_id, tuple(work_ids), tuple(services))


async def tell(
    database: Database, actor: Actor, event: Event, reaction: Callable[..., Awaitable[None]]
) -> None:
    """Let one reaction hear an event, in a transaction and context as a command has them."""
    spec, _ = commands.find("note.add", 1, {})
    async with database.transaction() as session:
        envelope = Envelope(new_id(), spec.name, {})
        await reaction(Context(session, actor, clock.now(), envelope, spec), event)


async def bind(database: Database, actor: Actor, scene: Scene) -> list[Checklist]:
    """Publish the standard templates, give the visit out, and return its lists by work."""
    async with database.transaction() as session:
        await ensure_standard_templates(session)
    event = VisitAssigned(scene.visit_id, (), (), None)
    await tell(database, actor, event, reactions.bind_when_assigned)
    async with database.transaction() as session:
        lists = await queries.lists_of_visit(session, 1, scene.visit_id)
    return sorted(lists, key=lambda row: scene.work_order_ids.index(row.work_order_id))


async def body_of(database: Database, checklist: Checklist) -> Body:
    async with database.transaction() as session:
        found = await queries.bodies(session, [checklist.template_version_id])
    return found[checklist.template_version_id]


def completing(scene: Scene, technician: Actor) -> VisitCompleting:
    return VisitCompleting(
        visit_id=scene.visit_id,
        order_id=scene.order_id,
        premises_id=scene.premises_id,
        customer_id=scene.customer_id,
        centre_id=NORTH,
        technician_id=technician.id,
        work_order_ids=scene.work_order_ids,
        attachments=frozenset(),
    )


SIGNATURE = "a" * 64
PHOTO = "b" * 64

INSTALL_ANSWERS: dict[str, object] = {
    "computer_checked": True,
    "client_consent": False,
    "account_handed_over": True,
    "password_change_shown": True,
    "speed_down": 98.5,
    "speed_up": 19.9,
    "sites_shown": True,
    "modem_serial": "SN-0001",
    "fault_label": True,
    "lightning_label": True,
    "free_materials": "within_rules",
    "free_materials_kind": "patch cord",
    "free_materials_number": 2,
    "free_materials_signed": SIGNATURE,
}
"""A full answer to the standard broadband installation (CH-03); the refusal has its remark."""


def as_answers(values: dict[str, object]) -> list[dict[str, object]]:
    notes = {"client_consent": "Uses their own router."}
    photos = {"fault_label": [PHOTO]}
    return [
        {
            "item_key": key,
            "value": value,
            "note": notes.get(key),
            "photos": photos.get(key, []),
        }
        for key, value in values.items()
    ]
