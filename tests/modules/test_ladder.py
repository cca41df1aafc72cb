"""The ladder as data: published, checked, followed by visits at once (AP-03 to AP-09)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from fieldops.appointments import jobs as appointment_jobs
from fieldops.appointments import ladders
from fieldops.appointments.errors import CauseDiffers, LadderInvalid
from fieldops.appointments.models import Appointment, CallTask
from fieldops.customers import pii
from fieldops.kernel import clock, jobs
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden
from fieldops.kernel.settings import Settings
from fieldops.notifications.jobs import send_due
from fieldops.notifications.models import DeliveryAttempt, Message
from tests.support.clients import bearer
from tests.support.factories.appointments import book, local, planned_visit, window
from tests.support.rows import every
from tests.support.run import first_id, run
from tests.support.world import World, id_of

pytestmark = pytest.mark.anyio

SHIPPED = ladders.default(timedelta(hours=24), timedelta(hours=3), timedelta(minutes=30))
REMINDER = ladders.Step(key="today", kind="reminder", anchor="window", offset_minutes=120)


async def planned(database: Database) -> dict[str, datetime]:
    return {m.kind: m.due_at for m in await every(database, Message, state="planned")}


async def publish(database: Database, admin: Actor, *steps: ladders.Step) -> None:
    """Publish a ladder and let the worker's job follow it."""
    await run(
        database, admin, "ladder.publish", steps=ladders.write(steps), reason="tried in the test"
    )
    await follow(database)


async def follow(database: Database) -> None:
    jobs.use(jobs.Machine(database, Settings()))
    await appointment_jobs.follow_ladder(1)


def changed(key: str, /, **values: Any) -> list[ladders.Step]:
    return [s.model_copy(update=values) if s.key == key else s for s in SHIPPED]


def test_the_shipped_ladder_is_whole() -> None:
    ladders.check(SHIPPED)
    assert ladders.read(ladders.write(SHIPPED)) == SHIPPED


def without(key: str) -> list[ladders.Step]:
    return [step for step in SHIPPED if step.key != key]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (without("reconfirmation"), "AP-03"),
        (without("half_hour_notice"), "0 steps of the kind half_hour_notice"),
        (without("unconfirmed"), "0 steps of the kind call"),
        (without("cannot_keep"), "0 steps of the kind cannot_keep"),
        (without("nobody_home"), "0 steps of the kind nobody_home"),
        ([*SHIPPED, SHIPPED[0]], "same key"),
        ([*SHIPPED, REMINDER.model_copy(update={"tiers": ("platinum",)})], "no tier platinum"),
        ([*SHIPPED, REMINDER.model_copy(update={"ways": ("person", "sms")})], "last way"),
        ([*SHIPPED, REMINDER.model_copy(update={"ways": ("sms", "sms")})], "named twice"),
        (changed("half_hour_notice", anchor="window"), "counts from arrival"),
        (changed("unconfirmed", ways=("sms",)), "by a person"),
        (changed("reconfirmation", tiers=None), "by a person and by machine"),
        (changed("reconfirmation_by_person", ways=()), "always asked by a person .AP-04."),
        (changed("unconfirmed", segments=("household",)), "0 steps of the kind call"),
    ],
)
def test_a_ladder_that_leaves_a_customer_without_what_the_rules_promise_is_refused(
    steps: list[ladders.Step], said: str
) -> None:
    with pytest.raises(LadderInvalid, match=said):
        ladders.check(steps)


def test_ap_10_a_step_that_is_renamed_or_moved_stays_the_same_reminder() -> None:
    def names(*steps: ladders.Step) -> list[str]:
        return [name for name, _ in ladders.named(steps, "household", "basic")]

    renamed = REMINDER.model_copy(update={"key": "other", "offset_minutes": 90})
    assert names(*SHIPPED, REMINDER) == names(*SHIPPED, renamed)
    assert "reminder-2" in names(*SHIPPED, REMINDER, renamed)


