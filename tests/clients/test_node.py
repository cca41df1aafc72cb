"""Client libraries from npm against a real server, each test file a run of `node --test`."""

from typing import Any

import pytest

from tests.support import node

pytestmark = pytest.mark.anyio
FILES = sorted(path.name for path in node.PROJECT.glob("*.test.mjs"))


@pytest.mark.usefixtures("npm_clients")
@pytest.mark.parametrize("file", FILES)
async def test_a_client_library_keeps_to_the_contract(file: str, field: dict[str, Any]) -> None:
    node.run(file, field)
