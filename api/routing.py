"""How routes are made: `verb` for commands, `reads`, `writes`, `acts` and `public` for the rest.

Every route declares its permission by one of them; a test walks all routes and checks.
"""

import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field, create_model
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from api import tokens
from api.problems import problems
from fieldops.kernel import clock, commands, ledger
from fieldops.kernel.actor import Actor
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.errors import InvalidRequest, Unauthenticated
from fieldops.kernel.ids import new_id
from fieldops.kernel.paging import sorted_after
from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.settings import Settings
from fieldops.organisation import queries as organisation

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

Limit = Annotated[int, Query(ge=1, le=200, description="Greatest number of items.")]
After = Annotated[UUID | None, Query(description="The `next` of the page before.")]


class Page(BaseModel, Generic[T]):
    """A part of a list; `next` is the `after` of the next part, null on the last."""

    items: list[T]
    next: UUID | None = None

    @classmethod
    def of(cls, rows: Sequence[Any], limit: int, schema: type[M]) -> "Page[M]":
        """Make a page of rows read with one more than `limit`, keyset by id."""
        following = rows[limit - 1].id if len(rows) > limit else None
        items = [schema.model_validate(row) for row in rows[:limit]]
        return Page[schema](items=items, next=following)  # type: ignore[valid-type]


def sort_by(*names: str) -> Any:
    """Return the type of a list's `sort`: one of the columns, with '-' the other way round."""
    both = tuple(sign + name for name in names for sign in ("", "-"))
    return Annotated[
        Literal[both] | None,
        Query(description="The order; '-' turns it round. Without it in the order of making."),
    ]


async def page(
    reading: "Reading",
    statement: Select[Any],
    key: Any,
    after: UUID | None,
    limit: int,
    schema: type[M],
    sort: str | None = None,
    *,
    columns: bool = False,
) -> Page[M]:
    """Read the part of a list that was asked for, as `part` does, and make a page of it."""
    rows = await _with_one_more(reading, statement, key, after, limit, sort, columns=columns)
    return Page.of(rows, limit, schema)


async def part(
    reading: "Reading",
    statement: Select[Any],
    key: Any,
    after: UUID | None,
    limit: int,
    sort: str | None = None,
) -> tuple[Sequence[Any], UUID | None]:
    """Read the part of a list that was asked for: its records and the page's `next`."""
    rows = await _with_one_more(reading, statement, key, after, limit, sort, columns=False)
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


async def _with_one_more(
    reading: "Reading",
    statement: Select[Any],
    key: Any,
    after: UUID | None,
    limit: int,
    sort: str | None,
    *,
    columns: bool,
) -> Sequence[Any]:
    """Read one row more than a page has; the statement is in the order of `key`.

    `sort`: by this column of the key's table or subquery instead ('-' falling), rows without a
    value last.
    `columns`: the statement selects columns, one of them the id, and not one record.
    """
    if sort is not None:
        name = sort.removeprefix("-")
        column = getattr(key.class_, name) if hasattr(key, "class_") else key.table.c[name]
        falling = sort.startswith("-")
        statement = await sorted_after(
            reading.session, statement, key, column, after, falling=falling
        )
    elif after is not None:
        statement = statement.where(key > after)
    read = reading.session.execute if columns else reading.session.scalars
    rows: Sequence[Any] = (await read(statement.limit(limit + 1))).all()
    return rows


def worked_out(
    rows: Sequence[M], after: UUID | None, limit: int, schema: type[M], sort: str | None = None
) -> Page[M]:
    """Return the part of a list that is not read but worked out, as a whole, each time.

    `rows` have an `id`; `sort` as of `page`: rows without a value come last.
    """
    kept: list[Any] = list(rows)
    if sort is not None:
        name = sort.removeprefix("-")
        known = [row for row in kept if getattr(row, name) is not None]
        known.sort(key=lambda row: getattr(row, name), reverse=sort.startswith("-"))
        kept = known + [row for row in kept if getattr(row, name) is None]
    begins = next((n + 1 for n, row in enumerate(kept) if row.id == after), 0)
    part = kept[begins : begins + limit]
    more = begins + limit < len(kept) and part
    return Page[schema](items=part, next=part[-1].id if more else None)  # type: ignore[valid-type]


