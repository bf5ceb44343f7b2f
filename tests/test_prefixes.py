"""Prefixes of tables: two that differ in case only are apart, or the second is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from eldermall import SchemaError
from eldermall.adapters.storage.sql.storage import SqlStorage
from eldermall.testing.storage.rows import KINDS, everything, fill
from tests import databases
from tests.test_migrations import new_database

FIRST = "Shop_"
OTHERS = ("shop_", "SHOP_")
APART = "postgresql", "mariadb"
FOLDING = "mariadb with folded names"
WAYS: tuple[Callable[[SqlStorage], object], ...] = (
    lambda storage: storage.open(KINDS),
    lambda storage: storage.open(KINDS, make=False),
    lambda storage: storage.upgrade(KINDS),
    lambda storage: storage.version(),
)


@pytest.fixture(scope="module")
def folding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A MariaDB that keeps the names of tables in small letters, as on Windows."""
    databases.ask_for("mariadb")
    url, pid = databases.start_mariadb(
        tmp_path_factory.mktemp("folding"), "--lower-case-table-names=1"
    )
    yield url
    databases.stop(pid)


@pytest.fixture(params=[*databases.NAMES, pytest.param(FOLDING, marks=pytest.mark.servers)])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if name != FOLDING:
        return new_database(name, tmp_path, "prefixes")
    at = request.getfixturevalue("folding")
    with databases.engine_at(at) as engine, engine.begin() as c:
        c.execute(text("CREATE OR REPLACE DATABASE prefixes"))
    return make_url(at).set(database="prefixes").render_as_string(hide_password=False)


def test_prefixes_that_differ_in_case_only_never_share_tables(name: str, url: str) -> None:
    with closing(SqlStorage(url, prefix=FIRST)) as first:
        first.open(KINDS)
        with first.write("main") as tx:
            fill(tx)
            filled = everything(tx)
        for prefix in OTHERS:
            with closing(SqlStorage(url, prefix=prefix)) as other:
                if name in APART:
                    other.open(KINDS)
                    with other.write("main") as tx:
                        assert not any(everything(tx).values())
                        fill(tx, prefix)
                    continue
                for way in WAYS:
                    with pytest.raises(SchemaError) as raised:
                        way(other)
                    for said in (raised.value.text.en, raised.value.text.zh):
                        assert prefix in said
                        assert FIRST in said
        first.open(KINDS, make=False)
        with first.read("main") as tx:
            assert everything(tx) == filled
