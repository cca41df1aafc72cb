"""The customer's page over HTTP: what each state shows, what each form does (AP-01 to AP-06)."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from icalendar import Calendar
from sqlalchemy import event, select, update

from api import rates
from api.page.rendering import FOLDER, texts
from fieldops.appointments import links
from fieldops.appointments.links import Link, Purpose
from fieldops.appointments.models import Appointment, CallTask, Reconfirmation, Reservation
from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.notifications.models import Message
from fieldops.orders.models import WorkOrder
from fieldops.organisation.models import Technician
from fieldops.visits.models import Assignment, Notice, Visit
from tests.support.clients import bearer
from tests.support.factories.appointments import (
    BROADBAND,
    FIXED,
    Planned,
    book,
    local,
    planned_visit,
    window,
)
from tests.support.factories.emergencies import STORM, make_plan, put_in_force
from tests.support.factories.visits import arrive, from_phone
from tests.support.rows import every
from tests.support.run import run
from tests.support.world import World, id_of

pytestmark = pytest.mark.anyio

KEPT = timedelta(hours=48)
START = local(25, 13)


@pytest.fixture
async def planned(database: Database, world: World) -> Planned:
    return await planned_visit(database, world.dora, locale="en")


@pytest.fixture
async def appointment_id(database: Database, world: World, planned: Planned) -> UUID:
    return await book(database, world.dora, planned.visit_id, START)


@pytest.fixture
def sign(settings: Settings) -> Callable[..., str]:
    def signed(
        appointment_id: UUID, start: datetime = START, purpose: Purpose = Purpose.ANSWER
    ) -> str:
        made = Link.made(purpose, 1, appointment_id, (start, start + timedelta(hours=2)), KEPT)
        return links.sign(settings.secret.get_secret_value(), made)

    return signed


@pytest.fixture
def page(sign: Callable[..., str], appointment_id: UUID) -> str:
    return f"/a/{sign(appointment_id)}"


def heading(answer: httpx.Response) -> str:
    found = re.search(r"<h1>(.*?)</h1>", answer.text)
    assert found is not None, answer.text
    return found[1]


def free(answer: httpx.Response) -> list[str]:
    return re.findall(r'name="window" value="([^"]+)"', answer.text)


async def test_ap_03_the_page_shows_window_technician_and_certificate_and_nothing_personal(
    client: httpx.AsyncClient, page: str
) -> None:
    shown = await client.get(page)
    assert shown.status_code == 200
    for said in ("Wednesday, November 25, 2026", "13:00 to 15:00", "Alice", "C-ALICE"):
        assert said in shown.text
    for secret in ("Mannerheimintie", "+358", "customer", page.removeprefix("/a/")):
        assert secret not in shown.text


async def test_the_page_is_kept_by_nobody_found_by_nobody_and_runs_nothing(
    client: httpx.AsyncClient, page: str
) -> None:
    for answer in (await client.get(page), await client.get("/a/forged")):
        headers = answer.headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert "noindex" in headers["x-robots-tag"]
        assert headers["content-security-policy"].startswith("default-src 'none';")
        assert "script" not in answer.text
        assert "set-cookie" not in headers
        assert re.findall(r'(?:src|href|action)="(?:https?:)?//', answer.text) == []


async def test_every_view_is_small_enough_for_an_old_phone(
    client: httpx.AsyncClient, page: str
) -> None:
    for wanted in ("", "?view=windows", "?view=cancel"):
        answer = await client.get(page + wanted, headers={"Accept-Encoding": "gzip"})
        sent = int(answer.headers["content-length"])
        assert sent < 2500, (wanted, sent)
        assert len(answer.content) < 8000


async def test_ap_04_confirming_leads_to_a_receipt_and_a_second_submit_changes_nothing(
    client: httpx.AsyncClient, page: str, database: Database
) -> None:
    for _ in range(2):
        done = await client.post(page, data={"do": "confirm"})
        assert done.status_code == 303
    receipt = await client.get(done.headers["location"])
    assert "You confirmed the appointment (Nov 23, 2026 08:00)" in receipt.text
    (kept,) = await every(database, Reconfirmation)
    assert (kept.answer, kept.channel) == ("confirmed", "text_link")
    assert heading(await client.get(page)) == "Your appointment is confirmed"


async def test_ap_06_a_customer_takes_another_free_window_and_the_old_one_is_free_again(
    client: httpx.AsyncClient,
    page: str,
    database: Database,
    settings: Settings,
    world: World,
    appointment_id: UUID,
) -> None:
    chosen = free(await client.get(f"{page}?view=windows"))[3]
    done = await client.post(page, data={"do": "move", "window": chosen, "note": "The dog is in."})
    assert done.status_code == 303
    receipt = await client.get(done.headers["location"])
    assert "You chose another time" in receipt.text
    assert "Given up: Wednesday, November 25, 2026, 13:00 to 15:00" in receipt.text
    (moved,) = await every(database, Appointment)
    assert int(moved.window_start.timestamp()) // 60 == int(chosen.partition("-")[0])
    assert (moved.channel, moved.moved_cause, moved.customer_reschedules) == (
        "web_link",
        "customer",
        1,
    )
    (kept,) = await every(database, Reservation)
    assert kept.during.lower == moved.window_start
    told = await client.get(
        f"/v1/appointments/{appointment_id}", headers=bearer(settings, world.dora)
    )
    last = told.json()["history"][-1]
    assert last["after"]["channel"] == "web_link"
    assert last["after"]["customer_said"] == "The dog is in."
    assert [a["answer"] for a in told.json()["answers"]] == ["change_wanted"]
    again = await client.post(page, data={"do": "move", "window": chosen})
    assert again.status_code == 303
    assert (await every(database, Appointment))[0].customer_reschedules == 1


async def test_ap_01_a_window_that_was_given_away_meanwhile_is_refused_with_fresh_ones(
    client: httpx.AsyncClient, page: str, database: Database, world: World
) -> None:
    offered = free(await client.get(f"{page}?view=windows"))
    chosen = offered[-1]
    start = datetime.fromtimestamp(int(chosen.partition("-")[0]) * 60, clock.now().tzinfo)
    for name in ("alice", "bob", "kim") * 2:  # two works of an hour fill a window of two
        other = await planned_visit(database, world.dora)
        await book(database, world.dora, other.visit_id, start, name)
    lost = await client.post(page, data={"do": "move", "window": chosen})
    assert lost.status_code == 409
    assert "has just been given to somebody else" in lost.text
    assert free(lost)
    assert chosen not in free(lost)
    assert heading(await client.get(page)) == "Does this time suit you?"


async def test_ap_06_visits_of_one_order_are_not_moved_apart_by_the_page(
    client: httpx.AsyncClient, database: Database, world: World, sign: Callable[..., str]
) -> None:
    planned = await planned_visit(database, world.dora, items=(FIXED, BROADBAND), locale="en")
    work = await every(database, WorkOrder)
    await run(
        database,
        world.dora,
        "visit.split",
        visit_id=str(planned.visit_id),
        work_order_ids=[str(next(w.id for w in work if w.service == "broadband"))],
        reason="The router comes a day later",
    )
    visits = sorted(v.id for v in await every(database, Visit))
    linked = f"/a/{sign(await book(database, world.dora, visits[0], START))}"
    chosen = free(await client.get(f"{linked}?view=windows"))[0]
    await book(database, world.dora, visits[1], local(26, 13), "kim")
    shown = await client.get(f"{linked}?view=windows")
    assert free(shown) == []
    assert "Several of our visits to you belong together" in shown.text
    assert 'value="wish"' in shown.text
    assert (await client.post(linked, data={"do": "move", "window": chosen})).status_code == 409
    token = linked.removeprefix("/a/")
    start = datetime.fromtimestamp(int(chosen.partition("-")[0]) * 60, clock.now().tzinfo)
    refused = await client.post(f"/v1/public/appointments/{token}/move", json=window(start))
    assert (refused.status_code, refused.json()["code"]) == (409, "linked_visits")


@pytest.mark.parametrize("kind", ["install", "repair"])
async def test_em_01_the_page_says_why_work_is_put_off_in_both_languages(
    client: httpx.AsyncClient, page: str, database: Database, world: World, kind: str
) -> None:
    """Only where the plan puts off this work, and there are windows for it all the same."""
    plan_id = await make_plan(database, world.sam, put_off_kinds=[kind], put_off_days=3)
    await put_in_force(database, world.dora, plan_id)
    shown = await client.get(f"{page}?view=windows")
    assert free(shown)
    assert (STORM["text_en"] in shown.text) == (kind == "install")
    chinese = await client.get(f"{page}?view=windows&lang=zh-CN")
    assert (STORM["text_zh"] in chinese.text) == (kind == "install")
    listed = await client.get(f"/v1/public/appointments/{page.rsplit('/', 1)[1]}/windows")
    told = {"en": STORM["text_en"], "zh_CN": STORM["text_zh"]} if kind == "install" else None
    assert listed.json()["emergency"] == told


async def test_em_01_the_page_says_why_no_window_is_free_while_a_plan_is_in_force(
    client: httpx.AsyncClient, page: str, database: Database, world: World
) -> None:
    async with database.transaction() as session:
        await session.execute(
            update(Technician).where(Technician.region_id == 1).values(active=False)
        )
    assert STORM["text_en"] not in (await client.get(f"{page}?view=windows")).text
    plan_id = await make_plan(database, world.sam)
    await put_in_force(database, world.dora, plan_id)
    shown = await client.get(f"{page}?view=windows")
    assert (free(shown), STORM["text_en"] in shown.text) == ([], True)


@pytest.mark.parametrize(
    "value",
    [
        "", "x", "29000000-120", "-", "9" * 13 + "-1", "99999999-9999", "9" * 11 + "-1",
        "1-" + "9" * 11,
    ],
)  # fmt: skip
async def test_a_window_that_was_never_offered_is_not_taken(
    client: httpx.AsyncClient, page: str, database: Database, value: str
) -> None:
    refused = await client.post(page, data={"do": "move", "window": value})
    assert refused.status_code in {409, 422}
    assert free(refused)
    assert (await every(database, Appointment))[0].window_start == START


async def test_ap_04_a_customer_whom_nothing_suits_is_called_and_keeps_the_time_until_then(
    client: httpx.AsyncClient, page: str, database: Database
) -> None:
    for _ in range(2):
        await client.post(page, data={"do": "wish", "note": "After six, please"})
    (task,) = await every(database, CallTask)
    assert (task.kind, task.subject) == ("reschedule", "After six, please")
    assert len(await every(database, Reconfirmation)) == 1
    assert len(await every(database, Reservation)) == 1
    assert heading(await client.get(page)) == "You asked for another time"


async def test_ap_02_cancelling_frees_the_time_tells_the_technician_and_asks_a_person(
    client: httpx.AsyncClient, page: str, database: Database
) -> None:
    assert "<form" in (await client.get(f"{page}?view=cancel")).text
    for _ in range(2):
        done = await client.post(page, data={"do": "cancel", "note": "We have moved"})
        assert done.status_code == 303
    assert "You cancelled the appointment" in (await client.get(done.headers["location"])).text
    (appointment,) = await every(database, Appointment)
    assert (appointment.state, appointment.channel, appointment.customer_said) == (
        "cancelled",
        "web_link",
        "We have moved",
    )
    assert await every(database, Reservation) == []
    (visit,) = await every(database, Visit)
    assert (visit.state, visit.window_start) == ("planned", None)
    assert {(n.technician_id, n.kind) for n in await every(database, Notice)} >= {
        (id_of("alice"), "unscheduled")
    }
    (task,) = await every(database, CallTask)
    assert (task.kind, task.subject, task.done_at) == ("withdrawn", "We have moved", None)
    assert {m.state for m in await every(database, Message)} == {"cancelled"}
    assert heading(await client.get(page)) == "This appointment was cancelled"


async def depart(database: Database, world: World, visit_id: UUID) -> None:
    for name in ("visit.accept", "visit.depart"):
        await from_phone(database, world.alice, name, visit_id=str(visit_id))


async def test_ap_02_a_technician_on_the_way_is_stopped_by_a_cancellation(
    client: httpx.AsyncClient, page: str, database: Database, world: World, planned: Planned
) -> None:
    with clock.frozen(local(25, 12, 40)):
        await depart(database, world, planned.visit_id)
        shown = await client.get(page)
        assert heading(shown) == "Your technician is on the way"
        assert 'value="confirm"' not in shown.text
        assert "view=windows" not in shown.text
        assert "already on the way" in (await client.get(f"{page}?view=cancel")).text
        assert (await client.post(page, data={"do": "cancel"})).status_code == 303
    assert await every(database, Reservation) == []
    (row,) = await every(database, Assignment)
    assert row.ended_at is not None
    assert "unscheduled" in {n.kind for n in await every(database, Notice)}


async def test_from_the_door_on_the_page_only_shows_how_it_stands(
    client: httpx.AsyncClient, page: str, database: Database, world: World, planned: Planned
) -> None:
    with clock.frozen(local(25, 12, 55)):
        await depart(database, world, planned.visit_id)
        await arrive(database, world.alice, planned.visit_id)
        shown = await client.get(page)
        assert heading(shown) == "Your technician is with you"
        assert "<form" not in shown.text
        refused = await client.post(page, data={"do": "cancel"})
        assert refused.status_code == 409
        assert heading(refused) == "Your technician is with you"
    assert (await every(database, Appointment))[0].state == "booked"


async def test_once_the_window_has_opened_the_customer_is_asked_to_call(
    client: httpx.AsyncClient, page: str
) -> None:
    with clock.frozen(START):
        shown = await client.get(page)
        assert heading(shown) == "Your technician is due"
        assert "<form" not in shown.text
        assert (await client.post(page, data={"do": "confirm"})).status_code == 409


async def test_a_finished_and_a_failed_visit_are_said_to_be_so(
    client: httpx.AsyncClient, page: str, database: Database
) -> None:
    for state, said in (
        ("completed", "Your appointment is done"),
        ("failed", "The visit could not be finished"),
    ):
        async with database.transaction() as session:
            (visit,) = await session.scalars(select(Visit).where(Visit.region_id == 1))
            visit.state, visit.ended_at, visit.next_step = state, clock.now(), "new_appointment"
            visit.end_reason, visit.told_customer = "no_access", "yes"
            visit.signature_refused_reason = "no"
        shown = await client.get(page)
        assert (shown.status_code, heading(shown)) == (200, said)


async def test_a_link_of_a_former_window_leads_to_the_present_one(
    client: httpx.AsyncClient, page: str, database: Database, world: World, appointment_id: UUID
) -> None:
    await run(
        database,
        world.dora,
        "appointment.reschedule",
        **window(local(26, 9)),
        appointment_id=str(appointment_id),
        technician_ids=[str(id_of("alice"))],
        cause="customer",
        reason="customer_asked",
        channel="phone",
        customer_said="Later, please.",
    )
    shown = await client.get(page)
    assert heading(shown) == "Your appointment has another time"
    assert "Thursday, November 26, 2026" in shown.text
    assert "<form" not in shown.text
    assert "Alice" not in shown.text
    assert (await client.post(page, data={"do": "cancel"})).status_code == 409
    (onward,) = re.findall(r'href="(/a/[^"?]+)', shown.text)
    assert heading(await client.get(onward)) == "Does this time suit you?"


async def test_a_link_of_a_cancelled_appointment_leads_to_the_one_booked_instead(
    client: httpx.AsyncClient, page: str, database: Database, world: World, planned: Planned
) -> None:
    await client.post(page, data={"do": "cancel"})
    await book(database, world.dora, planned.visit_id, local(26, 9))
    assert heading(await client.get(page)) == "Your appointment has another time"
    assert (await client.post(page, data={"do": "confirm"})).status_code == 409


async def test_forged_foreign_and_unknown_links_get_one_answer_and_reach_no_table(
    client: httpx.AsyncClient,
    sign: Callable[..., str],
    appointment_id: UUID,
    database: Database,
) -> None:
    asked: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    good = sign(appointment_id)
    bad = ["x", "x" * 56, good[:-1] + ("A" if good[-1] != "A" else "B"), good + "A" * 200]
    bad.append(sign(appointment_id, purpose=Purpose.CALENDAR))
    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        answers = [await client.get(f"/a/{token}") for token in bad]
        answers += [await client.post(f"/a/{token}", data={"do": "cancel"}) for token in bad]
        answers += [await client.get(f"/c/{token}.ics") for token in [*bad[:-1], good]]
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert asked == []
    assert {(a.status_code, a.text) for a in answers} == {(404, answers[0].text)}
    unknown = await client.get(f"/a/{sign(uuid4())}")
    assert (unknown.status_code, unknown.text) == (404, answers[0].text)


async def test_an_expired_link_says_so(client: httpx.AsyncClient, page: str) -> None:
    with clock.frozen(local(27, 15)):
        shown = await client.get(page, headers={"Accept-Language": "zh-CN,en;q=0.5"})
    assert (shown.status_code, heading(shown)) == (410, "此链接已过期")


async def test_the_language_is_the_one_asked_for_then_the_customers_then_the_browsers(
    client: httpx.AsyncClient, page: str
) -> None:
    chinese = {"Accept-Language": "fr, zh-Hans-CN;q=0.9, en;q=0.1"}
    assert '<html lang="en">' in (await client.get(page, headers=chinese)).text
    asked = await client.get(f"{page}?lang=zh-CN")
    assert '<html lang="zh-CN">' in asked.text
    assert "2026年11月25日星期三" in asked.text
    assert '<html lang="zh-CN">' in (await client.get("/a/x", headers=chinese)).text
    done = await client.post(page, data={"do": "confirm", "lang": "zh-CN"})
    assert "您已确认预约" in (await client.get(done.headers["location"])).text


def test_both_languages_say_the_same_things() -> None:
    def keys(value: Any, where: str = "") -> set[str]:
        if not isinstance(value, dict):
            return {where + " ".join(sorted(re.findall(r"{\w+}", value)))}
        return {k for name, part in value.items() for k in keys(part, f"{where}.{name} ")}

    assert keys(texts("en")) == keys(texts("zh_CN"))


async def test_a_form_of_another_site_is_not_taken(
    client: httpx.AsyncClient, page: str, database: Database
) -> None:
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "null"},
        {"Origin": "https://elsewhere.example"},
    ):
        refused = await client.post(page, data={"do": "cancel"}, headers=headers)
        assert refused.status_code == 400
        assert heading(refused) == "That did not work"
    assert (await every(database, Appointment))[0].state == "booked"
    for headers in ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, {"Origin": "null"}):
        taken = await client.post(page, data={"do": "confirm"}, headers=headers)
        assert taken.status_code == 303


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("do=destroy", 400),
        ("", 400),
        ("do=cancel&note=" + "x" * 501, 400),
        ("do=confirm&note=" + "x" * 9000, 413),
        ("do=%ff", 400),
        ("&".join(f"a{n}=1" for n in range(50)), 400),
    ],
)
async def test_a_form_that_is_none_is_refused_on_a_page(
    client: httpx.AsyncClient, page: str, body: str, status: int
) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    refused = await client.post(page, content=body, headers=kind)
    assert (refused.status_code, heading(refused)) == (status, "That did not work")


@pytest.fixture
def _moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all requests come at one moment, however slow the machine is."""
    monkeypatch.setattr(rates, "_now", lambda: 1000.0)


