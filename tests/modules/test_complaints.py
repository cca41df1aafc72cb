"""CO-01, CO-02, CO-03, CO-04: complaints from arrival to reply, and the decision on them."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from fieldops.complaints.errors import (
    AnswerMissing,
    ArrivalNotPast,
    CentreNotNamed,
    ComplaintNotOffered,
    ComplaintOver,
    ComplaintTakenByOther,
    NotOnItsVisits,
    NotYourComplaint,
    OwnTransfer,
    ReportMissing,
    ResponsibleNotNamed,
    SameDepartment,
)
from fieldops.complaints.events import ComplaintClosed, ComplaintDecided, ComplaintTaken
from fieldops.complaints.models import ComplaintEntry, ComplaintVisit
from fieldops.customers.models import Customer
from fieldops.kernel import clock, events
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, NotFound
from fieldops.kernel.settings import Settings
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.visits.models import Notice
from tests.support.clients import bearer
from tests.support.factories.checklists import bind, make_scene
from tests.support.factories.complaints import complain, standing, step
from tests.support.factories.customers import make_customer
from tests.support.factories.measurements import take_line_test, take_speed_test
from tests.support.factories.orders import make_order
from tests.support.factories.visits import assigned_visit, begun_visit, from_phone
from tests.support.rows import every
from tests.support.run import run
from tests.support.warned import warned
from tests.support.world import FIRM, World, id_of

pytestmark = pytest.mark.anyio

REPORT = "The pair was wet; it was changed, and the box is tight again."


async def somebody(database: Database, **values: Any) -> Customer:
    async with database.transaction() as session:
        return await make_customer(session, **values)


async def test_co_01_a_complaint_is_owned_by_its_taker_and_both_clocks_run_from_its_arrival(
    database: Database, world: World, at: datetime
) -> None:
    customer = await somebody(database)
    row = await standing(database, await complain(database, world.ann, customer.id))
    assert (row.owner_id, row.handler_id, row.state) == (world.ann.id, world.ann.id, "handled")
    assert (row.arrived_at, row.contact_due_at) == (at, at + timedelta(hours=2))
    assert row.due_at == at + timedelta(hours=72)
    posted = at - timedelta(hours=20)
    letter = await complain(
        database, world.ann, customer.id, channel="letter", topic="billing", grade="serious",
        arrived_at=posted.isoformat(),
    )  # fmt: skip
    row = await standing(database, letter)
    assert (row.contact_due_at, row.due_at) == (
        posted + timedelta(hours=2),
        posted + timedelta(hours=24),
    )
    for wrong in (at + timedelta(minutes=1), at - timedelta(days=91)):
        with pytest.raises(ArrivalNotPast):
            await complain(database, world.ann, customer.id, arrived_at=wrong.isoformat())


@pytest.mark.parametrize(
    ("segment", "tier", "minutes"),
    [("household", "basic", 120), ("household", "diamond", 72), ("enterprise", "1A", 36)],
)
async def test_co_01_contact_is_due_in_two_hours_or_sooner_by_the_standard_of_cu_02(
    database: Database, world: World, at: datetime, segment: str, tier: str, minutes: int
) -> None:
    customer = await somebody(database, segment=segment, tier=tier)
    row = await standing(database, await complain(database, world.ann, customer.id))
    assert row.contact_due_at == at + timedelta(minutes=minutes)


async def test_co_01_only_a_customer_who_was_reached_stops_the_contact_clock(
    database: Database, world: World, at: datetime
) -> None:
    customer = await somebody(database)
    id_ = await complain(database, world.ann, customer.id)
    await step(database, world.ann, id_, "contact", channel="phone", reached=False)
    assert (await standing(database, id_)).contacted_at is None
    with clock.frozen(at + timedelta(minutes=30)):
        await step(database, world.ann, id_, "contact", channel="phone", reached=True)
    with clock.frozen(at + timedelta(minutes=50)):
        await step(database, world.ann, id_, "contact", channel="phone", reached=True)
    assert (await standing(database, id_)).contacted_at == at + timedelta(minutes=30)
    tried = await every(database, ComplaintEntry, ComplaintEntry.complaint_id == id_)
    assert [row.reached for row in tried] == [False, True, True]


async def test_co_02_a_transfer_needs_acceptance_and_changes_no_limit(
    database: Database, world: World, at: datetime
) -> None:
    customer = await somebody(database)
    id_ = await complain(database, world.ann, customer.id)
    before = await standing(database, id_)
    with pytest.raises(SameDepartment):
        await step(database, world.ann, id_, "transfer", department="care", words="yours")
    with pytest.raises(ComplaintNotOffered):
        await step(database, world.dora, id_, "accept")
    with clock.frozen(at + timedelta(hours=5)):
        await step(database, world.ann, id_, "transfer", department="field", words="who was there?")
    offered = await standing(database, id_)
    assert (offered.state, offered.handler_id, offered.offered_to) == (
        "offered", world.ann.id, "field",
    )  # fmt: skip
    with pytest.raises(OwnTransfer):
        await step(database, world.ann, id_, "accept")
    with pytest.raises(NotYourComplaint):
        await step(database, world.dora, id_, "answer", answer="not yet mine")
    await step(database, world.dora, id_, "refuse", reason="it is about a bill")
    back = await standing(database, id_)
    assert (back.state, back.handler_id, back.handling_department) == (
        "handled", world.ann.id, "care",
    )  # fmt: skip
    await step(database, world.ann, id_, "transfer", department="field", words="no, a visit")
    with clock.frozen(at + timedelta(hours=9)):
        await step(database, world.dora, id_, "accept")
    taken = await standing(database, id_)
    assert (taken.state, taken.handler_id, taken.owner_id) == (
        "handled", world.dora.id, world.ann.id,
    )  # fmt: skip
    assert (taken.due_at, taken.contact_due_at) == (before.due_at, before.contact_due_at)


async def test_co_03_the_answer_goes_back_to_who_took_it_and_they_reply_to_the_customer(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Any] = []
    listen(monkeypatch, heard, ComplaintClosed)
    customer = await somebody(database)
    id_ = await complain(database, world.ann, customer.id, wants_report=True)
    await step(database, world.ann, id_, "transfer", department="cable", words="wet pair?")
    with pytest.raises(AnswerMissing):
        await step(database, world.ann, id_, "reply", reply="soon", channel="phone")
    await step(database, world.dora, id_, "accept")
    with pytest.raises(AnswerMissing):
        await step(database, world.ann, id_, "reply", reply="soon", channel="phone")
    with pytest.raises(ReportMissing):
        await step(database, world.dora, id_, "answer", answer="mended")
    await step(database, world.dora, id_, "answer", answer="mended", report=REPORT)
    back = await standing(database, id_)
    assert (back.state, back.handler_id, back.handling_department) == (
        "answered", world.ann.id, "care",
    )  # fmt: skip
    with pytest.raises(NotYourComplaint):
        await step(database, world.dora, id_, "reply", reply="it is mended", channel="phone")
    await step(database, world.ann, id_, "reply", reply="it is mended", channel="letter")
    closed = await standing(database, id_)
    assert (closed.state, closed.report) == ("closed", REPORT)
    assert closed.contacted_at == closed.closed_at  # a reply is a contact
    assert [event.complaint_id for event in heard] == [id_]
    with pytest.raises(ComplaintOver):
        await step(database, world.ann, id_, "contact", channel="phone", reached=True)
    done = await every(database, ComplaintEntry, ComplaintEntry.complaint_id == id_)
    assert [row.kind for row in done] == ["transfer", "accepted", "answer", "reply"]


async def test_co_03_who_took_it_answers_alone_when_nobody_else_is_needed(
    database: Database, world: World
) -> None:
    customer = await somebody(database)
    id_ = await complain(database, world.ann, customer.id, wants_report=True)
    with pytest.raises(ReportMissing):
        await step(database, world.ann, id_, "reply", reply="sorry", channel="phone")
    await step(database, world.ann, id_, "reply", reply="sorry", channel="phone", report=REPORT)
    assert (await standing(database, id_)).state == "closed"


async def test_co_04_a_second_complaint_about_the_matter_within_thirty_days_is_a_repetition(
    database: Database, world: World, at: datetime
) -> None:
    customer, other = await somebody(database), await somebody(database)
    first = await complain(database, world.ann, customer.id)
    for customer_id, topic in ((other.id, "appointment"), (customer.id, "billing")):
        id_ = await complain(database, world.ann, customer_id, topic=topic)
        assert (await standing(database, id_)).repeat_of_id is None
    with clock.frozen(at + timedelta(days=30)):
        second = await complain(database, world.ann, customer.id)
    assert (await standing(database, second)).repeat_of_id == first
    with clock.frozen(at + timedelta(days=60, minutes=1)):
        third = await complain(database, world.ann, customer.id)
    assert (await standing(database, third)).repeat_of_id is None


async def test_co_04_an_escalated_complaint_is_marked_and_its_new_class_gives_less_time(
    database: Database, world: World, at: datetime
) -> None:
    customer = await somebody(database)
    id_ = await complain(database, world.ann, customer.id, grade="serious")
    with clock.frozen(at + timedelta(hours=3)):
        await step(database, world.ann, id_, "escalate", reason="wrote to the regulator",
                   grade="regulator")  # fmt: skip
    row = await standing(database, id_)
    assert (row.escalated_at, row.grade) == (at + timedelta(hours=3), "regulator")
    assert row.due_at == at + timedelta(hours=24)  # never later than it was


async def test_co_04_a_supervisor_decides_and_a_justified_one_has_one_who_is_responsible(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Any] = []
    listen(monkeypatch, heard, ComplaintDecided)
    made = await assigned_visit(database, world)
    id_ = await complain(database, world.ann, made.customer.id, order_id=str(made.id))
    for actor in (world.ann, world.dora):
        with pytest.raises(Forbidden):
            await step(database, actor, id_, "decide", justified=False, words="not so")
    alice = str(id_of("alice"))
    for wrong in (
        {"justified": True},
        {"justified": False, "technician_id": alice},
        {"justified": True, "technician_id": alice, "department": "field"},
    ):
        with pytest.raises(ResponsibleNotNamed):
            await step(database, world.sam, id_, "decide", words="so it was", **wrong)
    with pytest.raises(NotOnItsVisits):
        await step(database, world.sam, id_, "decide", justified=True, words="so it was",
                   technician_id=str(id_of("bob")))  # fmt: skip
    with pytest.raises(NotFound):
        await step(database, world.sam, id_, "decide", justified=True, words="so it was",
                   firm_id=str(id_of("north")))  # fmt: skip
    await step(database, world.sam, id_, "decide", justified=True, serious=True,
               words="so it was", technician_id=alice)  # fmt: skip
    row = await standing(database, id_)
    assert (row.justified, row.serious, row.decided_by) == (True, True, world.sam.id)
    assert row.responsible_technician_id == id_of("alice")
    [told] = await every(database, Notice, Notice.kind == "complaint_decided")
    assert (told.technician_id, told.visit_id) == (id_of("alice"), made.visit_id)
    await step(database, world.sam, id_, "decide", justified=True, words="the firm's",
               firm_id=str(FIRM))  # fmt: skip
    await step(database, world.sam, id_, "decide", justified=False, words="after all not")
    row = await standing(database, id_)
    assert (row.justified, row.responsible_technician_id, row.responsible_firm_id) == (
        False, None, None,
    )  # fmt: skip
    assert [(e.justified, e.serious, e.visit_ids) for e in heard] == [
        (True, True, (made.visit_id,)),
        (True, False, (made.visit_id,)),
        (False, False, (made.visit_id,)),
    ]


async def test_co_01_co_02_the_handler_the_supervisor_and_the_unit_above_are_warned_of_each_limit(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    customer = await somebody(database)
    id_ = await complain(database, world.ann, customer.id)

    async def known(after: timedelta) -> list[tuple[str, str, str]]:
        with clock.frozen(at + after):
            return await warned(database, settings, world, "complaint_contact", "complaint_answer")

    assert await known(timedelta(minutes=95)) == []
    contact = [("complaint_contact", "responsible", "ann")]
    assert await known(timedelta(minutes=96)) == contact
    contact.append(("complaint_contact", "supervisor", "sam"))
    assert await known(timedelta(minutes=121)) == contact
    with clock.frozen(at + timedelta(minutes=125)):
        await step(database, world.ann, id_, "contact", channel="phone", reached=True)
    assert await known(timedelta(minutes=126)) == []  # done: no longer true
    answer = [
        ("complaint_answer", "responsible", "ann"),
        ("complaint_answer", "supervisor", "sam"),
    ]
    assert await known(timedelta(hours=73)) == answer
    above = [("complaint_answer", "unit_above", name) for name in ("ada", "sam")]
    assert await known(timedelta(hours=144)) == answer + above
    with clock.frozen(at + timedelta(hours=145)):
        await step(database, world.ann, id_, "reply", reply="sorry", channel="phone")
    assert await known(timedelta(hours=146)) == []


async def test_co_02_whoever_may_take_a_complaint_nobody_owns_is_warned_and_a_new_handler_too(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    customer = await somebody(database)
    id_ = await complain(database, world.ivan, customer.id)

    async def known(hours: int) -> list[str]:
        with clock.frozen(at + timedelta(hours=hours)):
            found = await warned(database, settings, world, "complaint_answer")
        return [name for _, stage, name in found if stage == "responsible"]

    assert await known(58) == ["ann", "dora"]  # the centre's, and not South's
    with clock.frozen(at + timedelta(hours=59)):
        await step(database, world.ann, id_, "take")
        assert await known(59) == ["ann"]
        await step(database, world.ann, id_, "transfer", department="field", words="Please look.")
        await step(database, world.dora, id_, "accept")
        assert await known(59) == ["dora"]


async def test_wo_06_a_complaint_raises_the_open_work_of_its_order_above_all_other(
    database: Database, world: World
) -> None:
    made, other = await make_order(database, world.dora), await make_order(database, world.dora)
    await complain(database, world.ann, made.customer.id, order_id=str(made.id))
    [order] = await every(database, ServiceOrder, ServiceOrder.id == made.id)
    work = await every(database, WorkOrder, WorkOrder.order_id == made.id)
    [beside] = await every(database, WorkOrder, WorkOrder.order_id == other.id)
    assert order.urgency == "complaint"
    assert all(row.priority // 1000 == 5 for row in work)
    assert beside.priority // 1000 == 2


async def test_co_04_a_complaint_about_another_customers_order_or_visit_is_not_found(
    database: Database, world: World
) -> None:
    made, other = await make_order(database, world.dora), await somebody(database)
    for wrong in ({"order_id": str(made.id)}, {"visit_ids": [str(made.visit_id)]}):
        with pytest.raises(NotFound):
            await complain(database, world.ann, other.id, **wrong)
    with pytest.raises(NotFound):  # Dan dispatches another centre
        await complain(database, world.dan, made.customer.id)
    nowhere = await somebody(database, centre_id=None)
    with pytest.raises(CentreNotNamed):
        await complain(database, world.ann, nowhere.id)
    id_ = await complain(database, world.ann, nowhere.id, centre_id=str(id_of("north")))
    assert (await standing(database, id_)).centre_id == id_of("north")


async def test_wo_05_a_complaint_that_a_machine_brings_waits_until_somebody_takes_it(
    database: Database, world: World
) -> None:
    customer = await somebody(database)
    id_ = await complain(database, world.ivan, customer.id, channel="partner_api")
    assert (await standing(database, id_)).state == "waiting"
    with pytest.raises(NotYourComplaint):
        await step(database, world.ann, id_, "answer", answer="it is so")
    await step(database, world.ann, id_, "take")
    row = await standing(database, id_)
    assert (row.state, row.owner_id, row.handler_id) == ("handled", world.ann.id, world.ann.id)
    with pytest.raises(ComplaintTakenByOther):
        await step(database, world.dora, id_, "take")
    await step(database, world.sam, id_, "take", reason="Ann is on leave")
    assert (await standing(database, id_)).owner_id == world.sam.id


async def test_co_04_technicians_hear_that_a_complaint_is_about_their_visit_and_can_answer_it(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    heard: list[Any] = []
    listen(monkeypatch, heard, ComplaintTaken)
    made = await begun_visit(database, world)
    id_ = await complain(database, world.ann, made.customer.id, visit_ids=[str(made.visit_id)])
    assert [event.visit_ids for event in heard] == [(made.visit_id,)]
    [told] = await every(database, Notice, Notice.kind == "complaint")
    assert (told.technician_id, told.visit_id) == (id_of("alice"), made.visit_id)
    assert told.reason == "appointment"  # not the customer's words
    await from_phone(database, world.alice, "note.add", visit_id=str(made.visit_id),
                     text="I rang twice at nine.")  # fmt: skip
    path = f"/v1/complaints/{id_}/evidence"
    answer = await client.get(path, headers=bearer(settings, world.sam))
    assert answer.status_code == 200, answer.text
    [visit] = answer.json()["visits"]
    assert [f["body"]["text"] for f in visit["facts"] if f["kind"] == "note"] == [
        "I rang twice at nine."
    ]


async def test_co_04_a_complaint_opens_the_evidence_of_its_visits_in_one_answer(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    scene = await make_scene(database, [world.alice], ("broadband", "install", "fibre"))
    await bind(database, world.alice, scene)
    await take_line_test(database, world.alice, scene)
    await take_speed_test(database, world.alice, scene)
    await from_phone(database, world.alice, "file.link", visit_id=scene.visit, sha256="b" * 64,
                     bytes=2000, mime="image/jpeg", purpose="photo", subject_type="visit",
                     subject_id=scene.visit)  # fmt: skip
    id_ = await complain(database, world.ann, scene.customer_id, order_id=str(scene.order_id))
    path = f"/v1/complaints/{id_}/evidence"
    [visit] = (await client.get(path, headers=bearer(settings, world.sam))).json()["visits"]
    assert visit["visit_id"] == scene.visit
    assert [one["technician_id"] for one in visit["crew"]] == [str(world.alice.id)]
    kinds = ("checklists", "files", "line_tests", "speed_tests")
    links = [link for kind in kinds for link in visit[kind]]
    assert all(visit[kind] for kind in kinds)
    for link in links:  # whatever is named can be opened
        found = await client.get(link["href"], headers=bearer(settings, world.sam))
        assert (found.status_code, found.json()["id"]) == (200, link["id"])
    [visit] = (await client.get(path, headers=bearer(settings, world.ann))).json()["visits"]
    assert (visit["checklists"], visit["files"]) == (None, None)  # an agent reads none of these
    foreign = await client.get(path, headers=bearer(settings, world.dan))
    assert foreign.status_code == 404


async def test_co_02_the_list_is_filtered_sorted_and_paged(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings, at: datetime
) -> None:
    customer = await somebody(database)
    general = await complain(database, world.ann, customer.id)
    serious = await complain(database, world.ann, customer.id, topic="damage", grade="serious")
    again = await complain(database, world.dora, customer.id)
    await step(database, world.ann, general, "transfer", department="field", words="look at it")
    await step(database, world.ann, serious, "reply", reply="sorry", channel="phone")

    async def listed(actor: Any = world.ann, **query: Any) -> list[str]:
        found = await client.get("/v1/complaints", params=query, headers=bearer(settings, actor))
        assert found.status_code == 200, found.text
        return [one["id"] for one in found.json()["items"]]

    assert await listed() == [str(general), str(again)]
    assert await listed(state="closed") == [str(serious)]
    assert await listed(mine=True) == [str(general)]
    assert await listed(department="field") == [str(general)]
    assert await listed(repeated=True) == [str(again)]
    assert await listed(topic="damage") == []
    assert await listed(world.dan) == []
    both = {"state": ["handled", "offered", "closed"], "sort": "due_at"}
    assert (await listed(**both))[0] == str(serious)
    assert (await listed(**both, limit=1, after=str(serious))) == [str(general)]
    assert await listed(late=True) == []
    with clock.frozen(at + timedelta(hours=3)):
        assert await listed(late=True) == [str(general), str(again)]
    one = await client.get(f"/v1/complaints/{general}", headers=bearer(settings, world.ann))
    assert one.json()["next_steps"] == ["complaint.accept", "complaint.refuse"]


async def test_cu_07_an_erasure_takes_every_word_of_a_complaint(
    database: Database, world: World
) -> None:
    word = "Marmalade"
    made = await assigned_visit(database, world)
    id_ = await complain(database, world.ann, made.customer.id, words=word,
                         order_id=str(made.id))  # fmt: skip
    await step(database, world.ann, id_, "contact", channel="phone", reached=True, words=word)
    await step(database, world.ann, id_, "transfer", department="field", words=word)
    await step(database, world.dora, id_, "accept")
    await step(database, world.dora, id_, "answer", answer=word, report=f"{word} {REPORT}")
    await step(database, world.ann, id_, "reply", reply=word, channel="phone")
    await step(database, world.sam, id_, "decide", justified=False, words=word)
    await run(database, world.ada, "customer.erase", customer_id=str(made.customer.id),
              ground="customer_request")  # fmt: skip
    row = await standing(database, id_)
    words = (row.words, row.answer, row.report, row.reply, row.decision_note)
    entries = await every(database, ComplaintEntry, ComplaintEntry.complaint_id == id_)
    assert not [text for text in words if text is None or word in text]
    assert not [entry for entry in entries if word in (entry.words or "")]
    assert len(await every(database, ComplaintVisit)) == 1  # the work history stays


def listen(monkeypatch: pytest.MonkeyPatch, heard: list[Any], event: type[Any]) -> None:
    """Let the test hear an event besides whoever reacts to it."""

    async def hear(_ctx: Any, what: Any) -> None:
        heard.append(what)

    known = events._reactions[event]
    monkeypatch.setitem(events._reactions, event, [*known, hear])
