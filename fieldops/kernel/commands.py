"""Commands: named verbs with arguments, one registry, one way to run them for every entrance.

`@command` registers a handler. Acceptance by push, permission, audit, idempotency, JSON schema
and membership in the replay tests follow from the decorator.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar, get_type_hints
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError

from fieldops.kernel import audit
from fieldops.kernel.actor import Actor
from fieldops.kernel.base import Catalogue, Regional
from fieldops.kernel.clock import Confidence
from fieldops.kernel.db import unit_of
from fieldops.kernel.errors import (
    Caution,
    Coded,
    Conflict,
    Constraint,
    Forbidden,
    Hold,
    InvalidArguments,
    StaleVersion,
)
from fieldops.kernel.events import Event, reactions_to
from fieldops.kernel.gathering import Gathered, named_in
from fieldops.kernel.permissions import Permission


class Nature(StrEnum):
    """A fact is kept whatever happened; a decision is judged against the present state."""

    FACT = "fact"
    DECISION = "decision"


class Args(BaseModel):
    """The base of every command's arguments: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_bytes="base64")


def shown(**example: Any) -> ConfigDict:
    """Return the model_config of arguments that the documents show with an example."""
    return ConfigDict(json_schema_extra={"examples": [example]})


def _storable(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if "\x00" in value:
        raise ValueError("text may not hold a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError as exc:  # an emoji that was cut in two
        raise ValueError("text may not hold half a character (a lone surrogate)") from exc
    return value


def _storable_whole(value: Any) -> Any:
    if isinstance(value, list):
        return [_storable_whole(one) for one in value]
    if isinstance(value, dict):
        return {_storable(name): _storable_whole(one) for name, one in value.items()}
    return _storable(value)


Text = Annotated[str, BeforeValidator(_storable)]
Json = Annotated[Any, BeforeValidator(_storable_whole)]
"""Any JSON value, every text in it one that the database can hold."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A record by its type, id and version."""

    type: str
    id: UUID
    version: int


@dataclass(frozen=True, slots=True)
class Captured:
    """When a command was captured on a device: as sent, and as the server estimates it."""

    wall: datetime
    estimated_at: datetime
    confidence: Confidence
    clock_far_off: bool = False


@dataclass(frozen=True, slots=True)
class Envelope:
    """A command as it arrived: who made it, in which order, on the basis of which versions."""

    id: UUID
    name: str
    args: Mapping[str, Any]
    v: int = 1
    device_id: UUID | None = None
    seq: int | None = None
    base: tuple[Ref, ...] = ()
    depends_on: tuple[UUID, ...] = ()
    captured: Captured | None = None
    attachments: tuple[Mapping[str, Any], ...] = ()

    def base_version(self, row_id: UUID) -> int | None:
        """Return the version of a record that the device had seen, None when it did not say."""
        return next((ref.version for ref in self.base if ref.id == row_id), None)


@dataclass(slots=True)
class Context:
    """What a handler works with: the transaction, the actor, one time, the envelope."""

    session: AsyncSession
    actor: Actor
    now: datetime
    envelope: Envelope
    spec: "Spec"
    accepted: bool = False  # a dispatcher has accepted this held command at the desk
    decided_by: UUID | None = None  # who did, for the actor is then the technician
    reason: str | None = None
    merged: set[str] = field(default_factory=set)
    also: list[Regional] = field(default_factory=list)
    warnings: list[Caution] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)  # of a command about many things

    @property
    def region_id(self) -> int:
        return self.actor.region_id

    @property
    def from_device(self) -> bool:
        """Whether the command was captured on a device (and may therefore be late)."""
        return self.envelope.device_id is not None

    @property
    def captured_at(self) -> datetime | None:
        """The device's wall clock at the capture, as sent."""
        return self.envelope.captured.wall if self.envelope.captured else None

    @property
    def happened_at(self) -> datetime:
        """The best estimate of when it happened: rules that use a capture time use this."""
        return self.envelope.captured.estimated_at if self.envelope.captured else self.now

    def add(self, *rows: Regional | Catalogue) -> None:
        """Add new rows to the transaction."""
        self.session.add_all(rows)

    def warn(self, caution: Caution) -> None:
        """Let the answer warn whoever did this; the command takes effect all the same."""
        self.warnings.append(caution)

    async def emit(self, event: Event) -> None:
        """Let the higher modules react, in this transaction; they may refuse."""
        for reaction in reactions_to(type(event)):
            await reaction(self, event)

    async def merge(self, row: Regional, fields: Iterable[str]) -> None:
        """Judge a change of `fields` against what others changed after the base version.

        Raises Conflict when somebody else changed one of the same fields; otherwise notes the
        foreign fields, and the result says `merged` (SYNC section 2). A command without a base
        version for the row is not judged.
        """
        base = self.envelope.base_version(row.id)
        if base is None or base >= row.version:
            return
        foreign = await audit.foreign_fields(self.session, row, base, self.envelope.device_id)
        meeting = foreign & set(fields)
        if meeting:
            raise Conflict(
                fields=", ".join(sorted(meeting)),
                base=base,
                present=row.version,
                type=row.resource,
                id=str(row.id),
            )
        self.merged |= foreign


A = TypeVar("A", bound=Args)
Outcome = Regional | Catalogue | Iterable[Regional | Catalogue] | None
Handler = Callable[[Context, Any], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Spec:
    """A registered command: name, version, nature, permission, argument model, handler.

    `subject` names the argument that holds the id of the record the command is about; commands
    of one device on the same subject depend on each other in order.
    """

    name: str
    version: int
    nature: Nature
    permission: Permission
    args: type[Args]
    handler: Handler
    offline: bool
    subject: str | None

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (self.handler.__doc__ or self.name).strip().split("\n")[0]


REGISTRY: dict[tuple[str, int], Spec] = {}
_upcasters: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}
_constraints: dict[str, type[Coded]] = {}


def command(
    name: str,
    *,
    permission: Permission,
    nature: Nature = Nature.DECISION,
    offline: bool = False,
    subject: str | None = None,
    version: int = 1,
) -> Callable[
    [Callable[[Context, A], Awaitable[Outcome]]], Callable[[Context, A], Awaitable[Outcome]]
]:
    """Register a handler `async (ctx, args: SomeArgs) -> rows changed` as a command."""

    def register(
        handler: Callable[[Context, A], Awaitable[Outcome]],
    ) -> Callable[[Context, A], Awaitable[Outcome]]:
        model = get_type_hints(handler)["args"]
        if (name, version) in REGISTRY:
            raise TypeError(f"command {name} version {version} is registered twice")
        REGISTRY[name, version] = Spec(
            name, version, nature, permission, model, handler, offline, subject
        )
        return handler

    return register


def upcast(
    name: str, *, version: int
) -> Callable[[Callable[[dict[str, Any]], dict[str, Any]]], Any]:
    """Register a pure function that lifts arguments of an old version to the next one."""

    def register(lift: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
        _upcasters[name, version] = lift
        return lift

    return register


def refuse_on(constraint: str, refusal: type[Coded]) -> None:
    """Answer a violation of a named constraint with a refusal."""
    _constraints[constraint] = refusal


class UnknownCommand(Hold):
    """This server does not know the command {name} in version {v}; it is kept until one does."""

    code = "unknown_command"
    advice = "Nothing to do; your work is kept. Update the app when it asks for it."


def find(name: str, version: int, args: Mapping[str, Any]) -> tuple[Spec, Mapping[str, Any]]:
    """Return the handler for a command, lifting old arguments; raises UnknownCommand."""
    while (name, version) not in REGISTRY:
        lift = _upcasters.get((name, version))
        if lift is None:
            raise UnknownCommand(name=name, v=version)
        args = lift(deepcopy(dict(args)))  # asked more than once: what was sent stays as it was
        version += 1
    return REGISTRY[name, version], args


def taken_by(name: str, version: int) -> Spec | None:
    """Return what handles a command's version, lifted if need be; None when nothing does."""
    while (name, version) in _upcasters and (name, version) not in REGISTRY:
        version += 1
    return REGISTRY.get((name, version))


def spec_of(handler: Callable[..., Any]) -> Spec:
    """Return the registration of a handler."""
    return next(spec for spec in REGISTRY.values() if spec.handler is handler)


def parse(spec: Spec, args: Mapping[str, Any]) -> Args:
    """Validate arguments; raises InvalidArguments with the fields and rules."""
    try:
        return spec.args.model_validate(args)
    except ValidationError as exc:
        raise InvalidArguments(errors=field_errors(exc.errors())) from None


def field_errors(errors: Iterable[Any]) -> list[dict[str, str]]:
    """Turn Pydantic's errors into {field, rule, message} without echoing the input."""
    return [
        {
            "field": ".".join(str(part) for part in error["loc"]),
            "rule": str(error["type"]),
            "message": _in_words(str(error["msg"])),
        }
        for error in errors
    ]


def _in_words(message: str) -> str:
    """Return what is said of a `Text`, whose length is told in items, as a person would say it."""
    if not message.startswith("Value should have") or "after validation" not in message:
        return message
    text = message.replace("Value should", "Text should", 1).replace(" after validation", "")
    return text.replace(" items", " characters").replace(" item", " character")


@dataclass(frozen=True, slots=True)
class Applied:
    """What a command did: records made or changed, fields met on the way, what to know of it."""

    refs: tuple[Ref, ...]
    merged: tuple[str, ...] = ()
    warnings: tuple[Caution, ...] = ()
    results: tuple[dict[str, Any], ...] = ()


async def run(
    session: AsyncSession,
    actor: Actor,
    envelope: Envelope,
    now: datetime,
    *,
    accepted: bool = False,
    whole: bool = False,
) -> Applied:
    """Run one command in the caller's transaction, flushed but not committed.

    `whole`: the command is part of a push that gathers for all its commands and flushes once;
    then its changes are only accounted for here. Raises a Refusal or a Hold; the caller decides
    what a failed command leaves behind (a REST write rolls back, a push rolls back to its
    savepoint and opens a case).
    """
    spec, lifted = find(envelope.name, envelope.v, envelope.args)
    args = parse(spec, lifted)
    if not actor.allows(spec.permission):
        raise Forbidden(permission=spec.permission.value)
    outer, gathered = session.info.get("context"), session.info.get("gathered")
    decided_by = outer.actor.id if accepted and outer is not None else None
    ctx = Context(session, actor, now, envelope, spec, accepted, decided_by)
    session.info["context"] = ctx
    if not whole:
        session.info["gathered"] = Gathered(named_in([lifted]))
    try:
        changed = await spec.handler(ctx, args)
        if whole:
            unit_of(session).account()
        else:
            await session.flush()
    except IntegrityError as exc:
        raise _refusal_for(exc) from exc
    except StaleDataError as exc:
        raise StaleVersion from exc
    finally:
        session.info["context"], session.info["gathered"] = outer, gathered
        if not whole and gathered is not None:
            gathered.forget()  # a command inside a command: its changes were not gathered
    rows = [] if changed is None else [changed] if hasattr(changed, "id") else list(changed)
    refs = tuple(Ref(row.resource, row.id, row.version) for row in (*rows, *ctx.also))
    return Applied(refs, tuple(sorted(ctx.merged)), tuple(ctx.warnings), tuple(ctx.results))


def _refusal_for(exc: IntegrityError) -> Coded:
    diag = getattr(exc.orig, "diag", None)
    name = getattr(diag, "constraint_name", None) or "unnamed"
    refusal = _constraints.get(name)
    return refusal() if refusal is not None else Constraint(rule=name)


FIRST_YEAR, LAST_YEAR = 1900, 2999


def _in_reach(moment: datetime) -> datetime:
    """Refuse a moment at the calendar's very ends, where no zone and no sum of times holds it."""
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"a moment lies between {FIRST_YEAR} and {LAST_YEAR}")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_in_reach)]
