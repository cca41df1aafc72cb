"""What the report of a visit is made of, read in as many statements whatever happened on it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.checklists.models import Answer, Checklist, Template, TemplateVersion
from fieldops.checklists.rules import Body
from fieldops.customers.models import Customer, Premises
from fieldops.files.models import File, FileLink
from fieldops.health import queries as health
from fieldops.health.models import HealthReading, HealthRecord
from fieldops.health.rules import Limits
from fieldops.kernel import configuration, geo
from fieldops.kernel.permissions import Scope
from fieldops.measurements.models import LineTest, SpeedTest
from fieldops.network.models import Finding, NetworkService
from fieldops.network.queries import ground
from fieldops.orders.models import WorkOrder
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Person, Technician
from fieldops.visits.models import Assignment, Visit, VisitFact, VisitWork

MOST_ANSWERS = 2_000
MOST_TESTS = 100
MOST_FILES = 300
MOST_FACTS = 300
MOST_FINDINGS = 50
MOST_PLANT = 30
NEAR_METRES = 150.0


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of the crew, with the certificate shown at the door."""

    technician_id: UUID
    name: str
    certificate: str
    is_contact: bool


@dataclass(frozen=True, slots=True)
class Filled:
    """A list of the visit in the version it was given out in, with every answer, oldest first."""

    id: UUID
    work_order_id: UUID
    code: str
    number: int
    body: Body
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A promised content; `stored`: its bytes are here."""

    link: FileLink
    stored: bool


@dataclass(frozen=True, slots=True)
class Plant:
    """A piece of plant near the door, its shape as GeoJSON, and how far it is (metres)."""

    kind: str
    name: str
    shape: dict[str, Any]
    distance: float


@dataclass(slots=True)
class Gathered:
    """A visit with everything that was recorded on it."""

    visit: Visit
    zone: ZoneInfo
    limits: Limits
    numbers: dict[str, float]
    premises: Premises | None = None
    crew: list[Member] = field(default_factory=list)
    work: list[tuple[VisitWork, WorkOrder]] = field(default_factory=list)
    lists: list[Filled] = field(default_factory=list)
    facts: list[VisitFact] = field(default_factory=list)
    line_tests: list[LineTest] = field(default_factory=list)
    speed_tests: list[SpeedTest] = field(default_factory=list)
    readings: list[HealthReading] = field(default_factory=list)
    services: dict[UUID, NetworkService] = field(default_factory=dict)
    records: dict[UUID, HealthRecord] = field(default_factory=dict)
    pictures: list[Picture] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    plant: list[Plant] = field(default_factory=list)
    people: dict[UUID, str] = field(default_factory=dict)


async def gather(
    session: AsyncSession,
    visit: Visit,
    *,
    premises: Premises | None = None,
    plant: Scope | None = None,
) -> Gathered:
    """Return what was recorded on a visit that the caller may show.

    `premises` are shown where given; with the scope `plant` the plant around them too.
    """
    region_id = visit.region_id
    found = Gathered(
        visit,
        await organisation.zone_of(session, region_id),
        await health.limits(session, region_id),
        await configuration.values(session, region_id),
        premises,
    )
    found.crew = await _crew(session, visit)
    found.work = await _work(session, visit)
    found.lists = await _lists(session, visit)
    for name, model, most in (
        ("facts", VisitFact, MOST_FACTS),
        ("line_tests", LineTest, MOST_TESTS),
        ("speed_tests", SpeedTest, MOST_TESTS),
        ("readings", HealthReading, MOST_TESTS),
        ("findings", Finding, MOST_FINDINGS),
    ):
        setattr(found, name, await _of_visit(session, visit, model, most))
    await _lines(session, found)
    found.pictures = await _pictures(session, visit)
    if premises is not None and plant is not None:
        found.plant = await _plant(session, plant, premises)
    found.people = await _people(session, found)
    return found


async def visit_of_link(session: AsyncSession, region_id: int, visit_id: UUID) -> Visit | None:
    """Return the visit of a customer's genuine link, which is the permission."""
    found: Visit | None = await session.scalar(
        select(Visit).where(Visit.region_id == region_id, Visit.id == visit_id)
    )
    return found


async def locale_of(session: AsyncSession, visit: Visit) -> str | None:
    """Return the language of a visit's customer."""
    found: str | None = await session.scalar(
        select(Customer.locale).where(
            Customer.region_id == visit.region_id, Customer.id == visit.customer_id
        )
    )
    return found


