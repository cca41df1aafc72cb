"""Map tokens: made, listed and revoked; and maps opened by them, with HTTP Basic (RFC 7617)."""

import base64
import binascii
import hashlib
import hmac
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from api.problems import problems
from api.routing import (
    After,
    CommandResult,
    IdempotencyKey,
    Limit,
    Page,
    Reading,
    actor_of,
    page,
    reads,
    sort_by,
    verb,
    writes,
)
from fieldops.kernel import clock, ledger
from fieldops.kernel.actor import Actor
from fieldops.kernel.commands import Envelope, Text
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission
from fieldops.kernel.settings import Settings
from fieldops.organisation import queries, rules
from fieldops.organisation.commands import map_tokens as commands
from fieldops.organisation.errors import MapSignInNeeded
from fieldops.organisation.models import MapToken
from fieldops.organisation.queries import map_tokens
from fieldops.organisation.schemas import MapTokenRead

router = APIRouter(prefix="/v1/map-tokens", tags=["maps"])


class NewMapToken(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "QGIS on my desk", "days": 90}]}
    )
    name: Annotated[Text, Field(min_length=1, max_length=80, description="Where it is used.")]
    days: int = Field(90, ge=1, le=rules.LONGEST_MAP_TOKEN_DAYS, description="How long it lasts.")


class MadeMapToken(CommandResult):
    """The token, which is shown this once: the password of a map program's basic sign-in."""

    token: str


@router.post(
    "",
    operation_id="map_token_make",
    summary="Make a key by which a map program reads what its owner may see (ORG-02)",
    responses=problems(409),
)
async def make(
    body: NewMapToken,
    reading: Annotated[Reading, writes(Permission.MAP_READ)],
    idempotency_key: IdempotencyKey = None,
) -> MadeMapToken:
    id_ = idempotency_key or new_id()
    token = _token(reading.settings, reading.actor, id_)
    args = {"name": body.name, "days": body.days, "token_hash": _digest(token).hex()}
    envelope = Envelope(id_, "map_token.make", args)
    result = await ledger.once(reading.session, reading.actor, envelope, reading.now)
    return MadeMapToken(**result, token=token)


@router.get(
    "",
    operation_id="map_token_list",
    summary="List one's own map tokens; who keeps the staff of a region may list everybody's",
    responses=problems(),
)
async def listed(
    reading: Annotated[Reading, reads(Permission.MAP_READ)],
    *,
    everybody: Annotated[bool, Query(description="All of the region; for administrators.")] = False,
    sort: sort_by("name", "expires_at", "used_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[MapTokenRead]:
    whole = everybody and reading.actor.scope(Permission.STAFF_EDIT).whole_region
    statement = map_tokens.map_tokens(reading.scope.region_id, None if whole else reading.actor.id)
    return await page(reading, statement, MapToken.id, after, limit, MapTokenRead, sort)


verb(router, "/{map_token_id}/revoke", commands.revoke_map_token)


def _token(settings: Settings, actor: Actor, id_: UUID) -> str:
    """Return the token of an id: the same again when the request that made it is repeated."""
    key = settings.secret.get_secret_value().encode()
    said = f"map token {actor.region_id} {actor.id} {id_}"
    secret = hmac.digest(key, said.encode(), "sha256")
    return f"{actor.region_id}.{id_}.{base64.urlsafe_b64encode(secret).decode().rstrip('=')}"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def by_token(
    session: AsyncSession, settings: Settings, authorization: str | None, region: int | None
) -> Actor:
    """Return who opens a map: by a bearer token, or by a map token as the password of HTTP Basic.

    A map token is good in its own region only. Raises Unauthenticated, MapSignInNeeded.
    """
    scheme, _, credentials = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return await actor_of(session, settings, authorization, region)
    try:
        _name, _, token = base64.b64decode(credentials, validate=True).decode().partition(":")
        number, id_, _secret = token.split(".")
        row = await map_tokens.map_token(session, _region(number), UUID(id_))
    except (binascii.Error, ValueError):
        raise MapSignInNeeded from None
    now = clock.now()
    good = (
        row is not None
        and hmac.compare_digest(row.token_hash, _digest(token))
        and row.revoked_at is None
        and row.expires_at > now
        and region in {None, row.region_id}
    )
    if row is None or not good:
        raise MapSignInNeeded
    actor = await queries.load_actor(session, row.person_id, row.region_id, None)
    if actor is None:
        raise MapSignInNeeded
    await map_tokens.note_use(session, row, now)
    return actor


def _region(number: str) -> int:
    region = int(number)
    if not 0 < region <= 2_000_000_000:  # noqa: PLR2004 - as the header FieldOps-Region
        raise ValueError(number)
    return region


def map_reads(permission: Permission) -> Any:
    """Return the dependency of a map's read: as `reads`, and by a map token too."""
    return reads(permission, who=by_token)
