"""Homes on one piece of plant and their faults, reported by the module's own command."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.network.models import NetworkFeature, NetworkService
from fieldops.orders.commands.catalogue import lay_out_reasons
from tests.support.factories.network import Plant, make_feature, make_plant, make_service, tie
from tests.support.run import first_id, run


@dataclass
class Street:
    """A box with homes on it: the plant and one service for each home."""

    plant: Plant
    homes: list[NetworkService]


async def make_street(database: Database, homes: int = 4) -> Street:
    """Some homes on one box, each with a broadband service in use."""
    async with database.transaction() as session:
        await lay_out_reasons(session)
        plant = await make_plant(session, pairs=2 * homes)
        services = [await make_service(session, plant, number=n) for n in range(homes)]
    return Street(plant, services)


async def next_box(database: Database, street: Street, homes: int = 2) -> Street:
    """Another box with homes behind the same cabinet: the feeder cable is common to both."""
    async with database.transaction() as session:
        old = street.plant
        box = await make_feature(session, "distribution_box", parent=old.cabinet)
        cable = await make_feature(session, "cable", parent=old.cabinet)
        drop = await make_feature(session, "drop", parent=box)
        for start, end in ((cable, box), (box, drop)):
            await tie(session, "feeds", start, end)
        used = len(street.homes)
        pairs: list[NetworkFeature] = [
            await make_feature(session, "pair", parent=cable) for _ in range(used + homes)
        ]
        plant = Plant(
            old.exchange, old.shelf, old.ports, old.cabinet, old.feeder, old.feeder_pairs,
            box, cable, pairs, drop,
        )  # fmt: skip
        services = [await make_service(session, plant, number=used + n) for n in range(homes)]
    return Street(plant, services)


async def report(
    database: Database, actor: Actor, service: NetworkService, **args: Any
) -> dict[str, Any]:
    """Report that a service fails, as the hotline would; the result of the command."""
    return await run(
        database, actor, "fault.report", service_id=str(service.id), symptom="No line", **args
    )


async def confirmed_fault(
    database: Database, hotline: Actor, dispatcher: Actor, street: Street, expected: str
) -> tuple[UUID, list[dict[str, Any]]]:
    """Three homes report, the dispatcher confirms; the area fault and the reports' results."""
    results = [await report(database, hotline, home) for home in street.homes[:3]]
    fault_id = first_id(results[-1], "area_fault")
    await run(
        database, dispatcher, "area_fault.confirm", area_fault_id=str(fault_id),
        cause="Excavator cut the cable", expected_repair_at=expected,
    )  # fmt: skip
    return fault_id, results
