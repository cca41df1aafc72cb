"""Named people of the small world at the API, their phones, and the worker's outbox."""

import json
from dataclasses import dataclass
from typing import Any

import httpx

from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from tests.support.clients import bearer
from tests.support.device import Phone
from tests.support.world import World


@dataclass
class Desks:
    """Everybody's way to the server; `database` is there to look behind it."""

    http: httpx.AsyncClient
    database: Database
    settings: Settings
    world: World

    def headers(self, who: str) -> dict[str, str]:
        return bearer(self.settings, self.world.actors[who])

    async def get(self, path: str, who: str = "dora", **params: Any) -> Any:
        answer = await self.http.get(path, headers=self.headers(who), params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ask(self, path: str, who: str = "dora", **body: Any) -> httpx.Response:
        """Run a verb that may be refused."""
        return await self.http.post(path, headers=self.headers(who), json=body)

    async def post(self, path: str, who: str = "dora", **body: Any) -> dict[str, str]:
        """Run a verb; the ids of what it made or changed, by type."""
        answer = await self.ask(path, who, **body)
        assert answer.status_code == 200, answer.text
        return {ref["type"]: ref["id"] for ref in answer.json()["refs"]}

    async def phone(self, who: str) -> Phone:
        """Register somebody's phone and let it take its day along."""
        phone = Phone(self.http)
        self.sign_in(phone, who)
        await phone.register(f"phone of {who}")
        await phone.sync()
        return phone

    def sign_in(self, phone: Phone, who: str) -> None:
        phone.use_token(self.headers(who)["Authorization"].removeprefix("Bearer "))

    def outbox(self) -> list[dict[str, Any]]:
        """Return the messages the worker has sent, the earliest first."""
        files = sorted(self.settings.outbox_path.glob("*.json"))
        return [json.loads(file.read_text()) for file in files]
