"""Phones: push and pull, their registrations; the offices: devices and the late-work desk."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession

from api import tokens
from api.lean import LeanPath, LeanRoute, header
from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import (
    After,
    Authorization,
    IdempotencyKey,
    Limit,
    Page,
    Reading,
    RegionHeader,
    database_of,
    page,
    reads,
    settings_of,
    sort_by,
    verb,
    writes,
)
from fieldops.kernel import ledger
from fieldops.kernel.actor import Actor
from fieldops.kernel.commands import Envelope, Text
from fieldops.kernel.db import Database, to_text
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission
from fieldops.kernel.settings import Settings
from fieldops.kernel.visibility import Access
from fieldops.organisation import queries as organisation
from fieldops.sync import policy, pull, push, queries, rules
from fieldops.sync.commands import desk as deciding
from fieldops.sync.commands import devices as steering
from fieldops.sync.models import Case, Device
from fieldops.sync.schemas import (
    Agreement,
    CaseDetail,
    CaseEntryRead,
    CaseRead,
    Change,
    DeskCounts,
    DeviceRead,
    PullAnswer,
    PullRequest,
    PushAnswer,
    PushRequest,
)

# How the statement of a pull finds out who asks: sync itself knows nothing of people.
PEOPLE = pull.People(organisation.actor_text(), organisation.read_actor)


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone's request: it opens its own transactions, for a push may have to be repeated."""

    database: Database
    settings: Settings
    claims: tokens.Claims
    region_id: int
    key_hash: bytes

    async def actor(self) -> Actor:
        """Return who asks; raises Unauthenticated, Forbidden.

        Somebody who lost the role still hands in facts, and the view must be emptied.
        """
        return await pull.who_asks(self.database, PEOPLE, self.caller)

    async def check(self) -> None:
        """Raise Unauthenticated or Forbidden for somebody who may not ask at all."""
        await self.actor()

    @property
    def caller(self) -> pull.Caller:
        """What sync knows them by."""
        return pull.Caller(self.claims.person_id, self.region_id, self.key_hash)


_KeyText = Annotated[str, Field(max_length=200)]
_REGION: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=1, le=2_000_000_000)])
_KEY: TypeAdapter[str] = TypeAdapter(_KeyText)
_TOKEN: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(max_length=4096)])

DeviceKey = Annotated[
    str | None,
    Header(
        alias="Device-Key",
        max_length=200,
        description="The key that the registration of the device gave.",
    ),
]


def read_phone(request: Request) -> Phone:
    settings = settings_of(request)
    key = header(request, "Device-Key", _KEY)
    claims = tokens.read_access(settings, header(request, "Authorization", _TOKEN))
    region = header(request, "FieldOps-Region", _REGION)
    return Phone(
        database_of(request),
        settings,
        claims,
        region or claims.region_id,
        hashlib.sha256((key or "").encode()).digest(),
    )


def phone_of(
    request: Request,
    device_key: DeviceKey = None,  # noqa: ARG001 - declared for the document
    authorization: Authorization = None,  # noqa: ARG001
    region: RegionHeader = None,  # noqa: ARG001
) -> Phone:
    """Declare to the framework what `read_phone` reads."""
    return read_phone(request)


phone_of.permission = Permission.SYNC_USE  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Caller:
    """A phone's request and the actor behind it."""

    phone: Phone
    actor: Actor


async def caller_of(request: Request, phone: Annotated[Phone, Depends(phone_of)]) -> Caller:
    """Return who asks, for routes that the framework answers."""
    await request.app.state.timeline.enter()
    return Caller(phone, await phone.actor())


phones = APIRouter(prefix="/v1/sync", tags=["sync"], route_class=LeanRoute)

_DEVICE = "01938f5e-0000-7000-8000-00000000000d"
_CLOCK = {"wall": "2026-11-24T08:02:11+02:00", "mono_ms": 8123456, "boot_id": "b-17"}
PUSH_EXAMPLE: dict[str, Any] = {
    "device_id": _DEVICE,
    "epoch": 1,
    "app": {"version": "1.4.0", "schema": 1},
    "clock": {**_CLOCK, "mono_ms": 8431007},
    "commands": [
        {
            "id": "01938f5e-7a31-7c02-9a52-0f4c5d6e7f80",
            "seq": 42,
            "name": "visit.arrive",
            "args": {"visit_id": "01938f5e-0000-7000-8000-000000000001", "accuracy_m": 8},
            "base": [
                {
                    "ref": {"type": "visit", "id": "01938f5e-0000-7000-8000-000000000001"},
                    "version": 4,
                }
            ],
            "captured": {**_CLOCK, "tz": "Europe/Helsinki"},
        }
    ],
}
PULL_EXAMPLE: dict[str, Any] = {"device_id": _DEVICE, "epoch": 1, "schema": 1, "cursor": None}


def _shown(example: dict[str, Any]) -> dict[str, Any]:
    """Return what puts an example of a body into the document."""
    return {"requestBody": {"content": {"application/json": {"example": example}}}}


