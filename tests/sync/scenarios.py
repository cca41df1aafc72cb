"""What a phone captures of every offline command, so that all of them are tried for sync.

A scenario is the list of commands a technician captures on one prepared day, the one it is
named after the last. Whoever adds an offline command adds its scenario; a test says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.checklists.commands import ensure_standard_templates
from fieldops.checklists.models import Checklist
from fieldops.checklists.queries import newest_version
from fieldops.customers.models import Customer, Premises
from fieldops.kernel import clock
from fieldops.kernel.base import metadata, operational_tables
from fieldops.kernel.db import Database
from fieldops.materials.models import Material
from fieldops.quality.commands.filling import ensure_standard_forms
from fieldops.quality.models import (
    AccountabilityCase,
    EvidenceFlag,
    FeedbackRound,
    Form,
    Inspection,
    InspectionFinding,
    Lesson,
)
from fieldops.upkeep.models import SpotCheck, SpotCheckItem
from fieldops.visits.models import Notice
from tests.support.device import Phone
from tests.support.factories.appointments import book, local
from tests.support.factories.network import make_plant, make_service
from tests.support.factories.orders import make_order
from tests.support.world import NORTH, World, id_of

Step = tuple[str, dict[str, Any]]
DOOR = {"type": "Point", "coordinates": [24.941, 60.17]}
PHOTO = "b" * 64


@dataclass(frozen=True)
class Day:
    """Alice's booked visit to repair a broadband line, and the plant the line runs over."""

    visit_id: UUID
    order_id: UUID
    service_id: UUID
    pairs: tuple[UUID, ...]
    ports: tuple[UUID, ...]
    box_id: UUID
    checklist_id: UUID
    notice_id: UUID
    material_id: UUID
    item_id: UUID
    kit_id: UUID
    flag_id: UUID
    inspection_finding_id: UUID
    feedback_round_id: UUID
    accountability_case_id: UUID

    def visit(self, name: str, **args: Any) -> Step:
        """A command about the visit."""
        return name, {"visit_id": str(self.visit_id), **args}

    def line(self, name: str, **args: Any) -> Step:
        """A command about the visit and its line."""
        return self.visit(name, service_id=str(self.service_id), **args)

    def move(self, name: str, resources: tuple[UUID, ...]) -> Step:
        """Move the line from the first of its resources to a free one."""
        return self.line(
            name, from_id=str(resources[0]), to_id=str(resources[2]), reason="noise on the line"
        )

    def order(self, name: str, **args: Any) -> Step:
        """A command about the order."""
        return name, {"order_id": str(self.order_id), **args}


async def make_day(database: Database, world: World) -> Day:
    """Prepare the day: plant, line, order, booking with Alice this morning."""
    async with database.transaction() as session:
        await ensure_standard_templates(session)
        plant = await make_plant(session)
        service = await make_service(session, plant)
        gift = Material(region_id=1, code="lamp", name_zh="灯", name_en="Lamp", use="gift",
                        unit="piece", limits=[], active=True)  # fmt: skip
        session.add(gift)
        premises = await session.get_one(Premises, (1, service.premises_id))
        customer = await session.get_one(Customer, (1, service.customer_id))
    item = {"kind": "repair", "service": "broadband", "technology": "copper"}
    made = await make_order(
        database,
        world.dora,
        {**item, "service_id": str(service.id)},
        premises=premises,
        customer=customer,
    )
    await book(database, world.dora, made.visit_id, local(23, 10), "alice")
    async with database.transaction() as session:
        checklist_id = await session.scalar(
            select(Checklist.id).where(
                Checklist.region_id == 1, Checklist.visit_id == made.visit_id
            )
        )
        notice_id = await session.scalar(
            select(Notice.id).where(Notice.region_id == 1, Notice.visit_id == made.visit_id)
        )
        item_id = await _spot_check(session, plant.box.id, world.alice.id)
        kit = await newest_version(session, "kit_check")
    assert kit is not None
    assert checklist_id is not None
    assert notice_id is not None
    return Day(
        made.visit_id,
        made.id,
        service.id,
        tuple(p.id for p in plant.pairs),
        tuple(p.id for p in plant.ports),
        plant.box.id,
        checklist_id,
        notice_id,
        gift.id,
        item_id,
        kit.id,
        *await _said_of_alice(database, made.visit_id),
    )


