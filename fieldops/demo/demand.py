"""What the demo city's premises have and want: the services in use and those on order."""

import random
from collections.abc import Collection
from dataclasses import dataclass

from fieldops.demo.premises import Premises

PLANS = {
    # plan of a premises: how many premises follow it
    "install_combined": 42,
    "move_combined": 18,
    "install_single": 70,
    "move_single": 40,
    "repair": 150,
    "change": 50,
    "remove": 30,
}
"""Every plan becomes one service order: 400 together, 60 of them fixed line plus broadband."""

COPPER_RATES = ((25, 5), (50, 10), (100, 40))
FIBRE_RATES = ((100, 100), (200, 200), (500, 500), (1000, 1000))
ENTERPRISE_SHARE = 0.22


@dataclass(frozen=True)
class Wish:
    """One service at a premises. Rates in Mbit/s, for broadband only; `planned`: not yet there."""

    service: str
    technology: str
    product: str
    down_mbit_s: int | None
    up_mbit_s: int | None
    planned: bool


@dataclass(frozen=True)
class Demand:
    """What one premises has and wants; for a move, also the premises its customer leaves."""

    premises_key: str
    customer_key: str
    segment: str
    plan: str | None
    wishes: tuple[Wish, ...]
    from_premises_key: str | None


def draw_demand(
    premises: tuple[Premises, ...],
    fibre_keys: Collection[str],
    rng: random.Random,
) -> tuple[Demand, ...]:
    """Give every premises a customer, services and at most one order.

    `fibre_keys` are the premises that fibre reaches. A mover's old premises keep the mover as
    their customer and the moved services in use, so that the order has something to move.
    """
    drawn = list(premises)
    rng.shuffle(drawn)
    waiting = iter(drawn)
    demands: list[Demand] = []
    for plan, count in PLANS.items():
        for _ in range(count):
            home = next(waiting)
            customer = f"customer/{len(demands) + 1:04d}"
            segment = "enterprise" if rng.random() < ENTERPRISE_SHARE else "household"
            wishes = _wishes(plan, segment, rng, fibre=home.key in fibre_keys)
            old = next(waiting) if plan.startswith("move") else None
            if old is not None:
                left = _left_behind(wishes, segment, rng, fibre=old.key in fibre_keys)
                demands.append(Demand(old.key, customer, segment, None, left, None))
            old_key = old.key if old else None
            demands.append(Demand(home.key, customer, segment, plan, wishes, old_key))
    for home in waiting:
        customer = f"customer/{len(demands) + 1:04d}"
        segment = "enterprise" if rng.random() < ENTERPRISE_SHARE else "household"
        wishes = _wishes(None, segment, rng, fibre=home.key in fibre_keys)
        demands.append(Demand(home.key, customer, segment, None, wishes, None))
    return tuple(sorted(demands, key=lambda demand: demand.premises_key))


def _wishes(
    plan: str | None,
    segment: str,
    rng: random.Random,
    *,
    fibre: bool,
) -> tuple[Wish, ...]:
    if plan in {"install_combined", "move_combined"}:
        return (
            _fixed_line(segment, planned=True),
            _broadband(segment, rng, fibre=fibre, planned=True),
        )
    if plan in {"install_single", "move_single"}:
        if rng.random() < 0.25:
            return (_fixed_line(segment, planned=True),)
        new = _broadband(segment, rng, fibre=fibre, planned=True)
        has_line = plan == "install_single" and rng.random() < 0.5
        return (_fixed_line(segment, planned=False), new) if has_line else (new,)
    kinds = rng.choices(("both", "broadband", "fixed_line"), weights=(40, 45, 15))[0]
    wishes: list[Wish] = []
    if kinds != "broadband":
        wishes.append(_fixed_line(segment, planned=False))
    if kinds != "fixed_line":
        wishes.append(_broadband(segment, rng, fibre=fibre, planned=False))
    return tuple(wishes)


def _left_behind(
    wishes: tuple[Wish, ...],
    segment: str,
    rng: random.Random,
    *,
    fibre: bool,
) -> tuple[Wish, ...]:
    return tuple(
        _fixed_line(segment, planned=False)
        if wish.service == "fixed_line"
        else _broadband(segment, rng, fibre=fibre, planned=False)
        for wish in wishes
    )


def _fixed_line(segment: str, *, planned: bool) -> Wish:
    product = "Business line" if segment == "enterprise" else "Home line"
    return Wish("fixed_line", "copper", product, None, None, planned)


def _broadband(segment: str, rng: random.Random, *, fibre: bool, planned: bool) -> Wish:
    technology = "fibre" if fibre and rng.random() < 0.75 else "copper"
    rates = FIBRE_RATES if technology == "fibre" else COPPER_RATES
    down, up = rng.choice(rates[1:] if segment == "enterprise" else rates)
    return Wish("broadband", technology, product_name(technology, down, up), down, up, planned)


def product_name(technology: str, down: int, up: int) -> str:
    """The product's name as sold, for instance "Fibre 500/500"; rates in Mbit/s."""
    return f"{technology.capitalize()} {down}/{up}"
