"""The numbers of the rules: a default in code, overridden per region as data.

A module's rules.py declares each number with `number(...)` and its rule id; a handler asks
`await value(session, region_id, NUMBER)`. An administrator changes it with rule.set_number.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import Field
from sqlalchemy import Float, Integer, Select, UniqueConstraint, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.kernel.base import Regional
from fieldops.kernel.commands import Args, Context, Text, command
from fieldops.kernel.direct import given, once
from fieldops.kernel.errors import NotFound, Refusal
from fieldops.kernel.events import Event
from fieldops.kernel.permissions import Permission
from fieldops.kernel.rows import tuples


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a rule: its name, rule id, unit, default and the least and greatest value."""

    name: str
    rule: str
    unit: str
    default: float
    least: float
    most: float
    meaning: str


REGISTRY: dict[str, Number] = {}


def number(
    name: str, rule: str, unit: str, default: float, meaning: str, *, within: tuple[float, float]
) -> Number:
    """Declare a number of a rule with its default and the bounds an administrator keeps to."""
    declared = Number(name, rule, unit, default, within[0], within[1], meaning)
    if name in REGISTRY:
        raise TypeError(f"number {name} is declared twice")
    REGISTRY[name] = declared
    return declared


class RuleNumber(Regional):
    """A region's own value for a number."""

    __tablename__ = "kernel_rule_number"
    resource = "rule_number"

    name: Mapped[str]
    value: Mapped[float] = mapped_column(Float)

    __table_args__ = (UniqueConstraint("region_id", "name"),)


async def values(session: AsyncSession, region_id: int) -> dict[str, float]:
    """Return all of a region's numbers by name; read once per transaction."""
    known: dict[int, dict[str, float]] = session.info.setdefault("numbers", {})
    if region_id not in known:
        # Nothing is flushed before: who sets a number forgets what is known here.
        own = dict(await tuples(session, once(_own_values), {"region_id": region_id}))
        known[region_id] = {n.name: own.get(n.name, n.default) for n in REGISTRY.values()}
    return known[region_id]


def _own_values() -> Select[str, float]:
    mine = RuleNumber.region_id == given("region_id", Integer())
    return select(RuleNumber.name, RuleNumber.value).where(mine)


async def value(session: AsyncSession, region_id: int, declared: Number) -> float:
    """Return a region's value of a number, in the number's unit."""
    return (await values(session, region_id))[declared.name]


_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}


async def duration(session: AsyncSession, region_id: int, declared: Number) -> timedelta:
    """Return a region's value of a number that is a time span."""
    seconds = _SECONDS[declared.unit]
    return timedelta(seconds=seconds * await value(session, region_id, declared))


class NumberOutOfBounds(Refusal):
    """{name} must lie between {least} and {most} {unit}."""

    code = "number_out_of_bounds"
    status = 422
    advice = "Only an administrator sets this; choose a value within the bounds."


@dataclass(frozen=True, slots=True)
class NumberSet(Event):
    """A region has its own value of a number."""

    name: str


class SetNumber(Args):
    name: Text = Field(max_length=80, description="The number's name as listed under /v1/rules.")
    value: float = Field(allow_inf_nan=False, description="The region's value, in its unit.")
    reason: Text = Field(min_length=3, max_length=500, description="Why it is set.")


@command("rule.set_number", permission=Permission.RULE_EDIT)
async def set_number(ctx: Context, args: SetNumber) -> RuleNumber:
    """Set a region's own value of a rule's number.

    Raises NotFound for an unknown name, NumberOutOfBounds outside the bounds.
    """
    declared = REGISTRY.get(args.name)
    if declared is None:
        raise NotFound(thing="number")
    if not declared.least <= args.value <= declared.most:
        raise NumberOutOfBounds(
            name=args.name, least=declared.least, most=declared.most, unit=declared.unit
        )
    ctx.reason = args.reason
    row = await ctx.session.scalar(
        select(RuleNumber)
        .where(RuleNumber.region_id == ctx.region_id, RuleNumber.name == args.name)
        .with_for_update()
    )
    if row is None:
        row = RuleNumber(region_id=ctx.region_id, name=args.name, value=args.value)
        ctx.add(row)
    row.value = args.value
    await ctx.session.flush()
    ctx.session.info.pop("numbers", None)
    await ctx.emit(NumberSet(args.name))
    return row


def listing(own: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every number with its present value for a list, by name."""
    return [
        {
            "name": n.name,
            "rule": n.rule,
            "unit": n.unit,
            "meaning": n.meaning,
            "default": n.default,
            "least": n.least,
            "most": n.most,
            "value": own[n.name],
        }
        for n in sorted(REGISTRY.values(), key=lambda n: n.name)
    ]