async def _said_of_alice(database: Database, visit_id: UUID) -> tuple[UUID, ...]:
    """Have a question about Alice's evidence, a lesson, and what an inspection said of her."""
    now, alice = clock.now(), id_of("alice")
    where: dict[str, Any] = {"region_id": 1, "centre_id": NORTH}
    async with database.transaction() as session:
        await ensure_standard_forms(session)
        form_id = await session.scalar(select(Form.id).where(Form.code == "remote_visit"))
        flag = EvidenceFlag(
            **where, visit_id=visit_id, technician_id=alice, kind="too_short", subject_id=visit_id,
            subject_type="visit", reason={"en": "Short.", "zh_CN": "过短。"}, found={},
            thresholds={}, state="open", found_at=now, answer_until=now,
        )  # fmt: skip
        inspection = Inspection(
            **where, level="centre", kind="remote", form_id=form_id, state="reported", round=1,
            planned_for=now.date(), done_on=now.date(), score=80.0, inspector_id=id_of("sam"),
            planned_by=id_of("sam"),
        )  # fmt: skip
        lesson = Lesson(
            region_id=1, text_en={"title": "Wet"}, text_zh={"title": "进水"}, kinds=[], services=[],
            photos=[], state="published", drafted_by=id_of("sam"), drafted_at=now,
            published_by=id_of("sam"), published_at=now,
        )  # fmt: skip
        session.add_all([flag, inspection, lesson])
        await session.flush()
        finding = InspectionFinding(
            **where, inspection_id=inspection.id, visit_id=visit_id, technician_id=alice,
            severity="minor", words="Not signed.", state="given", found_by=id_of("sam"),
            found_at=now, given_at=now,
        )  # fmt: skip
        sheet = FeedbackRound(
            **where, inspection_id=inspection.id, technician_id=alice, number=1, given_at=now,
            due_at=now,
        )  # fmt: skip
        session.add_all([finding, sheet])
        await session.flush()
        case = AccountabilityCase(
            **where, inspection_finding_id=finding.id, visit_id=visit_id, technician_id=alice,
            state="opened", opened_at=now, statement_until=now,
        )  # fmt: skip
        session.add(case)
    return flag.id, finding.id, sheet.id, case.id


async def _spot_check(session: AsyncSession, feature_id: UUID, technician_id: UUID) -> UUID:
    """Give the technician a piece of plant to compare with the record."""
    check = SpotCheck(region_id=1, centre_id=NORTH, kinds=["distribution_box"], seed="s", share=1,
                      population=[str(feature_id)], drawn_at=clock.now(),
                      drawn_by=technician_id)  # fmt: skip
    session.add(check)
    await session.flush()
    item = SpotCheckItem(region_id=1, check_id=check.id, feature_id=feature_id, centre_id=NORTH,
                         technician_id=technician_id, record={"name": "Box"})  # fmt: skip
    session.add(item)
    return item.id


def _arrived(day: Day) -> list[Step]:
    return [
        day.visit("visit.accept"),
        day.visit("visit.confirm_kit", tools=True, materials=True, spares=True, papers=True),
        day.visit("visit.depart", point=DOOR),
        day.visit("visit.arrive", point=DOOR),
    ]


def _started(day: Day) -> list[Step]:
    identity = dict.fromkeys(
        ("certificate_shown", "customer_confirmed", "work_explained", "covers_used"), True
    )
    return [
        *_arrived(day),
        day.visit("visit.confirm_identity", **identity),
        day.visit("visit.start"),
    ]


