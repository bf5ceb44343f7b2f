"""Fixtures for all tests: the same shop in memory and in a file; marks for what needs a server."""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import eldermall
from eldermall import Mall
from tests import databases, shop

settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    max_examples=30 if shop.QUICK else 100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("ci")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "servers: needs a server: PostgreSQL, MariaDB or Redis")
    config.addinivalue_line("markers", "clause(id): proves this clause of the catalogue")
    databases.begin()


@pytest.hookimpl(trylast=True)  # once coverage is measured
def pytest_sessionstart(session: pytest.Session) -> None:
    """Load all of eldermall wherever tests run.

    Hypothesis tries constants of whatever code is loaded: a property would else be tried with other
    examples in a run of one test than in a run of all.
    """
    if session.config.getoption("numprocesses", None):
        return  # they run in the workers
    for found in pkgutil.walk_packages(eldermall.__path__, "eldermall."):
        if "migrations" not in found.name and not found.name.endswith("__main__"):
            importlib.import_module(found.name)


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


@pytest.fixture(autouse="ELDERMALL_TEST_COLLECT" in os.environ)
def collected() -> Iterator[None]:
    """Collect garbage after the test, so that what it has left open fails it and no later one."""
    if gc.get_freeze_count() == 0:
        gc.freeze()  # what was there before the first test needn't be looked at each time
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
