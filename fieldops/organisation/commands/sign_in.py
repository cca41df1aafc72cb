"""Signing in with a password, renewing by rotating refresh tokens, signing out."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import anyio.to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import clock
from fieldops.kernel.errors import TooMany
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings
from fieldops.organisation import queries, rules
from fieldops.organisation.commands.accounts import passwords
from fieldops.organisation.errors import SignInFailed
from fieldops.organisation.models import LoginAttempt, Person, SignIn

# Checked when there is no such account, so that the answer takes as long as with one.
_NOBODY = passwords.hash(secrets.token_urlsafe(24))


@dataclass(frozen=True, slots=True)
class Session:
    """A fresh sign-in: whose, in which region, and the refresh token to hand out once."""

    sign_in_id: UUID
    person: Person
    region_id: int
    device_id: UUID | None
    refresh_token: str


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _new_token(region_id: int, sign_in_id: UUID) -> str:
    return f"{region_id}.{sign_in_id}.{secrets.token_urlsafe(32)}"


async def sign_in(
    session: AsyncSession,
    settings: Settings,
    email: str,
    password: str,
    device_id: UUID | None,
) -> Session | None:
    """Check a password and begin a sign-in.

    Returns None when it is wrong; the caller commits (the failed attempt is kept) and then
    refuses with SignInFailed. Raises TooMany after too many failures in 15 minutes.
    """
    now = clock.now()
    person = await queries.person_by_email(session, email)
    region_id = person.home_region if person else 0
    failures = await queries.failed_attempts(
        session, region_id, email.lower(), now - rules.LOGIN_WINDOW
    )
    if failures >= settings.login_attempts:
        raise TooMany(retry_after=int(rules.LOGIN_WINDOW.total_seconds()))
    known = (person.password_hash if person else None) or _NOBODY
    right = await anyio.to_thread.run_sync(passwords.verify, password, known)
    if not right or person is None or person.password_hash is None:
        session.add(LoginAttempt(region_id=region_id, email=email.lower(), at=now))
        return None
    sign_in_id = new_id()
    token = _new_token(region_id, sign_in_id)
    session.add(
        SignIn(
            region_id=region_id,
            id=sign_in_id,
            person_id=person.id,
            device_id=device_id,
            token_hash=_digest(token),
            rotated_at=now,
            expires_at=now + timedelta(days=settings.refresh_token_days),
        )
    )
    return Session(sign_in_id, person, region_id, device_id, token)


async def renew(session: AsyncSession, settings: Settings, refresh_token: str) -> Session | None:
    """Exchange a refresh token for the next one.

    Returns None when an old token came back: the caller commits (the sign-in is revoked) and
    then refuses with SignInRevoked. The token before the newest is good for another minute, so
    that an answer lost on a bad network does not sign the technician out.
    Raises SignInFailed for a token that never was, has run out or was revoked.
    """
    now = clock.now()
    region_id, sign_in_id = _parts(refresh_token)
    row = await queries.lock_sign_in(session, region_id, sign_in_id)
    if row is None or row.revoked_at is not None or row.expires_at <= now:
        raise SignInFailed
    digest = _digest(refresh_token)
    former = digest == row.former_hash and now - row.rotated_at <= rules.REUSE_GRACE
    if digest != row.token_hash and not former:
        row.revoked_at = now
        return None
    person = await session.get(Person, row.person_id)
    if person is None or not person.active:
        raise SignInFailed
    token = _new_token(region_id, sign_in_id)
    row.former_hash = digest
    row.token_hash = _digest(token)
    row.rotated_at = now
    row.expires_at = now + timedelta(days=settings.refresh_token_days)
    return Session(sign_in_id, person, region_id, row.device_id, token)


async def ended_device(session: AsyncSession, refresh_token: str) -> tuple[int, UUID] | None:
    """Return region and device of a sign-in that was ended, to whoever shows its last token."""
    region_id, sign_in_id = _parts(refresh_token)
    row = await queries.lock_sign_in(session, region_id, sign_in_id)
    if row is None or row.revoked_at is None or row.device_id is None:
        return None
    shown = _digest(refresh_token)
    return (region_id, row.device_id) if shown in {row.token_hash, row.former_hash} else None


async def sign_out(session: AsyncSession, region_id: int, sign_in_id: UUID) -> None:
    """End a sign-in: its refresh token is worth nothing from now on."""
    row = await queries.lock_sign_in(session, region_id, sign_in_id)
    if row is not None and row.revoked_at is None:
        row.revoked_at = clock.now()


def _parts(token: str) -> tuple[int, UUID]:
    region, _, rest = token.partition(".")
    sign_in_id, _, _secret = rest.partition(".")
    try:
        return int(region), UUID(sign_in_id)
    except ValueError:
        raise SignInFailed from None