def _line_test(day: Day) -> Step:
    return day.line(
        "measurement.record_line_test",
        measured_at_place="outlet",
        attenuation_db=22.5,
        insulation_mohm=500,
        instrument_serial="KT-4711",
    )


def _speed_test(day: Day) -> Step:
    return day.line(
        "measurement.record_speed_test",
        down_mbps=98.4,
        up_mbps=39.7,
        latency_ms=8,
        method="wired",
        server="speed.helsinki.example",
    )


def _reading(day: Day) -> Step:
    return day.line("health.record_reading", down_mbps=98.4, up_mbps=39.7)


def _answers(day: Day) -> Step:
    values = {"fault_place": "terminal", "remedy": "A new splitter.", "service_restored": True}
    answers = [{"item_key": key, "value": value} for key, value in values.items()]
    bound = {"item_key": "speed_down", "value": 98.4, "test_id": str(day.flag_id)}
    return day.visit(
        "checklist.answer", checklist_id=str(day.checklist_id), answers=[*answers, bound]
    )


def _photo(day: Day) -> Step:
    return day.visit(
        "file.link",
        sha256=PHOTO,
        bytes=4711,
        mime="image/jpeg",
        purpose="photo",
        subject_type="visit",
        subject_id=str(day.visit_id),
    )


def _evidence(day: Day) -> list[Step]:
    return [*_started(day), _answers(day), _line_test(day), _speed_test(day), _reading(day)]


def _kit(day: Day) -> Step:
    answers = [{"item_key": "tools_hand_tools", "value": False}]
    return "kit.check", {"template_version_id": str(day.kit_id), "answers": answers}


def _gift(name: str, day: Day) -> Step:
    return name, {"material_id": str(day.material_id), "quantity": 2}


def _used(day: Day) -> list[Step]:
    name, gift = _gift("material.use", day)
    return [day.visit("visit.accept"), day.visit(name, **gift)]


# Never takes effect by itself: it tells of a loss, and a person takes note of it.
ALWAYS_HELD = frozenset({"queue.void"})

