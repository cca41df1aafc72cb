"""FO-01 to FO-05: every customer is asked once how it went, and the dissatisfied are cared for."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from fieldops.followups.errors import (
    AlreadyAsked,
    CareTaskClosed,
    CustomerNotContent,
    NotTaken,
    NotYetByPerson,
    ReasonMissing,
    ReasonUnknown,
    TakenByOther,
    WordsMissing,
)
from fieldops.followups.jobs import follow_clock
from fieldops.followups.models import CareTask, FollowUp
from fieldops.kernel import clock, jobs
from fieldops.kernel.actor import system
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden
from fieldops.kernel.settings import Settings
from fieldops.orders.models import ServiceOrder, WorkOrder
from tests.support.clients import bearer
from tests.support.factories.customers import make_customer
from tests.support.factories.orders import MadeOrder, make_order
from tests.support.factories.visits import begun_visit, complete
from tests.support.rows import every
from tests.support.run import run
from tests.support.warned import warned
from tests.support.world import FIRM, NORTH, SOUTH, World, id_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("evidence_is_complete")]

FIXED = {"kind": "install", "service": "fixed_line"}
FAULT = {"kind": "repair", "service": "fixed_line"}


async def done(
    database: Database, world: World, *items: dict[str, Any], tier: str = "basic", **args: Any
) -> MadeOrder:
    """An order whose only visit was completed."""
    async with database.transaction() as session:
        customer = await make_customer(session, centre_id=NORTH, tier=tier)
    made = await begun_visit(database, world, *(items or (FIXED,)), customer=customer, **args)
    await complete(database, world.alice, made.visit_id)
    return made


async def only(database: Database) -> FollowUp:
    (found,) = await every(database, FollowUp)
    return found  # type: ignore[no-any-return]


async def clocked(database: Database, settings: Settings) -> None:
    jobs.use(jobs.Machine(database, settings))
    await follow_clock()


async def test_fo_01_the_visit_that_completes_the_order_plans_its_follow_up(
    database: Database, world: World, at: datetime
) -> None:
    made = await done(database, world, tier="gold")
    row = await only(database)
    assert (row.order_id, row.visit_id, row.customer_id) == (
        made.id,
        made.visit_id,
        made.customer.id,
    )
    assert (row.matter, row.channel, row.state) == ("install", "person", "to_call")
    assert (row.technician_id, row.firm_id) == (id_of("alice"), None)
    assert row.ask_at == at
    assert row.due_at.isoformat() == "2026-11-23T22:00:00+00:00"
    assert row.latest_at == at + timedelta(days=3)


async def test_fo_04_one_order_is_asked_about_once_when_its_last_work_is_done(
    database: Database, world: World, settings: Settings
) -> None:
    made = await begun_visit(database, world, FIXED, FAULT)
    assert await every(database, FollowUp) == []
    await complete(database, world.alice, made.visit_id)
    await clocked(database, settings)
    assert (await only(database)).matter == "install"


async def test_fo_01_work_that_is_not_followed_up_plans_nothing(
    database: Database, world: World, settings: Settings
) -> None:
    await done(database, world, {"kind": "remove", "service": "fixed_line"})
    await clocked(database, settings)
    assert await every(database, FollowUp) == []


async def test_fo_01_what_ended_without_a_visit_is_found_by_the_clock(
    database: Database, world: World, settings: Settings
) -> None:
    made = await make_order(database, world.dora, FAULT)
    async with database.transaction() as session:
        order = await session.get(ServiceOrder, (1, made.id))
        work = await session.get(WorkOrder, (1, made.work[0]))
        assert order is not None
        assert work is not None
        order.state = work.state = "completed"
        order.closed_at = clock.now()
    await clocked(database, settings)
    await clocked(database, settings)
    row = await only(database)
    assert (row.order_id, row.visit_id, row.state) == (made.id, None, "to_call")


async def test_ap_09_nobody_is_asked_at_night(
    database: Database, world: World, at: datetime
) -> None:
    async with database.transaction() as session:
        customer = await make_customer(session, centre_id=NORTH, tier="diamond")
    made = await begun_visit(database, world, FIXED, customer=customer)
    with clock.frozen(at + timedelta(hours=13, minutes=30)):  # 21:30
        await complete(database, world.alice, made.visit_id)
    row = await only(database)
    assert row.ask_at == at + timedelta(days=1)
    assert row.due_at == at + timedelta(days=1, hours=16)


async def test_fo_02_a_message_without_an_answer_goes_to_a_person(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    await done(database, world)
    row = await only(database)
    assert (row.channel, row.state) == ("message", "waiting")
    with pytest.raises(NotYetByPerson):
        await run(database, world.ann, "follow_up.take", follow_up_id=str(row.id))
    with clock.frozen(at + timedelta(hours=3, minutes=59)):
        await clocked(database, settings)
    assert (await only(database)).state == "waiting"
    with clock.frozen(at + timedelta(hours=4)):
        await clocked(database, settings)
    assert (await only(database)).state == "to_call"


async def test_fo_04_a_call_is_made_by_one_person(database: Database, world: World) -> None:
    await done(database, world, tier="gold")
    call = {"follow_up_id": str((await only(database)).id)}
    await run(database, world.ann, "follow_up.take", **call)
    for name, more in (
        ("follow_up.take", {}),
        ("follow_up.note_try", {}),
        ("follow_up.answer", {"satisfaction": "satisfied"}),
    ):
        with pytest.raises(TakenByOther):
            await run(database, world.sam, name, **call, **more)
    await run(database, world.sam, "follow_up.take", **call, instead=True)
    await run(database, world.sam, "follow_up.answer", **call, satisfaction="very_satisfied")
    with pytest.raises(AlreadyAsked):
        await run(database, world.ann, "follow_up.answer", **call, satisfaction="satisfied")
    row = await only(database)
    assert (row.satisfaction, row.answered_by, row.answer_channel) == (
        "very_satisfied",
        world.sam.id,
        "person",
    )
    assert await every(database, CareTask) == []


async def test_fo_02_three_calls_that_reach_nobody_end_it(database: Database, world: World) -> None:
    await done(database, world, tier="gold")
    call = {"follow_up_id": str((await only(database)).id)}
    for tries in (1, 2, 3):
        await run(database, world.ann, "follow_up.take", **call)
        await run(database, world.ann, "follow_up.note_try", **call)
        row = await only(database)
        assert (row.tries, row.taken_by) == (tries, None)
        assert row.state == ("unreached" if tries == 3 else "to_call")
    with pytest.raises(AlreadyAsked):
        await run(database, world.ann, "follow_up.note_try", **call)


async def test_fo_03_dissatisfied_needs_its_reason_and_is_closed_with_the_customer(
    database: Database, world: World
) -> None:
    await done(database, world, tier="gold")
    call = {"follow_up_id": str((await only(database)).id), "satisfaction": "dissatisfied"}
    with pytest.raises(NotTaken):
        await run(database, world.ann, "follow_up.answer", **call)
    await run(database, world.ann, "follow_up.take", follow_up_id=call["follow_up_id"])
    with pytest.raises(ReasonMissing):
        await run(database, world.ann, "follow_up.answer", **call)
    with pytest.raises(WordsMissing):
        await run(database, world.ann, "follow_up.answer", **call, reason="other")
    with pytest.raises(ReasonUnknown):
        await run(database, world.ann, "follow_up.answer", **call, reason="the_weather")
    await run(
        database, world.ann, "follow_up.answer", **call, reason="damage", words="The lamp broke"
    )
    (task,) = await every(database, CareTask)
    assert task.due_at == clock.now() + timedelta(hours=24)
    care = {"care_task_id": str(task.id)}
    await run(database, world.sam, "care_task.take", **care)
    settled = {
        "outcome": "The lamp was paid for",
        "spoken_by": "phone",
        "said": "Then it is all right",
        "customer_agreed": True,
    }
    with pytest.raises(TakenByOther):
        await run(database, world.ann, "care_task.close", **care, **settled)
    await run(database, world.sam, "care_task.close", **care, **settled)
    with pytest.raises(CareTaskClosed):
        await run(database, world.sam, "care_task.close", **care, **settled)
    (task,) = await every(database, CareTask)
    assert (task.closed_by, task.customer_agreed) == (world.sam.id, True)
    assert (task.spoken_by, task.said) == ("phone", "Then it is all right")


async def test_fo_03_who_is_not_content_keeps_the_task_open_but_for_a_supervisor(
    database: Database, world: World
) -> None:
    await done(database, world)
    call = {"follow_up_id": str((await only(database)).id), "channel": "link"}
    await run(
        database, system(1), "follow_up.answer_automatic", **call,
        satisfaction="dissatisfied", reason="cost",
    )  # fmt: skip
    (task,) = await every(database, CareTask)
    closing = {
        "care_task_id": str(task.id),
        "outcome": "The bill was explained",
        "spoken_by": "phone",
        "said": "I still find it too much",
        "customer_agreed": False,
    }
    with pytest.raises(CustomerNotContent):
        await run(database, world.ann, "care_task.close", **closing)
    await run(database, world.sam, "care_task.close", **closing)
    (task,) = await every(database, CareTask)
    assert (task.customer_agreed, task.said) == (False, "I still find it too much")


async def test_fo_03_an_automatic_dissatisfied_goes_to_a_person_who_learns_the_reason(
    database: Database, world: World
) -> None:
    await done(database, world)
    call = {"follow_up_id": str((await only(database)).id), "channel": "reply"}
    with pytest.raises(Forbidden):
        await run(
            database, world.ann, "follow_up.answer_automatic", **call, satisfaction="satisfied"
        )
    for _ in range(2):  # the same reply brought again changes nothing
        await run(
            database, system(1), "follow_up.answer_automatic", **call, satisfaction="dissatisfied"
        )
    with pytest.raises(AlreadyAsked):
        await run(
            database, system(1), "follow_up.answer_automatic", **call, satisfaction="satisfied"
        )
    (task,) = await every(database, CareTask)
    closing = {
        "care_task_id": str(task.id),
        "outcome": "A technician comes tomorrow",
        "spoken_by": "phone",
        "said": "Good",
        "customer_agreed": True,
    }
    with pytest.raises(ReasonMissing):
        await run(database, world.ann, "care_task.close", **closing)
    await run(database, world.ann, "care_task.close", **closing, reason="not_solved")
    assert (await only(database)).reason == "not_solved"


async def test_fo_01_what_is_late_is_told_to_its_agent_the_supervisor_and_the_unit_above_once(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    await done(database, world, tier="gold")
    about = ("follow_up", "follow_up_latest")
    agent = [("follow_up", "responsible", "ann")]
    supervisor = [("follow_up_latest", "supervisor", "sam")]
    above = [("follow_up_latest", "unit_above", name) for name in ("ada", "sam")]
    expected = {
        at + timedelta(hours=15): [],
        at + timedelta(hours=16): agent,  # the local day is over
        at + timedelta(days=3): agent + supervisor,
        at + timedelta(days=6): agent + supervisor + above,
    }
    for moment, known in expected.items():
        with clock.frozen(moment):
            await clocked(database, settings)
            assert await warned(database, settings, world, *about) == known
    assert (await only(database)).escalated_at == at + timedelta(days=3)
    call = {"follow_up_id": str((await only(database)).id)}
    await run(database, world.ann, "follow_up.take", **call)
    await run(database, world.ann, "follow_up.answer", **call, satisfaction="satisfied")
    # What is done is no longer shown.
    assert await warned(database, settings, world, *about) == []


async def test_fo_03_a_late_care_task_is_told_to_the_supervisor(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    await done(database, world)
    await run(
        database, system(1), "follow_up.answer_automatic", satisfaction="dissatisfied",
        follow_up_id=str((await only(database)).id), channel="reply",
    )  # fmt: skip
    seen = []
    for hours in (19, 20, 24, 48):
        with clock.frozen(at + timedelta(hours=hours)):
            await clocked(database, settings)
            seen.append([one[1:] for one in await warned(database, settings, world, "care_task")])
    agent, supervisor = ("responsible", "ann"), ("supervisor", "sam")
    above = [("unit_above", "ada"), ("unit_above", "sam")]
    assert seen == [[], [agent], [agent, supervisor], [agent, supervisor, *above]]
    (task,) = await every(database, CareTask)
    assert task.escalated_at == at + timedelta(hours=24)


async def test_fo_02_the_script_knows_what_was_promised_and_whether_it_was_kept(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings, at: datetime
) -> None:
    made = await done(database, world, tier="gold", start=at + timedelta(hours=2))
    row = await only(database)
    url = f"/v1/follow-ups/{row.id}/script"
    lines = {
        x["key"]: x for x in (await client.get(url, headers=bearer(settings, world.ann))).json()
    }
    assert "installation" in lines["matter"]["en"]
    assert "装机" in lines["matter"]["zh_cn"]
    assert made.visit_id == row.visit_id
    assert next(iter(lines)) == "greeting"
    assert {"question", "reason", "thanks"} <= lines.keys()
    assert "measured" not in lines


async def test_fo_05_the_figures_by_period_and_part_with_the_records_behind(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    # Own: 2 very satisfied, 1 dissatisfied (cost), 1 without answer. Firm: 1 satisfied,
    # 1 dissatisfied (damage); together 5 of 6 answered, 3 of 5 satisfied.
    async with database.transaction() as session:
        customer = await make_customer(session, centre_id=NORTH)
    made = [await make_order(database, world.dora, FIXED, customer=customer) for _ in range(6)]
    given = [
        (None, "very_satisfied", None, 1), (None, "very_satisfied", None, 5),
        (None, "dissatisfied", "cost", 1), (None, None, None, 1),
        (FIRM, "satisfied", None, 1), (FIRM, "dissatisfied", "damage", 1),
    ]  # fmt: skip
    ended = datetime.fromisoformat("2026-10-31T23:30:00+02:00")  # local Saturday, the 31st
    async with database.transaction() as session:
        for order, (firm, said, reason, days) in zip(made, given, strict=True):
            answered = None if said is None else ended + timedelta(days=days)
            session.add(
                FollowUp(
                    region_id=1, customer_id=customer.id, centre_id=NORTH, order_id=order.id,
                    matter="install", channel="person", firm_id=firm, finished_at=ended,
                    ask_at=ended, call_at=ended, due_at=ended, tries=0,
                    latest_at=ended + timedelta(days=3),
                    state="to_call" if said is None else "answered", satisfaction=said,
                    reason=reason, answered_at=answered,
                    answer_channel=None if said is None else "person",
                )
            )  # fmt: skip
    headers = bearer(settings, world.sam)
    span = {"from": "2026-10-01", "until": "2026-10-31"}

    async def asked(**more: str) -> Any:
        answer = await client.get(
            "/v1/follow-ups/statistics", headers=headers, params={**span, **more}
        )
        assert answer.status_code == 200
        return answer.json()

    (month,) = (whole := await asked())["items"]
    assert month["period_start"] == "2026-10-01"
    assert (month["planned"], month["answered"], month["in_time"]) == (6, 5, 4)
    assert (month["reach_percent"], month["satisfaction_percent"]) == (83.33, 60.0)
    assert [tuple(r.values()) for r in whole["reasons"]] == [
        ("cost", 1, 50.0, 50.0),
        ("damage", 1, 50.0, 100.0),
    ]
    own, firm = sorted((await asked(by="party"))["items"], key=lambda i: -i["planned"])
    assert (own["part"], own["planned"], own["satisfaction_percent"]) == ("own", 4, 66.67)
    assert (firm["part"], firm["planned"], firm["satisfaction_percent"]) == ("contractor", 2, 50.0)
    assert [i["part"] for i in (await asked(by="centre"))["items"]] == [str(NORTH)]
    assert (await asked(by="firm"))["items"][1]["part"] == str(FIRM)
    assert (await asked(party="own"))["reasons"][0]["cumulative_percent"] == 100.0
    (kaapeli,) = (await asked(firm_id=str(FIRM)))["items"]
    assert (kaapeli["planned"], kaapeli["satisfaction_percent"]) == (2, 50.0)
    assert (await asked(centre_id=str(SOUTH)))["items"] == []
    assert [i["part"] for i in (await asked(by="matter"))["items"]] == ["install"]
    assert (await asked(period="week"))["items"][0]["period_start"] == "2026-10-26"
    assert (await asked(period="day"))["items"][0]["period_start"] == "2026-10-31"
    behind = await client.get(
        "/v1/follow-ups",
        headers=headers,
        params={"reason": "cost", "finished_from": "2026-10-31T00:00:00+02:00"},
    )
    assert [UUID(i["order_id"]) for i in behind.json()["items"]] == [made[2].id]
    of_firm = await client.get(
        "/v1/follow-ups", headers=headers, params={"party": "contractor", "sort": "-answered_at"}
    )
    assert [UUID(i["order_id"]) for i in of_firm.json()["items"]] == [made[4].id, made[5].id]
    chart = await client.get(
        "/v1/follow-ups/statistics/reasons.svg", headers=headers, params={**span, "lang": "zh_cn"}
    )
    assert chart.headers["content-type"] == "image/svg+xml"
    assert "损坏了物品: 1" in chart.text
    too_long = await client.get(
        "/v1/follow-ups/statistics", headers=headers,
        params={"from": "2025-01-01", "until": "2026-12-31"},
    )  # fmt: skip
    assert too_long.json()["code"] == "follow_up_range"
