"""Indicators of care and of the plant's record, worked out by hand: FO-01, FO-05, CO-01, RE-06."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import pytest

from fieldops.complaints.models import Complaint
from fieldops.followups.models import FollowUp
from fieldops.kernel import clock, jobs
from fieldops.kernel.audit import Audit
from fieldops.kernel.db import Database
from fieldops.kernel.ids import new_id
from fieldops.kernel.jobs import Machine
from fieldops.kernel.settings import Settings
from fieldops.network.models import NetworkFeature
from fieldops.reports import rollups
from tests.modules.test_indicators import behind, total
from tests.modules.test_indicators_rollups import kept_up, recounted, rolled
from tests.modules.test_reports import WINDOW, Made, Reader, completed, hours, make
from tests.support.factories.network import make_feature
from tests.support.world import NORTH, World, id_of

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)
OCTOBER = datetime.fromisoformat("2026-10-12T08:00:00+00:00")


@pytest.fixture
def reader(client: httpx.AsyncClient, settings: Settings, database: Database) -> Reader:
    return Reader(client, settings, database)


async def ask(database: Database, made: Made, at: datetime, **answer: Any) -> FollowUp:
    """The follow-up of a finished visit, with three days for it."""
    async with database.transaction() as session:
        row = FollowUp(
            region_id=1,
            customer_id=made.visit.customer_id,
            centre_id=NORTH,
            order_id=made.order.id,
            visit_id=made.visit.id,
            technician_id=made.assignment.technician_id,
            matter="install",
            channel="person",
            finished_at=at,
            ask_at=at,
            call_at=at,
            due_at=at,
            latest_at=at + 3 * DAY,
            tries=answer.pop("tries", 0),
            **{"state": "to_call", **answer},
        )
        session.add(row)
    return row


def said(satisfaction: str, at: datetime) -> dict[str, Any]:
    reason = "not_solved" if satisfaction == "dissatisfied" else None
    return {
        "state": "answered",
        "satisfaction": satisfaction,
        "reason": reason,
        "answered_at": at,
        "answer_channel": "person",
    }


async def five_matters(database: Database, at: datetime) -> list[FollowUp]:
    answers: Iterable[dict[str, Any]] = (
        said("very_satisfied", at + 3 * DAY),  # at the last moment
        said("satisfied", at + 3 * DAY + timedelta(seconds=1)),  # too late
        said("dissatisfied", at + DAY),
        {"state": "unreached", "tries": 3},
        {"state": "to_call"},
    )
    return [
        await ask(database, await make(database, completed(window=at)), at, **answer)
        for answer in answers
    ]


async def test_fo_01_follow_ups_are_counted_of_all_matters_finished_and_in_time_when_answered_so(
    database: Database, world: World, reader: Reader
) -> None:
    rows = await five_matters(database, WINDOW)
    assert await total(reader, world, "follow_up_share") == (4, 5, 80.0)
    assert await total(reader, world, "follow_up_in_time") == (2, 5, 40.0)
    assert await behind(reader, world, "follow_up_in_time", counted=True) == {
        str(rows[0].id): 1.0,
        str(rows[2].id): 1.0,
    }


async def test_fo_05_satisfaction_is_of_those_who_answered(
    database: Database, world: World, reader: Reader
) -> None:
    await five_matters(database, WINDOW)
    assert await total(reader, world, "satisfaction") == (2, 3, 66.67)
    own = await total(reader, world, "satisfaction", technician_id=id_of("alice"))
    assert own == (2, 3, 66.67)
    assert await total(reader, world, "satisfaction", service="fixed_line") == (0, 0, None)


async def complain(
    database: Database, made: Made, due: datetime, contacted: datetime | None, **more: Any
) -> Complaint:
    async with database.transaction() as session:
        row = Complaint(
            region_id=1,
            customer_id=made.visit.customer_id,
            centre_id=NORTH,
            order_id=made.order.id,
            channel="phone",
            grade="general",
            topic="speed",
            words="It is slow",
            wants_report=False,
            state="handled",
            arrived_at=due - hours(2),
            contact_due_at=due,
            contacted_at=contacted,
            due_at=due + 2 * DAY,
            department="care",
            owner_id=id_of("ann"),
            handling_department="care",
            handler_id=id_of("ann"),
            **more,
        )
        session.add(row)
    return row


async def test_co_01_a_complaint_counts_when_contacted_or_when_its_limit_is_past(
    database: Database, world: World, reader: Reader
) -> None:
    made = await make(database, completed())
    in_time = await complain(database, made, WINDOW, WINDOW)
    late = await complain(database, made, WINDOW, WINDOW + timedelta(seconds=1))
    silent = await complain(database, made, WINDOW, None)
    ahead = datetime.fromisoformat("2027-01-20T08:00:00+00:00")
    await complain(database, made, ahead, None)  # still has time
    assert await total(reader, world, "complaint_contact") == (1, 3, 33.33)
    assert await behind(reader, world, "complaint_contact") == {
        str(in_time.id): 1.0,
        str(late.id): 0.0,
        str(silent.id): 0.0,
    }
    assert await total(reader, world, "complaint_contact", service="broadband") == (1, 3, 33.33)


async def change_plant(
    database: Database,
    feature: NetworkFeature,
    captured: datetime | None,
    recorded: datetime,
    **after: str | None,
) -> None:
    """A change of a feature as the unit of work would have noted it, by Alice's phone."""
    async with database.transaction() as session:
        row = await session.get(NetworkFeature, (1, feature.id))
        assert row is not None
        row.name = f"box {recorded:%H%M%S} {new_id()}"
        session.add(
            Audit(
                region_id=1,
                at=recorded,
                entity="network_feature",
                entity_id=feature.id,
                entity_version=2,
                action="changed",
                before={},
                after=after or {"name": "box"},
                actor_id=id_of("alice"),
                captured_at=captured,
            )
        )