async def test_an_edited_ladder_is_followed_by_visits_that_are_booked_already(
    database: Database, world: World
) -> None:
    visit = await planned_visit(database, world.dora)
    await book(database, world.dora, visit.visit_id, local(26, 13))
    steps = changed("reconfirmation", offset_minutes=48 * 60)
    await publish(database, world.ada, *steps, REMINDER)
    assert await planned(database) == {
        "reconfirmation": local(24, 13),
        "reminder": local(26, 11),
        "half_hour_notice": local(26, 12, 30),
    }
    (promise,) = await every(database, Appointment)
    assert promise.reconfirm_at == local(24, 13)


async def test_ap_04_another_tier_changes_who_asks(database: Database, world: World) -> None:
    visit = await planned_visit(database, world.dora)
    await book(database, world.dora, visit.visit_id, local(26, 13))
    args = {"customer_id": str(visit.customer_id), "reason": "loyal for years"}
    await run(database, world.dora, "customer.change_tier", tier="gold", **args)
    assert set(await planned(database)) == {"half_hour_notice"}
    assert (await every(database, Appointment))[0].needs_person
    await run(database, world.dora, "customer.change_tier", tier="silver", **args)
    assert set(await planned(database)) == {"reconfirmation", "half_hour_notice"}


async def test_ap_09_changed_quiet_hours_move_what_is_planned(
    database: Database, world: World
) -> None:
    visit = await planned_visit(database, world.dora)
    await book(database, world.dora, visit.visit_id, local(26, 9))
    assert (await planned(database))["half_hour_notice"] == local(26, 8, 30)
    await run(
        database, world.ada, "rule.set_number", name="quiet_hours_until", value=8.75, reason="later"
    )
    await follow(database)
    assert (await planned(database))["half_hour_notice"] == local(26, 8, 45)


async def test_ap_10_an_edit_of_the_ladder_repeats_nothing_that_went_out(
    database: Database, world: World, settings: Settings, tmp_path: Any
) -> None:
    visit = await planned_visit(database, world.dora)
    await book(database, world.dora, visit.visit_id, local(25, 13))
    jobs.use(jobs.Machine(database, settings.model_copy(update={"outbox_path": tmp_path})))
    with clock.frozen(local(24, 13)):
        await send_due()
    with clock.frozen(local(24, 14)):
        await publish(
            database, world.ada, *changed("reconfirmation", key="asked", offset_minutes=600)
        )
    assert "reconfirmation" not in await planned(database)
    with clock.frozen(local(25, 4)):
        assert len(await every(database, DeliveryAttempt)) == 1


async def test_a_second_question_by_another_way_is_asked_while_no_answer_came(
    database: Database, world: World
) -> None:
    visit = await planned_visit(database, world.dora)
    tiers = next(s.tiers for s in SHIPPED if s.key == "reconfirmation")
    second = ladders.Step(
        key="ask_again",
        kind="reconfirmation",
        anchor="window",
        offset_minutes=360,
        ways=("voice",),
        tiers=tiers,
    )
    await publish(database, world.ada, *SHIPPED, second)
    await book(database, world.dora, visit.visit_id, local(26, 15))
    asked = await every(database, Message, kind="reconfirmation")
    assert [(m.due_at, m.ways) for m in asked] == [
        (local(25, 15), None),
        (local(26, 9), ["voice"]),
    ]
    await run(
        database,
        world.dora,
        "appointment.record_reconfirmation",
        visit_id=str(visit.visit_id),
        answer="confirmed",
    )
    assert set(await planned(database)) == {"half_hour_notice"}


