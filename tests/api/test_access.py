"""Who gets in: every route with every role, without a sign-in, and with neighbours' ids.

access.txt is the reviewed table: a line for each operation with the roles that get in
(T technician, D dispatcher, S supervisor, A agent, M contractor manager, X administrator,
I integration client; `public` for routes that need no sign-in). A new route needs its line.
"""

from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from api.documents import create_app
from fieldops.kernel.settings import Settings
from tests.support.clients import bearer
from tests.support.routes import Operation, operations
from tests.support.world import World

pytestmark = pytest.mark.anyio

OPERATIONS = operations(create_app(Settings(secret="x" * 40)))
LETTERS = {
    "T": "alice",
    "D": "dora",
    "S": "sam",
    "A": "ann",
    "M": "mia",
    "X": "ada",
    "I": "ivan",
}


def table() -> dict[str, str]:
    """Return the reviewed table: operation to role letters or `public`."""
    lines = Path(__file__).with_name("access.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.rsplit(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return {" ".join(key.split()): roles for key, roles in rows}


TABLE = table()


def test_every_operation_stands_in_the_reviewed_table() -> None:
    assert sorted(TABLE) == sorted(op.key for op in OPERATIONS)


def test_every_operation_declares_a_permission_or_why_it_is_public() -> None:
    for op in OPERATIONS:
        assert (op.permission is None) == bool(op.public_reason), op.key
        assert (TABLE[op.key] == "public") == bool(op.public_reason), op.key


def filled(op: Operation) -> str:
    """Return the path with ids that nobody has."""
    path = op.path
    while "{" in path:
        start, _, rest = path.partition("{")
        name, _, rest = rest.partition("}")
        value = "a" * 64 if name == "sha256" else "kernel_audit" if name == "entity" else uuid4()
        path = f"{start}{value}{rest}"
    return path


async def ask(client: httpx.AsyncClient, op: Operation, headers: dict[str, str]) -> httpx.Response:
    body = {"json": {}} if op.method == "POST" else {}
    if op.path.startswith("/v1/uploads"):
        headers = {**headers, "Tus-Resumable": "1.0.0"}
    return await client.request(op.method, filled(op), headers=headers, **body)


async def test_without_a_sign_in_only_public_operations_answer(
    client: httpx.AsyncClient, world: World
) -> None:
    wrong = []
    for op in OPERATIONS:
        status = (await ask(client, op, {})).status_code
        if status >= 500 or (op.public_reason is None and status != 401):
            wrong.append((op.key, status))
    assert wrong == []


@pytest.mark.parametrize("letter", LETTERS)
async def test_org_02_each_role_gets_in_where_the_table_says_and_nowhere_else(
    client: httpx.AsyncClient, settings: Settings, world: World, letter: str
) -> None:
    headers = bearer(settings, world.actors[LETTERS[letter]])
    wrong = []
    for op in OPERATIONS:
        if op.public_reason is not None:
            continue
        answer = await ask(client, op, headers)
        got_in = answer.status_code not in {401, 403}
        if got_in != (letter in TABLE[op.key]) or answer.status_code >= 500:
            wrong.append((op.key, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("letter", LETTERS)
async def test_org_02_no_role_reaches_into_a_region_it_was_not_granted_in(
    client: httpx.AsyncClient, settings: Settings, world: World, letter: str
) -> None:
    headers = {**bearer(settings, world.actors[LETTERS[letter]]), "FieldOps-Region": "2"}
    let_in = []
    for op in OPERATIONS:
        if op.public_reason is None:
            answer = await ask(client, op, headers)
            if answer.status_code not in {401, 403}:
                let_in.append((op.key, answer.status_code))
    assert let_in == []
