"""What the dispatcher does meanwhile, what the desk shows, and what stands in the evening."""

import hashlib
import json
from datetime import timedelta
from typing import Any

from tests.journeys.day import NORTH, Day, Promise, local_day, moment
from tests.journeys.moved_clock import CITY
from tests.journeys.office import UnexpectedAnswer
from tests.journeys.on_site import Hands, ended_at, told, took_effect, upload_evidence
from tests.journeys.promising import WINDOW

FACTS = frozenset(
    {
        "checklist.answer",
        "file.link",
        "measurement.record_line_test",
        "note.add",
        "visit.arrive",
        "visit.confirm_identity",
        "visit.confirm_kit",
        "visit.depart",
    }
)


async def the_dispatcher_moves_one(day: Day) -> None:
    """Move a visit to another day while the phone cannot hear of it (AP-06)."""
    promise = day.promises["moved"]
    slots = await day.dispatcher.get(f"/v1/visits/{promise.visit_id}/slots", limit=100)
    later = [
        moment(offer["start"])
        for offer in slots["items"]
        if local_day(moment(offer["start"])) > local_day(promise.start)
    ]
    for start in later:
        body = {
            "window_start": start.isoformat(),
            "window_end": (start + WINDOW).isoformat(),
            "technician_ids": [day.technician_id],
            "cause": "operator",
            "reason": "capacity",
            "channel": "phone",
            "customer_said": "Then come that day.",
            "customer_contacted_at": day.clock.now().isoformat(),
        }
        response = await day.dispatcher.ask(
            "POST", f"/v1/appointments/{promise.appointment_id}/reschedule", json=body
        )
        if response.is_success:
            day.report.note(f"One is moved to {start.astimezone(CITY):%a %H:%M}.")
            return
    raise UnexpectedAnswer(response)


async def the_dispatcher_gives_one_away(day: Day) -> str:
    """Give a visit to another technician; returns who has it now."""
    promise = day.promises["given away"]
    async for other in day.dispatcher.all("/v1/technicians"):
        if other["id"] == day.technician_id or other["centre_id"] != NORTH:
            continue
        response = await day.dispatcher.ask(
            "POST",
            f"/v1/visits/{promise.visit_id}/assign",
            json={"technician_ids": [other["id"]], "reason": "evening out the day"},
        )
        if response.is_success:
            day.report.note(f"One is given to {other['name']}.")
            return str(other["id"])
    raise UnexpectedAnswer(response)


async def the_dispatcher_cancels_one(day: Day) -> None:
    """Cancel a visit after its work was done, unknown to the office (VI-05)."""
    promise = day.promises["cancelled"]
    await day.dispatcher.do(f"/v1/visits/{promise.visit_id}/cancel", reason="planning")
    day.report.note("One is cancelled, though its work is done: nobody knows yet.")


async def the_phone_comes_back(day: Day, hands: Hands) -> None:
    """Push the day's queue; every result is as the table of SYNC section 2 says."""
    now = day.at(max(p.end for p in day.promises.values()) + timedelta(minutes=20))
    day.report.step(f"{now}: the phone has a network again and hands in its queue")
    await hands.sign_in()
    results = await hands.phone.push()
    statuses = [result["status"] for result in results]
    day.report.note(
        f"{len(results)} commands: "
        + ", ".join(f"{statuses.count(s)} {s}" for s in dict.fromkeys(statuses))
    )
    combined = hands.results(day.promises["combined"])
    day.check("the combined visit: all was applied", took_effect(combined), told(combined))
    await _work_is_documented(day, hands)
    moved = hands.results(day.promises["moved"])
    day.check("moved in time: applied", took_effect(moved), told(moved))
    for name, code in (("cancelled", "cancelled_after_work"), ("given away", "reassigned")):
        _check_late(day, hands, name, code)
    await _both_times_kept(day, day.promises["moved"])


