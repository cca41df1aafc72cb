"""The ground of the simulations, one for each worker."""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from tests.simulation.ground import Ground, prepared


@pytest.fixture(scope="session")
async def ground(template: str) -> AsyncIterator[Ground]:
    async with prepared(template) as made:
        yield made


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)
