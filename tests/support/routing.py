"""A routing server on loopback that speaks OSRM's table and Valhalla's matrix dialect.

Its answers come from a road graph, so that what a client makes of them can be checked; it counts
what it was asked and fails as it is told to.
"""

import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fieldops.kernel.geo import Position

Ways = Callable[[Sequence[Position], Sequence[Position]], Any]


@dataclass
class RoutingServer:
    """What the server is told: its ways, the places it takes, how it fails."""

    ways: Ways
    most_places: int = 10_000
    concise: bool = False
    slow_s: float = 0.0
    broken: bytes | None = None  # sent instead of an answer
    status: int = 200
    peak: float = 1.0  # what the ways take longer at eight in the morning
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, target: str, body: bytes) -> tuple[int, bytes]:
        """Return status and body for one request."""
        if self.slow_s:
            time.sleep(self.slow_s)
        if self.broken is not None:
            return self.status, self.broken
        parsed = urlsplit(target)
        if parsed.path.startswith("/table/v1/driving/"):
            return self._osrm(parsed.path.rsplit("/", 1)[1], parse_qs(parsed.query))
        if parsed.path == "/sources_to_targets":
            return self._valhalla(json.loads(body))
        return 400, b'{"code": "InvalidService"}'

    def _osrm(self, coordinates: str, query: dict[str, list[str]]) -> tuple[int, bytes]:
        pairs = [pair.split(",") for pair in coordinates.split(";")]
        places = [(float(lon), float(lat)) for lon, lat in pairs]
        a = [places[int(i)] for i in query["sources"][0].split(";")]
        b = [places[int(i)] for i in query["destinations"][0].split(";")]
        self.asked.append({"sources": len(a), "targets": len(b)})
        if len(places) > 2 * self.most_places:
            return 400, b'{"code": "TooBig", "message": "Too many table coordinates"}'
        return 200, json.dumps({"code": "Ok", "durations": _rows(self.ways(a, b))}).encode()

    def _valhalla(self, wanted: dict[str, Any]) -> tuple[int, bytes]:
        a, b = ([(p["lon"], p["lat"]) for p in wanted[side]] for side in ("sources", "targets"))
        when = wanted.get("date_time", {}).get("value")
        self.asked.append({"sources": len(a), "targets": len(b), "when": when})
        if max(len(a), len(b)) > self.most_places:
            return 400, b'{"error_code": 150, "error": "Exceeded max locations"}'
        if when is not None and len(a) > len(b):
            return 400, b'{"error_code": 113, "error": "more sources than targets"}'
        busy = self.peak if when is not None and when.endswith("T08:00") else 1.0
        rows = _rows(self.ways(a, b), busy)
        if self.concise:
            return 200, json.dumps({"sources_to_targets": {"durations": rows}}).encode()
        cells = [
            [{"from_index": i, "to_index": j, "time": s, "distance": 1} for j, s in enumerate(row)]
            for i, row in enumerate(rows)
        ]
        return 200, json.dumps({"sources_to_targets": cells, "units": "kilometers"}).encode()


def _rows(ways: Any, times: float = 1.0) -> list[list[float | None]]:
    return [[None if math.isnan(s) else round(s * times, 1) for s in row] for row in ways.tolist()]


@contextmanager
def routing_server(ways: Ways, **told: Any) -> Iterator[RoutingServer]:
    """Serve from threads of its own until the end."""
    server = RoutingServer(ways, **told)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content = server.answer(self.path, body)
            with suppress(ConnectionError):  # who waited has gone
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - the name http.server looks for

        def log_message(self, *_said: object) -> None:
            """Keep the tests' output for the tests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server.url = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join(timeout=10)
