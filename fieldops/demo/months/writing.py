"""Write the demo city's three months into its database and file store: `load_months`.

Like the standing world it goes in through the models, by COPY, and has no audit; what follows from
it (findings, colours, figures) is then worked out by the product itself.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from anyio import to_thread
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments.models import Appointment
from fieldops.checklists.models import Answer, Checklist, Template, TemplateVersion
from fieldops.complaints.models import Complaint, ComplaintEntry, ComplaintVisit
from fieldops.demo.city import City, city_id
from fieldops.demo.copying import REGION, copy_rows
from fieldops.demo.months.asking import ask
from fieldops.demo.months.care import Voices
from fieldops.demo.months.evidence import Instruments
from fieldops.demo.months.following import work_out
from fieldops.demo.months.hearing import hear
from fieldops.demo.months.inspecting import inspect
from fieldops.demo.months.leaving import leave
from fieldops.demo.months.lines import lines_of
from fieldops.demo.months.papers import Papers, Templates, templates_by_use
from fieldops.demo.months.pictures import Picture
from fieldops.demo.months.rows import Book, done_of, write_trips
from fieldops.demo.months.schooling import teach
from fieldops.demo.months.stores import Stores
from fieldops.demo.months.toolbag import fill_bags
from fieldops.demo.months.trips import Past, Trip
from fieldops.demo.months.upkeep import Upkeep
from fieldops.faults.models import FaultReport
from fieldops.files.disk import Disk
from fieldops.files.models import File, FileLink
from fieldops.followups.models import AskedMatter, CareTask, FollowUp
from fieldops.health.models import HealthReading, HealthRecord
from fieldops.kernel import clock
from fieldops.kernel.changes import touch
from fieldops.kernel.db import Database
from fieldops.materials.models import Material, MaterialMovement, MaterialStock
from fieldops.measurements.models import LineTest, SpeedTest
from fieldops.network.models import Finding
from fieldops.notifications.models import Message
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.organisation.models import Calibration, Qualification, Tool
from fieldops.quality.models import PhotoPrint
from fieldops.retention.models import ChurnCase, RepairTask, Revisit
from fieldops.training.models import Attendance, Exam, TrainingSession
from fieldops.upkeep.models import PatrolPlan, Round, SpotCheck, SpotCheckItem
from fieldops.visits.models import Assignment, Visit, VisitFact, VisitWork

DAYS = 91
LOOKED_AT = timedelta(days=28)
"""The evidence of so many days is looked at while the city is loaded, not all of it."""
ORDER = (
    # parents before children
    (ServiceOrder, "past orders"),
    (WorkOrder, "past work orders"),
    (Visit, "past visits"),
    (VisitWork, ""),
    (Assignment, ""),
    (VisitFact, "facts seen on site"),
    (Appointment, "kept and broken promises"),
    (Message, "messages sent"),
    (Tool, "tools"),
    (Calibration, ""),
    (TrainingSession, "trainings"),
    (Attendance, ""),
    (Qualification, ""),
    (Exam, "exams"),
    (LineTest, "line tests"),
    (SpeedTest, "speed tests"),
    (HealthRecord, "health records"),
    (HealthReading, "readings"),
    (Checklist, "lists"),
    (Answer, "answers"),
    (File, "pictures"),
    (FileLink, ""),
    (PhotoPrint, ""),
    (FaultReport, "fault reports"),
    (FollowUp, "follow-ups"),
    (CareTask, ""),
    (Complaint, "complaints"),
    (ComplaintVisit, ""),
    (ComplaintEntry, ""),
    (AskedMatter, ""),
    (RepairTask, "relationships mended"),
    (ChurnCase, "customers who may leave"),
    (Revisit, ""),
    (Material, ""),
    (MaterialMovement, "movements of materials"),
    (MaterialStock, ""),
    (PatrolPlan, ""),
    (Round, "patrols and inspected buildings"),
    (Finding, ""),
    (SpotCheck, ""),
    (SpotCheckItem, "plant spot-checked"),
)

Say = Callable[[str, int], None]


async def load_months(
    database: Database,
    city: City,
    disk: Disk,
    say: Say,
    days: int = DAYS,
    looked_at: timedelta = LOOKED_AT,
) -> None:
    """Write the past of a loaded city and what follows from it, once.

    It ends with yesterday. The pictures go into the store before the rows that name them.
    """
    async with database.transaction() as session:
        if await _is_there(session):
            return
        templates = templates_by_use(await _templates(session))
    now, book = clock.now(), Book()
    trips = Past(city, clock.local_day(now, ZoneInfo(city.time_zone)), days).trips()
    pictures = _fill(book, city, now, trips, templates, days)
    await to_thread.run_sync(_keep, disk, pictures)
    async with database.transaction() as session:
        for model, name in ORDER:
            written = await copy_rows(session, model, book.rows[model].values())
            if name:
                say(name, written)
        for key in ("unit/north", "unit/south"):
            touch(session, REGION, city_id(key))
    since = now - looked_at
    ended = [
        (city_id(key), row["ended_at"])
        for key, row in book.rows[Visit].items()
        if row["window_start"] > since and row["ended_at"] is not None
    ]
    say("visits looked at", await ask(database, city, now, ended, book.wrong))
    for what, count in (await work_out(database)).items():
        say(what, count)
    say("inspections", await inspect(database, city, now, days))
    await hear(database, now)


def _fill(
    book: Book, city: City, now: datetime, trips: Sequence[Trip], templates: Templates, days: int
) -> list[Picture]:
    """Add the rows of all trips and their evidence; return the pictures they name."""
    dice = random.Random(f"{city.seed} evidence")
    write_trips(book, city, trips, dice)
    bags = fill_bags(book, city, now, random.Random(f"{city.seed} tools"))
    instruments = Instruments(book, lines_of(city, now.date()), bags, dice)
    papers = Papers(book, templates, dice)
    homes = {home.key: home for home in city.premises}
    for trip in trips:
        for done in done_of(trip, homes):
            papers.fill(done, instruments.measure(done))
        for done in done_of(trip, homes)[:1]:
            papers.sign(done)
    voices = Voices(book, city, now, random.Random(f"{city.seed} voices"))
    voices.hear(trips)
    leave(book, city, now, days, random.Random(f"{city.seed} leaving"))
    teach(book, city, now, days, random.Random(f"{city.seed} schooling"))
    Stores(book, city, now, random.Random(f"{city.seed} stores")).move(trips)
    Upkeep(book, city, now, random.Random(f"{city.seed} upkeep")).write(trips, days)
    return list(papers.pictures.values())


async def _is_there(session: AsyncSession) -> bool:
    found = await session.scalar(
        select(Visit.id).where(Visit.region_id == REGION, Visit.state == "completed").limit(1)
    )
    return found is not None


async def _templates(session: AsyncSession) -> Sequence[Any]:
    """Return (kind, service, version id, body) of the newest version of each template in use."""
    newest = (
        select(TemplateVersion.template_id, func.max(TemplateVersion.number).label("number"))
        .group_by(TemplateVersion.template_id)
        .subquery()
    )
    found = await session.execute(
        select(Template.kind, Template.service, TemplateVersion.id, TemplateVersion.body)
        .join(TemplateVersion, TemplateVersion.template_id == Template.id)
        .join(
            newest,
            (newest.c.template_id == Template.id) & (newest.c.number == TemplateVersion.number),
        )
        .where(Template.retired_at.is_(None), Template.segment.is_(None))
    )
    return found.all()


def _keep(disk: Disk, pictures: Iterable[Picture]) -> None:
    """Lay pictures where uploads would have put them, without waiting for the disk each time."""
    for picture in pictures:
        place = disk.content(picture.sha256)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(picture.content)
