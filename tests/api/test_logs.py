import httpx
import pytest
from structlog.testing import capture_logs

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
