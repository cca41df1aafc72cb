"""What a file's ties, services and access paths would do to the record. Pure.

The checks are those of `network.connect` and `network.register_service`. A file adds ties and
services; it changes none: a line is moved by a swap, a service by its orders.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fieldops.kernel.commands import Text
from fieldops.kernel.errors import Coded, InvalidArguments, NotFound
from fieldops.network import rules
from fieldops.network.errors import (
    ConnectionKnown,
    PieceFixed,
    ResourceState,
    ServiceKnown,
)
from fieldops.network.importing import Given, Plan, Record, Whole, refusal
from fieldops.network.plant_files import Piece
from fieldops.network.rules import (
    STATEFUL,
    USE,
    FeatureKind,
    ServiceKind,
    ServiceLife,
    State,
    Technology,
    Tie,
)

Rate = Annotated[int, Field(ge=1, le=1_000_000, description="Mbit/s as sold, broadband only.")]


class ServiceFields(BaseModel):
    """A service at premises; the path leads from the exchange to the premises."""

    premises_id: UUID
    customer_id: UUID
    kind: ServiceKind
    technology: Technology
    sold_down_mbps: Rate | None = None
    sold_up_mbps: Rate | None = None
    account: Annotated[Text, Field(min_length=1, max_length=64)] | None = None
    state: ServiceLife = ServiceLife.PLANNED
    path: list[UUID] = Field(
        [], max_length=rules.LONGEST_PATH, description="Features in order, exchange first."
    )

    @model_validator(mode="after")
    def _plausible(self) -> "ServiceFields":
        if len(set(self.path)) != len(self.path):
            raise ValueError("a feature stands only once in a path")
        if self.state is ServiceLife.CEASED:
            raise ValueError("a ceased service is not registered")
        if self.kind is ServiceKind.FIXED_LINE and (self.sold_down_mbps or self.sold_up_mbps):
            raise ValueError("rates are sold with broadband only")
        return self


class GivenService(ServiceFields):
    """A service as a file gives it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: UUID | None = None
    version: Whole | None = None


class GivenTie(BaseModel):
    """A tie as a file gives it, seen from the exchange."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: UUID | None = None
    version: Whole | None = None
    kind: Tie
    from_id: UUID
    to_id: UUID

    @property
    def key(self) -> "TieKey":
        return self.from_id, self.to_id, self.kind.value


TieKey = tuple[UUID, UUID, str]


@dataclass(frozen=True, slots=True)
class Links:
    """What the judgement needs to know of the record's ties and services, and of who has one.

    `ties` are those recorded by id and `keys` by their ends. A service that the importer may not
    see is None. `premises` have their centres; they and the customers are those in scope.
    """

    ties: Mapping[UUID, TieKey]
    keys: frozenset[TieKey]
    services: Mapping[UUID, Mapping[str, Any] | None]
    accounts: Mapping[str, UUID]
    premises: Mapping[UUID, UUID]
    customers: frozenset[UUID]


def used_in(services: Sequence[tuple[Piece, GivenService]]) -> dict[UUID, State]:
    """Return the state that the pieces on the ways of a file's services have by them."""
    return {id_: USE[given.state] for _piece, given in services for id_ in given.path}


def judge_ties(
    ties: Sequence[tuple[Piece, GivenTie]],
    pieces: Mapping[UUID, Given],
    record: Record,
    links: Links,
    plan: Plan,
) -> list[GivenTie]:
    """Return the ties that are new; the others are noted in the plan as they were, or refused."""
    added: dict[TieKey, GivenTie] = {}
    for piece, given in ties:
        try:
            if given.key in links.keys:
                plan.ties_unchanged += 1
                continue
            if given.id is not None and given.id in links.ties:
                raise PieceFixed(field="from_id, to_id or kind", present="otherwise")
            if given.key in added:
                raise ConnectionKnown
            if given.from_id == given.to_id:
                message = "a feature is not tied to itself"
                raise InvalidArguments(
                    errors=[{"field": "to_id", "rule": "differ", "message": message}]
                )
            ends = [_kind_of(id_, pieces, record) for id_ in (given.from_id, given.to_id)]
            rules.check_tie(given.kind, *ends)
        except Coded as exc:
            plan.refused.append(refusal(piece, exc))
            continue
        added[given.key] = given
    return list(added.values())


def judge_services(
    services: Sequence[tuple[Piece, GivenService]],
    pieces: Mapping[UUID, Given],
    record: Record,
    links: Links,
    plan: Plan,
) -> list[GivenService]:
    """Return the services that are new; the others are noted as they were, or refused."""
    added: list[GivenService] = []
    accounts = dict(links.accounts)
    taken: dict[UUID, str] = {}
    for piece, given in services:
        try:
            if given.id is not None and given.id in links.services:
                _check_same(given, links.services[given.id])
                plan.services_unchanged += 1
                continue
            _check_new(given, links, accounts)
            for id_ in given.path:
                if _kind_of(id_, pieces, record) not in STATEFUL:
                    continue
                _check_free(id_, record)
                if id_ in taken:
                    name = pieces[id_].name if id_ in pieces else record.pieces[id_].name
                    used = f"used at {taken[id_]}"
                    raise ResourceState(name=name, present_state=used, expected=State.FREE.value)
        except Coded as exc:
            plan.refused.append(refusal(piece, exc))
            continue
        taken |= {
            id_: piece.where for id_ in given.path if _kind_of(id_, pieces, record) in STATEFUL
        }
        if given.account is not None:
            accounts[given.account] = given.premises_id
        added.append(given)
    return added


def _kind_of(id_: UUID, pieces: Mapping[UUID, Given], record: Record) -> FeatureKind:
    known = record.pieces.get(id_)
    if known is not None and known.visible:
        return FeatureKind(known.kind)
    if known is None and id_ in pieces:
        return pieces[id_].kind
    raise NotFound(thing="feature")


def _check_same(given: GivenService, present: Mapping[str, Any] | None) -> None:
    """Raise PieceFixed for what a file says otherwise of a recorded service."""
    if present is None:
        raise NotFound(thing="service")
    said = given.model_dump(mode="json", include=given.model_fields_set & present.keys())
    for name, value in said.items():
        if value != present[name]:
            stands = "another" if name in {"path", "account"} else str(present[name])
            raise PieceFixed(field=name, present=stands)


def _check_new(given: GivenService, links: Links, accounts: Mapping[str, UUID]) -> None:
    if given.premises_id not in links.premises:
        raise NotFound(thing="premises")
    if given.customer_id not in links.customers:
        raise NotFound(thing="customer")
    if given.account is not None and given.account in accounts:
        raise ServiceKnown


def _check_free(id_: UUID, record: Record) -> None:
    known = record.pieces.get(id_)
    if known is not None and known.state != State.FREE:
        raise ResourceState(name=known.name, present_state=known.state, expected=State.FREE.value)
