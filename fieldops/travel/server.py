"""Travel times from a routing server: the matrix dialects of OSRM and of Valhalla.

Asked by a job only. Every answer is checked; what is wrong raises NoTravelTimes with the reason.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import httpx
import numpy as np

from fieldops.kernel.geo import Position
from fieldops.travel.errors import NoTravelTimes
from fieldops.travel.rules import Reals

Dialect = Literal["osrm", "valhalla"]
MOST_BYTES = 32 * 1024 * 1024
"""A larger answer is no matrix we asked for."""
LONGEST_WAY_S = 24 * 3600.0


class _TooBig(Exception):  # noqa: N818 - it ends no work, it halves a question
    """The server takes fewer places at once."""


@dataclass(frozen=True)
class Server:
    """A routing server: its address, what it speaks, how patient we are, places per request."""

    url: str
    dialect: Dialect
    timeout_s: float
    most_places: int

    @property
    def knows_hours(self) -> bool:
        """Whether it can be asked for a time of day; OSRM's tables have none."""
        return self.dialect == "valhalla"

    async def matrix(self, places: Sequence[Position], leaving: datetime | None) -> Reals:
        """Return seconds of driving between all places [from, to], nan where there is no way.

        `leaving` is a local time without a zone, or None. Asks in blocks, smaller ones when the
        server says that they are too big. Raises NoTravelTimes.
        """
        ways = np.full((len(places), len(places)), np.nan)
        side = self.most_places
        async with httpx.AsyncClient(timeout=self.timeout_s) as client:
            row = 0
            while row < len(places):
                try:
                    for column in range(0, len(places), side):
                        origins = places[row : row + side]
                        targets = places[column : column + side]
                        block = await self._block(client, origins, targets, leaving)
                        ways[row : row + side, column : column + side] = block
                except _TooBig:
                    if side == 1:
                        raise NoTravelTimes(f"{self._name} takes no two places") from None
                    side //= 2
                    continue
                row += side
        return ways

    @property
    def _name(self) -> str:
        return f"the {self.dialect} server"

    async def _block(
        self,
        client: httpx.AsyncClient,
        origins: Sequence[Position],
        targets: Sequence[Position],
        leaving: datetime | None,
    ) -> Reals:
        ask = self._osrm if self.dialect == "osrm" else self._valhalla
        try:
            rows = await ask(client, origins, targets, leaving)
            block = np.array(
                [[np.nan if cell is None else float(cell) for cell in row] for row in rows]
            )
        except httpx.HTTPError as exc:
            raise NoTravelTimes(f"{self._name} does not answer: {type(exc).__name__}") from exc
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise NoTravelTimes(f"{self._name} answers no matrix: {exc!r}") from exc
        if block.shape != (len(origins), len(targets)):
            raise NoTravelTimes(f"{self._name} answers a matrix of another shape: {block.shape}")
        if np.nanmin(block, initial=0.0) < 0:
            raise NoTravelTimes(f"{self._name} answers negative times")
        block[block > LONGEST_WAY_S] = np.nan
        return block

    async def _osrm(
        self,
        client: httpx.AsyncClient,
        origins: Sequence[Position],
        targets: Sequence[Position],
        leaving: datetime | None,  # noqa: ARG002 - OSRM's tables know no time of day
    ) -> Any:
        places = ";".join(f"{x:.6f},{y:.6f}" for x, y in (*origins, *targets))
        numbers = [str(i) for i in range(len(origins) + len(targets))]
        # Written by hand: its documents have the semicolons as they are.
        query = (
            f"sources={';'.join(numbers[: len(origins)])}"
            f"&destinations={';'.join(numbers[len(origins) :])}&annotations=duration"
        )
        url = f"{self.url.rstrip('/')}/table/v1/driving/{places}?{query}"
        status, answer = await _fetch(client, client.build_request("GET", url))
        if answer.get("code") == "TooBig":
            raise _TooBig
        if status != httpx.codes.OK or answer.get("code") != "Ok":
            raise NoTravelTimes(f"{self._name} answers {status} {answer.get('code')}")
        return answer["durations"]

    async def _valhalla(
        self,
        client: httpx.AsyncClient,
        origins: Sequence[Position],
        targets: Sequence[Position],
        leaving: datetime | None,
    ) -> Any:
        # It answers by the hour only when there are no fewer targets than sources.
        filled = [*targets, *[targets[-1]] * max(0, len(origins) - len(targets))]
        body: dict[str, Any] = {
            "sources": [{"lon": x, "lat": y} for x, y in origins],
            "targets": [{"lon": x, "lat": y} for x, y in filled],
            "costing": "auto",
        }
        if leaving is not None:
            body["date_time"] = {"type": 1, "value": leaving.strftime("%Y-%m-%dT%H:%M")}
        url = f"{self.url.rstrip('/')}/sources_to_targets"
        status, answer = await _fetch(client, client.build_request("POST", url, json=body))
        if answer.get("error_code") == _TOO_MANY_PLACES:
            raise _TooBig
        if answer.get("error_code") == _TOO_FAR_APART:
            return [[None] * len(targets)] * len(origins)
        if status != httpx.codes.OK:
            raise NoTravelTimes(f"{self._name} answers {status} {answer.get('error_code')}")
        table = answer["sources_to_targets"]
        if isinstance(table, dict):  # its concise form
            return [row[: len(targets)] for row in table["durations"]]
        return [[cell["time"] for cell in row[: len(targets)]] for row in table]


_TOO_MANY_PLACES = 150
_TOO_FAR_APART = 154
"""Valhalla's codes for what its configuration does not allow."""


async def _fetch(client: httpx.AsyncClient, request: httpx.Request) -> tuple[int, dict[str, Any]]:
    """Return status and JSON of an answer, read no farther than the limit."""
    response = await client.send(request, stream=True)
    try:
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > MOST_BYTES:
                raise ValueError("more bytes than any matrix has")
    finally:
        await response.aclose()
    answer = json.loads(bytes(body))
    if not isinstance(answer, dict):
        raise TypeError("no JSON object")
    return response.status_code, answer
