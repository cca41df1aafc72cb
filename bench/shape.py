"""How large the benchmark's world is, and the ids of its rows: pure, the same in every run."""

from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

REGION = 1
ZONE = "Europe/Helsinki"
TECHNICIANS = 200
PER_CENTRE = 25
# Ten visits a technician from two days back to nine ahead; three of them today.
DAYS = (-2, -1, 0, 0, 0, 1, 2, 3, 6, 9)
START_HOURS = (8, 8, 8, 10, 13, 8, 8, 8, 8, 8)
PLANNED_PER_CENTRE = 8
NOTES = 9
PREMISES_PER_BOX = 20
PREMISES_PER_CABINET = 400


class Kind(IntEnum):
    """What an id names; a part of the id."""

    UNIT = 1
    PERSON = 2
    CUSTOMER = 3
    PREMISES = 4
    SERVICE = 5
    EXCHANGE = 6
    CABINET = 7
    BOX = 8
    PAIR = 9
    ORDER = 10
    WORK_ORDER = 11
    VISIT = 12
    RECORD = 13
    CABLE = 14
    NOTE = 15


BASE_MS = 1_700_000_000_000


def id_of(kind: Kind, number: int) -> UUID:
    """Return the id of a row: a UUIDv7 whose time and tail are the number (as `bench_id`)."""
    return UUID(f"{BASE_MS + number:012x}7{kind:03x}8{number:015x}")


ID_FUNCTION = f"""
create or replace function bench_id(kind int, number bigint) returns uuid
language sql immutable parallel safe as $$
  select (lpad(to_hex({BASE_MS} + number), 12, '0') || '7' || lpad(to_hex(kind), 3, '0')
          || '8' || lpad(to_hex(number), 15, '0'))::uuid
$$
"""


@dataclass(frozen=True)
class Size:
    """One size of database.

    `factor` multiplies premises and history; the day's work grows with `technicians` alone.
    `band` is how many homes a centre has from west to east; without it they form a square.
    """

    factor: int
    base: int = 20_000
    technicians: int = TECHNICIANS
    band: int | None = None
    notes: int = 0  # notes of some 2 KB on each present visit

    @classmethod
    def of_views(cls, factor: int) -> "Size":
        """Return the size whose technicians' phones hold about 300 rows of 1 KB each."""
        return cls(factor, 2_000, TECHNICIANS * factor, band=10, notes=NOTES)

    @property
    def premises(self) -> int:
        return self.base * self.factor

    @property
    def centres(self) -> int:
        return self.technicians // PER_CENTRE

    @property
    def side(self) -> int:
        """Premises stand on a grid about 39 m apart, so many in a row from west to east."""
        return self.band * self.centres if self.band else int(self.premises**0.5)

    @property
    def visits(self) -> int:
        return self.technicians * len(DAYS)

    def visit_of(self, technician_number: int, slot: int) -> int:
        return slot * self.technicians + technician_number

    @property
    def label(self) -> str:
        return f"{self.factor}x"

    @property
    def database(self) -> str:
        kind = "sync" if self.band else "bench"
        return f"fieldops_{kind}_{self.premises // 1000}k"

    def home_of(self, technician_number: int, slot: int) -> tuple[int, int]:
        """Return a home in the technician's centre for a visit, and the centre's number."""
        band = self.side // self.centres
        centre_number = technician_number % self.centres
        west = centre_number * self.side // self.centres
        x = west + 1 + (technician_number // self.centres) % (band - 2)
        y = (technician_number * 5 + slot * 3) % (self.premises // self.side - 1)
        return y * self.side + x, centre_number


HISTORY_FROM = 1_000_000  # numbers of past orders and visits begin here
PLANNED_FROM = 900_000


def technician(number: int) -> UUID:
    return id_of(Kind.PERSON, number)


def dispatcher(centre: int) -> UUID:
    return id_of(Kind.PERSON, 10_000 + centre)


def supervisor() -> UUID:
    return id_of(Kind.PERSON, 20_000)


def centre(number: int) -> UUID:
    return id_of(Kind.UNIT, 100 + number)