async def _work_is_documented(day: Day, hands: Hands) -> None:
    """Order, checklists and health record say what was done (VI-04, CH-03, HR-01)."""
    promise = day.promises["combined"]
    order = await day.dispatcher.get(f"/v1/orders/{promise.order_id}")
    lists = await day.dispatcher.get("/v1/checklists", visit_id=promise.visit_id)
    states = [checklist["state"] for checklist in lists["items"]]
    day.check(
        "VI-04, CH-03: the order is completed, and both checklists are complete",
        order["state"] == "completed" and states == ["complete", "complete"],
        (order["state"], lists),
    )
    records = await day.dispatcher.get("/v1/health-records", service_id=hands.swapped["service"])
    record = records["items"][0]
    day.check(
        "HR-01, HR-02: the health record has its baseline and no flag",
        record["baseline_down_mbps"] == 49.2 and record["flags"] == [],
        record,
    )


def _check_late(day: Day, hands: Hands, name: str, code: str) -> None:
    results = hands.results(day.promises[name])
    facts = [(c, a) for c, a in results if c in FACTS]
    decisions = [a for c, a in results if c not in FACTS]
    day.check(
        f"{name}: the decisions are held as {code}, in one case",
        decisions[0].get("code") == code
        and all(a["status"] == "held" for a in decisions)
        and len({a.get("case_id") for a in decisions}) == 1,
        told(results),
    )
    day.check(f"{name}: the facts are stored", took_effect(facts), told(facts))


async def _both_times_kept(day: Day, promise: Promise) -> None:
    visit = await day.dispatcher.get(f"/v1/visits/{promise.visit_id}")
    facts = await day.dispatcher.get(f"/v1/visits/{promise.visit_id}/facts")
    arrivals = [fact for fact in facts if fact["kind"] == "arrival"]
    day.check(
        "moved in time: the visit is completed, and both times are kept",
        visit["state"] == "completed"
        and moment(arrivals[0]["estimated_at"]) < promise.end
        and moment(arrivals[0]["body"]["window"][0]) > promise.end,
        (visit["state"], arrivals),
    )


async def the_desk_decides(day: Day, hands: Hands, other: str) -> None:
    """Accept what was done, discard what another does; the phone hears of both."""
    day.report.step("The late-work desk shows what is held, and the dispatcher decides")
    shown = {}
    async for case in day.dispatcher.all("/v1/desk/cases"):
        shown[case["subject_id"]] = case
    cancelled, given = day.promises["cancelled"], day.promises["given away"]
    cases = [shown.get(promise.visit_id) for promise in (cancelled, given)]
    day.check(
        "the desk shows both held visits with their reasons",
        [case and case["code"] for case in cases] == ["cancelled_after_work", "reassigned"],
        cases,
    )
    first, second = (str(case["id"]) for case in cases if case)
    await day.dispatcher.do(f"/v1/desk/cases/{first}/accept", reason="the work was done")
    await day.dispatcher.do(f"/v1/desk/cases/{second}/discard", reason="a colleague goes there")
    visit = await day.dispatcher.get(f"/v1/visits/{cancelled.visit_id}")
    day.check(
        "accepted: the cancelled visit counts as completed", visit["state"] == "completed", visit
    )
    visit = await day.dispatcher.get(f"/v1/visits/{given.visit_id}")
    present = [a["technician_id"] for a in visit["assignments"] if a["ended_at"] is None]
    day.check(
        "discarded: the other technician still has the visit",
        present == [other] and visit["state"] == "dispatched",
        visit,
    )
    await hands.phone.pull()
    outcomes = {case["id"]: case["state"] for case in hands.phone.rows("case")}
    day.check(
        "the phone pulls the outcome of both cases",
        (outcomes.get(first), outcomes.get(second)) == ("accepted", "discarded"),
        outcomes,
    )


async def the_record_follows_the_plant(day: Day, hands: Hands) -> None:
    """The swap, the bad pair and the cable department's work order are there (RE-03, RE-05)."""
    day.report.step("The network record follows the plant")
    service = await day.dispatcher.get(f"/v1/network/services/{hands.swapped['service']}")
    path = [step["feature_id"] for step in service["path"]]
    day.check(
        "RE-03: broadband runs over the other pair now",
        hands.swapped["to"] in path and hands.swapped["from"] not in path,
        service,
    )
    left = await day.dispatcher.get(f"/v1/network/features/{hands.swapped['from']}")
    known = left["properties"]
    day.check(
        "RE-02, RE-05: the bad pair is marked with reason and test",
        known["state"] == "bad" and known["state_reason"] and known["state_test"]["value"] == 0.2,
        known,
    )
    works = [
        work
        async for work in day.dispatcher.all("/v1/work-orders", department="cable")
        if work["feature_id"] == hands.swapped["from"]
    ]
    day.check("RE-03: the cable department has a work order for it", len(works) == 1, works)