async def test_only_an_administrator_publishes_and_everybody_in_the_office_reads_the_versions(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World
) -> None:
    with pytest.raises(Forbidden):
        await publish(database, world.sam, *SHIPPED)
    body = (await client.get("/v1/ladder", headers=bearer(settings, world.dora))).json()
    assert (body["number"], len(body["steps"])) == (None, len(SHIPPED))
    body["steps"][-1]["offset_minutes"] = 5
    sent = {"steps": body["steps"], "reason": "a moment later"}
    answer = await client.post("/v1/ladder", json=sent, headers=bearer(settings, world.ada))
    assert answer.status_code == 200
    now = (await client.get("/v1/ladder", headers=bearer(settings, world.dora))).json()
    assert (now["number"], now["steps"]) == (1, body["steps"])
    sent["steps"] = sent["steps"][1:]
    refused = await client.post("/v1/ladder", json=sent, headers=bearer(settings, world.ada))
    assert (refused.status_code, refused.json()["code"]) == (422, "ladder_invalid")
    listed = await client.get("/v1/ladder/versions", headers=bearer(settings, world.sam))
    assert [v["number"] for v in listed.json()["items"]] == [1]


async def test_ap_06_a_window_that_cannot_be_kept_is_told_once_before_it_opens(
    database: Database, world: World, settings: Settings, tmp_path: Any
) -> None:
    visit = await planned_visit(database, world.dora)
    appointment_id = await book(database, world.dora, visit.visit_id, local(25, 13))
    said = {"appointment_id": str(appointment_id), "reason": "technician_ill"}
    with pytest.raises(CauseDiffers):
        await run(
            database, world.dora, "appointment.cannot_keep", **{**said, "reason": "customer_asked"}
        )
    jobs.use(jobs.Machine(database, settings.model_copy(update={"outbox_path": tmp_path})))
    with clock.frozen(local(25, 9)):
        await run(database, world.dora, "appointment.cannot_keep", **said)
        await run(database, world.dora, "appointment.cannot_keep", **said)
        await send_due()
        await send_due()
    told = await every(database, Message, kind="cannot_keep")
    assert [(m.state, m.ended_at) for m in told] == [("sent", local(25, 9))]
    (task,) = await every(database, CallTask, done_at=None)
    assert (task.kind, task.due_at) == ("reschedule", local(25, 9))
    (promise,) = await every(database, Appointment)
    assert (promise.endangered_at, promise.endangered_reason) == (local(25, 9), "technician_ill")
    with clock.frozen(local(25, 9, 30)):
        await run(
            database,
            world.dora,
            "appointment.reschedule",
            **window(local(26, 13)),
            appointment_id=str(appointment_id),
            technician_ids=[str(id_of("alice"))],
            cause="operator",
            reason="technician_ill",
            channel="phone",
            customer_said="Tomorrow then.",
            customer_contacted_at=local(25, 9, 20).isoformat(),
        )
    (promise,) = await every(database, Appointment)
    assert (promise.endangered_at, promise.contacted_in_time) == (None, True)
    assert set(await planned(database)) == {"reconfirmation", "half_hour_notice"}


async def test_ap_08_who_was_not_at_home_is_told_the_same_day_and_called(
    database: Database, world: World, settings: Settings, tmp_path: Any
) -> None:
    visit = await planned_visit(database, world.dora)
    await book(database, world.dora, visit.visit_id, local(23, 13))
    jobs.use(jobs.Machine(database, settings.model_copy(update={"outbox_path": tmp_path})))
    named = {"visit_id": str(visit.visit_id)}
    with clock.frozen(local(23, 13, 5)):
        await run(database, world.alice, "visit.depart", **named)
        await run(database, world.alice, "visit.arrive", **named)
        for _ in range(2):
            await run(
                database,
                world.alice,
                "visit.leave_notice",
                **named,
                told_otherwise="a card in the letter box",
            )
        await send_due()
    (told,) = await every(database, Message, kind="nobody_home")
    assert (told.state, told.ended_at) == ("sent", local(23, 13, 5))
    assert "13:05" in (tmp_path / f"{told.id}.json").read_text()
    (task,) = await every(database, CallTask, kind="new_appointment")
    assert task.due_at == local(23, 13, 5)


# Calls of people


async def due_call(database: Database, world: World) -> UUID:
    visit = await planned_visit(database, world.dora)
    made = await run(
        database,
        world.dora,
        "call_task.open",
        visit_id=str(visit.visit_id),
        kind="new_appointment",
        due_at=clock.now().isoformat(),
    )
    return first_id(made, "call_task")


