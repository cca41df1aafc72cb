"""HTTP clients of the tests: the real application in-process, as any of the named people."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx

from api import tokens
from api.app import create_app
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings


def bearer(settings: Settings, actor: Actor, device_id: UUID | None = None) -> dict[str, str]:
    """Return the Authorization header of a person of the tests."""
    claims = tokens.Claims(actor.id, actor.region_id, device_id or actor.device_id, new_id())
    return {"Authorization": f"Bearer {tokens.make_access(settings, claims)[0]}"}


@asynccontextmanager
async def application(database: Database, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of the application on a database, not signed in."""
    app = create_app(settings, database)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://fieldops") as client:
        yield client