class ResultRef(BaseModel):
    type: str = Field(examples=["visit"])
    id: UUID
    version: int


class Warned(BaseModel):
    """Something to know about what was done; it took effect all the same."""

    code: str
    message: str
    advice: str
    details: dict[str, Any] = {}


class CommandResult(BaseModel):
    """What a command did: the records it made or changed, with their versions now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "01938f5e-7a31-7c02-9a52-0f4c5d6e7f80",
                    "status": "applied",
                    "refs": [
                        {
                            "type": "visit",
                            "id": "01938f5e-0000-7000-8000-000000000001",
                            "version": 4,
                        }
                    ],
                    "merged": [],
                }
            ]
        }
    )
    id: UUID = Field(description="The command id (the Idempotency-Key when one was sent).")
    status: Literal["applied", "merged", "duplicate"]
    refs: list[ResultRef]
    merged: list[str] = []
    warnings: list[Warned] = []
    results: list[dict[str, Any]] = Field([], description="Of each part, when there are many.")


@dataclass(slots=True)
class Reading:
    """A request's transaction, actor and scope; committed before the answer is sent."""

    session: AsyncSession
    actor: Actor
    scope: Scope
    now: datetime
    settings: Settings


@dataclass(slots=True)
class Acting:
    """A request that opens its own transactions: none stays open while its body comes in."""

    database: Database
    settings: Settings
    actor: Actor


@dataclass(slots=True)
class Open:
    """A request without a signed-in actor: the reason says why that is right."""

    database: Database
    settings: Settings
    now: datetime


def database_of(request: Request) -> Database:
    """Return the application's database."""
    database: Database = request.app.state.database
    return database


def settings_of(request: Request) -> Settings:
    """Return the application's settings."""
    settings: Settings = request.app.state.settings
    return settings


def source_of(request: Request, actor: Actor) -> str:
    """Return from where somebody reads, as the registers keep it: address and device (CU-04)."""
    address = request.client.host if request.client else "unknown"
    return f"{address} device {actor.device_id}" if actor.device_id else address


async def actor_of(
    session: AsyncSession,
    settings: Settings,
    authorization: str | None,
    region: int | None = None,
) -> Actor:
    """Return who a bearer token speaks for, with the grants as they stand now.

    Raises Unauthenticated for a missing, foreign or expired token or a closed account.
    """
    claims = tokens.read_access(settings, authorization)
    actor = await organisation.load_actor(
        session, claims.person_id, region or claims.region_id, claims.device_id
    )
    if actor is None:
        raise Unauthenticated
    return actor


Authorization = Annotated[
    str | None, Header(alias="Authorization", include_in_schema=False, max_length=4096)
]
RegionHeader = Annotated[
    int | None,
    Header(
        alias="FieldOps-Region",
        ge=1,
        le=2_000_000_000,
        description="Number of the region to work in; without it the home region.",
    ),
]
IdempotencyKey = Annotated[
    UUID | None,
    Header(
        alias="Idempotency-Key",
        description="The command's id; the same id and content again gets the first result.",
    ),
]


Who = Callable[[AsyncSession, Settings, str | None, int | None], Awaitable[Actor]]


def _reading(permission: Permission, who: Who) -> Callable[..., AsyncIterator[Reading]]:
    async def open_reading(
        request: Request, authorization: Authorization = None, region: RegionHeader = None
    ) -> AsyncIterator[Reading]:
        settings = settings_of(request)
        async with database_of(request).transaction() as session:
            actor = await who(session, settings, authorization, region)
            yield Reading(session, actor, actor.scope(permission), clock.now(), settings)

    open_reading.permission = permission  # type: ignore[attr-defined]
    return open_reading


def reads(permission: Permission, who: Who = actor_of) -> Any:
    """Return the dependency of a read: a transaction scoped to what the actor may see.

    `who` finds the actor where there is another way to sign in than a bearer token.
    """
    return Depends(_reading(permission, who), scope="function")


