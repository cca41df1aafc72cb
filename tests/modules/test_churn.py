"""CU-09: the register of customers who may leave, revisits in time, retention visits."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import select

from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.organisation.models import Holiday
from fieldops.retention import rules
from fieldops.retention.errors import (
    CentreUnknown,
    ChurnCaseWithdrawn,
    InRegister,
    NoVisitAsked,
    RevisitOver,
    VisitAsked,
)
from fieldops.retention.models import ChurnCase, Revisit
from fieldops.visits.models import Visit
from tests.support.clients import bearer
from tests.support.factories.appointments import book, local
from tests.support.factories.customers import make_customer, make_premises
from tests.support.factories.visits import complete, confirm_identity, from_phone
from tests.support.rows import every
from tests.support.run import first_id, run
from tests.support.world import NORTH, World

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)
HELSINKI = ZoneInfo("Europe/Helsinki")


async def somebody(database: Database, **values: Any) -> UUID:
    async with database.transaction() as session:
        return (await make_customer(session, **{"centre_id": NORTH, **values})).id


async def enter(
    database: Database, world: World, reason: str = "price", customer_id: UUID | None = None
) -> UUID:
    """Enter somebody into the register; returns the revisit that is due."""
    customer = customer_id or await somebody(database)
    entered = await run(database, world.ann, "churn_case.open", customer_id=str(customer),
                        reason=reason, words="The neighbour pays less.")  # fmt: skip
    return first_id(entered, "revisit")


async def record(database: Database, world: World, revisit_id: UUID, outcome: str) -> None:
    await run(database, world.ann, "revisit.record", revisit_id=str(revisit_id), way="phone",
              outcome=outcome, words="Spoken to.")  # fmt: skip


async def test_cu_09_who_may_leave_is_in_the_register_once_and_a_revisit_is_due(
    database: Database, world: World, at: datetime
) -> None:
    customer = await somebody(database)
    await enter(database, world, "competition", customer)
    [case] = await every(database, ChurnCase)
    [revisit] = await every(database, Revisit)
    assert (case.reason, case.owner_id, case.closed_at) == ("competition", world.ann.id, None)
    assert (revisit.churn_case_id, revisit.due_at) == (case.id, at + 7 * DAY)
    with pytest.raises(InRegister):
        await enter(database, world, "price", customer)
    with pytest.raises(CentreUnknown):
        await enter(database, world, "price", await somebody(database, centre_id=None))


async def test_cu_09_an_undecided_customer_is_revisited_again_until_they_stay_or_go(
    database: Database, world: World, at: datetime
) -> None:
    customer = await somebody(database)
    first = await enter(database, world, "quality", customer)
    with clock.frozen(at + DAY):
        await record(database, world, first, "undecided")
        with pytest.raises(RevisitOver):
            await record(database, world, first, "stays")
    [_, second] = await every(database, Revisit)
    assert (second.due_at, second.outcome) == (at + 8 * DAY, None)
    with clock.frozen(at + 2 * DAY):
        await record(database, world, second.id, "stays")
    [case] = await every(database, ChurnCase)
    assert (case.outcome, case.closed_at) == ("stays", at + 2 * DAY)
    await enter(database, world, "price", customer)  # and may be in danger once more


@pytest.mark.parametrize(
    ("asked", "closed", "due"),
    [
        # Monday 23 to Friday 27 November 2026 are worked, the days are local.
        ((23, 10), (), (24, 10)),
        ((27, 15), (), (30, 15)),  # Friday: the same time on Monday
        ((27, 15), (30,), (31, 15)),  # Monday is a holiday; "31" is 1 December
        ((28, 9), (), (31, 0)),  # Saturday: to the end of Monday
    ],
)
def test_cu_09_a_retention_visit_is_answered_one_working_day_on(
    asked: tuple[int, int], closed: tuple[int, ...], due: tuple[int, int]
) -> None:
    def moment(day: int, hour: int) -> datetime:
        start = datetime(2026, 11, 1, hour, tzinfo=HELSINKI)
        return (start + timedelta(days=day - 1)).astimezone(UTC)

    days = [date(2026, 11, 1) + timedelta(days=n) for n in range(60)]
    off = {moment(day, 12).date() for day in closed}
    working = {day for day in days if day.isoweekday() < 6 and day not in off}
    found = rules.answer_due(moment(*asked), working, 1, HELSINKI)
    assert found == moment(*due)


async def retention_visit(database: Database, world: World) -> tuple[UUID, UUID]:
    """A retention visit asked for; returns the revisit and the field's visit."""
    customer = await somebody(database)
    async with database.transaction() as session:
        premises = await make_premises(session, centre_id=NORTH)
    asked = await run(database, world.ivan, "retention_visit.ask", customer_id=str(customer),
                      premises_id=str(premises.id), words="The contract ends.")  # fmt: skip
    order_id = first_id(asked, "order")
    async with database.transaction() as session:
        visit_id = await session.scalar(
            select(Visit.id).where(Visit.region_id == 1, Visit.order_id == order_id)
        )
    assert visit_id is not None
    return first_id(asked, "revisit"), visit_id