async def test_re_06_a_change_of_the_plant_is_in_time_when_recorded_within_24_hours(
    database: Database, world: World, reader: Reader
) -> None:
    async with database.transaction() as session:
        feature = await make_feature(session, "distribution_box")
    await change_plant(database, feature, WINDOW, WINDOW + DAY)
    await change_plant(database, feature, WINDOW, WINDOW + DAY + timedelta(seconds=1))
    await change_plant(database, feature, None, WINDOW)  # at a desk: nothing was captured
    for state in ("reserved", "free"):  # claimed and given back: the plant is as it was
        await change_plant(
            database, feature, WINDOW, WINDOW + DAY, state=state, claim_until=str(WINDOW)
        )
    assert await total(reader, world, "resource_timeliness") == (1, 2, 50.0)
    await change_plant(database, feature, WINDOW, WINDOW, state="occupied", claim_until=None)
    assert await total(reader, world, "resource_timeliness") == (2, 3, 66.67)
    own = await total(reader, world, "resource_timeliness", technician_id=id_of("bob"))
    assert own == (0, 0, None)


async def test_kp_02_care_and_plant_of_days_long_past_are_rolled_up_again_when_they_change(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    jobs.use(Machine(database, settings))
    names = ("follow_up_share", "satisfaction", "complaint_contact", "resource_timeliness")
    rows = await five_matters(database, OCTOBER)
    made = await make(database, completed(window=OCTOBER))
    complaint = await complain(database, made, OCTOBER, None)
    async with database.transaction() as session:
        feature = await make_feature(session, "distribution_box")
    await kept_up(database)
    before = [await rolled(database, name) for name in names]
    async with database.transaction() as session:
        row = await session.get(FollowUp, (1, rows[4].id))
        late = await session.get(Complaint, (1, complaint.id))
        assert row is not None
        assert late is not None
        for name, value in said("satisfied", at).items():
            setattr(row, name, value)
        late.contacted_at = OCTOBER - DAY  # as it turns out: contacted the day before
    await change_plant(database, feature, OCTOBER, at)
    await kept_up(database)
    after = [await rolled(database, name) for name in names]
    assert all(one != other for one, other in zip(before, after, strict=True))
    assert after == [await recounted(database, name) for name in names]
    assert clock.now() == at
    assert rollups.UNSETTLED == 3 * DAY
    assert {key[0] for key in after[2]} == {date(2026, 10, 11)}
