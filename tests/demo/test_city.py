"""The demo city holds what was promised, and is the same for the same seed."""

import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
import pytest

from fieldops.demo.city import City, build_city, city_id
from fieldops.demo.people import impossible_phone

START = date(2026, 11, 23)
HELSINKI = ZoneInfo("Europe/Helsinki")


def test_the_same_seed_gives_the_same_city(city: City) -> None:
    assert build_city(7, START).digest() == city.digest()


def test_another_seed_gives_another_city(city: City) -> None:
    other = build_city(8, START)
    assert other.digest() != city.digest()
    assert {c.name for c in other.customers} != {c.name for c in city.customers}
    assert other.features != city.features


def test_the_city_does_not_depend_on_the_hash_seed_of_the_process(city: City) -> None:
    script = (
        "from datetime import date; from fieldops.demo.city import build_city;"
        "print(build_city(7, date(2026, 11, 23)).digest())"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONHASHSEED": "4711", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == city.digest()


def test_the_digest_sees_a_single_changed_field(city: City) -> None:
    first, *others = city.orders
    changed = replace(city, orders=(replace(first, channel="pigeon"), *others))
    assert changed.digest() != city.digest()


def test_the_city_has_two_centres_one_contractor_and_twenty_four_technicians(city: City) -> None:
    kinds = Counter(unit.kind for unit in city.units)
    assert kinds["centre"] == 2
    assert kinds["contractor"] == 1
    assert len(city.technicians) == 24
    assert 0 < sum(tech.firm_key is not None for tech in city.technicians) < 24


def test_org_01_the_units_form_a_tree_with_parents_first(city: City) -> None:
    known: set[str | None] = {None}
    for unit in city.units:
        assert unit.parent_key in known
        known.add(unit.key)
    assert [unit.kind for unit in city.units if unit.parent_key is None] == ["group"]


def test_org_02_every_role_is_held_by_someone_with_a_login_of_their_own(city: City) -> None:
    assert {person.role for person in city.staff} == {
        "technician",
        "dispatcher",
        "supervisor",
        "agent",
        "contractor_manager",
        "administrator",
        "integration_client",
    }
    assert len({person.login for person in city.staff}) == len(city.staff)
    assert {person.unit_key for person in city.staff} <= {unit.key for unit in city.units}


def test_org_03_each_centre_has_a_valid_technician_for_each_skill_and_one_that_ran_out(
    city: City,
) -> None:
    last_day = START + timedelta(days=13)
    able = {
        (tech.home_centre_key, held.skill)
        for tech in city.technicians
        for held in tech.qualifications
        if held.valid_from <= START and last_day <= held.valid_until
    }
    skills = {"fixed_line", "copper_broadband", "fibre", "indoor_network", "enterprise"}
    assert able == {(c, s) for c in ("unit/north", "unit/south") for s in skills}
    ends = [held.valid_until for tech in city.technicians for held in tech.qualifications]
    assert sum(end < START for end in ends) == 1
    assert sum(START <= end <= START + timedelta(days=30) for end in ends) == 2


def test_org_07_every_technician_has_five_shifts_with_lunch_inside_and_some_have_leave(
    city: City,
) -> None:
    for tech in city.technicians:
        assert len({shift.weekday for shift in tech.shifts}) == 5
        for shift in tech.shifts:
            assert shift.starts < shift.lunch_starts < shift.lunch_ends < shift.ends
    away = [leave for tech in city.technicians for leave in tech.leave]
    assert len(away) == 6
    for leave in away:
        assert START <= leave.first_day <= leave.last_day < START + timedelta(days=16)


def test_the_city_has_400_orders_of_which_60_are_combined(city: City) -> None:
    assert len(city.orders) == 400
    assert len({order.external_id for order in city.orders}) == 400
    combined = [order for order in city.orders if order.combined]
    assert len(combined) == 60
    assert {order.kind for order in combined} == {"install", "move"}
    for order in city.orders:
        expected = ["fixed_line", "broadband"] if order.combined else [order.items[0].service]
        assert [item.service for item in order.items] == expected
    assert {order.kind for order in city.orders} == {
        "install",
        "move",
        "repair",
        "change",
        "remove",
    }


def test_the_orders_arrive_in_the_two_weeks_in_local_time_and_in_order(city: City) -> None:
    times = [order.received_at for order in city.orders]
    assert times == sorted(times)
    for moment in times:
        assert moment.tzinfo is UTC
        assert START <= moment.astimezone(HELSINKI).date() < START + timedelta(days=14)
    office = sum(8 <= moment.astimezone(HELSINKI).hour < 18 for moment in times)
    assert office > 0.8 * len(times)
    assert len({moment.astimezone(HELSINKI).date() for moment in times}) == 14


@pytest.mark.parametrize("start", [date(2026, 3, 23), date(2026, 10, 19)])
def test_two_weeks_over_a_clock_change_still_hold_every_order(start: date) -> None:
    built = build_city(3, start)
    assert len(built.orders) == 400
    midnight = datetime(start.year, start.month, start.day, tzinfo=HELSINKI)
    assert built.orders[0].received_at >= midnight


def test_wo_01_every_item_names_a_service_of_its_customer_at_its_premises(city: City) -> None:
    services = {service.key: service for service in city.services}
    for order in city.orders:
        for item in order.items:
            service = services[item.service_key]
            assert service.premises_key == order.premises_key
            assert service.customer_key == order.customer_key
            brings = order.kind in {"install", "move"}
            assert service.status == ("planned" if brings else "active")
            has_rates = item.down_mbit_s is not None and item.up_mbit_s is not None
            assert has_rates == (item.service == "broadband")


def test_a_move_leaves_premises_where_the_same_services_are_in_use(city: City) -> None:
    used: dict[str, set[tuple[str, str]]] = {}
    for service in city.services:
        if service.status == "active":
            there = used.setdefault(service.premises_key, set())
            there.add((service.customer_key, service.service))
    for order in city.orders:
        assert (order.from_premises_key is not None) == (order.kind == "move")
        if order.from_premises_key:
            wanted = {(order.customer_key, item.service) for item in order.items}
            assert wanted <= used[order.from_premises_key]


def test_a_changed_broadband_gets_a_rate_it_did_not_have(city: City) -> None:
    services = {service.key: service for service in city.services}
    changes = [o.items[0] for o in city.orders if o.kind == "change"]
    for item in changes:
        assert item.product != services[item.service_key].product


def test_every_premises_has_exactly_one_customer(city: City) -> None:
    owned = [key for customer in city.customers for key in customer.premises_keys]
    assert sorted(owned) == sorted(home.key for home in city.premises)
    assert len(owned) >= 430


def test_cu_01_tiers_belong_to_their_segment_and_are_all_there(city: City) -> None:
    tiers: dict[str, set[str]] = {"household": set(), "enterprise": set()}
    for customer in city.customers:
        tiers[customer.segment].add(customer.tier)
    assert tiers["household"] == {"diamond", "gold", "silver", "basic"}
    assert tiers["enterprise"] == {f"{n}{letter}" for n in range(1, 6) for letter in "AB"}


def test_customers_speak_several_languages_and_some_prefer_chinese(city: City) -> None:
    languages = Counter(customer.language for customer in city.customers)
    assert set(languages) == {"fi", "sv", "en", "zh_CN"}
    for customer in city.customers:
        chinese = any("\u4e00" <= character <= "\u9fff" for character in customer.contact_name)
        assert chinese == (customer.language == "zh_CN")


def test_phone_numbers_are_well_formed_and_cannot_exist(city: City) -> None:
    phones = [c.phone for c in city.customers] + [person.phone for person in city.staff]
    assert len(set(phones)) == len(phones)
    for phone in phones:
        assert re.fullmatch(r"\+[1-9]\d{7,14}", phone)
        number = phonenumbers.parse(phone)
        assert number.country_code == 358
        assert not phonenumbers.is_valid_number(number)
        assert phonenumbers.region_code_for_number(number) is None


@pytest.mark.parametrize("number", [-1, 1_000_000])
def test_a_phone_number_outside_the_impossible_range_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="six digits"):
        impossible_phone(number)


def test_mail_addresses_end_in_example_org_and_are_plain_ascii(city: City) -> None:
    addresses = [c.email for c in city.customers] + [person.login for person in city.staff]
    assert len(set(addresses)) == len(addresses)
    for address in addresses:
        assert re.fullmatch(r"[a-z0-9.]+@(demo\.)?example\.org", address)
        assert ".." not in address


def test_ids_follow_from_keys_and_no_two_things_share_one(city: City) -> None:
    keys = [
        thing.key
        for things in (
            city.units,
            city.staff,
            city.premises,
            city.customers,
            city.features,
            city.services,
            city.orders,
        )
        for thing in things
    ]
    assert len({city_id(key) for key in keys}) == len(keys)
    assert city_id("unit/north") == city_id("unit/north")
