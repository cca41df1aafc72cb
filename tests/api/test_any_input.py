"""Schemathesis drives every operation of the document: whatever comes in, no 5xx goes out."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.openapi import from_dict

from api.documents import create_app
from fieldops.kernel.actor import Actor
from fieldops.kernel.permissions import Role
from fieldops.kernel.settings import Settings
from fieldops.organisation.models import Person, RoleGrant
from tests.support import clients, databases, servers
from tests.support.world import FIRM, NORTH, build_world, id_of

load_all_checks()
SCHEMA = from_dict(create_app(Settings(secret="x" * 40)).openapi())
EVERYONE = id_of("everyone")
UNITS = {Role.CONTRACTOR_MANAGER: FIRM, Role.ADMINISTRATOR: id_of("helsinki")}
EXAMPLES = 6
CLOSED = {"/v1/sign-in", "/v1/sign-in/renew", "/v1/indicator-months/{month}/close"}
"""Signing in, and what only who supervises a whole region does: everybody here is of a centre."""


@schemathesis.serializer(
    "application/offset+octet-stream",
    "application/x-ndjson",
    "application/geo+json",
    "application/geopackage+sqlite3",
)
def plain_bytes(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """Send what was generated for a body that is no JSON as its bytes."""
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(scope="module")
def everyone_at(template: str) -> Iterator[tuple[str, Settings]]:
    """A served world with an account that holds every role."""
    name = databases.clone(template)
    changed = databases.settings_for(name)

    async def fill() -> None:
        database = databases.connect(changed)
        await build_world(database)
        async with database.transaction() as session:
            session.add(
                Person(id=EVERYONE, email="everyone@fieldops.example", name="E", home_region=1)
            )
            await session.flush()
            for role in Role:
                unit = UNITS.get(role, NORTH)
                session.add(RoleGrant(person_id=EVERYONE, unit_id=unit, role=role.value))
        await database.close()

    asyncio.run(fill())
    with servers.serving(changed) as url:
        yield url, changed
    databases.drop(name)


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_no_input_brings_the_service_down(
    case: schemathesis.Case, everyone_at: tuple[str, Settings]
) -> None:
    url, changed = everyone_at
    headers = clients.bearer(changed, Actor(EVERYONE, 1))
    response = case.call(base_url=url, headers=headers)
    sent = response.request.headers
    if "Authorization" in sent and "FieldOps-Region" not in sent and case.path not in CLOSED:
        # Otherwise the operations would be tried from outside their door only.
        assert response.status_code not in {401, 403}, response.text
    if response.status_code == 500 and response.json()["code"] == "mutation_gap":
        return  # Replicache's contract asks for this status
    checks = CHECKS.get_by_names(
        ["not_a_server_error", "response_schema_conformance", "content_type_conformance"]
    )
    case.validate_response(response, checks=checks)
