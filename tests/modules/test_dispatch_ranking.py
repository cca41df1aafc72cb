"""Who can do one job and who should, with reasons in words (ORG-03, ORG-06, ORG-07, AP-01)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import event, select

from fieldops.appointments.slots.calendars import Certificate
from fieldops.customers.models import Premises
from fieldops.dispatch import wording
from fieldops.dispatch.queries import ranking as reading
from fieldops.dispatch.ranking import (
    Candidate,
    Job,
    Person,
    Promise,
    Weights,
    Why,
    rank,
)
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.organisation.models import Leave
from fieldops.visits import queries as visits
from tests.support.clients import bearer
from tests.support.factories.appointments import (
    BROADBAND,
    FIXED,
    book,
    local,
    planned_visit,
    window,
)
from tests.support.factories.visits import arrive
from tests.support.run import run
from tests.support.world import NORTH, SOUTH, World, id_of

MONDAY = date(2026, 11, 23)
NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
LONG = Certificate("fibre", date(2020, 1, 1), date(2030, 1, 1))
JOB = Job(frozenset({"fibre"}), MONDAY, NINE, NINE + 2 * HOUR, 90)
WEIGHTS = Weights(15, 8, 20, 730, 5, 3)
ANNA = Person(
    UUID(int=1), "Anna", None, (LONG,), ((NINE - HOUR, NINE + 8 * HOUR),), None, (), 0, 300.0
)
HELSINKI = ZoneInfo("Europe/Helsinki")


def judged(job: Job = JOB, **changes: Any) -> Candidate:
    return rank(job, [replace(ANNA, **changes)], WEIGHTS)[0]


def codes(candidate: Candidate) -> set[str]:
    return {r.code.value for r in (*candidate.reasons, *candidate.hindrances)}


def test_who_is_near_free_and_certified_can() -> None:
    anna = judged()
    assert anna.can
    assert anna.whole
    assert codes(anna) == {"near", "free_day"}
    assert anna.score == 5.0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"certificates": ()}, Why.NO_SKILL),
        (
            {"certificates": (replace(LONG, valid_until=date(2026, 11, 22)),)},
            Why.CERTIFICATE_ENDED,
        ),
        (
            {"certificates": (replace(LONG, valid_from=date(2026, 11, 24)),)},
            Why.CERTIFICATE_BEGINS,
        ),
        ({"working": (), "leave": "sick"}, Why.AWAY),
        ({"working": ()}, Why.OFF_DUTY),
        ({"working": ((NINE - HOUR, NINE + HOUR),)}, Why.SHIFT_TOO_SHORT),
        ({"promises": (Promise(UUID(int=9), NINE + HOUR, NINE + 3 * HOUR, 0, 0),)}, Why.PROMISED),
        ({"free_from": NINE + HOUR, "way_s": 3601.0}, Why.TOO_FAR),
        ({"promises": (Promise(UUID(int=9), NINE - 2 * HOUR, NINE, 7201, 0),)}, Why.PROMISED),
        ({"firm_id": UUID(int=7), "firm_here": False}, Why.FIRM_NOT_HERE),
    ],
)
def test_org_03_org_07_what_must_be_keeps_a_candidate_out_and_says_so(
    changes: dict[str, Any], code: Why
) -> None:
    anna = judged(**changes)
    assert not anna.can
    assert [r.code for r in anna.hindrances] == [code]
    said = wording.sentence(code.value, anna.hindrances[0].details, HELSINKI)
    assert said["en"] != said["zh_CN"]
    assert "{" not in said["en"] + said["zh_CN"]


def test_ap_01_a_job_goes_between_two_promises_when_work_and_ways_fit() -> None:
    early = Promise(UUID(int=8), NINE - HOUR, NINE + HOUR / 2, 600, 600)
    late = Promise(UUID(int=9), NINE + 2.5 * HOUR, NINE + 3 * HOUR, 600, 600)
    between = judged(promises=(early, late))
    assert between.can
    assert between.arrives_at == NINE + HOUR / 2 + timedelta(minutes=10)
    assert between.extra_way_s == 1200
    assert not judged(replace(JOB, minutes=101), promises=(early, late)).can


def test_org_03_a_certificate_is_good_on_its_last_day() -> None:
    assert judged(certificates=(replace(LONG, valid_until=MONDAY),)).can


def test_org_06_follow_up_work_stays_with_the_operators_own_staff() -> None:
    """ORG-06: a contractor's technician is not offered care work."""
    job = replace(JOB, own_work=True)
    assert judged(job).can
    assert codes(judged(job, firm_id=UUID(int=7))) >= {"operators_own", "contractor"}
    assert judged(firm_id=UUID(int=7)).can


