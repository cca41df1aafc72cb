"""The indicators as data, their figures worked out by hand, targets and weights by month.

KP-01, KP-02, KP-03, WO-02, WO-04, AP-03, AP-05, ORG-06.
"""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from fieldops.appointments.models import Appointment
from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings
from fieldops.notifications.models import Message
from fieldops.orders.models import WorkOrder
from fieldops.reports import facts, registry
from fieldops.reports.errors import (
    MonthIsOver,
    TargetOutOfBounds,
    WeightsOutOfOrder,
    WeightUnknown,
)
from fieldops.reports.registry import DEFAULT_WEIGHTS, REGISTRY, SERVICE_WEIGHTS, TIER_WEIGHTS
from fieldops.visits.models import Assignment, VisitWork
from tests.modules.test_reports import (
    WINDOW,
    Made,
    Plan,
    Reader,
    completed,
    hours,
    make,
    make_fault,
)
from tests.support.clients import bearer
from tests.support.run import run
from tests.support.world import FIRM, NORTH, SOUTH, World, id_of

pytestmark = pytest.mark.anyio

DAY = date(2026, 11, 23)
LATER = datetime(2026, 12, 30, tzinfo=UTC)
INDICATORS = "/v1/indicators"


@pytest.fixture
def reader(client: httpx.AsyncClient, settings: Settings, database: Database) -> Reader:
    return Reader(client, settings, database)


async def asked(reader: Reader, world: World, name: str, who: str = "sam", **params: Any) -> Any:
    """Ask an indicator over November and December as they look in January."""
    days = {"from_": "2026-11-01", "to": "2026-12-31", **params}
    with clock.frozen(datetime(2027, 1, 4, 6, 0, tzinfo=UTC)):
        return await reader.get(world.actors[who], f"{INDICATORS}/{name}", **days)


async def total(reader: Reader, world: World, name: str, **params: Any) -> tuple[Any, ...]:
    found = (await asked(reader, world, name, **params))["total"]
    return found["numerator"], found["denominator"], found["value"]


async def behind(reader: Reader, world: World, name: str, **params: Any) -> dict[str, float]:
    """The records of an indicator with what each adds to the numerator."""
    found = await asked(reader, world, f"{name}/records", **params)
    return {record["id"]: record["numerator"] for record in found["items"]}


async def change(database: Database, model: Any, row_id: Any, **values: Any) -> None:
    async with database.transaction() as session:
        row = await session.get(model, (1, row_id))
        assert row is not None
        for name, value in values.items():
            setattr(row, name, value)


def test_kp_02_every_indicator_says_in_both_languages_what_it_counts_and_has_its_statement() -> (
    None
):
    assert facts.STATEMENTS.keys() == REGISTRY.keys()
    for one in REGISTRY.values():
        assert one.title_en
        assert one.title_zh
        assert all(text.endswith(".") for text in (one.numerator, one.denominator, one.day))
        assert one.title_zh != one.title_en


def test_kp_03_a_sum_weighs_each_record_by_service_and_tier() -> None:
    one = registry.Sum()
    one.add(1, 1, 1, DEFAULT_WEIGHTS.of("broadband", "diamond"))  # 1.5 x 2
    one.add(0, 1, 1, DEFAULT_WEIGHTS.of("fixed_line", "basic"))  # 1 x 1
    assert one.value(registry.Unit.PERCENT) == 50.0
    assert one.score(registry.Unit.PERCENT) == 75.0  # 3 of 4
    assert registry.Sum().value(registry.Unit.PERCENT) is None


def test_an_indicator_is_met_from_its_own_side() -> None:
    assert registry.met(93.0, 93.0, registry.Direction.HIGHER)
    assert registry.met(5.01, 5.0, registry.Direction.LOWER) is False
    assert registry.met(None, 5.0, registry.Direction.LOWER) is None


# KP-01 by the registry: the worked example, by all of its edges


async def november(database: Database, at: datetime) -> dict[str, Made]:
    """Ten appointments, of which nine are due and five are kept."""
    night = datetime(2026, 11, 23, 21, 30, tzinfo=UTC)  # 23:30 to 01:30 in Helsinki
    made = {
        "kept": await make(database, completed(kind="change")),
        "over midnight": await make(database, completed(kind="change", window=night, done=1.0)),
        "moved once": await make(
            database, completed(kind="change", promise={"operator_reschedules": 1})
        ),
        "moved twice": await make(
            database, completed(kind="change", promise={"operator_reschedules": 2})
        ),
        "too late": await make(database, completed(kind="change", arrived=2.5, done=3)),
        "fault on day 15": await make(database, completed()),
        "fault on day 16": await make(database, completed()),
        "another day": await make(database, completed(kind="change", done=26)),
        "sound install": await make(database, completed()),
        "withdrawn": await make(
            database,
            Plan(
                state="cancelled",
                appointment="cancelled",
                visit={
                    "next_step": "work_ended",
                    "end_reason": "withdrawn",
                    "end_cause": "customer",
                    "cancelled_at": at,
                },
            ),
        ),
    }
    await make_fault(database, made["fault on day 15"], timedelta(days=15))
    await make_fault(database, made["fault on day 16"], timedelta(days=16))
    return made