async def _crew(session: AsyncSession, visit: Visit) -> list[Member]:
    """Return who was on the visit at its end, the customer's contact first."""
    rows = await session.execute(
        select(Technician.id, Technician.name, Technician.certificate_number, Assignment.is_contact)
        .join(
            Assignment,
            and_(
                Assignment.region_id == Technician.region_id,
                Assignment.technician_id == Technician.id,
            ),
        )
        .where(
            Technician.region_id == visit.region_id,
            Assignment.region_id == visit.region_id,
            Assignment.visit_id == visit.id,
            Assignment.ended_at.is_(None),
        )
        .order_by(Assignment.is_contact.desc(), Technician.name)
    )
    return [Member(*row) for row in rows]


async def _work(session: AsyncSession, visit: Visit) -> list[tuple[VisitWork, WorkOrder]]:
    rows = await session.execute(
        select(VisitWork, WorkOrder)
        .join(
            WorkOrder,
            and_(
                WorkOrder.region_id == VisitWork.region_id,
                WorkOrder.id == VisitWork.work_order_id,
            ),
        )
        .where(
            VisitWork.region_id == visit.region_id,
            WorkOrder.region_id == visit.region_id,
            VisitWork.visit_id == visit.id,
        )
        .order_by(WorkOrder.number, WorkOrder.id)
    )
    return [(entry, work) for entry, work in rows]


async def _lists(session: AsyncSession, visit: Visit) -> list[Filled]:
    heads = (
        await session.execute(
            select(
                Checklist.id,
                Checklist.work_order_id,
                Template.code,
                TemplateVersion.number,
                TemplateVersion.body,
            )
            .join(TemplateVersion, TemplateVersion.id == Checklist.template_version_id)
            .join(Template, Template.id == TemplateVersion.template_id)
            .where(Checklist.region_id == visit.region_id, Checklist.visit_id == visit.id)
            .order_by(Checklist.id)
        )
    ).all()
    answers: dict[UUID, list[Answer]] = {row.id: [] for row in heads}
    for answer in await _of_visit(session, visit, Answer, MOST_ANSWERS):
        answers[answer.checklist_id].append(answer)
    return [
        Filled(
            row.id,
            row.work_order_id,
            row.code,
            row.number,
            Body.model_validate(row.body),
            tuple(answers[row.id]),
        )
        for row in heads
    ]


async def _of_visit(session: AsyncSession, visit: Visit, model: Any, most: int) -> list[Any]:
    rows = await session.scalars(
        select(model)
        .where(model.region_id == visit.region_id, model.visit_id == visit.id)
        .order_by(model.id)
        .limit(most)
    )
    return list(rows)


async def _lines(session: AsyncSession, found: Gathered) -> None:
    """Read the lines that were tested, with their health records."""
    tested: Sequence[Any] = [*found.line_tests, *found.speed_tests, *found.readings]
    ids = {row.service_id for row in tested if row.service_id is not None}
    ids |= {work.service_id for _, work in found.work if work.service_id is not None}
    rows = await session.execute(
        select(NetworkService, HealthRecord)
        .outerjoin(
            HealthRecord,
            and_(
                HealthRecord.region_id == NetworkService.region_id,
                HealthRecord.service_id == NetworkService.id,
                HealthRecord.premises_id == found.visit.premises_id,
            ),
        )
        .where(
            NetworkService.region_id == found.visit.region_id, NetworkService.id.in_(sorted(ids))
        )
    )
    for service, record in rows:
        found.services[service.id] = service
        if record is not None:
            found.records[service.id] = record


async def _pictures(session: AsyncSession, visit: Visit) -> list[Picture]:
    rows = await session.execute(
        select(FileLink, File.stored_at)
        .outerjoin(File, and_(File.region_id == FileLink.region_id, File.sha256 == FileLink.sha256))
        .where(
            FileLink.region_id == visit.region_id,
            FileLink.visit_id == visit.id,
            FileLink.mime.startswith("image/"),
        )
        .order_by(FileLink.captured_at, FileLink.id)
        .limit(MOST_FILES)
    )
    return [Picture(link, stored is not None) for link, stored in rows]


async def _plant(session: AsyncSession, scope: Scope, premises: Premises) -> list[Plant]:
    door = geo.Point(coordinates=geo.position_of(premises.point))
    rows = await session.execute(ground.near(scope, door, NEAR_METRES).limit(MOST_PLANT))
    return [Plant(row.kind, row.name, shape, distance) for row, shape, distance in rows]


async def _people(session: AsyncSession, found: Gathered) -> dict[UUID, str]:
    """Return the names of whoever answered or recorded something."""
    ids: Collection[UUID] = {answer.person_id for one in found.lists for answer in one.answers}
    ids = {*ids, *(fact.person_id for fact in found.facts)}
    rows = await session.execute(select(Person.id, Person.name).where(Person.id.in_(sorted(ids))))
    return {row.id: row.name for row in rows}
