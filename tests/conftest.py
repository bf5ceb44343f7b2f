"""Fixtures for all tests: the same shop in memory and in a file; marks for what needs a server."""

from __future__ import annotations

import gc
import os
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
    config.addinivalue_line("markers", "servers: needs a server: PostgreSQL, MariaDB or Redis")
    databases.begin()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what has a server's name for a parameter, or for a part of one."""
    given = getattr(getattr(item, "callspec", None), "params", {}).values()
    parts = [part for value in given for part in (value if isinstance(value, tuple) else (value,))]
    if any(part == server for part in parts for server in databases.SERVERS):
        item.add_marker("servers")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    databases.allowed = item.get_closest_marker("servers") is not None


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        databases.leave()
    else:
        databases.end()


@pytest.fixture(autouse=os.environ.get("ELDERMALL_TEST_COLLECT") is not None)
def collected() -> Iterator[None]:
    """Collect garbage after the test, so that what it has left open fails it and no later one."""
    yield
    gc.collect()


@pytest.fixture
def time() -> shop.Time:
    return shop.Time()


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A storage without rows, of each kind that a command can tell apart.

    A module that is about storages has its own ``url``, rules have one in memory.
    """
    return databases.url_of(request.param, tmp_path)


@pytest.fixture
def mall(url: str, time: shop.Time) -> Iterator[Mall]:
    """A staffed mall."""
    with shop.open_mall(url, time) as mall:
        shop.staff(mall)
        yield mall
