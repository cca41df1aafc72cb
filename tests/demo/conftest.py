from datetime import date

import pytest

from fieldops.demo.city import City, build_city

START = date(2026, 11, 23)


@pytest.fixture(scope="session")
def city() -> City:
    return build_city(7, START)