writes = reads  # the same transaction, committed before the answer is sent


def acts(permission: Permission) -> Any:
    """Return the dependency of a route with a long body: who acts, and no transaction."""

    async def open_acting(
        request: Request, authorization: Authorization = None, region: RegionHeader = None
    ) -> Acting:
        settings, database = settings_of(request), database_of(request)
        async with database.transaction() as session:
            actor = await actor_of(session, settings, authorization, region)
        actor.scope(permission)
        return Acting(database, settings, actor)

    open_acting.permission = permission  # type: ignore[attr-defined]
    return Depends(open_acting)


def public(reason: str) -> Any:
    """Return the dependency of a route that needs no sign-in, with the reason for that."""

    def open_public(request: Request) -> Open:
        return Open(database_of(request), settings_of(request), clock.now())

    open_public.public_reason = reason  # type: ignore[attr-defined]
    return Depends(open_public)


def verb(router: APIRouter, path: str, handler: Callable[..., Any]) -> None:
    """Make POST `path` run the command of a handler.

    Path parameters fill the arguments of the same name; the JSON body has the others.
    """
    spec = commands.spec_of(handler)
    in_path = re.findall(r"{(\w+)}", path)
    body = _body_model(spec, in_path)

    async def endpoint(
        reading: Annotated[Reading, reads(spec.permission)],
        idempotency_key: IdempotencyKey = None,
        **given: Any,
    ) -> dict[str, Any]:
        sent = given.pop("body", None)
        args = {} if sent is None else sent.model_dump(mode="json", exclude_unset=True)
        args |= {name: str(value) for name, value in given.items()}
        envelope = Envelope(idempotency_key or new_id(), spec.name, args, spec.version)
        return await ledger.once(reading.session, reading.actor, envelope, reading.now)

    endpoint.__signature__ = _signature(endpoint, spec, in_path, body)  # type: ignore[attr-defined]
    endpoint.__doc__ = inspect.cleandoc(spec.handler.__doc__ or "")
    router.post(
        path,
        response_model=CommandResult,
        operation_id=spec.name.replace(".", "_"),
        summary=spec.summary,
        responses=problems(404, 409),
        openapi_extra={"x-permission": spec.permission.value, "x-command": spec.name},
    )(endpoint)


def _body_model(spec: commands.Spec, in_path: list[str]) -> type[BaseModel] | None:
    fields: dict[str, Any] = {
        name: (info.annotation, info)
        for name, info in spec.args.model_fields.items()
        if name not in in_path
    }
    if not fields:
        return None
    name = "".join(part.capitalize() for part in re.split(r"[._]", spec.name)) + "Body"
    config = ConfigDict(extra="forbid")
    shown = spec.args.model_config.get("json_schema_extra")
    if isinstance(shown, dict):
        examples: Any = shown["examples"]
        config["json_schema_extra"] = {
            "examples": [{k: v for k, v in e.items() if k not in in_path} for e in examples]
        }
    return create_model(name, __config__=config, __doc__=spec.args.__doc__, **fields)


def _signature(
    endpoint: Callable[..., Any],
    spec: commands.Spec,
    in_path: list[str],
    body: type[BaseModel] | None,
) -> inspect.Signature:
    kept = [
        p
        for p in inspect.signature(endpoint).parameters.values()
        if p.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    kind = inspect.Parameter.KEYWORD_ONLY
    extra = [
        inspect.Parameter(name, kind, annotation=spec.args.model_fields[name].annotation)
        for name in in_path
    ]
    if body is not None:
        optional = not any(f.is_required() for f in body.model_fields.values())
        annotation: Any = body | None if optional else body
        default = None if optional else inspect.Parameter.empty
        extra.append(inspect.Parameter("body", kind, annotation=annotation, default=default))
    return inspect.Signature([*kept, *extra])


def calendar_day(day: date) -> date:
    """Refuse the first and last years of the calendar, whose neighbours cannot be named."""
    if not date.min.year < day.year < date.max.year:
        raise InvalidRequest(reason="the day lies outside the calendar")
    return day