async def the_evidence_is_complete(day: Day, hands: Hands) -> None:
    """The bytes come after the data, and are what was promised, by hash (SYNC section 7)."""
    day.report.step("Photos and signatures follow by resumable upload")
    promise = day.promises["combined"]
    receipt = await day.supervisor.get(f"/v1/files/receipts/{promise.visit_id}")
    before = (receipt["promised"], receipt["arrived"])
    await upload_evidence(hands)
    receipt = await day.supervisor.get(f"/v1/files/receipts/{promise.visit_id}")
    day.check(
        "promised before, complete after",
        before[0] > 0 and before[1] == 0 and receipt["complete"],
        (before, receipt),
    )
    wrong = []
    for digest in hands.evidence.contents:
        response = await day.supervisor.ask("GET", f"/v1/files/contents/{digest}")
        if hashlib.sha256(response.content).hexdigest() != digest:
            wrong.append((digest, response.status_code))
    day.check("the supervisor sees every picture, equal by hash", not wrong, wrong)


async def the_board_shows_the_day(day: Day) -> None:
    """The board and the kept-appointment indicator show what happened (KP-01)."""
    day.report.step("The supervisor looks at the board and at the kept appointments")
    combined = day.promises["combined"]
    when = local_day(combined.start).isoformat()
    board = await day.supervisor.get("/v1/board", centre_id=NORTH, day=when)
    states = {row["visit_id"]: row["state"] for row in board["rows"]}
    wanted = {"combined": "completed", "cancelled": "completed", "given away": "dispatched"}
    seen = {name: states.get(day.promises[name].visit_id) for name in wanted}
    day.check("the board shows the visits of the day by state", seen == wanted, seen)
    ours = {"from": when, "to": when, "technician_id": day.technician_id}
    kept = await day.supervisor.get("/v1/indicators/kept-appointments", **ours)
    records = await day.supervisor.get("/v1/indicators/kept-appointments/records", **ours)
    verdicts: dict[str, Any] = {r["visit_id"]: r["kept"] for r in records["items"]}
    day.report.note(
        f"KP-01 of {day.technician['name']}: {kept['total']['kept']} kept of "
        f"{kept['total']['due']} due, {kept['total']['open']} open"
    )
    day.check(
        "KP-01: the combined visit is among the kept ones, with its record",
        verdicts.get(combined.visit_id) is True and kept["total"]["kept"] >= 1,
        (kept["total"], records),
    )


async def nobody_was_told_twice(day: Day) -> None:
    """The customer got one request and one notice, whatever ran twice meanwhile (AP-10)."""
    promise = day.promises["combined"]
    texts = [
        json.loads(path.read_text(encoding="utf-8"))["text"]
        for path in day.outbox.glob("*.json")
        if str(promise.phone) in path.read_text(encoding="utf-8")
    ]
    day.check(
        "AP-10: the customer got each reminder once", len(set(texts)) == len(texts) == 2, texts
    )


async def contact_data_leaves_the_phone(day: Day, hands: Hands) -> None:
    """48 hours after the visit closed the phone number is gone; the history stays (CU-05)."""
    promise = day.promises["combined"]
    visit = await day.dispatcher.get(f"/v1/visits/{promise.visit_id}")
    before = hands.phone.row("customer_contact", promise.customer_id)
    now = day.at(ended_at(visit) + timedelta(hours=48, minutes=1))
    day.report.step(f"{now}: 48 hours after the visit closed")
    await hands.sign_in()
    await hands.phone.pull()
    phone = hands.phone
    day.check(
        "CU-05: the customer's phone number and address have left the phone",
        before is not None
        and phone.row("customer_contact", promise.customer_id) is None
        and phone.row("premises", promise.premises_id) is None,
        (before, phone.row("customer_contact", promise.customer_id)),
    )
    everything = " ".join(phone.everything().values())
    day.check(
        "CU-05: nowhere else on the phone stands the number either",
        str(promise.phone) not in everything,
    )
    day.check(
        "CU-05: the history without contact data stays",
        phone.row("visit", promise.visit_id) is not None,
    )