@pytest.mark.usefixtures("_moment")
async def test_a_link_asked_too_often_has_to_wait_and_others_need_not(
    client: httpx.AsyncClient, page: str, sign: Callable[..., str], appointment_id: UUID
) -> None:
    for _ in range(rates.LINK_AT_ONCE):
        last = await client.get(page)
    assert last.status_code == 200
    waits = await client.get(page)
    assert (waits.status_code, heading(waits)) == (429, "Please wait a moment")
    assert 0 < int(waits.headers["retry-after"]) <= 5
    json = await client.get(f"/v1/public/appointments/{page.removeprefix('/a/')}")
    assert (json.status_code, json.json()["code"]) == (429, "too_many_requests")
    other = sign(appointment_id, start=local(25, 14))
    assert (await client.get(f"/a/{other}")).status_code == 200


@pytest.mark.usefixtures("_moment")
async def test_an_address_that_guesses_has_to_wait(client: httpx.AsyncClient) -> None:
    found = [(await client.get(f"/a/{n}")).status_code for n in range(rates.ADDRESS_AT_ONCE + 1)]
    assert set(found[:-1]) == {404}
    assert found[-1] == 429


def test_a_rate_gives_back_with_time_counts_networks_and_forgets_the_oldest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rate = rates.Rate(at_once=2, a_minute=60)
    for now, passes in ((0, True), (0, True), (0.5, False), (1, True), (1, False), (9, True)):
        if passes:
            rate.take("x", now)
        else:
            with pytest.raises(rates.TooMany):
                rate.take("x", now)
    assert rates._network("2001:db8:1:2:3::4") == rates._network("2001:db8:1:2:9::1")
    assert rates._network("192.0.2.1") != rates._network("192.0.2.2")
    monkeypatch.setattr(rates, "MOST_KNOWN", 3)
    for n in range(5):
        rate.take(str(n), 20)
    assert len(rate._due) == 3


