"""An office user or a machine at the API: signs in, reads, runs verbs; every answer is checked."""

from collections.abc import AsyncIterator
from typing import Any

import httpx

from fieldops.demo.load import DEMO_PASSWORD

PAGE = 200


class UnexpectedAnswer(Exception):  # noqa: N818 - a story that cannot go on, not an error of ours
    """An answer the story did not expect, with the request and the problem."""

    def __init__(self, response: httpx.Response) -> None:
        """Keep what was asked and what came back."""
        request = response.request
        super().__init__(
            f"{request.method} {request.url.path} answered {response.status_code}: "
            f"{response.text[:600]}"
        )
        self.response = response


class Office:
    """One account at the API; signs in again when its access token has run out."""

    def __init__(self, http: httpx.AsyncClient, email: str, password: str = DEMO_PASSWORD) -> None:
        self.http = http
        self.email = email
        self.password = password
        self.token: str | None = None

    async def _sign_in(self) -> None:
        response = await self.http.post(
            "/v1/sign-in", json={"email": self.email, "password": self.password}
        )
        if response.status_code != httpx.codes.OK:
            raise UnexpectedAnswer(response)
        self.token = response.json()["access_token"]

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request and return whatever came back, signed in."""
        for _ in range(2):
            if self.token is None:
                await self._sign_in()
            headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
            response = await self.http.request(method, path, headers=headers, **more)
            if response.status_code != httpx.codes.UNAUTHORIZED:
                break
            self.token = None
        return response

    async def get(self, path: str, /, **params: Any) -> Any:
        """Read; raises UnexpectedAnswer when the answer is not a success."""
        given = {name: value for name, value in params.items() if value is not None}
        response = await self.ask("GET", path, params=given)
        if not response.is_success:
            raise UnexpectedAnswer(response)
        return response.json()

    async def do(self, path: str, /, **body: Any) -> Any:
        """Run a verb; raises UnexpectedAnswer when it is refused."""
        response = await self.ask("POST", path, json=body or None)
        if not response.is_success:
            raise UnexpectedAnswer(response)
        return response.json()

    async def all(self, path: str, /, **params: Any) -> AsyncIterator[Any]:
        """Yield the items of every page of a list."""
        after = None
        while True:
            page = await self.get(path, limit=PAGE, after=after, **params)
            for item in page["items"]:
                yield item
            after = page["next"]
            if after is None:
                return


def made(result: dict[str, Any], resource: str) -> str:
    """Return the id of the first record of a type that a verb's result names."""
    return next(str(ref["id"]) for ref in result["refs"] if ref["type"] == resource)