async def test_cu_09_a_retention_visit_is_care_work_and_a_booked_window_answers_it(
    database: Database, world: World, at: datetime
) -> None:
    async with database.transaction() as session:
        session.add(Holiday(region_id=1, day=date(2026, 11, 24), name="A day off"))
    _, visit_id = await retention_visit(database, world)
    [row] = await every(database, Revisit)
    assert (row.purpose, row.due_at) == ("renewal", at + 14 * DAY)
    # Asked on Monday, 8:00; Tuesday is a holiday of the calendar (ORG-07).
    assert (row.asked_at, row.answer_due_at) == (at, at + 2 * DAY)
    assert row.answered_at is None
    with clock.frozen(at + timedelta(hours=3)):
        await book(database, world.dora, visit_id, local(25, 9))
    [row] = await every(database, Revisit)
    assert row.answered_at == at + timedelta(hours=3)


async def test_cu_09_the_field_may_answer_in_words_once(database: Database, world: World) -> None:
    revisit_id, _ = await retention_visit(database, world)
    said = {"revisit_id": str(revisit_id), "answer": "The customer comes to the counter."}
    await run(database, world.dora, "revisit.answer", **said)
    with pytest.raises(NoVisitAsked):
        await run(database, world.dora, "revisit.answer", **said)
    other = await enter(database, world)
    with pytest.raises(NoVisitAsked):
        await run(database, world.dora, "revisit.answer", revisit_id=str(other), answer="Yes.")


@pytest.mark.usefixtures("evidence_is_complete")
async def test_cu_09_a_completed_visit_is_the_revisit_and_a_person_says_what_came_of_it(
    database: Database, world: World, at: datetime
) -> None:
    customer = await somebody(database)
    revisit_id = await enter(database, world, "service", customer)
    async with database.transaction() as session:
        premises = await make_premises(session, centre_id=NORTH)
    ask = {"revisit_id": str(revisit_id), "premises_id": str(premises.id)}
    made = await run(database, world.ann, "revisit.ask_visit", **ask)
    with pytest.raises(VisitAsked):
        await run(database, world.ann, "revisit.ask_visit", **ask)
    async with database.transaction() as session:
        visit_id = await session.scalar(
            select(Visit.id).where(Visit.region_id == 1, Visit.order_id == first_id(made, "order"))
        )
    assert visit_id is not None
    await book(database, world.dora, visit_id, local(23, 10))
    visit = {"visit_id": str(visit_id)}
    with clock.frozen(local(23, 10)):
        await from_phone(database, world.alice, "visit.accept", **visit)
        await from_phone(database, world.alice, "visit.depart", **visit)
        await from_phone(database, world.alice, "visit.arrive", **visit)
        await confirm_identity(database, world.alice, visit_id)
        await from_phone(database, world.alice, "visit.start", **visit)
        await complete(database, world.alice, visit_id)
    [row] = await every(database, Revisit)
    assert (row.way, row.done_by, row.outcome) == ("visit", world.alice.id, None)
    assert row.done_at == local(23, 10)
    with clock.frozen(at + 2 * DAY):
        await record(database, world, row.id, "stays")
    [row] = await every(database, Revisit)
    assert (row.done_at, row.outcome) == (local(23, 10), "stays")  # when it was, not when noted