async def test_the_calendar_file_is_the_same_event_again_when_the_appointment_moves(
    client: httpx.AsyncClient, page: str, database: Database
) -> None:
    async def file() -> tuple[httpx.Response, Any]:
        (href,) = re.findall(r'href="(/c/[^"]+)"', (await client.get(page)).text) or [before]
        answer = await client.get(href.replace("&amp;", "&"))
        return answer, next(iter(Calendar.from_ical(answer.content).walk("VEVENT")))

    before = re.findall(r'href="(/c/[^"]+)"', (await client.get(page)).text)[0]
    first, event_ = await file()
    assert first.headers["content-type"].startswith("text/calendar")
    assert first.headers["content-disposition"] == 'attachment; filename="visit.ics"'
    assert b"METHOD:PUBLISH" in first.content
    assert b"DTSTART;TZID=Europe/Helsinki:20261125T130000" in first.content
    assert b"BEGIN:VTIMEZONE" in first.content
    for secret in (b"Alice", b"/a/", b"LOCATION"):
        assert secret not in first.content
    chosen = free(await client.get(f"{page}?view=windows"))[0]
    await client.post(page, data={"do": "move", "window": chosen})
    _, moved = await file()
    assert moved["uid"] == event_["uid"]
    assert moved["sequence"] > event_["sequence"]
    (appointment,) = await every(database, Appointment)
    assert moved.decoded("dtstart") == appointment.window_start
    async with database.transaction() as session:
        (row,) = await session.scalars(select(Appointment).where(Appointment.region_id == 1))
        row.state = "cancelled"
    off, _ = await file()
    assert b"METHOD:CANCEL" in off.content
    assert b"STATUS:CANCELLED" in off.content