KEPT = {"kept", "over midnight", "moved once", "fault on day 16", "sound install"}


async def test_kp_01_the_registry_counts_what_the_rule_judges_to_the_record(
    database: Database, world: World, reader: Reader, at: datetime
) -> None:
    made = await november(database, at)
    assert await total(reader, world, "kept_appointments") == (5, 9, 55.56)
    found = await behind(reader, world, "kept_appointments")
    assert found == {
        str(one.appointment.id): float(name in KEPT)
        for name, one in made.items()
        if name != "withdrawn"
    }
    for now in (WINDOW - hours(1), WINDOW + hours(1), WINDOW + hours(30), LATER):
        with clock.frozen(now):
            days = {"from_": "2026-11-01", "to": "2026-12-31"}
            own = await reader.get(world.sam, f"{INDICATORS}/kept_appointments", **days)
            page = f"{INDICATORS}/kept-appointments"
            judged = await reader.get(world.sam, page, **days, by="month")
            each = await reader.get(
                world.sam, f"{page}/records", from_="2026-11-01", to="2026-11-30", limit=200
            )
        assert own["total"]["numerator"] == judged["total"]["kept"]
        assert own["total"]["denominator"] == judged["total"]["due"]
        # The page counts by statements, the records behind it are judged one by one.
        standings = Counter(record["standing"] for record in each["items"])
        assert judged["total"]["kept"] == standings["kept"]
        assert judged["total"]["open"] == standings["open"]
        assert judged["misses"] == Counter(m for one in each["items"] for m in one["misses"])
        assert judged["total"]["provisional"] == sum(one["provisional"] for one in each["items"])
        assert [p["first_day"] for p in judged["periods"]] == ["2026-11-01"]


async def test_kp_01_open_appointments_are_counted_by_neither_until_their_day_is_over(
    database: Database, world: World, reader: Reader
) -> None:
    await make(database, Plan())
    for now, due in ((WINDOW + hours(1), 0), (WINDOW + hours(30), 1)):
        with clock.frozen(now):
            days = {"from_": DAY, "to": DAY}
            found = await reader.get(world.sam, f"{INDICATORS}/kept_appointments", **days)
        assert found["total"]["denominator"] == due


# On time


async def test_kp_02_install_on_time_is_decided_when_done_or_due_and_not_while_the_clock_stands(
    database: Database, world: World, reader: Reader
) -> None:
    early = await make(database, completed())
    late = await make(database, completed())
    overdue = await make(database, Plan())
    waiting = await make(database, Plan())
    withdrawn = await make(database, Plan())
    ahead = await make(database, Plan())
    of_repair = await make(database, completed(kind="repair"))
    for made in (early, of_repair):
        await change(database, WorkOrder, made.work.id, due_at=made.visit.ended_at)  # to the second
    await change(database, WorkOrder, late.work.id, due_at=WINDOW)
    for made in (overdue, waiting, withdrawn):
        await change(database, WorkOrder, made.work.id, due_at=WINDOW)
    stopped = {"clock_stopped_at": WINDOW - hours(2), "resume_on": DAY, "state_reason": "away"}
    await change(database, WorkOrder, waiting.work.id, state="suspended", **stopped)
    await change(database, WorkOrder, withdrawn.work.id, state="cancelled")
    await change(database, WorkOrder, ahead.work.id, due_at=datetime(2027, 2, 1, tzinfo=UTC))
    assert await total(reader, world, "install_on_time") == (1, 3, 33.33)
    assert await behind(reader, world, "install_on_time") == {
        str(early.work.id): 1.0,
        str(late.work.id): 0.0,
        str(overdue.work.id): 0.0,
    }
    assert await total(reader, world, "repair_on_time") == (1, 1, 100.0)


async def test_wo_04_work_suspended_by_the_customer_is_on_time_by_the_due_time_that_moved(
    database: Database, world: World, reader: Reader
) -> None:
    made = await make(database, completed())
    assert made.visit.ended_at is not None
    moved = made.visit.ended_at + hours(1)
    await change(database, WorkOrder, made.work.id, due_at=moved, suspended_seconds=2 * 86_400)
    assert await total(reader, world, "install_on_time") == (1, 1, 100.0)


