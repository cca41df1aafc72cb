"""The named people and places of the tests.

Region 1 (Helsinki) has the centres North and South and the contractor firm Kaapeli; region 2
(Turku) is the neighbour. Alice and Bob are technicians of North (Alice has every skill, Bob
fixed lines only), Carol of South, Kim of North for the firm. Dora dispatches North, Dan South,
Sam supervises region 1, Ada administers it, Ann is its agent, Mia manages the firm, Ivan is the
integration client; Tom and Tess are technician and dispatcher of region 2.
"""

from dataclasses import dataclass, field
from datetime import date, time
from uuid import UUID, uuid5

from fieldops.kernel.actor import Actor, Grant
from fieldops.kernel.db import Database
from fieldops.kernel.ids import NIL
from fieldops.kernel.permissions import Role
from fieldops.organisation.models import (
    Person,
    Qualification,
    RoleGrant,
    Shift,
    Technician,
    Unit,
)

SKILLS = ("fixed_line", "copper_broadband", "fibre", "indoor_network", "enterprise")


def id_of(name: str) -> UUID:
    """Return the fixed id of a named person or place."""
    return uuid5(NIL, name)


NORTH, SOUTH, FIRM, HARBOUR = (id_of(n) for n in ("north", "south", "kaapeli", "harbour"))

_STAFF: dict[str, tuple[Role, str, int]] = {
    "alice": (Role.TECHNICIAN, "north", 1),
    "bob": (Role.TECHNICIAN, "north", 1),
    "kim": (Role.TECHNICIAN, "north", 1),
    "carol": (Role.TECHNICIAN, "south", 1),
    "dora": (Role.DISPATCHER, "north", 1),
    "dan": (Role.DISPATCHER, "south", 1),
    "sam": (Role.SUPERVISOR, "helsinki", 1),
    "ada": (Role.ADMINISTRATOR, "helsinki", 1),
    "ann": (Role.AGENT, "helsinki", 1),
    "mia": (Role.CONTRACTOR_MANAGER, "kaapeli", 1),
    "ivan": (Role.INTEGRATION, "helsinki", 1),
    "tom": (Role.TECHNICIAN, "harbour", 2),
    "tess": (Role.DISPATCHER, "turku", 2),
}


@dataclass(frozen=True)
class World:
    """Actors by name and the ids of the places."""

    actors: dict[str, Actor] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Actor:
        try:
            return self.actors[name]
        except KeyError:
            raise AttributeError(name) from None


def _grant(role: Role, unit: str) -> Grant:
    if unit == "kaapeli":
        return Grant(role, firm_id=FIRM)
    if unit in {"helsinki", "turku"}:
        return Grant(role, whole_region=True)
    return Grant(role, centre_ids=frozenset({id_of(unit)}))


def _units() -> list[Unit]:
    zone = "Europe/Helsinki"
    return [
        Unit(id=id_of("group"), kind="group", name="Group", code="G"),
        Unit(
            id=id_of("uusimaa"), kind="province", name="Uusimaa", code="P", parent_id=id_of("group")
        ),
        *(
            Unit(
                id=id_of(code),
                kind="region",
                name=code.title(),
                code=code,
                zone=zone,
                region_number=number,
                parent_id=id_of("uusimaa"),
            )
            for number, code in ((1, "helsinki"), (2, "turku"))
        ),
        *(
            Unit(
                id=id_of(code),
                kind="centre",
                name=code.title(),
                code=code,
                region_number=region,
                parent_id=id_of(above),
            )
            for code, region, above in (
                ("north", 1, "helsinki"),
                ("south", 1, "helsinki"),
                ("harbour", 2, "turku"),
            )
        ),
        Unit(
            id=FIRM,
            kind="firm",
            name="Kaapeli Oy",
            code="kaapeli",
            region_number=1,
            parent_id=id_of("helsinki"),
        ),
    ]


def _technician(name: str, region: int, centre: str, skills: tuple[str, ...]) -> list[object]:
    person, centre_id = id_of(name), id_of(centre)
    rows: list[object] = [
        Technician(
            region_id=region,
            id=person,
            centre_id=centre_id,
            name=name.title(),
            firm_id=FIRM if name == "kim" else None,
            certificate_number=f"C-{name.upper()}",
            phone="+358 457 000 0001",
            start_longitude=24.941,
            start_latitude=60.17,
        ),
    ]
    rows += [
        Qualification(
            region_id=region,
            technician_id=person,
            centre_id=centre_id,
            skill=skill,
            certificate_number=f"Q-{name}-{skill}",
            valid_from=date(2025, 1, 1),
            valid_until=date(2027, 12, 31),
        )
        for skill in skills
    ]
    rows += [
        Shift(
            region_id=region,
            technician_id=person,
            centre_id=centre_id,
            weekday=weekday,
            starts=time(8),
            ends=time(17),
            lunch_starts=time(12),
            lunch_ends=time(12, 30),
        )
        for weekday in range(1, 6)
    ]
    return rows


async def build_world(database: Database) -> World:
    """Write the places and people and return the actors."""
    actors: dict[str, Actor] = {}
    async with database.transaction() as session:
        for unit in _units():
            session.add(unit)
            await session.flush()
        for name, (role, unit, region) in _STAFF.items():
            kind = "machine" if role is Role.INTEGRATION else "person"
            session.add(
                Person(
                    id=id_of(name),
                    email=f"{name}@fieldops.example",
                    name=name.title(),
                    home_region=region,
                    kind=kind,
                )
            )
            actors[name] = Actor(id_of(name), region, grants=(_grant(role, unit),))
        await session.flush()
        for name, (role, unit, _region) in _STAFF.items():
            session.add(RoleGrant(person_id=id_of(name), unit_id=id_of(unit), role=role.value))
        for name, region, centre, skills in (
            ("alice", 1, "north", SKILLS),
            ("bob", 1, "north", ("fixed_line",)),
            ("kim", 1, "north", SKILLS),
            ("carol", 1, "south", SKILLS),
            ("tom", 2, "harbour", SKILLS),
        ):
            first, *rest = _technician(name, region, centre, skills)
            session.add(first)
            await session.flush()
            session.add_all(rest)
    return World(actors)
