"""The played day: the main job from the order to the evidence, over real HTTP.

A combined order comes in, is booked and reconfirmed; the technician's phone works without a
network while the dispatcher changes the plan; the phone comes back, the desk decides, the
network record, the evidence, the board and KP-01 show the day. `play` tells every step, and
returns what held.
"""

import traceback
from datetime import timedelta
from pathlib import Path

import httpx

from fieldops.demo.people import LOGIN_DOMAIN
from tests.journeys import late_work, on_site, promising
from tests.journeys.day import NORTH, Day
from tests.journeys.moved_clock import CITY, MovedClock
from tests.journeys.office import Office
from tests.journeys.telling import Check, Report

__all__ = ["ACCOUNTS", "BOARD", "CITY", "Check", "play"]

BOARD = f"/v1/board?centre_id={NORTH}"
ACCOUNTS = {
    "technician": f"tech01@{LOGIN_DOMAIN} … tech24@{LOGIN_DOMAIN}",
    "dispatcher, North": f"dispatcher.north@{LOGIN_DOMAIN}",
    "dispatcher, South": f"dispatcher.south@{LOGIN_DOMAIN}",
    "supervisor, region": f"supervisor.region@{LOGIN_DOMAIN}",
    "agent": f"agent.one@{LOGIN_DOMAIN}",
    "contractor manager": f"contractor.manager@{LOGIN_DOMAIN}",
    "administrator": f"administrator@{LOGIN_DOMAIN}",
    "order intake (machine)": f"integration@{LOGIN_DOMAIN}",
}
LATEST_HOUR = 16
REQUEST_SECONDS = 30


async def play(base_url: str, clock: MovedClock, report: Report, *, outbox: Path) -> list[Check]:
    """Play one day against an API and a worker that follow `clock`; return every check.

    `outbox` is the folder of the file channel. A day that cannot go on ends with a check that
    did not hold and says why; nothing is raised for what the server answers.
    """
    async with httpx.AsyncClient(base_url=base_url, timeout=REQUEST_SECONDS) as http:
        day = _begin(http, clock, report, outbox)
        try:
            await _play(day)
        except Exception as exc:  # noqa: BLE001 - whatever ends the day, its checks are shown
            place = traceback.extract_tb(exc.__traceback__)[-1]
            seen = f"{exc} ({Path(place.filename).name}, line {place.lineno})"
            day.check(f"the day goes on ({type(exc).__name__})", held=False, seen=seen)
    return day.checks


def _begin(http: httpx.AsyncClient, clock: MovedClock, report: Report, outbox: Path) -> Day:
    local = clock.now().astimezone(CITY)
    if local.hour >= LATEST_HOUR or local.weekday() > 4:
        clock.move_to(clock.next_working_day(8, 30))
    number = f"{clock.now().astimezone(CITY):%y%m%d%H%M%S}"
    return Day(
        http,
        clock,
        report,
        outbox,
        number,
        integration=Office(http, f"integration@{LOGIN_DOMAIN}"),
        dispatcher=Office(http, f"dispatcher.north@{LOGIN_DOMAIN}"),
        supervisor=Office(http, f"supervisor.region@{LOGIN_DOMAIN}"),
    )


async def _play(day: Day) -> None:
    await promising.orders_come_in(day)
    await promising.windows_are_booked(day)
    await promising.the_customer_reconfirms(day)
    hands = await on_site.the_phone_takes_the_day_along(day)
    day.report.step("While the phone has no network, the dispatcher changes the plan")
    await late_work.the_dispatcher_moves_one(day)
    other = await late_work.the_dispatcher_gives_one_away(day)
    await _work(day, hands)
    await late_work.the_dispatcher_cancels_one(day)
    await late_work.the_phone_comes_back(day, hands)
    await late_work.the_desk_decides(day, hands, other)
    await late_work.the_record_follows_the_plant(day, hands)
    await late_work.the_evidence_is_complete(day, hands)
    await late_work.the_board_shows_the_day(day)
    await late_work.nobody_was_told_twice(day)
    await late_work.contact_data_leaves_the_phone(day, hands)


async def _work(day: Day, hands: on_site.Hands) -> None:
    """Work through the day in the order of the windows the phone knows."""
    for name, promise in sorted(day.promises.items(), key=lambda item: item[1].start):
        if name == "combined":
            await promising.the_notice_is_sent(day)
            now = day.at(promise.due - timedelta(minutes=20))
            day.report.step(f"{now}: the combined visit, all of it without a network")
            on_site.install_both_services(hands, promise)
        else:
            on_site.repair_a_line(hands, promise, complete=name != "given away")
    queued = hands.phone.queued()
    day.report.note(f"{queued} commands wait on the phone.")
