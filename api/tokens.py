"""Access tokens (JWT, HS256) and what they say: person, region, device, sign-in."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
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
    return datetime.fromtimestamp(_payload(settings, authorization)["exp"], UTC)


def read_access(settings: Settings, authorization: str | None) -> Claims:
    """Return the claims of an Authorization header; raises Unauthenticated."""
    payload = _payload(settings, authorization)
    try:
        return Claims(
            UUID(payload["sub"]),
            int(payload["rgn"]),
            UUID(payload["dev"]) if payload.get("dev") else None,
            UUID(payload["sid"]),
        )
    except (KeyError, ValueError, TypeError):
        raise Unauthenticated from None


def _payload(settings: Settings, authorization: str | None) -> dict[str, Any]:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    try:
        payload: dict[str, Any] = jwt.decode(
            token,
            settings.secret.get_secret_value(),
            [_ALGORITHM],
            audience=_AUDIENCE,
            # Our clock decides about expiry, so that a demo's moved clock holds for tokens too.
            options={"verify_exp": False, "verify_iat": False, "require": ["exp", "sub", "sid"]},
        )
        if payload["exp"] <= clock.now().timestamp():
            raise Unauthenticated
    except (jwt.PyJWTError, KeyError, ValueError, TypeError):
        raise Unauthenticated from None
    return payload
