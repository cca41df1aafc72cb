"""The premises of the demo city: real addresses, some of them divided into flats."""

import random
from dataclasses import dataclass

from fieldops.demo.ground import AddressedPlace, Ground, Point

PREMISES_COUNT = 640

ACCESS_NOTES = (
    "Ring the doorbell; no code before 18.",
    "Door code from the customer on the day.",
    "Distribution frame in the cellar; the caretaker has the key.",
    "Entrance through the courtyard.",
    "The lift is out of order; stairs only.",
    "Dog in the flat; call before entering.",
    "Reception on the ground floor signs visitors in.",
    "No parking in front; use the loading bay.",
)


@dataclass(frozen=True)
class Premises:
    """One home or office (CU-03). `unit` is the stair and flat, for instance "B 14", or None."""

    key: str
    place_key: str
    building_key: str
    centre: str
    street: str
    house_number: str
    unit: str | None
    postcode: str
    city: str
    point: Point
    access_notes: str | None

    @property
    def address(self) -> str:
        """The address in one line, as on an envelope."""
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.street} {self.house_number}{unit}, {self.postcode} {self.city}"


def dividing_latitude(ground: Ground) -> float:
    """The latitude that gives the North and the South centre the same number of addresses."""
    latitudes = sorted(place.point[1] for place in ground.places)
    half = len(latitudes) // 2
    return round((latitudes[half - 1] + latitudes[half]) / 2, 7)


def choose_premises(ground: Ground, rng: random.Random) -> tuple[Premises, ...]:
    """PREMISES_COUNT premises: at least one at every address, the rest as further flats."""
    divide = dividing_latitude(ground)
    flats = {place.key: 1 for place in ground.places}
    divisible = [place.key for place in ground.places if place.house_number[-1].isdigit()]
    for _ in range(PREMISES_COUNT - len(flats)):
        flats[rng.choice(divisible)] += 1
    return tuple(
        _premises(place, number, flats[place.key], divide, rng)
        for place in ground.places
        for number in range(1, flats[place.key] + 1)
    )


def _premises(
    place: AddressedPlace,
    number: int,
    flats: int,
    divide: float,
    rng: random.Random,
) -> Premises:
    unit = None if flats == 1 else f"{'ABC'[(number - 1) % 3]} {number * 3 + rng.randrange(3)}"
    return Premises(
        key=f"premises/{place.key}/{number}",
        place_key=place.key,
        building_key=place.building_key,
        centre="north" if place.point[1] > divide else "south",
        street=place.street,
        house_number=place.house_number,
        unit=unit,
        postcode=place.postcode,
        city=place.city,
        point=(round(place.point[0], 7), round(place.point[1], 7)),
        access_notes=rng.choice(ACCESS_NOTES) if rng.random() < 0.4 else None,
    )