async def test_kp_02_who_was_given_the_work_in_the_end_answers_for_it(
    database: Database, world: World, reader: Reader
) -> None:
    made = await make(database, completed())
    await change(
        database, Assignment, made.assignment.id, ended_at=WINDOW, ended_reason="given to another"
    )
    async with database.transaction() as session:
        session.add(
            Assignment(
                region_id=1,
                visit_id=made.visit.id,
                technician_id=id_of("kim"),
                centre_id=NORTH,
                is_contact=True,
                state="done",
                assigned_at=WINDOW - hours(9),
            )
        )
    found = await asked(reader, world, "install_on_time", group="technician")
    assert [(part["group"], part["group_name"]) for part in found["parts"]] == [
        (str(id_of("kim")), "Kim")
    ]
    assert await total(reader, world, "install_on_time", firm_id=FIRM) == (0, 1, 0.0)
    assert await total(reader, world, "install_on_time", staff="own") == (0, 0, None)


# Repairs


async def test_kp_02_a_repair_is_repeated_by_the_same_service_within_30_days_and_no_later(
    database: Database, world: World, reader: Reader
) -> None:
    sound = await make(database, completed(kind="repair"))
    repeated = await make(database, completed(kind="repair"))
    later = await make(database, completed(kind="repair"))
    other = await make(database, completed(kind="repair"))
    await make_fault(database, repeated, timedelta(days=30))
    await make_fault(database, later, timedelta(days=30, seconds=1))
    await change(database, WorkOrder, other.work.id, service="fixed_line")
    await make_fault(database, other, timedelta(days=1))  # of broadband
    assert await total(reader, world, "repeat_faults") == (1, 4, 25.0)
    assert await behind(reader, world, "repeat_faults", counted=True) == {
        str(repeated.work.id): 1.0
    }
    assert str(sound.work.id) in await behind(reader, world, "repeat_faults", counted=False)


async def test_kp_02_a_repair_is_fixed_at_once_when_no_trip_was_made_for_it_before(
    database: Database, world: World, reader: Reader
) -> None:
    at_once = await make(database, completed(kind="repair"))
    again = await make(database, completed(kind="repair"))
    failed = {
        "ended_at": WINDOW - hours(20),
        "next_step": "new_appointment",
        "end_reason": "no_parts",
        "told_customer": "we come again",
    }
    first = await make(
        database, Plan(window=WINDOW - hours(22), kind="repair", state="failed", visit=failed)
    )
    async with database.transaction() as session:
        session.add(
            VisitWork(
                region_id=1,
                visit_id=first.visit.id,
                work_order_id=again.work.id,
                centre_id=NORTH,
                ended_at=WINDOW - hours(20),
                outcome="new_appointment",
            )
        )
    assert await behind(reader, world, "first_time_fix") == {
        str(at_once.work.id): 1.0,
        str(again.work.id): 0.0,
    }
    assert await total(reader, world, "first_time_fix") == (1, 2, 50.0)


async def test_wo_02_the_registry_counts_orders_in_one_visit_as_their_own_page_does(
    database: Database, world: World, reader: Reader
) -> None:
    for kind in ("install", "repair"):
        made = await make(database, completed(kind=kind))
        async with database.transaction() as session:
            order = await session.get(type(made.order), (1, made.order.id))
            assert order is not None
            order.state, order.closed_at = "completed", made.visit.ended_at
    own = await total(reader, world, "one_visit")
    page = (await asked(reader, world, "one-visit"))["total"]
    assert own == (page["in_one_visit"], page["orders"], page["share_percent"]) == (2, 2, 100.0)


# What the customer was told


async def test_ap_03_only_a_confirmation_of_the_last_window_before_it_opened_counts(
    database: Database, world: World, reader: Reader
) -> None:
    await make(database, Plan(appointment="confirmed"))
    await make(database, Plan(appointment="booked"))
    await make(
        database, completed(promise={"operator_reschedules": 2})
    )  # moved a second time, and nobody asked again
    for said_at in (WINDOW, WINDOW + timedelta(seconds=1)):
        made = await make(database, completed())
        await change(database, Appointment, made.appointment.id, confirmed_at=said_at)
    await make(database, Plan(window=datetime(2027, 1, 20, tzinfo=UTC)))  # has yet to come
    assert await total(reader, world, "reconfirmed") == (2, 5, 40.0)


