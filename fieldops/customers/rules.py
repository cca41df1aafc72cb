"""Segments, tiers and the time limits promised to them (CU-01, CU-02). Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise

from fieldops.customers.errors import StandardNotMonotone, TierDoesNotFit


class TakenAs(StrEnum):
    """What kind of file left and is registered: a list, plant, a paper (CU-04)."""

    CSV = "csv"
    XLSX = "xlsx"
    GEOJSON = "geojson"
    GPKG = "gpkg"
    PDF = "pdf"


class Segment(StrEnum):
    HOUSEHOLD = "household"
    PERSONAL = "personal"
    GOVERNMENT = "government"
    ENTERPRISE = "enterprise"


class Service(StrEnum):
    """The services a standard may name; another service is held to the rows that name none."""

    BROADBAND = "broadband"
    FIXED_LINE = "fixed_line"
    TV = "tv"


class Task(StrEnum):
    """What a time limit is for."""

    BOOKING_CALL = "booking_call"
    ARRIVAL = "arrival"
    ACTIVATION = "activation"
    REPAIR = "repair"
    COMPLAINT_CONTACT = "complaint_contact"


class ErasureGround(StrEnum):
    """Why a customer is erased (CU-07): a word of a list, so that it names nobody."""

    CUSTOMER_REQUEST = "customer_request"
    LEGAL_ORDER = "legal_order"
    RETENTION_OVER = "retention_over"


class IdentityMethod(StrEnum):
    """How a customer's identity was checked before contact data changed (CU-06)."""

    CALL_BACK = "call_back"
    DOCUMENT = "document"
    ELECTRONIC_ID = "electronic_id"
    PASSWORD = "password"  # noqa: S105 - the name of a method, not a password
    IN_PERSON = "in_person"


def digits_of(phone: str | None) -> str | None:
    """Return a phone number as a short message centre names it: digits, without + or 00."""
    if phone is None:
        return None
    digits = "".join(c for c in phone if c in "0123456789")
    return digits.removeprefix("00") or None


BUSINESS = frozenset({Segment.GOVERNMENT, Segment.ENTERPRISE})
PRIVATE_TIERS = ("diamond", "gold", "silver", "basic")
BUSINESS_TIERS = tuple(f"{size}{series}" for series in "AB" for size in range(1, 6))


def tiers_of(segment: Segment) -> tuple[str, ...]:
    """Return the tiers of a segment; within a series the highest stands first (CU-01)."""
    return BUSINESS_TIERS if segment in BUSINESS else PRIVATE_TIERS


def check_tier(segment: Segment, tier: str) -> None:
    """Raise TierDoesNotFit when a tier is not one of the segment's (CU-01)."""
    legal = tiers_of(segment)
    if tier not in legal:
        raise TierDoesNotFit(segment=segment.value, tier=tier, legal=", ".join(legal))


@dataclass(frozen=True, slots=True)
class Limit:
    """A promised time and the upper limit that must never be passed, in minutes (CU-02)."""

    minutes: int
    upper_minutes: int

    @property
    def promised(self) -> timedelta:
        return timedelta(minutes=self.minutes)

    @property
    def upper(self) -> timedelta:
        return timedelta(minutes=self.upper_minutes)


@dataclass(frozen=True, slots=True)
class Standard:
    """A row of the service standard table; None stands for every value of that column."""

    task: Task
    minutes: int
    upper_minutes: int
    segment: Segment | None = None
    tier: str | None = None
    service: Service | None = None
    region_number: int | None = None

    @property
    def specificity(self) -> tuple[bool, int, bool, bool]:
        """What decides between rows that overlap, the greatest wins (CU-02).

        A region's own row stands above the common ones; then the row that names more; then the
        one that names the tier, then the one that names the segment.
        """
        named = (self.tier, self.segment, self.service)
        return (
            self.region_number is not None,
            sum(value is not None for value in named),
            self.tier is not None,
            self.segment is not None,
        )

    def covers(self, segment: Segment, tier: str, service: Service | None) -> bool:
        """Return whether this row speaks about a customer's service."""
        return (
            self.segment in {None, segment}
            and self.tier in {None, tier}
            and self.service in {None, service}
        )


def limit_for(
    standards: Iterable[Standard],
    segment: Segment,
    tier: str,
    service: Service | None,
    task: Task,
) -> Limit | None:
    """Return the limit of the most specific row that covers a task, None without any (CU-02)."""
    covering = [s for s in standards if s.task == task and s.covers(segment, tier, service)]
    if not covering:
        return None
    best = max(covering, key=lambda standard: standard.specificity)
    return Limit(best.minutes, best.upper_minutes)


Key = tuple[Segment, str, Service | None]


def _ordered_keys() -> Iterator[tuple[Key, Key]]:
    """Yield (stricter, laxer) pairs: broadband before fixed line, a tier before the next lower."""
    for segment in Segment:
        tiers = tiers_of(segment)
        for tier in tiers:
            yield (segment, tier, Service.BROADBAND), (segment, tier, Service.FIXED_LINE)
        for service in Service:
            for higher, lower in pairwise(tiers):
                if lower != "1B":  # where the second series of business tiers begins anew
                    yield (segment, higher, service), (segment, lower, service)


def check_order(standards: Iterable[Standard], task: Task) -> None:
    """Raise StandardNotMonotone when a stricter customer would wait longer (CU-02)."""
    rows = list(standards)
    for stricter, laxer in _ordered_keys():
        first, second = (limit_for(rows, *key, task) for key in (stricter, laxer))
        if first is None or second is None:
            continue
        if first.minutes > second.minutes or first.upper_minutes > second.upper_minutes:
            raise StandardNotMonotone(
                stricter=" ".join(str(part) for part in stricter),
                laxer=" ".join(str(part) for part in laxer),
            )
