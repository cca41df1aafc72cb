"""The draw of visits for an inspection, repeatable by anybody: same seed, same population (QA-04).

Drawn by their lots (`fieldops/kernel/lots.py`) are so many of all visits by share, so many of
those with a risk by the risk's share, and every visit that somebody complained about.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from fieldops.kernel.lots import by_lot, part


class Reason(StrEnum):
    """Why a visit is in a sample, and what makes it a risk."""

    SHARE = "share"
    NEW_TECHNICIAN = "new_technician"
    CONTRACTOR = "contractor"
    RED_CUSTOMER = "red_customer"
    FLAGGED_EVIDENCE = "flagged_evidence"
    COMPLAINT = "complaint"
    CHOSEN = "chosen"  # added by the inspector, without a draw


@dataclass(frozen=True, slots=True)
class Member:
    """A visit of the population with its risks."""

    visit_id: UUID
    risks: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawn visit with the reasons for it."""

    visit_id: UUID
    reasons: tuple[Reason, ...]


def draw(population: Iterable[Member], seed: str, share: float, risk_share: float) -> list[Drawn]:
    """Return the drawn visits by their lots; shares are percents, rounded up to whole visits.

    A visit with a complaint is always drawn. The reasons of a visit drawn by its risk, or for a
    complaint, name all its risks.
    """
    ordered = by_lot(population, seed, lambda one: one.visit_id)
    by_share = {one.visit_id for one in part(ordered, share)}
    by_risk = {one.visit_id for one in part([one for one in ordered if one.risks], risk_share)}
    drawn = []
    for one in ordered:
        reasons: tuple[Reason, ...] = (Reason.SHARE,) if one.visit_id in by_share else ()
        if one.visit_id in by_risk or Reason.COMPLAINT in one.risks:
            reasons += one.risks
        if reasons:
            drawn.append(Drawn(one.visit_id, reasons))
    return drawn


def as_kept(population: Iterable[Member]) -> list[list[object]]:
    """Return a population as the record keeps it: [visit, [risks]], by visit."""
    ordered = sorted(population, key=lambda one: one.visit_id)
    return [[str(one.visit_id), [risk.value for risk in one.risks]] for one in ordered]


def from_kept(kept: Iterable[Sequence[object]]) -> list[Member]:
    """Return a population out of a record."""
    found = []
    for visit_id, risks in kept:
        named = risks if isinstance(risks, list) else []
        found.append(Member(UUID(str(visit_id)), tuple(Reason(risk) for risk in named)))
    return found