async def test_ap_05_a_notice_counts_when_it_went_out_before_somebody_was_at_the_door(
    database: Database, world: World, reader: Reader
) -> None:
    async def told(made: Made, state: str, claimed: datetime | None) -> None:
        async with database.transaction() as session:
            session.add(
                Message(
                    region_id=1,
                    visit_id=made.visit.id,
                    customer_id=made.visit.customer_id,
                    centre_id=NORTH,
                    kind="half_hour_notice",
                    dedupe_key=str(new_id()),
                    state=state,
                    due_at=WINDOW,
                    not_after=WINDOW,
                    window_start=WINDOW,
                    window_end=WINDOW + hours(2),
                    claimed_at=claimed,
                )
            )

    in_time = await make(database, completed())
    await told(in_time, "sent", WINDOW - hours(0.5))
    await told(await make(database, completed()), "sent", WINDOW + hours(0.2))
    await told(await make(database, completed()), "expired", None)
    await make(database, completed())
    await make(database, Plan())  # nobody came
    assert await total(reader, world, "half_hour_notice") == (1, 4, 25.0)
    assert await behind(reader, world, "half_hour_notice", counted=True) == {
        str(in_time.visit.id): 1.0
    }


# Times and jobs


async def test_kp_02_mean_travel_and_on_site_times_are_minutes_of_those_that_are_known(
    database: Database, world: World, reader: Reader
) -> None:
    for minutes in (20, 40):
        way = {"departed_at": WINDOW - timedelta(minutes=minutes), "arrived_at": WINDOW}
        await make(database, completed(arrived=0, done=minutes / 40, way=way))
    await make(database, Plan(way={"departed_at": WINDOW}))
    assert await total(reader, world, "mean_travel") == (60, 2, 30.0)
    assert await total(reader, world, "mean_on_site") == (90, 2, 45.0)  # 30 and 60


async def test_kp_02_jobs_per_day_divides_visits_by_days_worked_and_a_cut_by_its_part_of_them(
    database: Database, world: World, reader: Reader
) -> None:
    for _ in range(3):
        await make(database, completed())
    await make(database, completed(window=WINDOW + timedelta(days=1)))
    last = await make(database, completed(window=WINDOW + timedelta(days=1)))
    await change(database, WorkOrder, last.work.id, service="fixed_line")
    await make(database, completed(technician="kim"))
    # Alice: 3 visits on one day and 2 on the next; Kim one: 6 visits in 3 days.
    assert await total(reader, world, "jobs_per_day") == (6, 3, 2.0)
    found = await asked(reader, world, "jobs_per_day", group="service")
    assert [(p["group"], p["numerator"], p["denominator"]) for p in found["parts"]] == [
        ("broadband", 5, 2.5),
        ("fixed_line", 1, 0.5),
    ]


# Cuts, scope, pages


async def test_kp_02_an_indicator_is_cut_by_group_and_period_and_the_parts_add_up(
    database: Database, world: World, reader: Reader
) -> None:
    late = datetime(2026, 11, 29, 22, 30, tzinfo=UTC)  # 00:30 on Monday in Helsinki
    await make(database, completed(kind="repair"))
    await make(database, completed(kind="repair", technician="kim"))
    await make(database, completed(kind="repair", window=late))
    await make(database, completed(kind="repair", centre=SOUTH, technician="carol"))
    for group in ("none", "centre", "staff", "firm", "technician", "service", "tier"):
        for by in ("none", "day", "week", "month"):
            found = await asked(reader, world, "first_time_fix", group=group, by=by)
            assert found["total"]["denominator"] == 4
            if (group, by) != ("none", "none"):
                assert sum(part["denominator"] for part in found["parts"]) == 4, (group, by)
    weeks = await asked(reader, world, "first_time_fix", by="week", group="centre")
    assert [(p["first_day"], p["group_name"], p["denominator"]) for p in weeks["parts"]] == [
        ("2026-11-23", "North", 2),
        ("2026-11-23", "South", 1),
        ("2026-11-30", "North", 1),
    ]


async def test_org_02_an_indicator_keeps_to_centres_and_a_manager_counts_the_own_firm(
    database: Database, world: World, reader: Reader
) -> None:
    await make(database, completed(kind="repair"))
    await make(database, completed(kind="repair", technician="kim"))
    assert await total(reader, world, "first_time_fix", who="mia") == (1, 1, 100.0)
    assert await total(reader, world, "first_time_fix", who="dan") == (0, 0, None)
    assert await total(reader, world, "first_time_fix", who="tess") == (0, 0, None)
    for params in ({"centre_id": NORTH}, {"technician_id": id_of("alice")}):
        assert await asked(reader, world, "first_time_fix", who="dan", **params) == "not_found"
    assert await asked(reader, world, "unheard_of") == "not_found"
    assert await asked(reader, world, "first_time_fix", who="alice") == "forbidden"