SCENARIOS: dict[str, Callable[[Day], list[Step]]] = {
    "appointment.record_reconfirmation": lambda day: [
        day.visit("appointment.record_reconfirmation", answer="confirmed")
    ],
    "appointment.request_reschedule": lambda day: [
        day.visit("appointment.request_reschedule", reason="customer_asked", wish="On Friday")
    ],
    "checklist.answer": lambda day: [*_started(day), _answers(day)],
    "evidence_flag.answer": lambda day: [
        day.visit("visit.accept"),
        ("evidence_flag.answer", {"flag_id": str(day.flag_id), "answer": "It was quick."}),
    ],
    "file.link": lambda day: [*_started(day), _photo(day)],
    "health.record_reading": lambda day: [*_started(day), _reading(day)],
    "accountability_case.state": lambda day: [
        day.visit("visit.accept"),
        (
            "accountability_case.state",
            {
                "accountability_case_id": str(day.accountability_case_id),
                "statement": "It was signed.",
            },
        ),
    ],
    "feedback_sheet.answer": lambda day: [
        day.visit("visit.accept"),
        (
            "feedback_sheet.answer",
            {"feedback_round_id": str(day.feedback_round_id), "measures": "Signed since."},
        ),
    ],
    "inspection_finding.answer": lambda day: [
        day.visit("visit.accept"),
        (
            "inspection_finding.answer",
            {
                "inspection_finding_id": str(day.inspection_finding_id),
                "answer": "It was signed.",
            },
        ),
    ],
    "kit.check": lambda day: [day.visit("visit.accept"), _kit(day)],
    "material.count": lambda day: [day.visit("visit.accept"), _gift("material.count", day)],
    "material.hand_back": lambda day: [
        day.visit("visit.accept"),
        _gift("material.hand_back", day),
    ],
    "material.sign_gifts": lambda day: [
        *_used(day),
        day.visit("material.sign_gifts", refused_reason="was in a hurry"),
    ],
    "material.use": _used,
    "measurement.record_line_test": lambda day: [*_started(day), _line_test(day)],
    "measurement.record_speed_test": lambda day: [*_started(day), _speed_test(day)],
    "network.change_port": lambda day: [
        *_started(day),
        day.move("network.change_port", day.ports),
    ],
    "network.claim": lambda day: [
        *_started(day),
        day.visit("network.claim", service_id=str(day.service_id), feature_id=str(day.pairs[2])),
    ],
    "network.mark_pair_bad": lambda day: [
        *_started(day),
        day.visit("network.mark_pair_bad", feature_id=str(day.pairs[3]), reason="crackles"),
    ],
    "network.report_finding": lambda day: [
        *_started(day),
        day.visit(
            "network.report_finding",
            feature_id=str(day.box_id),
            kind="distribution_box",
            severity="medium",
            text="The lid is off.",
        ),
    ],
    "network.swap_pair": lambda day: [*_started(day), day.move("network.swap_pair", day.pairs)],
    "visit.want_report": lambda day: [day.visit("visit.want_report")],
    "note.add": lambda day: [day.visit("note.add", text="The gate code is at the desk.")],
    "notice.read": lambda day: [
        day.visit("visit.accept"),
        ("notice.read", {"notice_id": str(day.notice_id)}),
    ],
    "order.suspend": lambda day: [
        *_started(day),
        day.order(
            "order.suspend",
            reason="no_free_resource",
            resume_on="2026-12-20",
            told_customer="We come back.",
        ),
    ],
    "order.transfer": lambda day: [
        *_started(day),
        _line_test(day),
        day.order(
            "order.transfer",
            reason="cable_fault",
            department="cable",
            told_customer="The cable department repairs it.",
        ),
    ],
    "spot_check.record": lambda day: [
        day.visit("visit.accept"),
        ("spot_check.record", {"spot_check_item_id": str(day.item_id), "result": "matches"}),
    ],
    "visit.accept": lambda day: [day.visit("visit.accept")],
    "visit.arrive": _arrived,
    "visit.complete": lambda day: [
        *_evidence(day),
        day.visit("visit.complete", signature_refused_reason="was in a hurry"),
    ],
    "visit.confirm_identity": lambda day: _started(day)[:-1],
    "visit.confirm_kit": lambda day: _arrived(day)[:2],
    "visit.depart": lambda day: _arrived(day)[:3],
    "visit.fail": lambda day: [
        *_started(day),
        day.visit(
            "visit.fail",
            reason="site_not_ready",
            told_customer="We come back.",
            next_step="suspend",
            resume_on="2026-12-20",
        ),
    ],
    "visit.leave_notice": lambda day: [
        *_arrived(day),
        day.visit("visit.leave_notice", photo_sha256=PHOTO),
    ],
    "visit.start": _started,
}


# What sync itself writes on each request: last contact, change counters, the ledger of nothing.
_OWN = frozenset(
    {
        "sync_device",
        "sync_held_row",
        "kernel_change_counter",
        "kernel_change_log",
        "kernel_erased_row",
    }
)


async def contents(database: Database) -> dict[str, tuple[int, int]]:
    """Return the number of rows and the sum of their versions of every operational table."""
    found = {}
    async with database.transaction() as session:
        for name, table in operational_tables().items():
            if name in _OWN:
                continue
            versions = table.c.get("version", literal(0))
            total = func.coalesce(func.sum(versions), 0)
            statement = select(func.count(), total).where(table.c.region_id == 1)
            row = (await session.execute(statement)).one()
            found[name] = (int(row[0]), int(row[1]))
        jobs = metadata.tables.get("procrastinate_jobs")
        assert jobs is None, "the queue's table is not ours to model"
    return found


def capture(phone: Phone, steps: list[tuple[str, dict[str, Any]]]) -> None:
    for name, args in steps:
        phone.capture(name, **args)
