"""Customers and premises of the tests: invented people, phone numbers that cannot exist."""

from itertools import count
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers import pii
from fieldops.customers.models import Customer, Premises
from tests.support.world import NORTH

_numbers = count(1)


async def make_customer(
    session: AsyncSession,
    *,
    region_id: int = 1,
    centre_id: UUID | None = NORTH,
    segment: str = "household",
    tier: str = "basic",
    locale: str = "en",
    name: str = "Aino Example",
    phone: str | None = None,
    email: str | None = None,
) -> Customer:
    """A customer with contact data; the phone number is of a country code nobody has."""
    number = next(_numbers)
    customer = Customer(
        region_id=region_id,
        external_ref=f"C{number}",
        segment=segment,
        tier=tier,
        locale=locale,
        centre_id=centre_id,
    )
    session.add(customer)
    await session.flush()
    session.add(
        pii.first_contact(
            customer,
            name=name,
            phone=phone or f"+9990{number:06d}",
            email=email or f"customer.{number}@example.org",
        )
    )
    await session.flush()
    return customer


async def make_premises(
    session: AsyncSession,
    *,
    region_id: int = 1,
    centre_id: UUID = NORTH,
    longitude: float = 24.9410,
    latitude: float = 60.1700,
    street: str = "Esimerkkikatu",
) -> Premises:
    """A home at a point (longitude, latitude in degrees)."""
    number = next(_numbers)
    premises = Premises(
        region_id=region_id,
        external_ref=f"P{number}",
        centre_id=centre_id,
        street=street,
        house_number=str(number),
        unit=None,
        postcode="00100",
        city="Helsinki",
        building=None,
        access_notes="Ring the doorbell.",
        point=f"SRID=4326;POINT({longitude} {latitude})",
    )
    session.add(premises)
    await session.flush()
    return premises