@phones.post(
    "/push",
    operation_id="sync_push",
    summary="Hand in captured commands, in their order",
    response_model=PushAnswer,
    openapi_extra=_shown(PUSH_EXAMPLE),
    responses=problems(404, 408, 413, 503),
)
async def sync_push(body: PushRequest, phone: Annotated[Phone, Depends(phone_of)]) -> Response:
    """Take a part of the phone's queue; answered after the commit."""
    answer = await push.push(phone.database, await phone.actor(), body, phone.key_hash)
    return Response(answer, media_type="application/json")


@phones.post(
    "/pull",
    operation_id="sync_pull",
    summary="Get the difference between what the phone holds and what it should hold",
    response_model=PullAnswer,
    openapi_extra=_shown(PULL_EXAMPLE),
    responses=problems(404, 408, 409, 413, 503),
)
async def sync_pull(body: PullRequest, phone: Annotated[Phone, Depends(phone_of)]) -> Response:
    """Send the next page of the difference."""
    secret = phone.settings.secret.get_secret_value().encode()
    answer = await pull.pull(phone.database, PEOPLE, secret, phone.caller, body)
    return Response(answer, media_type="application/json")


lean = {
    path.path: path
    for path in (
        LeanPath("/v1/sync/push", PushRequest, read_phone, sync_push),
        LeanPath("/v1/sync/pull", PullRequest, read_phone, sync_pull),
    )
}
LeanRoute.paths = lean


devices = APIRouter(prefix="/v1/devices", tags=["devices"])


class Registration(BaseModel):
    """An installation of the app that wants to work for the signed-in user."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "Alice's phone", "app_version": "1.4.0", "app_schema": 1}]
        },
    )
    id: UUID | None = Field(None, description="Made by the app, once per install and user.")
    name: Annotated[Text, Field(min_length=1, max_length=80)]
    app_version: Annotated[Text, Field(min_length=1, max_length=40)]
    app_schema: Annotated[int, Field(ge=1, le=1_000_000)]
    replaces: UUID | None = Field(None, description="The user's former device id, if known.")


class Registered(BaseModel):
    """The device's id and its key; the key goes into the header Device-Key of every sync."""

    id: UUID
    key: str
    epoch: int
    last_seq: int


def key_of_device(settings: Settings, person_id: UUID, device_id: UUID) -> str:
    """Derive the key, so that a repeated registration gets the same one and none is stored."""
    secret = settings.secret.get_secret_value().encode()
    content = b"fieldops device key 1|" + person_id.bytes + device_id.bytes
    return base64.urlsafe_b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()


@devices.post(
    "",
    operation_id="device_register",
    summary="Register an installation of the app for its user",
    responses=problems(409),
)
async def register(
    body: Registration,
    reading: Annotated[Reading, writes(Permission.DEVICE_REGISTER)],
    idempotency_key: IdempotencyKey = None,
) -> Registered:
    """Give a device id and a key to the signed-in user (SYNC section 6)."""
    device_id = body.id or idempotency_key or new_id()
    key = key_of_device(reading.settings, reading.actor.id, device_id)
    args = {
        **body.model_dump(mode="json", exclude={"id"}, exclude_none=True),
        "id": str(device_id),
        "key_hash": hashlib.sha256(key.encode()).hexdigest(),
    }
    envelope = Envelope(idempotency_key or device_id, "device.register", args)
    await ledger.once(reading.session, reading.actor, envelope, reading.now)
    session, region_id = reading.session, reading.actor.region_id
    epoch = await queries.epoch(session, region_id)
    row = await queries.registered(session, region_id, device_id)
    return Registered(id=device_id, key=key, epoch=epoch, last_seq=row.last_seq if row else 0)


