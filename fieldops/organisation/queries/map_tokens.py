"""Reads of map tokens, and the note of when one was last used."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.records import lock_one
from fieldops.organisation.models import MapToken

NOTED_EVERY = timedelta(minutes=5)


def map_tokens(region_id: int, person_id: UUID | None) -> Select[MapToken]:
    """Return the statement for a person's map tokens, or everybody's in a region, by id."""
    found = select(MapToken).where(MapToken.region_id == region_id).order_by(MapToken.id)
    return found if person_id is None else found.where(MapToken.person_id == person_id)


async def map_token(session: AsyncSession, region_id: int, token_id: UUID) -> MapToken | None:
    """Return a map token by its id."""
    found: MapToken | None = await session.scalar(
        select(MapToken).where(MapToken.region_id == region_id, MapToken.id == token_id)
    )
    return found


async def lock_map_token(
    session: AsyncSession, region_id: int, person_id: UUID | None, token_id: UUID
) -> MapToken:
    """Return a map token of a person (of anybody without one), locked; raises NotFound."""
    return await lock_one(
        session, map_tokens(region_id, person_id).where(MapToken.id == token_id), "map token"
    )


async def lock_good_map_tokens(
    session: AsyncSession, region_id: int, person_id: UUID, now: datetime
) -> list[MapToken]:
    """Return a person's map tokens that are still good, locked."""
    found = await session.scalars(
        map_tokens(region_id, person_id)
        .where(MapToken.revoked_at.is_(None), MapToken.expires_at > now)
        .with_for_update()
    )
    return list(found)


async def note_use(session: AsyncSession, token: MapToken, now: datetime) -> None:
    """Keep when a token was last used, to five minutes: a map asks for many tiles at once.

    It is no change of the token and stands in no history.
    """
    if token.used_at is not None and token.used_at > now - NOTED_EVERY:
        return
    await session.execute(
        update(MapToken)
        .where(
            MapToken.region_id == token.region_id,
            MapToken.id == token.id,
            or_(MapToken.used_at.is_(None), MapToken.used_at <= now - NOTED_EVERY),
        )
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )
