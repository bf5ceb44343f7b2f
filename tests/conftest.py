"""Fixtures for all tests: the same shop in memory and in every database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from eldermall import Mall
from tests import databases, shop

settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("ci")


def pytest_configure(config: pytest.Config) -> None:
    databases.begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        databases.leave()
    else:
        databases.end()


@pytest.fixture
def time() -> shop.Time:
    return shop.Time()


@pytest.fixture(params=["memory", *databases.NAMES])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory:" if request.param == "memory" else databases.url_of(request.param, tmp_path)


@pytest.fixture
def mall(url: str, time: shop.Time) -> Iterator[Mall]:
    """A staffed mall, on every storage."""
    with shop.open_mall(url, time) as mall:
        shop.staff(mall)
        yield mall