def test_half_of_a_pair_is_offered_after_who_can_do_it_all() -> None:
    job = replace(JOB, skills=frozenset({"fibre", "fixed_line"}))
    both = replace(
        ANNA,
        technician_id=UUID(int=2),
        name="Bea",
        way_s=3000.0,
        certificates=(LONG, replace(LONG, skill="fixed_line")),
    )
    first, second = rank(job, [ANNA, both], WEIGHTS)
    assert (first.name, first.whole) == ("Bea", True)
    assert (second.can, second.whole, second.covers) == (True, False, ("fibre",))
    said = wording.sentence("part_only", second.reasons[0].details, HELSINKI)
    assert said["en"] == "Can do fibre only; somebody else is needed for fixed line."
    assert said["zh_CN"] == "只能做 光纤；固定电话 需另派人员。"


@pytest.mark.parametrize(
    ("people", "crew", "more"),
    [(1, (), None), (2, (), 1), (3, (9,), 1), (2, (1,), 1), (2, (9,), None), (2, (1, 9), None)],
)
def test_vi_01_a_candidate_is_said_to_need_others_where_too_few_would_be_there(
    people: int, crew: tuple[int, ...], more: int | None
) -> None:
    """Anna is number 1; who is on the visit already counts."""
    anna = judged(replace(JOB, people=people, crew=frozenset(UUID(int=n) for n in crew)))
    assert anna.can
    said = [r for r in anna.reasons if r.code is Why.NEEDS_ANOTHER]
    assert [r.details for r in said] == ([] if more is None else [{"people": people, "more": more}])
    if said:
        text = wording.sentence("needs_another", said[0].details, HELSINKI)
        assert text["en"].startswith(f"The work takes {people} technicians at once: {more} more")


@pytest.mark.anyio
async def test_vi_01_work_that_takes_two_people_says_so_with_every_candidate(
    client: httpx.AsyncClient, database: Database, world: World, settings: Settings
) -> None:
    number = {"name": "technicians_install", "value": 2, "reason": "ladders"}
    await run(database, world.ada, "rule.set_number", **number)
    planned = await planned_visit(database, world.dora, items=(FIXED,))
    path, headers = f"/v1/visits/{planned.visit_id}/candidates", bearer(settings, world.dora)
    body = (await client.get(path, params=window(local(24, 10)), headers=headers)).json()
    assert body["people"] == 2
    first = [c["reasons"][0]["code"] for c in body["candidates"] if c["can"]]
    assert len(first) > 1
    assert set(first) == {"needs_another"}
    await book(database, world.dora, planned.visit_id, local(24, 10), "alice")
    body = (await client.get(path, headers=headers)).json()
    codes_of = {c["name"]: {r["code"] for r in c["reasons"]} for c in body["candidates"]}
    assert "needs_another" in codes_of["Alice"]
    assert "needs_another" not in codes_of["Bob"]