async def test_kp_02_the_records_come_in_pages_in_the_order_asked_for_and_leave_as_a_file(
    database: Database, world: World, reader: Reader, settings: Settings
) -> None:
    for minutes in (30, 10, 20):
        await make(database, completed(arrived=0, done=minutes / 60))
    seen: list[float] = []
    more: dict[str, Any] = {}
    while True:
        page = await asked(
            reader, world, "mean_on_site/records", sort="-numerator", limit=1, **more
        )
        seen += [item["numerator"] for item in page["items"]]
        if page["next"] is None:
            break
        more = {"after": page["next"]}
    assert seen == [30, 20, 10]
    answer = await reader.client.post(
        "/v1/exports",
        headers=bearer(settings, world.sam),
        json={
            "operation": "indicator_records",
            "query": {"name": "mean_on_site", "from": "2026-11-01", "to": "2026-11-30"},
            "format": "csv",
            "reason": "Weekly meeting",
        },
    )
    assert answer.status_code == 200, answer.text
    assert len(answer.text.splitlines()) == 4


# KP-03


async def set_target(database: Database, world: World, month: str, value: float) -> Any:
    aim = {"name": "first_time_fix", "value": value, "month": month, "reason": "as agreed"}
    return await run(database, world.ada, "indicator.set_target", **aim)


async def test_kp_03_a_target_holds_from_its_month_on_and_never_for_a_former_one(
    database: Database, world: World, reader: Reader
) -> None:
    await make(database, completed(kind="repair"))
    await set_target(database, world, "2026-12-15", 90)
    found = await asked(reader, world, "first_time_fix", to="2026-12-31", by="month")
    assert found["total"]["target"] == 90
    assert [part["target"] for part in found["parts"]] == [85]  # November's, as it was
    with clock.frozen(datetime(2027, 1, 1, 0, 0, tzinfo=UTC)):
        with pytest.raises(MonthIsOver):
            await set_target(database, world, "2026-12-01", 50)
        await set_target(database, world, "2027-01-01", 50)
    assert (await asked(reader, world, "first_time_fix"))["total"]["target"] == 90


async def test_kp_03_targets_and_weights_out_of_bounds_or_order_are_refused(
    database: Database, world: World
) -> None:
    with pytest.raises(TargetOutOfBounds):
        await set_target(database, world, "2026-12-01", 101)
    upside_down = {**TIER_WEIGHTS, "gold": 3.0}
    for tiers, refusal in ((upside_down, WeightsOutOfOrder), ({"gold": 1.0}, WeightUnknown)):
        with pytest.raises(refusal):
            await run(
                database,
                world.ada,
                "indicator.set_weights",
                month="2026-12-01",
                services=SERVICE_WEIGHTS,
                tiers=tiers,
                reason="as agreed",
            )


async def test_kp_03_scores_weigh_by_the_months_own_weights(
    database: Database, world: World, reader: Reader
) -> None:
    for window in (WINDOW, WINDOW + timedelta(days=14)):  # in November and in December
        await make(database, completed(window=window, arrived=0, done=1))
        slow = await make(database, completed(window=window, arrived=0, done=2))
        await change(database, WorkOrder, slow.work.id, service="fixed_line")
    services = {"broadband": 3.0, "fixed_line": 1.0}
    await run(
        database,
        world.ada,
        "indicator.set_weights",
        month="2026-12-01",
        services=services,
        tiers=TIER_WEIGHTS,
        reason="as agreed",
    )
    found = await asked(reader, world, "mean_on_site", by="month")
    assert [(p["value"], p["score"]) for p in found["parts"]] == [
        (90.0, 84.0),  # (60 x 1.5 + 120) / 2.5
        (90.0, 75.0),  # (60 x 3 + 120) / 4
    ]
    listed = await reader.get(world.sam, INDICATORS, month="2026-12-24")
    assert listed["service_weights"] == services
    assert (await reader.get(world.sam, INDICATORS))["service_weights"] == SERVICE_WEIGHTS
    assert [one["name"] for one in listed["indicators"]] == list(REGISTRY)


async def test_an_indicator_takes_as_many_statements_for_many_records_as_for_one(
    database: Database, world: World, reader: Reader
) -> None:
    await make(database, completed())
    await asked(reader, world, "kept_appointments", group="technician")
    for_one = reader.statements
    for _ in range(4):
        await make(database, completed(technician="kim"))
    await asked(reader, world, "kept_appointments", group="technician")
    assert reader.statements == for_one <= 20
