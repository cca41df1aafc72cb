"""The customers of the demo city: invented names, impossible phone numbers, mail that ends nowhere.

A customer lives or works at real premises; nothing here describes who really does.
"""

import random
import unicodedata
from dataclasses import dataclass

from faker import Faker

from fieldops.demo.demand import Demand
from fieldops.demo.people import impossible_phone

MAIL_DOMAIN = "example.org"
TONGUES = {
    # preferred language: share of customers, Faker's locale
    "fi": (58, "fi_FI"),
    "sv": (15, "sv_SE"),
    "en": (17, "en_GB"),
    "zh_CN": (10, "zh_CN"),
}
HOUSEHOLD_TIERS = {"diamond": 4, "gold": 12, "silver": 29, "basic": 55}
ENTERPRISE_TIERS = {
    f"{size}{letter}": share
    for letter in "AB"
    for size, share in ((1, 2), (2, 4), (3, 8), (4, 14), (5, 22))
}


@dataclass(frozen=True)
class Customer:
    """CU-01. An enterprise's `name` is the firm's and `contact_name` its person on site."""

    key: str
    number: str
    segment: str
    tier: str
    name: str
    contact_name: str
    language: str
    phone: str
    email: str
    premises_keys: tuple[str, ...]


def build_customers(demands: tuple[Demand, ...], rng: random.Random) -> tuple[Customer, ...]:
    """One customer for each customer key of the demand, with all premises that are theirs."""
    homes: dict[str, list[Demand]] = {}
    for demand in demands:
        homes.setdefault(demand.customer_key, []).append(demand)
    namers = {language: Faker(locale) for language, (_, locale) in TONGUES.items()}
    for language, namer in namers.items():
        namer.seed_instance(f"{rng.randrange(2**32)} {language}")
    segments = [homes[key][0].segment for key in sorted(homes)]
    tiers = {
        "household": _tiers(HOUSEHOLD_TIERS, segments.count("household"), rng),
        "enterprise": _tiers(ENTERPRISE_TIERS, segments.count("enterprise"), rng),
    }
    return tuple(
        _customer(number, key, tuple(homes[key]), tiers[homes[key][0].segment].pop(), namers, rng)
        for number, key in enumerate(sorted(homes), start=1)
    )


def _tiers(shares: dict[str, int], count: int, rng: random.Random) -> list[str]:
    """`count` tiers in these shares and in random order, each tier at least once."""
    drawn = [*shares, *rng.choices(list(shares), weights=list(shares.values()), k=count)][:count]
    rng.shuffle(drawn)
    return drawn


def _customer(
    number: int,
    key: str,
    demands: tuple[Demand, ...],
    tier: str,
    namers: dict[str, Faker],
    rng: random.Random,
) -> Customer:
    language = rng.choices(list(TONGUES), weights=[share for share, _ in TONGUES.values()])[0]
    person = namers[language].name()
    segment = demands[0].segment
    return Customer(
        key=key,
        number=f"C{100_000 + number}",
        segment=segment,
        tier=tier,
        name=namers[language].company() if segment == "enterprise" else person,
        contact_name=person,
        language=language,
        phone=impossible_phone(number),
        email=f"{_mailbox(person)}.{number}@{MAIL_DOMAIN}",
        premises_keys=tuple(demand.premises_key for demand in demands),
    )


def _mailbox(name: str) -> str:
    """The name in plain lower-case letters; "customer" where it has none."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = ["".join(c for c in word if c.isalpha()) for word in plain.split()]
    return ".".join(word for word in words if word) or "customer"
