import json
import os
import subprocess
import sys

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from api import problems
from fieldops.kernel.db import Database
from tests.support.databases import SECRET
from tests.support.world import World

pytestmark = pytest.mark.anyio


async def test_a_request_is_logged_with_its_correlation_id_and_without_its_path(
    client: httpx.AsyncClient, world: World
) -> None:
    with capture_logs() as lines:
        answer = await client.get("/v1/technicians/secret-token", headers={"X-Request-Id": "abc"})
    assert answer.headers["x-request-id"] == "abc"
    line = next(line for line in lines if line["event"] == "request")
    assert (line["status"], line["method"]) == (401, "GET")
    assert line["route"] == "/v1/technicians/{technician_id}"
    assert "secret-token" not in repr(lines)


async def test_a_fault_is_logged_by_its_route_without_what_the_path_holds() -> None:
    app = FastAPI()
    problems.install(app)

    @app.get("/public/{token}")
    async def fail(token: str) -> None:
        raise RuntimeError("a fault of ours")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    with capture_logs() as lines:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as caller:
            answer = await caller.get("/public/secret-token")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_fault")
    line = next(line for line in lines if line["event"] == "fault")
    assert line["route"] == "/public/{token}"
    assert "secret-token" not in repr({**line, "exc_info": None})
    assert "secret-token" not in answer.text


async def test_a_failed_statement_does_not_show_the_values_it_was_given(
    database: Database,
) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with database.transaction() as session:
            await session.execute(
                text("select 1 / length(:none), :phone"), {"none": "", "phone": "+999 0 000042"}
            )
    assert "division by zero" in str(caught.value)
    assert "+999" not in str(caught.value)


def test_a_server_process_sets_up_its_own_logs_as_json_on_stderr() -> None:
    # With several workers, the process that has read the command line serves nothing itself.
    lines = "import structlog; from api.app import served; served(); structlog.get_logger().info(1)"
    done = subprocess.run(
        [sys.executable, "-c", lines],
        env={**os.environ, "FIELDOPS_SECRET": SECRET},
        capture_output=True,
        check=True,
    )
    assert done.stdout == b""
    assert json.loads(done.stderr)["event"] == 1