async def test_cu_09_the_figures_of_a_month_by_hand(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings, at: datetime
) -> None:
    """CU-09, a worked example. Revisits are due seven days after the entry or the undecided one.

    | customer | reason | entered | due | revisited | said |
    |---|---|---|---|---|---|
    | 1 | price | 23 Nov 8:00 | 30 Nov | 24 Nov | stays |
    | 2 | price | 23 Nov | 30 Nov | 30 Nov 8:00, the last moment | goes |
    | 3 | competition | 23 Nov | 30 Nov | 30 Nov 8:01 | undecided; again due 7 Dec |
    | 4 | quality | 23 Nov | 30 Nov | never |  |
    | 5 | price | 30 Nov 23:30 local | 7 Dec | 1 Dec | goes |
    | 6 | moved_or_closed | 1 Dec 0:30 local | 8 Dec | never; the time is not over |  |

    Looked at on 8 December, 0:00 local. November: 5 entered; due 4 (1 to 4), in time 2, that is
    50 %; kept 1, lost 1, undecided 1. December: 1 entered; due are 3 (again, on the 7th: missed)
    and 5 (in time), the revisit of 6 still waits: 50 %; lost 1.
    """
    late_evening = datetime(2026, 11, 30, 23, 30, tzinfo=HELSINKI)
    at_night = late_evening + timedelta(hours=1)
    entered = [("price", at), ("price", at), ("competition", at), ("quality", at),
               ("price", late_evening), ("moved_or_closed", at_night)]  # fmt: skip
    due = []
    for reason, moment in entered:
        with clock.frozen(moment):
            due.append(await enter(database, world, reason))
    for number, moment, said in (
        (0, at + DAY, "stays"),
        (1, at + 7 * DAY, "goes"),
        (2, at + 7 * DAY + timedelta(minutes=1), "undecided"),
        (4, at + 8 * DAY, "goes"),
    ):
        with clock.frozen(moment):
            await record(database, world, due[number], said)
    looked = datetime(2026, 12, 8, tzinfo=HELSINKI)

    async def asked(path: str, **query: Any) -> Any:
        with clock.frozen(looked):
            headers = bearer(settings, world.sam)
            found = await client.get(path, params=query, headers=headers)
        assert found.status_code == 200, found.text
        return found.json() if path.endswith(("figures", "cases", "revisits")) else found.text

    span = {"from": "2026-11-01", "to": "2026-12-31"}
    figures = await asked("/v1/churn-figures", **span)
    assert figures["goal_percent"] == 100
    november, december = figures["months"]
    names = ("opened", "due", "in_time", "late", "missed", "in_time_percent", "kept", "lost",
             "undecided")  # fmt: skip
    assert [november[name] for name in names] == [5, 4, 2, 1, 1, 50.0, 1, 1, 1]
    assert [december[name] for name in names] == [1, 2, 1, 0, 1, 50.0, 0, 1, 0]
    by_reason = {part["reason"]: part["opened"] for part in november["by_reason"]}
    assert by_reason == {"price": 3, "competition": 1, "quality": 1}
    # The records behind the numbers.
    shown = await asked("/v1/revisits", due_in="2026-11-15", standing="missed")
    assert [row["id"] for row in shown["items"]] == [str(due[3])]
    shown = await asked("/v1/churn-cases", closed_in="2026-12-01", outcome="goes")
    assert [row["reason"] for row in shown["items"]] == ["price"]
    assert len((await asked("/v1/churn-cases", opened_in="2026-11-01"))["items"]) == 5
    for of in ("register", "in_time", "reasons"):
        assert (await asked("/v1/churn-figures/chart.svg", **span, of=of)).startswith("<svg")


async def test_cu_09_a_wrong_entry_is_withdrawn_and_counts_nowhere(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    async def read(path: str, **query: Any) -> Any:
        answer = await client.get(path, params=query, headers=bearer(settings, world.sam))
        return answer.json()

    customer = await somebody(database)
    month = {"from": "2026-11-23", "to": "2026-11-23"}
    empty = await read("/v1/churn-figures", **month)
    revisit = await enter(database, world, "price", customer)
    await record(database, world, revisit, "goes")
    assert await read("/v1/churn-figures", **month) != empty
    [case] = await every(database, ChurnCase)
    wrong = {"churn_case_id": str(case.id), "reason": "The neighbour was meant"}
    await run(database, world.ann, "churn_case.withdraw", **wrong)
    with pytest.raises(ChurnCaseWithdrawn):
        await run(database, world.ann, "churn_case.withdraw", **wrong)
    assert await read("/v1/churn-figures", **month) == empty
    assert (await read("/v1/churn-cases", opened_in="2026-11-01"))["items"] == []
    [shown] = (await read("/v1/churn-cases", withdrawn=True))["items"]
    assert (shown["id"], shown["outcome"]) == (str(case.id), "goes")
    second = await enter(database, world, "price", customer)  # an open one ends with it
    cases = await every(database, ChurnCase)
    again = {"churn_case_id": str(cases[1].id), "reason": "Once more the wrong one"}
    await run(database, world.ann, "churn_case.withdraw", **again)
    with pytest.raises(RevisitOver):
        await record(database, world, second, "stays")
    assert (await read("/v1/churn-cases"))["items"] == []


async def test_cu_07_an_erased_customer_is_revisited_no_more(
    database: Database, world: World, at: datetime
) -> None:
    customer = await somebody(database)
    revisit = await enter(database, world, "price", customer)
    with clock.frozen(at + DAY):
        await run(database, world.ada, "customer.erase", customer_id=str(customer),
                  ground="customer_request")  # fmt: skip
    [case], [row] = await every(database, ChurnCase), await every(database, Revisit)
    assert (case.words, case.outcome, case.closed_at) == ("(erased)", None, at + DAY)
    assert row.withdrawn_at == at + DAY
    with pytest.raises(RevisitOver):
        await record(database, world, revisit, "goes")