async def test_what_a_customer_wrote_is_not_shown_to_whom_the_link_is_forwarded(
    client: httpx.AsyncClient, page: str
) -> None:
    done = await client.post(page, data={"do": "wish", "note": "My mother lives at 5 Elm Street"})
    for address in (done.headers["location"], page, f"{page}?view=windows"):
        assert "Elm Street" not in (await client.get(address)).text


async def test_names_are_shown_as_text(
    client: httpx.AsyncClient, page: str, database: Database
) -> None:
    async with database.transaction() as session:
        alice = await session.get_one(Technician, (1, id_of("alice")))
        alice.name = "<b>O'Neil & \"{{7*7}}"
    assert "&lt;b&gt;O&#39;Neil &amp; &#34;{{7*7}}" in (await client.get(page)).text


async def test_the_page_needs_at_most_six_statements_and_no_more_for_many_technicians(
    client: httpx.AsyncClient, page: str, database: Database
) -> None:
    asked: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.lower().startswith(("savepoint", "release")):
            asked.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        assert (await client.get(page)).status_code == 200
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert len(asked) <= 6, asked


def test_templates_hold_no_script_no_style_attribute_and_no_foreign_address() -> None:
    for file in (FOLDER / "templates").glob("*.html"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"<script|\son\w+=|\sstyle=|https?://|\|\s*safe", text), file.name
