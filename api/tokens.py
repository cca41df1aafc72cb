"""Access tokens (JWT, HS256) and what they say: person, region, device, sign-in."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID

import jwt

from fieldops.kernel import clock
from fieldops.kernel.errors import Unauthenticated
from fieldops.kernel.settings import Settings

_ALGORITHM = "HS256"
_AUDIENCE = "fieldops"


@dataclass(frozen=True, slots=True)
class Claims:
    """The content of an access token."""

    person_id: UUID
    region_id: int
    device_id: UUID | None
    sign_in_id: UUID


def make_access(settings: Settings, claims: Claims) -> tuple[str, datetime]:
    """Return a signed access token and the moment it runs out."""
    now = clock.now()
    expires = now + timedelta(minutes=settings.access_token_minutes)
    payload = {
        "sub": str(claims.person_id),
        "rgn": claims.region_id,
        "dev": str(claims.device_id) if claims.device_id else None,
        "sid": str(claims.sign_in_id),
        "aud": _AUDIENCE,
        "iat": int(now.timestamp()),
        "exp": int(expires.timestamp()),
    }
    return jwt.encode(payload, settings.secret.get_secret_value(), _ALGORITHM), expires


def expiry(settings: Settings, authorization: str | None) -> datetime:
    """Return when the token of an Authorization header runs out; raises Unauthenticated."""
    return datetime.fromtimestamp(_read(settings, authorization)[0], UTC)


def read_access(settings: Settings, authorization: str | None) -> Claims:
    """Return the claims of an Authorization header; raises Unauthenticated."""
    return _read(settings, authorization)[1]


def _read(settings: Settings, authorization: str | None) -> tuple[float, Claims]:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    expires, claims = _decoded(settings.secret.get_secret_value(), token)
    # Our clock decides about expiry, so that a demo's moved clock holds for tokens too.
    if expires <= clock.now().timestamp():
        raise Unauthenticated
    return expires, claims


@lru_cache(maxsize=4096)
def _decoded(secret: str, token: str) -> tuple[float, Claims]:
    """Return when a token runs out and what it claims; raises Unauthenticated.

    A phone sends the same token many times: its signature is looked at once. What may change
    (its expiry, the account, its grants) is looked at every time, elsewhere.
    """
    try:
        payload = jwt.decode(
            token,
            secret,
            [_ALGORITHM],
            audience=_AUDIENCE,
            options={"verify_exp": False, "verify_iat": False, "require": ["exp", "sub", "sid"]},
        )
        return float(payload["exp"]), Claims(
            UUID(payload["sub"]),
            int(payload["rgn"]),
            UUID(payload["dev"]) if payload.get("dev") else None,
            UUID(payload["sid"]),
        )
    except (jwt.PyJWTError, KeyError, ValueError, TypeError):
        raise Unauthenticated from None