async def call(database: Database, actor: Actor, name: str, task: UUID, **args: Any) -> None:
    await run(database, actor, f"call_task.{name}", call_task_id=str(task), **args)


async def test_a_call_that_somebody_took_is_not_made_by_a_second_person(
    database: Database, world: World
) -> None:
    task = await due_call(database, world)
    await call(database, world.dora, "take", task)
    await call(database, world.dora, "take", task)
    for name, args in (("take", {}), ("complete", {"outcome": "done"})):
        with pytest.raises(Exception, match="call_task_taken"):
            await call(database, world.ann, name, task, **args)
    await call(database, world.ann, "take", task, instead=True)
    with pytest.raises(Exception, match="call_task_not_yours"):
        await call(database, world.dora, "hand_over", task)
    with pytest.raises(Exception, match="call_task_wrong_person"):
        await call(database, world.ann, "hand_over", task, to_id=str(world.dan.id))
    await call(
        database, world.ann, "hand_over", task, to_id=str(world.dora.id), note="lives upstairs"
    )
    await call(database, world.dora, "complete", task, outcome="done", promise="will_be_home")
    (row,) = await every(database, CallTask)
    assert (row.done_by, row.promise, row.tries) == (world.dora.id, "will_be_home", 1)
    assert row.note is None


async def test_ap_09_a_call_is_put_off_to_when_the_customer_wants_but_not_into_the_night(
    database: Database, world: World
) -> None:
    task = await due_call(database, world)
    again = {"call_again_at": local(23, 21, 30).isoformat()}
    await call(database, world.dora, "put_off", task, **again, note="drives")
    (row,) = await every(database, CallTask)
    assert (row.due_at, row.tries, row.promise) == (local(24, 8), 1, "call_again")
    with pytest.raises(Exception, match="window_invalid"):
        await call(database, world.dora, "put_off", task, call_again_at=local(22, 9).isoformat())


async def test_the_list_of_calls_shows_mine_and_those_nobody_took(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World
) -> None:
    mine, free = await due_call(database, world), await due_call(database, world)
    await call(database, world.dora, "take", mine)
    headers = bearer(settings, world.dora)

    async def shown(**params: Any) -> list[str]:
        answer = await client.get("/v1/call-tasks", headers=headers, params=params)
        return [item["id"] for item in answer.json()["items"]]

    assert await shown(taken_by=str(world.dora.id)) == [str(mine)]
    assert await shown(free=True) == [str(free)]
    assert await shown(centre_id=str(id_of("south"))) == []


# Stop lists


async def test_ap_10_who_wants_no_messages_gets_none_and_what_is_critical_by_a_person(
    database: Database, world: World, settings: Settings, tmp_path: Any
) -> None:
    visit = await planned_visit(database, world.dora)
    await publish(database, world.ada, *SHIPPED, REMINDER)
    await book(database, world.dora, visit.visit_id, local(25, 13))
    stopped = {"customer_id": str(visit.customer_id), "reason": "no texts please"}
    await run(database, world.ann, "customer.stop_messages", **stopped)
    await run(database, world.ann, "customer.stop_messages", **stopped)
    (stop,) = await every(database, pii.Stop)
    jobs.use(jobs.Machine(database, settings.model_copy(update={"outbox_path": tmp_path})))
    for moment in (local(24, 13), local(25, 11), local(25, 12, 30)):
        with clock.frozen(moment):
            await send_due()
    assert list(tmp_path.iterdir()) == []
    states = {m.kind: m.state for m in await every(database, Message)}
    assert states == {
        "reconfirmation": "by_person",
        "reminder": "cancelled",
        "half_hour_notice": "by_person",
    }
    assert [t.kind for t in await every(database, CallTask)] == ["reconfirm", "tell"]
    await run(database, world.ann, "stop.end", stop_id=str(stop.id), reason="asked for them again")
    async with database.transaction() as session:
        assert not (await pii.addresses_for_message(session, 1, visit.customer_id)).stopped
