"""The application: routers, problem table, limits, correlation ids."""

import asyncio
import gc
import json
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from types import FrameType
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_compress import CompressMiddleware

import fieldops.modules
from api import problems, sync
from api.lean import Lean
from api.rates import Rates
from fieldops.kernel import clock, logs, points
from fieldops.kernel.announcing import Announcer
from fieldops.kernel.db import Database, connect
from fieldops.kernel.errors import BodyTooSlow, TooLarge
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings, get_settings
from fieldops.sync.admission import Admission
from fieldops.sync.pokes import Pokes
from fieldops.sync.timeline import Timeline

log = structlog.get_logger()

VERSION = "1"
MOST_BODY_BYTES = 1024 * 1024
MOST_BODY_SECONDS = 120.0  # 256 KiB at 18 kbit a second
OWN_SIZES = (  # they check for themselves
    "/v1/uploads",
    "/v1/sync/push",
    "/v1/orders/import",
    "/v1/network/plant/import",
)
OWN_TIMES = "/v1/uploads"  # a photo may take an hour, so long as it goes on
LEAST_SECRET = 32
LONGEST_REQUEST_ID = 64

ROUTERS = (
    "auth",
    "kernel",
    "erasures",
    "events",
    "exports",
    *fieldops.modules.MODULES,
    "indicators",
    "steering",
    "ladder",
    "push",
    "warnings",
    "uploads",
    "replicache",
    "stewardship",
    "map_tokens",
    "maps",
    "visit_reports",
    "report_by_link",
    "inspections",
    "accountability",
    "ogc",
    "plant",
    "rankings",
    "lessons",
    "by_link",
    "page",
    "page.follow_up",
)


class Guard:
    """Give every request a correlation id and cap its body and its time (docs/limits.md)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        correlation = (
            given if 0 < len(given) <= LONGEST_REQUEST_ID and given.isascii() else str(new_id())
        )
        scope.setdefault("state", {})["correlation_id"] = correlation
        structlog.contextvars.bind_contextvars(correlation_id=correlation)
        started = time.perf_counter()
        scope["state"]["status"] = 500
        try:
            await self.app(
                scope,
                self._capped(scope, headers, self._timed(scope, receive)),
                self._named(send, scope["state"], correlation),
            )
        finally:
            # The route's pattern, not the path: a path may hold a customer's token.
            route = scope.get("route")
            log.info(
                "request",
                method=scope["method"],
                route=getattr(route, "path", "none"),
                status=scope["state"]["status"],
                ms=round((time.perf_counter() - started) * 1000, 1),
            )
            structlog.contextvars.unbind_contextvars("correlation_id")

    @staticmethod
    def _timed(scope: Scope, receive: Receive) -> Receive:
        if scope["path"].startswith(OWN_TIMES):
            return receive
        until: float | None = None
        whole = False

        async def timed() -> Message:
            nonlocal until, whole
            if whole:  # whoever asks now waits for the end of the connection
                return await receive()
            until = until or asyncio.get_running_loop().time() + MOST_BODY_SECONDS
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise BodyTooSlow(seconds=round(MOST_BODY_SECONDS)) from None
            whole = not message.get("more_body", False)
            return message

        return timed

    @staticmethod
    def _capped(scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> Receive:
        if scope["path"].startswith(OWN_SIZES):
            return receive
        length = headers.get(b"content-length", b"0")
        announced = int(length) if length.isdigit() else 0
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if max(seen, announced) > MOST_BODY_BYTES:
                raise TooLarge(limit=f"{MOST_BODY_BYTES} bytes")
            return message

        return counted

    @staticmethod
    def _named(send: Send, state: dict[str, Any], correlation: str) -> Send:
        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                state["status"] = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", correlation.encode()),
                ]
            await send(message)

        return named


def _at_the_end(act: Callable[[], None]) -> None:
    """Act as soon as this process is told to end, before the server waits for its connections.

    A stream of pokes has no end of its own; the server would wait for it.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def handle(number: int, frame: FrameType | None, before: Any = before) -> None:
            loop.call_soon_threadsafe(act)
            if callable(before):
                before(number, frame)

        signal.signal(number, handle)


def create_app(settings: Settings | None = None, database: Database | None = None) -> FastAPI:
    """Make the application; without a database it opens its own and closes it at the end."""
    settings = settings or get_settings()
    if len(settings.secret.get_secret_value()) < LEAST_SECRET:
        raise ValueError("FIELDOPS_SECRET must be set to at least 32 characters")
    if settings.environment != "production":
        clock.follow_file(settings.clock_file)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        points.prepare(settings.environment)
        app.state.database = database or connect(settings)
        announcer = Announcer(app.state.database)
        announcer.start()
        # A demonstration makes its database anew at will; where it counts, a folder is named.
        if settings.environment == "production" or "outside_path" in settings.model_fields_set:
            await app.state.timeline.start(app.state.database)
        app.state.pokes.start(app.state.database)
        app.state.admission.open(settings.database_pool_size)
        _at_the_end(app.state.pokes.end_streams)
        # What the program consists of is never garbage: a collection need not walk through it.
        gc.collect()
        gc.freeze()
        yield
        await app.state.pokes.stop()
        await app.state.timeline.stop()
        await announcer.stop()
        if database is None:
            await app.state.database.close()

    app = FastAPI(
        title="FieldOps",
        version=VERSION,
        lifespan=lifespan,
        docs_url="/docs",
        redoc_url=None,
        separate_input_output_schemas=False,
    )
    app.state.settings = settings
    app.state.database = database
    app.state.pokes = Pokes()
    app.state.timeline = Timeline()
    app.state.admission = Admission()
    app.state.rates = Rates()
    problems.install(app)
    app.add_middleware(Lean, paths=sync.lean)
    app.add_middleware(CompressMiddleware, minimum_size=600, gzip_level=1, zstd_level=1)
    app.add_middleware(Guard)
    for name in ROUTERS:
        if find_spec(f"api.{name}") is not None:
            module = import_module(f"api.{name}")
            app.include_router(module.router)
            if hasattr(module, "live"):
                app.include_router(module.live)
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
    return app


def served() -> FastAPI:
    """Make the application of one server process; each of several sets up its own logs."""
    settings = get_settings()
    logs.configure(settings)
    return create_app(settings)


def document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document with the problem shape and the security scheme."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=app.version,
            summary="Backend for the people who install and repair fixed lines and broadband.",
            routes=app.routes,
            separate_input_output_schemas=False,
        )
        schemas = made["components"]["schemas"]
        problem = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs", {}))
        schemas["Problem"] = problem
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        for operations in made["paths"].values():
            for operation in operations.values():
                if "HTTPValidationError" in str(operation["responses"].get("422")):
                    operation["responses"]["422"] = problems.problems()[422]
        made["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        }
        made["security"] = [{"bearer": []}]
        app.openapi_schema = _with_plain_names(made)
    return app.openapi_schema


def _with_plain_names(made: dict[str, Any]) -> dict[str, Any]:
    """Name shapes that share a class name by their module: OrdersState, VisitsState.

    Code generators stumble over the dotted paths that stand there otherwise.
    """
    text = json.dumps(made)
    for name in made["components"]["schemas"]:
        if "__" in name:
            parts = name.split("__")
            plain = parts[1].capitalize() + parts[-1]
            text = text.replace(f'schemas/{name}"', f'schemas/{plain}"')
            text = text.replace(f'"{name}": {{', f'"{plain}": {{')
    named: dict[str, Any] = json.loads(text)
    for name, schema in named["components"]["schemas"].items():
        schema["title"] = name  # generators name classes by the title
    return named