@devices.get("", operation_id="device_list", summary="List the phones", responses=problems())
async def device_list(
    reading: Annotated[Reading, reads(Permission.DEVICE_READ)],
    only: Annotated[Narrowing, narrow_by(Device, "centre_id", "app_version", "registered_at")],
    person_id: UUID | None = None,
    state: Annotated[rules.DeviceState | None, Query(description="Only in this state.")] = None,
    seen_before: Annotated[
        AwareDatetime | None, Query(description="Only those not heard of since then.")
    ] = None,
    sort: sort_by("last_seen_at", "registered_at", "queued", "name") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[DeviceRead]:
    """List devices with last contact, release, rows held and what is queued as far as known."""
    statement = queries.devices(reading.scope)
    if person_id is not None:
        statement = statement.where(Device.person_id == person_id)
    if state is not None:
        statement = statement.where(Device.state == state.value)
    if seen_before is not None:
        statement = statement.where(Device.last_seen_at < seen_before)
    statement = only(statement).order_by(Device.id)
    return await page(reading, statement, Device.id, after, limit, DeviceRead, sort)


@devices.get(
    "/agreement",
    operation_id="device_agreement",
    summary="How many phones held other rows than they should",
    responses=problems(),
)
async def device_agreement(
    reading: Annotated[Reading, reads(Permission.DEVICE_READ)],
) -> Agreement:
    """Tell the rate of the last 24 hours, and whether it is an alarm (SYNC section 3)."""
    return await queries.agreement(reading.session, reading.scope, reading.now)


@devices.get(
    "/{device_id}", operation_id="device_get", summary="Read a phone", responses=problems(404)
)
async def device_get(
    device_id: UUID, reading: Annotated[Reading, reads(Permission.DEVICE_READ)]
) -> DeviceRead:
    """Read one device."""
    found = await queries.device(reading.session, reading.scope, device_id)
    return DeviceRead.model_validate(found)


verb(devices, "/{device_id}/lock", steering.lock)
verb(devices, "/{device_id}/unlock", steering.unlock)
verb(devices, "/{device_id}/revoke", steering.revoke)
verb(devices, "/{device_id}/wiped", steering.wiped)

desk = APIRouter(prefix="/v1/desk/cases", tags=["late-work desk"])


@desk.get("", operation_id="desk_list", summary="List held and rejected work", responses=problems())
async def desk_list(
    reading: Annotated[Reading, reads(Permission.DESK_READ)],
    only: Annotated[Narrowing, narrow_by(Case, "name")],
    state: Annotated[rules.CaseState | None, Query()] = rules.CaseState.OPEN,
    code: Annotated[str | None, Query(max_length=64, description="Only with this reason.")] = None,
    centre_id: Annotated[UUID | None, Query(description="Only of phones of this centre.")] = None,
    device_id: Annotated[UUID | None, Query(description="Only of this phone.")] = None,
    person_id: Annotated[UUID | None, Query(description="Only of this technician.")] = None,
    record_id: Annotated[UUID | None, Query(description="Only about this visit, order ...")] = None,
    handler_id: Annotated[UUID | None, Query(description="Only handed over to them.")] = None,
    opened_before: Annotated[AwareDatetime | None, Query(description="Only older ones.")] = None,
    sort: sort_by("opened_at", "decided_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[CaseRead]:
    """List cases, oldest first; the open ones when nothing else is asked for."""
    statement = queries.cases(
        reading.scope,
        state,
        opened_before=opened_before,
        code=code,
        centre_id=centre_id,
        device_id=device_id,
        person_id=person_id,
        subject_id=record_id,
        handler_id=handler_id,
    )
    statement = only(statement).order_by(Case.id)
    return await page(reading, statement, Case.id, after, limit, CaseRead, sort)


@desk.get("/{case_id}", operation_id="desk_get", summary="Read a case", responses=problems(404))
async def desk_get(
    case_id: UUID, reading: Annotated[Reading, reads(Permission.DESK_READ)]
) -> CaseDetail:
    """Read a case with its commands, the record's present state and latest changes."""
    region_id = reading.actor.region_id
    case = await queries.case_of(reading.session, reading.scope, case_id)
    entries = await queries.entries_of(reading.session, region_id, case.id)
    record = case.subject_type, case.subject_id
    access = await queries.access_to(reading.session, reading.actor, *record)
    present: dict[str, Any] | None = None
    changes: Sequence[Any] = ()
    if access is Access.SHOWN:
        present, changes = await queries.present_state(reading.session, region_id, *record)
    args = entries[0].command.get("args", {}) if entries else {}
    return CaseDetail(
        **CaseRead.model_validate(case).model_dump(),
        commands=[CaseEntryRead.model_validate(entry) for entry in entries],
        conflict=await queries.sides_of_conflict(reading.session, reading.actor, case, args),
        access=access,
        present=None if present is None else json.loads(to_text(present)),
        changes=[Change.model_validate(change) for change in changes],
    )


verb(desk, "/{case_id}/accept", deciding.accept)
verb(desk, "/{case_id}/credit", deciding.credit)
verb(desk, "/{case_id}/discard", deciding.discard)
verb(desk, "/{case_id}/hand-over", deciding.hand_over)

counting = APIRouter(prefix="/v1/desk", tags=["late-work desk"])


@counting.get(
    "/counts", operation_id="desk_counts", summary="What waits at the desk", responses=problems()
)
async def desk_counts(
    reading: Annotated[Reading, reads(Permission.DESK_READ)],
) -> DeskCounts:
    """Count the open cases by reason, by phone and by record."""
    return await queries.counts(reading.session, reading.scope)


verb(counting, "/decisions", deciding.decide_many)


async def _may_decide(
    session: AsyncSession, region_id: int, person_id: UUID, centre_id: UUID | None
) -> bool:
    """Say whether a person decides cases of a centre: sync itself knows no accounts."""
    person = await organisation.load_actor(session, person_id, region_id)
    if person is None or not person.allows(Permission.DESK_DECIDE):
        return False
    scope = person.scope(Permission.DESK_DECIDE)
    return scope.whole_region or centre_id is None or centre_id in scope.centre_ids


policy.may_decide[:] = [_may_decide]

router = APIRouter()
for _part in (phones, devices, desk, counting):
    router.include_router(_part)
