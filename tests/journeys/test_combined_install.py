"""A combined install that needs two technicians, over HTTP: from the windows to both at work.

Bob has fixed lines, Nora has copper broadband, nobody has both: the order's one visit (WO-02) takes
both of them at the same time, and the customer has one contact (VI-01).
"""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import delete, update

from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.orders.commands.catalogue import lay_out_reasons
from fieldops.organisation.models import (
    Person,
    Qualification,
    RoleGrant,
    Shift,
    Technician,
)
from tests.journeys.desks import Desks
from tests.support.factories.appointments import BROADBAND, FIXED, local
from tests.support.factories.customers import make_customer, make_premises
from tests.support.servers import serving
from tests.support.world import NORTH, build_world, id_of

pytestmark = pytest.mark.anyio

NORA = id_of("nora")


async def two_trades(database: Database) -> None:
    """Let Bob and Nora be the only ones of North with a trade, one each; Nora works from nine."""
    async with database.transaction() as session:
        await lay_out_reasons(session)
        away = [id_of("alice"), id_of("kim")]
        await session.execute(
            delete(Qualification).where(
                Qualification.region_id == 1, Qualification.technician_id.in_(away)
            )
        )
        session.add(
            Person(
                id=NORA, email="nora@fieldops.example", name="Nora", home_region=1, kind="person"
            )
        )
        await session.flush()
        session.add(RoleGrant(person_id=NORA, unit_id=NORTH, role="technician"))
        session.add(
            Technician(
                region_id=1, id=NORA, centre_id=NORTH, name="Nora", certificate_number="C-NORA",
                start_longitude=24.97, start_latitude=60.17,
            )
        )  # fmt: skip
        await session.flush()
        of_nora = {"region_id": 1, "technician_id": NORA, "centre_id": NORTH}
        session.add(
            Qualification(
                **of_nora, skill="copper_broadband", certificate_number="Q-NORA",
                valid_from=date(2026, 1, 1), valid_until=date(2027, 12, 31),
            )
        )  # fmt: skip
        session.add_all(
            Shift(**of_nora, weekday=day, starts=time(9), ends=time(17)) for day in range(1, 6)
        )
        await session.execute(
            update(Technician)
            .where(Technician.region_id == 1, Technician.id == id_of("bob"))
            .values(start_longitude=24.95)
        )


async def test_vi_01_a_combined_install_that_needs_two_technicians_is_one_promise(
    committed: tuple[Database, Settings],
) -> None:
    database, settings = committed
    world = await build_world(database)
    await two_trades(database)
    async with database.transaction() as session:
        customer, premises = await make_customer(session), await make_premises(session)
    with serving(settings) as url:
        async with httpx.AsyncClient(base_url=url, timeout=60) as http:
            await _play(Desks(http, database, settings, world), str(customer.id), str(premises.id))


async def _play(office: Desks, customer_id: str, premises_id: str) -> None:
    made = await office.post(
        "/v1/orders", "ivan", external_ref="COMBINED", customer={"id": customer_id},
        premises={"id": premises_id}, items=[FIXED, BROADBAND],
    )  # fmt: skip
    visit_id = made["visit"]
    visit = await office.get(f"/v1/visits/{visit_id}")
    assert (len(visit["work"]), visit["state"]) == (2, "planned"), "WO-02: one visit for both"

    listed = await office.get(f"/v1/visits/{visit_id}/slots", starts=local(24, 0).isoformat())
    offer = listed["items"][0]
    assert set(offer["technician_ids"]) == {str(id_of("bob")), str(NORA)}
    arrival = datetime.fromisoformat(offer["arrival"])
    assert local(24, 9) < arrival, "Nora begins at nine and drives first"
    assert offer["extra_travel_minutes"] > 0

    wanted = {
        "window_start": offer["start"], "window_end": offer["end"], "arrival": offer["arrival"],
        "technician_ids": offer["technician_ids"],
    }  # fmt: skip
    await office.post(f"/v1/visits/{visit_id}/slots/hold", **wanted)
    booked = await office.post(
        "/v1/appointments", visit_id=visit_id, **wanted, channel="phone",
        customer_said="Both at once, good.",
    )  # fmt: skip

    visit = await office.get(f"/v1/visits/{visit_id}")
    assert datetime.fromisoformat(visit["expected_arrival"]) == arrival
    team = [row for row in visit["assignments"] if row["ended_at"] is None]
    assert {row["technician_id"] for row in team} == set(offer["technician_ids"])
    contacts = [row["technician_id"] for row in team if row["is_contact"]]
    assert contacts == [offer["technician_ids"][0]], "VI-01: exactly one contact, the first"
    assert all(datetime.fromisoformat(r["latest_departure_at"]) < arrival for r in team)

    await _both_are_taken(office, customer_id, premises_id, wanted)
    await office.post(
        f"/v1/appointments/{booked['appointment']}/reschedule",
        **{**wanted, **_next_day(wanted)},
        cause="customer", reason="customer_asked", channel="phone", customer_said="A day later.",
    )  # fmt: skip
    visit = await office.get(f"/v1/visits/{visit_id}")
    team = [row for row in visit["assignments"] if row["ended_at"] is None]
    assert {row["technician_id"] for row in team} == set(offer["technician_ids"])


async def _both_are_taken(
    office: Desks, customer_id: str, premises_id: str, wanted: dict[str, Any]
) -> None:
    """Neither of the two can be sold for the same time again."""
    for number, item in enumerate((FIXED, BROADBAND)):
        made = await office.post(
            "/v1/orders", "ivan", external_ref=f"ALONE-{number}", customer={"id": customer_id},
            premises={"id": premises_id}, items=[item],
        )  # fmt: skip
        alone = await office.get(
            f"/v1/visits/{made['visit']}/slots",
            starts=wanted["window_start"],
            ends=wanted["window_end"],
        )
        begins = datetime.fromisoformat(wanted["arrival"])
        for offer in alone["items"]:
            at = datetime.fromisoformat(offer["arrival"])
            over = at + timedelta(hours=1)
            free = over <= begins or at >= begins + timedelta(hours=2)
            assert free, "the team works for two hours"
            assert UUID(offer["technician_ids"][0]) in {NORA, id_of("bob")}


def _next_day(wanted: dict[str, Any]) -> dict[str, str]:
    return {
        name: wanted[name].replace("2026-11-24", "2026-11-25")
        for name in ("window_start", "window_end", "arrival")
    }
