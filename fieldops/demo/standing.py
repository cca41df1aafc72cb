"""The standing world of the demo city as rows: units, staff, premises, customers, network.

Written through the models in bulk, not through commands: nobody decided anything here, it is
what was there before the first day. The rows have no audit; their history begins with the
first change. Orders and appointments come through the real rules instead (see load.py).
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.models import Customer, Premises
from fieldops.customers.pii import Contact
from fieldops.customers.rules import digits_of
from fieldops.demo.city import City, city_id
from fieldops.demo.copying import REGION, Row, copy_rows, row
from fieldops.demo.features import Feature
from fieldops.demo.people import StaffMember
from fieldops.kernel import clock, geo
from fieldops.kernel.changes import touch
from fieldops.kernel.permissions import Role
from fieldops.network.models import (
    NetworkConnection,
    NetworkFeature,
    NetworkService,
    PathElement,
)
from fieldops.organisation.models import (
    Leave,
    Person,
    Qualification,
    RoleGrant,
    Shift,
    Technician,
    Unit,
)

Say = Callable[[str, int], None]

_KIND = {"contractor": "firm"}
_ROLE = {"integration_client": Role.INTEGRATION}
_LEAVE = {"annual_leave": "leave", "parental_leave": "leave", "sick_leave": "sick"}
_LOCALE = {"zh_CN": "zh_CN"}


async def write(session: AsyncSession, city: City, password_hash: str, say: Say) -> None:
    """Write everything that stands before the first order; `say` hears of each kind of row."""
    now = clock.now()
    for name, model, rows in (
        ("units", Unit, _units(city)),
        ("accounts", Person, _people(city, password_hash)),
        ("roles", RoleGrant, _grants(city)),
        ("technicians", Technician, _technicians(city)),
        ("qualifications", Qualification, _qualifications(city)),
        ("shifts", Shift, _shifts(city)),
        ("leaves", Leave, _leaves(city)),
        ("premises", Premises, _premises(city)),
        ("customers", Customer, _customers(city)),
        ("contacts", Contact, _contacts(city)),
        ("services", NetworkService, _services(city)),
        ("network features", NetworkFeature, _features(city, now)),
        ("network connections", NetworkConnection, _connections(city)),
        ("access paths", PathElement, _path_elements(city)),
    ):
        say(name, await copy_rows(session, model, rows))
    for key in ("unit/north", "unit/south"):
        touch(session, REGION, city_id(key))
    touch(session, REGION, None)


def centre_id(name: str) -> UUID:
    """Return the unit id of a centre of the city: north or south."""
    return city_id(f"unit/{name}")


def _units(city: City) -> Iterator[Row]:
    for unit in city.units:
        kind = _KIND.get(unit.kind, unit.kind)
        yield {
            "id": city_id(unit.key),
            "kind": kind,
            "name": unit.name,
            "code": unit.key.removeprefix("unit/"),
            "parent_id": city_id(unit.parent_key) if unit.parent_key else None,
            "region_number": REGION if kind in {"region", "centre", "firm"} else None,
            "zone": city.time_zone if kind == "region" else None,
            "active": True,
        }


def _people(city: City, password_hash: str) -> Iterator[Row]:
    for person in city.staff:
        yield {
            "id": city_id(person.key),
            "email": person.login,
            "name": person.name,
            "kind": "machine" if person.role == "integration_client" else "person",
            "password_hash": password_hash,
            "locale": _LOCALE.get(person.language, "en"),
            "home_region": REGION,
            "active": True,
            "grants_version": 1,
        }


def _grants(city: City) -> Iterator[Row]:
    for person in city.staff:
        # A technician's role stands at the centre, a contractor's too (ORG-06).
        unit = person.home_centre_key or person.unit_key
        yield {
            "id": city_id(f"grant/{person.key}"),
            "person_id": city_id(person.key),
            "unit_id": city_id(unit),
            "role": Role(_ROLE.get(person.role, person.role)).value,
        }


def _home(person: StaffMember) -> UUID:
    return city_id(person.home_centre_key or person.unit_key)


def _technicians(city: City) -> Iterator[Row]:
    exchanges = {
        city_id(f"unit/{feature.centre}"): feature.geometry["coordinates"]
        for feature in city.features
        if feature.kind == "exchange" and feature.geometry
    }
    for person in city.technicians:
        longitude, latitude = exchanges[_home(person)]
        yield row(
            person.key,
            centre_id=_home(person),
            firm_id=city_id(person.firm_key) if person.firm_key else None,
            name=person.name,
            certificate_number=person.certificate_number,
            phone=person.phone,
            start_longitude=longitude,
            start_latitude=latitude,
            active=True,
        )


def _qualifications(city: City) -> Iterator[Row]:
    for person in city.technicians:
        for held in person.qualifications:
            yield row(
                f"qualification/{person.key}/{held.skill}",
                technician_id=city_id(person.key),
                centre_id=_home(person),
                skill=held.skill,
                certificate_number=held.certificate_number,
                valid_from=held.valid_from,
                valid_until=held.valid_until,
            )


def _shifts(city: City) -> Iterator[Row]:
    for person in city.technicians:
        for shift in person.shifts:
            yield row(
                f"shift/{person.key}/{shift.weekday}",
                technician_id=city_id(person.key),
                centre_id=_home(person),
                weekday=shift.weekday + 1,
                starts=shift.starts,
                ends=shift.ends,
                lunch_starts=shift.lunch_starts,
                lunch_ends=shift.lunch_ends,
            )


def _leaves(city: City) -> Iterator[Row]:
    zone = ZoneInfo(city.time_zone)
    for person in city.technicians:
        for leave in person.leave:
            yield row(
                f"leave/{person.key}/{leave.first_day}",
                technician_id=city_id(person.key),
                centre_id=_home(person),
                kind=_LEAVE.get(leave.kind, leave.kind),
                starts_at=clock.start_of_day(leave.first_day, zone),
                ends_at=clock.start_of_day(leave.last_day + timedelta(days=1), zone),
                reason=leave.kind.replace("_", " "),
            )


def premises_ref(key: str) -> str:
    """Return the reference of premises as the order system knows them."""
    return key.removeprefix("premises/")


def _premises(city: City) -> Iterator[Row]:
    for home in city.premises:
        yield row(
            home.key,
            external_ref=premises_ref(home.key),
            centre_id=centre_id(home.centre),
            street=home.street,
            house_number=home.house_number,
            unit=home.unit,
            postcode=home.postcode,
            city=home.city,
            building=home.building_key,
            access_notes=home.access_notes,
            point=geo.Point(coordinates=home.point).wkt(),
        )


def customer_centres(city: City) -> dict[str, UUID | None]:
    """Return the centre that looks after each customer; None when both do."""
    centre_of = {home.key: home.centre for home in city.premises}
    found = {}
    for customer in city.customers:
        centres = {centre_of[key] for key in customer.premises_keys}
        found[customer.key] = centre_id(centres.pop()) if len(centres) == 1 else None
    return found


def _customers(city: City) -> Iterator[Row]:
    centres = customer_centres(city)
    for customer in city.customers:
        yield row(
            customer.key,
            external_ref=customer.number,
            segment=customer.segment,
            tier=customer.tier,
            locale=customer.language,
            centre_id=centres[customer.key],
        )


def _contacts(city: City) -> Iterator[Row]:
    centres = customer_centres(city)
    for customer in city.customers:
        person, firm = customer.contact_name, customer.name
        yield row(
            customer.key,
            centre_id=centres[customer.key],
            name=person if person == firm else f"{person}, {firm}",
            phone=customer.phone,
            phone_digits=digits_of(customer.phone),
            email=customer.email,
        )


def _services(city: City) -> Iterator[Row]:
    centre_of = {home.key: home.centre for home in city.premises}
    for number, service in enumerate(city.services, start=1):
        yield row(
            service.key,
            premises_id=city_id(service.premises_key),
            customer_id=city_id(service.customer_key),
            centre_id=centre_id(centre_of[service.premises_key]),
            kind=service.service,
            technology=service.technology,
            sold_down_mbps=service.down_mbit_s,
            sold_up_mbps=service.up_mbit_s,
            account=f"A{200_000 + number}",
            state=service.status,
        )


def _features(city: City, now: datetime) -> Iterator[Row]:
    user_of = {key: service.key for service in city.services for key in service.occupies}
    for feature in city.features:
        attributes = dict(feature.attributes)
        bad = feature.state == "bad"
        user = user_of.get(feature.key)
        yield row(
            feature.key,
            centre_id=centre_id(feature.centre),
            kind=feature.kind,
            name=feature.name,
            parent_id=city_id(feature.parent_key) if feature.parent_key else None,
            shape=_shape(feature),
            state=feature.state,
            state_reason=feature.reason,
            state_test=attributes.pop("test", None) if bad else None,
            state_since=_since(attributes.pop("since", None), city.start, now) if bad else None,
            state_visit_id=None,
            service_id=city_id(user) if user else None,
            attributes=attributes,
        )


def _since(day: str | None, start: date, now: datetime) -> datetime:
    known = date.fromisoformat(day) if day else start - timedelta(days=90)
    return min(datetime.combine(known, time(12), UTC), now)


def _shape(feature: Feature) -> str | None:
    """Return the geometry as EWKT; pairs, fibres and ports have none, they lie in their parent."""
    if feature.geometry is None:
        return None
    if feature.geometry["type"] == "Point":
        return geo.Point.model_validate(feature.geometry).wkt()
    return geo.LineString.model_validate(feature.geometry).wkt()


def _connections(city: City) -> Iterator[Row]:
    centre_of = {feature.key: feature.centre for feature in city.features}
    for tie in city.connections:
        yield row(
            f"{tie.kind}/{tie.from_key}/{tie.to_key}",
            from_id=city_id(tie.from_key),
            to_id=city_id(tie.to_key),
            kind=tie.kind,
            centre_id=centre_id(centre_of[tie.from_key]),
        )


def _path_elements(city: City) -> Iterator[Row]:
    centre_of = {home.key: home.centre for home in city.premises}
    for service in city.services:
        for position, key in enumerate(service.path_keys, start=1):
            yield row(
                f"path/{service.key}/{position}",
                service_id=city_id(service.key),
                position=position,
                feature_id=city_id(key),
                centre_id=centre_id(centre_of[service.premises_key]),
            )
