"""The ground of the simulations, one for each worker."""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from tests.simulation.ground import Grounds, both


@pytest.fixture(scope="session")
async def grounds(template: str) -> AsyncIterator[Grounds]:
    async with both(template) as made:
        yield made


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    before = structlog.get_config()
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # connections end on purpose
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    logging.getLogger("psycopg").setLevel(logging.NOTSET)
    structlog.configure(**before)
