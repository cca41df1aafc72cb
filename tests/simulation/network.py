"""The way between a phone and the server: the real application in-process, over a bad line.

Each request is an exchange: what was sent, what the server was at while it handled it, what it
answered, and what of that reached the phone. Faults are named; which one a request meets is
said by its plan.
"""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.requests import ClientDisconnect

from fieldops.kernel.direct import guarded
from tests.simulation.invariants import Violation
from tests.simulation.oracle import View

# What may happen to a request between phone and server, and to the answer on its way back.
FAULTS = (
    "lost request",
    "lost answer",
    "cut request",
    "cut gzip",
    "cut answer",
    "captive portal",
    "expired token",
    "too many",
    "unavailable",
    "doubled",
    "late request",
    "late answer",
)
UPLOADS = "/v1/uploads"
UPLOAD_FAULTS = (
    "lost request",
    "lost answer",
    "cut request",
    "damaged request",
    "crash",
    "captive portal",
    "expired token",
    "too many",
    "unavailable",
    "doubled",
    "late request",
)
PORTAL = "<html><body>Welcome to the hotel. Accept our terms.</body></html>"


class Crash(BaseException):
    """The server's process ends here; nothing of its own code may catch that."""


@dataclass
class Plan:
    """What is to happen to the next request: a fault, and something at a point of the engine."""

    fault: str = ""
    point: str = ""
    then: Callable[["Exchange"], Awaitable[None]] | None = None


@dataclass
class Exchange:
    """One request at the server."""

    path: str
    body: dict[str, Any]
    plan: Plan
    technician: bool = True
    device: Any = None  # the oracle's device
    committed: bool = False
    here: tuple[set[str], set[str]] = field(default_factory=lambda: (set(), set()))
    # contents the server had when a push began, and may have had when it was answered
    expected: View | None = None  # what the user might see when a pull's snapshot was taken
    last_seq: int = 0
    state: str = "active"
    epoch: int = 0
    unread: set[str] = field(default_factory=set)  # notices, when a pull's snapshot was taken
    known: set[str] = field(default_factory=set)  # commands in the ledger when a push began
    statements: int = 0
    answer: dict[str, Any] | None = None
    text: str = ""
    status: int = 0
    broken: Exception | None = None  # what a check at a point has found
    taken: Any = None  # what the oracle says a push came to
    tries: int = 0  # how often a push was begun: from the second on it is taken step by step
    behind: list[tuple[asyncio.Task[str], asyncio.Event]] = field(default_factory=list)
    # steps that wait for what it has locked, and the gate each stands at afterwards

    def let_pass(self) -> None:
        """It has committed or ended: what waited for it may be judged now."""
        for _, gate in self.behind:
            gate.set()


# The gate of a step that something else was let happen in. A step that had to wait for a request's
# locks commits after it, but may hear of its commit before the request hears of its own.
GATE: ContextVar[asyncio.Event | None] = ContextVar("gate", default=None)
CURRENT: ContextVar[Exchange | None] = ContextVar("exchange", default=None)

Opened = Callable[[Exchange], Awaitable[None]]


@dataclass
class Late:
    """A request still on its way, or an answer the phone has given up waiting for."""

    line: "Line"
    request: httpx.Request | None = None
    answer: dict[str, Any] | None = None
    asked_with: str | None = None
    path: str = ""