@pytest.mark.parametrize(
    ("better", "worse", "job"),
    [
        ({"way_s": 300.0}, {"way_s": 900.0}, JOB),
        ({"way_s": 900.0, "home_visits": 2}, {"way_s": 300.0}, JOB),
        ({"way_s": 600.0, "building_visits": 1}, {"way_s": 300.0}, JOB),
        ({}, {"day_minutes": 240}, JOB),
        (
            {"way_s": 1200.0},
            {"way_s": 300.0, "certificates": (replace(LONG, valid_from=date(2026, 1, 1)),)},
            replace(JOB, demanding=True),
        ),
        (
            {"way_s": 1200.0, "certificates": (LONG, replace(LONG, skill="enterprise"))},
            {"way_s": 300.0},
            replace(JOB, enterprise=True),
        ),
        (
            {},
            {"certificates": (LONG, replace(LONG, skill="a"), replace(LONG, skill="b"))},
            JOB,
        ),
    ],
    ids=["near", "home", "building", "load", "practice for VIPs", "certificate for firms", "rare"],
)
def test_who_should_go_first(better: Any, worse: Any, job: Job) -> None:
    people = [
        replace(ANNA, **worse),
        replace(ANNA, technician_id=UUID(int=2), name="Zoe", **better),
    ]
    assert rank(job, people, WEIGHTS)[0].name == "Zoe"


def test_every_reason_has_its_sentence_in_both_languages() -> None:
    assert set(wording._sentences()) >= {why.value for why in Why}
    assert all(set(said) == {"en", "zh_CN"} for said in wording._sentences().values())


@pytest.mark.anyio
async def test_a_dispatcher_asks_who_can_do_a_visit_and_reads_why(
    client: httpx.AsyncClient, database: Database, world: World, settings: Settings
) -> None:
    done = await planned_visit(database, world.dora, items=(BROADBAND,))
    await book(database, world.dora, done.visit_id, local(23, 9), "kim")
    await arrive(database, world.kim, done.visit_id, local(23, 9))
    planned = await planned_visit(database, world.dora, items=(BROADBAND,))
    async with database.transaction() as session:
        for home in await session.scalars(select(Premises).where(Premises.region_id == 1)):
            home.house_number = "7"  # two flats of one building
        leave = Leave(
            region_id=1,
            technician_id=id_of("alice"),
            centre_id=NORTH,
            kind="sick",
            starts_at=local(24, 0),
            ends_at=local(25, 0),
        )
        session.add(leave)
    path = f"/v1/visits/{planned.visit_id}/candidates"
    headers = bearer(settings, world.dora)
    assert (await client.get(path, headers=headers)).json()["code"] == "visit_without_time"
    for start in ("0001-01-01T08:00Z", "9999-12-31T08:00Z"):
        never = {"window_start": start, "window_end": start.replace("08", "09")}
        answer = await client.get(path, params=never, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_arguments")
    answer = await client.get(path, params=window(local(24, 10)), headers=headers)
    body = answer.json()
    assert [c["name"] for c in body["candidates"]] == ["Kim", "Alice", "Bob"]
    kim, alice, bob = body["candidates"]
    assert kim["can"]
    assert {r["code"] for r in kim["reasons"]} >= {"contractor", "knows_building", "free_day"}
    assert [r["text"]["en"] for r in alice["hindrances"]] == ["Is away (ill)."]
    assert [r["code"] for r in bob["hindrances"]] == ["no_skill"]
    assert "South" not in str(body)  # Carol is of another centre
    assert SOUTH != NORTH


@pytest.mark.anyio
async def test_a_ranking_takes_few_statements_however_many_there_are(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora, items=(FIXED,))
    counted: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        counted.append(statement)

    async with database.transaction() as session:
        visit = await visits.lock_any_visit(session, 1, planned.visit_id)
        event.listen(database.engine.sync_engine, "before_cursor_execute", note)
        try:
            await reading.candidates(session, visit, local(24, 10), local(24, 12), local(23, 8))
        finally:
            event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert 5 < len(counted) <= 18
