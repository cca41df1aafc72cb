"""How many statements one request sends: the same application in-process, with an engine hook."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import event

from api.app import create_app
from bench.client import Call
from fieldops.kernel.db import connect
from fieldops.kernel.settings import Settings

_NOT_COUNTED = ("SAVEPOINT", "RELEASE", "ROLLBACK TO")


@dataclass
class Counter:
    """Sends single requests and counts their statements; savepoints are not counted."""

    client: httpx.AsyncClient
    statements: list[str] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def on(cls, url: str, settings: Settings) -> AsyncIterator["Counter"]:
        """Open the application on a database."""
        database = connect(settings.model_copy(update={"database_url": url}))
        transport = httpx.ASGITransport(create_app(settings, database))
        async with httpx.AsyncClient(transport=transport, base_url="http://bench") as client:
            counter = cls(client)

            @event.listens_for(database.engine.sync_engine, "before_cursor_execute")
            def _note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
                if not statement.upper().startswith(_NOT_COUNTED):
                    counter.statements.append(statement)

            # The first statement of a process asks the server who it is; that is not counted.
            async with database.transaction():
                pass
            yield counter
        await database.close()

    async def send(self, call: Call) -> tuple[dict[str, Any], int]:
        """Send a request; return its body and the number of its statements."""
        self.statements.clear()
        answer = await self.client.request(
            call.method, call.path, headers=call.headers, json=call.body
        )
        if answer.status_code != 200:
            raise SystemExit(f"{call.path}: {answer.status_code} {answer.text[:500]}")
        found: dict[str, Any] = answer.json()
        return found, len(self.statements)

    async def count(self, call: Call) -> int:
        """Return the number of statements of a request."""
        return (await self.send(call))[1]