class Half(httpx.AsyncByteStream):
    """The first half of a body; then the connection, or the server, is gone."""

    def __init__(self, content: bytes, end: BaseException) -> None:
        self.content, self.end = content, end

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.content[: len(self.content) // 2]
        raise self.end


@dataclass
class Line(httpx.AsyncBaseTransport):
    """A phone's line. `opened` is told of each exchange before, `answered` after the server.

    `uploaded` is told of every request of an upload, `upload_fault` says what happens to which.
    """

    server: httpx.AsyncBaseTransport
    opened: Opened
    answered: Opened
    expired_token: Callable[[], str]
    uploaded: Callable[[httpx.Request, httpx.Response], None]
    upload_fault: tuple[str, int] = ("", 0)
    plan: Plan = field(default_factory=Plan)
    air: list[Late] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        if request.url.path.startswith(UPLOADS):
            return await self._upload(request)
        plan, self.plan = self.plan, Plan()
        fault = plan.fault
        if (instead := self._instead(request, fault)) is not None:
            return instead
        status, headers, raw = await self.carry(_damaged(request, fault, self), plan)
        if fault == "doubled":
            status, headers, raw = await self.carry(request, Plan())
        if fault in {"lost answer", "late answer"}:
            if fault == "late answer" and status == httpx.codes.OK:
                asked_with = _body(request).get("cursor")
                answer = httpx.Response(status, headers=headers, content=raw).json()
                late = Late(self, None, answer, asked_with, request.url.path)
                self.air.append(late)
            raise httpx.ReadTimeout("no answer")
        if fault == "cut answer":
            raw = raw[: len(raw) * 2 // 3]
        return httpx.Response(status, headers=headers, content=raw, request=request)

    def _instead(self, request: httpx.Request, fault: str) -> httpx.Response | None:
        """Return what answers in the server's place, None when the request reaches it now."""
        if fault == "lost request":
            raise httpx.ConnectError("no network")
        if fault == "captive portal":
            return httpx.Response(200, html=PORTAL)
        if fault == "too many":
            return httpx.Response(429, json={"code": "too_many_requests"})
        if fault == "unavailable":
            return httpx.Response(503, text="upstream connect error")
        if fault == "late request":
            self.air.append(Late(self, request=request))
            raise httpx.ReadTimeout("no answer")
        return None

    async def _upload(self, request: httpx.Request) -> httpx.Response:
        """Carry a request of an upload, of which the given one meets the given fault."""
        fault, left = self.upload_fault
        self.upload_fault = (fault, left - 1)
        if left:
            fault = ""
        if (instead := self._instead(request, fault)) is not None:
            return instead
        sent = _damaged(request, fault, self)
        if fault == "damaged request" and request.content:
            sent = _with(request, request.content[:-1] + bytes([request.content[-1] ^ 1]))
        elif fault in {"cut request", "crash"}:
            end = Crash() if fault == "crash" else ClientDisconnect()
            sent = httpx.Request(
                request.method, request.url, headers=request.headers,
                stream=Half(request.content, end),
            )  # fmt: skip
        answer = await self.tus(sent)
        if fault == "doubled":
            answer = await self.tus(request)
        if fault in {"lost answer", "cut request"}:
            raise httpx.ReadTimeout("no answer")
        return answer

    async def tus(self, request: httpx.Request) -> httpx.Response:
        """Let the server handle a request of an upload."""
        token, passed = CURRENT.set(None), guarded.set(False)
        try:
            response = await self.server.handle_async_request(request)
            assert isinstance(response.stream, httpx.AsyncByteStream)
            raw = b"".join([part async for part in response.stream])
        except Crash:
            raise httpx.RemoteProtocolError("the server went away") from None
        except Exception as exc:
            raise Violation("I11", f"{request.method} of an upload failed with {exc!r}") from exc
        finally:
            CURRENT.reset(token)
            guarded.reset(passed)
        answer = httpx.Response(
            response.status_code, headers=response.headers, content=raw, request=request
        )
        self.uploaded(request, answer)
        return answer

    async def carry(
        self, request: httpx.Request, plan: Plan
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Let the server handle a request and return the answer's raw bytes."""
        if request.url.path.startswith(UPLOADS):
            answer = await self.tus(request)
            return answer.status_code, answer.headers.raw, answer.content
        exchange = Exchange(request.url.path, _body(request), plan)
        await self.opened(exchange)
        token, passed = CURRENT.set(exchange), guarded.set(False)
        try:
            response = await self.server.handle_async_request(request)
            assert isinstance(response.stream, httpx.AsyncByteStream)
            raw = b"".join([part async for part in response.stream])
        except Crash:
            raise httpx.RemoteProtocolError("the server went away") from None
        except Violation:
            raise
        except Exception as exc:
            raise Violation("I11", f"{exchange.path} failed with {exc!r}") from exc
        finally:
            CURRENT.reset(token)
            guarded.reset(passed)  # of this request, not of what the offices do after it
            exchange.let_pass()
            if exchange.broken is not None:
                raise exchange.broken
        exchange.status = response.status_code
        whole = httpx.Response(response.status_code, headers=response.headers, content=raw)
        exchange.text = whole.text
        if exchange.status == httpx.codes.OK:
            exchange.answer = whole.json()
        await self.answered(exchange)
        kept = [(k, v) for k, v in response.headers.raw if k.lower() != b"content-length"]
        return response.status_code, kept, raw


def _body(request: httpx.Request) -> dict[str, Any]:
    """Return what a request says, nothing when it was damaged on the way."""
    content = request.content
    try:
        if request.headers.get("content-encoding") == "gzip":
            content = gzip.decompress(content)
        return dict(json.loads(content) or {})
    except (ValueError, OSError, EOFError):
        return {}


def _with(request: httpx.Request, content: bytes) -> httpx.Request:
    return httpx.Request(request.method, request.url, headers=request.headers, content=content)


def _damaged(request: httpx.Request, fault: str, line: Line) -> httpx.Request:
    if request.url.path.startswith(UPLOADS) and fault != "expired token":
        return request
    headers = dict(request.headers)
    content = request.content
    if fault == "expired token":
        headers["authorization"] = f"Bearer {line.expired_token()}"
    elif fault == "cut request":
        content = content[: len(content) * 2 // 3]
    elif fault == "cut gzip":
        if "content-encoding" not in headers:
            content = gzip.compress(content, mtime=0)
        content = content[: len(content) * 2 // 3]
        headers["content-encoding"] = "gzip"
    else:
        return request
    headers["content-length"] = str(len(content))
    return httpx.Request(request.method, request.url, headers=headers, content=content)
